"""The number of an entry that was taken out never comes to stand for another: SQLite counts on, as PostgreSQL does."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0017"
down_revision = "0016"
branch_labels = None
depends_on = None

_ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
_COLUMNS = "id, dataset_id, source_ref, label, line, name, places, state, labelled_by, review, created"
_BESIDE = sa.text(
    "SELECT sql FROM sqlite_master WHERE tbl_name = 'entries' AND type IN ('index', 'trigger') AND sql IS NOT NULL"
)


def upgrade() -> None:
    """Take the step."""
    connection = op.get_bind()
    if connection.dialect.name != "sqlite":
        return
    beside = connection.scalars(_BESIDE).all()
    op.create_table(
        "entries_counted",
        sa.Column("id", _ID, nullable=False),
        sa.Column("dataset_id", _ID, nullable=False),
        sa.Column("source_ref", sa.String(length=1100), nullable=False),
        sa.Column("label", sa.String(length=8), nullable=True),
        sa.Column("line", sa.Text(), nullable=False),
        sa.Column("name", sa.String(length=200), nullable=True),
        sa.Column("places", sa.JSON(), nullable=True),
        sa.Column("state", sa.String(length=10), nullable=False, server_default="unlabelled"),
        sa.Column("labelled_by", sa.String(length=100), nullable=True),
        sa.Column("review", sa.JSON(), nullable=True),
        sa.Column("created", sa.DateTime(), nullable=False),
        sa.ForeignKeyConstraint(["dataset_id"], ["datasets.id"]),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("dataset_id", "source_ref"),
        sqlite_autoincrement=True,
    )
    for statement in (
        f"INSERT INTO entries_counted({_COLUMNS}) SELECT {_COLUMNS} FROM entries ORDER BY id",  # noqa: S608 - our own names
        "DROP TABLE entries",
        "ALTER TABLE entries_counted RENAME TO entries",
        *beside,  # they went with the table; the index of substrings goes by numbers, which stay
    ):
        connection.exec_driver_sql(statement)
