"""Masks, label maps and boxes of outlines, beside those of faster-coco-eval and of plain geometry."""

from __future__ import annotations

import tracemalloc
from pathlib import Path

import numpy as np
import pytest
from faster_coco_eval import mask as coco_masks
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from walkaround.damage.places import MaskFile, Place, Polygons, Runs
from walkaround.datasets.outlines import box_of, label_map, mask_of, read_colours
from walkaround.datasets.runs import box_of_runs, mask_of_runs, packed, run_lengths, runs_of, unpacked
from walkaround.errors import PictureError

SQUARE = Polygons(rings=(((1, 1), (4, 1), (4, 3), (1, 3)),))
MASKS = st.builds(
    lambda height, width, seed: np.random.default_rng(seed).random((height, width)) < 0.3,
    st.integers(1, 12),
    st.integers(1, 12),
    st.integers(0, 10_000),
)


def rows(mask: np.ndarray) -> list[str]:
    return ["".join(str(int(value)) for value in row) for row in mask]


@pytest.mark.parametrize(
    ("ring", "shown"),
    [
        ([(1, 1), (4, 1), (4, 3), (1, 3)], ["00000", "01110", "01110", "00000"]),
        ([(1, 3), (4, 3), (4, 1), (1, 1)], ["00000", "01110", "01110", "00000"]),
        ([(0.4, 0), (2.4, 0), (2.4, 1), (0.4, 1)], ["11000", "00000", "00000", "00000"]),
        ([(-9, -9), (99, -9), (99, 99), (-9, 99)], ["11111", "11111", "11111", "11111"]),
        ([(0, 0), (5, 0), (0, 4)], ["11110", "11100", "11000", "10000"]),
        ([(7, 7), (9, 7), (9, 9)], ["00000", "00000", "00000", "00000"]),
        ([(-9, -9), (-7, -9), (-7, -7)], ["00000", "00000", "00000", "00000"]),
        ([(1, 1), (1.3, 1), (1.3, 1.3)], ["00000", "00000", "00000", "00000"]),
        ([(0, 0), (5, 0), (5, 3), (1, 3), (1, 1), (3, 1), (3, 4), (0, 4)], ["11111", "11111", "11111", "11100"]),
    ],
)
def test_a_pixel_belongs_to_a_polygon_when_its_centre_does(ring: list[tuple[float, float]], shown: list[str]) -> None:
    assert rows(mask_of(Polygons(rings=(tuple(ring),)), 5, 4)) == shown


@given(
    st.lists(st.tuples(st.floats(-5, 25), st.floats(-5, 25)), min_size=3, max_size=9), st.integers(1, 20), st.integers(1, 20)
)
def test_any_ring_is_filled_as_the_winding_number_says(ring: list[tuple[float, float]], width: int, height: int) -> None:
    mask = mask_of(Polygons(rings=(tuple(ring),)), width, height)
    assert mask.shape == (height, width)
    y, x = np.mgrid[:height, :width] + 0.5
    winding = np.zeros((height, width), dtype=int)
    near = np.zeros((height, width), dtype=bool)
    for (x0, y0), (x1, y1) in zip(ring, [*ring[1:], ring[0]], strict=True):
        side = (x1 - x0) * (y - y0) - (x - x0) * (y1 - y0)
        near |= np.abs(side) < 1e-6 * (1 + abs(x1 - x0) + abs(y1 - y0))
        near |= (np.abs(y - y0) < 1e-6) | (np.abs(y - y1) < 1e-6)
        winding += ((y0 <= y) & (y < y1) & (side > 0)).astype(int) - ((y1 <= y) & (y < y0) & (side < 0))
    assert ((winding != 0) == mask)[~near].all()


def test_a_smaller_map_is_filled_straight_from_the_outline() -> None:
    place = Place(label="dent", box=(2, 2, 6, 4), outline=Polygons(rings=(((2, 2), (6, 2), (6, 4), (2, 4)),)))
    large = label_map([place], ["scratch", "dent"], width=6, height=4)
    assert rows(large) == ["000000", "000000", "002222", "002222"]
    assert rows(label_map([place], ["scratch", "dent"], width=6, height=4, size=(3, 2))) == ["000", "022"]
    assert rows(mask_of(runs_of(large > 0), 6, 4, size=(3, 2))) == ["000", "011"]


def test_later_places_lie_over_earlier_ones_and_what_has_no_pixels_is_left_out() -> None:
    whole = Runs(counts=(0, 20), height=4, width=5)
    places = [
        Place(label="a", box=(0, 0, 5, 4), outline=whole),
        Place(label="b", box=None, outline=SQUARE),
        Place(label="a", box=(0, 0, 5, 4)),
        Place(label="b", box=None, outline=whole, crowd=True),
        Place(label="unknown", box=None, outline=whole),
    ]
    assert rows(label_map(places, ["a", "b"], width=5, height=4)) == ["11111", "12221", "12221", "11111"]


def test_a_polygon_of_many_long_edges_fits_into_memory() -> None:
    ring = ((0.0, 0.0), (400.0, 0.0), (400.0, 300.0), (0.0, 300.0)) * 10_000  # 6 million crossings of scan lines
    tracemalloc.start()
    mask = mask_of(Polygons(rings=(ring,)), 400, 300)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert mask.all()
    assert peak < 120e6


def test_a_mask_file_is_read_by_colour_without_its_transparency(tmp_path: Path) -> None:
    colours = np.zeros((3, 4, 4), dtype=np.uint8)
    colours[1, 1:3] = (0x23, 0xA4, 0x36, 255)
    colours[0, 3] = (0x23, 0xA4, 0x36, 90)
    Image.fromarray(colours).save(tmp_path / "mask.png")
    outline = MaskFile(path=tmp_path / "mask.png", colour="#23a436")
    assert rows(mask_of(outline, 4, 3)) == ["0001", "0110", "0000"]
    assert box_of(Place(label="crack", box=None, outline=outline), 4, 3) == (1, 0, 4, 2)
    assert box_of(Place(label="x", box=None, outline=MaskFile(path=outline.path, colour="#010101")), 4, 3) is None
    with pytest.raises(PictureError, match=r"mask\.png.* is 4 x 3 pixels and its picture 3 x 4"):
        mask_of(outline, 3, 4)


def test_a_mask_that_is_no_png_is_refused(tmp_path: Path) -> None:
    Image.new("RGB", (4, 4)).save(tmp_path / "mask.png", format="JPEG")
    with pytest.raises(PictureError, match="renaming a file is not enough"):
        read_colours(tmp_path / "mask.png")


@pytest.mark.parametrize(
    ("shown", "counts"),
    [
        (["000", "000"], [6]),
        (["111", "111"], [0, 6]),
        (["010", "010"], [2, 2, 2]),
        (["100", "001"], [0, 1, 4, 1]),
    ],
)
def test_run_lengths_go_down_the_columns_and_begin_with_zeros(shown: list[str], counts: list[int]) -> None:
    mask = np.array([[letter == "1" for letter in row] for row in shown])
    assert run_lengths(mask) == counts


@given(MASKS)
def test_runs_are_those_of_coco_and_come_back(mask: np.ndarray) -> None:
    runs = runs_of(mask)
    theirs = coco_masks.encode(np.asfortranarray(mask, dtype=np.uint8))
    assert packed(runs).encode() == theirs["counts"]
    assert unpacked(packed(runs), height=runs.height, width=runs.width) == runs
    assert (mask_of_runs(runs) == mask).all()
    x, y, width, height = coco_masks.toBbox(theirs)
    assert (box_of_runs(runs) or (0, 0, 0, 0)) == (x, y, x + width, y + height)


@pytest.mark.parametrize(
    ("text", "reason"),
    [("~", "no text"), ("d", "cut off"), ("5", "add up to 5"), ("oooooooooooooooo", "no text"), ("5O", "negative")],
)
def test_text_that_holds_no_runs_is_refused(text: str, reason: str) -> None:
    with pytest.raises(ValueError, match=reason):
        unpacked(text, height=2, width=3)
