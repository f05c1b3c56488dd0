"""The index of substrings: names beside references, without positions, and upper and lower case alike.

SQLite's index had the places of all trigrams and none of the names. Without the places it is a third as large; whoever searches
looks at the rows anyway.
"""

from __future__ import annotations

import logging

import sqlalchemy as sa
from alembic import op
from sqlalchemy.exc import DBAPIError

revision = "0016"
down_revision = "0015"
branch_labels = None
depends_on = None

_SQLITE = (
    "DROP TRIGGER IF EXISTS entries_search_insert",
    "DROP TRIGGER IF EXISTS entries_search_delete",
    "DROP TABLE IF EXISTS entries_search",
    """CREATE VIRTUAL TABLE entries_search
USING fts5(source_ref, name, content='entries', content_rowid='id', tokenize='trigram', detail=none, columnsize=0)""",
    "INSERT INTO entries_search(entries_search) VALUES ('rebuild')",
    """CREATE TRIGGER entries_search_insert AFTER INSERT ON entries BEGIN
INSERT INTO entries_search(rowid, source_ref, name) VALUES (new.id, new.source_ref, new.name); END""",
    """CREATE TRIGGER entries_search_delete AFTER DELETE ON entries BEGIN
INSERT INTO entries_search(entries_search, rowid, source_ref, name) VALUES ('delete', old.id, old.source_ref, old.name);
END""",
    """CREATE TRIGGER entries_search_update AFTER UPDATE ON entries
WHEN old.source_ref IS NOT new.source_ref OR old.name IS NOT new.name BEGIN
INSERT INTO entries_search(entries_search, rowid, source_ref, name) VALUES ('delete', old.id, old.source_ref, old.name);
INSERT INTO entries_search(rowid, source_ref, name) VALUES (new.id, new.source_ref, new.name); END""",
)
_POSTGRESQL = (
    "CREATE EXTENSION IF NOT EXISTS pg_trgm",
    "CREATE INDEX IF NOT EXISTS entries_search ON entries USING gin (source_ref gin_trgm_ops)",
    "CREATE INDEX entries_search_names ON entries USING gin (name gin_trgm_ops) WHERE name IS NOT NULL",
)

_logger = logging.getLogger(__name__)


def upgrade() -> None:
    """Take the step."""
    connection = op.get_bind()
    sqlite = connection.dialect.name == "sqlite"
    try:
        with connection.begin_nested():
            for statement in _SQLITE if sqlite else _POSTGRESQL:
                connection.execute(sa.text(statement))
    except DBAPIError as problem:  # SQLite without FTS5, or a user of PostgreSQL who may not create pg_trgm
        what = "have SQLite with FTS5" if sqlite else "have an administrator run CREATE EXTENSION pg_trgm, and make the indexes"
        _logger.warning("Searches within names of pictures look at every entry (%s): %s.", str(problem.orig).strip(), what)
