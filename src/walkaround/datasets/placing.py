"""From what an annotation file says to places on the upright picture: scaled, turned, and checked against its size."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np

from walkaround.damage.places import Box, MaskFile, Place, Point, Polygons, Runs
from walkaround.datasets.faults import Faults, LineError
from walkaround.datasets.formats.marks import Drawn, Mark, PaintedMarks
from walkaround.datasets.formats.references import References
from walkaround.datasets.outlines import Pixels, box_of, colour_mask, read_colours
from walkaround.datasets.runs import Mask, mask_of_runs, runs_of
from walkaround.errors import PictureError
from walkaround.media.sizes import PictureSize, picture_size

_OUTSIDE = 0.01
"""Of a side, and one pixel at least: so far a place may reach out of its picture, because people's tools round."""


def places_of(drawn: Drawn, path: Path, references: References, faults: Faults, *, where: str = "") -> tuple[Place, ...] | None:
    """The places on one picture; those that cannot be used go to `faults`, each by its own line or annotation.

    Args:
        drawn: what the annotation file says.
        path: the picture.
        references: where mask files are looked for.
        faults: takes what cannot be used.
        where: what names the picture.

    Returns:
        None where the picture or its size contradicts all that was drawn, or nothing of it can be used: that is no picture with
        nothing to draw.
    """
    try:
        size = picture_size(path)
    except PictureError:
        return None  # whoever reads the picture says what is wrong with it
    turn = _turned(drawn.size, size)
    if turn is None:
        given = f"{drawn.size[0]} x {drawn.size[1]}"
        faults.add("bad-size", where or str(path), f"it says {given} pixels, and {path} has {size.width} x {size.height}")
        return None
    before = faults.count
    found = [*_of_marks(drawn, size, faults, turn=turn)]
    for painted in drawn.painted:
        try:
            found += _of_colours(painted, size, references)
        except LineError as error:
            faults.add_error(painted.where, error)
    lost = drawn.unread or faults.count > before
    return None if lost and not found else tuple(found)


def _turned(given: tuple[int, int], size: PictureSize) -> bool | None:
    """Whether the file measures in the picture as it is stored, lying on its side; None where it is of another picture."""
    if 0 in given or given == (size.width, size.height):
        return False
    return True if size.lies and given == (size.height, size.width) else None


def _of_marks(drawn: Drawn, size: PictureSize, faults: Faults, *, turn: bool) -> Iterator[Place]:
    for mark in drawn.marks:
        try:
            if drawn.unit == "fractions":
                mark = _scaled(mark, size)
            yield _checked(_upright(mark, size.orientation, drawn.size) if turn else mark, size)
        except LineError as error:
            faults.add_error(mark.where, error)


def _scaled(mark: Mark, size: PictureSize) -> Mark:
    """A mark in fractions brought to pixels."""
    across, down = size.width, size.height
    box, outline = mark.box, mark.outline
    if box is not None:
        box = (box[0] * across, box[1] * down, box[2] * across, box[3] * down)
    if isinstance(outline, Polygons):
        outline = Polygons(rings=tuple(tuple((x * across, y * down) for x, y in ring) for ring in outline.rings))
    return replace(mark, box=box, outline=outline)


def _upright(mark: Mark, orientation: int, stored: tuple[int, int]) -> Mark:
    """A mark on the picture as it is stored, brought to the picture as EXIF orientation 5 to 8 turns it."""
    width, height = stored

    def turned(point: Point) -> Point:
        x, y = point
        across, down = (height - y if orientation in (6, 7) else y), (width - x if orientation in (7, 8) else x)
        return (across, down)

    box, outline = mark.box, mark.outline
    if box is not None:
        (x1, y1), (x2, y2) = turned((box[0], box[1])), turned((box[2], box[3]))
        box = (min(x1, x2), min(y1, y2), max(x1, x2), max(y1, y2))
    if isinstance(outline, Polygons):
        outline = Polygons(rings=tuple(tuple(map(turned, ring)) for ring in outline.rings))
    elif isinstance(outline, Runs) and (outline.width, outline.height) == stored:
        outline = runs_of(_upright_mask(mask_of_runs(outline), orientation))
    return replace(mark, box=box, outline=outline)


def _upright_mask(mask: Mask, orientation: int) -> Mask:
    turned = mask.T
    turned = turned[:, ::-1] if orientation in (6, 7) else turned
    return turned[::-1] if orientation in (7, 8) else turned


def _checked(mark: Mark, size: PictureSize) -> Place:
    """The mark as a place.

    Raises:
        LineError: it is outside of the picture, of no area, or measured on another picture.
    """
    outline, box = mark.outline, mark.box
    picture = f"the picture of {size.width} x {size.height} pixels"
    if isinstance(outline, Runs) and (outline.width, outline.height) != (size.width, size.height):
        raise LineError("bad-place", f"its mask is {outline.width} x {outline.height} pixels, and {picture} is not")
    if isinstance(outline, Polygons) and not _is_inside(outline.box, size):
        raise LineError("bad-place", f"its polygon {_shown(outline.box)} reaches out of {picture}")
    if box is None:
        box = box_of(Place(label=mark.label, box=None, outline=outline), size.width, size.height)
    if box is None:
        raise LineError("bad-place", "its mask is empty")
    if not (box[2] > box[0] and box[3] > box[1]):
        raise LineError("bad-place", f"its box {_shown(box)} has no area")
    if not _is_inside(box, size):
        raise LineError("bad-place", f"its box {_shown(box)} reaches out of {picture}")
    box = (max(box[0], 0.0), max(box[1], 0.0), min(box[2], float(size.width)), min(box[3], float(size.height)))
    if not (box[2] > box[0] and box[3] > box[1]):
        raise LineError("bad-place", f"its box {_shown(box)} lies on the edge of {picture}")
    return Place(label=mark.label, box=box, outline=outline, crowd=mark.crowd)


def _is_inside(box: Box, size: PictureSize) -> bool:
    across, down = max(1.0, _OUTSIDE * size.width), max(1.0, _OUTSIDE * size.height)
    return box[0] >= -across and box[1] >= -down and box[2] <= size.width + across and box[3] <= size.height + down


def _shown(box: Box) -> str:
    return f"({', '.join(f'{edge:g}' for edge in box)})"


def _of_colours(painted: PaintedMarks, size: PictureSize, references: References) -> Iterator[Place]:
    """A place for each class that the mask file shows.

    Raises:
        LineError: the file is missing, cannot be read, or is of another size.
    """
    try:
        path = references.file(painted.reference)
        colours = read_colours(path)
    except LineError as error:
        raise LineError("bad-place", f"its mask {error.what}" if error.kind == "missing-file" else error.what) from None
    except PictureError as error:
        raise LineError("bad-place", str(error).rstrip(".")) from None
    height, width = colours.shape[:2]
    lies = size.lies and (width, height) == (size.height, size.width)
    if not lies and (width, height) != (size.width, size.height):
        raise LineError("bad-place", f"its mask is {width} x {height} pixels, and the picture {size.width} x {size.height}")
    mark = Mark(where=painted.where, label="", box=painted.box, crowd=painted.crowd)
    box = None if painted.box is None else _checked(mark, size).box
    orientation = size.orientation if lies else 1
    return (
        Place(label=painted.colours[colour], box=box, outline=outline, crowd=painted.crowd)
        for colour, outline in _outlines(painted.colours, path, colours, orientation=orientation)
    )


def _outlines(wanted: Iterable[str], path: Path, colours: Pixels, *, orientation: int) -> Iterator[tuple[str, MaskFile | Runs]]:
    """Each of the colours that the file shows, with what it shows in it."""
    for colour in wanted:
        shown = colour_mask(colours, colour)
        if np.any(shown):  # a file that lies on its side does so for everybody, so it is turned once
            turned = None if orientation == 1 else runs_of(_upright_mask(shown, orientation))
            yield colour, turned or MaskFile(path=path, colour=colour)
