"""What a watch passes over in its folder."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0015"
down_revision = "0014"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Take the step."""
    op.add_column("watches", sa.Column("passed_over", sa.Text(), nullable=False, server_default=""))
