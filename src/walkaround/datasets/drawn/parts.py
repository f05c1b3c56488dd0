"""The parts of made-up cars: the whole car's paintwork in order, with its flanks, top and mirrors."""

from __future__ import annotations

import numpy as np
from scipy.spatial import ConvexHull

from walkaround.datasets.drawn.body import Face
from walkaround.datasets.drawn.camera import View
from walkaround.datasets.drawn.canvas import (
    BLACK,
    CHROME,
    GAP,
    GLASS,
    Canvas,
    Material,
    circle,
    rectangle,
    scaled,
    smooth,
    straight,
    tinted,
)
from walkaround.datasets.drawn.ends import draw_nose, draw_tail
from walkaround.datasets.drawn.outlines import Look, screen, side_glass
from walkaround.datasets.drawn.wheels import draw_wheels

_SIDES: tuple[Face, Face] = ("left", "right")
_SEAT = Material(colour=(12, 14, 16), gloss=105)
_MIRROR = Material(colour=(70, 78, 86), gloss=150)


def draw_parts(canvas: Canvas, look: Look, view: View) -> None:
    """Draw every part of a whole car onto the canvas, as far as the camera's view of the bare body shows it."""
    x, y = canvas.camera.position[:2]
    near: Face = "left" if y > 0 else "right"
    for side in _SIDES:
        _draw_mirror(canvas, look, side)
    canvas.cover(view.outline, draw_wheels(canvas, look.spokes))
    _draw_flank(canvas, look, near)
    _draw_screens(canvas)
    _draw_bed(canvas, view)
    if x > -0.3 * abs(y):
        _draw_bonnet(canvas, look)
    if x > -0.5 * abs(y):
        draw_nose(canvas, look)
    if x < 0.5 * abs(y):
        draw_tail(canvas, look)
    if abs(y) > canvas.body.style.width / 2 + 0.2:
        _draw_mirror(canvas, look, near)


def _draw_flank(canvas: Canvas, look: Look, side: Face) -> None:
    body, style = canvas.body, canvas.body.style
    canvas.fill(side, side_glass(body, margin=0.03), CHROME if look.chrome else BLACK)
    canvas.fill(side, side_glass(body), GLASS)
    _draw_seats(canvas, side)
    _draw_swage(canvas, look, side)
    for u in style.doors[1:-1] if style.name != "van" else ():
        low, high = float(body.belt(u)), float(body.top(u)) - 0.07
        canvas.fill(side, np.array([[u - 0.05, low], [u + 0.04, low], [u + 0.07, high], [u, high]]), BLACK)
    _draw_doors(canvas, look, side)
    for u in style.axles:
        arch = circle((u, style.wheel + 0.01), style.wheel * (1.24 if look.trim else 1.18))
        arch = np.vstack([arch, arch[:1]])
        canvas.line(side, arch, BLACK if look.trim else GAP, width=0.075 if look.trim else 0.012)
    first, last = (axle + turn * 1.3 * style.wheel for axle, turn in zip(style.axles, (1, -1), strict=True))
    sill = rectangle((first, style.sill - 0.02), (last, style.sill + 0.07))
    canvas.fill(side, smooth(sill, rounding=0.0), BLACK if look.trim else GAP)


def _draw_doors(canvas: Canvas, look: Look, side: Face) -> None:
    """Gaps around the doors, which keep clear of the wheels, and handles."""
    style, bottom = canvas.body.style, canvas.body.style.sill + 0.10
    clear = [style.axles[0] + 1.34 * style.wheel, style.axles[1] - 1.34 * style.wheel]
    feet = np.clip(np.array(style.doors) + 0.02, clear[0], clear[1])
    for u, foot in zip(style.doors, feet.tolist(), strict=True):
        top = float(canvas.body.belt(u)) - 0.01
        waist = (0.5 * (u + foot) - 0.02, 0.55 * top + 0.45 * bottom)
        canvas.line(side, np.vstack([straight((u, top), waist), straight(waist, (foot, bottom))]), GAP, width=0.011)
    canvas.line(side, straight((feet[0], bottom), (feet[-1], bottom)), GAP, width=0.011)
    for u in style.doors[1:]:
        z = float(canvas.body.belt(u)) - 0.13
        canvas.fill(side, smooth(rectangle((u - 0.23, z - 0.03), (u - 0.04, z + 0.02))), GAP)
        handle = smooth(rectangle((u - 0.22, z - 0.005), (u - 0.05, z + 0.02)))
        canvas.fill(side, handle, CHROME if look.chrome else tinted(look.paint, 1.1))


def _draw_seats(canvas: Canvas, side: Face) -> None:
    """Seat backs and head rests, dim behind the side windows."""
    body, doors = canvas.body, canvas.body.style.doors
    for k in range(1 if body.style.name == "van" else 2):
        u = 0.5 * (doors[k] + doors[k + 1]) + 0.16
        low = float(body.belt(u)) + 0.035
        size = [1.0, float(body.top(u)) - 0.13 - low]
        for corners in (
            [[0.02, 0], [0.22, 0], [0.26, 0.45], [0.10, 0.5]],
            [[0.13, 0.52], [0.27, 0.5], [0.29, 0.86], [0.17, 0.86]],
        ):
            canvas.fill(side, smooth(np.array(corners) * size + [u, low]), _SEAT)


def _draw_swage(canvas: Canvas, look: Look, side: Face) -> None:
    """The crease along a car's flank: a light edge over a dark one."""
    style = canvas.body.style
    u = np.linspace(style.axles[0] - 0.1, style.axles[1] + 0.25, 40)
    z = canvas.body.belt(u) - 0.10
    for drop, tint in ((0.012, 0.80), (0.0, 1.12)):
        canvas.line(side, np.stack([u, z - drop], 1), tinted(look.paint, tint), width=0.012)


def _draw_screens(canvas: Canvas) -> None:
    body = canvas.body
    for outline in (screen(body, "front"), screen(body, "rear")):
        if len(outline):
            canvas.fill("top", scaled(outline, (1.10, 1.04)), BLACK)
            canvas.fill("top", outline, GLASS)


def _draw_bed(canvas: Canvas, view: View) -> None:
    """The cover of a pick-up's bed; painted where it is seen, as the cab may hide it."""
    style = canvas.body.style
    if style.name == "pickup":
        x, y, z = np.moveaxis(view.positions, -1, 0)
        inside = (x < style.length / 2 - 3.58) & (x > -style.length / 2 + 0.1) & (np.abs(y) < 0.43 * style.width)
        canvas.paint_over(view.seen & inside & (z < float(canvas.body.top(3.6)) + 0.02) & (view.normals[..., 2] > 0.7), BLACK)


def _draw_bonnet(canvas: Canvas, look: Look) -> None:
    half, cowl = canvas.body.style.width / 2, canvas.body.style.windscreen[0]
    for turn in (-half, half):
        canvas.line("top", straight((cowl - 0.08, turn * 0.84), (0.2, turn * 0.80)), GAP, width=0.010)
        for offset, tint in ((0.0, 1.15), (0.016, 0.75)):
            ridge = straight((cowl - 0.1, turn * (0.5 + offset)), (0.35, turn * (0.34 + offset)))
            canvas.line("top", ridge, tinted(look.paint, tint), width=0.012)
    canvas.line("top", straight((cowl - 0.06, -half * 0.84), (cowl - 0.06, half * 0.84)), GAP, width=0.02)


def _draw_mirror(canvas: Canvas, look: Look, side: Face) -> None:
    """A shell on a stalk at the front end of the side windows; its glass looks to the rear."""
    body = canvas.body
    u, out = body.style.glass[0] + 0.12, 1.0 if side == "left" else -1.0
    root = body.on(side, np.array([[u, float(body.belt(u)) + 0.02]]))[0][0]
    corner = circle((0, 0), 1.0, points=20)
    corner = np.sign(corner) * np.abs(corner) ** 0.6
    glass = root + np.stack([0 * corner[:, 0], out * (0.13 + 0.095 * corner[:, 0]), 0.05 + 0.065 * corner[:, 1]], axis=1)
    front = glass.mean(axis=0) + [0.09, 0, -0.01] + 0.55 * (glass - glass.mean(axis=0))
    stalk = root + np.array([[0.04, -0.10, -0.03], [-0.04, -0.10, -0.03], [-0.03, 0.12, 0.0], [0.04, 0.12, 0.05]]) * [1, out, 1]
    canvas.fill_pixels(canvas.camera.project(stalk)[0], BLACK, beyond=True)
    shell = canvas.camera.project(np.concatenate([glass, front]))[0]
    canvas.fill_pixels(shell[ConvexHull(shell).vertices], look.paint, beyond=True)
    if canvas.camera.position[0] < root[0]:
        canvas.fill_pixels(canvas.camera.project(glass)[0], BLACK, beyond=True)
        canvas.fill_pixels(canvas.camera.project(scaled(glass, 0.84))[0], _MIRROR, beyond=True)
