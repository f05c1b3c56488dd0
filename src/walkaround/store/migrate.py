"""The way of a database from whatever version of its tables to the present one; the steps are in `migrations/versions`."""

from __future__ import annotations

from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.util import CommandError
from sqlalchemy import Connection, text

from walkaround.errors import InputError

_FOLDER = Path(__file__).parent / "migrations"
_LOCK = 0x77616C6B  # any number that nobody else uses


def bring_up_to_date(connection: Connection) -> None:
    """Take all steps that the database has not seen, in the caller's transaction: all or none.

    Two servers that start at once wait for each other.

    Raises:
        InputError: the database was made by a newer walkaround.
    """
    if connection.dialect.name == "postgresql":
        connection.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": _LOCK})
    try:
        command.upgrade(config_for(connection), "head")
    except CommandError as problem:
        raise InputError(
            f"The database cannot be brought up to date ({problem}): a newer walkaround made it; install that version."
        ) from problem


def config_for(connection: Connection) -> Config:
    """Alembic's configuration: our folder of steps, and a connection in whose transaction they are taken."""
    config = Config()
    config.set_main_option("script_location", str(_FOLDER).replace("%", "%%"))
    config.set_main_option("path_separator", "os")
    config.attributes["connection"] = connection
    return config
