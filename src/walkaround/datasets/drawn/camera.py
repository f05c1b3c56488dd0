"""A pinhole camera, and the painter that turns a grid of surface points into a picture of normals and positions."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from walkaround.datasets.drawn.body import Floats

SUPERSAMPLE = 2
COARSE = 2


@dataclass(frozen=True, kw_only=True, eq=False)
class Camera:
    """Where the picture is taken from.

    Attributes:
        position: metres, car coordinates.
        axes: float64 [3, 3], rows are right, down and forward.
        focal: pixels.
        centre: (x, y) pixels of the optical axis.
        width, height: pixels.
    """

    position: Floats
    axes: Floats
    focal: float
    centre: tuple[float, float]
    width: int
    height: int

    def project(self, points: Floats) -> tuple[Floats, Floats]:
        """Pixel coordinates [..., 2] and depths in metres [...] of points [..., 3]."""
        local = (points - self.position) @ self.axes.T
        depth = np.maximum(local[..., 2], 0.05)
        return local[..., :2] / depth[..., None] * self.focal + self.centre, depth

    def rays(self, step: int) -> NDArray[np.float32]:
        """Unit directions [rows, columns, 3] through every `step`-th pixel."""
        x = ((np.arange(0, self.width, step) - self.centre[0]) / self.focal).astype(np.float32)[None, :, None]
        y = ((np.arange(0, self.height, step) - self.centre[1]) / self.focal).astype(np.float32)[:, None, None]
        right, down, ahead = self.axes.astype(np.float32)
        rays = x * right + (y * down + ahead)
        rays /= np.sqrt(x**2 + y**2 + 1)
        return np.asarray(rays)


def look_at(target: Floats, *, azimuth: float, elevation: float, distance: float, roll: float = 0.0) -> tuple[Floats, Floats]:
    """Position and axes of a camera that looks at `target`; radians, azimuth 0 is before the nose, a quarter turn left."""
    outwards = np.array([np.cos(azimuth) * np.cos(elevation), np.sin(azimuth) * np.cos(elevation), np.sin(elevation)])
    right = np.array([-np.sin(azimuth), np.cos(azimuth), 0.0])
    down = np.cross(-outwards, right)
    turned = np.cos(roll) * right + np.sin(roll) * down
    return target + distance * outwards, np.stack([turned, np.cross(-outwards, turned), -outwards])


@dataclass(frozen=True, kw_only=True, eq=False)
class View:
    """What the camera sees of the body; all but the outline at 1 / `COARSE` of the picture's size.

    Attributes:
        outline: "L" image at `SUPERSAMPLE` times the picture's size: 255 where the body is.
        seen: bool [rows, columns], where normals and positions hold.
        normals, positions: float32 [rows, columns, 3].
        openness: float32 [rows, columns], share of the light that reaches the surface: 1 but in hollows.
    """

    outline: Image.Image
    seen: NDArray[np.bool_]
    normals: NDArray[np.float32]
    positions: NDArray[np.float32]
    openness: NDArray[np.float32]


def see_body(camera: Camera, points: Floats, normals: Floats) -> View:
    """Paint the grid [stations, ring, 3] from far to near, and interpolate normals and positions inside every patch."""
    pixels, depth = camera.project(points)
    corners = [np.s_[:-1, :-1], np.s_[1:, :-1], np.s_[1:, 1:], np.s_[:-1, 1:]]
    quads = np.stack([pixels[c].reshape(-1, 2) for c in corners], axis=1)
    values = np.stack([np.concatenate([normals, points], -1)[c].reshape(-1, 6) for c in corners], axis=1)
    far = np.mean([depth[c].ravel() for c in corners], axis=0)
    middle = values.mean(axis=1)
    facing = ((camera.position - middle[:, 3:]) * middle[:, :3]).sum(axis=1) > 0
    inside = (quads.max(axis=1) > 0).all(axis=1) & (quads.min(axis=1) < [camera.width, camera.height]).all(axis=1)
    visible = np.flatnonzero(inside & facing)
    visible = visible[np.argsort(-far[visible])]
    numbers = _paint(camera, quads[visible] * SUPERSAMPLE)
    number = numbers[:: SUPERSAMPLE * COARSE, :: SUPERSAMPLE * COARSE]
    seen = number > 0
    rows, columns = np.nonzero(seen)
    x, y = (k.astype(np.float32)[:, None] * COARSE for k in (columns, rows))
    chosen = _planes(quads[visible], values[visible])[number[seen].astype(np.intp) - 1]
    grid = np.zeros((*seen.shape, 6), dtype=np.float32)
    grid[seen] = chosen[:, 0] * x + chosen[:, 1] * y + chosen[:, 2]
    outline = Image.fromarray((numbers > 0).view(np.uint8) * np.uint8(255))
    openness = np.ones(seen.shape, dtype=np.float32)
    return View(outline=outline, seen=seen, normals=grid[..., :3], positions=grid[..., 3:], openness=openness)


def spread(
    values: NDArray[np.float32], known: NDArray[np.bool_], *, steps: int
) -> tuple[NDArray[np.float32], NDArray[np.bool_]]:
    """Let values [h, w, n] grow over unknown neighbours, `steps` pixels far; returns the values and where they now hold."""
    values, known = values.copy(), known.copy()
    for axis in (0, 1) * steps:
        for towards in (1, -1):
            fresh = np.roll(known, towards, axis) & ~known
            values[fresh] = np.roll(values, towards, axis)[fresh]
            known |= fresh
    return values, known


def _paint(camera: Camera, quads: Floats) -> NDArray[np.uint16]:
    """The number of the nearest quad at every subpixel, from 1; 0 where there is none."""
    sheet = Image.new("I;16", (camera.width * SUPERSAMPLE, camera.height * SUPERSAMPLE))
    draw = ImageDraw.Draw(sheet)
    for number, quad in enumerate(quads.reshape(-1, 8).tolist(), start=1):
        draw.polygon(quad, fill=number)
    return np.asarray(sheet)


def _planes(quads: Floats, values: Floats) -> NDArray[np.float32]:
    """For every patch the plane that each value follows over the picture: float32 [n, (per x, per y, at 0), 6]."""
    first, second = quads[:, 2] - quads[:, 0], quads[:, 3] - quads[:, 1]
    turn = (first[:, 0] * second[:, 1] - first[:, 1] * second[:, 0])[:, None]
    turn = np.where(np.abs(turn) < 1e-3, np.inf, turn)
    rise, slope = values[:, 2] - values[:, 0], values[:, 3] - values[:, 1]
    per_x = (rise * second[:, 1:] - slope * first[:, 1:]) / turn
    per_y = (slope * first[:, :1] - rise * second[:, :1]) / turn
    middle = quads.mean(axis=1)
    start = values.mean(axis=1) - per_x * middle[:, :1] - per_y * middle[:, 1:]
    return np.stack([per_x, per_y, start], axis=1).astype(np.float32)
