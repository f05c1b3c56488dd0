"""Pictures that are in a bucket already become entries over REST: by a manifest that is sent, or all below a prefix."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import Any

from fastapi import APIRouter, Request, status
from fastapi.concurrency import run_in_threadpool
from pydantic import Field
from sqlalchemy import select
from sqlalchemy.orm import Session

from walkaround.errors import ValidationError
from walkaround.hosting.operations.datasets.entries import picture_limit
from walkaround.hosting.operations.lines.manifest_lines import LONGEST_NAME
from walkaround.hosting.operations.rows import find_dataset, find_project
from walkaround.store.tables import Entry
from walkaround.web.archives import Folders, label_of_folders
from walkaround.web.rest.access import Changer, IdempotencyKey, Visit, check_media_type
from walkaround.web.rest.datasets.found_pictures import pictures_below
from walkaround.web.rest.datasets.lines import manifest_of, picture_line
from walkaround.web.rest.shapes import Accepted, Bucket, KindInPath, Label, Prefix, ProjectName, Strict

router = APIRouter(prefix="/projects/{project}/datasets/{kind}", tags=["datasets"])

_TYPES = ("application/jsonl", "application/x-ndjson", "application/json-lines", "text/plain", "application/octet-stream")
_MANIFEST_BODY: dict[str, Any] = {
    "requestBody": {"required": True, "content": {kind: {"schema": {"type": "string"}} for kind in _TYPES}}
}
_AT_ONCE = 500


class NewImport(Strict):
    """Pictures of a bucket to put into a dataset."""

    bucket: Bucket = Field(description="The bucket of the pictures.")
    prefix: Prefix = Field(default="", description="What their keys begin with.")
    label: Label | None = Field(default=None, description="Label of all that no folder labels.")
    folders: Folders = Field(
        default="labels",
        description="labels: folders called normal or whole, anomaly or damaged label what is in them; classes: every folder is"
        " a class, and each whose name does not mean a whole car labels anomaly; nothing: folders say nothing.",
    )


class Imported(Accepted):
    """What is being imported."""

    pictures: int = Field(description="Pictures that were found.")
    new: int = Field(description="Those of them that the dataset did not have; the others keep their labels.")


@router.post("/manifest", status_code=status.HTTP_202_ACCEPTED, openapi_extra=_MANIFEST_BODY)
async def send_manifest(
    request: Request, visit: Changer, project: ProjectName, kind: KindInPath, token: IdempotencyKey = None
) -> Accepted:
    """Add the lines of a manifest that is sent to a dataset, or put them in the place of those about the same pictures.

    The pictures are in one bucket, which the lines name. All lines are taken, or none; a job does it, and the dataset's
    message says what is wrong with them.
    """
    check_media_type(request, *_TYPES)
    content = await request.body()
    if not content.strip():
        raise ValidationError("The manifest is empty: give a JSON object with source-ref on each line.")
    return await run_in_threadpool(_change, visit, project, kind, changes=content, token=token)


def _change(visit: Visit, project: str, kind: str, *, changes: bytes, token: str | None) -> Accepted:
    host = visit.service.host

    def act(session: Session) -> dict[str, Any]:
        return dict(host.update_dataset_entries(session, visit.owner, project_name=project, dataset_type=kind, changes=changes))

    reply = visit.change(
        "send_manifest", act, token=token, project=project, kind=kind, manifest=hashlib.sha256(changes).hexdigest()
    )
    return Accepted(status=reply["Status"], job=reply.get("Job"))


@router.post("/imports", status_code=status.HTTP_202_ACCEPTED)
def import_bucket(
    visit: Changer, project: ProjectName, kind: KindInPath, new: NewImport, token: IdempotencyKey = None
) -> Imported:
    """Put all JPEG and PNG pictures below a prefix of a bucket into a dataset; they stay where they are."""
    told = {"project": project, "kind": kind, "new": new.model_dump()}
    former = visit.answered("import_bucket", token=token, **told)
    if former is not None:
        return _imported(former)
    most, setting = picture_limit(kind, visit.service.settings)
    keys = pictures_below(visit, new.bucket, new.prefix, at_most=most)
    if len(keys) > most:
        raise ValidationError(
            f"There are more than {most:,} pictures below s3://{new.bucket}/{new.prefix}, and a {kind} dataset has no room:"
            f" take a longer prefix, or have the setting {setting} raised."
        )
    host = visit.service.host

    def act(session: Session) -> dict[str, Any]:
        dataset = find_dataset(session, find_project(session, visit.owner, project, to_change=True), kind)
        present = _present(session, dataset.id, [f"s3://{new.bucket}/{key}" for key in keys])
        fresh = [key for key in keys if f"s3://{new.bucket}/{key}" not in present]
        if not fresh:
            return {"Status": dataset.status, "Pictures": len(keys), "New": 0}
        lines = (_line(new, key) for key in fresh)
        changes = manifest_of(lines)
        reply = host.update_dataset_entries(session, visit.owner, project_name=project, dataset_type=kind, changes=changes)
        return {**reply, "Pictures": len(keys), "New": len(fresh)}

    return _imported(visit.change("import_bucket", act, token=token, **told))


def _imported(reply: Mapping[str, Any]) -> Imported:
    return Imported(status=reply["Status"], job=reply.get("Job"), pictures=reply["Pictures"], new=reply["New"])


def _line(new: NewImport, key: str) -> dict[str, Any]:
    within = key.removeprefix(new.prefix.rpartition("/")[0])
    label = None if new.folders == "nothing" else label_of_folders(within, classes=new.folders == "classes")
    return picture_line(f"s3://{new.bucket}/{key}", name=key.rpartition("/")[2][-LONGEST_NAME:], label=label or new.label)


def _present(session: Session, dataset: int, refs: list[str]) -> set[str]:
    found: set[str] = set()
    for start in range(0, len(refs), _AT_ONCE):
        some = refs[start : start + _AT_ONCE]
        found.update(session.scalars(select(Entry.source_ref).where(Entry.dataset_id == dataset, Entry.source_ref.in_(some))))
    return found
