"""The database: SQLite in the data folder, or PostgreSQL by URL. One door for every transaction."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import Lock
from time import monotonic, sleep
from typing import Any

from sqlalchemy import URL, Connection, Engine, create_engine, event, make_url
from sqlalchemy.exc import DBAPIError, InterfaceError, OperationalError, SQLAlchemyError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError
from sqlalchemy.orm import Session, sessionmaker

from walkaround.errors import InputError, MissingExtraError, UnavailableError, writing
from walkaround.store.migrate import bring_up_to_date

_BUSY_SECONDS = 20.0
_ASK_AGAIN = 0.01
_CONNECTIONS = 48
_RETRY_AFTER = 5
_POSTGRES = {"connect_timeout": 5, "keepalives_idle": 10, "tcp_user_timeout": 10_000, "prepare_threshold": None}
"""A server that vanished without a word is given up after ten seconds, not after the kernel's quarter of an hour; and every
query is planned for its own values, because a search for a part of a name is quick or slow by what is searched for."""

_READING = "walkaround_reading"
_PASSING = {
    sqlite3.SQLITE_BUSY: "The database is busy",
    sqlite3.SQLITE_LOCKED: "The database is busy",
    sqlite3.SQLITE_FULL: "The disk of the database is full",
    sqlite3.SQLITE_IOERR: "The disk of the database does not answer",
    sqlite3.SQLITE_CANTOPEN: "The file of the database cannot be opened",
    sqlite3.SQLITE_READONLY: "The file of the database cannot be written",
}
"""What SQLite may say of a sound program: an operator or time can mend it."""


class Database:
    """A pool of connections. Thread-safe; every transaction is short."""

    def __init__(self, url: str) -> None:
        """Open a database; nothing is read or written before the first transaction.

        Args:
            url: such as sqlite:////data/walkaround.sqlite or postgresql://user:password@host/name.

        Raises:
            InputError: the URL is of no database that walkaround can use.
            MissingExtraError: it is of PostgreSQL, whose driver is not installed.
        """
        self.url = _checked(url)
        self.engine = _engine(self.url)
        self._sessions = sessionmaker(self.engine, expire_on_commit=False)
        reader = self.engine.execution_options(postgresql_readonly=True, **{_READING: True})
        self._readers = sessionmaker(reader, expire_on_commit=False, autoflush=False)
        # SQLite lets waiting writers poll, and some starve; within one process they can simply queue.
        self._writer = Lock() if self.url.get_backend_name() == "sqlite" else None

    def migrate(self) -> None:
        """Bring the tables to the present version, from whatever older one, or from nothing.

        Raises:
            InputError: the database was made by a newer walkaround.
            StorageError: the folder of the SQLite file cannot be made.
            UnavailableError: the database does not answer.
        """
        if self._writer and self.url.database:
            with writing(self.url.database):
                Path(self.url.database).parent.mkdir(parents=True, exist_ok=True)
        with (
            _answering(),
            self._turn(),
            self.engine.connect() as connection,
            _references_apart(connection),
            connection.begin(),
        ):
            bring_up_to_date(connection)

    @contextmanager
    def transaction(self) -> Iterator[Session]:
        """A session whose changes are all committed at the end, or none when anything is raised.

        Transactions of one thread must not be nested: SQLite has one writer.

        Raises:
            UnavailableError: the database does not answer.
        """
        with _answering(), self._turn(), self._sessions.begin() as session:
            yield session

    @contextmanager
    def reading(self) -> Iterator[Session]:
        """A session that only reads: it waits for no writer, and sees one state of the database on SQLite.

        Raises:
            UnavailableError: the database does not answer.
        """
        with _answering(), self._readers.begin() as session:
            yield session

    def close(self) -> None:
        """Close all connections."""
        self.engine.dispose()

    @contextmanager
    def _turn(self) -> Iterator[None]:
        if self._writer is None:
            yield
        elif self._writer.acquire(timeout=_BUSY_SECONDS):
            try:
                yield
            finally:
                self._writer.release()
        else:
            raise UnavailableError(_told("The database is busy"), retry_after=_RETRY_AFTER)


def _checked(url: str) -> URL:
    try:
        made = make_url(url)
    except SQLAlchemyError as problem:
        raise InputError(
            "That is no database URL: give sqlite:////FOLDER/FILE or postgresql://USER:PASSWORD@HOST/NAME."
        ) from problem
    if made.get_backend_name() == "postgresql":
        return made.set(drivername="postgresql+psycopg")
    if made.get_backend_name() != "sqlite":
        raise InputError(
            f"walkaround keeps its data in SQLite or PostgreSQL, not in {made.get_backend_name()!r}: give its database URL."
        )
    if made.database in (None, "", ":memory:"):
        raise InputError("A database in memory forgets what was accepted: give the URL of a file, sqlite:////FOLDER/FILE.")
    return made.set(drivername="sqlite")


def _engine(url: URL) -> Engine:
    options: dict[str, Any] = {"pool_size": 8, "max_overflow": _CONNECTIONS - 8, "pool_timeout": _BUSY_SECONDS}
    if url.get_backend_name() == "sqlite":
        engine = create_engine(url.update_query_dict({"timeout": str(_BUSY_SECONDS), **url.query}), **options)
        event.listen(engine, "connect", _prepare_sqlite)
        event.listen(engine, "begin", _begin_sqlite)
        return engine
    try:
        return create_engine(url, connect_args=_POSTGRES, pool_pre_ping=True, **options)
    except ModuleNotFoundError as problem:
        raise MissingExtraError(
            "PostgreSQL needs its driver, which is not installed: pip install 'walkaround[postgres]'."
        ) from problem


def _prepare_sqlite(connection: sqlite3.Connection, _: object) -> None:
    connection.isolation_level = None  # SQLAlchemy's BEGIN is the one that counts
    _log_ahead(connection)
    for line in ("synchronous=FULL", "foreign_keys=ON"):
        connection.execute(f"PRAGMA {line}")


def _log_ahead(connection: sqlite3.Connection) -> None:
    """Have the file keep a write-ahead log, which its first connection decides for good.

    Where several are the first at once, SQLite tells all but one of them that the file is locked, at once and whatever
    the timeout: they hold it for reading and would wait for each other. So this one lets go and asks again.
    """
    until = monotonic() + _BUSY_SECONDS
    while True:
        try:
            connection.execute("PRAGMA journal_mode=WAL")
        except sqlite3.OperationalError as problem:
            if problem.sqlite_errorcode & 0xFF != sqlite3.SQLITE_BUSY or monotonic() > until:
                raise
            sleep(_ASK_AGAIN)
        else:
            return


def _begin_sqlite(connection: Connection) -> None:
    # A transaction that reads first and writes later could not wait for another writer; one that begins as a writer can.
    reading = connection.get_execution_options().get(_READING, False)
    connection.exec_driver_sql(f"PRAGMA query_only = {int(reading)}")
    connection.exec_driver_sql("BEGIN" if reading else "BEGIN IMMEDIATE")


@contextmanager
def _references_apart(connection: Connection) -> Iterator[None]:
    """Have SQLite pass over references between tables: else one that others refer to could not be copied and replaced."""
    if connection.dialect.name != "sqlite":
        yield
        return
    direct = connection.connection.cursor()  # SQLAlchemy's own way would begin a transaction, in which this does nothing
    direct.execute("PRAGMA foreign_keys=OFF")
    try:
        yield
    finally:
        direct.execute("PRAGMA foreign_keys=ON")
        direct.close()


@contextmanager
def _answering() -> Iterator[None]:
    """Turn what a database says when it is away or busy into UnavailableError; a fault of the program stays what it is."""
    try:
        yield
    except PoolTimeoutError as problem:
        raise UnavailableError(_told("The database is busy"), retry_after=_RETRY_AFTER) from problem
    except DBAPIError as problem:
        reason = _reason(problem)
        if reason is None:
            raise
        raise UnavailableError(_told(reason), retry_after=_RETRY_AFTER) from problem


def _reason(problem: DBAPIError) -> str | None:
    if isinstance(problem.orig, sqlite3.Error):
        return _PASSING.get(getattr(problem.orig, "sqlite_errorcode", 0) & 0xFF)
    away = problem.connection_invalidated or isinstance(problem, OperationalError | InterfaceError)
    return "The database does not answer" if away else None


def _told(reason: str) -> str:
    return f"{reason}; nothing was changed; try again."
