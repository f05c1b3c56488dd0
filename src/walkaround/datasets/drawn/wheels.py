"""The wheels of made-up cars, and the arches in the body through which they are seen."""

from __future__ import annotations

import numpy as np
from scipy.spatial import ConvexHull, QhullError

from walkaround.datasets.drawn.body import Face, Floats
from walkaround.datasets.drawn.canvas import ALLOY, RUBBER, Canvas, Material, circle

_CAVITY = Material(colour=(6, 6, 7), gloss=0)
_SIDEWALL = Material(colour=(36, 36, 37), gloss=5)
_RIM_EDGE = Material(colour=(126, 128, 132), gloss=50)
_RIM_DEPTH = Material(colour=(17, 17, 18), gloss=2)
_BRAKE = Material(colour=(84, 84, 86), gloss=30)
_HUB = Material(colour=(60, 62, 66), gloss=40)


def draw_wheels(canvas: Canvas, spokes: int) -> list[Floats]:
    """Draw all four wheels, and return the outlines in pixels of the arches that the camera looks into."""
    near: Face = "left" if canvas.camera.position[1] > 0 else "right"
    far: Face = "right" if near == "left" else "left"
    style = canvas.body.style
    for u in style.axles:
        _draw_wheel(canvas, u, far, spokes)
    if abs(canvas.camera.position[1]) < style.width / 2:
        holes = []
    else:
        holes = [canvas.seen(near, circle((u, style.wheel + 0.01), style.wheel * 1.17))[0] for u in style.axles]
    for hole in holes:
        canvas.fill_pixels(hole, _CAVITY)
    for u in style.axles:
        _draw_wheel(canvas, u, near, spokes)
    return holes


def _draw_wheel(canvas: Canvas, u: float, side: Face, spokes: int) -> None:
    style = canvas.body.style
    out = 1.0 if side == "left" else -1.0
    hub = np.array([style.length / 2 - u, out * (style.width / 2 - 0.03), style.wheel])

    def pixels(flat: Floats, depth: float) -> Floats:
        ring = np.stack([flat[:, 0], np.full(len(flat), -out * depth), flat[:, 1]], axis=1) * [style.wheel, 1, style.wheel]
        return canvas.camera.project(hub + ring)[0]

    unit = circle((0, 0), 1.0)
    tread = np.concatenate([pixels(unit * 0.965, 0.0), pixels(unit, 0.03), pixels(unit, 0.20)])
    try:
        canvas.fill_pixels(tread[ConvexHull(tread).vertices], RUBBER, beyond=True)
    except QhullError:  # seen exactly edge-on: nothing to fill
        return
    if (canvas.camera.position[1] - hub[1]) * out < 0:
        return
    rings = ((0.94, 0.0, _SIDEWALL), (0.73, 0.0, _RIM_EDGE), (0.68, 0.01, _RIM_DEPTH), (0.44, 0.06, _BRAKE), (0.17, 0.05, _HUB))
    for size, depth, material in rings:
        canvas.fill_pixels(pixels(unit * size, depth), material, beyond=True)
    for k in range(spokes):
        angle = 2 * np.pi * k / spokes + 0.3
        turn = np.array([[np.cos(angle), np.sin(angle)], [-np.sin(angle), np.cos(angle)]])
        thick = 0.55 / spokes
        spoke = np.array([[0.06, -thick], [0.70, -0.7 * thick], [0.70, 0.7 * thick], [0.06, thick]]) @ turn
        canvas.fill_pixels(pixels(spoke, 0.02), ALLOY, beyond=True)
    canvas.fill_pixels(pixels(unit * 0.15, 0.015), ALLOY, beyond=True)
    canvas.fill_pixels(pixels(unit * 0.07, 0.01), _HUB, beyond=True)
