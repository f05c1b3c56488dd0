"""The job of a trial detection: a model looks at new pictures, in a worker of its own, so that it need not be hosted."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from sqlalchemy import Select, select, update
from sqlalchemy.orm import Session

from walkaround.buckets.buckets import Buckets
from walkaround.buckets.names import split_address
from walkaround.errors import BucketError, PackageError, UnavailableError
from walkaround.hosting.jobs.work import Outcome, Task, nothing
from walkaround.hosting.pool.answers import MOST_BYTES, decode, named
from walkaround.hosting.pool.frames import Frame, Kind, head, received
from walkaround.inspection.masks import kept_line
from walkaround.models.network import cores
from walkaround.settings import Settings
from walkaround.store.database import Database
from walkaround.store.tables import Model, Trial, TrialPicture

_AT_ONCE = 16
_Answer = tuple[dict[str, object] | None, str | None]
"""Findings, or why there are none."""


class _Picture(NamedTuple):
    """A picture that was not looked at."""

    number: int
    ref: str
    name: str | None

    @property
    def called(self) -> str:
        return self.name or self.ref.rpartition("/")[2]


@dataclass(frozen=True)
class TrialWork:
    """Runs a model on the pictures of a trial that have no findings yet."""

    database: Database
    buckets: Buckets
    settings: Settings

    def run(self, task: Task) -> Outcome:
        """Look at some pictures after the other, and keep what was found each time."""
        with self.database.reading() as session:
            trial = session.get(Trial, task.subject)
            if trial is None or trial.status != "RUNNING":
                return Outcome(write=nothing)
            query = select(Model.package).filter_by(project_id=trial.project_id, version=trial.model_version)
            package = session.scalar(query)
            todo = [_Picture(*row) for row in session.execute(_open_pictures(task.subject))]
        if package is None:
            return self.give_up(task.subject, "The version of the model is not there any more.")
        try:
            self._look(task, self.settings.data / package, todo)
        except PackageError as problem:
            return self.give_up(task.subject, str(problem))
        if task.interrupted == "cancelled":
            return self.give_up(task.subject, "The trial was cancelled.")
        return Outcome(write=lambda session: _set_status(session, task.subject, "COMPLETE", ""))

    def give_up(self, subject: int, reason: str) -> Outcome:
        """The model cannot be tried."""
        return Outcome(write=lambda session: _set_status(session, subject, "FAILED", reason), error=reason)

    def _look(self, task: Task, package: Path, todo: Sequence[_Picture]) -> None:
        if not todo:
            return
        with _worker(package, self.settings.threads_per_unit or cores()) as (connection, frames):
            for start in range(0, len(todo), _AT_ONCE):
                task.check()
                if task.interrupted is not None:
                    return
                answers = self._answers(connection, frames, todo[start : start + _AT_ONCE])
                with self.database.transaction() as session:
                    for number, (findings, error) in answers.items():
                        chosen = update(TrialPicture).where(TrialPicture.id == number)
                        session.execute(chosen.values(findings=findings, error=error))
                task.progress("Looking at pictures", min(start + _AT_ONCE, len(todo)), len(todo))

    def _answers(self, connection: socket.socket, frames: Iterator[Frame], pictures: Sequence[_Picture]) -> dict[int, _Answer]:
        answers: dict[int, _Answer] = {}
        sent: dict[int, _Picture] = {}
        for picture in pictures:
            try:
                data = self.buckets.read(*split_address(picture.ref), at_most=MOST_BYTES)
            except BucketError as problem:
                answers[picture.number] = (None, str(problem))
                continue
            connection.sendall(head(picture.number, Kind.LOOK, len(data)) + data)
            sent[picture.number] = picture
        for _ in sent:
            frame = next(frames, None)
            if frame is None:
                raise UnavailableError("The worker of a trial ended before its time.", retry_after=5)
            if frame.kind is Kind.FOUND:
                answers[frame.number] = ({**kept_line(decode(frame.body)), "source": sent[frame.number].ref}, None)
            else:
                answers[frame.number] = (None, named(frame.body.decode(), sent[frame.number].called))
        return answers


@contextmanager
def _worker(package: Path, threads: int) -> Iterator[tuple[socket.socket, Iterator[Frame]]]:
    """A worker process, its socket, and the frames that come from it.

    Raises:
        PackageError: the package cannot be loaded.
        UnavailableError: the worker ends while it loads it.
    """
    ours, theirs = socket.socketpair()
    arguments = [str(theirs.fileno()), str(package), str(threads), str(os.getpid())]
    with ours:
        with theirs:
            process = subprocess.Popen(  # noqa: S603 - our own module
                [sys.executable, "-m", "walkaround.hosting.pool.worker", *arguments],
                pass_fds=[theirs.fileno()],
                stdin=subprocess.DEVNULL,
            )
        try:
            frames = received(ours)
            first = next(frames, None)
            if first is None:
                raise UnavailableError("The worker of a trial ended while it loaded its model.", retry_after=5)
            if first.kind is Kind.CANNOT_LOAD:
                raise PackageError(first.body.decode())
            yield ours, frames
        finally:
            process.kill()
            process.wait()


def _open_pictures(trial_id: int) -> Select[int, str, str | None]:
    return (
        select(TrialPicture.id, TrialPicture.source_ref, TrialPicture.name)
        .where(TrialPicture.trial_id == trial_id, TrialPicture.findings.is_(None), TrialPicture.error.is_(None))
        .order_by(TrialPicture.id)
    )


def _set_status(session: Session, trial_id: int, status: str, message: str) -> None:
    trial = session.get(Trial, trial_id)
    if trial is not None and trial.status == "RUNNING":
        trial.status, trial.message = status, message
