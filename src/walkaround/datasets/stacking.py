"""Which of the places that lie over each other is on top, where only one can be: the smaller one.

People outline a door along its edge and the mirror in front of it too, in any order. Laid as they come, a third of the mirrors
in `car-parts` vanish below doors, and a model learns that they are none.
"""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from walkaround.damage.places import Outline, Place, Polygons, Runs


def small_on_top(places: Iterable[Place]) -> list[Place]:
    """The places in the order in which `label_map` is to lay them: the largest first, equal ones as they come.

    Those of mask files come before all others, as they are: colours of one picture never lie over each other.
    """
    return sorted(places, key=lambda place: -_area(place.outline))


def _area(outline: Outline | None) -> float:
    """In pixels; rings that lie in each other count twice, which is good enough to compare."""
    if isinstance(outline, Polygons):
        return sum(_ring_area(np.asarray(ring, dtype=np.float64)) for ring in outline.rings)
    if isinstance(outline, Runs):
        return float(sum(outline.counts[1::2]))
    return 0.0 if outline is None else float("inf")


def _ring_area(points: np.ndarray[tuple[int, int], np.dtype[np.float64]]) -> float:
    """Gauss's area formula."""
    across, down = points.T
    return abs(float(across @ np.roll(down, -1) - down @ np.roll(across, -1))) / 2
