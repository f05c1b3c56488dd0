"""Searching a large picture for small damage: the whole of it, then in tiles at full resolution, put together.

What a 12-megapixel photo shows in ten pixels is gone when the photo is reduced to a network's input. Slicing aided inference,
Akyon, Altinuc and Temizel (2022), ICIP; here boxes that a tile's edge cuts give way to those that are whole.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from walkaround.inspection.places import Candidates
from walkaround.models.names import BOX_CLASSES, BOX_PIXELS, BOX_SCORES, BOXES
from walkaround.models.network import Network
from walkaround.models.package import BoxPart
from walkaround.models.preparation import network_pixels

MOST_TILES = 24
"""Of one picture: a larger one is searched in larger tiles, reduced. So the time for a picture has a bound."""
MOST_BOXES = 100
"""Of one picture."""
_MUCH_LARGER = 2.0  # times the network's side, on the longer side: below this a tile shows hardly more than the whole
_SAME = 0.5  # intersection over union from which two boxes of a class are one
_INSIDE = 0.6  # share of a cut box that lies in another of its class: it is a part of that
_AT_EDGE = 0.01  # of a tile's side

Tile = tuple[int, int, int, int]
"""Left, top, right and bottom edge in pixels."""


def reading_side(part: BoxPart) -> int:
    """How many pixels on the shorter side a picture needs to be searched as finely as the number of tiles allows."""
    if not part.overlap:
        return part.side
    rows = math.isqrt(MOST_TILES)
    return math.ceil(part.side * (1 + (rows - 1) * (1 - part.overlap)))


def search(network: Network, pixels: NDArray[np.uint8], part: BoxPart) -> Candidates:
    """What a network takes for boxes in a picture.

    Args:
        network: with the part that finds boxes.
        pixels: uint8 [h, w, 3], RGB, upright.
        part: its side, and whether to search in tiles.
    """
    height, width = pixels.shape[:2]
    whole = (0, 0, width, height)
    tiles = tiles_of(width, height, side=part.side, overlap=part.overlap)
    found = [_searched(network, pixels, tile=tile, side=part.side) for tile in (whole, *tiles)]
    return merged(found) if tiles else found[0]


def tiles_of(width: int, height: int, *, side: int, overlap: float, at_most: int = MOST_TILES) -> list[Tile]:
    """Squares of one size that cover a picture; none for a picture that is not much larger than one.

    Args:
        width: of the picture, in pixels.
        height: of the picture, in pixels.
        side: of a tile, in pixels; larger where there would be too many.
        overlap: the part of a tile that the next one repeats at least, below 1; 0: no tiles.
        at_most: how many tiles.
    """
    if not overlap or max(width, height) < _MUCH_LARGER * side:
        return []
    while _count(width, side, overlap) * _count(height, side, overlap) > at_most:
        side = math.ceil(side * 1.05)
    return [
        (left, top, min(left + side, width), min(top + side, height))
        for top in _starts(height, side, overlap)
        for left in _starts(width, side, overlap)
    ]


def _count(length: int, side: int, overlap: float) -> int:
    return 1 if length <= side else math.ceil((length - side) / (side * (1 - overlap))) + 1


def _starts(length: int, side: int, overlap: float) -> list[int]:
    starts: list[int] = np.linspace(0, max(0, length - side), _count(length, side, overlap)).round().astype(int).tolist()
    return starts


def _searched(network: Network, pixels: NDArray[np.uint8], *, tile: Tile, side: int) -> Candidates:
    height, width = pixels.shape[:2]
    left, top, right, bottom = tile
    batch = network_pixels(pixels[top:bottom, left:right], side)[None]
    (boxes,), (scores,), (class_ids,) = network.run(batch, [BOXES, BOX_SCORES, BOX_CLASSES], part=BOX_PIXELS)
    kept = scores > 0
    boxes = np.clip(boxes[kept], 0, 1)
    inner = np.array([left > 0, top > 0, right < width, bottom < height])
    at_edge = np.concatenate([boxes[:, :2] < _AT_EDGE, boxes[:, 2:] > 1 - _AT_EDGE], axis=1)
    scale = np.array([right - left, bottom - top] * 2) / [width, height, width, height]
    offset = np.array([left, top] * 2) / [width, height, width, height]
    return Candidates(
        boxes=(boxes * scale + offset).astype(np.float32),
        scores=scores[kept],
        class_ids=class_ids[kept],
        cut=(at_edge & inner).any(axis=1),
    )


def merged(parts: list[Candidates], *, at_most: int = MOST_BOXES) -> Candidates:
    """The boxes of several searches of one picture, each once.

    Those that are whole come first, the surest of them first, then those that a tile's edge cut. A box is dropped where it is
    nearly the same as one before it of its class, or is cut and lies mostly inside one.
    """
    found = Candidates(
        boxes=np.concatenate([part.boxes for part in parts]),
        scores=np.concatenate([part.scores for part in parts]),
        class_ids=np.concatenate([part.class_ids for part in parts]),
        cut=np.concatenate([part.cut for part in parts]),
    )
    found = found.chosen(np.lexsort((-found.scores, found.cut)))
    open_ones = np.ones(len(found.scores), np.bool_)
    kept: list[int] = []
    for number in range(len(found.scores)):
        if open_ones[number]:
            kept.append(number)
            same, inside = _overlaps(found.boxes[number], found.boxes)
            repeated = (same > _SAME) | (found.cut & (inside > _INSIDE))
            open_ones &= ~(repeated & (found.class_ids == found.class_ids[number]))
    left = found.chosen(np.array(kept, np.int64))
    return left.chosen(np.argsort(-left.scores, kind="stable")[:at_most])


def _overlaps(box: NDArray[np.float32], others: NDArray[np.float32]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Of each other box, float [k, 4]: intersection over union with `box`, and the share of it that lies inside."""
    size = np.clip(np.minimum(box[2:], others[:, 2:]) - np.maximum(box[:2], others[:, :2]), 0, None).astype(np.float64)
    common = size.prod(axis=1)
    area = np.clip(others[:, 2:] - others[:, :2], 0, None).astype(np.float64).prod(axis=1)
    own = float(np.clip(box[2:] - box[:2], 0, None).astype(np.float64).prod())
    return common / np.maximum(area + own - common, 1e-12), common / np.maximum(area, 1e-12)
