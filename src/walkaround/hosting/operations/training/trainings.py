"""Trainings as their log tells of them: how far one is, what it went through, how it ended, and how long it may still take."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, Literal

from sqlalchemy import select
from sqlalchemy.orm import Session, defer

from walkaround.hosting.operations.pages import open_page
from walkaround.hosting.operations.rows import find_model, find_project
from walkaround.hosting.owner import Owner
from walkaround.store.tables import Job, Model, Project, TrainingLine, now

State = Literal["waiting", "running", "done", "failed", "cancelled"]

CHECKING = "Checking pictures"
"""The phase that tells how many pictures there are."""
_HEAD = ("begin", "phase", "end")
_LEAST_SHARE, _LEAST_SECONDS = 0.02, 2.0
_COMPARED = 20


@dataclass(frozen=True, kw_only=True)
class Phase:
    """Something that a training did or does.

    Attributes:
        doing: what.
        done: steps of it that were done when it was first told of.
        of: steps in all.
        began: when.
        seconds: that it took; None while it goes on.
    """

    doing: str
    done: int
    of: int
    began: datetime
    seconds: float | None


@dataclass(frozen=True, kw_only=True)
class TimeLeft:
    """How long something may still take.

    Attributes:
        seconds: from now.
        whole: until the end of the training; False: of the present phase.
        basis: what the number goes by, in words.
    """

    seconds: float
    whole: bool
    basis: str


@dataclass(frozen=True, kw_only=True)
class Training:
    """A training of a model.

    Attributes:
        model: its row.
        state: how far it is.
        job: number of its job; None where it ended long ago.
        attempts: how often it was begun; None where nothing was written down.
        next_try: when it is tried again, after an attempt that could not be done.
        error: why the last attempt could not be done.
        began, ended: when.
        doing, done, of: what it is doing, and how far that is.
        left: how long it may still take, where that can be told.
        phases: of the last attempt.
        message: how it ended, in a sentence.
    """

    model: Model
    state: State
    job: int | None
    attempts: int | None
    next_try: datetime | None
    error: str | None
    began: datetime | None
    ended: datetime | None
    doing: str | None
    done: int | None
    of: int | None
    left: TimeLeft | None
    phases: tuple[Phase, ...]
    message: str

    @property
    def seconds(self) -> float | None:
        """How long it took, or has taken so far."""
        return None if self.began is None else ((self.ended or now()) - self.began) / timedelta(seconds=1)


def log_folder(model: int) -> Path:
    """Where event files and the report of a training are, relative to the data folder."""
    return Path("trainings", str(model))


def add_end(session: Session, model: int, *, state: State | str, message: str) -> None:
    """Write down how a training ended, in the transaction of the model's new status."""
    session.add(TrainingLine(model_id=model, kind="end", told={"state": state, "message": message}))


def find_training(session: Session, owner: Owner, *, project_name: str, model_version: str) -> Training:
    """The training of a model.

    Raises:
        NotFoundError: there is no such project or model.
    """
    project = find_project(session, owner, project_name)
    return training_of(session, find_model(session, project, model_version))


def list_trainings(
    session: Session,
    owner: Owner,
    *,
    project_name: str,
    next_token: str | None = None,
    max_results: int | None = None,
) -> tuple[Sequence[Training], str | None]:
    """The trainings of a project, the newest first, and the token of the next page.

    Raises:
        NotFoundError: there is no such project.
        ValidationError: the token or `max_results` is not allowed.
    """
    project = find_project(session, owner, project_name)
    page = open_page("ListTrainings", owner, project.id, next_token=next_token, max_results=max_results)
    query = select(Model).options(defer(Model.scores)).filter_by(project_id=project.id)  # scorecards are large
    models, token = page.of(session, query, Model.version, falling=True)
    heads = _heads(session, [model.id for model in models])
    jobs = _jobs(session, [model.id for model in models])
    return [_training(session, model, heads.get(model.id, []), jobs.get(model.id)) for model in models], token


def training_of(session: Session, model: Model) -> Training:
    """The training of a model."""
    return _training(session, model, _heads(session, [model.id]).get(model.id, []), _jobs(session, [model.id]).get(model.id))


def lines_of(session: Session, model: Model, *, after: int = 0) -> Sequence[TrainingLine]:
    """The log of a training, in order, from behind a line on."""
    query = select(TrainingLine).where(TrainingLine.model_id == model.id, TrainingLine.id > after)
    return session.scalars(query.order_by(TrainingLine.id)).all()


def expected_seconds(
    session: Session, project: Project, *, options: Mapping[str, Any] | None, pictures: int
) -> tuple[float, int] | None:
    """How long a training of so many pictures may take, and the version that this goes by; None where none was like it."""
    earlier = _earlier(session, project.id, options, before=None)
    if earlier is None:
        return None
    model, phases = earlier
    seconds = sum((phase.seconds or 0.0) * _scale(phases, pictures, phase) for phase in phases)
    return seconds, model.version


def _training(session: Session, model: Model, head: Sequence[TrainingLine], job: Job | None) -> Training:
    begins = [line for line in head if line.kind == "begin"]
    end = next((line for line in reversed(head) if line.kind == "end"), None)
    state = _state(model, end, job, begun=bool(begins))
    ended = None
    if state not in ("waiting", "running"):
        ended = end.created if end else model.evaluation_ended or (job.ended if job else None)
    phases = _phases(head, until=ended)
    progress: Mapping[str, Any] = (job.progress or {}) if job is not None and state == "running" else {}
    return Training(
        model=model,
        state=state,
        job=None if job is None else job.id,
        attempts=len(begins) or None,
        next_try=job.due if job is not None and job.state == "due" and job.attempts else None,
        error=job.error if job is not None and ended is None else None,
        began=begins[0].created if begins else None,
        ended=ended,
        doing=progress.get("doing"),
        done=progress.get("done"),
        of=progress.get("of"),
        left=_left(session, model, phases, progress, began=begins[-1].created) if progress and begins else None,
        phases=phases,
        message=model.message if state in ("failed", "cancelled") else str(end.told["message"]) if end else "",
    )


def _state(model: Model, end: TrainingLine | None, job: Job | None, *, begun: bool) -> State:
    if model.status == "TRAINING":
        return "running" if job is not None and job.state == "running" and begun else "waiting"
    if model.status == "TRAINING_FAILED":
        if end is not None:
            return "cancelled" if end.told["state"] == "cancelled" else "failed"
        return "cancelled" if job is not None and job.cancelled else "failed"
    told: State | None = end.told["state"] if end is not None else None
    return told or ("done" if model.package else "failed")


def _heads(session: Session, models: Sequence[int]) -> dict[int, list[TrainingLine]]:
    """The lines of trainings that tell what they went through; the curves are far more, and stay where they are."""
    query = select(TrainingLine).where(TrainingLine.model_id.in_(models), TrainingLine.kind.in_(_HEAD))
    found: dict[int, list[TrainingLine]] = {}
    for line in session.scalars(query.order_by(TrainingLine.id)):
        found.setdefault(line.model_id, []).append(line)
    return found


def _jobs(session: Session, models: Sequence[int]) -> dict[int, Job]:
    query = select(Job).where(Job.kind == "train", Job.subject.in_(models)).order_by(Job.id)
    return {job.subject: job for job in session.scalars(query)}


def _phases(head: Iterable[TrainingLine], *, until: datetime | None) -> tuple[Phase, ...]:
    """The phases of the last attempt."""
    lines: list[TrainingLine] = []
    for line in head:
        if line.kind == "begin":
            lines = []
        elif line.kind == "phase":
            lines.append(line)
    ends = [*(line.created for line in lines[1:]), until]
    return tuple(
        Phase(
            doing=line.told["doing"],
            done=line.told["done"],
            of=line.told["of"],
            began=line.created,
            seconds=None if end is None else max(0.0, (end - line.created) / timedelta(seconds=1)),
        )
        for line, end in zip(lines, ends, strict=False)
    )


def _left(
    session: Session, model: Model, phases: tuple[Phase, ...], progress: Mapping[str, Any], *, began: datetime
) -> TimeLeft | None:
    """What can be told of the time that is left: by the pace, by an earlier training, by the limit."""
    if not phases:
        return None
    pace = _by_pace(phases[-1], progress)
    told: list[TimeLeft] = []
    earlier = _earlier(session, model.project_id, model.options, before=model.version)
    seconds = None if earlier is None else _by_earlier(phases, pace, earlier[1])
    if earlier is not None and seconds is not None:
        basis = f"how long version {earlier[0].version} took" + ("" if pace is None else ", and the pace so far")
        told.append(TimeLeft(seconds=seconds, whole=True, basis=basis))
    minutes = (model.options or {}).get("minutes")
    if minutes is not None:
        limit = 60 * float(minutes) - (now() - began) / timedelta(seconds=1)
        told.append(TimeLeft(seconds=max(0.0, limit), whole=True, basis=f"the limit of {minutes:g} minutes"))
    if not told and pace is not None:
        told.append(TimeLeft(seconds=pace, whole=False, basis="the pace of this step so far"))
    return min(told, key=lambda one: one.seconds, default=None)


def _by_pace(phase: Phase, progress: Mapping[str, Any]) -> float | None:
    """Seconds that the present phase still takes at the pace of its beginning."""
    if progress.get("doing") != phase.doing or not phase.of > phase.done:
        return None
    share = (float(progress["done"]) - phase.done) / (phase.of - phase.done)
    taken = (now() - phase.began) / timedelta(seconds=1)
    if not _LEAST_SHARE <= share < 1 or taken < _LEAST_SECONDS:
        return None
    return max(0.0, taken * (1 - share) / share)


def _by_earlier(phases: tuple[Phase, ...], pace: float | None, earlier: tuple[Phase, ...]) -> float | None:
    """Seconds until the end, by an earlier training; None where it did not do what this one is doing."""
    present = phases[-1]
    names = [phase.doing for phase in earlier]
    if present.doing not in names:
        return None
    pictures = _pictures(phases) or _pictures(earlier)
    at = names.index(present.doing)
    rest = sum((phase.seconds or 0.0) * _scale(earlier, pictures, phase) for phase in earlier[at + 1 :])
    if pace is None:
        taken = (now() - present.began) / timedelta(seconds=1)
        pace = max(0.0, (earlier[at].seconds or 0.0) * _scale(earlier, pictures, earlier[at]) - taken)
    return pace + rest


def _earlier(
    session: Session, project: int, options: Mapping[str, Any] | None, *, before: int | None
) -> tuple[Model, tuple[Phase, ...]] | None:
    """The newest training of a project that ended well and was asked for in the same way, with its phases."""
    query = select(Model).options(defer(Model.scores)).where(Model.project_id == project, Model.package.is_not(None))
    query = query.order_by(Model.version.desc())
    if before is not None:
        query = query.where(Model.version < before)
    models = [one for one in session.scalars(query.limit(_COMPARED)) if _kind(one.options) == _kind(options)]
    heads = _heads(session, [model.id for model in models])
    for model in models:
        head = heads.get(model.id, [])
        end = next((line.created for line in reversed(head) if line.kind == "end"), None)
        phases = _phases(head, until=end)
        if end is not None and phases:
            return model, phases
    return None


def _kind(options: Mapping[str, Any] | None) -> tuple[str | None, tuple[str, ...], bool | None]:
    """What makes trainings alike; a limit of time does not. Which quality is meant where none is named is up to a setting."""
    options = options or {}
    return options.get("quality"), tuple(options.get("parts", ())), options.get("multi_label")


def _pictures(phases: Iterable[Phase]) -> int:
    return next((phase.of for phase in phases if phase.doing == CHECKING), 0)


def _scale(earlier: Sequence[Phase], pictures: int, phase: Phase) -> float:
    """How much longer a phase takes with so many pictures; what is done once takes as long as ever."""
    before = _pictures(earlier)
    return pictures / before if before and pictures and phase.of > 1 else 1.0
