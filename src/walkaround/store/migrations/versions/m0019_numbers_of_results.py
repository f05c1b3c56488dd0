"""The number of a result or a project that is gone never comes to stand for another: SQLite counts on, as PostgreSQL does.

A page that is still open, a picture in a browser's cache and a change that is to be noted name results by their numbers.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0019"
down_revision = "0018"
branch_labels = None
depends_on = None

_ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
_BESIDE = sa.text("SELECT sql FROM sqlite_master WHERE tbl_name = :name AND type IN ('index', 'trigger') AND sql IS NOT NULL")


def upgrade() -> None:
    """Take the step."""
    if op.get_bind().dialect.name == "sqlite":
        for name, parts in _tables().items():
            _count_on(name, parts)


def _count_on(name: str, parts: list[sa.Column[object] | sa.Constraint]) -> None:
    """Copy a table into one that counts on; rows of other tables refer to it by its name, and to the same numbers."""
    connection = op.get_bind()
    beside = connection.scalars(_BESIDE, {"name": name}).all()
    columns = ", ".join(part.name for part in parts if isinstance(part, sa.Column))
    op.create_table(f"{name}_counted", *parts, sqlite_autoincrement=True)
    for statement in (
        f"INSERT INTO {name}_counted({columns}) SELECT {columns} FROM {name} ORDER BY id",  # noqa: S608 - our own names
        f"DROP TABLE {name}",
        f"ALTER TABLE {name}_counted RENAME TO {name}",
        *beside,  # they went with the table
    ):
        connection.exec_driver_sql(statement)


def _tables() -> dict[str, list[sa.Column[object] | sa.Constraint]]:
    return {
        "projects": [
            sa.Column("id", _ID, nullable=False),
            sa.Column("account", sa.String(length=64), nullable=False),
            sa.Column("region", sa.String(length=64), nullable=False),
            sa.Column("name", sa.String(length=255), nullable=False),
            sa.Column("created", sa.DateTime(), nullable=False),
            sa.Column("last_version", sa.Integer(), nullable=False),
            sa.Column("classes", sa.JSON(), nullable=True),
            sa.PrimaryKeyConstraint("id"),
            sa.UniqueConstraint("account", "region", "name"),
        ],
        "results": [
            sa.Column("id", _ID, nullable=False),
            sa.Column("project_id", _ID, nullable=False),
            sa.Column("model_version", sa.Integer(), nullable=False),
            sa.Column("source", sa.Text(), nullable=False),
            sa.Column("anomalous", sa.Boolean(), nullable=False),
            sa.Column("confidence", sa.Double(), nullable=False),
            sa.Column("label", sa.String(length=255), nullable=False),
            sa.Column("findings", sa.JSON(), nullable=False),
            sa.Column("created", sa.DateTime(), nullable=False),
            sa.Column("arrival_id", _ID, nullable=True),
            sa.Column("watch_id", _ID, nullable=True),
            sa.Column("verdict", sa.String(length=8), nullable=True),
            sa.Column("picture", sa.String(length=120), nullable=True),
            sa.PrimaryKeyConstraint("id"),
            sa.UniqueConstraint("arrival_id", name="results_by_arrival"),
            sa.ForeignKeyConstraint(["project_id"], ["projects.id"]),
        ],
    }
