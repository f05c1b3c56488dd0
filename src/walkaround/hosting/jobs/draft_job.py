"""The job that drafts labels: a model looks at the pictures that nobody has labelled, in a worker of its own.

What it says of some pictures is written before it looks at the next, so that a crash or a cancellation loses no more than
those. A picture that somebody labels meanwhile is left out.
"""

from __future__ import annotations

import socket
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from sqlalchemy import select
from sqlalchemy.orm import Session

from walkaround.buckets.buckets import Buckets
from walkaround.buckets.names import split_address
from walkaround.errors import BucketError, PackageError, UnavailableError
from walkaround.hosting.jobs.own_worker import own_worker
from walkaround.hosting.jobs.work import Outcome, Task, nothing
from walkaround.hosting.operations.kept_drafts import Drafted, end_drafting, keep_drafts, open_pictures
from walkaround.hosting.pool.answers import MOST_BYTES, decode, named
from walkaround.hosting.pool.frames import Frame, Kind, Look, asked
from walkaround.inspection.masks import kept_line
from walkaround.models.network import cores
from walkaround.settings import Settings
from walkaround.store.database import Database
from walkaround.store.drafts import Drafting
from walkaround.store.tables import Dataset, Model

_AT_ONCE = 8
_DOING = "Drafting labels"


class _Subject(NamedTuple):
    """Which package drafts, by which threshold, and how many pictures there were at first."""

    package: Path
    threshold: float | None
    pictures: int


@dataclass(frozen=True)
class DraftWork:
    """Runs a model on the pictures of a dataset that have neither a label nor a draft of its version."""

    database: Database
    buckets: Buckets
    settings: Settings

    def run(self, task: Task) -> Outcome:
        """Draft some pictures after the other until there are no more."""
        with self.database.reading() as session:
            drafting = session.get(Drafting, task.subject)
            if drafting is None or drafting.status != "RUNNING":  # its dataset was deleted
                return Outcome(write=nothing)
            subject = self._subject(session, drafting)
        if subject is None:
            return self.give_up(task.subject, "The version of the model is not there any more.")
        try:
            failed = self._draft(task, subject)
        except PackageError as problem:
            return self.give_up(task.subject, str(problem))
        if task.interrupted == "cancelled":
            reason = "The drafting was cancelled; what was drafted stays."
            return Outcome(
                write=lambda session: end_drafting(session, task.subject, status="CANCELLED", message=reason), error=reason
            )
        told = f"{failed:,} pictures could not be looked at; they are tried again next time." if failed else ""
        return Outcome(write=lambda session: end_drafting(session, task.subject, status="COMPLETE", message=told))

    def give_up(self, subject: int, reason: str) -> Outcome:
        """The pictures cannot be drafted."""
        return Outcome(write=lambda session: end_drafting(session, subject, status="FAILED", message=reason), error=reason)

    def _subject(self, session: Session, drafting: Drafting) -> _Subject | None:
        query = select(Model.package, Model.threshold).join(Dataset, Dataset.project_id == Model.project_id)
        own = query.where(Dataset.id == drafting.dataset_id, Model.version == drafting.model_version)
        model = session.execute(own).one_or_none()
        if model is None or model.package is None:
            return None
        return _Subject(self.settings.data / model.package, model.threshold, drafting.pictures)

    def _draft(self, task: Task, subject: _Subject) -> int:
        """Draft what has no draft yet; how many pictures could not be looked at.

        Raises:
            PackageError: the package cannot be loaded.
            InterruptedJobError: the server is stopping.
            UnavailableError: a bucket does not answer, or the worker died.
        """
        refs, left = self._next(task)
        if not refs:
            return 0
        failed = 0
        with own_worker(subject.package, self.settings.threads_per_unit or cores()) as worker:
            while refs:
                task.progress(_DOING, max(0, subject.pictures - left), subject.pictures)
                drafted = self._drafted(worker, refs, threshold=subject.threshold)
                failed += sum(one.error is not None for one in drafted.values())
                task.check()
                refs, left = self._next(task) if self._keep(task, drafted) else ((), 0)
        return failed

    def _keep(self, task: Task, drafted: Mapping[str, Drafted]) -> bool:
        """Write down what came of some pictures; whether there are more to draft."""
        goes_on: list[bool] = []

        def write(session: Session) -> None:
            goes_on.append(keep_drafts(session, task.subject, drafted))

        task.write(write)
        return goes_on[-1]

    def _next(self, task: Task) -> tuple[Sequence[str], int]:
        task.check()
        with self.database.reading() as session:
            drafting = session.get(Drafting, task.subject)
            if drafting is None or _cancelled(task):
                return (), 0
            return open_pictures(session, drafting, at_most=_AT_ONCE)

    def _drafted(
        self, worker: tuple[socket.socket, Iterator[Frame]], refs: Sequence[str], *, threshold: float | None
    ) -> dict[str, Drafted]:
        """What the model says of each picture, or why it says nothing."""
        connection, frames = worker
        drafted: dict[str, Drafted] = {}
        sent = 0
        for number, ref in enumerate(refs):
            try:
                data = self._local(ref).read_bytes()
            except (BucketError, OSError) as problem:
                drafted[ref] = Drafted(error=str(problem))
                continue
            for part in asked(number, Look(data, threshold=threshold)):
                connection.sendall(part)
            sent += 1
        for _ in range(sent):
            frame = next(frames, None)
            if frame is None:
                raise UnavailableError("The worker of a drafting ended before its time.", retry_after=5)
            drafted[refs[frame.number]] = _of_frame(frame, refs[frame.number])
        return drafted

    def _local(self, ref: str) -> Path:
        bucket, key = split_address(ref)
        return self.buckets.local(bucket, key, folder=self.settings.data / "cache" / "pictures", at_most=MOST_BYTES)


def _of_frame(frame: Frame, ref: str) -> Drafted:
    if frame.kind is not Kind.FOUND:
        return Drafted(error=named(frame.body.decode(), ref.rpartition("/")[2]))
    return Drafted(findings={**kept_line(decode(frame.body)), "source": ref})


def _cancelled(task: Task) -> bool:
    return task.interrupted == "cancelled"
