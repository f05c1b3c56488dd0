"""A host on an empty database, and short ways to datasets and models in whatever status a test needs."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select

from walkaround.buckets.buckets import buckets_of
from walkaround.hosting.host import Host
from walkaround.hosting.jobs.datasets.importing import dataset_work
from walkaround.hosting.jobs.leases import Lease
from walkaround.hosting.jobs.work import Outcome, Task
from walkaround.hosting.owner import Owner
from walkaround.settings import Settings
from walkaround.store.database import Database
from walkaround.store.tables import Dataset, Job, Model, Project

OUTPUT = {"S3Location": {"Bucket": "photos", "Prefix": ""}}


@dataclass(frozen=True, kw_only=True)
class Service:
    """The host, its database, and one caller. Calling it runs an operation in a transaction of its own."""

    database: Database
    host: Host
    settings: Settings
    owner: Owner

    def __call__(self, operation: str, **members: Any) -> Any:
        with self.database.transaction() as session:
            return getattr(self.host, operation)(session, self.owner, **members)

    def run(self, function: Callable[..., Any], *arguments: Any, **members: Any) -> Any:
        """Run a function that takes a session first, in a transaction of its own."""
        with self.database.transaction() as session:
            return function(session, *arguments, **members)

    def jobs(self) -> list[tuple[str, int]]:
        """The jobs that were left behind: kind and subject."""
        with self.database.reading() as session:
            return [(job.kind, job.subject) for job in session.scalars(select(Job).order_by(Job.id))]

    def fill(self, kind: str, *, normal: int, anomaly: int, project: str = "cars") -> None:
        """Make a dataset by a manifest, as its job does."""
        source = {"GroundTruthManifest": {"S3Object": {"Bucket": "photos", "Key": "m"}}}
        self("create_dataset", project_name=project, dataset_type=kind, dataset_source=source)
        lines = [line(f"{kind}/n{number}.jpg", "normal") for number in range(normal)]
        lines += [line(f"{kind}/a{number}.jpg", "anomaly") for number in range(anomaly)]
        self.create(*self.jobs()[-1], content="\n".join(lines).encode())

    def update(self, *lines: str, kind: str = "train", project: str = "cars") -> None:
        """Change a dataset, as the operation and its job do."""
        self("update_dataset_entries", project_name=project, dataset_type=kind, changes="\n".join(lines).encode())
        self.work(*self.jobs()[-1])

    def create(self, kind: str, subject: int, *, content: bytes) -> None:
        """Do the job that makes a dataset of a manifest with this content."""
        manifest = self.settings.data / "buckets" / "photos" / "m"
        manifest.parent.mkdir(parents=True, exist_ok=True)
        manifest.write_bytes(content)
        self.work(kind, subject)

    def work(self, kind: str, subject: int) -> None:
        """Do a job about a dataset."""
        self.run(self.outcome(kind, subject).write)

    def outcome(self, kind: str, subject: int) -> Outcome:
        """What comes of a job about a dataset, before it is written."""
        task = Task(Lease(job_id=0, kind=kind, subject=subject, attempts=0), self.database, owner="")
        return dataset_work(self.database, buckets_of(self.settings), self.settings)[kind].run(task)

    def put_model(self, status: str, *, version: int = 1) -> None:
        """Bring a model into a status, as jobs do."""
        with self.database.transaction() as session:
            model = session.scalars(select(Model).filter_by(version=version)).one()
            model.status, model.f1, model.recall, model.precision = status, 0.5, 0.6, 0.7

    def dataset(self, kind: str = "train") -> Any:
        """The description of a dataset."""
        return self("describe_dataset", project_name="cars", dataset_type=kind)["DatasetDescription"]

    def dataset_id(self, kind: str = "train", *, project: str = "cars") -> int:
        """The number of a dataset."""
        with self.database.reading() as session:
            return session.scalars(select(Dataset.id).join(Project).where(Dataset.kind == kind, Project.name == project)).one()


def line(key: str, label: str | None = None, *, bucket: str = "photos", name: str = "anomaly-label") -> str:
    """A line of a manifest."""
    members: dict[str, Any] = {"source-ref": f"s3://{bucket}/{key}"}
    if label is not None:
        members[name] = 0
        members[f"{name}-metadata"] = {
            "class-name": label,
            "type": "groundtruth/image-classification",
            "human-annotated": "yes",
        }
    return json.dumps(members)


@pytest.fixture
def make_line() -> Callable[..., str]:
    """Make a line of a manifest: make_line(key, label)."""
    return line


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    """Limits that tests can reach."""
    return Settings(
        data=tmp_path, projects_per_account=3, models_per_project=4, running_models=2, images_train=200, images_test=50
    )


@pytest.fixture
def service(database_url: str, settings: Settings) -> Iterator[Service]:
    """A host on SQLite and on PostgreSQL, with nothing stored."""
    database = Database(database_url)
    yield Service(database=database, host=Host(settings), settings=settings, owner=Owner("000000000000", "us-east-1"))
    database.close()


@pytest.fixture
def cars(service: Service) -> Service:
    """The same with a project `cars` whose one dataset is enough to train on."""
    service("create_project", project_name="cars")
    service.fill("train", normal=20, anomaly=10)
    return service


@pytest.fixture
def modelled(cars: Service) -> Service:
    """The same with a trained model."""
    cars("create_model", project_name="cars", output_config=OUTPUT)
    cars.put_model("TRAINED")
    return cars
