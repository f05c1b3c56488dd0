"""The test pictures of models over REST: what is true of each, what the model said, and what it sees where."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from fastapi import APIRouter, Request
from fastapi.responses import Response
from sqlalchemy.orm import Session

from walkaround.errors import NotFoundError, ValidationError
from walkaround.evaluation.measured import MeasuredSet
from walkaround.hosting.operations.lines.manifest_lines import stored_line
from walkaround.hosting.operations.models.measured import MeasuredModel, measured_model
from walkaround.hosting.operations.own_buckets import require_own_bucket
from walkaround.hosting.operations.rows import find_model, find_project
from walkaround.hosting.views import View as Seen
from walkaround.inspection.heats import heat_png
from walkaround.inspection.masks import mask_png, told_colours
from walkaround.web.rest.access import Reader, Visit
from walkaround.web.rest.datasets.picture_bytes import PICTURE, PictureSize, answer_picture
from walkaround.web.rest.entrance import PREFIX
from walkaround.web.rest.labelling.drawn import places_told
from walkaround.web.rest.models.model_shapes import (
    ManyRows,
    MeasuredPicture,
    MeasuredPictureDetails,
    MeasuredPictures,
    TestNumber,
    View,
)
from walkaround.web.rest.shapes import NextPage, ProjectName, Version

router = APIRouter(prefix="/projects/{project}/models/{version}/test-pictures", tags=["models"])

_HEAT_SIDE = 1024
_PNG: dict[int | str, dict[str, Any]] = {200: {"description": "The layer.", "content": {"image/png": {}}}}


@router.get("", response_model_exclude_none=True)
def list_test_pictures(
    visit: Reader,
    project: ProjectName,
    version: Version,
    limit: ManyRows = 100,
    page: NextPage = None,
) -> MeasuredPictures:
    """List the test pictures of a model with what it said of each, at the threshold that counts."""
    model, measured = measured_of(visit, project, version)
    begin = _position(page, measured)
    numbers = range(begin, min(begin + limit, len(measured.pictures)))
    threshold = threshold_of(model, measured)
    return MeasuredPictures(
        pictures=[MeasuredPicture(**_told(measured, number, threshold)) for number in numbers],
        total=len(measured.pictures),
        classes=list(measured.classes),
        normal=list(measured.normal),
        threshold=threshold,
        trained_threshold=measured.threshold,
        kind_thresholds=None if measured.kind_thresholds is None else dict(measured.kind_thresholds),
        exact=measured.exact,
        next=f"{numbers.stop}-{measured.fingerprint}" if numbers.stop < len(measured.pictures) else None,
    )


@router.get("/{number}")
def describe_test_picture(visit: Reader, project: ProjectName, version: Version, number: TestNumber) -> MeasuredPictureDetails:
    """Tell of a test picture: what was drawn on it, and what the model found in the test."""
    model, measured = measured_of(visit, project, version)
    one = measured.pictures[_index(number, measured, model)]
    try:
        drawn = [] if one.line is None else places_told(visit, stored_line(one.line))
    except ValidationError:  # its mask is gone since
        drawn = places_told(visit, stored_line(one.line or ""), masks=False)
    return MeasuredPictureDetails.model_validate(
        {
            **_told(measured, number - 1, threshold_of(model, measured)),
            "boxes": None if one.boxes is None else [box.as_json() for box in one.boxes],
            "drawn": drawn,
        }
    )


@router.get("/{number}/picture", response_class=Response, responses=PICTURE)
def show_test_picture(
    request: Request, visit: Reader, project: ProjectName, version: Version, number: TestNumber, size: PictureSize = None
) -> Response:
    """Show a test picture: the file as it is, or an upright thumbnail."""
    model, measured = measured_of(visit, project, version)
    return answer_picture(request, visit, measured.pictures[_index(number, measured, model)].ref, size=size)


@router.get("/{number}/view")
def view_test_picture(visit: Reader, project: ProjectName, version: Version, number: TestNumber) -> View:
    """Let the model look at a test picture again, at the threshold that counts; it need not be hosted."""
    found = _seen(visit, project, version, number).findings
    path = f"{PREFIX}/projects/{project}/models/{version}/test-pictures/{number}"
    return View.model_validate(
        {
            "anomalous": found.anomalous,
            "damage": found.damage,
            "width": found.width,
            "height": found.height,
            "boxes": None if found.boxes is None else [box.as_json() for box in found.boxes],
            "areas": None if found.masks is None else found.masks.areas,
            "colours": {} if found.masks is None else told_colours(found.masks),
            "heat": None if found.heat_map is None else f"{path}/heat",
            "mask": None if found.masks is None else f"{path}/mask",
        }
    )


@router.get("/{number}/heat", response_class=Response, responses=_PNG)
def heat_of_test_picture(
    request: Request, visit: Reader, project: ProjectName, version: Version, number: TestNumber
) -> Response:
    """Draw where the model looks in a test picture, as a transparent PNG of the picture's shape."""
    seen = _seen(visit, project, version, number)
    found = seen.findings
    if found.heat_map is None:
        raise _no_layer("heat map", project, version)
    return _layer(request, seen, heat_png, found.heat_map, width=found.width, height=found.height, side=_HEAT_SIDE)


@router.get("/{number}/mask", response_class=Response, responses=_PNG)
def mask_of_test_picture(
    request: Request, visit: Reader, project: ProjectName, version: Version, number: TestNumber
) -> Response:
    """Draw the mask that the model finds in a test picture: a PNG of its size, white, and a colour for each kind."""
    seen = _seen(visit, project, version, number)
    found = seen.findings
    if found.masks is None:
        raise _no_layer("mask", project, version)
    return _layer(request, seen, mask_png, found.masks, width=found.width, height=found.height)


def measured_of(visit: Visit, project: str, version: str) -> tuple[MeasuredModel, MeasuredSet]:
    """A model of the caller, and its test pictures.

    Raises:
        NotFoundError: there is no such project or model.
        ConflictError: no test pictures are known.
    """
    model = visit.look(lambda session: {"model": _model(session, visit, project, version)})["model"]
    return model, visit.service.measured.of(model)


def threshold_of(model: MeasuredModel, measured: MeasuredSet) -> float:
    """The threshold that counts."""
    return measured.threshold if model.adopted is None else model.adopted


def _model(session: Session, visit: Visit, project: str, version: str) -> MeasuredModel:
    found = find_project(session, visit.owner, project)
    return measured_model(found, find_model(session, found, version))


def _told(measured: MeasuredSet, number: int, threshold: float) -> Mapping[str, Any]:
    one, found = measured.pictures[number], measured.findings(number, threshold)
    return {
        "number": number + 1,
        "picture": one.ref,
        "dataset": one.split,
        "label": one.told,
        "damaged": measured.is_damaged(one),
        "damage": found.damage,
        "probabilities": dict(one.probabilities),
        "anomalous": found.anomalous,
        "found": found.label,
        "missed": one.missed,
        "false_alarms": one.false_alarms,
        "overlap": one.overlap,
        "badness": one.badness,
    }


def _position(token: str | None, measured: MeasuredSet) -> int:
    if token is None:
        return 0
    begin, _, fingerprint = token.partition("-")
    if not begin.isdecimal() or len(begin) > len(str(len(measured.pictures))) or fingerprint != measured.fingerprint:
        raise ValidationError("`next` is not of this listing: begin without it.")
    return int(begin)


def _index(number: int, measured: MeasuredSet, model: MeasuredModel) -> int:
    if number > len(measured.pictures):
        raise NotFoundError(
            f"Model {model.version} of project {model.project!r} has {len(measured.pictures):,} test pictures, and no number"
            f" {number:,}.",
            resource_id=f"{model.project}/{model.version}",
            resource_type="MODEL",
        )
    return number - 1


def _seen(visit: Visit, project: str, version: str, number: int) -> Seen:
    model, measured = measured_of(visit, project, version)
    ref = measured.pictures[_index(number, measured, model)].ref
    require_own_bucket(visit.owner, ref.removeprefix("s3://").partition("/")[0])
    return visit.service.views.of(model, ref)


def _layer(request: Request, seen: Seen, draw: Any, what: object, **size: int) -> Response:
    headers = {"ETag": f'"{seen.etag}"', "Cache-Control": "private, max-age=60", "X-Content-Type-Options": "nosniff"}
    if request.headers.get("if-none-match", "").strip().removeprefix("W/").strip('"') == seen.etag:
        return Response(status_code=304, headers=headers)
    return Response(draw(what, **size), media_type="image/png", headers=headers)


def _no_layer(what: str, project: str, version: str) -> NotFoundError:
    return NotFoundError(
        f"Model {version} of project {project!r} gives no {what}.", resource_id=f"{project}/{version}", resource_type="MODEL"
    )
