"""The first tables, and an index of the substrings of picture references where the database has one to offer."""

from __future__ import annotations

import logging

import sqlalchemy as sa
from alembic import op
from sqlalchemy.exc import DBAPIError

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

_ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
_FTS = """CREATE VIRTUAL TABLE entries_search
USING fts5(source_ref, content='entries', content_rowid='id', tokenize='trigram case_sensitive 1')"""
_FTS_INSERT = """CREATE TRIGGER entries_search_insert AFTER INSERT ON entries BEGIN
INSERT INTO entries_search(rowid, source_ref) VALUES (new.id, new.source_ref); END"""
_FTS_DELETE = """CREATE TRIGGER entries_search_delete AFTER DELETE ON entries BEGIN
INSERT INTO entries_search(entries_search, rowid, source_ref) VALUES ('delete', old.id, old.source_ref); END"""
_PG_TRGM = "CREATE EXTENSION IF NOT EXISTS pg_trgm"
_PG_INDEX = "CREATE INDEX entries_search ON entries USING gin (source_ref gin_trgm_ops)"

_logger = logging.getLogger(__name__)


def upgrade() -> None:
    """Take the step."""
    _create_datasets()
    _create_models()
    _create_findings()
    _create_service()
    _index_substrings()


def _create_datasets() -> None:
    op.create_table(
        "projects",
        sa.Column("id", _ID, nullable=False),
        sa.Column("account", sa.String(length=64), nullable=False),
        sa.Column("region", sa.String(length=64), nullable=False),
        sa.Column("name", sa.String(length=255), nullable=False),
        sa.Column("created", sa.DateTime(), nullable=False),
        sa.Column("last_version", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("account", "region", "name"),
    )
    op.create_table(
        "datasets",
        sa.Column("id", _ID, nullable=False),
        sa.Column("project_id", _ID, nullable=True),
        sa.Column("kind", sa.String(length=8), nullable=False),
        sa.Column("status", sa.String(length=40), nullable=False),
        sa.Column("message", sa.Text(), nullable=False),
        sa.Column("bucket", sa.String(length=63), nullable=True),
        sa.Column("source", sa.JSON(), nullable=True),
        sa.Column("total", sa.Integer(), nullable=False),
        sa.Column("normal", sa.Integer(), nullable=False),
        sa.Column("anomaly", sa.Integer(), nullable=False),
        sa.Column("created", sa.DateTime(), nullable=False),
        sa.Column("updated", sa.DateTime(), nullable=False),
        sa.ForeignKeyConstraint(["project_id"], ["projects.id"]),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("project_id", "kind"),
        sqlite_autoincrement=True,
    )
    op.create_table(
        "entries",
        sa.Column("id", _ID, nullable=False),
        sa.Column("dataset_id", _ID, nullable=False),
        sa.Column("source_ref", sa.String(length=1100), nullable=False),
        sa.Column("label", sa.String(length=8), nullable=True),
        sa.Column("line", sa.Text(), nullable=False),
        sa.Column("created", sa.DateTime(), nullable=False),
        sa.ForeignKeyConstraint(["dataset_id"], ["datasets.id"]),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("dataset_id", "source_ref"),
    )
    op.create_index("entries_by_label", "entries", ["dataset_id", "label", "id"])
    op.create_index("entries_by_time", "entries", ["dataset_id", "created", "id"])
    op.create_index("entries_in_order", "entries", ["dataset_id", "id"])
    op.create_table(
        "changes",
        sa.Column("id", _ID, nullable=False),
        sa.Column("dataset_id", _ID, nullable=False),
        sa.Column("content", sa.LargeBinary(), nullable=False),
        sa.Column("created", sa.DateTime(), nullable=False),
        sa.ForeignKeyConstraint(["dataset_id"], ["datasets.id"]),
        sa.PrimaryKeyConstraint("id"),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_changes_dataset_id", "changes", ["dataset_id"])


def _create_models() -> None:
    op.create_table(
        "models",
        sa.Column("id", _ID, nullable=False),
        sa.Column("project_id", _ID, nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("train_dataset_id", _ID, nullable=True),
        sa.Column("test_dataset_id", _ID, nullable=True),
        sa.Column("description", sa.String(length=500), nullable=True),
        sa.Column("status", sa.String(length=24), nullable=False),
        sa.Column("message", sa.Text(), nullable=False),
        sa.Column("created", sa.DateTime(), nullable=False),
        sa.Column("kms_key_id", sa.String(length=2048), nullable=True),
        sa.Column("output", sa.JSON(), nullable=False),
        sa.Column("evaluation_manifest", sa.JSON(), nullable=True),
        sa.Column("evaluation_result", sa.JSON(), nullable=True),
        sa.Column("evaluation_ended", sa.DateTime(), nullable=True),
        sa.Column("f1", sa.Double(), nullable=True),
        sa.Column("recall", sa.Double(), nullable=True),
        sa.Column("precision", sa.Double(), nullable=True),
        sa.Column("scores", sa.JSON(), nullable=True),
        sa.Column("package", sa.Text(), nullable=True),
        sa.Column("min_units", sa.Integer(), nullable=True),
        sa.Column("max_units", sa.Integer(), nullable=True),
        sa.ForeignKeyConstraint(["project_id"], ["projects.id"]),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("project_id", "version"),
        sqlite_autoincrement=True,
    )
    op.create_index("models_by_status", "models", ["status"])
    op.create_table(
        "tags",
        sa.Column("model_id", _ID, nullable=False),
        sa.Column("key", sa.String(length=128), nullable=False),
        sa.Column("value", sa.String(length=256), nullable=False),
        sa.ForeignKeyConstraint(["model_id"], ["models.id"]),
        sa.PrimaryKeyConstraint("model_id", "key"),
    )
    op.create_table(
        "packagings",
        sa.Column("id", _ID, nullable=False),
        sa.Column("project_id", _ID, nullable=False),
        sa.Column("name", sa.String(length=64), nullable=False),
        sa.Column("model_version", sa.String(length=10), nullable=False),
        sa.Column("component_name", sa.String(length=128), nullable=False),
        sa.Column("component_version", sa.String(length=20), nullable=False),
        sa.Column("configuration", sa.JSON(), nullable=False),
        sa.Column("description", sa.String(length=256), nullable=True),
        sa.Column("output", sa.JSON(), nullable=True),
        sa.Column("status", sa.String(length=16), nullable=False),
        sa.Column("message", sa.Text(), nullable=False),
        sa.Column("created", sa.DateTime(), nullable=False),
        sa.Column("updated", sa.DateTime(), nullable=False),
        sa.ForeignKeyConstraint(["project_id"], ["projects.id"]),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("project_id", "name"),
        sqlite_autoincrement=True,
    )
    op.create_index("packagings_by_component", "packagings", ["component_name", "component_version"])


def _create_findings() -> None:
    op.create_table(
        "trials",
        sa.Column("id", _ID, nullable=False),
        sa.Column("project_id", _ID, nullable=False),
        sa.Column("name", sa.String(length=64), nullable=False),
        sa.Column("model_version", sa.Integer(), nullable=False),
        sa.Column("status", sa.String(length=16), nullable=False),
        sa.Column("message", sa.Text(), nullable=False),
        sa.Column("created", sa.DateTime(), nullable=False),
        sa.ForeignKeyConstraint(["project_id"], ["projects.id"]),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("project_id", "name"),
        sqlite_autoincrement=True,
    )
    op.create_table(
        "trial_pictures",
        sa.Column("id", _ID, nullable=False),
        sa.Column("trial_id", _ID, nullable=False),
        sa.Column("source_ref", sa.String(length=1100), nullable=False),
        sa.Column("findings", sa.JSON(), nullable=True),
        sa.Column("error", sa.Text(), nullable=True),
        sa.Column("verified", sa.String(length=8), nullable=True),
        sa.Column("added", sa.Boolean(), nullable=False),
        sa.ForeignKeyConstraint(["trial_id"], ["trials.id"]),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("trial_id", "source_ref"),
    )
    op.create_index("trial_pictures_in_order", "trial_pictures", ["trial_id", "id"])
    op.create_table(
        "results",
        sa.Column("id", _ID, nullable=False),
        sa.Column("project_id", _ID, nullable=False),
        sa.Column("model_version", sa.Integer(), nullable=False),
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("anomalous", sa.Boolean(), nullable=False),
        sa.Column("confidence", sa.Double(), nullable=False),
        sa.Column("label", sa.String(length=255), nullable=False),
        sa.Column("findings", sa.JSON(), nullable=False),
        sa.Column("created", sa.DateTime(), nullable=False),
        sa.ForeignKeyConstraint(["project_id"], ["projects.id"]),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("results_by_label", "results", ["project_id", "label", "created", "id"])
    op.create_index("results_by_model", "results", ["project_id", "model_version", "created", "id"])
    op.create_index("results_by_project", "results", ["project_id", "created", "id"])
    op.create_index("results_by_verdict", "results", ["project_id", "anomalous", "created", "id"])


def _create_service() -> None:
    op.create_table(
        "jobs",
        sa.Column("id", _ID, nullable=False),
        sa.Column("kind", sa.String(length=32), nullable=False),
        sa.Column("subject", _ID, nullable=False),
        sa.Column("state", sa.String(length=8), nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("due", sa.DateTime(), nullable=False),
        sa.Column("leased_by", sa.String(length=64), nullable=True),
        sa.Column("leased_until", sa.DateTime(), nullable=True),
        sa.Column("cancelled", sa.Boolean(), nullable=False),
        sa.Column("progress", sa.JSON(), nullable=True),
        sa.Column("error", sa.Text(), nullable=True),
        sa.Column("created", sa.DateTime(), nullable=False),
        sa.Column("ended", sa.DateTime(), nullable=True),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("jobs_by_subject", "jobs", ["kind", "subject"])
    op.create_index("jobs_due", "jobs", ["state", "due"])
    op.create_table(
        "client_tokens",
        sa.Column("account", sa.String(length=64), nullable=False),
        sa.Column("region", sa.String(length=64), nullable=False),
        sa.Column("operation", sa.String(length=40), nullable=False),
        sa.Column("token", sa.String(length=64), nullable=False),
        sa.Column("digest", sa.String(length=64), nullable=False),
        sa.Column("reply", sa.Text(), nullable=False),
        sa.Column("created", sa.DateTime(), nullable=False),
        sa.PrimaryKeyConstraint("account", "region", "operation", "token"),
    )
    op.create_index("ix_client_tokens_created", "client_tokens", ["created"])
    op.create_table(
        "access_keys",
        sa.Column("id", sa.String(length=32), nullable=False),
        sa.Column("secret", sa.LargeBinary(), nullable=False),
        sa.Column("bearer", sa.String(length=64), nullable=False),
        sa.Column("account", sa.String(length=64), nullable=False),
        sa.Column("role", sa.String(length=8), nullable=False),
        sa.Column("note", sa.String(length=200), nullable=False),
        sa.Column("created", sa.DateTime(), nullable=False),
        sa.Column("revoked", sa.DateTime(), nullable=True),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("bearer"),
    )


def _index_substrings() -> None:
    connection = op.get_bind()
    sqlite = connection.dialect.name == "sqlite"
    statements = (_FTS, _FTS_INSERT, _FTS_DELETE) if sqlite else (_PG_TRGM, _PG_INDEX)
    try:
        with connection.begin_nested():
            for statement in statements:
                connection.execute(sa.text(statement))
    except DBAPIError as problem:  # SQLite without FTS5, or PostgreSQL without pg_trgm: searches look at every entry
        _logger.warning("Searches within picture references will be slow on large datasets: %s", problem.orig)
