"""Which database the settings mean."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing, contextmanager

from walkaround.settings import Settings
from walkaround.store.database import Database


def database_of(settings: Settings) -> Database:
    """The database that the settings name, or SQLite in the data folder; nothing is opened yet.

    Raises:
        InputError: it is of no kind that walkaround can use.
    """
    return Database(settings.database or f"sqlite:///{settings.data / 'walkaround.sqlite'}")


@contextmanager
def opened_database(settings: Settings) -> Iterator[Database]:
    """The database that the settings name, with the tables of this version, for as long as a command works with it.

    Raises:
        InputError: it is of no kind that walkaround can use, or of a newer version.
        StorageError: the folder of the SQLite file cannot be made.
        UnavailableError: the database does not answer.
    """
    with closing(database_of(settings)) as database:
        database.migrate()
        yield database
