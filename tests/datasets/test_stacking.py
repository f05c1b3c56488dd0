from __future__ import annotations

from itertools import permutations
from pathlib import Path

import numpy as np

from walkaround.damage.places import MaskFile, Place, Polygons, Runs
from walkaround.datasets.outlines import label_map
from walkaround.datasets.stacking import small_on_top

NAMES = ("door", "mirror", "lamp")


def rectangle(label: str, left: float, top: float, right: float, bottom: float) -> Place:
    return Place(label=label, box=None, outline=Polygons(rings=(((left, top), (right, top), (right, bottom), (left, bottom)),)))


def test_small_places_stay_visible_in_whatever_order_they_were_drawn() -> None:
    lamp = Place(label="lamp", box=None, outline=Runs(counts=(0, 3, 61), height=8, width=8))
    drawn = [rectangle("door", 0, 0, 8, 8), rectangle("mirror", 2, 2, 4, 5), lamp]
    for order in permutations(drawn):
        labels = label_map(small_on_top(order), NAMES, width=8, height=8)
        assert np.bincount(labels.ravel()).tolist() == [0, 55, 6, 3]


def test_equal_places_and_colours_of_files_keep_their_order() -> None:
    first, second = rectangle("door", 0, 0, 2, 2), rectangle("mirror", 1, 1, 3, 3)
    assert small_on_top([second, first]) == [second, first]
    files = [Place(label=name, box=None, outline=MaskFile(path=Path("m.png"), colour="#000001")) for name in NAMES]
    boxes = [Place(label="door", box=(0, 0, 9, 9))]
    assert small_on_top([first, *boxes, *files]) == [*files, first, *boxes]
    assert small_on_top([]) == []
