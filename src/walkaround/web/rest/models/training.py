"""Trainings over REST: what would be trained and why, what one tells while it goes on, and what it leaves."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Annotated, Any

from fastapi import APIRouter, Query
from fastapi.responses import Response, StreamingResponse
from sqlalchemy.orm import Session

from walkaround.errors import ConflictError
from walkaround.hosting.operations.rows import find_model, find_project
from walkaround.hosting.operations.training.training_options import TrainingOptions
from walkaround.hosting.operations.training.training_plan import Counted, TrainingPlan, training_plan
from walkaround.hosting.operations.training.trainings import Training as Told
from walkaround.hosting.operations.training.trainings import lines_of, list_trainings, log_folder, training_of
from walkaround.hosting.operations.training.verdict_labels import VerdictLabels
from walkaround.hosting.owner import Owner
from walkaround.settings import Settings
from walkaround.store.tables import TrainingLine
from walkaround.training.recipe import Part, Quality
from walkaround.training.report import PAGE_FILE
from walkaround.web.rest.access import Reader, Visit
from walkaround.web.rest.handles import job_handle
from walkaround.web.rest.jobs import LastEvent
from walkaround.web.rest.models.training_shapes import (
    CountedPictures,
    DamageTypes,
    Expected,
    LearntPart,
    Left,
    LogLine,
    Options,
    PartName,
    Plan,
    QualityName,
    Training,
    TrainingAdvice,
    TrainingLog,
    TrainingNote,
    TrainingPhase,
    Trainings,
)
from walkaround.web.rest.shapes import Limit, NextPage, ProjectName, Version
from walkaround.web.rest.streaming import Standing, Watched, progress_stream
from walkaround.web.zipped import zipped

router = APIRouter(prefix="/projects/{project}", tags=["training"])

_LOOK_SECONDS = 1.0
_REPORT_POLICY = "default-src 'none'; style-src 'unsafe-inline'; img-src data:; sandbox"
_STREAM: dict[int | str, dict[str, Any]] = {
    200: {"content": {"text/event-stream": {}}, "description": "Events training, each a TrainingLog, and one end."}
}
_PAGE: dict[int | str, dict[str, Any]] = {200: {"content": {"text/html": {}}, "description": "The report."}}
_ZIP: dict[int | str, dict[str, Any]] = {200: {"content": {"application/zip": {}}, "description": "The files."}}


@router.get("/training-plan")
def plan_training(
    visit: Reader,
    project: ProjectName,
    quality: Annotated[QualityName | None, Query(description="As in the training that is planned.")] = None,
    parts: Annotated[list[PartName] | None, Query(max_length=3, description="As in the training that is planned.")] = None,
    *,
    multi_label: Annotated[bool | None, Query(description="As in the training that is planned.")] = None,
) -> Plan:
    """Tell what would be trained from the datasets as they are, and why; the labels decide.

    The training itself decides in the same way, with what the pictures show besides: copies, and files that cannot be read.
    """
    options = options_of(None, quality, parts, multi_label=multi_label)
    settings = visit.service.settings

    def act(session: Session) -> dict[str, Any]:
        plan = training_plan(session, visit.owner, project_name=project, options=options, settings=settings)
        return {"Plan": plan}

    return _plan(visit.look(act)["Plan"], settings)


@router.get("/trainings")
def list_all(visit: Reader, project: ProjectName, limit: Limit = 100, page: NextPage = None) -> Trainings:
    """List the trainings of a project with their ends, the newest first."""

    def act(session: Session) -> dict[str, Any]:
        found, token = list_trainings(session, visit.owner, project_name=project, next_token=page, max_results=limit)
        return {"Trainings": [Training(**_head(visit, one)) for one in found], "NextToken": token}

    reply = visit.look(act)
    return Trainings(trainings=reply["Trainings"], next=reply["NextToken"])


@router.get("/models/{version}/training")
def describe_training(
    visit: Reader,
    project: ProjectName,
    version: Version,
    after: Annotated[int, Query(ge=0, le=2**53, description="Only lines of the log with a higher number.")] = 0,
) -> TrainingLog:
    """Tell how far the training of a model is, or how it ended, with the log of what it told."""
    return _told(visit, project, version, after=after)


@router.get("/models/{version}/training/events", response_class=StreamingResponse, responses=_STREAM)
async def training_events(
    visit: Reader, project: ProjectName, version: Version, last_event_id: LastEvent = None
) -> StreamingResponse:
    """Tell of a training as it goes on: each event has how far it is, and the lines of the log that are new.

    A client that comes again with Last-Event-ID gets the lines that it does not know yet.
    """
    line = _line_of(last_event_id)

    def look(version: str) -> tuple[str, Standing]:
        nonlocal line
        told = _told(visit, project, version, after=line)
        line = told.log[-1].number if told.log else line
        return told.version, _standing(told, line)

    number, first = await asyncio.to_thread(look, version)  # which version is the latest may change
    watched = Watched(event="training", first=first, look=lambda: look(number)[1], pause=_LOOK_SECONDS)
    return progress_stream(visit.service, watched, known=last_event_id)


@router.get("/models/{version}/training/report", response_class=Response, responses=_PAGE)
def report(visit: Reader, project: ProjectName, version: Version) -> Response:
    """Give the report of a training as one page that needs no network: rules that fired, losses, scores, times."""
    path = files_of(visit, project, version) / PAGE_FILE
    try:
        content = path.read_bytes()
    except FileNotFoundError as problem:
        raise _no_files(project, version) from problem
    return Response(content, media_type="text/html; charset=utf-8", headers={"Content-Security-Policy": _REPORT_POLICY})


@router.get("/models/{version}/training/files", response_class=StreamingResponse, responses=_ZIP)
def files(visit: Reader, project: ProjectName, version: Version) -> StreamingResponse:
    """Give the event files of TensorBoard and the report of a training as a zip archive."""
    folder = files_of(visit, project, version)
    name = f"{project}-{folder_version(visit, project, version)}-training"
    return zipped(folder, name=name)


def options_of(
    minutes: float | None, quality: str | None, parts: list[PartName] | None, *, multi_label: bool | None
) -> TrainingOptions:
    """The options of a request."""
    return TrainingOptions(
        minutes=minutes,
        quality=None if quality is None else Quality(quality),
        parts=tuple(sorted({Part(part) for part in parts or ()}, key=list(Part).index)),
        multi_label=multi_label,
    )


def files_of(visit: Visit, project: str, version: str) -> Path:
    """The folder of event files and report of a training.

    Raises:
        NotFoundError: there is no such model.
        ConflictError: it has none.
    """
    folder = visit.service.settings.data / _folder(visit, project, version)
    if not _has_files(folder):
        raise _no_files(project, version)
    return folder


def folder_version(visit: Visit, project: str, version: str) -> int:
    """The number of a version that may be called latest."""
    found = visit.look(lambda session: {"Version": _model(session, visit.owner, project, version).version})
    return int(found["Version"])


def _folder(visit: Visit, project: str, version: str) -> Path:
    found = visit.look(lambda session: {"Id": _model(session, visit.owner, project, version).id})
    return log_folder(found["Id"])


def _model(session: Session, owner: Owner, project: str, version: str) -> Any:
    return find_model(session, find_project(session, owner, project), version)


def _no_files(project: str, version: str) -> ConflictError:
    return ConflictError(
        f"The training of model {version} of project {project!r} has left no files yet: they are written while it trains.",
        resource_id=f"{project}/{version}",
        resource_type="MODEL",
    )


def _has_files(folder: Path) -> bool:
    return folder.is_dir() and any(folder.iterdir())


def _standing(told: TrainingLog, line: int) -> Standing:
    name = f"{line}.{told.state}.{(told.doing or '').replace(' ', '_')}.{told.done or 0}"
    return Standing(id=name, data=told.model_dump_json(), state=told.state)


def _line_of(event: str | None) -> int:
    """The last line that a client knows, by the id of an event."""
    number = (event or "").partition(".")[0]
    return int(number) if number.isdecimal() and len(number) < 16 else 0


def _told(visit: Visit, project: str, version: str, *, after: int) -> TrainingLog:
    def act(session: Session) -> dict[str, Any]:
        model = _model(session, visit.owner, project, version)
        lines = [_line(line) for line in lines_of(session, model, after=after)]
        files = _has_files(visit.service.settings.data / log_folder(model.id))
        return {"Told": TrainingLog(**_head(visit, training_of(session, model)), log=lines, files=files)}

    told: TrainingLog = visit.look(act)["Told"]
    return told


def _line(line: TrainingLine) -> LogLine:
    return LogLine(number=line.id, kind=line.kind, part=line.part, step=line.step, at=line.created, told=line.told)


def _head(visit: Visit, told: Told) -> dict[str, Any]:
    model = told.model
    return {
        "version": str(model.version),
        "status": model.status,
        "state": told.state,
        "message": told.message,
        "job": None if told.job is None else job_handle(visit.service.ring, visit.owner, told.job),
        "options": Options(**(model.options or {})),
        "created": model.created,
        "began": told.began,
        "ended": told.ended,
        "seconds": told.seconds,
        "attempts": told.attempts,
        "next_try": told.next_try,
        "error": told.error,
        "doing": told.doing,
        "done": told.done,
        "of": told.of,
        "left": None if told.left is None else Left(seconds=told.left.seconds, whole=told.left.whole, basis=told.left.basis),
        "phases": [
            TrainingPhase(doing=phase.doing, of=phase.of, began=phase.began, seconds=phase.seconds) for phase in told.phases
        ],
    }


def _plan(plan: TrainingPlan, settings: Settings) -> Plan:
    return Plan(
        version=plan.version,
        ready=not plan.lacks,
        lacks=list(plan.lacks),
        learnt=[
            LearntPart(part=one.part.value, how=one.how, classes=list(one.classes), pictures=one.pictures, why=one.why)
            for one in plan.learnt
        ],
        damage_types=None if plan.verdict is None else _damage_types(plan.verdict),
        train=None if plan.train is None else _counted(plan.train),
        test=None if plan.test is None else _counted(plan.test),
        learning=_counted(plan.learning),
        testing=_counted(plan.testing),
        kept_back=plan.single,
        notes=[TrainingNote(severity=note.severity, message=note.message) for note in plan.notes],
        advice=[TrainingAdvice(part=None if one.part is None else one.part.value, message=one.message) for one in plan.advice],
        pytorch=plan.pytorch,
        minutes=settings.training_minutes,
        most_minutes=settings.training_minutes,
        quality=settings.training_quality,
        trainings=plan.trainings,
        trainings_at_once=plan.trainings_at_once,
        models=plan.models,
        models_per_project=plan.models_per_project,
        expected=None if plan.seconds is None or plan.like is None else Expected(seconds=plan.seconds, like=plan.like),
    )


def _damage_types(verdict: VerdictLabels) -> DamageTypes:
    return DamageTypes(
        multi_label=verdict.multi_label,
        by=verdict.by,
        why=verdict.why,
        several=verdict.several,
        pictures=dict(verdict.kinds),
    )


def _counted(counted: Counted) -> CountedPictures:
    return CountedPictures(
        total=counted.total,
        normal=counted.normal,
        anomaly=counted.anomaly,
        unlabelled=counted.unlabelled,
        boxes=counted.boxes,
        masks=counted.masks,
    )
