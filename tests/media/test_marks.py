"""Boxes and masks on pictures: seen on any ground at any size, named, and nothing drawn where nothing is."""

from __future__ import annotations

import tracemalloc
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from walkaround.damage.colours import colour_of, rgb_of
from walkaround.damage.findings import Findings, FoundBox, FoundMasks
from walkaround.damage.places import Box
from walkaround.media.drawing import draw_findings, draw_places, has_places
from walkaround.media.marks import draw_marks, scale_of

SIZES = [(64, 48), (64, 300), (100, 100), (640, 480), (2000, 300), (1600, 1200), (4000, 3000)]
Pixels = NDArray[np.uint8]


def plain(width: int, height: int, value: int = 120) -> Pixels:
    return np.full((height, width, 3), value, np.uint8)


def box(*edges: float, label: str = "scratch", score: float = 0.9) -> FoundBox:
    left, top, right, bottom = edges
    return FoundBox(label=label, score=score, box=(left, top, right, bottom))


def mask(*, rows: slice = slice(2, 4), columns: slice = slice(3, 6), number: int = 1) -> FoundMasks:
    labels = np.zeros((8, 8), np.uint8)
    labels[rows, columns] = number
    return FoundMasks(names=("scratch", "dent"), labels=labels, colours={"scratch": "#F0E442", "dent": "#0072B2"})


def findings(**found: Any) -> Findings:
    values: dict[str, Any] = {
        "source": "a",
        "anomalous": True,
        "confidence": 0.9,
        "label": "anomaly",
        "damage": 0.9,
        "width": 100,
        "height": 80,
    }
    return Findings(**{**values, **found})


def has_colour(pixels: Pixels, colour: str) -> bool:
    return bool((pixels == np.array(rgb_of(colour))).all(axis=2).any())


@pytest.mark.parametrize("value", [0, 60, 128, 200, 255])
@pytest.mark.parametrize("label", ["scratch", "smash", "glass_shatter", "rust"])
def test_a_box_stands_out_on_any_ground(label: str, value: int) -> None:
    """Across its edge, some pixels are far lighter or darker than the picture."""
    drawn = draw_marks(plain(640, 480, value), boxes=[box(200, 150, 400, 350, label=label)])
    across = drawn[250, 190:215].astype(int).mean(axis=1)
    assert np.abs(across - value).max() > 90
    assert has_colour(drawn[240:260], colour_of(label))


@pytest.mark.parametrize(("width", "height"), SIZES)
def test_a_box_changes_its_edges_and_its_name_alone(width: int, height: int) -> None:
    sizes = scale_of(width, height)
    drawn = draw_marks(plain(width, height), boxes=[box(0.3 * width, 0.5 * height, 0.6 * width, 0.8 * height)])
    changed = (drawn != 120).any(axis=2)
    reach = sizes.line + 2 * sizes.casing
    assert changed[round(0.65 * height), round(0.3 * width) - reach : round(0.3 * width) + reach].any()
    assert not changed[round(0.65 * height), round(0.3 * width) + reach + 1 : round(0.6 * width) - reach - 1].any()
    assert not changed[round(0.8 * height) + 2 * reach + 2 * sizes.font :].any()
    assert 0 < changed.mean() < 0.6


@pytest.mark.parametrize(("width", "height"), SIZES)
def test_names_hide_no_more_than_a_third(width: int, height: int) -> None:
    rng = np.random.default_rng(3)
    corners = rng.uniform(0, 0.9, (40, 2)) * [width, height]
    boxes = [box(x, y, x + 0.01 * width, y + 0.01 * height, score=float(rng.uniform())) for x, y in corners]
    drawn = draw_marks(plain(width, height), boxes=boxes)
    inside = [(drawn[:, :, channel] != 120) for channel in range(3)]
    assert np.mean(inside) < 0.75


@pytest.mark.parametrize(
    "edges",
    [(-50, -50, 700, 500), (0, 0, 640, 480), (639, 479, 640, 480), (300, 200, 300, 200), (-9, 100, -3, 120), (700, 0, 800, 9)],
)
def test_a_box_at_the_border_or_beyond_or_of_no_size_is_seen(edges: Box) -> None:
    drawn = draw_marks(plain(640, 480), boxes=[box(*edges)])
    assert drawn.shape == (480, 640, 3)
    assert has_colour(drawn, colour_of("scratch"))


@pytest.mark.parametrize("label", ["", "a very long label " * 30, "two\nlines\x07", "Ünïcode 車", "caf\udce9"])
def test_any_name_can_be_drawn(label: str) -> None:
    for width, height in SIZES[:4]:
        draw_marks(plain(width, height), boxes=[box(5, 5, 40, 40, label=label)], masks=mask())


def test_names_and_scores_are_written() -> None:
    places = {"a": box(50, 50, 90, 90), "b": box(50, 50, 90, 90, score=0.5), "c": box(50, 50, 90, 90, label="smash")}
    drawn = {name: draw_marks(plain(320, 240), boxes=[one]) for name, one in places.items()}
    unsure = draw_marks(plain(320, 240), boxes=[places["a"]], sure=False)
    assert (drawn["a"] != drawn["b"]).any()
    assert (drawn["a"] != drawn["c"]).any()
    assert np.array_equal(unsure, draw_marks(plain(320, 240), boxes=[places["b"]], sure=False))


def test_colours_can_be_given() -> None:
    drawn = draw_marks(plain(320, 240), boxes=[box(50, 50, 90, 90)], colours={"scratch": "#123456"})
    assert has_colour(drawn, "#123456")
    assert not has_colour(drawn, colour_of("scratch"))


@pytest.mark.parametrize(("width", "height"), SIZES)
@pytest.mark.parametrize("value", [0, 255])
def test_a_mask_tints_its_own_place_and_has_a_line_around_it(width: int, height: int, value: int) -> None:
    found = mask(number=2, rows=slice(4, 7))
    drawn = draw_marks(plain(width, height, value), masks=found, sure=False).astype(int)
    middle = drawn[round(height * 5.5 / 8), round(width * 4.5 / 8)]
    assert np.abs(middle - value).max() > 60
    assert np.array_equal(drawn[round(height * 5.5 / 8), round(width / 8)], [value] * 3)
    assert np.array_equal(drawn[-1, -1], [value] * 3)
    if width > 100:
        assert has_colour(drawn.astype(np.uint8), "#0072B2")


def test_a_mask_of_nothing_changes_nothing() -> None:
    nothing = mask(number=0)
    assert np.array_equal(draw_marks(plain(90, 70), masks=nothing), plain(90, 70))
    assert not has_places(findings(masks=nothing, boxes=()))


def test_a_class_with_a_box_is_named_once() -> None:
    """The mask under a box of its name has no name of its own."""
    one = box(120, 60, 240, 120, label="scratch")
    both = draw_marks(plain(320, 240), boxes=[one], masks=mask())
    other = draw_marks(plain(320, 240), boxes=[one], masks=mask(number=2))
    edges = np.abs(both.astype(int) - other.astype(int)).sum(axis=2) > 0
    assert edges.any()
    assert (draw_marks(plain(320, 240), masks=mask(), sure=False) != draw_marks(plain(320, 240), masks=mask())).any()


def test_boxes_follow_the_picture_when_it_is_drawn_smaller() -> None:
    found = findings(boxes=(box(50, 40, 80, 60),))
    drawn = draw_places(plain(1000, 800), found)
    changed = (drawn != 120).any(axis=2)
    assert changed[500, 490:515].any()
    assert not changed[500, 550:750].any()


def test_heat_gives_way_to_places_and_comes_without_them() -> None:
    heat = np.full((4, 4), 1.5, np.float32)
    with_box = draw_findings(plain(100, 80), findings(boxes=(box(50, 40, 80, 60),), heat_map=heat))
    without = draw_findings(plain(100, 80), findings(boxes=(), heat_map=heat))
    assert (with_box[5, 5] == 120).all()
    assert (without[5, 5] != 120).any()


def test_the_banner_lists_what_was_found() -> None:
    names = [(), (box(1, 1, 9, 9),), (box(1, 1, 9, 9), box(20, 20, 30, 30)), (box(1, 1, 9, 9, label="dent"),)]
    banners = [draw_findings(plain(640, 480), findings(boxes=boxes))[480:] for boxes in names]
    assert all((one != other).any() for n, one in enumerate(banners) for other in banners[n + 1 :])


def test_the_input_is_not_written_to() -> None:
    pixels = plain(90, 70)
    pixels.flags.writeable = False
    draw_marks(pixels, boxes=[box(10, 10, 40, 40)], masks=mask())
    assert (pixels == 120).all()


def test_the_area_of_a_class_is_written_at_its_largest_piece_alone() -> None:
    labels = np.zeros((60, 80), np.uint8)
    labels[10:20, 5:30] = labels[40:50, 5:25] = 1
    pieces = FoundMasks(names=("scratch",), labels=labels, colours={})
    told, bare = (draw_marks(plain(640, 480), masks=pieces, sure=sure) for sure in (True, False))
    rows = np.flatnonzero((told != bare).any(axis=(1, 2)))
    assert len(rows)
    assert rows.max() < 240


def test_a_large_picture_all_covered_is_drawn_in_bounded_memory() -> None:
    covered = FoundMasks(names=("scratch",), labels=np.ones((80, 80), np.uint8), colours={})
    pixels = plain(3000, 2000)
    tracemalloc.start()
    try:
        draw_marks(pixels, masks=covered)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < 12 * pixels.nbytes
