"""Detection over REST: a picture in, findings out, and kept where that is asked for."""

from __future__ import annotations

import asyncio
from typing import Annotated, Any, cast

from fastapi import APIRouter, Query, Request

from walkaround.damage.findings import HeatMap
from walkaround.errors import ValidationError
from walkaround.hosting.operations.results.results import keep_result
from walkaround.hosting.pool.answers import MOST_BYTES, PICTURE_TYPES, named
from walkaround.inspection.masks import kept_line, told_colours, told_line
from walkaround.media.sniff import picture_format
from walkaround.pipeline.originals import keep_picture as keep_picture_of
from walkaround.pipeline.sinks.delivered import HEAT_MAP
from walkaround.pipeline.totals import Looked, add_totals
from walkaround.store.results import Result
from walkaround.web.rest.access import Inspector, Visit, check_media_type
from walkaround.web.rest.bodies import PICTURE_BODY
from walkaround.web.rest.results.masks import data_url
from walkaround.web.rest.shapes import Findings, ProjectName, Version
from walkaround.web.uploads import made_bucket, told_name

router = APIRouter(prefix="/projects/{project}/models/{version}", tags=["detection"])

_UNNAMED = "direct"


@router.post("/detect", response_model_exclude_none=True, openapi_extra=PICTURE_BODY)
async def detect(
    request: Request,
    visit: Inspector,
    project: ProjectName,
    version: Version,
    *,
    keep: Annotated[bool, Query(description="Keep the findings, to be searched for later.")] = False,
    keep_picture: Annotated[
        bool, Query(description="Keep the picture and a heat map with the findings, to be looked at later; goes with them.")
    ] = False,
    name: Annotated[str, Query(max_length=200, description="What you call the picture.")] = _UNNAMED,
    mask: Annotated[bool, Query(description="Answer the mask as a PNG too, where the model finds masks.")] = False,
) -> Findings:
    """Inspect one picture with a hosted model."""
    try:
        kind = check_media_type(request, *PICTURE_TYPES)
        picture = await _picture(request)
    except ValidationError as problem:
        visit.service.pool.refused(visit.owner, project, version, problem)
        raise
    try:
        found = await visit.service.pool.detect(visit.owner, project, version, picture, kind, heat=keep_picture)
    except ValidationError as problem:
        sentence = str(problem) if name == _UNNAMED else named(str(problem), told_name(name))
        raise ValidationError(sentence) from problem
    members = {**kept_line(found.findings), "source": told_name(name)}
    told = told_line(members)
    if keep or keep_picture:
        kept = members if found.findings.heat_map is None else {**members, HEAT_MAP: _rounded(found.findings.heat_map)}
        told["result"] = await asyncio.to_thread(
            _kept, visit, project, found.version, found=kept, picture=picture if keep_picture else None
        )
    if mask and found.findings.masks is not None:
        told["mask"] = await asyncio.to_thread(data_url, found.findings)
        told["colours"] = told_colours(found.findings.masks)
    return Findings.model_validate(told)


async def _picture(request: Request) -> bytes:
    content = bytearray()
    async for part in request.stream():
        content += part
        if len(content) > MOST_BYTES:
            raise ValidationError(f"The picture has more than {MOST_BYTES:,} bytes: make it smaller.")
    return bytes(content)


def _rounded(heat_map: HeatMap) -> list[list[float]]:
    return cast("list[list[float]]", heat_map.astype(float).round(3).tolist())


def _kept(visit: Visit, project: str, version: int, *, found: dict[str, Any], picture: bytes | None) -> int:
    address = None
    if picture is not None:
        ending = "png" if picture_format(picture[:512]) == "PNG" else "jpg"
        bucket = made_bucket(visit.service.settings.data, visit.owner.account)
        address = keep_picture_of(visit.service.buckets, bucket, picture, ending=ending)
    with visit.service.database.transaction() as session:
        number = keep_result(session, visit.owner, project_name=project, model_version=version, findings=found, picture=address)
        kept = session.get_one(Result, number)
        looked = Looked(
            project_id=kept.project_id,
            model_version=version,
            created=kept.created,
            anomalous=kept.anomalous,
            damage=float(found["damage"]),
        )
        add_totals(session, [looked])
        return number
