"""Where the labels of boxes go: near their boxes, beside each other, within the picture. Geometry alone, in pixels."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

Rectangle = tuple[float, float, float, float]
"""Left, top, right, bottom."""

_FARTHEST = 8
"""Rows of labels between a box and its label: farther away nobody finds it."""


def placed(
    size: tuple[int, int],
    anchor: Rectangle,
    *,
    area: tuple[int, int],
    taken: Sequence[Rectangle],
    avoided: Sequence[Rectangle] = (),
) -> Rectangle | None:
    """A place for a label; None where there is no room for it.

    Of the places at the edges of its box the one is taken that hides least of the avoided boxes, and in doubt the one above;
    where labels stand at all of them, the nearest free place.

    Args:
        size: width and height of the label.
        anchor: the box that it belongs to.
        area: width and height of the picture, which it does not leave.
        taken: places of other labels, which it does not touch.
        avoided: boxes that it should not hide, its own among them.
    """
    if size[0] > area[0] or size[1] > area[1]:
        return None
    best, least = None, float("inf")
    for order, place in enumerate(_beside(size, anchor, area)):
        if any(_touch(place, other) for other in taken):
            continue
        cost = sum(_hidden(place, box) for box in avoided) + 0.01 * order
        if cost < least:
            best, least = place, cost
    if best is not None:
        return best
    free = (place for place in _around(size, anchor, area) if not any(_touch(place, other) for other in taken))
    return next(free, None)


def _beside(size: tuple[int, int], anchor: Rectangle, area: tuple[int, int]) -> Iterator[Rectangle]:
    """Above, below, beside, then inside the box, each moved into the picture."""
    (wide, high), (left, top, right, bottom) = size, anchor
    corners = (
        *((left, top - high), (right - wide, top - high), (left, bottom), (right - wide, bottom)),
        *((right, top), (left - wide, top), (right, bottom - high), (left - wide, bottom - high)),
        *((left, top), (right - wide, top), (left, bottom - high), (right - wide, bottom - high)),
    )
    for x, y in corners:
        yield _within(x, y, size, area)


def _around(size: tuple[int, int], anchor: Rectangle, area: tuple[int, int]) -> Iterator[Rectangle]:
    """Places ever farther from the middle of the box's upper edge."""
    wide, high = size
    middle = (anchor[0] + anchor[2]) / 2 - wide / 2
    for ring in range(1, _FARTHEST + 1):
        for down in range(-ring, ring + 1):
            for across in range(-ring, ring + 1):
                if max(abs(down), abs(across)) == ring:
                    yield _within(middle + across * wide / 2, anchor[1] + down * high, size, area)


def _within(x: float, y: float, size: tuple[int, int], area: tuple[int, int]) -> Rectangle:
    left = round(min(max(0.0, x), area[0] - size[0]))
    top = round(min(max(0.0, y), area[1] - size[1]))
    return (left, top, left + size[0], top + size[1])


def _touch(one: Rectangle, other: Rectangle) -> bool:
    return one[0] < other[2] and other[0] < one[2] and one[1] < other[3] and other[1] < one[3]


def _hidden(place: Rectangle, box: Rectangle) -> float:
    """The share of a box that a label hides."""
    across = min(place[2], box[2]) - max(place[0], box[0])
    down = min(place[3], box[3]) - max(place[1], box[1])
    if across <= 0 or down <= 0:
        return 0.0
    return across * down / max(1.0, (box[2] - box[0]) * (box[3] - box[1]))
