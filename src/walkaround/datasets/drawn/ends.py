"""Nose and tail of made-up cars: grille, bumpers, plates and lamps."""

from __future__ import annotations

import numpy as np

from walkaround.datasets.drawn.body import Face
from walkaround.datasets.drawn.canvas import (
    AMBER,
    BLACK,
    CHROME,
    GAP,
    GLASS,
    LENS,
    RED_LENS,
    WHITE,
    Canvas,
    Material,
    circle,
    rectangle,
    scaled,
    smooth,
    straight,
)
from walkaround.datasets.drawn.outlines import Look, head_lamp, tail_lamp

_HOUSING = Material(colour=(70, 74, 80), gloss=110)
_PROJECTOR = Material(colour=(232, 238, 246), gloss=140)
_RED_CORE = Material(colour=(206, 30, 30), gloss=70)
_BAR = Material(colour=(60, 62, 64), gloss=40)


def draw_nose(canvas: Canvas, look: Look) -> None:
    """Draw everything on the front fascia."""
    body, half, low = canvas.body, canvas.body.style.width / 2, canvas.body.style.sill
    high = float(body.belt(0.0))
    tall = high - low
    lower = [[-0.62, low + 0.05], [0.62, low + 0.05], [0.54, low + 0.30 * tall], [-0.54, low + 0.30 * tall]]
    canvas.fill("front", smooth(np.array(lower) * [half, 1], rounding=0.12), BLACK)
    _draw_grille(canvas, look, top=high - 0.03, bottom=high - 0.06 - 0.34 * tall * look.grille)
    seam = low + 0.42 * tall
    canvas.line("front", straight((-half * 0.97, seam), (half * 0.97, seam), points=30), GAP, width=0.008)
    _draw_plate(canvas, "front", low + 0.36 * tall)
    for turn in (1, -1):
        fog = [[0.66, low + 0.10], [0.90, low + 0.12], [0.90, low + 0.24], [0.70, low + 0.22]]
        canvas.fill("front", smooth(np.array(fog) * [turn * half, 1]), BLACK)
        canvas.fill("front", circle((turn * half * 0.79, low + 0.17), 0.04), LENS)
        _draw_head_lamp(canvas, look, turn)


def _draw_grille(canvas: Canvas, look: Look, *, top: float, bottom: float) -> None:
    half = canvas.body.style.width / 2
    rim = CHROME if look.chrome else GAP
    grille = np.array([[-0.40, bottom], [0.40, bottom], [0.47, top], [-0.47, top]]) * [half, 1]
    canvas.fill("front", smooth(scaled(grille, (1.04, 1.0)), rounding=0.12), rim)
    canvas.fill("front", smooth(scaled(grille, (0.99, 0.86)), rounding=0.12), BLACK)
    for share in (0.25, 0.5, 0.75):
        z = bottom + share * (top - bottom)
        canvas.line("front", straight((-half * 0.40, z), (half * 0.40, z)), rim if look.chrome else _BAR, width=0.012)
    canvas.fill("front", circle((0, top - 0.06), 0.045), CHROME)


def _draw_head_lamp(canvas: Canvas, look: Look, turn: int) -> None:
    """One whole head lamp: a bright lens, two projectors and the indicator; `turn` -1 is the right one."""
    outline = head_lamp(canvas.body, look) * [turn, 1]
    middle = outline.mean(axis=0)
    canvas.fill("front", scaled(outline, 1.06), GAP)
    canvas.fill("front", outline, LENS)
    canvas.fill("front", scaled(outline, (0.86, 0.72)), _HOUSING)
    for along in (-0.11, 0.05):
        centre = (middle[0] + turn * along, middle[1])
        canvas.fill("front", circle(centre, look.lamp * 0.30), CHROME)
        canvas.fill("front", circle(centre, look.lamp * 0.22), _PROJECTOR)
    canvas.fill("front", scaled(outline, (0.14, 0.5)) + np.array([turn * 0.17, 0.0]), AMBER)


def draw_tail(canvas: Canvas, look: Look) -> None:
    """Draw everything on the rear fascia."""
    body, style, half = canvas.body, canvas.body.style, canvas.body.style.width / 2
    high, low = float(body.belt(style.length)), style.sill
    tall = high - low
    diffuser = [[-0.80, low], [0.80, low], [0.74, low + 0.2 * tall], [-0.74, low + 0.2 * tall]]
    canvas.fill("rear", smooth(np.array(diffuser) * [half, 1], rounding=0.1), BLACK)
    seam = low + 0.45 * tall
    canvas.line("rear", straight((-half * 0.97, seam), (half * 0.97, seam), points=30), GAP, width=0.012)
    if style.name == "van":
        _draw_van_doors(canvas)
    _draw_plate(canvas, "rear", low + (0.30 if style.name == "pickup" else 0.62) * tall)
    for turn in (1, -1):
        if style.name != "van":
            canvas.line("rear", straight((turn * half * 0.76, seam), (turn * half * 0.80, high)), GAP, width=0.011)
        _draw_tail_lamp(canvas, look, turn)
        reflector = rectangle((0.70, low + 0.24 * tall), (0.86, low + 0.29 * tall)) * [turn * half, 1]
        canvas.fill("rear", smooth(reflector), RED_LENS)


def _draw_van_doors(canvas: Canvas) -> None:
    style, half = canvas.body.style, canvas.body.style.width / 2
    roof = float(canvas.body.top(style.length))
    canvas.line("rear", straight((0.0, style.sill + 0.25), (0.0, roof - 0.08), points=30), GAP, width=0.014)
    for turn in (1, -1):
        window = [[0.07, roof - 0.72], [half * 0.72, roof - 0.72], [half * 0.68, roof - 0.20], [0.07, roof - 0.20]]
        canvas.fill("rear", smooth(np.array(window) * [turn, 1], rounding=0.10), GLASS)


def _draw_tail_lamp(canvas: Canvas, look: Look, turn: int) -> None:
    """One whole tail lamp: red with a brighter core, a white and an amber field; `turn` -1 is the right one."""
    outline = tail_lamp(canvas.body, look) * [turn, 1]
    wide, tall = np.ptp(outline, axis=0)
    upright = tall > wide
    shift = np.array([0.0, -0.27 * tall] if upright else [-turn * 0.27 * wide, 0.0])
    size = (0.7, 0.18) if upright else (0.18, 0.6)
    canvas.fill("rear", scaled(outline, 1.06), GAP)
    canvas.fill("rear", outline, RED_LENS)
    canvas.fill("rear", scaled(outline, (0.82, 0.66)), _RED_CORE)
    canvas.fill("rear", scaled(outline, size) + shift, WHITE)
    canvas.fill("rear", scaled(outline, size) - 0.1 * shift, AMBER)


def _draw_plate(canvas: Canvas, face: Face, z: float) -> None:
    """A number plate with bars instead of signs: a made-up car has no number."""
    canvas.fill(face, smooth(rectangle((-0.268, z - 0.055), (0.268, z + 0.055)), rounding=0.0), GAP)
    canvas.fill(face, smooth(rectangle((-0.255, z - 0.047), (0.255, z + 0.047)), rounding=0.0), WHITE)
    for k in range(7):
        y = -0.185 + 0.06 * k + (0.03 if k > 2 else 0)
        canvas.fill(face, rectangle((y - 0.016, z - 0.03), (y + 0.016, z + 0.03)), _BAR)
