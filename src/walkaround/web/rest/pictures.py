"""Uploads of pictures over REST: one, many, or an archive of them; each is checked, kept and put into a dataset."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from typing import Annotated, Any

from fastapi import APIRouter, Query, Request, status
from fastapi.concurrency import run_in_threadpool
from sqlalchemy.orm import Session

from walkaround.errors import ConflictError
from walkaround.hosting.operations.rows import find_dataset, find_project
from walkaround.web.problems import LeftOut
from walkaround.web.rest.access import Changer, IdempotencyKey, Visit
from walkaround.web.rest.bodies import UPLOAD_BODY, Sent, sent_files, uploads_in
from walkaround.web.rest.lines import manifest_of, picture_line
from walkaround.web.rest.shapes import KeptPicture, KindInPath, Label, ProjectName, Uploaded
from walkaround.web.uploads import Kept, NothingUsableError, Refused, managed_bucket

router = APIRouter(prefix="/projects/{project}/datasets/{kind}", tags=["datasets"])

_PATIENCE_SECONDS = 15.0
_PAUSE_SECONDS = 0.2
_CHANGING = ("UPDATE_IN_PROGRESS", "CREATE_IN_PROGRESS")
FileName = Annotated[str, Query(max_length=200, description="What you call a picture that is sent alone.")]


@router.post("/pictures", status_code=status.HTTP_202_ACCEPTED, response_model_exclude_none=True, openapi_extra=UPLOAD_BODY)
async def upload_pictures(
    request: Request,
    visit: Changer,
    project: ProjectName,
    kind: KindInPath,
    *,
    label: Annotated[Label | None, Query(description="Label of all that bring none of their own.")] = None,
    name: FileName = "picture",
    token: IdempotencyKey = None,
) -> Uploaded:
    """Add pictures to a dataset: one as the body, many as `files` of a form, or a zip archive either way.

    A picture of an archive that lies in a folder called normal or anomaly has that label. What cannot be used is listed with
    the reason, and the rest is kept; where nothing can be used, that list is in the problem.
    """
    await run_in_threadpool(_check_dataset, visit, project, kind)
    async with sent_files(request, visit.service.settings, name=name) as files:
        return await run_in_threadpool(_add, visit, files, project=project, kind=kind, label=label, token=token)


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


def _add(visit: Visit, files: Sequence[Sent], *, project: str, kind: str, label: str | None, token: str | None) -> Uploaded:
    kept, refused = keep_pictures(visit, files)
    lines = [picture_line(one.picture, name=one.name, label=one.label or label) for one in kept]
    reply = _changed(visit, project, kind, lines={line["source-ref"]: line for line in lines}, token=token)
    return Uploaded(
        added=[kept_picture(one, label=one.label or label) for one in kept],
        refused=[LeftOut(name=one.name, reason=one.reason) for one in refused],
        job=reply.get("Job"),
    )


def kept_picture(one: Kept, *, label: str | None) -> KeptPicture:
    """What is told of an uploaded picture that was kept, so that its name leads to its address."""
    members = {"name": one.name, "picture": one.picture, "width": one.width, "height": one.height, "label": label}
    return KeptPicture.model_validate(members)


def keep_pictures(visit: Visit, files: Sequence[Sent]) -> tuple[list[Kept], list[Refused]]:
    """Check the pictures of the files and keep the good ones in the account's bucket; at least one is good.

    Raises:
        NothingUsableError: none is.
    """
    uploads = uploads_in(files, at_most=visit.service.settings.max_upload)
    found = list(visit.service.pictures.keep(visit.owner.account, uploads))
    kept, refused = [one for one in found if isinstance(one, Kept)], [one for one in found if isinstance(one, Refused)]
    if not kept:
        raise NothingUsableError(refused)
    return kept, refused


def _changed(visit: Visit, project: str, kind: str, *, lines: Mapping[str, Any], token: str | None) -> dict[str, Any]:
    """Change the dataset; one that is being changed at the moment is waited for, so that uploads may follow each other."""
    deadline = time.monotonic() + _PATIENCE_SECONDS
    changes = manifest_of(lines.values())

    def act(session: Session) -> dict[str, Any]:
        reply: dict[str, Any] = visit.service.host.update_dataset_entries(
            session, visit.owner, project_name=project, dataset_type=kind, changes=changes
        )
        return reply

    ready_before = False
    while True:
        try:
            return visit.change("upload", act, token=token, project=project, kind=kind, pictures=sorted(lines))
        except ConflictError:
            changing = _is_changing(visit, project, kind)
            if time.monotonic() > deadline or (ready_before and not changing):
                raise
            ready_before = not changing
        time.sleep(_PAUSE_SECONDS)


def _is_changing(visit: Visit, project: str, kind: str) -> bool:
    reply = visit.look(
        lambda session: visit.service.host.describe_dataset(session, visit.owner, project_name=project, dataset_type=kind)
    )
    return reply["DatasetDescription"]["Status"] in _CHANGING
