"""Uploads of pictures over REST: one, many, or an archive of them; each is checked, kept and put into a dataset."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Query, Request, status
from fastapi.concurrency import run_in_threadpool
from sqlalchemy import select
from sqlalchemy.orm import Session

from walkaround.errors import ConflictError
from walkaround.hosting.operations.results.reviews import note_with_change
from walkaround.hosting.operations.rows import find_dataset, find_project
from walkaround.store.tables import Dataset, Entry
from walkaround.web.problems import LeftOut
from walkaround.web.rest.access import Changer, IdempotencyKey, Visit
from walkaround.web.rest.bodies import UPLOAD_BODY, Sent, sent_files, uploads_in
from walkaround.web.rest.datasets.lines import labelled_line, manifest_of, picture_line
from walkaround.web.rest.shapes import KeptPicture, KindInPath, Label, ProjectName, Uploaded
from walkaround.web.uploads import Kept, NothingUsableError, Refused, managed_bucket

router = APIRouter(prefix="/projects/{project}/datasets/{kind}", tags=["datasets"])

_PATIENCE_SECONDS = 15.0
_PAUSE_SECONDS = 0.2
_AT_ONCE = 500
_CHANGING = ("UPDATE_IN_PROGRESS", "CREATE_IN_PROGRESS")
FileName = Annotated[str, Query(max_length=200, description="What you call a picture that is sent alone.")]


@dataclass(frozen=True, kw_only=True)
class Brought:
    """A picture that is to be in a dataset.

    Attributes:
        picture: its address, in the dataset's bucket.
        name: what it is called, if it is new.
        label: what somebody says of it; None: nothing, so that one that the dataset has keeps its own.
    """

    picture: str
    name: str
    label: str | None


@router.post("/pictures", status_code=status.HTTP_202_ACCEPTED, response_model_exclude_none=True, openapi_extra=UPLOAD_BODY)
async def upload_pictures(
    request: Request,
    visit: Changer,
    project: ProjectName,
    kind: KindInPath,
    *,
    label: Annotated[Label | None, Query(description="Label of all that bring none of their own.")] = None,
    name: FileName = "picture",
    folders: Annotated[
        Literal["labels", "classes"],
        Query(
            description="Of archives: only folders called normal and anomaly label, or each is a class, normal or of damage."
        ),
    ] = "labels",
    token: IdempotencyKey = None,
) -> Uploaded:
    """Add pictures to a dataset: one as the body, many as `files` of a form, or a zip archive either way.

    A picture of an archive that lies in a folder called normal or anomaly has that label; whole and damaged mean the same.
    What cannot be used is listed with the reason, and the rest is kept; where nothing can be used, that list is in the
    problem. A picture that the dataset has already keeps its labels, unless the upload brings another one.
    """
    await run_in_threadpool(_check_dataset, visit, project, kind)
    async with sent_files(request, visit.service.settings, name=name) as files:
        classes = folders == "classes"
        kept, refused = await run_in_threadpool(keep_pictures, visit, files, classes=classes)
        return await _add(visit, kept, refused, project=project, kind=kind, label=label, token=token)


def _check_dataset(visit: Visit, project: str, kind: str) -> None:
    """Refuse early what would be refused after a long upload."""

    def act(session: Session) -> dict[str, Any]:
        dataset = find_dataset(session, find_project(session, visit.owner, project), kind)
        if dataset.bucket not in (None, managed_bucket(visit.owner.account)):
            raise ConflictError(
                f"The pictures of the {kind} dataset of project {project!r} are in the bucket {dataset.bucket!r}, and all of a "
                "dataset are in one bucket: put the new ones there too, and add them by a manifest, as AWS' clients do.",
                resource_id=f"{project}/{kind}",
                resource_type="DATASET",
            )
        return {}

    visit.look(act)


async def _add(
    visit: Visit,
    kept: Sequence[Kept],
    refused: Sequence[Refused],
    *,
    project: str,
    kind: str,
    label: str | None,
    token: str | None,
) -> Uploaded:
    brought = [Brought(picture=one.picture, name=one.name, label=one.label or label) for one in kept]
    reply = await bring_pictures(visit, project, kind, brought, token=token)
    visit.service.thumbnails.prepare((one.bucket, one.key) for one in kept)
    return Uploaded(
        added=[kept_picture(one, label=one.label or label) for one in kept],
        refused=[LeftOut(name=one.name, reason=one.reason) for one in refused],
        known=reply["Known"],
        job=reply.get("Job"),
    )


def kept_picture(one: Kept, *, label: str | None) -> KeptPicture:
    """What is told of an uploaded picture that was kept, so that its name leads to its address."""
    members = {"name": one.name, "picture": one.picture, "width": one.width, "height": one.height, "label": label}
    return KeptPicture.model_validate(members)


def keep_pictures(visit: Visit, files: Sequence[Sent], *, classes: bool = False) -> tuple[list[Kept], list[Refused]]:
    """Check the pictures of the files and keep the good ones in the account's bucket; at least one is good.

    Raises:
        NothingUsableError: none is.
    """
    uploads = uploads_in(files, at_most=visit.service.settings.max_upload, classes=classes)
    found = list(visit.service.pictures.keep(visit.owner.account, uploads))
    kept, refused = [one for one in found if isinstance(one, Kept)], [one for one in found if isinstance(one, Refused)]
    if not kept:
        raise NothingUsableError(refused)
    return kept, refused


async def bring_pictures(
    visit: Visit,
    project: str,
    kind: str,
    brought: Sequence[Brought],
    *,
    token: str | None,
    results: dict[str, Any] | None = None,
) -> dict[str, Any]:
    """Put pictures into a dataset; one that it has already keeps all that is known of it but for another label.

    A dataset that is being changed at the moment is waited for, so that uploads may follow each other. Who waits holds no
    thread of the server: others are answered, however many wait.

    Args:
        visit: of whom brings them.
        project: of the dataset.
        kind: of the dataset.
        brought: the pictures.
        token: the idempotency key.
        results: that they are of, where they are of results: see `reviews.noted_later`.

    Returns:
        `Known`: how many of them it had already; `Job`: what changes it, where something changes.
    """
    deadline = time.monotonic() + _PATIENCE_SECONDS
    told = {one.picture: one for one in brought}  # of a picture that came twice, the last one

    def act(session: Session) -> dict[str, Any]:
        found = find_project(session, visit.owner, project, to_change=True)
        dataset = find_dataset(session, found, kind, to_change=True)
        known = _known(session, dataset, list(told))
        lines = [line for one in told.values() if (line := _line(visit, one, known.get(one.picture))) is not None]
        if not lines:
            return {"Known": len(known)}
        reply = visit.service.host.update_dataset_entries(
            session, visit.owner, project_name=project, dataset_type=kind, changes=manifest_of(lines)
        )
        if results is not None:
            note_with_change(session, dataset, results)
        return {**reply, "Known": len(known)}

    parameters = sorted((one.picture, one.label or "") for one in told.values())
    change = partial(visit.change, "upload", act, token=token, project=project, kind=kind, pictures=parameters)
    ready_before = False
    while True:
        try:
            return await run_in_threadpool(change)
        except ConflictError:
            changing = await run_in_threadpool(_is_changing, visit, project, kind)
            if time.monotonic() > deadline or (ready_before and not changing):
                raise
            ready_before = not changing
        await asyncio.sleep(_PAUSE_SECONDS)
        while time.monotonic() < deadline and await run_in_threadpool(_is_changing, visit, project, kind):
            await asyncio.sleep(_PAUSE_SECONDS)


def _known(session: Session, dataset: Dataset, pictures: Sequence[str]) -> dict[str, str]:
    """The lines of those pictures that the dataset has already; read under its lock, so that nobody changes them meanwhile."""
    lines: dict[str, str] = {}
    for start in range(0, len(pictures), _AT_ONCE):
        query = select(Entry.source_ref, Entry.line).where(
            Entry.dataset_id == dataset.id, Entry.source_ref.in_(pictures[start : start + _AT_ONCE])
        )
        lines |= {row.source_ref: row.line for row in session.execute(query)}
    return lines


def _line(visit: Visit, one: Brought, known: str | None) -> dict[str, Any] | None:
    """What the dataset is told of a picture; None where it need not be told anything."""
    if known is None:
        return picture_line(one.picture, name=one.name, label=one.label)
    return None if one.label is None else labelled_line(json.loads(known), one.label, worker=visit.caller.key_id)


def _is_changing(visit: Visit, project: str, kind: str) -> bool:
    reply = visit.look(
        lambda session: visit.service.host.describe_dataset(session, visit.owner, project_name=project, dataset_type=kind)
    )
    return reply["DatasetDescription"]["Status"] in _CHANGING
