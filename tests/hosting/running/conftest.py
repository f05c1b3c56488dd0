"""Hosted models and jobs that really run: an event loop beside the test, drawn pictures in a bucket, a trained package."""

from __future__ import annotations

import asyncio
import json
import shutil
import sys
import threading
import time
from collections.abc import Callable, Coroutine, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from subprocess import PIPE, Popen
from typing import Any, TypeVar

import pytest
from sqlalchemy import select

from walkaround.buckets.buckets import Buckets, buckets_of
from walkaround.datasets.drawn.writing import write_drawn_dataset
from walkaround.hosting.host import Host
from walkaround.hosting.jobs.jobs import Jobs
from walkaround.hosting.owner import Owner
from walkaround.hosting.pool.hosted import Hosting
from walkaround.hosting.pool.pool import Pool
from walkaround.hosting.pool.scaling import UnitLimits
from walkaround.settings import Settings
from walkaround.store.database import Database
from walkaround.store.tables import Job, Model, Project
from walkaround.training.train import Trained

Given = TypeVar("Given")

OWNER = Owner("000000000000", "us-east-1")
BUCKET = "photos"


class Loop:
    """An event loop on a thread of its own, as the server has one."""

    def __init__(self) -> None:
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever)
        self._thread.start()

    def run(self, work: Coroutine[Any, Any, Given], *, timeout: float = 120.0) -> Given:
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(timeout)

    def close(self) -> None:
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()


@dataclass
class Running:
    """A service whose jobs are done. Calling it runs an operation."""

    settings: Settings
    loop: Loop
    database: Database
    buckets: Buckets
    owner: Owner = OWNER
    host: Host = field(init=False)
    pool: Pool = field(init=False)
    jobs: Jobs = field(init=False)

    def __post_init__(self) -> None:
        self.host = Host(self.settings)
        self.start()

    def __call__(self, operation: str, **members: Any) -> Any:
        with self.database.transaction() as session:
            reply = getattr(self.host, operation)(session, OWNER, **members)
        self.jobs.wake()
        return reply

    def start(self) -> None:
        self.pool = Pool(self.database, self.settings)
        self.loop.run(self.pool.start())
        self.jobs = Jobs(self.database, self.buckets, self.settings, self.pool)
        self.jobs.start()

    def stop(self) -> None:
        self.jobs.stop()
        self.loop.run(self.pool.stop())

    def detect(self, picture: bytes, *, version: str = "1", content_type: str = "image/jpeg", heat: bool = False) -> Any:
        return self.loop.run(self.pool.detect(OWNER, "cars", version, picture, content_type, heat=heat)).findings

    def job(self, kind: str) -> Job:
        """The newest job of a kind."""
        with self.database.reading() as session:
            job = session.scalars(select(Job).filter_by(kind=kind).order_by(Job.id.desc()).limit(1)).one()
            session.expunge(job)
        return job

    def wait(self, kind: str, *, seconds: float = 300.0) -> Job:
        """The newest job of a kind, when it has ended."""
        return self.until(lambda: self.job(kind), lambda job: job.state in ("done", "failed"), seconds=seconds)

    def until(self, look: Callable[[], Given], good: Callable[[Given], bool], *, seconds: float = 120.0) -> Given:
        deadline = time.monotonic() + seconds
        while not good(seen := look()):
            assert time.monotonic() < deadline, f"still {vars(seen) if hasattr(seen, '__dict__') else seen}"
            time.sleep(0.05)
        return seen

    def dataset(self, kind: str, names: dict[str, list[str]]) -> Any:
        """Make a dataset of keys in the bucket by label, and wait for its job."""
        lines = [manifest_line(key, label) for label, keys in names.items() for key in keys]
        self.buckets.write(BUCKET, f"{kind}.manifest", "\n".join(lines).encode())
        source = {"GroundTruthManifest": {"S3Object": {"Bucket": BUCKET, "Key": f"{kind}.manifest"}}}
        self("create_dataset", project_name="cars", dataset_type=kind, dataset_source=source)
        self.wait("create_dataset")
        return self("describe_dataset", project_name="cars", dataset_type=kind)["DatasetDescription"]

    def model(self, version: str = "1") -> Any:
        return self("describe_model", project_name="cars", model_version=version)["ModelDescription"]

    def put_model(self, package: Path, *, status: str = "TRAINED") -> None:
        """A model as a training leaves it, without the training."""
        with self.database.transaction() as session:
            self.host.create_project(session, OWNER, project_name="cars")
            project = session.scalars(select(Project.id)).one()
            folder = self.settings.data / "models" / "cars-1"
            shutil.copytree(package, folder)
            output = {"S3Location": {"Bucket": BUCKET, "Prefix": ""}}
            session.add(
                Model(project_id=project, version=1, status=status, output=output, package="models/cars-1", min_units=1)
            )


def manifest_line(key: str, label: str) -> str:
    metadata = {"class-name": label, "type": "groundtruth/image-classification", "human-annotated": "yes"}
    return json.dumps({"source-ref": f"s3://{BUCKET}/{key}", "auto-label": 7, "auto-label-metadata": metadata})


@pytest.fixture(scope="session")
def loop() -> Iterator[Loop]:
    made = Loop()
    yield made
    made.close()


@pytest.fixture(scope="session")
def package(trained: Trained) -> Path:
    return trained.package.path


@pytest.fixture(scope="session")
def pictures(drawn: Path) -> list[bytes]:
    return [path.read_bytes() for path in sorted((drawn / "test").rglob("*.jpg"))]


@pytest.fixture
def hosting(package: Path) -> Hosting:
    limits = UnitLimits(least=1, most=1, threads=1)
    return Hosting(
        model_id=1,
        account=OWNER.account,
        region=OWNER.region,
        project="cars",
        version=1,
        package=package,
        limits=limits,
        queue_per_unit=50,
    )


@pytest.fixture(scope="session")
def photos(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A bucket's folder: 20 whole cars in `normal`, 20 damaged ones in `anomaly`."""
    folder = tmp_path_factory.mktemp("photos")
    write_drawn_dataset(folder, pictures=40, seed=11)
    return folder


@pytest.fixture
def keys(photos: Path) -> dict[str, list[str]]:
    return {label: sorted(f"{label}/{path.name}" for path in (photos / label).iterdir()) for label in ("normal", "anomaly")}


@pytest.fixture(scope="session")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Features of pictures, kept for all tests."""
    return tmp_path_factory.mktemp("features")


@pytest.fixture(scope="session")
def serve(cache: Path, loop: Loop) -> Callable[..., Running]:
    """Run a service on SQLite with a data folder."""

    def start(data: Path, **changes: Any) -> Running:
        (data / "cache").symlink_to(cache)
        settings = Settings(data=data, threads_per_unit=1, **changes)
        database = Database(f"sqlite:///{data}/walkaround.sqlite")
        database.migrate()
        return Running(settings, loop, database, buckets_of(settings, environment={}))

    return start


@pytest.fixture
def running(tmp_path: Path, photos: Path, serve: Callable[..., Running]) -> Iterator[Running]:
    """A service whose bucket `photos` is a folder of drawn cars."""
    shutil.copytree(photos, tmp_path / "data" / "buckets" / BUCKET)
    made = serve(tmp_path / "data")
    yield made
    made.stop()
    made.database.close()


_SERVER = """
import asyncio, sys
from walkaround.buckets.buckets import buckets_of
from walkaround.hosting.jobs.jobs import Jobs
from walkaround.hosting.pool.pool import Pool
from walkaround.settings import Settings
from walkaround.store.database import Database

async def serve(settings):
    database = Database(f"sqlite:///{settings.data}/walkaround.sqlite")
    pool = Pool(database, settings)
    await pool.start()
    Jobs(database, buckets_of(settings, environment={}), settings, pool).start()
    print("ready", flush=True)
    while True:
        await asyncio.sleep(0.1)
        print(*pool.worker_pids(), flush=True)

asyncio.run(serve(Settings.model_validate_json(sys.argv[1])))
"""


@pytest.fixture
def server() -> Iterator[Callable[[Settings], Popen[str]]]:
    """Start pool and jobs in a process that a test can kill; it prints the workers' process ids again and again."""
    started: list[Popen[str]] = []

    def start(settings: Settings) -> Popen[str]:
        process = Popen([sys.executable, "-c", _SERVER, settings.model_dump_json()], stdout=PIPE, text=True)
        started.append(process)
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
        return process

    yield start
    for process in started:
        process.kill()
        process.communicate()
