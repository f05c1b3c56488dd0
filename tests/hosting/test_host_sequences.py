"""Whatever is asked for in whatever order, what must always hold does; and what must not happen is refused with a reason."""

from __future__ import annotations

import json
import shutil
import tempfile
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule
from sqlalchemy import select

from walkaround.buckets.buckets import Buckets
from walkaround.errors import ConflictError, NotFoundError, QuotaError
from walkaround.hosting.host import Host
from walkaround.hosting.jobs.datasets.importing import UpdateDatasetWork
from walkaround.hosting.jobs.leases import Lease
from walkaround.hosting.jobs.work import Task
from walkaround.hosting.operations.datasets.entries import remove_entries
from walkaround.hosting.operations.models.models import remove_model
from walkaround.hosting.operations.projects import remove_left
from walkaround.hosting.owner import Owner
from walkaround.settings import Settings
from walkaround.store.database import Database
from walkaround.store.tables import Change, Dataset, Entry, Job, Model, now

OWNER = Owner("000000000000", "us-east-1")
OUTPUT = {"S3Location": {"Bucket": "photos"}}
KINDS = st.sampled_from(["train", "test"])
NAMES = st.sampled_from(["cars", "vans"])
PICTURES = st.lists(st.tuples(st.integers(0, 30), st.sampled_from(["normal", "anomaly", None])), min_size=1, max_size=40)
TEMPLATE: list[Path] = []


def changes(pictures: list[tuple[int, str | None]]) -> bytes:
    """Lines of a change; a picture numbered 30 is in another bucket, which makes all of it unfit."""
    lines = []
    for number, label in pictures:
        line: dict[str, Any] = {"source-ref": f"s3://{'elsewhere' if number == 30 else 'photos'}/{number}.jpg"}
        if label:
            line |= {"x": 1, "x-metadata": {"class-name": label}}
        lines.append(json.dumps(line))
    return "\n".join(lines).encode()


class Sequences(RuleBasedStateMachine):
    """Two projects, every operation that writes, and the jobs, in any order."""

    def __init__(self) -> None:
        super().__init__()
        self.folder = Path(tempfile.mkdtemp())
        shutil.copyfile(TEMPLATE[0], self.folder / "a.sqlite")
        self.database = Database(f"sqlite:///{self.folder / 'a.sqlite'}")
        self.settings = Settings(
            data=self.folder, projects_per_account=2, models_per_project=3, running_models=1, images_train=25
        )
        self.host = Host(self.settings)

    def teardown(self) -> None:
        self.database.close()
        shutil.rmtree(self.folder)

    def ask(self, operation: str, **members: Any) -> None:
        """Do it, or be told why not; both must leave a sound database."""
        try:
            with self.database.transaction() as session:
                getattr(self.host, operation)(session, OWNER, **members)
        except (ConflictError, NotFoundError, QuotaError) as refusal:
            self.refusal = refusal

    @initialize()
    def begin(self) -> None:
        self.ask("create_project", project_name="cars")
        self.ask("create_dataset", project_name="cars", dataset_type="train")
        self.ask("create_dataset", project_name="cars", dataset_type="test")

    @rule(project=NAMES, operation=st.sampled_from(["create_project", "delete_project"]))
    def projects(self, project: str, operation: str) -> None:
        self.ask(operation, project_name=project)

    @rule(project=NAMES, kind=KINDS, operation=st.sampled_from(["create_dataset", "delete_dataset"]))
    def datasets(self, project: str, kind: str, operation: str) -> None:
        self.ask(operation, project_name=project, dataset_type=kind)

    @rule(project=NAMES, kind=KINDS, pictures=PICTURES)
    def update(self, project: str, kind: str, pictures: list[tuple[int, str | None]]) -> None:
        self.ask("update_dataset_entries", project_name=project, dataset_type=kind, changes=changes(pictures))

    @rule(kind=KINDS)
    def fill(self, kind: str) -> None:
        pictures: list[tuple[int, str | None]] = [(number, "normal" if number < 12 else "anomaly") for number in range(24)]
        self.ask("update_dataset_entries", project_name="cars", dataset_type=kind, changes=changes(pictures))

    @rule(project=NAMES)
    def train(self, project: str) -> None:
        self.ask("create_model", project_name=project, output_config=OUTPUT)

    @rule(project=NAMES, operation=st.sampled_from(["start_model", "stop_model", "delete_model"]))
    def model(self, project: str, operation: str) -> None:
        members = {"min_inference_units": 1} if operation == "start_model" else {}
        self.ask(operation, project_name=project, model_version="latest", **members)

    @precondition(lambda self: self.due())
    @rule(data=st.data())
    def work(self, data: st.DataObject) -> None:
        """A job that is due, done as its worker does it, in any order and sometimes twice."""
        number, kind, subject = data.draw(st.sampled_from(self.due()))
        ended = {"train": "TRAINED", "host": "HOSTED", "unhost": "TRAINED"}
        task = Task(Lease(job_id=number, kind=kind, subject=subject, attempts=0), self.database, owner="")
        change = UpdateDatasetWork(self.database, Buckets({}), self.settings).run(task) if kind == "update_dataset" else None
        with self.database.transaction() as session:
            if change is not None:
                change.write(session)
            elif kind == "delete_dataset":
                remove_entries(session, subject, at_most=5)
            elif kind == "delete_model":
                remove_model(session, subject)
            elif kind == "delete_project":
                remove_left(session, subject)
            else:
                session.get_one(Model, subject).status = ended[kind]
            if kind not in ("update_dataset", "delete_dataset"):
                session.get_one(Job, number).ended = now()

    def due(self) -> list[tuple[int, str, int]]:
        with self.database.reading() as session:
            jobs = session.scalars(select(Job).where(Job.ended.is_(None)).order_by(Job.id))
            return [(job.id, job.kind, job.subject) for job in jobs]

    @invariant()
    def holds(self) -> None:
        with self.database.reading() as session:
            models = session.scalars(select(Model)).all()
            statuses = Counter(model.status for model in models)
            assert statuses["TRAINING"] <= self.settings.trainings_at_once
            assert statuses["HOSTED"] + statuses["STARTING_HOSTING"] + statuses["STOPPING_HOSTING"] <= 1
            due = self.due()
            for dataset in session.scalars(select(Dataset)):
                entries = session.scalars(select(Entry).filter_by(dataset_id=dataset.id)).all()
                pending = session.scalars(select(Change).filter_by(dataset_id=dataset.id)).all()
                if dataset.project_id is None:
                    assert any(kind == "delete_dataset" and subject == dataset.id for _, kind, subject in due)
                    continue
                labels = Counter(entry.label for entry in entries)
                assert (dataset.total, dataset.normal, dataset.anomaly) == (len(entries), labels["normal"], labels["anomaly"])
                assert dataset.total <= self.settings.images_train
                assert not any("elsewhere" in entry.source_ref for entry in entries) or dataset.bucket == "elsewhere"
                assert len(pending) == (dataset.status == "UPDATE_IN_PROGRESS")


@pytest.fixture(scope="module", autouse=True)
def template(tmp_path_factory: pytest.TempPathFactory) -> None:
    path = tmp_path_factory.mktemp("sequences") / "a.sqlite"
    database = Database(f"sqlite:///{path}")
    database.migrate()
    database.close()
    TEMPLATE[:] = [path]


Sequences.TestCase.settings = settings(
    max_examples=12, stateful_step_count=25, deadline=None, suppress_health_check=list(HealthCheck)
)
test_no_sequence_of_operations_breaks_what_must_hold = Sequences.TestCase
