"""Jobs about models that are there: started, stopped, deleted."""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy.orm import Session

from walkaround.hosting.jobs.training.training_job import folder_of
from walkaround.hosting.jobs.work import Outcome, Task, Work, nothing
from walkaround.hosting.operations.models.models import remove_model
from walkaround.hosting.operations.training.trainings import log_folder
from walkaround.hosting.pool.hosted import HostingError
from walkaround.hosting.pool.pool import Pool, mark_hosting_failed
from walkaround.settings import Settings
from walkaround.store.database import Database
from walkaround.store.tables import Model, Project

_READY_SECONDS = 600.0


@dataclass(frozen=True)
class HostWork:
    """Starts the workers of a model."""

    database: Database
    pool: Pool

    def run(self, task: Task) -> Outcome:
        """Start them, and wait until the least number of units answers."""
        with self.database.reading() as session:
            model = session.get(Model, task.subject)
            if model is None or model.status != "STARTING_HOSTING":
                return Outcome(write=nothing)
            hosting = self.pool.hosting_of(model, session.get_one(Project, model.project_id))
        task.progress("Starting workers", 0, 1)
        try:
            self.pool.host(hosting, timeout=_READY_SECONDS)
        except HostingError as problem:
            return self.give_up(task.subject, str(problem))
        return Outcome(write=lambda session: _set_status(session, task.subject, "STARTING_HOSTING", "HOSTED"))

    def give_up(self, subject: int, reason: str) -> Outcome:
        """The model cannot be hosted."""
        return Outcome(write=lambda session: mark_hosting_failed(session, subject, reason), error=reason)


@dataclass(frozen=True)
class UnhostWork:
    """Ends the workers of a model."""

    pool: Pool

    def run(self, task: Task) -> Outcome:
        """Let them answer what is in work, then end them."""
        self.pool.unhost(task.subject)
        return Outcome(write=lambda session: _set_status(session, task.subject, "STOPPING_HOSTING", "TRAINED"))

    def give_up(self, subject: int, reason: str) -> Outcome:
        """Workers that cannot be ended in good order do not keep the model from being trained."""
        return Outcome(write=lambda session: _set_status(session, subject, "STOPPING_HOSTING", "TRAINED"), error=reason)


@dataclass(frozen=True)
class DeleteModelWork:
    """Removes a model's package, and then its row."""

    database: Database
    settings: Settings

    def run(self, task: Task) -> Outcome:
        """Remove the package, then the row: what a crash leaves is a row that is still being deleted."""
        with self.database.reading() as session:
            model = session.get(Model, task.subject)
            if model is None or model.status != "DELETING":
                return Outcome(write=nothing)
            folders = [folder_of(session, model), log_folder(model.id), *([Path(model.package)] if model.package else [])]
        for folder in folders:
            shutil.rmtree(self.settings.data / folder, ignore_errors=True)
        return Outcome(write=lambda session: remove_model(session, task.subject))

    def give_up(self, subject: int, reason: str) -> Outcome:
        """Files may stay; the row goes."""
        return Outcome(write=lambda session: remove_model(session, subject), error=reason)


def model_work(database: Database, settings: Settings, pool: Pool) -> Mapping[str, Work]:
    """The kinds of jobs about models that are trained."""
    return {
        "host": HostWork(database, pool),
        "unhost": UnhostWork(pool),
        "delete_model": DeleteModelWork(database, settings),
    }


def _set_status(session: Session, model_id: int, before: str, after: str) -> None:
    model = session.get(Model, model_id)
    if model is not None and model.status == before:
        model.status, model.message = after, ""
