"""What an annotation file says of one picture, before anybody looked at the picture."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from walkaround.damage.places import Box, Point, Polygons, Runs
from walkaround.datasets.faults import LineError, checked_label, shown
from walkaround.datasets.runs import checked_runs, unpacked

Unit = Literal["pixels", "fractions"]

_MOST_PIXELS = 2**31


@dataclass(frozen=True, kw_only=True)
class Mark:
    """One place as a file tells of it.

    Attributes:
        where: the line or annotation ("instances.json, annotation 7").
        label: class name.
        box: left, top, right, bottom; None where only the outline is told.
        outline: None where only the box is told.
        crowd: see `walkaround.damage.places.Place`.
    """

    where: str
    label: str
    box: Box | None = None
    outline: Polygons | Runs | None = None
    crowd: bool = False


@dataclass(frozen=True, kw_only=True)
class PaintedMarks:
    """Places as colours of a mask file.

    Attributes:
        where: the line that names the file.
        reference: what it calls the file.
        colours: "#rrggbb" in lower case to class name; all other colours are background.
        box: where it is known that they show a single place, its box.
        crowd: see `walkaround.damage.places.Place`.
    """

    where: str
    reference: object
    colours: Mapping[str, str]
    box: Box | None = None
    crowd: bool = False


@dataclass(frozen=True, kw_only=True)
class Drawn:
    """All that was drawn on one picture.

    Attributes:
        marks: boxes, polygons and run lengths.
        painted: mask files.
        unit: of the marks: pixels, or fractions of the upright picture's width and height.
        size: width and height that the file gives for the picture, 0 where it gives none.
        unread: whether some of it could not be read, so that no marks do not mean that there was nothing to draw.
    """

    marks: tuple[Mark, ...] = ()
    painted: tuple[PaintedMarks, ...] = ()
    unit: Unit = "pixels"
    size: tuple[int, int] = (0, 0)
    unread: bool = False


def class_name(value: object) -> str:
    """The name of a class of places.

    Raises:
        LineError: it is none.
    """
    try:
        label = checked_label(value) if isinstance(value, str) else None
    except LineError as error:
        raise LineError("unknown-class", error.what) from None
    if label is None:
        raise LineError("unknown-class", f"the class name {shown(value, longest=60)} is none")
    return label


def numbers(values: object, *, what: str) -> tuple[float, ...]:
    """Finite numbers.

    Raises:
        LineError: there is anything else.
    """
    if not isinstance(values, Sequence) or isinstance(values, str):
        raise LineError("bad-place", f"its {what} is {shown(values, longest=60)}, not a list of numbers")
    for value in values:
        if isinstance(value, bool) or not isinstance(value, int | float):
            raise LineError("bad-place", f"its {what} holds {shown(value, longest=60)}, which is no number")
        if abs(value) > _MOST_PIXELS or not math.isfinite(value):
            raise LineError("bad-place", f"its {what} holds {shown(value, longest=60)}, which is no position")
    return tuple(float(value) for value in values)


def box_of_numbers(values: object, *, what: str = "box") -> Box:
    """Four finite numbers as they stand.

    Raises:
        LineError: there is anything else.
    """
    four = numbers(values, what=what)
    if len(four) != 4:
        raise LineError("bad-place", f"its {what} has {len(four)} numbers, and 4 are meant")
    return (four[0], four[1], four[2], four[3])


def polygons_of(rings: Sequence[object]) -> Polygons:
    """Rings given as flat lists x1 y1 x2 y2 ...

    Raises:
        LineError: one has fewer than three points, or is no list of pairs of numbers.
    """
    return Polygons(rings=tuple(_ring(ring) for ring in rings))


def _ring(ring: object) -> tuple[Point, ...]:
    flat = numbers(ring, what="polygon")
    if len(flat) % 2:
        raise LineError("bad-place", f"its polygon has {len(flat)} numbers, which are no pairs")
    if len(flat) < 6:
        raise LineError("bad-place", f"its polygon has {len(flat) // 2} points, and 3 are the fewest")
    return tuple((x, y) for x, y in zip(flat[::2], flat[1::2], strict=True))


def runs_of_json(value: Mapping[str, object]) -> Runs:
    """COCO's {"size": [height, width], "counts": a list of run lengths, or text}.

    Raises:
        LineError: it is no such thing, or the lengths do not fill the size.
    """
    size, counts = value.get("size"), value.get("counts")
    if not isinstance(size, list) or len(size) != 2 or not all(isinstance(side, int) and side > 0 for side in size):
        raise LineError("bad-place", f"its mask has the size {shown(size, longest=60)}, and [height, width] is meant")
    height, width = size
    if height * width > _MOST_PIXELS:
        raise LineError("bad-place", f"its mask of {width} x {height} pixels is larger than any picture")
    try:
        if isinstance(counts, str):
            return unpacked(counts, height=height, width=width)
        if isinstance(counts, list) and all(type(count) is int for count in counts):
            return checked_runs(counts, height=height, width=width)
    except ValueError as error:
        raise LineError("bad-place", f"its mask cannot be used: {error}") from None
    raise LineError("bad-place", f"its mask has the counts {shown(counts, longest=60)}, which are no run lengths")
