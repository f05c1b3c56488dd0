"""Bulk inspection as users meet it: a command, drawn pictures, and a Ray cluster of two nodes on this machine."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, suppress
from dataclasses import dataclass, field
from io import BytesIO
from pathlib import Path
from threading import Event, Thread
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from fitted_models import CLASSES, fitted_package, smashed_cars
from walkaround.media.videos import Frame, write_video
from walkaround.models.package import Package


@pytest.fixture(scope="session", autouse=True)
def _ray() -> None:
    for module in ("ray", "pyarrow"):
        pytest.importorskip(module, reason=f"{module} is not installed: pip install 'walkaround[bulk]'")


@pytest.fixture(scope="session")
def cars() -> dict[str, list[NDArray[np.uint8]]]:
    """Four whole cars and four smashed ones, in the same views."""
    return smashed_cars(4)


@pytest.fixture(scope="session")
def package(cars: dict[str, list[NDArray[np.uint8]]], tmp_path_factory: pytest.TempPathFactory) -> Package:
    """A package that tells them apart."""
    return fitted_package(tmp_path_factory.mktemp("package") / "drawn", cars)


@pytest.fixture(scope="session")
def picture(cars: dict[str, list[NDArray[np.uint8]]]) -> Callable[[int], bytes]:
    """The bytes of a drawn picture by its number: even ones are whole cars, odd ones smashed."""

    def content(number: int) -> bytes:
        file = BytesIO()
        Image.fromarray(cars[CLASSES[number % 2]][number // 2 % 4]).save(file, "JPEG", quality=90)
        return file.getvalue()

    return content


@pytest.fixture(scope="session")
def video(cars: dict[str, list[NDArray[np.uint8]]], tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """Three whole cars and three smashed ones, half a second each."""
    path = tmp_path_factory.mktemp("clip") / "clip.mp4"
    scenes = [*cars["normal"][:3], *cars["smash"][:3]]
    write_video(path, [Frame(time=n / 10, pixels=scenes[n // 5]) for n in range(30)], frame_rate=10.0)
    return path.read_bytes()


@pytest.fixture
def yard(picture: Callable[[int], bytes], tmp_path: Path) -> Path:
    """Twelve pictures in a folder."""
    folder = tmp_path / "yard"
    folder.mkdir()
    for number in range(12):
        (folder / f"{number:02}.jpg").write_bytes(picture(number))
    return folder


@dataclass
class Runs:
    """Starts the command."""

    package: Path
    environment: dict[str, str] = field(default_factory=lambda: dict(os.environ))

    def start(self, source: object, target: object, *words: object) -> subprocess.Popen[str]:
        """Start it, and do not wait."""
        arguments = ["bulk", source, target, "--model", self.package, *words]
        return subprocess.Popen(
            [sys.executable, "-m", "walkaround", *map(str, arguments)],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env=self.environment,
            start_new_session=True,
        )

    def left(self, session: int) -> list[str]:
        """The processes that a run has left behind: Ray's own are of its session too."""
        listed = subprocess.run(["ps", "-o", "args=", "-s", str(session)], capture_output=True, text=True, check=False)
        return [line for line in listed.stdout.splitlines() if "<defunct>" not in line]

    def __call__(self, source: object, target: object, *words: object, code: int = 0) -> str:
        """Run it to its end; what it said."""
        process = self.start(source, target, *words)
        said, noise = process.communicate(timeout=300)
        assert process.returncode == code, noise
        assert said == ""
        assert self.left(process.pid) == []
        return noise


@pytest.fixture
def run(package: Package) -> Runs:
    """Runs `walkaround bulk` with the package of drawn cars."""
    return Runs(package.path)


@pytest.fixture(scope="session")
def rows_of() -> Callable[[Path], list[dict[str, Any]]]:
    """The rows of all Parquet files of an output, which must be those of the JSON lines."""
    import pyarrow.parquet as pq

    def read(folder: Path) -> list[dict[str, Any]]:
        rows = [row for path in sorted(folder.glob("part-*.parquet")) for row in pq.read_table(path).to_pylist()]
        lines = [json.loads(line) for path in sorted(folder.glob("part-*.jsonl")) for line in path.read_text().splitlines()]
        texts = ("probabilities", "spans")
        assert [{**row, **{name: json.loads(row[name] or "null") for name in texts}} for row in rows] == lines
        return lines

    return read


@pytest.fixture(scope="session")
def check_complete(rows_of: Callable[[Path], list[dict[str, Any]]]) -> Callable[[Path, list[str]], dict[str, Any]]:
    """Every key is there once, and the summary says so; gives the summary."""

    def check(folder: Path, keys: list[str]) -> dict[str, Any]:
        assert Counter(row["key"] for row in rows_of(folder)) == Counter(keys)
        summary: dict[str, Any] = json.loads((folder / "summary.json").read_text())
        assert summary["objects"] == len(keys) == summary["pictures"] + summary["videos"] + summary["failed"]
        return summary

    return check


CLUSTER = """
import os, sys
os.environ["RAY_USAGE_STATS_ENABLED"] = "0"
from ray.cluster_utils import Cluster
node = {"object_store_memory": 100 << 20, "include_dashboard": False}
cluster = Cluster(initialize_head=True, head_node_args={"num_cpus": 0, **node})
nodes = [cluster.add_node(num_cpus=1, **node) for _ in range(2)]
print(cluster.address, flush=True)
for line in sys.stdin:
    if line.strip() == "add":
        nodes.append(cluster.add_node(num_cpus=1, **node))
    else:
        cluster.remove_node(nodes.pop(), allow_graceful=False)
    print("done", flush=True)
cluster.shutdown()
"""


class RayCluster:
    """A Ray cluster on this machine: a head that does no work, and two nodes with one core each, at first."""

    def __init__(self) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-c", CLUSTER],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        )
        self.address = self._answer()

    def add_node(self) -> None:
        """One more."""
        self._tell("add")

    def lose_node(self) -> None:
        """The last one goes, with all that runs on it."""
        self._tell("lose")

    def stop(self) -> None:
        """All of it ends."""
        self._process.communicate(timeout=60)

    def _tell(self, what: str) -> None:
        assert self._process.stdin is not None
        self._process.stdin.write(f"{what}\n")
        self._process.stdin.flush()
        assert self._answer() == "done"

    def _answer(self) -> str:
        assert self._process.stdout is not None
        return self._process.stdout.readline().strip()


@pytest.fixture(scope="module")
def cluster() -> Iterator[RayCluster]:
    """A running Ray cluster."""
    cluster = RayCluster()
    yield cluster
    cluster.stop()


@pytest.fixture(scope="session")
def killing_readers_of() -> Callable[[Path], AbstractContextManager[set[int]]]:
    """While it lasts, a file kills every other process that opens it."""
    return _killing_readers_of


@contextmanager
def _killing_readers_of(path: Path) -> Iterator[set[int]]:
    """A file that kills every process but this one that opens it, as one does that a library cannot stand."""
    killed: set[int] = set()
    ended = Event()

    def watch() -> None:
        while not ended.wait(0.02):
            for pid in (int(one.name) for one in Path("/proc").glob("[0-9]*")):
                if pid != os.getpid() and any(target == str(path) for target in _open_files(Path("/proc", str(pid)))):
                    with suppress(ProcessLookupError):
                        os.kill(pid, signal.SIGKILL)
                    killed.add(pid)

    thread = Thread(target=watch)
    thread.start()
    try:
        yield killed
    finally:
        ended.set()
        thread.join()


def _open_files(process: Path) -> list[str]:
    """What a process has open."""
    try:
        return [str(link.readlink()) for link in (process / "fd").iterdir()]
    except OSError:  # it ended
        return []
