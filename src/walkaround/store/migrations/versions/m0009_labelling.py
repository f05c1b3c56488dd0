"""How far each picture is labelled and reviewed, by whom, and the classes that a project labels with."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Take the step."""
    op.add_column("projects", sa.Column("classes", sa.JSON()))
    op.add_column("entries", sa.Column("state", sa.String(10), nullable=False, server_default="unlabelled"))
    op.add_column("entries", sa.Column("labelled_by", sa.String(100)))
    op.add_column("entries", sa.Column("review", sa.JSON()))
    op.execute("UPDATE entries SET state = 'to_review' WHERE label IS NOT NULL")
    op.create_index("entries_by_state", "entries", ["dataset_id", "state", "id"])
