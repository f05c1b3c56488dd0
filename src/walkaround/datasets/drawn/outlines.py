"""Outlines of those parts of a made-up car that damage may hit: lamps and glass."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np

from walkaround.datasets.drawn.body import Body, Floats
from walkaround.datasets.drawn.canvas import Material, smooth


@dataclass(frozen=True, kw_only=True)
class Look:
    """What differs between two cars of one style.

    Attributes:
        paint: the body's material.
        grille: height of the grille as a share of the nose, 0.3 to 1.
        lamp: height of the lamps in metres.
        lamp_shape: which of `LAMP_SHAPES`.
        spokes: spokes of a wheel.
        trim: bare plastic along arches and sills.
        chrome: bright window frames and grille.
    """

    paint: Material
    grille: float
    lamp: float
    lamp_shape: int
    spokes: int
    trim: bool
    chrome: bool


LAMP_SHAPES = (
    ((0.52, 0.1), (0.98, 0.0), (0.99, 1.1), (0.50, 0.8)),
    ((0.60, 0.0), (0.96, 0.0), (0.97, 1.05), (0.60, 1.0)),
    ((0.46, 0.5), (0.80, 0.2), (0.99, 0.3), (0.99, 1.15), (0.50, 0.75)),
    ((0.56, 0.35), (0.97, -0.2), (0.99, 1.0), (0.54, 1.0)),
)
"""Corners of the head lamp on the left: y in half widths of the car, height in lamp heights."""


def head_lamp(body: Body, look: Look) -> Floats:
    """Outline (y, z) of the head lamp on the left."""
    half, high = body.style.width / 2, float(body.belt(0.0)) + 0.01
    corners = np.array(LAMP_SHAPES[look.lamp_shape]) * [half, look.lamp] + [0, high - look.lamp]
    return smooth(corners, rounding=0.2)


def tail_lamp(body: Body, look: Look) -> Floats:
    """Outline (y, z) of the tail lamp on the left: wide on a saloon, upright on the others."""
    half, high = body.style.width / 2, float(body.belt(body.style.length)) - 0.02
    wide = body.style.name in ("saloon", "hatchback")
    inner, tall = (0.56, look.lamp + 0.04) if wide else (0.80, look.lamp * 2.1)
    corners = np.array([[inner, high - tall * 0.8], [0.985, high - tall], [0.985, high], [inner, high - 0.01]])
    return smooth(corners * [half, 1])


def side_glass(body: Body, *, margin: float = 0.0) -> Floats:
    """Outline (u, z) of the side windows together, `margin` metres larger on every side."""
    first, last = body.style.glass
    u = np.linspace(first - margin * 1.5, last + margin * 1.5, 40)
    low = body.belt(u) + 0.035 - margin
    high = np.maximum(body.top(u) - 0.105 + margin * 0.8, low + 0.002)
    return np.concatenate([np.stack([u, low], 1), np.stack([u, high], 1)[::-1]])


def screen(body: Body, which: Literal["front", "rear"]) -> Floats:
    """Outline (u, y) of the windscreen or of the rear screen; [0, 2] where there is none."""
    ends = body.style.windscreen if which == "front" else body.style.rear_screen
    if ends is None:
        return np.zeros((0, 2))
    half = body.style.width / 2
    low, high = (0.80, 0.665) if which == "front" else (0.66, 0.74)
    if body.style.name == "van":
        low, high = 0.83, 0.76
    corners = np.array([[ends[0], -half * low], [ends[0], half * low], [ends[1], half * high], [ends[1], -half * high]])
    return smooth(corners, per_side=8, rounding=0.06)
