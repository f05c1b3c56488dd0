"""The job that removes what a deleted project left."""

from __future__ import annotations

from dataclasses import dataclass

from walkaround.hosting.jobs.work import Outcome, Task, nothing
from walkaround.hosting.operations.projects import remove_left
from walkaround.store.database import Database


@dataclass(frozen=True)
class DeleteProjectWork:
    """Removes results and whatever else a deleted project had, some thousands in each transaction, so that others can write."""

    database: Database

    def run(self, task: Task) -> Outcome:
        """Remove all of it; the row of the project goes last."""
        more = True
        while more:
            task.check()
            with self.database.transaction() as session:
                more = remove_left(session, task.subject)
        return Outcome(write=nothing)

    def give_up(self, subject: int, reason: str) -> Outcome:  # noqa: ARG002 - the protocol's signature
        """Rows that nobody can see stay."""
        return Outcome(write=nothing, error=reason)
