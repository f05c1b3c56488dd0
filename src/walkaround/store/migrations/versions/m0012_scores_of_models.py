"""Thresholds that people adopted for models: the one that counts, and who chose which when."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Take the step."""
    op.add_column("models", sa.Column("threshold", sa.Double()))
    number = sa.BigInteger().with_variant(sa.Integer, "sqlite")
    op.create_table(
        "thresholds",
        sa.Column("id", number, primary_key=True),
        sa.Column("model_id", number, sa.ForeignKey("models.id"), nullable=False),
        sa.Column("threshold", sa.Double()),
        sa.Column("former", sa.Double()),
        sa.Column("chosen_by", sa.String(100), nullable=False),
        sa.Column("note", sa.String(500), nullable=False),
        sa.Column("created", sa.DateTime(), nullable=False),
    )
    op.create_index("thresholds_by_model", "thresholds", ["model_id", "id"])
