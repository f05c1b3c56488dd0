"""The job of a trial detection: a model looks at new pictures, in a worker of its own, so that it need not be hosted.

Frames of its videos are chosen first and become pictures of it. Afterwards, when the trial is complete and a person may verify,
the job finds out what the pictures of the project's datasets look like, so that no photo is added to them twice.
"""

from __future__ import annotations

import base64
import hashlib
import shutil
from collections.abc import Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

from sqlalchemy import Select, select, update
from sqlalchemy.orm import Session

from walkaround.buckets.buckets import Buckets
from walkaround.buckets.names import split_address
from walkaround.errors import BucketError, PackageError, writing
from walkaround.hosting.jobs.looking.own_worker import WORKER, OwnWorker, problem_of
from walkaround.hosting.jobs.looking.trial_eyes import Eyes
from walkaround.hosting.jobs.work import InterruptedJobError, Outcome, Task, nothing
from walkaround.hosting.operations.trials.looks import UNREADABLE, keep_looks, unknown_looks
from walkaround.hosting.operations.trials.trials import MOST_PICTURES, finish_trial
from walkaround.hosting.pool.answers import MOST_BYTES, decode
from walkaround.hosting.pool.frames import Frame, Look
from walkaround.inspection.heats import packed_heat
from walkaround.inspection.masks import kept_line
from walkaround.models.network import cores
from walkaround.settings import Settings
from walkaround.store.database import Database
from walkaround.store.tables import Model, Project
from walkaround.store.trials import Trial, TrialPicture, TrialVideo

_AT_ONCE = 16
_COMPARED_AT_ONCE = 100
_Answer = dict[str, Any]
"""Columns of a picture: findings, or why there are none."""


class _Picture(NamedTuple):
    """A picture that was not looked at."""

    number: int
    ref: str
    name: str | None

    @property
    def called(self) -> str:
        return self.name or self.ref.rpartition("/")[2]


class _Subject(NamedTuple):
    """What a trial is about."""

    trial: int
    project: int
    account: str
    package: Path
    threshold: float | None


@dataclass(frozen=True)
class TrialWork:
    """Runs a model on the pictures of a trial that have no findings yet."""

    database: Database
    buckets: Buckets
    settings: Settings
    program: str = WORKER

    def run(self, task: Task) -> Outcome:
        """Look at some pictures after the other, and keep what was found each time."""
        with self.database.reading() as session:
            trial = session.get(Trial, task.subject)
            if trial is None or trial.status == "FAILED":
                return Outcome(write=nothing)
            running, subject = trial.status == "RUNNING", self._subject(session, trial)
        if running and subject is None:
            return self.give_up(task.subject, "The version of the model is not there any more.")
        with closing(Eyes(self.settings)) as eyes:
            task.on_interrupt(eyes.kill)
            if running and subject is not None:
                try:
                    self._inspect(task, subject, eyes)
                except PackageError as problem:
                    return self.give_up(task.subject, str(problem))
                if _cancelled(task):
                    return self.give_up(task.subject, "The trial was cancelled.")
            if subject is not None:
                self._compare(task, subject.project, eyes)
        return Outcome(write=nothing)

    def give_up(self, subject: int, reason: str) -> Outcome:
        """The model cannot be tried."""
        return Outcome(write=lambda session: _set_failed(session, subject, reason), error=reason)

    def _subject(self, session: Session, trial: Trial) -> _Subject | None:
        project = session.get_one(Project, trial.project_id)
        query = select(Model.package, Model.threshold).filter_by(project_id=trial.project_id, version=trial.model_version)
        model = session.execute(query).one_or_none()
        if model is None or model.package is None:
            return None
        return _Subject(trial.id, project.id, project.account, self.settings.data / model.package, model.threshold)

    def _inspect(self, task: Task, subject: _Subject, eyes: Eyes) -> None:
        """Choose frames and look at pictures until there are no more; some may come meanwhile."""
        while not _cancelled(task):
            self._choose(task, subject, eyes)
            with self.database.reading() as session:
                todo = [_Picture(*row) for row in session.execute(_open_pictures(subject.trial))]
            self._look(task, subject, todo, eyes)
            if _cancelled(task):
                return
            with self.database.transaction() as session:
                if finish_trial(session, subject.trial):
                    return

    def _choose(self, task: Task, subject: _Subject, eyes: Eyes) -> None:
        with self.database.reading() as session:
            query = select(TrialVideo).filter_by(trial_id=subject.trial, frames=None, error=None).order_by(TrialVideo.id)
            videos = session.scalars(query).all()
        for number, video in enumerate(videos):
            task.progress("Choosing frames of videos", number, len(videos))
            self._choose_of(task, subject, video, eyes)

    def _choose_of(self, task: Task, subject: _Subject, video: TrialVideo, eyes: Eyes) -> None:
        folder = self.settings.data / "work" / f"frames-{task.subject}"
        with writing(folder):
            shutil.rmtree(folder, ignore_errors=True)
            folder.mkdir(parents=True)
        path = self.settings.data / video.file
        try:
            told = eyes.choose(path, name=video.name, at_most=video.at_most, folder=folder)
            task.check()
            if task.interrupted is not None:
                return
            frames = [self._kept(frame, subject.account) for frame in told.get("frames", [])]
        finally:
            shutil.rmtree(folder, ignore_errors=True)
        with self.database.transaction() as session:
            _add_frames(session, video.id, frames, error=told.get("reason") or told.get("incomplete"))
        path.unlink(missing_ok=True)

    def _kept(self, frame: Mapping[str, Any], account: str) -> tuple[str, float]:
        """Where a frame was put, and its time."""
        content = Path(frame["file"]).read_bytes()
        digest = hashlib.sha256(content).hexdigest()
        bucket, key = f"walkaround-{account}", f"pictures/{digest[:2]}/{digest}.jpg"
        home = self.settings.data / "buckets" / bucket
        with writing(home):
            home.mkdir(parents=True, exist_ok=True)
        self.buckets.write(bucket, key, content)
        return f"s3://{bucket}/{key}", float(frame["time"])

    def _look(self, task: Task, subject: _Subject, todo: Sequence[_Picture], eyes: Eyes) -> None:
        if not todo:
            return
        threads, seconds = self.settings.threads_per_unit or cores(), self.settings.picture_seconds
        with closing(OwnWorker(subject.package, threads, seconds=seconds, program=self.program)) as worker:
            task.on_interrupt(partial(_kill, worker, eyes))
            for start in range(0, len(todo), _AT_ONCE):
                task.check()
                if _interrupted(task) or not self._is_there(subject.trial):
                    return
                some = todo[start : start + _AT_ONCE]
                answers, looks = self._answers(worker, some, threshold=subject.threshold, eyes=eyes)
                task.check()
                if _interrupted(task):  # what is half looked at is looked at again when the trial goes on
                    return
                with self.database.transaction() as session:
                    for number, columns in answers.items():
                        session.execute(update(TrialPicture).where(TrialPicture.id == number).values(**columns))
                    keep_looks(session, looks)
                task.progress("Looking at pictures", min(start + _AT_ONCE, len(todo)), len(todo))

    def _is_there(self, trial: int) -> bool:
        with self.database.reading() as session:
            return session.get(Trial, trial) is not None

    def _answers(
        self, worker: OwnWorker, pictures: Sequence[_Picture], *, threshold: float | None, eyes: Eyes
    ) -> tuple[dict[int, _Answer], dict[str, bytes]]:
        """What is written of each picture, by its number, and the looks of those that can be read."""
        answers: dict[int, _Answer] = {}
        looks: dict[int, Look] = {}
        paths: dict[int, Path] = {}
        seen: dict[int, dict[str, Any]] = {}
        for picture in pictures:
            try:
                path = paths[picture.number] = self._local(picture.ref)
                looks[picture.number] = Look(path.read_bytes(), heat=True, threshold=threshold)
            except (BucketError, OSError) as problem:
                answers[picture.number] = {"error": str(problem)}
        by_number = {picture.number: picture for picture in pictures}

        def meanwhile() -> None:
            seen.update({number: eyes.look(paths[number]) for number in looks})

        for number, answer in worker.look(looks, meanwhile=meanwhile).items():
            answers[number] = _columns(answer, by_number[number]) | {"quality": seen[number].get("quality")}
        thumbnails = {by_number[number].ref: told["thumbnail"] for number, told in seen.items() if "thumbnail" in told}
        return answers, {ref: base64.b64decode(thumbnail) for ref, thumbnail in thumbnails.items()}

    def _local(self, ref: str) -> Path:
        bucket, key = split_address(ref)
        return self.buckets.local(bucket, key, folder=self.settings.data / "cache" / "pictures", at_most=MOST_BYTES)

    def _compare(self, task: Task, project: int, eyes: Eyes) -> None:
        """Find out what the pictures of the project's datasets look like, of those of which nobody knows it."""
        done = 0
        while not _interrupted(task):
            with self.database.reading() as session:
                refs = unknown_looks(session, project, at_most=_COMPARED_AT_ONCE)
            if not refs:
                return
            looks = {ref: self._thumbnail(ref, eyes) for ref in refs}
            if _interrupted(task):
                break
            with self.database.transaction() as session:
                keep_looks(session, looks)
            done += len(refs)
            task.progress("Comparing with the pictures of the datasets", done, done + 1)
        if not _cancelled(task):
            raise InterruptedJobError

    def _thumbnail(self, ref: str, eyes: Eyes) -> bytes:
        try:
            told = eyes.look(self._local(ref))
        except BucketError:
            return UNREADABLE
        return base64.b64decode(told["thumbnail"]) if "thumbnail" in told else UNREADABLE


def _interrupted(task: Task) -> bool:
    return task.interrupted is not None


def _cancelled(task: Task) -> bool:
    return task.interrupted == "cancelled"


def _kill(worker: OwnWorker, eyes: Eyes) -> None:
    worker.kill()
    eyes.kill()


def _columns(answer: Frame, picture: _Picture) -> _Answer:
    problem = problem_of(answer, picture.called)
    if problem is not None:
        return {"error": problem}
    found = decode(answer.body)
    return {
        "findings": {**kept_line(found), "source": picture.ref},
        "anomalous": found.anomalous,
        "sureness": round(1e6 * found.confidence),
        "heat": None if found.heat_map is None else packed_heat(found.heat_map),
        "error": None,
    }


def _add_frames(session: Session, video_id: int, frames: Sequence[tuple[str, float]], *, error: str | None) -> None:
    """Make the frames of a video pictures of its trial, as many as it has room for; one that is there stays."""
    # The trial is locked before its parts, as by who deletes it, so that neither waits for the other.
    own = select(Trial).join(TrialVideo, TrialVideo.trial_id == Trial.id).where(TrialVideo.id == video_id)
    if session.scalars(own.with_for_update(of=Trial)).one_or_none() is None:  # it was deleted
        return
    video = session.get_one(TrialVideo, video_id)
    there = set(session.scalars(select(TrialPicture.source_ref).filter_by(trial_id=video.trial_id)))
    fresh = [(ref, time) for ref, time in dict(frames).items() if ref not in there]
    room = max(0, MOST_PICTURES - len(there))
    session.add_all(
        TrialPicture(trial_id=video.trial_id, source_ref=ref, name=_frame_name(video.name, time), video=video.name, time=time)
        for ref, time in fresh[:room]
    )
    if len(fresh) > room:
        error = f"{video.name!r} has {len(fresh):,} frames to look at, and the trial has room for {room:,}: begin another one."
    video.frames, video.error = len(frames), error
    session.flush()


def _frame_name(video: str, time: float) -> str:
    minutes, seconds = divmod(time, 60)
    return f"{video[:180]} at {int(minutes)}:{seconds:04.1f}"


def _open_pictures(trial_id: int) -> Select[int, str, str | None]:
    return (
        select(TrialPicture.id, TrialPicture.source_ref, TrialPicture.name)
        .where(TrialPicture.trial_id == trial_id, TrialPicture.findings.is_(None), TrialPicture.error.is_(None))
        .order_by(TrialPicture.id)
    )


def _set_failed(session: Session, trial_id: int, message: str) -> None:
    trial = session.get(Trial, trial_id)
    if trial is not None and trial.status == "RUNNING":
        trial.status, trial.message = "FAILED", message
