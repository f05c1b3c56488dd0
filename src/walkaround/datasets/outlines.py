"""From places to pixels: masks, label maps and boxes of polygons, run lengths and colours of mask files.

A pixel belongs to a polygon when its centre lies inside: no half pixel is added around, as Pillow's and OpenCV's fillers do.
Everything can be had at a smaller size than the picture's, straight from the outline.
"""

from __future__ import annotations

import io
import math
from collections.abc import Iterable, Iterator, Sequence
from itertools import pairwise
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL.PngImagePlugin import PngImageFile

from walkaround.damage.places import Box, MaskFile, Outline, Place, Point, Polygons, Runs
from walkaround.datasets.runs import Mask, box_of_runs, mask_of_runs
from walkaround.errors import PictureError
from walkaround.media.headers import png_header
from walkaround.media.pictures import PICTURE_LIMITS, read_file

Pixels = NDArray[np.uint8]
Size = tuple[int, int]
"""Width and height."""

_SCAN_LINES = 1 << 20
MOST_CLASSES = 254  # a label map has bytes, 0 is background, and 255 is left for what a trainer wants to ignore


def label_map(places: Iterable[Place], classes: Sequence[str], *, width: int, height: int, size: Size | None = None) -> Pixels:
    """What each pixel shows: uint8 [h, w], 0 is background, n is `classes[n - 1]`; later places lie over earlier ones.

    Places that have only a box, crowds, and classes that are not among `classes` are left out.

    Args:
        places: of one picture.
        classes: 254 names at most.
        width: of the upright original, which places are measured in.
        height: likewise.
        size: width and height of the result, where not the original's.

    Raises:
        PictureError: a mask file cannot be read, or is of another size than the picture.
    """
    if len(classes) > MOST_CLASSES:
        raise ValueError(f"{len(classes)} classes do not fit into a label map; fold some of them, {MOST_CLASSES} at most.")
    numbers = {name: number for number, name in enumerate(classes, start=1)}
    across, down = size or (width, height)
    result = np.zeros((down, across), dtype=np.uint8)
    files: dict[Path, Pixels] = {}
    for place in places:
        number, outline = numbers.get(place.label), place.outline
        if number is None or outline is None or place.crowd:
            continue
        if isinstance(outline, Polygons):
            for rows, columns, inside in _filled(outline, (width, height), (across, down)):
                result[rows, columns][inside] = number
        else:
            if isinstance(outline, MaskFile) and outline.path not in files:
                files = {outline.path: read_colours(outline.path)}  # places of one file follow each other
            result[_resized(_whole_mask(outline, (width, height), files), (across, down))] = number
    return result


def mask_of(outline: Outline, width: int, height: int, *, size: Size | None = None) -> Mask:
    """The pixels of an outline, bool [h, w]; see `label_map` for the arguments.

    Raises:
        PictureError: a mask file cannot be read, or is of another size than the picture.
    """
    across, down = size or (width, height)
    if not isinstance(outline, Polygons):
        return _resized(_whole_mask(outline, (width, height), {}), (across, down))
    mask = np.zeros((down, across), dtype=np.bool_)
    for rows, columns, inside in _filled(outline, (width, height), (across, down)):
        mask[rows, columns] |= inside
    return mask


def box_of(place: Place, width: int, height: int) -> Box | None:
    """The place's box; drawn, or else the smallest one around its outline. None where the outline holds no pixel.

    Raises:
        PictureError: a mask file cannot be read, or is of another size than the picture.
    """
    if place.box is not None:
        return place.box
    if isinstance(place.outline, Polygons):
        return place.outline.box
    if isinstance(place.outline, Runs):
        return box_of_runs(place.outline)
    return None if place.outline is None else box_around(mask_of(place.outline, width, height))


def box_around(mask: Mask) -> Box | None:
    """The smallest box around the true pixels of a mask bool [h, w]; None where there are none."""
    rows, columns = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
    if not len(rows):
        return None
    return (float(columns[0]), float(rows[0]), float(columns[-1] + 1), float(rows[-1] + 1))


def read_colours(path: Path) -> Pixels:
    """The colours of a mask file as they were painted: uint8 RGB [h, w, 3]; transparency is dropped, not laid over white.

    Raises:
        PictureError: it is no PNG that can be read, or too large.
    """
    data = read_file(path, name=str(path), limits=PICTURE_LIMITS)
    try:
        header = png_header(data)
        if header.width * header.height > PICTURE_LIMITS.max_pixels:
            raise ValueError(f"{header.width} x {header.height} pixels are too many")
        with PngImageFile(io.BytesIO(header.body)) as image:
            image.load()
            image.info.pop("transparency", None)  # edges that fade out are still of their colour
            if image.mode == "P":
                return _rgb_of_palette(image)
            return np.asarray(image if image.mode == "RGB" else image.convert("RGB"))
    except (OSError, SyntaxError, ValueError, EOFError) as problem:  # what Pillow's decoder raises on a damaged file
        reason = " ".join(str(problem).split())
        raise PictureError(
            f"The mask {str(path)!r} cannot be read ({reason}); save it as PNG, renaming a file is not enough."
        ) from problem


def _rgb_of_palette(image: PngImageFile) -> Pixels:
    """With less memory than Pillow takes for it."""
    palette = np.zeros((256, 3), dtype=np.uint8)
    given = np.asarray(image.getpalette("RGB"), dtype=np.uint8).reshape(-1, 3)
    palette[: len(given)] = given
    pixels: Pixels = palette[np.asarray(image)]
    return pixels


def colour_mask(colours: Pixels, colour: str) -> Mask:
    """Which pixels of uint8 RGB [h, w, 3] have a colour, "#rrggbb" in either case: bool [h, w]."""
    red, green, blue = bytes.fromhex(colour.lstrip("#"))
    return np.asarray((colours[..., 0] == red) & (colours[..., 1] == green) & (colours[..., 2] == blue))


def _whole_mask(outline: Runs | MaskFile, original: Size, files: dict[Path, Pixels]) -> Mask:
    if isinstance(outline, Runs):
        return mask_of_runs(outline)
    colours = files[outline.path] if outline.path in files else read_colours(outline.path)
    if colours.shape[1::-1] != original:
        raise PictureError(
            f"The mask {str(outline.path)!r} is {colours.shape[1]} x {colours.shape[0]} pixels and its picture"
            f" {original[0]} x {original[1]}: draw the mask on the picture as it is."
        )
    return colour_mask(colours, outline.colour)


def _resized(mask: Mask, size: Size) -> Mask:
    """The mask's pixels in whose midst those of another size lie."""
    if mask.shape[1::-1] == size:
        return mask
    columns, rows = (
        ((np.arange(new) + 0.5) * (old / new)).astype(np.intp) for new, old in zip(size, mask.shape[1::-1], strict=True)
    )
    return np.asarray(mask[rows[:, None], columns])


def _filled(outline: Polygons, original: Size, size: Size) -> Iterator[tuple[slice, slice, Mask]]:
    """For each ring: the rows and columns of its window, and which pixels of that window lie inside."""
    scale = np.divide(size, original)
    for ring in outline.rings:
        yield _filled_ring(ring, scale, size)


def _filled_ring(ring: Sequence[Point], scale: NDArray[np.float64], size: Size) -> tuple[slice, slice, Mask]:
    """Scan lines through the pixels' centres; where rings cross themselves, what they go around counts as inside."""
    points = np.asarray(ring, dtype=np.float64) * scale - 0.5  # so that the centre of pixel (i, j) is at (i, j)
    (left, top), (right, bottom) = points.min(axis=0), points.max(axis=0)
    columns = slice(min(max(0, math.ceil(left)), size[0]), min(size[0], math.floor(right) + 1))
    rows = slice(min(max(0, math.ceil(top)), size[1]), min(size[1], math.floor(bottom) + 1))
    window = (max(0, rows.stop - rows.start), max(0, columns.stop - columns.start))
    if 0 in window:
        return slice(0), slice(0), np.zeros((0, 0), dtype=np.bool_)
    first, last = points, np.roll(points, -1, axis=0)
    starts, stops = (
        np.clip(np.ceil(edge), rows.start, rows.stop).astype(np.intp)
        for edge in (np.minimum(first[:, 1], last[:, 1]), np.maximum(first[:, 1], last[:, 1]))
    )
    lengths = stops - starts  # scan lines that each edge crosses
    turns = np.zeros((window[0], window[1] + 1), dtype=np.int32)
    for part in _parts(lengths):
        edge = np.repeat(np.arange(part.start, part.stop), lengths[part])
        begins = np.cumsum(lengths[part]) - lengths[part]
        line = np.arange(len(edge)) - np.repeat(begins, lengths[part]) + starts[edge]
        slope = (last[edge, 0] - first[edge, 0]) / (last[edge, 1] - first[edge, 1])
        crossing = np.ceil(first[edge, 0] + (line - first[edge, 1]) * slope)
        column = np.clip(crossing, columns.start, columns.stop).astype(np.intp) - columns.start
        np.add.at(turns, (line - rows.start, column), np.where(last[edge, 1] > first[edge, 1], 1, -1))
    return rows, columns, np.cumsum(turns[:, :-1], axis=1, dtype=np.int32) != 0


def _parts(lengths: NDArray[np.intp]) -> Iterator[slice]:
    """Edges that go together: so few that their scan lines, of all edges together up to gigabytes, fit into little memory."""
    numbers = np.cumsum(lengths) // _SCAN_LINES
    bounds = [0, *(np.flatnonzero(np.diff(numbers)) + 1).tolist(), len(lengths)]
    yield from (slice(start, stop) for start, stop in pairwise(bounds))
