"""Made-up cars: deterministic, different, and true to the pixel about their damage."""

from __future__ import annotations

import hashlib
import subprocess
import sys
from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest

from walkaround.damage.kinds import DAMAGE_TYPES
from walkaround.datasets.drawn.body import Body
from walkaround.datasets.drawn.car import DrawnCar, draw_car
from walkaround.datasets.drawn.styles import STYLES, BodyStyle


def small_car(seed: int, *, damage: Sequence[str] = (), focus: str | None = None) -> DrawnCar:
    return draw_car(seed, damage=damage, width=320, height=240, focus=focus)


@pytest.mark.parametrize(("width", "height"), [(320, 240), (401, 303), (240, 320), (64, 64)])
def test_a_car_has_the_size_that_was_asked_for(width: int, height: int) -> None:
    car = draw_car(4, damage=["smash"], width=width, height=height)
    assert car.pixels.shape == (height, width, 3)
    assert car.pixels.dtype == np.uint8
    assert car.masks.shape == (len(car.kinds), height, width)
    assert car.masks.dtype == np.bool_
    assert car.boxes.shape == (len(car.kinds), 4)
    assert car.boxes.dtype == np.float32


def test_a_seed_draws_the_same_car_in_another_process() -> None:
    code = (
        "import hashlib; from walkaround.datasets.drawn.car import draw_car;"
        "print(hashlib.sha256(draw_car(7, damage=['smash', 'scratch'], width=320, height=240).pixels.tobytes()).hexdigest())"
    )
    there = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.strip()
    here = draw_car(7, damage=["smash", "scratch"], width=320, height=240)
    assert hashlib.sha256(here.pixels.tobytes()).hexdigest() == there


def test_seeds_draw_different_cars() -> None:
    small = [small_car(seed).pixels[::8, ::8].astype(int) for seed in range(8)]
    for number, first in enumerate(small):
        for second in small[number + 1 :]:
            assert np.abs(first - second).mean() > 8


@pytest.mark.parametrize("kind", DAMAGE_TYPES)
def test_only_the_damage_tells_a_damaged_car_from_the_whole_one(kind: str) -> None:
    changes = []
    for seed in range(3):
        whole = small_car(seed, focus=kind)
        damaged = small_car(seed, damage=[kind])
        assert damaged.kinds == (kind,)
        assert whole.kinds == ()
        change = np.abs(whole.pixels.astype(int) - damaged.pixels).sum(axis=2) > 45
        inside = change[damaged.masks[0]].mean()
        x0, y0, x1, y1 = damaged.boxes[0].astype(int)
        away = np.ones_like(change)
        away[max(y0 - 25, 0) : y1 + 25, max(x0 - 25, 0) : x1 + 25] = False
        assert not away.any() or change[away].mean() < 0.01
        changes.append(inside)
        assert damaged.masks.sum() > 25
    assert np.mean(changes) > 0.12


@pytest.mark.parametrize("kind", DAMAGE_TYPES)
def test_boxes_are_the_tight_bounds_of_the_masks(kind: str) -> None:
    car = small_car(11, damage=[kind])
    rows, columns = np.nonzero(car.masks[0])
    bounds = [columns.min(), rows.min(), columns.max() + 1, rows.max() + 1]
    assert car.boxes[0].tolist() == bounds


def test_several_damages_come_with_a_box_and_a_mask_each() -> None:
    car = small_car(3, damage=["head_lamp", "bumper_dent", "tail_lamp"])
    assert car.kinds[0] == "head_lamp"
    assert "tail_lamp" not in car.kinds
    assert len(car.kinds) == len(car.boxes) == len(car.masks)


@pytest.mark.parametrize("arguments", [{"damage": ["rust"]}, {"focus": "rust"}])
def test_an_unknown_damage_is_refused_by_name(arguments: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=r"Unknown damage 'rust'; choose out of: glass_shatter"):
        draw_car(0, **arguments)


@pytest.mark.parametrize("style", STYLES, ids=lambda style: style.name)
def test_a_body_is_symmetric_and_its_normals_point_outwards(style: BodyStyle) -> None:
    body = Body(style)
    assert np.allclose(body.points, body.points[:, ::-1] * [1, -1, 1])
    assert body.points[..., 2].min() == pytest.approx(style.sill)
    outwards = (body.points - [0, 0, 0.6]) * body.normals
    assert (outwards.sum(axis=-1) > -0.05).mean() > 0.95


@pytest.mark.parametrize(
    ("face", "point", "outwards"),
    [
        ("left", (2.0, 0.6), (0, 1, 0)),
        ("right", (2.0, 0.6), (0, -1, 0)),
        ("front", (0.0, 0.5), (1, 0, 0)),
        ("rear", (0.0, 0.5), (-1, 0, 0)),
        ("top", (2.4, 0.0), (0, 0, 1)),
    ],
)
def test_a_face_looks_outwards(face: Any, point: tuple[float, float], outwards: tuple[int, int, int]) -> None:
    for style in STYLES:
        position, normal = Body(style).on(face, np.array([point]))
        assert normal[0] @ np.array(outwards) > 0.9
        assert position[0] @ np.array(outwards) > 0.5
