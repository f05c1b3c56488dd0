"""What a change of a dataset is to note on results whose pictures it adds: in the transaction that adds them, or not at all."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0018"
down_revision = "0017"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Take the step."""
    op.add_column("changes", sa.Column("results", sa.JSON()))
