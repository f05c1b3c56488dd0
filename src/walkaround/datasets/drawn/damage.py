"""Damage for made-up cars: where each kind sits, and what scratches, cracked panes and broken lamps look like."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from walkaround.datasets.drawn.body import Body, Face, Floats
from walkaround.datasets.drawn.canvas import Canvas, Material, circle, straight
from walkaround.datasets.drawn.outlines import Look, head_lamp, screen, side_glass, tail_lamp

Mask = NDArray[np.bool_]
PRIMER = Material(colour=(206, 206, 200), gloss=10)
STEEL = Material(colour=(150, 152, 156), gloss=40)
HOLE = Material(colour=(9, 9, 11), gloss=0)
_GROOVE = Material(colour=(40, 40, 42), gloss=4)
_CRACK = Material(colour=(222, 230, 234), gloss=40)
_FROST = Material(colour=(150, 164, 170), gloss=40)


_EXTENTS = {
    "glass_shatter": 0.95,
    "door_dent": 0.8,
    "bumper_dent": 0.75,
    "tail_lamp": 0.5,
    "head_lamp": 0.55,
    "smash": 1.2,
    "scratch": 0.75,
}


@dataclass(frozen=True, kw_only=True)
class Site:
    """A place on a car where one kind of damage may be.

    Attributes:
        at: in the coordinates of its face.
        azimuth: radians, the direction from which it is best seen; 0 is before the nose, a quarter turn the left.
        extent: metres across, of the part of the car that such damage is looked for on.
    """

    kind: str
    face: Face
    at: tuple[float, float]
    azimuth: float
    extent: float


def sites(body: Body, look: Look, kind: str) -> list[Site]:
    """Every place where this kind of damage may be on this car, in a fixed order."""
    style = body.style
    half, doors = style.width / 2, style.doors
    low = style.sill
    quarter = np.pi / 2
    sides: tuple[tuple[Face, float], ...] = (("left", quarter), ("right", -quarter))
    ends: tuple[tuple[Face, float, float], ...] = (("front", 0.0, 0.5), ("rear", np.pi, -0.5))
    door_z = 0.5 * (low + float(body.belt(doors[1])))
    found: list[tuple[Face, tuple[float, float], float]] = []
    if kind == "glass_shatter":
        found = [(face, _middle(side_glass(body)), turn) for face, turn in sides]
        found += [("top", _middle(screen(body, "front")), 0.0)] * 3
        if style.rear_screen is not None and style.name != "pickup":
            found.append(("top", _middle(screen(body, "rear")), np.pi))
    elif kind == "door_dent":
        found = [(face, (0.5 * (doors[k] + doors[k + 1]), door_z), turn) for face, turn in sides for k in range(len(doors) - 1)]
    elif kind == "scratch":
        found = [(face, (0.5 * (doors[k] + doors[k + 1]), door_z), turn) for face, turn in sides for k in range(len(doors) - 1)]
        found += [(face, (s * half * 0.6, low + 0.22), turn + s * bow) for face, turn, bow in ends for s in (1, -1)]
    elif kind == "bumper_dent":
        found = [(face, (s * half * 0.62, low + 0.29), turn + s * bow) for face, turn, bow in ends for s in (1, -1)]
    elif kind == "smash":
        found = [(face, (s * half * 0.72, low + 0.36), turn + s * bow) for face, turn, bow in ends for s in (1, -1)]
        found += [(face, (0.5 * (doors[0] + doors[1]), door_z), turn) for face, turn in sides]
    elif kind == "head_lamp":
        y, z = _middle(head_lamp(body, look))
        found = [("front", (s * y, z), s * 0.45) for s in (1, -1)]
    elif kind == "tail_lamp":
        y, z = _middle(tail_lamp(body, look))
        found = [("rear", (s * y, z), np.pi - s * 0.45) for s in (1, -1)]
    return [Site(kind=kind, face=face, at=at, azimuth=float(turn), extent=_EXTENTS[kind]) for face, at, turn in found]


def _middle(outline: Floats) -> tuple[float, float]:
    low, high = outline.min(axis=0), outline.max(axis=0)
    return float(low[0] + high[0]) / 2, float(low[1] + high[1]) / 2


def shard(centre: Floats, size: float, rng: np.random.Generator) -> Floats:
    """An angular outline [4 to 7, 2] of about `size` around a point."""
    angle = np.sort(rng.uniform(0, 2 * np.pi, rng.integers(4, 8)))
    reach = size * rng.uniform(0.25, 1.0, len(angle))
    stretch = rng.uniform(0.3, 1.0)
    points = np.stack([np.cos(angle) * reach, np.sin(angle) * reach * stretch], axis=1)
    turn = rng.uniform(0, np.pi)
    return np.asarray(points @ np.array([[np.cos(turn), np.sin(turn)], [-np.sin(turn), np.cos(turn)]]) + centre)


def scratch(canvas: Canvas, site: Site, rng: np.random.Generator) -> Mask:
    """Draw some nearly parallel scratches through the paint at a site; returns their mask."""
    camera = canvas.camera
    sheet = Image.new("1", (camera.width, camera.height))
    middle = canvas.body.on(site.face, np.array([site.at]))[0][0]
    pixel = float(np.linalg.norm(camera.position - middle)) / camera.focal
    slope, length = rng.uniform(-0.35, 0.35), rng.uniform(0.45, 1.0)
    for _ in range(rng.integers(6, 15)):
        reach = length * rng.uniform(0.4, 1.0)
        x, y = site.at[0] + rng.uniform(-0.2, 0.2), site.at[1] + rng.uniform(-0.13, 0.13)
        t = np.linspace(-0.5, 0.5, 24)
        wave = 0.004 * np.cumsum(rng.standard_normal(24))
        path = np.stack([x + reach * t, y + slope * reach * t + wave], axis=1)
        width = max(rng.uniform(0.005, 0.016), rng.uniform(0.8, 1.3) * pixel)
        canvas.line(site.face, path - np.array([0, 0.8 * width]), _GROOVE, width=width)
        canvas.line(site.face, path, PRIMER if rng.random() < 0.7 else STEEL, width=width)
        pixels, _ = canvas.seen(site.face, path)
        if len(pixels) > 1:
            ImageDraw.Draw(sheet).line(pixels.ravel().tolist(), fill=1, width=max(3, round(3 * width / pixel)), joint="curve")
    return np.asarray(sheet)


def shatter(canvas: Canvas, site: Site, rng: np.random.Generator) -> Mask:
    """Crack the pane at a site as laminated glass does: rays and rings around the blow; returns the mask of the web."""
    body = canvas.body
    outline = side_glass(body) if site.face in ("left", "right") else screen(body, "front" if site.azimuth == 0 else "rear")
    size = np.ptp(outline, axis=0)
    blow = np.array(site.at) + rng.uniform(-0.16, 0.16, 2) * size
    reach = rng.uniform(0.7, 1.2) * float(size.min())
    rays = np.sort(rng.uniform(0, 2 * np.pi, rng.integers(18, 30)))
    ends = reach * rng.uniform(0.6, 1.3, len(rays))
    paths: list[tuple[Floats, float]] = []
    for angle, end in zip(rays, ends, strict=True):
        t, bent = np.linspace(0, end, 16), angle + 0.02 * np.cumsum(rng.standard_normal(16))
        paths.append((blow + t[:, None] * np.stack([np.cos(bent), np.sin(bent)], axis=1), rng.uniform(0.005, 0.010)))
    for ring in np.cumprod(np.full(9, 0.76)) * reach:
        web = blow + (ring * rng.uniform(0.85, 1.15, len(rays)))[:, None] * np.stack([np.cos(rays), np.sin(rays)], axis=1)
        sides = zip(web, np.roll(web, -1, axis=0), strict=True)
        paths += [(np.linspace(first, last, 4), 0.006) for first, last in sides if rng.random() < 0.8]
    for path, width in paths:
        outside = np.flatnonzero(~_inside(outline, path))
        canvas.line(site.face, path[: outside[0]] if len(outside) else path, _CRACK, width=width)
    blot = blow + 0.16 * reach * rng.uniform(0.5, 1.2, (14, 1)) * circle((0, 0), 1.0, points=14)
    canvas.fill(site.face, blot, HOLE if rng.random() < 0.4 else _FROST)
    return canvas.mask(site.face, circle((float(blow[0]), float(blow[1])), float(ends.mean()))) & canvas.mask(
        site.face, outline
    )


def _inside(outline: Floats, points: Floats) -> NDArray[np.bool_]:
    """Which of the points [n, 2] lie inside a closed outline [m, 2], by the even-odd rule."""
    first, last = outline, np.roll(outline, -1, axis=0)
    x, y = points[:, :1], points[:, 1:]
    spans = (first[:, 1] > y) != (last[:, 1] > y)
    rise = np.where(first[:, 1] == last[:, 1], 1.0, last[:, 1] - first[:, 1])
    left = x < first[:, 0] + (y - first[:, 1]) / rise * (last[:, 0] - first[:, 0])
    return np.asarray((spans & left).sum(axis=1) % 2 == 1)


def break_lamp(canvas: Canvas, look: Look, site: Site, rng: np.random.Generator) -> Mask:
    """Break the lamp at a site: a dark hole with shards of its lens at the edge and a torn bulb; returns its mask."""
    outline = head_lamp(canvas.body, look) if site.face == "front" else tail_lamp(canvas.body, look)
    outline = outline * [np.sign(site.at[0]), 1]
    middle = outline.mean(axis=0)
    edge = outline[:: max(1, len(outline) // 18)]
    jag = rng.uniform(0.55, 1.0, (len(edge), 1))
    jag[::2] = rng.uniform(0.3, 0.75, jag[::2].shape)
    canvas.fill(site.face, middle + (edge - middle) * (jag + 0.07), _CRACK)
    canvas.fill(site.face, middle + (edge - middle) * jag, HOLE)
    for _ in range(7):
        ends = middle + (outline[rng.integers(0, len(outline), 2)] - middle) * [[0.95], [0.5]]
        canvas.line(site.face, straight(tuple(ends[0]), tuple(ends[1]), points=4), _CRACK, width=0.004)
    size = np.ptp(outline, axis=0).min()
    lens = Material(colour=(190, 24, 26), gloss=90) if site.face == "rear" else Material(colour=(214, 222, 228), gloss=140)
    for _ in range(rng.integers(8, 16)):
        spot = middle + (outline[rng.integers(len(outline))] - middle) * rng.uniform(0.2, 0.95)
        canvas.fill(site.face, shard(spot, size * rng.uniform(0.12, 0.3), rng), lens if rng.random() < 0.7 else STEEL)
    return canvas.mask(site.face, middle + (outline - middle) * 1.05)
