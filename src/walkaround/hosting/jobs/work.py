"""What a kind of job is: work to be done outside of any transaction, and what is written when it is done."""

from __future__ import annotations

import threading
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from time import monotonic
from typing import Literal, Protocol

from sqlalchemy.orm import Session

from walkaround.errors import UnavailableError
from walkaround.hosting.jobs.leases import Lease, report, require_held
from walkaround.store.database import Database

Reason = Literal["cancelled", "stopping", "lost"]

_REPORT_SECONDS = 1.0


def nothing(_: Session | None = None) -> None:
    """Do nothing, or write nothing."""


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """What came of a job.

    Attributes:
        write: called in the transaction that finishes the job. It may be called again after a failed commit.
        error: why the job failed; None where it did not.
        after: called when that is on disk; what it does may be lost in a crash.
    """

    write: Callable[[Session], None]
    error: str | None = None
    after: Callable[[], None] = nothing


class LaterError(Exception):
    """The job is not done and nothing is wrong: it shall be taken again after some seconds."""

    def __init__(self, seconds: float) -> None:
        super().__init__(seconds)
        self.seconds = seconds


class InterruptedJobError(Exception):
    """The server is stopping, or has lost the job: nothing shall be written."""


class Task:
    """A job while it is worked on. Thread-safe."""

    def __init__(self, lease: Lease, database: Database, *, owner: str) -> None:
        """Begin to work on a leased job."""
        self.lease = lease
        self.subject = lease.subject
        self.interrupted: Reason | None = None
        self.renewed = monotonic()
        """When its lease was last known to last for its full time."""
        self._database = database
        self._owner = owner
        self._lock = threading.Lock()
        self._on_interrupt: Callable[[], None] = nothing
        self._reported = 0.0

    def interrupt(self, reason: Reason) -> None:
        """Ask whoever works on it to end; the first reason counts."""
        with self._lock:
            if self.interrupted is not None:
                return
            self.interrupted = reason
            self._on_interrupt()

    def on_interrupt(self, call: Callable[[], None]) -> None:
        """Have `call` called when the job is interrupted, at once if it is already."""
        with self._lock:
            self._on_interrupt = call
            if self.interrupted is not None:
                call()

    def check(self) -> None:
        """Return if the work shall go on.

        Raises:
            InterruptedJobError: it shall not, and nothing shall be written.
        """
        if self.interrupted in ("stopping", "lost"):
            raise InterruptedJobError

    def progress(self, doing: str, done: int, of: int) -> None:
        """Say how far the job is; written at most once a second."""
        if monotonic() - self._reported < _REPORT_SECONDS and done < of:
            return
        self._reported = monotonic()
        with suppress(UnavailableError), self._database.transaction() as session:  # the next report will do
            report(session, self.lease, owner=self._owner, progress={"doing": doing, "done": done, "of": of})

    def write(self, act: Callable[[Session], None]) -> None:
        """Write something that belongs to the job, while it is this server's.

        Raises:
            LeaseLostError: another server has the job by now; nothing was written.
            UnavailableError: the database does not answer.
        """
        with self._database.transaction() as session:
            require_held(session, self.lease, owner=self._owner)
            act(session)


class Work(Protocol):
    """A kind of job. `run` may be called again for the same subject, after a crash at any moment."""

    def run(self, task: Task) -> Outcome:
        """Do it.

        Raises:
            LaterError: it shall be taken again.
            UnavailableError: something does not answer; it is tried again with growing pauses.
            InterruptedJobError: the server is stopping.
        """

    def give_up(self, subject: int, reason: str) -> Outcome:
        """What is written when it was tried too often."""
