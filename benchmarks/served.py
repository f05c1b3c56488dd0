"""A `walkaround serve` of one's own to drive: started, stopped, killed and started again."""

from __future__ import annotations

import contextlib
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple, TypeVar

REGION = "us-east-1"
T = TypeVar("T")

_GREETING = re.compile(r"answers at (http://\S+);")
_START_SECONDS = 300.0  # of a crowded machine
_STOP_SECONDS = 60.0


class Key(NamedTuple):
    """An access key of the service."""

    key_id: str
    secret: str
    bearer: str = ""


@dataclass(kw_only=True)
class Served:
    """One server on one data folder.

    Attributes:
        folder: of the server: data, log, and the home folder of its clients.
        buckets: bucket name to local folder.
        variables: further settings, by the name of their environment variable.
        client_variables: what the server's clients need besides the usual.
        disk_megabytes: of a disk of its own, in memory, for its data; it lasts as long as the process.
        url: where it answers, once it was started.
    """

    folder: Path
    buckets: Mapping[str, Path] = field(default_factory=dict)
    variables: dict[str, str] = field(default_factory=dict)
    client_variables: dict[str, str] = field(default_factory=dict)
    disk_megabytes: int | None = None
    url: str = ""
    _port: int = 0
    _process: subprocess.Popen[bytes] | None = None

    def __post_init__(self) -> None:
        """Make its folders and a key."""
        (self.folder / "home").mkdir(parents=True, exist_ok=True)
        self.key = self.make_key("manage")

    @property
    def data(self) -> Path:
        """The data folder."""
        return self.folder / "data"

    @property
    def log(self) -> Path:
        """What the server says."""
        return self.folder / "serve.log"

    def make_key(self, role: str, *more: str) -> Key:
        """Another access key: `walkaround keys make`."""
        said = self.walkaround("keys", "make", "--role", role, *more).splitlines()
        return Key(*[line.partition("=")[2] for line in said])

    def walkaround(self, *words: str) -> str:
        """What a command says that is given this server's data."""
        command = [sys.executable, "-m", "walkaround", *words, "--data", str(self.data)]
        return subprocess.run(command, env=self._environment(), capture_output=True, text=True, check=True).stdout

    def _environment(self) -> dict[str, str]:
        inherited = {name: os.environ[name] for name in ("PATH", "PYTHONPATH") if name in os.environ}  # the same code as here
        return {**inherited, "HOME": str(self.folder / "home"), **self.variables}

    @property
    def pid(self) -> int:
        """Of the server process itself."""
        assert self._process is not None
        return self._process.pid

    def start(self) -> None:
        """Start it and wait until it answers; a later start takes the same port."""
        command = [sys.executable, "-m", "walkaround", "serve", "--data", str(self.data), "--port", str(self._port)]
        for name, place in self.buckets.items():
            command += ["--bucket", f"{name}={place}"]
        if self.disk_megabytes is not None:
            command = self._on_small_disk(command)
        said = self.log.stat().st_size if self.log.exists() else 0
        with self.log.open("ab") as log:
            self._process = subprocess.Popen(command, stdout=log, stderr=log, env=self._environment())
        self.url = wait_for(lambda: self._greeted(said), what="the server's greeting", seconds=_START_SECONDS)
        self._port = int(self.url.rpartition(":")[2])

    def _on_small_disk(self, command: list[str]) -> list[str]:
        """The command in a namespace of its own, where the data folder is a small disk with what is in it now."""
        data, kept = self.data, self.folder / "kept"
        steps = [
            f"cp -a {data} {kept}",
            f"mount -t tmpfs -o size={self.disk_megabytes}m none {data}",
            f"cp -a {kept}/. {data}",
            'exec "$@"',
        ]
        return ["unshare", "--user", "--map-root-user", "--mount", "sh", "-ec", "\n".join(steps), "sh", *command]

    def _greeted(self, said: int) -> str | None:
        text = self.log.read_bytes()[said:].decode("utf-8", "replace")
        assert self._process is not None
        if self._process.poll() is not None:
            raise RuntimeError(f"The server ended with {self._process.returncode}:\n{text[-4000:]}")
        greeting = _GREETING.search(text)
        return greeting[1] if greeting else None

    def stop(self) -> int:
        """Ask it to end, and return its exit code."""
        assert self._process is not None
        self._process.send_signal(signal.SIGTERM)
        return self._process.wait(_STOP_SECONDS)

    def kill(self) -> None:
        """Kill -9 the server process, and nothing else."""
        assert self._process is not None
        self._process.kill()
        self._process.wait()

    def children(self) -> list[int]:
        """Process ids of its workers and trainings at the moment."""
        return sorted(below(self.pid)) if self._process is not None and self._process.poll() is None else []

    def variables_of_clients(self) -> dict[str, str]:
        """What an unmodified client needs to find this server, and nothing of the user's own configuration."""
        home = self.folder / "home"
        return {
            "PATH": os.environ["PATH"],
            "HOME": str(home),
            "AWS_CONFIG_FILE": str(home / "none"),
            "AWS_SHARED_CREDENTIALS_FILE": str(home / "none"),
            "AWS_EC2_METADATA_DISABLED": "true",
            "AWS_ACCESS_KEY_ID": self.key.key_id,
            "AWS_SECRET_ACCESS_KEY": self.key.secret,
            "AWS_REGION": REGION,
            "AWS_DEFAULT_REGION": REGION,
            "AWS_ENDPOINT_URL_LOOKOUTVISION": self.url,
            "AWS_ENDPOINT_URL_SAGEMAKER_RUNTIME": self.url,
            **self.client_variables,
        }


def below(pid: int) -> Iterator[int]:
    """Children of a process, and theirs, as /proc has them."""
    with contextlib.suppress(OSError):
        for task in Path(f"/proc/{pid}/task").iterdir():
            for child in (task / "children").read_text().split():
                yield int(child)
                yield from below(int(child))


def wait_for(find: Callable[[], T | None], *, what: str, seconds: float, pause: float = 0.05) -> T:
    """What `find` returns, as soon as that is something."""
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        found = find()
        if found:
            return found
        time.sleep(pause)
    raise TimeoutError(f"Waited {seconds:.0f} s for {what} in vain.")
