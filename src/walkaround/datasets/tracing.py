"""From a mask back to polygons, for formats that know nothing else: along the edges of the pixels, so that nothing is lost."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator

import numpy as np

from walkaround.damage.places import Point, Polygons
from walkaround.datasets.runs import Mask

_Vertex = tuple[int, int]
_Edges = dict[_Vertex, list[_Vertex]]


def polygons_of_mask(mask: Mask) -> Polygons | None:
    """A ring for each connected part of a mask bool [h, w]; filling them gives the same mask. None for an empty mask.

    A hole is joined to the edge around it by a cut without width, and gone around the other way.
    """
    from scipy import ndimage

    parts, _ = ndimage.label(mask)
    rings = []
    for number, (rows, columns) in enumerate(ndimage.find_objects(parts), start=1):
        rings.append(_ring(parts[rows, columns] == number, left=columns.start, top=rows.start))
    return Polygons(rings=tuple(rings)) if rings else None


def _ring(part: Mask, *, left: int, top: int) -> tuple[Point, ...]:
    """All loops of one part as one ring: each pixel is gone around as often as by the loops together, once or not at all."""
    first, *others = _loops(_edges(part))
    path = list(first)
    for loop in others:
        path += [first[0], *loop, loop[0]]
    return tuple((float(x + left), float(y + top)) for x, y in path)


def _edges(part: Mask) -> _Edges:
    """The edges between inside and outside by where they start, each with the inside on its right."""
    inside = np.pad(part, 1)
    edges: defaultdict[_Vertex, list[_Vertex]] = defaultdict(list)
    neighbours = (
        (inside[:-2, 1:-1], (0, 0), (1, 0)),  # above: rightwards
        (inside[1:-1, 2:], (1, 0), (1, 1)),  # right: downwards
        (inside[2:, 1:-1], (1, 1), (0, 1)),  # below: leftwards
        (inside[1:-1, :-2], (0, 1), (0, 0)),  # left: upwards
    )
    for beside, (x1, y1), (x2, y2) in neighbours:
        for y, x in np.argwhere(part & ~beside).tolist():
            edges[x + x1, y + y1].append((x + x2, y + y2))
    return edges


def _loops(edges: _Edges) -> Iterator[list[_Vertex]]:
    """Follow the edges round and round; only corners are kept."""
    while edges:
        start = here = next(iter(edges))
        step = (0, 0)
        corners: list[_Vertex] = []
        while not corners or here != start:
            there = edges[here].pop()
            if not edges[here]:
                del edges[here]
            turned = (there[0] - here[0], there[1] - here[1])
            if turned != step:
                corners.append(here)
            here, step = there, turned
        yield corners
