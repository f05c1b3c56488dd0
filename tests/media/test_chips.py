"""Labels get a place near their boxes, within the picture, and never one on another."""

from __future__ import annotations

import numpy as np
import pytest

from walkaround.media.chips import Rectangle, placed

AREA = (200, 150)


@pytest.mark.parametrize(
    ("anchor", "place"),
    [
        ((50, 60, 120, 100), (50, 48, 90, 60)),  # above, flush left
        ((180, 60, 199, 100), (160, 48, 200, 60)),  # moved into the picture
        ((50, 0, 120, 40), (50, 40, 90, 52)),  # below, where there is no room above
        ((0, 0, 200, 150), (0, 0, 40, 12)),  # inside, where it is the whole picture
    ],
)
def test_the_best_place_is_taken(anchor: Rectangle, place: Rectangle) -> None:
    assert placed((40, 12), anchor, area=AREA, taken=[], avoided=[anchor]) == place


def test_a_taken_place_is_left_to_the_other_label() -> None:
    anchor = (50.0, 60.0, 120.0, 100.0)
    first = placed((40, 12), anchor, area=AREA, taken=[])
    assert first is not None
    second = placed((40, 12), anchor, area=AREA, taken=[first])
    assert second is not None
    assert not touching(first, second)


def test_a_small_box_beside_is_not_hidden() -> None:
    small = (55.0, 50.0, 65.0, 58.0)
    place = placed((40, 12), (50, 60, 120, 100), area=AREA, taken=[], avoided=[(50, 60, 120, 100), small])
    assert place is not None
    assert not touching(place, small)


def test_where_every_edge_is_taken_a_place_farther_away_is_found() -> None:
    place = placed((40, 12), (90, 70, 110, 80), area=AREA, taken=[(40, 50, 160, 95)])
    assert place is not None
    assert not touching(place, (40, 50, 160, 95))


@pytest.mark.parametrize("size", [(201, 10), (10, 151)])
def test_a_label_larger_than_the_picture_has_no_place(size: tuple[int, int]) -> None:
    assert placed(size, (0, 0, 10, 10), area=AREA, taken=[]) is None


def test_a_full_picture_has_no_place() -> None:
    assert placed((40, 12), (90, 70, 110, 80), area=AREA, taken=[(0, 0, 200, 150)]) is None


@pytest.mark.parametrize("seed", range(10))
def test_many_labels_stay_within_the_picture_and_apart(seed: int) -> None:
    rng = np.random.default_rng(seed)
    taken: list[Rectangle] = []
    for _ in range(25):
        left, top = rng.uniform(-10, 190), rng.uniform(-10, 140)
        place = placed((int(rng.integers(8, 60)), 11), (left, top, left + 20, top + 20), area=AREA, taken=taken)
        if place is not None:
            assert 0 <= place[0] < place[2] <= AREA[0]
            assert 0 <= place[1] < place[3] <= AREA[1]
            assert not any(touching(place, other) for other in taken)
            taken.append(place)
    assert len(taken) > 10


def touching(one: Rectangle, other: Rectangle) -> bool:
    return one[0] < other[2] and other[0] < one[2] and one[1] < other[3] and other[1] < one[3]
