"""The tables of the pipeline, and where a result came from."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

_ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    """Take the step."""
    _create_watches()
    _create_arrivals()
    _create_deliveries()
    _create_sums()
    with op.batch_alter_table("results") as results:
        results.add_column(sa.Column("arrival_id", _ID, nullable=True))
        results.add_column(sa.Column("watch_id", _ID, nullable=True))
        results.create_unique_constraint("results_by_arrival", ["arrival_id"])
    if op.get_bind().dialect.name == "postgresql":
        op.execute('ALTER TABLE results ALTER COLUMN source TYPE TEXT COLLATE "C"')  # an index then finds what begins alike
    op.create_index("results_by_source", "results", ["project_id", "source", "created", "id"])
    op.create_index("results_by_watch", "results", ["watch_id", "created", "id"])


def _create_watches() -> None:
    op.create_table(
        "watches",
        sa.Column("id", _ID, nullable=False),
        sa.Column("account", sa.String(length=64), nullable=False),
        sa.Column("region", sa.String(length=64), nullable=False),
        sa.Column("name", sa.String(length=64), nullable=False),
        sa.Column("spec", sa.JSON(), nullable=False),
        sa.Column("origin", sa.String(length=8), nullable=False),
        sa.Column("home", sa.String(length=32), nullable=False),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("created", sa.DateTime(), nullable=False),
        sa.Column("updated", sa.DateTime(), nullable=False),
        sa.Column("looked", sa.DateTime(), nullable=True),
        sa.Column("leased_by", sa.String(length=64), nullable=True),
        sa.Column("leased_until", sa.DateTime(), nullable=True),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("account", "region", "name"),
        sqlite_autoincrement=True,
    )
    op.create_table(
        "dead_events",
        sa.Column("id", _ID, nullable=False),
        sa.Column("watch_id", _ID, nullable=False),
        sa.Column("digest", sa.String(length=64), nullable=False),
        sa.Column("body", sa.Text(), nullable=False),
        sa.Column("error", sa.Text(), nullable=False),
        sa.Column("times", sa.Integer(), nullable=False),
        sa.Column("created", sa.DateTime(), nullable=False),
        sa.ForeignKeyConstraint(["watch_id"], ["watches.id"]),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("watch_id", "digest"),
        sqlite_autoincrement=True,
    )


def _create_arrivals() -> None:
    op.create_table(
        "arrivals",
        sa.Column("id", _ID, nullable=False),
        sa.Column("identity", sa.String(length=64), nullable=False),
        sa.Column("watch_id", _ID, nullable=False),
        sa.Column("project_id", _ID, nullable=False),
        sa.Column("model_version", sa.Integer(), nullable=False),
        sa.Column("bucket", sa.String(length=70), nullable=False),
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("version", sa.String(length=1024), nullable=True),
        sa.Column("etag", sa.String(length=1024), nullable=True),
        sa.Column("size", _ID, nullable=True),
        sa.Column("happened", sa.DateTime(), nullable=False),
        sa.Column("state", sa.String(length=8), nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("deaths", sa.Integer(), nullable=False),
        sa.Column("due", sa.DateTime(), nullable=False),
        sa.Column("leased_by", sa.String(length=64), nullable=True),
        sa.Column("leased_until", sa.DateTime(), nullable=True),
        sa.Column("error", sa.Text(), nullable=True),
        sa.Column("created", sa.DateTime(), nullable=False),
        sa.Column("ended", sa.DateTime(), nullable=True),
        sa.ForeignKeyConstraint(["watch_id"], ["watches.id"]),
        sa.ForeignKeyConstraint(["project_id"], ["projects.id"]),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("identity"),
        sqlite_autoincrement=True,
    )
    op.create_index("arrivals_due", "arrivals", ["state", "due", "id"])
    op.create_index("arrivals_leased", "arrivals", ["state", "leased_until"])
    op.create_index("arrivals_by_watch", "arrivals", ["watch_id", "state", "id"])
    op.create_index(op.f("ix_arrivals_project_id"), "arrivals", ["project_id"])


def _create_deliveries() -> None:
    op.create_table(
        "deliveries",
        sa.Column("id", _ID, nullable=False),
        sa.Column("result_id", _ID, nullable=False),
        sa.Column("watch_id", _ID, nullable=False),
        sa.Column("sink", sa.String(length=200), nullable=False),
        sa.Column("state", sa.String(length=8), nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("due", sa.DateTime(), nullable=False),
        sa.Column("leased_by", sa.String(length=64), nullable=True),
        sa.Column("leased_until", sa.DateTime(), nullable=True),
        sa.Column("error", sa.Text(), nullable=True),
        sa.Column("created", sa.DateTime(), nullable=False),
        sa.ForeignKeyConstraint(["result_id"], ["results.id"]),
        sa.ForeignKeyConstraint(["watch_id"], ["watches.id"]),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("result_id", "sink"),
        sqlite_autoincrement=True,
    )
    op.create_index("deliveries_due", "deliveries", ["state", "due", "id"])
    op.create_index("deliveries_leased", "deliveries", ["state", "leased_until"])
    op.create_index("deliveries_by_watch", "deliveries", ["watch_id", "state", "id"])
    op.create_index("deliveries_by_sink", "deliveries", ["watch_id", "sink", "state", "due", "id"])


def _create_sums() -> None:
    op.create_table(
        "totals",
        sa.Column("project_id", _ID, nullable=False),
        sa.Column("hour", sa.DateTime(), nullable=False),
        sa.Column("model_version", sa.Integer(), nullable=False),
        sa.Column("pictures", sa.Integer(), nullable=False),
        sa.Column("anomalies", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(["project_id"], ["projects.id"]),
        sa.PrimaryKeyConstraint("project_id", "hour", "model_version"),
    )
    op.create_table(
        "profile_counts",
        sa.Column("project_id", _ID, nullable=False),
        sa.Column("model_version", sa.Integer(), nullable=False),
        sa.Column("day", sa.DateTime(), nullable=False),
        sa.Column("measure", sa.String(length=32), nullable=False),
        sa.Column("bin", sa.Integer(), nullable=False),
        sa.Column("pictures", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(["project_id"], ["projects.id"]),
        sa.PrimaryKeyConstraint("project_id", "model_version", "day", "measure", "bin"),
    )
