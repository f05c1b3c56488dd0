"""The job of a sample project: draws cars, makes a dataset of them, and has a model trained and started, each step once.

It looks at what there is, does the next step, and comes back later: so it goes on after a crash wherever it was.
"""

from __future__ import annotations

import hashlib
import json
import os
import secrets
import shutil
import subprocess
import sys
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from subprocess import TimeoutExpired

from sqlalchemy.orm import Session

from walkaround.buckets.buckets import Buckets
from walkaround.damage.kinds import ANOMALY, NORMAL
from walkaround.errors import ConflictError, QuotaError, UnavailableError, writing
from walkaround.hosting.jobs.work import LaterError, Outcome, Task, nothing
from walkaround.hosting.operations.datasets.datasets import create_dataset
from walkaround.hosting.operations.lines.label_lines import label_members
from walkaround.hosting.operations.lines.manifest_lines import NAME_KEY
from walkaround.hosting.operations.models.models import HOSTING, create_model, start_model
from walkaround.hosting.operations.own_buckets import managed_bucket
from walkaround.hosting.operations.samples import DRAWING, failure_of, sample_rows
from walkaround.hosting.owner import Owner
from walkaround.settings import Settings
from walkaround.store.database import Database
from walkaround.store.tables import Job, Project

DESCRIPTION = "Trained on drawn cars"
_SEED = 20_240_501
_LOOK_SECONDS, _BUSY_SECONDS = 0.5, 5.0
_DRAWING_SECONDS = 0.3


@dataclass(frozen=True)
class SampleWork:
    """Brings a sample project about, one step after the other."""

    database: Database
    buckets: Buckets
    settings: Settings

    def run(self, task: Task) -> Outcome:
        """Do the next step, and come back until the model answers."""
        with self.database.reading() as session:
            project = session.get(Project, task.subject)
            dataset, model = sample_rows(session, task.subject)
        if project is None or not project.account:  # deleted meanwhile
            return self._ended(task.subject)
        failure = failure_of(dataset, model)
        if failure is not None:
            return self._ended(task.subject, failure)
        owner = Owner(account=project.account, region=project.region)
        if model is None and dataset is None and project.last_version == 0:
            self._begin_dataset(task, owner, project.name)
        elif model is None and dataset is not None and dataset.status == "CREATE_COMPLETE":
            self._once(lambda session: self._train(session, owner, project.name))
        elif model is not None and model.status == "TRAINED":
            self._once(lambda session: self._start(session, owner, project.name))
        elif model is not None and model.status == "HOSTED":
            return self._ended(task.subject)
        elif model is None and (dataset is None or dataset.status != "CREATE_IN_PROGRESS"):
            return self._ended(task.subject, "The dataset or the model was changed or deleted by somebody before all was done.")
        elif model is not None and model.status not in ("TRAINING", *HOSTING):
            return self._ended(task.subject, f"The model is in status {model.status}.")
        raise LaterError(_LOOK_SECONDS)

    def give_up(self, subject: int, reason: str) -> Outcome:
        """Something went wrong too often."""
        return self._ended(subject, reason)

    def _ended(self, subject: int, error: str | None = None) -> Outcome:
        folder = self._folder(subject)
        return Outcome(write=nothing, error=error, after=lambda: shutil.rmtree(folder, ignore_errors=True))

    def _folder(self, subject: int) -> Path:
        return self.settings.data / "work" / f"sample-{subject}"

    def _once(self, act: Callable[[Session], object]) -> None:
        """Do a step in a transaction; one that cannot be done yet is done later, and one that was done is not done again.

        Raises:
            LaterError: others train or run as many models as may be.
        """
        try:
            with self.database.transaction() as session:
                act(session)
        except QuotaError as problem:
            if problem.quota_code == "trainings_at_once":
                raise LaterError(_BUSY_SECONDS) from problem
            raise
        except ConflictError:  # somebody else was faster; the next look tells
            return

    def _train(self, session: Session, owner: Owner, project: str) -> None:
        place = {"S3Location": {"Bucket": managed_bucket(owner.account), "Prefix": f"evaluation/{project}/"}}
        details = {"Description": DESCRIPTION}
        create_model(session, owner, project_name=project, output_config=place, settings=self.settings, details=details)

    def _start(self, session: Session, owner: Owner, project: str) -> None:
        start_model(session, owner, project_name=project, model_version="1", units=(1, None), settings=self.settings)

    def _begin_dataset(self, task: Task, owner: Owner, project: str) -> None:
        """Draw the cars, keep them as uploads are kept, and have a dataset made of them."""
        with self.database.reading() as session:
            job = session.get_one(Job, task.lease.job_id)
            pictures = int((job.progress or {})["of"])
        cars = self._drawn(task, pictures)
        bucket = managed_bucket(owner.account)
        with writing(self.settings.data / "buckets" / bucket):
            (self.settings.data / "buckets" / bucket).mkdir(parents=True, exist_ok=True)
        lines = []
        for path in cars:
            content = path.read_bytes()
            digest = hashlib.sha256(content).hexdigest()
            key = f"pictures/{digest[:2]}/{digest}.jpg"
            self.buckets.write(bucket, key, content)
            label = path.parent.name
            lines.append({"source-ref": f"s3://{bucket}/{key}", NAME_KEY: path.name, **label_members(label)})
        manifest = "".join(json.dumps(line) + "\n" for line in lines).encode()
        key = f"samples/{task.subject}.manifest"
        self.buckets.write(bucket, key, manifest)
        source = {"GroundTruthManifest": {"S3Object": {"Bucket": bucket, "Key": key}}}
        self._once(
            lambda session: create_dataset(session, owner, project_name=project, dataset_type="train", dataset_source=source)
        )

    def _drawn(self, task: Task, pictures: int) -> list[Path]:
        """The drawn cars, in folders by label; those of an attempt that was cut off are drawn again.

        Raises:
            UnavailableError: the process that draws them ended before its time.
            InterruptedJobError: the server is stopping.
        """
        folder = self._folder(task.subject)
        cars = folder / "cars"
        if not cars.is_dir():
            part = folder / f"part-{secrets.token_hex(4)}"
            with writing(folder):
                shutil.rmtree(folder, ignore_errors=True)
                part.mkdir(parents=True)
            self._draw(task, part, pictures)
            with writing(cars):
                part.rename(cars)
        return sorted(path for label in (NORMAL, ANOMALY) for path in (cars / label).glob("*.jpg"))

    def _draw(self, task: Task, folder: Path, pictures: int) -> None:
        arguments = [str(folder), str(pictures), str(_SEED), str(os.getpid())]
        with subprocess.Popen(  # noqa: S603 - our own module
            [sys.executable, "-m", "walkaround.hosting.jobs.drawing_child", *arguments], stdin=subprocess.DEVNULL
        ) as child:
            task.on_interrupt(child.kill)
            try:
                while child.poll() is None:
                    with suppress(TimeoutExpired):
                        child.wait(_DRAWING_SECONDS)
                    there = sum(1 for _ in folder.glob("*/*.jpg"))
                    task.progress(DRAWING, min(there, pictures), pictures)
            finally:
                child.kill()
        task.check()
        if child.returncode != 0:
            raise UnavailableError("The process that draws cars ended before its time.", retry_after=5)
