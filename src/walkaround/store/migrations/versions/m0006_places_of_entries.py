"""What was drawn on the pictures of datasets, so that labels are counted without opening masks again."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Take the step."""
    op.add_column("entries", sa.Column("places", sa.JSON()))
