"""The bodies of made-up cars: a surface lofted through the curves of a style.

Car coordinates are metres: x forward, y to the car's left, z up, the origin on the ground under the middle of the car.
`u` is the distance from the nose towards the tail.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from scipy.interpolate import PchipInterpolator

from walkaround.datasets.drawn.styles import STYLES, BodyStyle

Floats = NDArray[np.float64]
Shift = Callable[[Floats], Floats]
"""Moves points [..., 3] of the surface: how a crash deforms a body."""
Face = Literal["left", "right", "front", "rear", "top"]


_HALF = 17
_RING = np.linspace(0.0, 8.0, _HALF)
_CAP = np.array([0.0, 0.3, 0.6, 0.8, 0.92])


def _catmull_rom(points: Floats, at: Floats) -> Floats:
    """Values at parameters `at` of the Catmull-Rom spline through `points` [..., k]; returns [..., len(at)]."""
    padded = np.concatenate([points[..., :1], points, points[..., -1:]], axis=-1)
    index = np.minimum(at.astype(int), points.shape[-1] - 2)
    t = at - index
    a, b, c, d = (padded[..., index + k] for k in range(4))
    return np.asarray(0.5 * (2 * b + (c - a) * t + (2 * a - 5 * b + 4 * c - d) * t**2 + (3 * b - a - 3 * c + d) * t**3))


class Surface:
    """The lofted surface of one style: a grid that wraps the car, and tables of where a flat outline comes to lie on it.

    Attributes:
        points: float64 [stations, ring, 3], from the nose to the tail, and over the roof from sill to sill.
    """

    def __init__(self, style: BodyStyle) -> None:
        self.style = style
        self.top = PchipInterpolator(*np.array(style.top).T)
        self.belt = PchipInterpolator(*np.array(style.belt).T)
        self.points = self._loft()
        self._tables = {face: self._tabulate(face) for face in ("left", "front", "rear", "top")}

    def front(self, y: Floats, z: Floats) -> Floats:
        """The x of the front fascia at (y, z)."""
        return self._fascia(y, z, self.style.nose_lean, 0.34)

    def rear(self, y: Floats, z: Floats) -> Floats:
        """The x of the rear fascia at (y, z)."""
        return -self._fascia(y, z, self.style.tail_lean, 0.26)

    def _fascia(self, y: Floats, z: Floats, lean: float, rounding: float) -> Floats:
        across = np.abs(y) / (self.style.width / 2)
        bumper = self.style.sill + 0.28
        lip = 0.10 * np.clip((bumper - 0.06 - z) / 0.25, 0, 1) ** 2
        back = lean * np.clip((z - bumper) / 0.4, 0, None) ** 1.6
        return np.asarray(self.style.length / 2 - rounding * across**4.5 - 0.04 * across**2 - lip - back)

    def _loft(self) -> Floats:
        style = self.style
        ease = 0.5 - 0.5 * np.cos(np.linspace(0, np.pi, 49))
        u = style.length * (0.35 * ease + 0.65 * np.linspace(0, 1, 49))
        y, z = self._sections(u)
        floor = np.zeros((len(u), 1))
        y, z = np.hstack([floor, 0.6 * y[:, :1], y]), np.hstack([floor + style.sill, floor + style.sill, z])
        first, last = (self._cap(y[k], z[k]) for k in (0, -1))
        y = np.concatenate([first[0], y, last[0][::-1]])
        z = np.concatenate([first[1], z, last[1][::-1]])
        x = style.length / 2 - np.concatenate([np.full(len(_CAP), -1.0), u, np.full(len(_CAP), style.length + 1.0)])[:, None]
        x = np.clip(x, self.rear(y, z), self.front(y, z))
        half = np.stack([x, y, z], axis=-1)
        return np.concatenate([half, (half * [1, -1, 1])[:, -2::-1]], axis=1)

    def _cap(self, y: Floats, z: Floats) -> tuple[Floats, Floats]:
        middle = 0.5 * (self.style.sill + z[-1])
        return _CAP[:, None] * y, middle + _CAP[:, None] * (z - middle)

    def _sections(self, u: Floats) -> tuple[Floats, Floats]:
        """Half cross-sections at `u`, sill to middle of the roof: y and z, each [len(u), _HALF]."""
        style, top, belt = self.style, self.top(u), self.belt(u)
        ends = np.clip(np.minimum(u, style.length - u) / 0.9, 0, 1)
        half = style.width / 2 * (0.90 + 0.10 * np.sqrt(1 - (1 - ends) ** 2))
        rise = np.maximum(top - belt, 0.02)
        cabin = np.clip(rise / 0.42, 0, 1)
        upright = 1.0 if style.name == "van" else 0.0
        ys = [0.91, 0.985, 1.0, 0.985, 0.955, 0.93 - 0.05 * cabin, 0.80 - (0.08 - 0.14 * upright) * cabin, 0.45, 0.0]
        tall = belt - style.sill
        zs = [
            style.sill + 0 * u,
            style.sill + 0.14 * tall,
            style.sill + 0.55 * tall,
            belt - 0.07,
            belt,
            belt + (0.40 + 0.05 * cabin) * rise,
            belt + (0.78 + 0.15 * cabin) * rise,
            top - 0.012,
            top,
        ]
        spread = np.stack([np.full(u.shape, 1.0) * k for k in ys], axis=-1) * half[:, None]
        return _catmull_rom(spread, _RING), _catmull_rom(np.stack(zs, axis=-1), _RING)

    def _tabulate(self, face: str) -> tuple[Floats, Floats, Floats]:
        """Lower corner and steps of a grid over a face, and [rows, columns, 6]: the position and normal at its knots."""
        length, half = self.style.length, self.style.width / 2
        low, high = {"left": ((0, 0.1), (length, 2.1)), "top": ((0, -half), (length, half))}.get(
            face, ((-half, 0.1), (half, 2.1))
        )
        first, second = np.linspace(low[0], high[0], 121), np.linspace(low[1], high[1], 101)
        a, b = np.meshgrid(first, second, indexing="ij")
        if face in ("front", "rear"):
            points = np.stack([self.front(a, b) if face == "front" else self.rear(a, b), a, b], axis=-1)
        else:
            y, z = self._sections(first)
            rows = range(len(first))
            if face == "top":
                over = np.stack([np.interp(np.abs(second), y[k, ::-1], z[k, ::-1]) for k in rows])
                points = np.stack([length / 2 - a, b, over], axis=-1)
            else:
                out = np.stack([np.interp(second, z[k], y[k]) for k in rows])
                points = np.stack([np.clip(length / 2 - a, self.rear(out, b), self.front(out, b)), out, b], axis=-1)
        normals = surface_normals(points) * (-1 if face in ("rear", "top") else 1)
        steps = np.array([first[1] - first[0], second[1] - second[0]])
        return np.array(low, dtype=np.float64), steps, np.concatenate([points, normals], axis=-1)

    def at(self, face: Face, outline: Floats) -> Floats:
        """Position and outward normal, float64 [n, 6], where an outline [n, 2] on a face comes to lie."""
        low, steps, table = self._tables["left" if face == "right" else face]
        place = np.clip((np.asarray(outline) - low) / steps, 0, np.array(table.shape[:2]) - 1.001)
        corner = place.astype(np.intp)
        share = place - corner
        row, column = corner.T
        right, lower = share[:, 1:], share[:, :1]
        found = (table[row, column] * (1 - right) + table[row, column + 1] * right) * (1 - lower)
        found += (table[row + 1, column] * (1 - right) + table[row + 1, column + 1] * right) * lower
        if face == "right":
            found[:, [1, 4]] *= -1
        return np.asarray(found)


@lru_cache(maxsize=len(STYLES))
def surface_of(style: BodyStyle) -> Surface:
    """The surface of a style, lofted once."""
    return Surface(style)


class Body:
    """One car's body: the surface of its style, and what a crash has done to it.

    Attributes:
        points, normals: float64 [stations, ring, 3]; normals have unit length and point outwards.
    """

    def __init__(self, style: BodyStyle) -> None:
        self.style = style
        self._surface = surface_of(style)
        self.points = self._surface.points
        self.normals = surface_normals(self.points)
        self._shifts: list[Shift] = []

    def top(self, u: float | Floats) -> Floats:
        """Height of the silhouette at `u`."""
        return np.asarray(self._surface.top(u))

    def belt(self, u: float | Floats) -> Floats:
        """Height of the shoulder at `u`."""
        return np.asarray(self._surface.belt(u))

    def deform(self, shift: Shift, *, turn: bool = True) -> None:
        """Push the surface, and whatever is laid onto it later, out of shape; `turn` its normals too."""
        self.points = shift(self.points)
        if turn:
            self.normals = surface_normals(self.points)
        self._shifts.append(shift)

    def on(self, face: Face, outline: Floats) -> tuple[Floats, Floats]:
        """Lay an outline onto a face of the car.

        Args:
            face: which face; its coordinates are (u, z) for the sides, (y, z) for front and rear, (u, y) for the top.
            outline: float64 [n, 2].

        Returns:
            Points and outward normals, each float64 [n, 3]; the normals are those before any crash.
        """
        found = self._surface.at(face, outline)
        points = found[:, :3]
        for shift in self._shifts:
            points = shift(points)
        return points, found[:, 3:]


def surface_normals(points: Floats) -> Floats:
    """Outward unit normals of a grid [stations, ring, 3] that runs nose to tail and left sill to right sill."""
    along, over = np.gradient(points, axis=0), np.gradient(points, axis=1)
    normals = np.cross(along, over)
    return np.asarray(normals / (np.linalg.norm(normals, axis=-1, keepdims=True) + 1e-9))
