"""Which database the settings mean."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing, contextmanager

from walkaround.errors import InputError
from walkaround.settings import Settings
from walkaround.store.database import Database

_FILE = "walkaround.sqlite"


def database_of(settings: Settings) -> Database:
    """The database that the settings name, or SQLite in the data folder; nothing is opened yet.

    Raises:
        InputError: it is of no kind that walkaround can use.
    """
    return Database(settings.database or f"sqlite:///{settings.data / _FILE}")


def has_database(settings: Settings) -> bool:
    """Whether there is something to open: a database by URL, which nobody mistypes unnoticed, or SQLite's file."""
    return settings.database is not None or (settings.data / _FILE).is_file()


@contextmanager
def opened_database(settings: Settings, *, existing: bool = False) -> Iterator[Database]:
    """The database that the settings name, with the tables of this version, for as long as a command works with it.

    Args:
        settings: say which.
        existing: for commands that look for what is there: SQLite's file is not made, as the folder may be mistyped.

    Raises:
        InputError: it is of no kind that walkaround can use, of a newer version, or missing though it should exist.
        StorageError: the folder of the SQLite file cannot be made.
        UnavailableError: the database does not answer.
    """
    if existing and not has_database(settings):
        raise InputError(
            f"There is nothing of walkaround in the data folder {str(settings.data)!r} (no {_FILE}): correct --data or"
            " WALKAROUND_DATA; `walkaround serve`, `watch` and `keys make` make one."
        )
    with closing(database_of(settings)) as database:
        database.migrate()
        yield database
