"""How many servers in a row died with a job in work, and numbers of jobs that never come again on SQLite either.

A job that kills its server is given up in the end. The handle of a job that was forgotten must not open a later one.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Take the step."""
    sqlite = op.get_context().dialect.name == "sqlite"
    numbers = {"sqlite_autoincrement": True}  # an option of the table: it can be had by copying the table only
    with op.batch_alter_table("jobs", recreate="always" if sqlite else "never", table_kwargs=numbers) as jobs:
        jobs.add_column(sa.Column("deaths", sa.Integer(), nullable=False, server_default="0"))
