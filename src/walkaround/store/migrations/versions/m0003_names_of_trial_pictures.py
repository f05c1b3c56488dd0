"""What a picture of a trial was uploaded as: its address tells only its content."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Take the step."""
    op.add_column("trial_pictures", sa.Column("name", sa.String(200)))
