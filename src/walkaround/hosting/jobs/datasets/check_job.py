"""The job that checks a dataset: its entries are put aside, and a child process (`check_child`) looks at the pictures."""

from __future__ import annotations

import json
import shutil
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from walkaround.errors import writing
from walkaround.hosting.jobs.told_child import run_child
from walkaround.hosting.jobs.work import Outcome, Task, nothing
from walkaround.hosting.operations.datasets.checking import Checked, fail_check, keep_check
from walkaround.settings import Settings
from walkaround.store.checks import Check
from walkaround.store.database import Database
from walkaround.store.tables import Dataset, Entry

TASK_FILE, OWN_FILE, OTHER_FILE, RESULT_FILE = "task.json", "own.jsonl", "other.jsonl", "result.json"


@dataclass(frozen=True)
class CheckWork:
    """Checks a dataset in a child process."""

    database: Database
    settings: Settings

    def run(self, task: Task) -> Outcome:
        """Look at every picture; done again, it finds the same."""
        with scratch(self.settings.data, f"check-{task.subject}-") as folder:
            if not self._put_aside(task.subject, folder):
                return Outcome(write=nothing)
            told = run_child(task, "walkaround.hosting.jobs.datasets.check_child", [str(folder)], self.settings)
            if task.interrupted == "cancelled":
                return self.give_up(task.subject, "The check was cancelled.")
            if "failed" in told:
                return self.give_up(task.subject, str(told["failed"]))
            found = _found(folder / RESULT_FILE)
        return Outcome(write=lambda session: keep_check(session, task.subject, found))

    def give_up(self, subject: int, reason: str) -> Outcome:
        """The pictures cannot be looked at."""
        return Outcome(write=lambda session: fail_check(session, subject, reason), error=reason)

    def _put_aside(self, subject: int, folder: Path) -> bool:
        """Write the entries down; whether there is anything to check any more."""
        with self.database.reading() as session:
            check = session.get(Check, subject)
            dataset = None if check is None else session.get(Dataset, check.dataset_id)
            if check is None or check.status != "RUNNING" or dataset is None or dataset.project_id is None:
                return False
            others = select(Dataset.id).where(Dataset.project_id == dataset.project_id, Dataset.id != dataset.id)
            with writing(folder):
                (folder / TASK_FILE).write_text(json.dumps({"kind": dataset.kind, "labels": check.labels}), encoding="utf-8")
                write_entries(session, folder / OWN_FILE, [dataset.id])
                write_entries(session, folder / OTHER_FILE, list(session.scalars(others)))
        return True


@contextmanager
def scratch(data: Path, prefix: str) -> Iterator[Path]:
    """A folder below the data folder for as long as a job works."""
    work = data / "work"
    with writing(work):
        work.mkdir(parents=True, exist_ok=True)
        folder = Path(tempfile.mkdtemp(prefix=prefix, dir=work))
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def write_entries(session: Session, path: Path, datasets: Sequence[int]) -> None:
    """Write entries as JSON lines, in order, read in pieces."""
    query = select(Entry.id, Entry.source_ref, Entry.label, Entry.name, Entry.line).where(Entry.dataset_id.in_(datasets))
    with path.open("w", encoding="utf-8", newline="\n") as file:
        for number, ref, label, name, line in session.execute(query.order_by(Entry.id).execution_options(yield_per=1_000)):
            told = {"id": number, "ref": ref, "label": label, "name": name or ref.rpartition("/")[2], "line": line}
            file.write(json.dumps(told) + "\n")


def _found(path: Path) -> Checked:
    told: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return Checked(
        report=told["report"],
        flags=[(entry, kind, number, label) for entry, kind, number, label in told["flags"]],
        doubts=[(entry, doubt, suggests, label) for entry, doubt, suggests, label in told["doubts"]],
    )
