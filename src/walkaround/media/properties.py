"""What a picture is like besides what it shows, measured in under a millisecond: drift is seen by it.

The pixels may have been reduced by whatever factor: everything is measured on a grid of one size, so that a picture which was
read for training and one which was read for detection measure alike.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from PIL import Image

_GRID = 160
_COLOURS = 64


def measures_of(pixels: NDArray[np.uint8], width: int, height: int) -> dict[str, float]:
    """Measure one picture.

    Args:
        pixels: uint8 [h, w, 3], RGB, upright; reduced, or as they are.
        width: of the upright original, in pixels.
        height: of the same.

    Returns:
        `pixels`, of the original; `aspect`, its width over its height; `brightness` and `contrast`, mean and standard deviation
        of luma, 0 to 1; `sharpness`, the mean step between neighbouring luma over the standard deviation; `saturation`, mean
        of that of HSV, 0 to 1. Except for the first two, of the picture stretched to a square of 160 pixels.
    """
    image = Image.fromarray(pixels).convert("L")
    method = Image.Resampling.BOX if min(image.size) >= _GRID else Image.Resampling.BILINEAR
    grey = np.asarray(image.resize((_GRID, _GRID), method), np.int16)
    spread = float(grey.std(dtype=np.float32))
    step = float(np.abs(np.diff(grey, axis=0)).mean() + np.abs(np.diff(grey, axis=1)).mean()) / 2
    return {
        "pixels": float(width * height),
        "aspect": width / height,
        "brightness": float(grey.mean()) / 255,
        "contrast": spread / 255,
        "sharpness": step / spread if spread >= 1 else 0.0,  # nothing to see: what is left is rounding
        "saturation": _saturation(pixels),
    }


def _saturation(pixels: NDArray[np.uint8]) -> float:
    """Of some pixels at equal distances."""
    down, right = (max(1, size // _COLOURS) for size in pixels.shape[:2])
    red, green, blue = np.moveaxis(pixels[down // 2 :: down, right // 2 :: right], 2, 0)
    highest = np.maximum(np.maximum(red, green), blue)
    spread = highest - np.minimum(np.minimum(red, green), blue)
    return float((spread / np.maximum(highest, 1)).mean())
