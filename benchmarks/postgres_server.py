"""A real PostgreSQL of one's own, Debian's: started, stopped, killed and started again."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import socket
import subprocess
import time
from itertools import count
from pathlib import Path

import psycopg

from served import below


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

    def kill(self) -> None:
        """Kill -9 all of its processes, as a power cut would."""
        if self._process is not None:
            for pid in (self._process.pid, *below(self._process.pid)):
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
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


def postgres_programs() -> Path | None:
    """The folder of the newest PostgreSQL that is installed."""
    found = shutil.which("initdb")
    debian = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"), key=lambda path: int(path.parts[-3]))
    return Path(found).parent if found else debian[-1].parent if debian else None
