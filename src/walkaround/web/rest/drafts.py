"""Drafts over REST: what a hosted model would say of a picture, for a person to accept or correct."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from typing import Annotated, Any

from fastapi import APIRouter, Query
from fastapi.concurrency import run_in_threadpool

from walkaround.damage.findings import Findings
from walkaround.damage.kinds import ANOMALY, NORMAL, shows_damage
from walkaround.datasets.runs import packed, runs_of
from walkaround.hosting.pool.answers import PICTURE_TYPES
from walkaround.inspection.masks import enlarged
from walkaround.web.rest.access import Inspector
from walkaround.web.rest.drawn import read_picture_bytes
from walkaround.web.rest.labelling_shapes import Draft
from walkaround.web.rest.relabelling import seen
from walkaround.web.rest.shapes import KindInPath, PictureInQuery, ProjectName

router = APIRouter(prefix="/projects/{project}/datasets/{kind}", tags=["labelling"])

_PROBABLE = 0.5


@router.get("/draft")
async def draft_labelling(
    visit: Inspector,
    project: ProjectName,
    kind: KindInPath,
    picture: PictureInQuery,
    *,
    model: Annotated[
        str, Query(pattern=r"^([1-9][0-9]{0,9}|latest)$", description="A hosted version, or the latest that is hosted.")
    ] = "latest",
) -> Draft:
    """Ask a hosted model what it would say of a picture. Nothing is kept: what a person accepts is labelled as ever."""
    await run_in_threadpool(seen, visit, project, kind, picture)
    content = await run_in_threadpool(read_picture_bytes, visit, picture)
    found = await visit.service.pool.detect(visit.owner, project, model, content, PICTURE_TYPES[0])
    members = await asyncio.to_thread(_proposed, found.findings)
    return Draft.model_validate({"picture": picture, "model": str(found.version), **members})


def _proposed(findings: Findings) -> dict[str, Any]:
    kinds = [
        {"label": name, "score": value}
        for name, value in findings.probabilities.items()
        if name not in (NORMAL, ANOMALY) and shows_damage(name) and value >= _PROBABLE
    ]
    return {
        "label": ANOMALY if findings.anomalous else NORMAL,
        "confidence": findings.confidence,
        "kinds": kinds if findings.anomalous else [],
        "places": [*_areas(findings), *_boxes(findings)],
        "width": findings.width,
        "height": findings.height,
    }


def _boxes(findings: Findings) -> Iterator[dict[str, Any]]:
    for box in findings.boxes or ():
        left, top, right, bottom = (round(edge, 1) for edge in box.box)
        edges = [max(0.0, left), max(0.0, top), min(float(findings.width), right), min(float(findings.height), bottom)]
        if edges[2] > edges[0] and edges[3] > edges[1]:
            yield {"label": box.label, "box": edges, "score": box.score}


def _areas(findings: Findings) -> Iterator[dict[str, Any]]:
    masks = findings.masks
    if masks is None or not masks.labels.any():
        return
    pixels = enlarged(masks.labels, width=findings.width, height=findings.height)
    for number, name in enumerate(masks.names, start=1):
        inside = pixels == number
        if inside.any():
            yield {
                "label": name,
                "runs": {"size": [findings.height, findings.width], "counts": packed(runs_of(inside))},
            }
