"""Detection over REST: a picture in, findings out, and kept where that is asked for."""

from __future__ import annotations

import asyncio
from typing import Annotated, Any

from fastapi import APIRouter, Query, Request

from walkaround.errors import ValidationError
from walkaround.hosting.operations.results import keep_result
from walkaround.hosting.pool.answers import MOST_BYTES, PICTURE_TYPES
from walkaround.web.rest.access import Inspector, Visit, check_media_type
from walkaround.web.rest.bodies import PICTURE_BODY
from walkaround.web.rest.shapes import Findings, ProjectName, Version
from walkaround.web.uploads import told_name

router = APIRouter(prefix="/projects/{project}/models/{version}", tags=["detection"])


@router.post("/detect", response_model_exclude_none=True, openapi_extra=PICTURE_BODY)
async def detect(
    request: Request,
    visit: Inspector,
    project: ProjectName,
    version: Version,
    *,
    keep: Annotated[bool, Query(description="Keep the findings, to be searched for later.")] = False,
    name: Annotated[str, Query(max_length=200, description="What you call the picture.")] = "direct",
) -> Findings:
    """Inspect one picture with a hosted model."""
    kind = check_media_type(request, *PICTURE_TYPES)
    picture = await _picture(request)
    found = await visit.service.pool.detect(visit.owner, project, version, picture, kind)
    told = {**found.findings.as_json(), "source": told_name(name)}
    if keep:
        told["result"] = await asyncio.to_thread(_kept, visit, project, found.version, found=told)
    return Findings.model_validate(told)


async def _picture(request: Request) -> bytes:
    content = bytearray()
    async for part in request.stream():
        content += part
        if len(content) > MOST_BYTES:
            raise ValidationError(f"The picture has more than {MOST_BYTES:,} bytes: make it smaller.")
    return bytes(content)


def _kept(visit: Visit, project: str, version: int, *, found: dict[str, Any]) -> int:
    with visit.service.database.transaction() as session:
        return keep_result(session, visit.owner, project_name=project, model_version=version, findings=found)
