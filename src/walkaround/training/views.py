"""The views that a picture is learnt from: as it is, and disturbed, so that size, sharpness and framing tell nothing.

Every disturbance is one that a forecourt brings: another distance and frame, another camera and app, other light.
"""

from __future__ import annotations

import io

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageEnhance

from walkaround.models.preparation import SIDE, network_pixels

VERSION = 1
"""Changes with every change of this module: features of other views are not used again."""

READ_SIDE = 2 * SIDE
"""Shorter side, in pixels, that a picture is read at: a crop of a quarter of it still fills the network's input."""

_KEPT_AREA = (0.55, 1.0)  # share of the picture that a disturbed view keeps: less would often cut the damage away
_ASPECT = 0.25  # natural logarithm, either way
_LONG_SIDE = (140, 420)  # pixels, from a web thumbnail to a phone's preview
_QUALITY = (35, 95)
_LIGHT = (0.8, 1.25)
_COLOUR = (0.6, 1.25)


def view(pixels: NDArray[np.uint8], *, number: int, seed: int, side: int = SIDE) -> NDArray[np.float32]:
    """One view of a picture.

    Args:
        pixels: uint8 [h, w, 3], RGB, upright.
        number: 0 is the picture as it is, any other a disturbance of it.
        seed: with `number` it decides the disturbance, wholly.
        side: height and width of the result.

    Returns:
        float32 [3, side, side], what a network takes.
    """
    if number == 0:
        return network_pixels(pixels, side)
    rng = np.random.default_rng((seed, number))
    image = _rescaled(_cropped(Image.fromarray(pixels), rng), rng)
    for enhancer, (low, high) in (
        (ImageEnhance.Brightness, _LIGHT),
        (ImageEnhance.Contrast, _LIGHT),
        (ImageEnhance.Color, _COLOUR),
    ):
        if rng.random() < 0.5:
            image = enhancer(image).enhance(rng.uniform(low, high))
    image = _recompressed(image, int(rng.integers(*_QUALITY)))
    if rng.random() < 0.5:
        image = image.transpose(Image.Transpose.FLIP_LEFT_RIGHT)
    return network_pixels(np.asarray(image), side)


def _cropped(image: Image.Image, rng: np.random.Generator) -> Image.Image:
    area, aspect = rng.uniform(*_KEPT_AREA), np.exp(rng.uniform(-_ASPECT, _ASPECT))
    width = max(1, min(image.width, round(image.width * np.sqrt(area * aspect))))
    height = max(1, min(image.height, round(image.height * np.sqrt(area / aspect))))
    left, top = int(rng.integers(image.width - width + 1)), int(rng.integers(image.height - height + 1))
    return image.crop((left, top, left + width, top + height))


def _rescaled(image: Image.Image, rng: np.random.Generator) -> Image.Image:
    low, high = np.log(_LONG_SIDE)
    scale = np.exp(rng.uniform(low, high)) / max(image.size)
    size = (max(1, round(image.width * scale)), max(1, round(image.height * scale)))
    return image.resize(size, Image.Resampling.BICUBIC if scale > 1 else Image.Resampling.BILINEAR)


def _recompressed(image: Image.Image, quality: int) -> Image.Image:
    stored = io.BytesIO()
    image.save(stored, "JPEG", quality=quality)
    return Image.open(stored).convert("RGB")
