"""The job that exports datasets: their lines are put aside, and a child process (`export_child`) writes an archive."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import select
from sqlalchemy.orm import Session

from walkaround.errors import writing
from walkaround.hosting.jobs.datasets.check_job import scratch, write_entries
from walkaround.hosting.jobs.told_child import run_child
from walkaround.hosting.jobs.work import Outcome, Task, nothing
from walkaround.hosting.operations.datasets.exporting import archive_of, end_export, forget_exports, remove_old
from walkaround.settings import Settings
from walkaround.store.checks import Export
from walkaround.store.database import Database
from walkaround.store.tables import Dataset

TASK_FILE, ARCHIVE_FILE = "task.json", "archive.zip"


@dataclass(frozen=True)
class ExportWork:
    """Writes datasets in the format of another tool, in a child process."""

    database: Database
    settings: Settings

    def run(self, task: Task) -> Outcome:
        """Write the archive; done again, it replaces the one before."""
        self._forget()
        with scratch(self.settings.data, f"export-{task.subject}-") as folder:
            if not self._put_aside(task.subject, folder):
                return Outcome(write=nothing)
            told = run_child(task, "walkaround.hosting.jobs.datasets.export_child", [str(folder)], self.settings)
            if task.interrupted == "cancelled":
                return self.give_up(task.subject, "The export was cancelled.")
            if "failed" in told:
                return self.give_up(task.subject, str(told["failed"]))
            archive = archive_of(self.settings.data, task.subject)
            with writing(archive):
                archive.parent.mkdir(parents=True, exist_ok=True)
                (folder / ARCHIVE_FILE).replace(archive)
        return Outcome(write=lambda session: end_export(session, task.subject, report=told))

    def give_up(self, subject: int, reason: str) -> Outcome:
        """The datasets cannot be written in this format."""
        return Outcome(write=lambda session: end_export(session, subject, report=None, message=reason), error=reason)

    def _put_aside(self, subject: int, folder: Path) -> bool:
        """Write the entries down; whether there is anything to export any more."""
        with self.database.reading() as session:
            export = session.get(Export, subject)
            if export is None or export.status != "RUNNING":
                return False
            with writing(folder):
                (folder / TASK_FILE).write_text(json.dumps({"form": export.form, **export.options}), encoding="utf-8")
                for kind in export.options["kinds"]:
                    _write_dataset(session, export.project_id, kind, folder)
        return True

    def _forget(self) -> None:
        with self.database.transaction() as session:
            forget_exports(session)
            kept = session.scalars(select(Export.id)).all()
        remove_old(self.settings.data, kept)


def _write_dataset(session: Session, project_id: int, kind: str, folder: Path) -> None:
    number = session.scalar(select(Dataset.id).filter_by(project_id=project_id, kind=kind))
    write_entries(session, folder / f"{kind}.jsonl", [] if number is None else [number])
