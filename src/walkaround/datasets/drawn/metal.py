"""Bent metal on made-up cars: dents, and the crumpled panels of a crash."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from walkaround.datasets.drawn.body import Body, Floats
from walkaround.datasets.drawn.camera import COARSE, View
from walkaround.datasets.drawn.canvas import Canvas, scaled, tinted
from walkaround.datasets.drawn.damage import HOLE, PRIMER, STEEL, Mask, Site, shard

_VISIBLE = 0.06
"""A hollow counts as damage down to this share of its depth."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Dent:
    """A hollow in the surface: a bowl of two radii with sharp creases across it. Lengths in metres.

    Attributes:
        centre, along, across: its middle and its two axes in the surface.
        radii: along and across.
        depth: in the middle.
        drag: share of the depth by which the hollow is pushed aside as well, along and across.
        creases: [n, (angle, offset from the middle in radii, sharpness)].
    """

    centre: Floats
    along: Floats
    across: Floats
    radii: tuple[float, float]
    depth: float
    drag: tuple[float, float]
    creases: Floats

    def _core(self, points: Floats) -> tuple[Floats, Floats, Floats]:
        """Fourth root of how deep points [..., 3] lie in the hollow, 0 to 1, and their places along and across in radii."""
        offset = points - self.centre
        a, b = offset @ self.along / self.radii[0], offset @ self.across / self.radii[1]
        core = np.clip(1 - (a**2 + b**2) / 4, 0, 1) * (np.abs(offset @ np.cross(self.along, self.across)) < 0.4)
        return core, a, b

    def shift(self, points: Floats) -> Floats:
        """Push points [..., 3] of the surface inwards and aside."""
        push = self.drag[0] * self.along + self.drag[1] * self.across - np.cross(self.along, self.across)
        return np.asarray(points + self.depth * self._core(points)[0][..., None] ** 4 * push)

    def show(self, canvas: Canvas, view: View, rng: np.random.Generator) -> Mask:
        """Turn the normals of the view as the hollow does; returns where it is visible, bool [rows, columns]."""
        core, a, b = self._core(view.positions[view.seen].astype(np.float64))
        level = core**4
        slope_a, slope_b = -2 * a * core**3 / self.radii[0], -2 * b * core**3 / self.radii[1]
        for angle, shift, sharpness in self.creases:
            off = np.cos(angle) * a + np.sin(angle) * b - shift
            fold = sharpness * np.tanh(off * 16) * np.exp(-2.0 * np.abs(off)) * level
            slope_a, slope_b = slope_a - fold * np.cos(angle) / self.radii[0], slope_b - fold * np.sin(angle) / self.radii[1]
        turn = self.depth * (slope_a[:, None] * self.along + slope_b[:, None] * self.across)
        view.normals[view.seen] += turn.astype(np.float32)
        view.openness[view.seen] *= 1 - 0.6 * level.astype(np.float32)
        mask = np.zeros(view.seen.shape, dtype=bool)
        mask[view.seen] = level > _VISIBLE
        self._draw_creases(canvas)
        if rng.random() < 0.85:
            _scuff(canvas, mask, rng)
        return mask

    def _draw_creases(self, canvas: Canvas) -> None:
        """Where the metal is folded sharply, a bright edge and a dark one beside it."""
        along, across = self.along * self.radii[0], self.across * self.radii[1]
        t = np.linspace(-1.1, 1.1, 24)[:, None]
        for angle, shift, sharpness in self.creases[:3]:
            bow = shift + 0.10 * np.sin(2 * t + 9 * shift)
            a, b = np.cos(angle) * bow - np.sin(angle) * t, np.sin(angle) * bow + np.cos(angle) * t
            pixels, depth = canvas.camera.project(self.shift(self.centre + a * along + b * across))
            width = 0.007 * sharpness * canvas.camera.focal / float(depth.mean()) * np.cos(t * np.pi / 2.2)
            aside = width * np.array([[-np.sin(0.7), np.cos(0.7)]])
            canvas.fill_pixels(np.concatenate([pixels, (pixels + aside)[::-1]]), tinted(canvas.paint, 0.45))
            canvas.fill_pixels(np.concatenate([pixels, (pixels - 0.7 * aside)[::-1]]), tinted(canvas.paint, 1.35))


def _scuff(canvas: Canvas, mask: Mask, rng: np.random.Generator) -> None:
    """Flake and rub paint off in the middle of a dent, along one direction, as whatever hit it did."""
    spots = np.argwhere(mask)[:, ::-1] * COARSE
    if not len(spots):
        return
    size = COARSE * float(np.sqrt(mask.sum()))
    slope, shades = rng.uniform(-0.3, 0.3), [PRIMER, STEEL, tinted(canvas.paint, 0.4), tinted(canvas.paint, 0.7)]
    for _ in range(rng.integers(4, 10)):
        flake = shard(spots.mean(axis=0) + rng.normal(0, 0.08, 2) * size, size * rng.uniform(0.02, 0.09), rng)
        canvas.fill_pixels(flake, STEEL)
        canvas.fill_pixels(scaled(flake, 0.85), PRIMER if rng.random() < 0.6 else tinted(canvas.paint, 0.4))
    for _ in range(rng.integers(6, 14)):
        start = spots.mean(axis=0) + rng.normal(0, 0.09, 2) * size
        path = start + np.linspace(-0.5, 0.5, 5)[:, None] * np.array([1, slope]) * size * rng.uniform(0.05, 0.25)
        canvas.stroke_pixels(path, shades[rng.integers(len(shades))], width=max(0.6, size * rng.uniform(0.004, 0.012)))


def dent_at(body: Body, site: Site, rng: np.random.Generator) -> Dent:
    """A hollow of random size, form and depth at a site."""
    centre, normal = (k[0] for k in body.on(site.face, np.array([site.at])))
    level = np.cross([0.0, 0.0, 1.0], normal)
    level /= np.linalg.norm(level)
    steep = np.cross(normal, level)
    bumper = site.kind == "bumper_dent"
    turn, size = rng.uniform(-0.5, 0.5), rng.uniform(0.24, 0.40) * (1.15 if bumper else 1.0)
    creases = [(rng.uniform(0, np.pi), rng.uniform(-0.4, 0.4), rng.uniform(1.2, 2.6)) for _ in range(rng.integers(3, 6))]
    return Dent(
        centre=centre,
        along=np.cos(turn) * level + np.sin(turn) * steep,
        across=-np.sin(turn) * level + np.cos(turn) * steep,
        radii=(size * rng.uniform(0.9, 1.3), size * rng.uniform(0.5, 0.8)),
        depth=size * rng.uniform(0.45, 0.75) * (1.25 if bumper else 1.0),
        drag=(rng.uniform(-0.6, 0.6), rng.uniform(-0.8, -0.2) if bumper else rng.uniform(-0.4, 0.4)),
        creases=np.array(creases),
    )


@dataclass(frozen=True, kw_only=True, eq=False)
class Crush:
    """A crash: metal pushed in and folded around a point. Lengths in metres.

    Attributes:
        centre, inwards: where, and the direction of the push.
        radius, depth: how far around, and how deep.
        waves, starts: [n, 3] directions and wave numbers of the folds, and their phases [n].
    """

    centre: Floats
    inwards: Floats
    radius: float
    depth: float
    waves: Floats
    starts: Floats

    def shift(self, points: Floats) -> Floats:
        """Push points [..., 3] of the surface in, with folds."""
        offset = points - self.centre
        weight = np.exp(-((np.linalg.norm(offset, axis=-1) / self.radius) ** 6))[..., None]
        folds = np.abs(np.sin(offset @ self.waves.T + self.starts)).mean(axis=-1, keepdims=True)
        jag = np.sin(offset @ self.waves[::-1].T * 1.7 + self.starts)[..., :3]
        return np.asarray(points + weight * (self.inwards * self.depth * (0.25 + 1.2 * folds) + 0.04 * jag))

    def show(self, canvas: Canvas, view: View, rng: np.random.Generator) -> Mask:
        """Draw what a crash leaves besides bent metal: folds, gaps, bare edges; returns where, bool [rows, columns]."""
        offset = view.positions - self.centre.astype(np.float32)
        mask: Mask = ((offset**2).sum(axis=-1) < (1.2 * self.radius) ** 2) & view.seen
        self._fold(view, mask)
        spots = np.argwhere(mask)[:, ::-1] * COARSE
        if not len(spots):
            return mask
        size = COARSE * float(np.sqrt(len(spots)))
        middle = np.array(spots.mean(axis=0))
        dark = tinted(canvas.paint, 0.3)
        for _ in range(rng.integers(5, 9)):
            _gash(canvas, middle + rng.normal(0, 0.16, 2) * size, size * rng.uniform(0.10, 0.30), rng)
        for _ in range(14):
            start = middle + rng.normal(0, 0.13, 2) * size
            steps = rng.normal(0, 0.03, (5, 2)) + rng.normal(0, 0.035, 2)
            path = np.vstack([start, start + np.cumsum(steps * size, axis=0)])
            canvas.stroke_pixels(path, dark if rng.random() < 0.7 else STEEL, width=size * 0.008)
        for _ in range(8):
            chip = shard(middle + rng.normal(0, 0.14, 2) * size, size * rng.uniform(0.015, 0.05), rng)
            canvas.fill_pixels(chip, PRIMER if rng.random() < 0.5 else STEEL)
        return mask

    def _fold(self, view: View, mask: Mask) -> None:
        """Crease the normals in the crash finer than the grid of points can."""
        offset = view.positions[mask] - self.centre.astype(np.float32)
        phase = offset @ (2.2 * self.waves.T).astype(np.float32) + self.starts.astype(np.float32)
        turn = (np.sign(np.sin(phase)) * np.abs(np.cos(phase)) ** 0.5) @ (self.waves * 0.016).astype(np.float32)
        away = np.sqrt((offset**2).sum(axis=1)) / np.float32(self.radius)
        fade = np.clip((1.1 - away) / 0.45, 0, 1)
        view.normals[mask] += fade[:, None] * turn
        view.openness[mask] *= 1 - 0.4 * fade * (1 - np.abs(np.cos(phase[:, 0])))


def _gash(canvas: Canvas, middle: Floats, length: float, rng: np.random.Generator) -> None:
    """Tear a spindle-shaped gap with a bright lip."""
    turn, along = rng.uniform(0, np.pi), np.linspace(-1, 1, 9)
    wide = 0.16 * (1 - along**2) * rng.uniform(0.5, 1.3, 9)
    bow = 0.15 * rng.normal() * along**2 + 0.03 * rng.standard_normal(9)
    edge = np.concatenate([np.stack([along, bow + wide], 1), np.stack([along, bow - wide], 1)[::-1]])
    frame = np.array([[np.cos(turn), np.sin(turn)], [-np.sin(turn), np.cos(turn)]])
    canvas.fill_pixels((edge * [1.03, 1.25] + [0.02, -0.03]) @ frame * length + middle, STEEL)
    canvas.fill_pixels(edge @ frame * length + middle, HOLE)


def crush_at(body: Body, site: Site, rng: np.random.Generator) -> Crush:
    """A crash of random reach, depth and folds at a site."""
    centre, normal = (k[0] for k in body.on(site.face, np.array([site.at])))
    return Crush(
        centre=centre,
        inwards=-normal,
        radius=float(rng.uniform(0.48, 0.78)),
        depth=float(rng.uniform(0.22, 0.36)),
        waves=rng.standard_normal((6, 3)) * 6.0,
        starts=rng.uniform(0, 2 * np.pi, 6),
    )
