"""Pictures over REST: the answer to a request for the bytes of one, as it is or as a thumbnail, with its strong ETag."""

from __future__ import annotations

import re
from typing import Annotated, Any

from fastapi import APIRouter, Query, Request
from fastapi.responses import FileResponse, Response
from sqlalchemy import select
from sqlalchemy.orm import Session

from walkaround.buckets.names import is_folder_bucket, split_address
from walkaround.errors import BucketError, NotFoundError
from walkaround.hosting.operations.own_buckets import require_own_bucket
from walkaround.hosting.operations.rows import find_dataset, find_project
from walkaround.store.tables import Entry
from walkaround.web.rest.access import Reader, Visit
from walkaround.web.rest.shapes import KindInPath, PictureInQuery, ProjectName
from walkaround.web.thumbnails import SIDES
from walkaround.web.uploads import managed_bucket

router = APIRouter(prefix="/projects/{project}/datasets/{kind}", tags=["datasets"])

PictureSize = Annotated[
    int | None,
    Query(
        ge=16,
        le=4096,
        description=f"Longest side in pixels, of {', '.join(map(str, SIDES))} the next; without it, the file as it is.",
    ),
]
PICTURE: dict[int | str, dict[str, Any]] = {
    200: {
        "description": "The picture, upright; a thumbnail is a JPEG.",
        "content": {kind: {} for kind in ("image/jpeg", "image/png", "image/webp")},
    },
    304: {"description": "The client has it: If-None-Match names its ETag."},
}
"""OpenAPI's description of the answers."""

_BY_CONTENT = re.compile(r"pictures/[0-9a-f]{2}/([0-9a-f]{64})\.[a-z]+")
_FOREVER = "private, max-age=31536000, immutable"
_A_WHILE = "private, max-age=600"
_SAFE = {
    "X-Content-Type-Options": "nosniff",
    "Content-Security-Policy": "default-src 'none'; sandbox",
    "Cross-Origin-Resource-Policy": "same-origin",
}


@router.get("/picture", response_class=Response, responses=PICTURE)
def show_picture(
    request: Request, visit: Reader, project: ProjectName, kind: KindInPath, picture: PictureInQuery, size: PictureSize = None
) -> Response:
    """Show a picture of a dataset: the file as it is, or an upright thumbnail."""

    def act(session: Session) -> dict[str, Any]:
        dataset = find_dataset(session, find_project(session, visit.owner, project), kind)
        return {"found": session.scalar(select(Entry.id).filter_by(dataset_id=dataset.id, source_ref=picture))}

    if visit.look(act)["found"] is None:
        raise NotFoundError(
            f"The {kind} dataset of project {project!r} has no picture {picture!r}.",
            resource_id=f"{project}/{kind}",
            resource_type="DATASET",
        )
    return answer_picture(request, visit, picture, size=size)


def answer_picture(request: Request, visit: Visit, address: str, *, size: int | None = None) -> Response:
    """Answer with a picture whose address was found in what is the caller's own; call it in a thread, it may wait.

    Args:
        request: for its If-None-Match.
        visit: of the caller.
        address: s3://BUCKET/KEY, or folder:WATCH/KEY of a watched folder.
        size: pixels of the longer side; None: the file as it is.

    Raises:
        NotFoundError: the picture is not there any more.
        AccessDeniedError: it is among the uploads of another account.
        ValidationError: it is broken, or no picture.
    """
    bucket, key = _split(address)
    if not is_folder_bucket(bucket):
        require_own_bucket(visit.owner, bucket)
    thumbnails = visit.service.thumbnails
    try:
        etag = thumbnails.etag(bucket, key, size=size)
        forever = bucket == managed_bucket(visit.owner.account) and _BY_CONTENT.fullmatch(key)
        headers = {"ETag": f'"{etag}"', "Cache-Control": _FOREVER if forever else _A_WHILE, **_SAFE}
        if _known(request, etag):
            return Response(status_code=304, headers=headers)
        shown = thumbnails.shown(bucket, key, etag=etag, size=size)
    except BucketError as problem:
        raise NotFoundError(f"The picture cannot be read. {problem}", resource_id=address, resource_type="DATASET") from problem
    return FileResponse(shown.path, media_type=shown.media_type, headers=headers)


def _split(address: str) -> tuple[str, str]:
    bucket, _, key = address.partition("/")
    if is_folder_bucket(bucket):
        return bucket, key
    try:
        return split_address(address)
    except BucketError as problem:
        raise NotFoundError(str(problem), resource_id=address, resource_type="DATASET") from problem


def _known(request: Request, etag: str) -> bool:
    told = request.headers.get("if-none-match", "")
    return told.strip() == "*" or etag in {one.strip().removeprefix("W/").strip('"') for one in told.split(",")}
