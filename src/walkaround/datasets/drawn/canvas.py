"""Paint for a car's surface: outlines in metres, laid onto the body, seen by the camera and filled with a material."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageChops, ImageDraw

from walkaround.datasets.drawn.body import Body, Face, Floats
from walkaround.datasets.drawn.camera import SUPERSAMPLE, Camera

_SHARP = 1.5
"""Turn times thickness, subpixels: about twice the width of the notch that a corner without rounding leaves."""


@dataclass(frozen=True, kw_only=True)
class Material:
    """What a part is made of: sRGB colour 0 to 255, and the share of light that it mirrors, 0 to 255."""

    colour: tuple[int, int, int]
    gloss: int

    @property
    def ink(self) -> tuple[int, int, int, int]:
        """What a `Canvas` is filled with."""
        return (*self.colour, self.gloss)


GLASS = Material(colour=(22, 27, 31), gloss=120)
BLACK = Material(colour=(24, 24, 26), gloss=16)
GAP = Material(colour=(16, 16, 18), gloss=4)
RUBBER = Material(colour=(27, 27, 28), gloss=4)
CHROME = Material(colour=(168, 172, 178), gloss=150)
ALLOY = Material(colour=(172, 175, 180), gloss=50)
LENS = Material(colour=(196, 204, 212), gloss=110)
RED_LENS = Material(colour=(168, 16, 20), gloss=60)
AMBER = Material(colour=(236, 134, 24), gloss=50)
WHITE = Material(colour=(226, 228, 226), gloss=16)


def tinted(material: Material, share: float) -> Material:
    """The same material in a lighter (above 1) or darker shade."""
    red, green, blue = (min(255, round(band * share)) for band in material.colour)
    return Material(colour=(red, green, blue), gloss=material.gloss)


def smooth(corners: Floats, *, per_side: int = 6, rounding: float = 0.25) -> Floats:
    """A closed outline with `corners` [n, 2] cut by Chaikin's rule and its sides divided, so that it bends with the body."""
    points = np.asarray(corners, dtype=np.float64)
    for share in (rounding, 0.25) if rounding else ():
        following = np.roll(points, -1, axis=0)
        points = np.stack([points + share * (following - points), following - share * (following - points)], axis=1).reshape(
            -1, 2
        )
    following = np.roll(points, -1, axis=0)
    steps = np.linspace(0, 1, per_side, endpoint=False)[None, :, None]
    return np.asarray((points[:, None] + steps * (following - points)[:, None]).reshape(-1, 2))


def circle(centre: tuple[float, float], radius: float, *, points: int = 48) -> Floats:
    """A closed outline [points, 2] of a circle."""
    angle = np.linspace(0, 2 * np.pi, points, endpoint=False)
    return np.stack([centre[0] + radius * np.cos(angle), centre[1] + radius * np.sin(angle)], axis=1)


def rectangle(first: tuple[float, float], last: tuple[float, float]) -> Floats:
    """The corners [4, 2] of an upright rectangle between two of them."""
    return np.array([first, (last[0], first[1]), last, (first[0], last[1])], dtype=np.float64)


def scaled(outline: Floats, share: float | tuple[float, float]) -> Floats:
    """The outline made larger or smaller around its middle."""
    middle = outline.mean(axis=0)
    return np.asarray(middle + (outline - middle) * np.asarray(share))


class Canvas:
    """What is painted, at twice the picture's size.

    Attributes:
        sheet: four bands: the colour of every material, and how much of the surroundings it mirrors. Its mode is "CMYK", the
            one of Pillow's that leaves the fourth band alone.
        shown: "L", where anything of the car is.
    """

    def __init__(self, camera: Camera, body: Body, paint: Material) -> None:
        self.camera, self.body = camera, body
        size = (camera.width * SUPERSAMPLE, camera.height * SUPERSAMPLE)
        self.paint = paint
        self.sheet = Image.new("CMYK", size, paint.ink)
        self.shown = Image.new("L", size)
        self._drawing = ImageDraw.Draw(self.sheet)
        self._shown = ImageDraw.Draw(self.shown)

    def seen(self, face: Face, outline: Floats) -> tuple[Floats, Floats]:
        """Pixels [m, 2] and depths [m] of those points of the outline that face the camera."""
        points, normals = self.body.on(face, outline)
        towards = ((self.camera.position - points) * normals).sum(axis=1) > 0.0
        return self.camera.project(points[towards])

    def fill(self, face: Face, outline: Floats, material: Material) -> None:
        """Fill an outline on a face with a material."""
        pixels, _ = self.seen(face, outline)
        self.fill_pixels(pixels, material)

    def fill_pixels(self, pixels: Floats, material: Material, *, beyond: bool = False) -> None:
        """Fill an outline given in pixels; `beyond` shows it where there is no body behind, too."""
        if len(pixels) < 3:
            return
        flat = (pixels * SUPERSAMPLE).ravel().tolist()
        self._drawing.polygon(flat, fill=material.ink)
        if beyond:
            self._shown.polygon(flat, fill=255)

    def cover(self, outline: Image.Image, holes: Sequence[Floats]) -> None:
        """Lay the painted body over what was drawn so far, but for the holes, given in pixels."""
        box = self.shown.getbbox()
        if box is not None:
            body = outline.copy()
            for hole in holes:
                if len(hole) >= 3:
                    ImageDraw.Draw(body).polygon((hole * SUPERSAMPLE).ravel().tolist(), fill=0)
            body = body.crop(box)
            self.sheet.paste(self.paint.ink, box, body)
        self.shown = ImageChops.lighter(self.shown, outline)
        self._shown = ImageDraw.Draw(self.shown)

    def paint_over(self, mask: NDArray[np.bool_], material: Material) -> None:
        """Lay a material over all pixels of a mask of any size, its edges smoothed."""
        sheet = Image.fromarray(mask.astype(np.uint8) * 255).resize(self.sheet.size, Image.Resampling.BILINEAR)
        self.sheet.paste(material.ink, mask=sheet)

    def line(self, face: Face, points: Floats, material: Material, *, width: float) -> None:
        """Draw a line on a face; width in metres."""
        pixels, depth = self.seen(face, points)
        if len(pixels) < 2:
            return
        thick = max(1, round(width * self.camera.focal / float(depth.mean()) * SUPERSAMPLE))
        self._stroke(pixels, material, thick)

    def stroke_pixels(self, pixels: Floats, material: Material, *, width: float) -> None:
        """Draw a line through points given in pixels; width in pixels."""
        self._stroke(pixels, material, max(1, round(width * SUPERSAMPLE)))

    def _stroke(self, pixels: Floats, material: Material, thick: int) -> None:
        flat = (pixels * SUPERSAMPLE).ravel().tolist()
        # Rounding corners takes most of the time, and cannot be seen where a line hardly bends.
        joint = "curve" if thick > 4 and _sharpest(pixels) * thick > _SHARP else None
        self._drawing.line(flat, fill=material.ink, width=thick, joint=joint)

    def mask(self, face: Face, outline: Floats) -> NDArray[np.bool_]:
        """The pixels inside an outline on a face, bool [height, width]."""
        sheet = Image.new("1", (self.camera.width, self.camera.height))
        pixels, _ = self.seen(face, outline)
        if len(pixels) >= 3:
            ImageDraw.Draw(sheet).polygon(pixels.ravel().tolist(), fill=1)
        return np.asarray(sheet)


def _sharpest(points: Floats) -> float:
    """The largest turn, in radians, of a line through points [n, 2]."""
    steps = np.diff(points, axis=0)
    before, after = steps[:-1], steps[1:]
    cross = before[:, 0] * after[:, 1] - before[:, 1] * after[:, 0]
    return float(np.abs(np.arctan2(cross, (before * after).sum(axis=1))).max(initial=0.0))


def straight(first: tuple[float, float], last: tuple[float, float], *, points: int = 16) -> Floats:
    """Points [points, 2] on the straight line between two."""
    return np.linspace(first, last, points)
