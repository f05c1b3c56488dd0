"""What was drawn on a picture, between the shapes of the REST API, the lines of datasets and the files in buckets."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from pydantic import TypeAdapter

from walkaround.buckets.names import split_address
from walkaround.damage.places import Box, Place, Polygons
from walkaround.datasets.runs import packed, unpacked
from walkaround.errors import BucketError, ValidationError, writing
from walkaround.hosting.operations.lines.drawn_lines import DRAWING_KEY, Drawing, drawing_of
from walkaround.hosting.operations.lines.manifest_lines import Line
from walkaround.hosting.operations.lines.place_lines import Mask
from walkaround.hosting.pool.answers import MOST_BYTES
from walkaround.web.rest.access import Visit
from walkaround.web.rest.labelling.place_shapes import DrawnPlace
from walkaround.web.uploads import managed_bucket

_LONGEST_DRAWING = 16_000_000
_PLACES = TypeAdapter(list[DrawnPlace])
_FORMS = ("box", "polygons", "runs")


def place_of(given: DrawnPlace) -> Place:
    """A place as somebody sent it.

    Raises:
        ValidationError: it has not exactly one form, or its run lengths do not fill their size.
    """
    if sum(getattr(given, form) is not None for form in _FORMS) != 1:
        raise ValidationError(f"The place {given.label!r} needs either a box or polygons, or runs that were painted.")
    if given.runs is not None:
        height, width = given.runs.size
        try:
            return Place(label=given.label, box=None, outline=unpacked(given.runs.counts, height=height, width=width))
        except ValueError as problem:
            raise ValidationError(f"What was painted as {given.label!r} cannot be used: {problem}.") from problem
    if given.polygons is not None:
        outline = Polygons(rings=tuple(tuple((x, y) for x, y in ring) for ring in given.polygons))
        return Place(label=given.label, box=outline.box, outline=outline)
    return Place(label=given.label, box=box_of_edges(given.box or ()))


def box_of_edges(edges: Sequence[float]) -> Box:
    """Left, top, right and bottom edge."""
    return (edges[0], edges[1], edges[2], edges[3])


def places_told(visit: Visit, line: Line, *, masks: bool = True) -> list[dict[str, Any]]:
    """The places as they were drawn here; else the boxes of the line, and its masks as what a brush would have painted.

    Args:
        visit: of whom.
        line: of the picture.
        masks: whether to open masks that were not drawn here.

    Raises:
        ValidationError: such a mask cannot be opened.
    """
    drawing = _drawing(visit, json.loads(line.text).get(DRAWING_KEY))
    if drawing is not None:
        return [one if one.get("polygons") is None else {**one, "box": None} for one in drawing["places"]]
    boxes = [{"label": place.label, "box": list(place.box or ())} for place in line.boxes or ()]
    return boxes + [place for mask in line.masks if masks for place in _painted(visit, mask)]


def kept_drawing(visit: Visit, picture: str, text: str, places: Sequence[Place]) -> Drawing:
    """Check places, and keep them beside the picture: as they are, and as a mask.

    Args:
        visit: of whom.
        picture: its address.
        text: its line.
        places: all that is to be on it.

    Raises:
        ValidationError: one is not in the picture, or the picture cannot be read.
    """
    former = _drawing(visit, json.loads(text).get(DRAWING_KEY))
    width, height = (former["width"], former["height"]) if former is not None else size_of_picture(visit, picture)
    drawing = drawing_of(places, width=width, height=height)
    bucket = managed_bucket(visit.owner.account)
    folder = visit.service.settings.data / "buckets" / bucket
    with writing(folder):
        folder.mkdir(parents=True, exist_ok=True)
    if drawing.mask is not None:
        visit.service.buckets.write(bucket, drawing.mask_name, drawing.mask)
    visit.service.buckets.write(bucket, drawing.document_name, drawing.document)
    return drawing


def read_picture_bytes(visit: Visit, picture: str) -> bytes:
    """The file of a picture.

    Raises:
        ValidationError: it is not there, or cannot be read.
    """
    try:
        return visit.service.buckets.read(*split_address(picture), at_most=MOST_BYTES)
    except BucketError as problem:
        raise ValidationError(f"The picture cannot be read. {problem}") from problem


def size_of_picture(visit: Visit, picture: str) -> tuple[int, int]:
    """Width and height of a picture, upright; it is decoded in a process of its own.

    Raises:
        ValidationError: it cannot be read.
    """
    return visit.service.pictures.size_of(read_picture_bytes(visit, picture), name=picture.rpartition("/")[2])


def _drawing(visit: Visit, ref: object) -> dict[str, Any] | None:
    """The document of a drawing that was made here; None where there is none, or somebody moved it."""
    if not isinstance(ref, str):
        return None
    try:
        bucket, key = split_address(ref)
        if bucket != managed_bucket(visit.owner.account):
            return None
        document: dict[str, Any] = json.loads(visit.service.buckets.read(bucket, key, at_most=_LONGEST_DRAWING))
        _PLACES.validate_python(document["places"])
        _ = document["width"], document["height"]
    except (BucketError, ValueError, KeyError, TypeError):  # ValueError: no JSON, or no places
        return None
    return document


def _painted(visit: Visit, mask: Mask) -> list[dict[str, Any]]:
    try:
        found = visit.service.mask_runs.read(mask.ref, list(mask.colours))
    except BucketError as problem:
        raise ValidationError(f"The mask of the picture cannot be read. {problem}") from problem
    return [
        {"label": mask.colours[colour], "runs": {"size": [runs.height, runs.width], "counts": packed(runs)}}
        for colour, runs in found.items()
        if len(runs.counts) > 1
    ]
