"""The job that trains a model: its entries are put aside, a child process trains, and the row gets what came of it.

The child (`training_child`) can be cancelled, dies alone, and takes no memory of the server. The folder of a training holds
`task`, which is written in one step and then only read, and a folder for each attempt: a server that was cut off from the
database may still work on what another one has taken over, and never in the same place. The features of pictures are kept by
content in the cache, so that the next attempt goes on from there.
"""

from __future__ import annotations

import json
import os
import secrets
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from sqlalchemy.orm import Session

from walkaround.datasets.sample import Split
from walkaround.errors import UnavailableError, WalkaroundError, writing
from walkaround.hosting.jobs.pipes import pipes_of
from walkaround.hosting.jobs.training.training_log import LIVE, TrainingLog
from walkaround.hosting.jobs.work import Outcome, Task, nothing
from walkaround.hosting.log_lines import logs_json
from walkaround.hosting.operations.datasets.entries import StoredEntry, entries_of
from walkaround.hosting.operations.training.trainings import add_end, log_folder
from walkaround.hosting.owner import Owner
from walkaround.settings import Settings
from walkaround.store.database import Database
from walkaround.store.tables import Model, Project

TASK_FOLDER, TASK_FILE, RESULT_FILE = "task", "task.json", "result.json"
ENTRIES_FILES: Mapping[Split, str] = {"train": "train.jsonl", "test": "test.jsonl"}
_MOST_DEATHS = 3
_DEATHS_FILE = "deaths"
_ATTEMPT = "attempt-"


@dataclass(frozen=True)
class TrainWork:
    """Trains a model in a child process."""

    database: Database
    settings: Settings

    def run(self, task: Task) -> Outcome:
        """Train, or go on with a training that was interrupted."""
        folder = self._folder(task.subject)
        models = self._prepared(task.subject, folder)
        if models is None:
            return Outcome(write=nothing, after=lambda: _remove(folder))
        result = _found(folder) or self._trained(task, folder, models)
        if task.interrupted == "cancelled":
            return self._failed(task.subject, "The training was cancelled.", state="cancelled")
        if "failed" in result:
            return self._failed(task.subject, str(result["failed"]))
        kept = Path(result["package"]).parent.name

        def clean() -> None:
            _remove(folder, *_attempts(models, but=kept))

        return Outcome(write=lambda session: _write_trained(session, task.subject, result), after=clean)

    def give_up(self, subject: int, reason: str) -> Outcome:
        """The bucket did not answer, or something else went wrong too often."""
        return self._failed(subject, f"The training could not be done. {reason}")

    def _folder(self, subject: int) -> Path:
        return self.settings.data / "work" / f"train-{subject}"

    def _prepared(self, subject: int, folder: Path) -> Path | None:
        """Put the entries aside, so that every attempt trains on the same.

        Returns:
            Folder of the model's packages; None where there is nothing to train any more.
        """
        with self.database.reading() as session:
            model = session.get(Model, subject)
            project = session.get(Project, model.project_id) if model is not None else None
            if model is None or project is None or model.status != "TRAINING":
                return None
            if not (folder / TASK_FOLDER).exists():
                self._put_aside(session, model, project, folder)
            return self.settings.data / folder_of(session, model)

    def _put_aside(self, session: Session, model: Model, project: Project, folder: Path) -> None:
        told = {
            "account": project.account,
            "region": project.region,
            "project": project.name,
            "version": model.version,
            "output": model.output["S3Location"],
            "single": model.test_dataset_id is None,
            "options": model.options,
            "log": str(log_folder(model.id)),
        }
        with writing(folder):
            folder.mkdir(parents=True, exist_ok=True)
            part = Path(tempfile.mkdtemp(prefix="part-", dir=folder))
            datasets: Mapping[Split, int | None] = {"train": model.train_dataset_id, "test": model.test_dataset_id}
            try:
                for split, number in datasets.items():
                    if number is not None:
                        _write_entries(part / ENTRIES_FILES[split], entries_of(session, number))
                (part / TASK_FILE).write_text(json.dumps(told), encoding="utf-8")
                part.rename(folder / TASK_FOLDER)
            except OSError:
                _remove(part)
                if not (folder / TASK_FOLDER).exists():  # else another server was faster
                    raise

    def _trained(self, task: Task, folder: Path, models: Path) -> dict[str, Any]:
        """What the child process said in the end. Attempts before this one, here and among the packages, are removed."""
        _remove(*_attempts(folder), *_attempts(models))
        attempt = folder / f"{_ATTEMPT}{task.lease.job_id}-{secrets.token_hex(4)}"
        with writing(attempt):
            attempt.mkdir()
        try:
            return self._attempted(task, folder, attempt)
        finally:
            if not (attempt / RESULT_FILE).exists():  # else whoever has the job now may use it
                _remove(attempt, models / attempt.name)

    def _attempted(self, task: Task, folder: Path, attempt: Path) -> dict[str, Any]:
        places = [str(folder / TASK_FOLDER), str(attempt)]
        log = "json" if logs_json() else "text"
        arguments = [sys.executable, "-m", "walkaround.hosting.jobs.training.training_child", *places, str(os.getpid()), log]
        with subprocess.Popen(  # noqa: S603 - our own module
            arguments, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, encoding="utf-8"
        ) as child:
            task.on_interrupt(child.kill)
            try:
                result = self._talk(task, child)
            finally:
                child.kill()
        task.check()
        if task.interrupted == "cancelled":
            return {}
        if result is None:
            return _died(folder, child.returncode)
        if "unavailable" in result:
            raise UnavailableError(str(result["unavailable"]), retry_after=5)
        return result

    def _talk(self, task: Task, child: subprocess.Popen[str]) -> dict[str, Any] | None:
        """Give the child its settings and pass on its progress; what it says last, None where it died before."""
        given, told_by_it = pipes_of(child)
        try:
            given.write(settings_as_json(self.settings))  # secrets: not in arguments, which others can read
            given.close()
        except BrokenPipeError:
            return None
        log = TrainingLog(task)
        try:
            for line in told_by_it:
                told: dict[str, Any] = json.loads(line)
                if LIVE not in told and "doing" not in told:
                    return told
                log.hear(told)
                if "doing" in told:
                    task.progress(told["doing"], told["done"], told["of"])
        finally:
            log.write()
        return None

    def _failed(self, subject: int, reason: str, *, state: str = "failed") -> Outcome:
        folders = {self._folder(subject)}

        def write(session: Session) -> None:
            model = session.get(Model, subject)
            if model is not None and model.status == "TRAINING":
                model.status, model.message = "TRAINING_FAILED", reason
                add_end(session, subject, state=state, message=reason)
                folders.add(self.settings.data / folder_of(session, model))  # a package may have been written

        return Outcome(write=write, error=reason, after=lambda: _remove(*folders))


def folder_of(session: Session, model: Model) -> Path:
    """Where the package of a model is, or would be, relative to the data folder."""
    project = session.get_one(Project, model.project_id)
    return Owner(account=project.account, region=project.region).model_folder(project.name, model.version)


def settings_as_json(settings: Settings) -> str:
    """The settings with their secrets, for a pipe to a child."""
    told = settings.model_dump(mode="json")
    told["s3_secret_key"] = settings.s3_secret_key.get_secret_value() if settings.s3_secret_key else None
    return json.dumps(told)


def _write_trained(session: Session, subject: int, result: dict[str, Any]) -> None:
    model = session.get(Model, subject)
    if model is None or model.status != "TRAINING":
        return
    model.status, model.message = "TRAINED", result["message"]
    model.package = result["package"]
    model.f1, model.recall, model.precision = result["f1"], result["recall"], result["precision"]
    model.scores = result["scores"]
    model.evaluation_manifest, model.evaluation_result = result["manifest"], result["result"]
    model.evaluation_ended = datetime.fromisoformat(result["ended"])
    add_end(session, subject, state="done", message=result["message"])


def _write_entries(path: Path, entries: Iterable[StoredEntry]) -> None:
    with path.open("w", encoding="utf-8", newline="\n") as file:
        for entry in entries:
            if entry.label is not None:  # the others are ignored in training
                file.write(json.dumps({"ref": entry.source_ref, "label": entry.label, "line": entry.line}) + "\n")


def _died(folder: Path, code: int | None) -> dict[str, Any]:
    """The child was killed or crashed: once or twice that may be chance, as when memory was short."""
    deaths = folder / _DEATHS_FILE
    count = len(deaths.read_bytes()) + 1 if deaths.exists() else 1
    deaths.write_bytes(b"." * count)
    if count >= _MOST_DEATHS:
        return {
            "failed": f"The training process ended {count} times before its time (exit status {code}); is there enough memory?"
        }
    raise WalkaroundError(f"The training process ended before its time (exit status {code}).")


def _found(folder: Path) -> dict[str, Any] | None:
    """What came of an attempt that ended, but whose server could not write that down."""
    for attempt in _attempts(folder):
        with suppress(FileNotFoundError):
            told: dict[str, Any] = json.loads((attempt / RESULT_FILE).read_text(encoding="utf-8"))
            return told
    return None


def _attempts(folder: Path, *, but: str = "") -> list[Path]:
    return [path for path in folder.glob(f"{_ATTEMPT}*") if path.name != but]


def _remove(*folders: Path) -> None:
    for folder in folders:
        shutil.rmtree(folder, ignore_errors=True)
