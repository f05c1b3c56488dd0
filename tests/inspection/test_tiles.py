"""Tiles cover the picture, find what is too small for the whole, and tell each damage once."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from made_models import BOX_PART, made_package, picture_with
from walkaround.damage.findings import Findings
from walkaround.inspection.detector import Detector
from walkaround.inspection.places import Candidates
from walkaround.inspection.tiles import MOST_TILES, merged, reading_side, tiles_of

TILED = replace(BOX_PART, overlap=0.25)


@pytest.mark.parametrize(
    ("width", "height", "side"),
    [(1280, 960, 640), (4032, 3024, 640), (3000, 400, 320), (320, 9000, 320), (64_000, 1000, 320), (1281, 641, 640)],
)
def test_tiles_cover_everything_and_overlap(width: int, height: int, side: int) -> None:
    tiles = tiles_of(width, height, side=side, overlap=0.2)
    assert 1 < len(tiles) <= MOST_TILES
    covered = np.zeros((height, width), np.bool_)
    for left, top, right, bottom in tiles:
        assert 0 <= left < right <= width
        assert 0 <= top < bottom <= height
        covered[top:bottom, left:right] = True
    assert covered.all()
    assert len({(right - left, bottom - top) for left, top, right, bottom in tiles}) == 1
    lefts = sorted({tile[0] for tile in tiles})
    size = tiles[0][2] - tiles[0][0]
    assert all(after - before <= 0.8 * size + 1 for before, after in pairwise(lefts))


@pytest.mark.parametrize(("width", "height", "overlap"), [(640, 640, 0.2), (1279, 1279, 0.2), (4000, 3000, 0.0)])
def test_no_tiles_where_they_would_show_nothing_more(width: int, height: int, overlap: float) -> None:
    assert tiles_of(width, height, side=640, overlap=overlap) == []


def test_a_scratch_too_small_for_the_whole_picture_is_found_in_a_tile(tmp_path: Path) -> None:
    spot = (270, 190, 274, 220)  # less than a pixel wide in the network's 64
    Image.fromarray(picture_with(spot, width=400, height=300)).save(tmp_path / "a.png")
    found = {}
    for name, part in (("whole", BOX_PART), ("tiled", TILED)):
        made_package(tmp_path / name, boxes=part)
        answer = Detector(tmp_path / name).read(tmp_path / "a.png")
        assert isinstance(answer, Findings)
        found[name] = answer.boxes
    assert found["whole"] == ()
    (box,) = found["tiled"] or ()
    assert box.box == pytest.approx(spot, abs=6)


def test_large_damage_over_many_tiles_is_one_box(tmp_path: Path) -> None:
    made_package(tmp_path / "tiled", boxes=TILED)
    found = Detector(tmp_path / "tiled").inspect(picture_with((100, 100, 900, 600), width=1024, height=768), source="a")
    (box,) = found.boxes or ()
    assert box.box == pytest.approx((100, 100, 900, 600), abs=12)


def test_a_picture_is_read_as_large_as_its_tiles_need(tmp_path: Path) -> None:
    made_package(tmp_path / "tiled", boxes=TILED)
    detector = Detector(tmp_path / "tiled")
    assert reading_side(BOX_PART) == 64
    assert (detector.frame_side, detector.side) == (64, reading_side(TILED))
    side = detector.side
    assert max(right - left for left, _, right, _ in tiles_of(side, side, side=64, overlap=0.25)) == 64


def candidates(*rows: tuple[tuple[float, float, float, float], float, int, bool]) -> Candidates:
    return Candidates(
        boxes=np.array([row[0] for row in rows], np.float32).reshape(-1, 4),
        scores=np.array([row[1] for row in rows], np.float32),
        class_ids=np.array([row[2] for row in rows], np.int64),
        cut=np.array([row[3] for row in rows], np.bool_),
    )


BOX, SHIFTED, CORNER, FAR = (0.1, 0.1, 0.3, 0.3), (0.11, 0.1, 0.31, 0.3), (0.2, 0.2, 0.3, 0.3), (0.7, 0.7, 0.8, 0.8)


@pytest.mark.parametrize(
    ("rows", "kept"),
    [
        ([(BOX, 0.5, 0, False), (SHIFTED, 0.8, 0, False)], [0.8]),  # the surer of two that are the same
        ([(BOX, 0.5, 0, False), (SHIFTED, 0.8, 1, False)], [0.8, 0.5]),  # of another class
        ([(BOX, 0.5, 0, False), (CORNER, 0.8, 0, False)], [0.8, 0.5]),  # a small damage in a large one
        ([(BOX, 0.5, 0, False), (CORNER, 0.8, 0, True)], [0.5]),  # a part of it
        ([(BOX, 0.5, 0, False), (SHIFTED, 0.8, 0, True)], [0.5]),
        ([(CORNER, 0.8, 0, True), (FAR, 0.6, 0, True)], [0.8, 0.6]),  # cut, and nothing better there
        ([], []),
    ],
)
def test_each_damage_is_told_once(
    rows: list[tuple[tuple[float, float, float, float], float, int, bool]], kept: list[float]
) -> None:
    assert merged([candidates(*rows[:1]), candidates(*rows[1:])]).scores.tolist() == pytest.approx(kept)


def test_only_the_surest_of_very_many_are_kept() -> None:
    rng = np.random.default_rng(1)
    corners = rng.uniform(0, 0.99, (300, 2))
    many = candidates(*[((x, y, x + 0.004, y + 0.004), float(rng.uniform(0.1, 1)), 0, False) for x, y in corners])
    left = merged([many], at_most=50)
    assert len(left.scores) == 50
    assert (np.diff(left.scores) <= 0).all()
