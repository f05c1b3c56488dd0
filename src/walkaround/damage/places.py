"""Where something is in a picture, as a person labelled it: a place with a class, a bounding box and, where drawn, an outline.

Outlines are kept in the form in which they were drawn, so that writing them again loses nothing; `walkaround.datasets.outlines`
turns each form into pixels.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

Box = tuple[float, float, float, float]
"""Left, top, right and bottom edge, in pixels of the upright original; right and bottom are the first positions outside."""

Point = tuple[float, float]
"""Distance from the left and from the top edge, in pixels of the upright original."""


@dataclass(frozen=True, kw_only=True)
class Polygons:
    """An outline as closed rings of three points or more; what any ring encloses belongs to the place."""

    rings: tuple[tuple[Point, ...], ...]

    @property
    def box(self) -> Box:
        """The smallest box around all rings."""
        points = [point for ring in self.rings for point in ring]
        across, down = [x for x, _ in points], [y for _, y in points]
        return (min(across), min(down), max(across), max(down))


@dataclass(frozen=True, kw_only=True)
class Runs:
    """An outline as COCO's run lengths: pixels down the columns, those outside first; they add up to height * width."""

    counts: tuple[int, ...]
    height: int
    width: int


@dataclass(frozen=True, kw_only=True)
class MaskFile:
    """An outline as one colour of a picture file of the original's size: semantic masks of Ground Truth and Lookout for Vision.

    Attributes:
        path: the file, a PNG.
        colour: "#rrggbb" in lower case; every pixel of this colour belongs to the place, after conversion to RGB.
    """

    path: Path
    colour: str


Outline = Polygons | Runs | MaskFile


@dataclass(frozen=True, kw_only=True)
class Place:
    """One labelled place.

    Attributes:
        label: class name.
        box: around it; None where one mask holds all damage of a class (semantic masks), so that there is no box for each.
        outline: its exact shape; None where only the box was drawn.
        crowd: COCO's iscrowd: a group that nobody took apart; not trained on, and neither hit nor miss in a measurement.
    """

    label: str
    box: Box | None
    outline: Outline | None = None
    crowd: bool = False


def labels_of(places: Iterable[Place]) -> tuple[str, ...]:
    """The class names of places, sorted, each once."""
    return tuple(sorted({place.label for place in places}))
