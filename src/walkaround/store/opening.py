"""Which database the settings mean."""

from __future__ import annotations

from walkaround.settings import Settings
from walkaround.store.database import Database


def database_of(settings: Settings) -> Database:
    """The database that the settings name, or SQLite in the data folder; nothing is opened yet.

    Raises:
        InputError: it is of no kind that walkaround can use.
    """
    return Database(settings.database or f"sqlite:///{settings.data / 'walkaround.sqlite'}")
