"""The job that drafts labels: a model looks at the pictures that nobody has labelled, in a worker of its own.

What it says of some pictures is written before it looks at the next, so that a crash or a cancellation loses no more than
those. A picture that somebody labels meanwhile is left out. One that the worker dies of is found out, and costs itself alone.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple, TypeVar

from sqlalchemy import Select, select
from sqlalchemy.orm import InstrumentedAttribute, Session

from walkaround.buckets.buckets import Buckets
from walkaround.buckets.names import split_address
from walkaround.errors import BucketError, PackageError
from walkaround.hosting.jobs.looking.own_worker import WORKER, OwnWorker, problem_of
from walkaround.hosting.jobs.work import Outcome, Task, nothing
from walkaround.hosting.operations.datasets.kept_drafts import (
    Drafted,
    OpenPicture,
    count_failed,
    count_open,
    end_drafting,
    keep_drafts,
    open_pictures,
)
from walkaround.hosting.operations.lines.proposals import THRESHOLD
from walkaround.hosting.pool.answers import MOST_BYTES, decode
from walkaround.hosting.pool.frames import Frame, Look
from walkaround.inspection.masks import kept_line
from walkaround.models.network import cores
from walkaround.models.package import read_card
from walkaround.settings import Settings
from walkaround.store.database import Database
from walkaround.store.drafts import Drafting
from walkaround.store.tables import Dataset, Model

Of = TypeVar("Of")
_AT_ONCE = 8
_DOING = "Drafting labels"


class _Subject(NamedTuple):
    """Which package drafts, and how many pictures there were at first."""

    package: Path
    pictures: int


class _Batch(NamedTuple):
    """Pictures to look at next, and the threshold that a person adopted."""

    pictures: Sequence[OpenPicture] = ()
    adopted: float | None = None


@dataclass(frozen=True)
class DraftWork:
    """Runs a model on the pictures of a dataset that have neither a label nor a draft of its version."""

    database: Database
    buckets: Buckets
    settings: Settings
    program: str = WORKER

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
            self._draft(task, subject)
        except PackageError as problem:
            return self.give_up(task.subject, str(problem))
        if task.interrupted == "cancelled":
            reason = "The drafting was cancelled; what was drafted stays."
            return Outcome(
                write=lambda session: end_drafting(session, task.subject, status="CANCELLED", message=reason), error=reason
            )
        return Outcome(write=lambda session: _complete(session, task.subject))

    def give_up(self, subject: int, reason: str) -> Outcome:
        """The pictures cannot be drafted."""
        return Outcome(write=lambda session: end_drafting(session, subject, status="FAILED", message=reason), error=reason)

    def _subject(self, session: Session, drafting: Drafting) -> _Subject | None:
        package = session.scalar(_of_model(drafting, Model.package))
        return None if package is None else _Subject(self.settings.data / package, drafting.pictures)

    def _draft(self, task: Task, subject: _Subject) -> None:
        """Draft what has no draft yet.

        Raises:
            PackageError: the package cannot be loaded.
            InterruptedJobError: the server is stopping.
            UnavailableError: a bucket does not answer, or the worker ends while it loads its model.
        """
        threads, seconds = self.settings.threads_per_unit or cores(), self.settings.picture_seconds
        with closing(OwnWorker(subject.package, threads, seconds=seconds, program=self.program)) as worker:
            task.on_interrupt(worker.kill)
            done, trained = subject.pictures - self._count(task), read_card(subject.package).threshold
            last = 0
            while (batch := self._next(task, last)).pictures or last:
                if not batch.pictures:  # once more from the first: a label may have been taken away behind
                    last = 0
                    continue
                task.progress(_DOING, min(max(0, done), subject.pictures), subject.pictures)
                drafted = self._drafted(worker, batch, trained=trained)
                task.check()
                if not self._keep(task, drafted, adopted=batch.adopted):
                    return
                done, last = done + len(batch.pictures), batch.pictures[-1].id

    def _keep(self, task: Task, drafted: Mapping[str, Drafted], *, adopted: float | None) -> bool:
        """Write down what came of some pictures; whether there are more to draft.

        Where somebody adopted another threshold meanwhile, only what could not be looked at is kept: the others come again.
        """
        goes_on: list[bool] = []

        def write(session: Session) -> None:
            drafting = session.get(Drafting, task.subject)
            now = None if drafting is None else session.scalar(_of_model(drafting, Model.threshold))
            kept = {ref: one for ref, one in drafted.items() if now == adopted or one.error is not None}
            goes_on.append(keep_drafts(session, task.subject, kept))

        task.write(write)
        return goes_on[-1]

    def _count(self, task: Task) -> int:
        with self.database.reading() as session:
            drafting = session.get(Drafting, task.subject)
            return 0 if drafting is None else count_open(session, drafting)

    def _next(self, task: Task, last: int) -> _Batch:
        task.check()
        with self.database.reading() as session:
            drafting = session.get(Drafting, task.subject)
            if drafting is None or task.interrupted is not None:
                return _Batch()
            adopted = session.scalar(_of_model(drafting, Model.threshold))
            return _Batch(open_pictures(session, drafting, after=last, at_most=_AT_ONCE), adopted)

    def _drafted(self, worker: OwnWorker, batch: _Batch, *, trained: float) -> dict[str, Drafted]:
        """What the model says of each picture, or why it says nothing."""
        some, threshold = batch.pictures, trained if batch.adopted is None else batch.adopted
        drafted: dict[str, Drafted] = {}
        looks: dict[int, Look] = {}
        for number, one in enumerate(some):
            try:
                looks[number] = Look(self._local(one.source_ref).read_bytes(), threshold=batch.adopted)
            except (BucketError, OSError) as problem:
                drafted[one.source_ref] = Drafted(error=str(problem))
        for number, answer in worker.look(looks).items():
            drafted[some[number].source_ref] = _of_answer(answer, some[number].source_ref, threshold)
        return drafted

    def _local(self, ref: str) -> Path:
        bucket, key = split_address(ref)
        return self.buckets.local(bucket, key, folder=self.settings.data / "cache" / "pictures", at_most=MOST_BYTES)


def _of_answer(answer: Frame, ref: str, threshold: float) -> Drafted:
    problem = problem_of(answer, ref.rpartition("/")[2])
    if problem is not None:
        return Drafted(error=problem)
    return Drafted(findings={**kept_line(decode(answer.body)), "source": ref, THRESHOLD: threshold})


def _of_model(drafting: Drafting, member: InstrumentedAttribute[Of]) -> Select[Of]:
    """A member of the row of the model that drafts."""
    query = select(member).join(Dataset, Dataset.project_id == Model.project_id)
    return query.where(Dataset.id == drafting.dataset_id, Model.version == drafting.model_version)


def _complete(session: Session, drafting_id: int) -> None:
    failed = count_failed(session, drafting_id)
    told = f"{failed:,} pictures could not be looked at; they are tried again next time." if failed else ""
    end_drafting(session, drafting_id, status="COMPLETE", message=told)
