"""Colours of classes: fixed, told apart by every kind of colour vision, never white."""

from __future__ import annotations

from itertools import combinations

import numpy as np
import pytest
from numpy.typing import NDArray

from walkaround.damage.colours import PALETTE, colour_of, colours_of, is_light, rgb_of
from walkaround.damage.kinds import DAMAGE_TYPES

Floats = NDArray[np.float64]

# Machado, Oliveira and Fernandes (2009), A physiologically-based model for simulation of color vision deficiency; linear RGB.
EYES = {
    "all cones": np.eye(3),
    "no red": np.array([[0.152286, 1.052583, -0.204868], [0.114503, 0.786281, 0.099216], [-0.003882, -0.048116, 1.051998]]),
    "no green": np.array([[0.367322, 0.860646, -0.227968], [0.280085, 0.672501, 0.047413], [-0.01182, 0.04294, 0.968881]]),
    "no blue": np.array([[1.255528, -0.076749, -0.178779], [-0.078411, 0.930809, 0.147602], [0.004733, 0.691367, 0.3039]]),
}
TO_CONES = np.array(
    [[0.41222147, 0.53633254, 0.05144599], [0.2119035, 0.68069955, 0.10739696], [0.08830246, 0.28171884, 0.62997870]]
)
TO_LAB = np.array(
    [[0.21045426, 0.79361779, -0.00407205], [1.9779985, -2.42859221, 0.45059371], [0.02590404, 0.78277177, -0.80867577]]
)


def seen(colour: str, eyes: Floats) -> Floats:
    """A colour in OKLab."""
    part = np.array(rgb_of(colour)) / 255
    linear = np.where(part <= 0.04045, part / 12.92, ((part + 0.055) / 1.055) ** 2.4)
    return np.asarray(TO_LAB @ np.cbrt(TO_CONES @ np.clip(eyes @ linear, 0, 1)))


def nearest(colours: tuple[str, ...], eyes: Floats) -> float:
    return min(float(np.linalg.norm(seen(one, eyes) - seen(other, eyes))) for one, other in combinations(colours, 2))


@pytest.mark.parametrize("eyes", EYES.values(), ids=EYES)
def test_all_colours_can_be_told_apart(eyes: Floats) -> None:
    assert nearest(PALETTE, eyes) > 0.064
    assert nearest(tuple(map(colour_of, DAMAGE_TYPES)), eyes) > 0.075
    assert min(float(np.linalg.norm(seen(colour, eyes) - seen("#FFFFFF", eyes))) for colour in PALETTE) > 0.075


def test_colours_of_the_products_types_are_fixed() -> None:
    assert {name: colour_of(name) for name in DAMAGE_TYPES} == {
        "glass_shatter": "#56B4E9",
        "door_dent": "#E69F00",
        "bumper_dent": "#D55E00",
        "tail_lamp": "#CC79A7",
        "head_lamp": "#009E73",
        "smash": "#0072B2",
        "scratch": "#F0E442",
    }


@pytest.mark.parametrize(("name", "colour"), [("Rust", "#AACCAA"), ("front bumper", "#994400"), ("hood", "#CC33CC")])
def test_colours_of_other_names_do_not_change_between_versions(name: str, colour: str) -> None:
    assert colour_of(name) == colour


@pytest.mark.parametrize("name", ["", " ", "__", "caf\udce9", "x" * 10_000])
def test_any_name_has_a_colour(name: str) -> None:
    assert colour_of(name) in PALETTE


def test_spellings_of_a_name_have_one_colour() -> None:
    assert colour_of("Front Bumper") == colour_of("front_bumper")


@pytest.mark.parametrize("count", [1, 7, 18, len(PALETTE)])
def test_classes_shown_together_differ(count: int) -> None:
    names = [f"part {number}" for number in range(count)]
    given = colours_of(names)
    assert len(set(given.values())) == count
    assert given == colours_of(reversed(names))


def test_the_products_types_keep_their_colours_among_others() -> None:
    given = colours_of([*DAMAGE_TYPES, *(f"part {number}" for number in range(17))])
    assert {name: given[name] for name in DAMAGE_TYPES} == {name: colour_of(name) for name in DAMAGE_TYPES}


def test_alike_names_of_one_colour_are_told_apart() -> None:
    given = colours_of(["dent", "door_dent", "scratch"])
    assert len(set(given.values())) == 3
    assert all(given[name] == colour_of(name) for name in ("door_dent", "scratch"))


def test_beyond_the_palette_colours_are_given_out_again() -> None:
    given = colours_of(f"part {number}" for number in range(60))
    assert set(given.values()) == set(PALETTE)


def test_text_is_black_on_light_and_white_on_dark() -> None:
    assert [is_light(rgb_of(colour)) for colour in ("#FFFFFF", "#F0E442", "#0000BB", "#000000")] == [True, True, False, False]
