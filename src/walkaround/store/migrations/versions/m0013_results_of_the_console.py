"""What persons say of results, and pictures that are kept with them."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None

_ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    """Take the step."""
    op.add_column("results", sa.Column("verdict", sa.String(length=8), nullable=True))
    op.add_column("results", sa.Column("picture", sa.String(length=120), nullable=True))
    op.create_table(
        "result_reviews",
        sa.Column("id", _ID, nullable=False),
        sa.Column("result_id", _ID, nullable=False),
        sa.Column("label", sa.String(length=8), nullable=True),
        sa.Column("added_to", sa.String(length=8), nullable=True),
        sa.Column("note", sa.String(length=500), nullable=False),
        sa.Column("reviewer", sa.String(length=200), nullable=False),
        sa.Column("created", sa.DateTime(), nullable=False),
        sa.ForeignKeyConstraint(["result_id"], ["results.id"]),
        sa.PrimaryKeyConstraint("id"),
        sqlite_autoincrement=True,
    )
    op.create_index("result_reviews_in_order", "result_reviews", ["result_id", "id"])
    op.create_table(
        "result_pictures",
        sa.Column("name", sa.String(length=120), nullable=False),
        sa.Column("result_id", _ID, nullable=False),
        sa.PrimaryKeyConstraint("name"),
    )
