"""Disturbances of pictures with places, such as a forecourt brings: distance, frame, side of the car, light, camera, app.

Pictures, boxes and masks are always changed together. Everything is decided by the generator that is handed in.
"""

from __future__ import annotations

import io
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageFilter

from walkaround.training.gradient.decoded import Scene

Area = tuple[float, float, float, float]
"""Left, top, right and bottom edge as fractions of a picture; may reach out of it."""

_FILL = 114  # a grey that no normalisation makes large: what lies outside of a picture
_SEEN = 0.35  # share of a box that has to be in the frame for it to be learnt
_FILLING = 0.2  # share of the frame from which on what is left of a box is learnt, however large the whole of it was
_SMALLEST = 2.0  # pixels; a narrower box cannot be seen
_CENTRE = (0.3, 0.7)


@dataclass(frozen=True, kw_only=True)
class Augmentation:
    """How strongly and how often pictures are disturbed; shares are probabilities.

    Attributes:
        mosaic: share of pictures that are put together from four.
        mosaic_until: share of the run after which no more mosaics are made, so that it ends on pictures as they come.
        zoom: smallest and largest magnification; below 1 the picture is set into grey, above it is cut.
        aspect: natural logarithm of the strongest stretching, either way.
        focus: share of cut pictures whose frame is laid around one of their places.
        flip: share that is mirrored.
        twins: for each class the one that it is in a mirror (left and right doors); empty: each is itself. See `suited`.
        light: strongest change of brightness, of contrast and of saturation, as a share.
        tint: strongest change of one colour channel, as a share.
        colour: share of pictures whose light and colours are changed.
        blur, compress: share that is blurred, and stored as JPEG of low quality.
    """

    mosaic: float = 0.5
    mosaic_until: float = 0.85
    zoom: tuple[float, float] = (0.6, 1.8)
    aspect: float = 0.2
    focus: float = 0.6
    flip: float = 0.5
    light: float = 0.3
    tint: float = 0.08
    colour: float = 0.8
    blur: float = 0.15
    compress: float = 0.3
    twins: tuple[int, ...] = ()


def augmented(
    source: Callable[[int], Scene], index: int, *, side: int, settings: Augmentation, rng: np.random.Generator, others: int
) -> Scene:
    """A disturbed scene.

    Args:
        source: gives the scene of a number.
        index: number of the picture that is asked for.
        side: height and width of the result.
        settings: how strongly.
        rng: decides everything.
        others: numbers below it may be drawn into a mosaic; 0: no mosaics.
    """
    if others and rng.random() < settings.mosaic:
        scene = _mosaic([source(number) for number in (index, *rng.integers(others, size=3).tolist())], side, settings, rng)
    else:
        scene = source(index)
        scene = framed(scene, _frame(scene, settings, rng), (side, side))
    if rng.random() < settings.flip:
        scene = flipped(scene, settings.twins)
    return Scene(
        pixels=_through_a_camera(scene.pixels, settings, rng),
        boxes=scene.boxes,
        classes=scene.classes,
        ignored=scene.ignored,
        mask=scene.mask,
    )


def framed(scene: Scene, area: Area, size: tuple[int, int]) -> Scene:
    """What of a scene lies in `area`, as a scene of `size` (width, height).

    Boxes are cut at the frame; of one that is mostly outside, what is left becomes an area in which nothing is learnt.
    """
    boxes, whole = _moved(scene.boxes, area)
    ignored, _ = _moved(scene.ignored, area)
    wide, high = (boxes[:, 2] - boxes[:, 0]) * size[0], (boxes[:, 3] - boxes[:, 1]) * size[1]
    seen = wide * high / np.maximum(whole * size[0] * size[1], 1e-9)
    visible = (wide > 0) & (high > 0)
    enough = (seen >= _SEEN) | (wide * high >= _FILLING * size[0] * size[1])
    learnt = visible & enough & (wide >= _SMALLEST) & (high >= _SMALLEST)
    inside = (ignored[:, 2] > ignored[:, 0]) & (ignored[:, 3] > ignored[:, 1])
    return Scene(
        pixels=_cut(scene.pixels, area, size, method=Image.Resampling.BILINEAR, fill=_FILL),
        boxes=boxes[learnt],
        classes=scene.classes[learnt],
        ignored=np.concatenate([ignored[inside], boxes[visible & ~learnt]]),
        mask=None if scene.mask is None else _cut(scene.mask, area, size, method=Image.Resampling.NEAREST, fill=0),
    )


def flipped(scene: Scene, twins: tuple[int, ...] = ()) -> Scene:
    """The scene in a mirror, left and right exchanged; `twins`: see `Augmentation`."""
    names = np.array(twins, dtype=np.int64)
    numbers = np.arange(256, dtype=np.uint8)  # of labels in masks: 0 is background
    numbers[1 : len(names) + 1] = names + 1

    def mirrored(boxes: NDArray[np.float32]) -> NDArray[np.float32]:
        return np.stack([1 - boxes[:, 2], boxes[:, 1], 1 - boxes[:, 0], boxes[:, 3]], axis=1)

    return Scene(
        pixels=scene.pixels[:, ::-1],
        boxes=mirrored(scene.boxes),
        classes=names[scene.classes] if twins else scene.classes,
        ignored=mirrored(scene.ignored),
        mask=None if scene.mask is None else numbers[scene.mask[:, ::-1]],
    )


def _moved(boxes: NDArray[np.float32], area: Area) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Boxes as fractions of `area`, cut at its edges, and the areas they had before they were cut."""
    left, top, right, bottom = area
    origin = np.array([left, top, left, top], dtype=np.float32)
    scale = np.array([right - left, bottom - top, right - left, bottom - top], dtype=np.float32)
    moved = (boxes - origin) / scale
    whole = (moved[:, 2] - moved[:, 0]) * (moved[:, 3] - moved[:, 1])
    return np.clip(moved, 0, 1), whole


def _cut(
    pixels: NDArray[np.uint8], area: Area, size: tuple[int, int], *, method: Image.Resampling, fill: int
) -> NDArray[np.uint8]:
    """`area` of a picture stretched to `size`; what lies outside of the picture is filled."""
    height, width = pixels.shape[:2]
    left, top, right, bottom = area
    across, down = size[0] / (right - left), size[1] / (bottom - top)
    inner = (max(left, 0.0), max(top, 0.0), min(right, 1.0), min(bottom, 1.0))
    start = (round((inner[0] - left) * across), round((inner[1] - top) * down))
    end = (round((inner[2] - left) * across), round((inner[3] - top) * down))
    if end[0] <= start[0] or end[1] <= start[1]:
        return np.full((size[1], size[0], *pixels.shape[2:]), fill, dtype=np.uint8)
    box = (inner[0] * width, inner[1] * height, inner[2] * width, inner[3] * height)
    part = np.asarray(Image.fromarray(pixels).resize((end[0] - start[0], end[1] - start[1]), method, box=box))
    if part.shape[:2] == (size[1], size[0]):
        return part
    canvas = np.full((size[1], size[0], *pixels.shape[2:]), fill, dtype=np.uint8)
    canvas[start[1] : end[1], start[0] : end[0]] = part
    return canvas


def _frame(scene: Scene, settings: Augmentation, rng: np.random.Generator) -> Area:
    """The part of a picture that is shown; around one of its places when it is cut, mostly."""
    zoom = np.exp(rng.uniform(*np.log(settings.zoom)))
    aspect = np.exp(rng.uniform(-settings.aspect, settings.aspect) / 2)
    wide, high = float(aspect / zoom), float(1 / (aspect * zoom))
    left, top = rng.random() * (1 - wide), rng.random() * (1 - high)
    if zoom > 1 and len(scene.boxes) and rng.random() < settings.focus:
        box = scene.boxes[rng.integers(len(scene.boxes))]
        left, top = (
            _around(float(box[0]), float(box[2]), wide, rng),
            _around(float(box[1]), float(box[3]), high, rng),
        )
    return (left, top, left + wide, top + high)


def _around(start: float, end: float, length: float, rng: np.random.Generator) -> float:
    """Where a frame of `length` begins so that it has from `start` to `end` in it, or is in it; inside 0 to 1."""
    low, high = sorted((end - length, start))
    first = low + rng.random() * (high - low)
    leftmost, rightmost = sorted((0.0, 1.0 - length))
    return min(max(first, leftmost), rightmost)


def _mosaic(scenes: list[Scene], side: int, settings: Augmentation, rng: np.random.Generator) -> Scene:
    """Parts of four scenes around a point near the middle."""
    across, down = (round(float(rng.uniform(*_CENTRE)) * side) for _ in range(2))
    cells = ((0, 0, across, down), (across, 0, side, down), (0, down, across, side), (across, down, side, side))
    pixels = np.empty((side, side, 3), dtype=np.uint8)
    mask = None if scenes[0].mask is None else np.empty((side, side), dtype=np.uint8)
    parts = []
    for scene, (left, top, right, bottom) in zip(scenes, cells, strict=True):
        wide, high = right - left, bottom - top
        zoom = float(np.exp(rng.uniform(*np.log(settings.zoom))))
        zoom = max(zoom, wide / side, high / side)  # no grey inside a mosaic
        part = framed(scene, _corner(wide / side / zoom, high / side / zoom, rng), (wide, high))
        pixels[top:bottom, left:right] = part.pixels
        if mask is not None and part.mask is not None:
            mask[top:bottom, left:right] = part.mask
        scale = np.array([wide, high, wide, high], dtype=np.float32) / side
        origin = np.array([left, top, left, top], dtype=np.float32) / side
        parts.append((part.boxes * scale + origin, part.classes, part.ignored * scale + origin))
    boxes, classes, ignored = (np.concatenate(arrays) for arrays in zip(*parts, strict=True))
    return Scene(pixels=pixels, boxes=boxes, classes=classes, ignored=ignored, mask=mask)


def _corner(wide: float, high: float, rng: np.random.Generator) -> Area:
    left, top = float(rng.random() * (1 - wide)), float(rng.random() * (1 - high))
    return (left, top, left + wide, top + high)


def _through_a_camera(pixels: NDArray[np.uint8], settings: Augmentation, rng: np.random.Generator) -> NDArray[np.uint8]:
    """Other light, another lens, another app."""
    image = Image.fromarray(np.ascontiguousarray(pixels))
    if rng.random() < settings.colour:
        image = image.convert("RGB", _colours(settings, rng))
    if rng.random() < settings.blur:
        image = image.filter(ImageFilter.GaussianBlur(float(rng.uniform(0.3, 1.6))))
    if rng.random() < settings.compress:
        stored = io.BytesIO()
        image.save(stored, "JPEG", quality=int(rng.integers(30, 90)))
        image = Image.open(stored).convert("RGB")
    return np.asarray(image)


def _colours(settings: Augmentation, rng: np.random.Generator) -> tuple[float, ...]:
    """Saturation, tint, contrast and brightness as one matrix, [3, 4], row by row; the last column is added."""
    brightness, contrast, saturation = 1 + rng.uniform(-settings.light, settings.light, size=3)
    grey = np.tile([0.299, 0.587, 0.114], (3, 1))
    matrix = saturation * np.eye(3) + (1 - saturation) * grey
    matrix = np.diag(1 + rng.uniform(-settings.tint, settings.tint, size=3)) @ matrix * contrast * brightness
    offset = np.full((3, 1), 128 * (1 - contrast) * brightness)
    return tuple(np.hstack([matrix, offset]).ravel().tolist())
