"""Masks over REST: as a PNG of what was kept, or within an answer."""

from __future__ import annotations

import base64
from collections.abc import Mapping
from typing import Any
from urllib.parse import quote

from fastapi import APIRouter
from fastapi.responses import Response

from walkaround.damage.findings import Findings
from walkaround.errors import NotFoundError
from walkaround.hosting.operations.results.results import find_result
from walkaround.hosting.operations.trials.trial_rows import find_trial_picture
from walkaround.inspection.masks import MASKS, mask_png, unpacked
from walkaround.web.rest.access import Reader
from walkaround.web.rest.entrance import PREFIX
from walkaround.web.rest.shapes import PictureInQuery, ProjectName, ResultNumber, TrialName

router = APIRouter(tags=["masks"])

_PNG: dict[int | str, dict[str, Any]] = {200: {"description": "The mask.", "content": {"image/png": {}}}}


@router.get("/projects/{project}/results/{number}/mask", response_class=Response, responses=_PNG)
def mask_of_result(visit: Reader, project: ProjectName, number: ResultNumber) -> Response:
    """Draw the mask of findings that were kept, as a PNG of the picture's size: white, and a colour for each kind of damage."""
    found = visit.look(lambda session: find_result(session, visit.owner, project_name=project, number=number).findings)
    return _answer(found, what=f"Result {number}", project=project)


@router.get("/projects/{project}/trials/{trial}/mask", response_class=Response, responses=_PNG)
def mask_of_trial_picture(visit: Reader, project: ProjectName, trial: TrialName, picture: PictureInQuery) -> Response:
    """Draw the mask that a model found in a picture of a trial, as a PNG of the picture's size."""
    found = visit.look(
        lambda session: (
            find_trial_picture(session, visit.owner, project_name=project, trial_name=trial, source_ref=picture).findings or {}
        )
    )
    return _answer(found, what=f"The picture {picture[:300]!r}", project=project)


def data_url(findings: Findings) -> str:
    """The mask of findings that have one, as a data: URL."""
    if findings.masks is None:
        raise ValueError("findings without masks")
    png = mask_png(findings.masks, width=findings.width, height=findings.height)
    return "data:image/png;base64," + base64.b64encode(png).decode("ascii")


def path_of_result(project: str, number: int, findings: Mapping[str, Any]) -> str | None:
    """Where the mask of a result is; None where it has none."""
    return f"{PREFIX}/projects/{project}/results/{number}/mask" if MASKS in findings else None


def path_of_trial_picture(project: str, trial: str, picture: str, findings: Mapping[str, Any] | None) -> str | None:
    """Where the mask of a picture of a trial is; None where it has none."""
    there = findings is not None and MASKS in findings
    return f"{PREFIX}/projects/{project}/trials/{trial}/mask?picture={quote(picture, safe='')}" if there else None


def _answer(findings: Mapping[str, Any], *, what: str, project: str) -> Response:
    if MASKS not in findings:
        raise NotFoundError(
            f"{what} has no mask: its model finds none, or it is a video.", resource_id=project, resource_type="PROJECT"
        )
    masks = unpacked(findings[MASKS])
    png = mask_png(masks, width=int(findings["width"]), height=int(findings["height"]))
    return Response(png, media_type="image/png", headers={"Cache-Control": "private, max-age=3600"})
