"""What Alembic runs to take steps: on the connection, and in the transaction, that `store/migrate.py` hands over."""

from __future__ import annotations

from alembic import context

from walkaround.store import checks, pipeline, reviews  # noqa: F401 - their tables are some of them
from walkaround.store.tables import Table

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=Table.metadata,
    render_as_batch=True,  # SQLite cannot alter a column in place
)
with context.begin_transaction():
    context.run_migrations()
