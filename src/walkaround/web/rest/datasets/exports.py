"""Exports over REST: datasets as an archive in the format of another tool, or as their own manifest."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Path, status
from fastapi.responses import FileResponse, Response, StreamingResponse
from pydantic import BaseModel, Field
from sqlalchemy import select

from walkaround.errors import NotFoundError, ValidationError
from walkaround.hosting.operations.datasets.exporting import Form, archive_of, begin_export, describe_export, list_exports
from walkaround.hosting.operations.rows import find_dataset, find_project
from walkaround.store.tables import Entry
from walkaround.web.rest.access import Changer, IdempotencyKey, Reader, Visit
from walkaround.web.rest.handles import job_handle
from walkaround.web.rest.shapes import DatasetKind, KindInPath, ProjectName, Strict

router = APIRouter(prefix="/projects/{project}", tags=["datasets"])

_AT_ONCE = 1_000
_ADDRESSED = ("ground-truth", "lookout")
ExportNumber = Annotated[int, Path(ge=1, le=2**53, description="An export's number.")]
_FILES: dict[int | str, dict[str, Any]] = {200: {"description": "The archive.", "content": {"application/zip": {}}}}
_LINES: dict[int | str, dict[str, Any]] = {200: {"description": "JSON lines.", "content": {"application/jsonl": {}}}}


class NewExport(Strict):
    """Datasets to write in a format; pictures go with them."""

    format: Form = Field(description="As `walkaround export` knows them.")
    datasets: Annotated[
        list[DatasetKind], Field(min_length=1, max_length=2, description="Which datasets; each becomes a split.")
    ]
    address: Annotated[
        str | None,
        Field(
            max_length=1024,
            pattern=r"^s3://[^/\x00-\x20\x7f]+(/[^\x00-\x1f\x7f]*)?$",
            description="s3://BUCKET/PREFIX where it will be put, for the addresses in manifests of ground-truth and lookout.",
        ),
    ] = None
    skip_bad_labels: bool = Field(default=False, description="Leave out boxes and masks that cannot be used.")


class ExportProblem(BaseModel):
    """Something that was left out, or that the format cannot hold."""

    kind: str = Field(description="A short fixed name.")
    severity: Literal["error", "warning", "note"] = Field(description="How bad it is.")
    message: str = Field(description="What is wrong, and what to do.")


class ExportOfProject(BaseModel):
    """An export; kept for a day."""

    id: int = Field(description="Its number.")
    format: Form = Field(description="The format.")
    datasets: list[DatasetKind] = Field(description="Which datasets.")
    status: Literal["RUNNING", "COMPLETE", "FAILED"] = Field(description="How far it is.")
    message: str = Field(description="Why it failed, and what to do.")
    name: str = Field(description="Name of the archive.")
    created: datetime = Field(description="When it was begun.")
    ended: datetime | None = Field(description="When it ended.")
    pictures: int | None = Field(description="Pictures in it.")
    bytes: int | None = Field(description="Size of the archive.")
    problems: list[ExportProblem] = Field(description="What was left out, or cannot be told in the format.")
    job: str | None = Field(description="The job that writes it; null where it has ended.")


class Exports(BaseModel):
    """The exports of the last day."""

    exports: list[ExportOfProject] = Field(description="The newest first.")


@router.post("/exports", status_code=status.HTTP_202_ACCEPTED)
def start_export(visit: Changer, project: ProjectName, new: NewExport, token: IdempotencyKey = None) -> ExportOfProject:
    """Write datasets of a project with their pictures as an archive in the format of another tool, by a job."""
    if new.address is not None and new.format not in _ADDRESSED:
        raise ValidationError(f"{new.format} holds no addresses: leave the address out, or take {' or '.join(_ADDRESSED)}.")
    reply = visit.change(
        "start_export",
        lambda session: begin_export(
            session,
            visit.owner,
            project_name=project,
            form=new.format,
            kinds=list(dict.fromkeys(new.datasets)),
            address=new.address,
            skip_bad=new.skip_bad_labels,
        ),
        token=token,
        project=project,
        new=new.model_dump(),
    )
    return _export(visit, reply["Export"])


@router.get("/exports")
def read_exports(visit: Reader, project: ProjectName) -> Exports:
    """List the exports of a project of the last day."""
    reply = visit.look(lambda session: list_exports(session, visit.owner, project_name=project))
    return Exports(exports=[_export(visit, one) for one in reply["Exports"]])


@router.get("/exports/{number}")
def read_export(visit: Reader, project: ProjectName, number: ExportNumber) -> ExportOfProject:
    """Tell how far an export is."""
    return _export(visit, _described(visit, project, number))


@router.get("/exports/{number}/archive", response_class=FileResponse, responses=_FILES)
def fetch_export(visit: Reader, project: ProjectName, number: ExportNumber) -> Response:
    """Fetch the archive of an export that is complete."""
    told = _described(visit, project, number)
    archive = archive_of(visit.service.settings.data, number)
    if told["Status"] != "COMPLETE" or not archive.is_file():
        raise NotFoundError(
            f"Export {number} of project {project!r} has no archive: it is not complete, or it was made on another server.",
            resource_id=project,
            resource_type="PROJECT",
        )
    return FileResponse(archive, media_type="application/zip", filename=told["Name"])


@router.get("/datasets/{kind}/manifest", response_class=StreamingResponse, responses=_LINES)
def fetch_manifest(visit: Reader, project: ProjectName, kind: KindInPath) -> Response:
    """Fetch the lines of a dataset as a manifest of SageMaker Ground Truth; pictures and masks stay where they are."""
    number = visit.look(lambda session: {"id": find_dataset(session, find_project(session, visit.owner, project), kind).id})[
        "id"
    ]
    name = f"{project}-{kind}.manifest"
    headers = {"Content-Disposition": f'attachment; filename="{name}"', "Cache-Control": "no-store"}
    return StreamingResponse(_lines(visit, number), media_type="application/jsonl", headers=headers)


def _lines(visit: Visit, dataset: int) -> Iterator[bytes]:
    """The lines in the order in which they came, a thousand at a time, so that no transaction lasts."""
    last = 0
    while True:
        with visit.service.database.reading() as session:
            query = select(Entry.id, Entry.line).where(Entry.dataset_id == dataset, Entry.id > last).order_by(Entry.id)
            rows = session.execute(query.limit(_AT_ONCE)).all()
        if not rows:
            return
        yield "".join(f"{line}\n" for _, line in rows).encode()
        last = rows[-1][0]


def _described(visit: Visit, project: str, number: int) -> dict[str, Any]:
    reply = visit.look(lambda session: describe_export(session, visit.owner, project_name=project, number=number))
    told: dict[str, Any] = reply["Export"]
    return told


def _export(visit: Visit, told: dict[str, Any]) -> ExportOfProject:
    job = told["JobId"]
    return ExportOfProject(
        id=told["Id"],
        format=told["Form"],
        datasets=told["Kinds"],
        status=told["Status"],
        message=told["Message"],
        name=told["Name"],
        created=told["Created"],
        ended=told["Ended"],
        pictures=told["Pictures"],
        bytes=told["Bytes"],
        problems=[ExportProblem(**one) for one in told["Problems"]],
        job=None if job is None else job_handle(visit.service.ring, visit.owner, job),
    )
