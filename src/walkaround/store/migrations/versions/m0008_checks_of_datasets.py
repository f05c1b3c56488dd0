"""Checks of datasets with the entries they are about, entries that were taken out, and exports."""

from __future__ import annotations

import json

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None

_AT_ONCE = 5_000
_ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    """Take the step."""
    op.add_column("entries", sa.Column("name", sa.String(200)))
    _fill_names()
    _make_checks()
    op.create_table(
        "removals",
        sa.Column("id", _ID, primary_key=True),
        sa.Column("dataset_id", _ID, nullable=False),
        sa.Column("pictures", sa.Integer(), nullable=False),
        sa.Column("content", sa.LargeBinary(), nullable=False),
        sa.Column("created", sa.DateTime(), nullable=False),
        sqlite_autoincrement=True,
    )
    op.create_index("removals_of_dataset", "removals", ["dataset_id", "id"])
    op.create_table(
        "exports",
        sa.Column("id", _ID, primary_key=True),
        sa.Column("project_id", _ID, sa.ForeignKey("projects.id"), nullable=False),
        sa.Column("form", sa.String(16), nullable=False),
        sa.Column("options", sa.JSON(), nullable=False),
        sa.Column("status", sa.String(8), nullable=False),
        sa.Column("message", sa.Text(), nullable=False),
        sa.Column("report", sa.JSON()),
        sa.Column("created", sa.DateTime(), nullable=False),
        sa.Column("ended", sa.DateTime()),
        sqlite_autoincrement=True,
    )
    op.create_index("exports_of_project", "exports", ["project_id", "id"])


def _fill_names() -> None:
    """Some thousands at once: there may be millions."""
    entries = sa.table("entries", sa.column("id", _ID), sa.column("line", sa.Text), sa.column("name", sa.String))
    connection, last = op.get_bind(), 0
    while True:
        some = sa.select(entries.c.id, entries.c.line).where(entries.c.id > last).order_by(entries.c.id).limit(_AT_ONCE)
        rows = connection.execute(some).all()
        named = [{"number": number, "told": name} for number, line in rows if (name := _name(line)) is not None]
        if named:
            change = sa.update(entries).where(entries.c.id == sa.bindparam("number")).values(name=sa.bindparam("told"))
            connection.execute(change, named)
        if len(rows) < _AT_ONCE:
            return
        last = rows[-1][0]


def _name(line: str) -> str | None:
    if "walkaround-name" not in line:
        return None
    try:
        name = json.loads(line).get("walkaround-name")
    except ValueError:
        return None
    return name[:200] if isinstance(name, str) and "\0" not in name else None


def _make_checks() -> None:
    op.create_table(
        "checks",
        sa.Column("id", _ID, primary_key=True),
        sa.Column("dataset_id", _ID, nullable=False),
        sa.Column("labels", sa.Boolean(), nullable=False),
        sa.Column("status", sa.String(8), nullable=False),
        sa.Column("message", sa.Text(), nullable=False),
        sa.Column("report", sa.JSON()),
        sa.Column("created", sa.DateTime(), nullable=False),
        sa.Column("ended", sa.DateTime()),
        sqlite_autoincrement=True,
    )
    op.create_index("checks_of_dataset", "checks", ["dataset_id", "id"])
    op.create_table(
        "check_flags",
        sa.Column("check_id", _ID, primary_key=True),
        sa.Column("entry_id", _ID, primary_key=True),
        sa.Column("kind", sa.String(24), primary_key=True),
        sa.Column("problem", sa.Integer(), nullable=False),
        sa.Column("label", sa.String(8)),
        sa.Column("settled", sa.Boolean(), nullable=False),
    )
    op.create_index("check_flags_by_kind", "check_flags", ["check_id", "kind", "entry_id"])
    op.create_table(
        "checked_entries",
        sa.Column("check_id", _ID, primary_key=True),
        sa.Column("entry_id", _ID, primary_key=True),
        sa.Column("doubt", sa.Integer(), nullable=False),
        sa.Column("suggests", sa.String(8), nullable=False),
        sa.Column("label", sa.String(8)),
    )
    op.create_index("checked_entries_by_doubt", "checked_entries", ["check_id", "doubt", "entry_id"])
