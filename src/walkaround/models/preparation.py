"""From a decoded picture to what a network takes: the same code in training and in detection."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from PIL import Image

SIDE = 320
"""Height and width, in pixels, of every network's input. Pictures are stretched to it, so that their shape tells nothing."""


def network_pixels(pixels: NDArray[np.uint8], side: int = SIDE) -> NDArray[np.float32]:
    """Resize and reorder one picture.

    Args:
        pixels: uint8 [h, w, 3], RGB, upright.
        side: height and width of the result.

    Returns:
        float32 [3, side, side], RGB, 0 to 255. Bilinear with antialiasing where it shrinks, bicubic where it enlarges.
    """
    return np.ascontiguousarray(stretched(pixels, side).transpose(2, 0, 1), dtype=np.float32)


def stretched(pixels: NDArray[np.uint8], side: int) -> NDArray[np.uint8]:
    """One picture, uint8 [h, w, 3], as uint8 [side, side, 3]; resized as `network_pixels` says."""
    height, width = pixels.shape[:2]
    if (height, width) == (side, side):
        return pixels
    method = Image.Resampling.BILINEAR if max(height, width) > side else Image.Resampling.BICUBIC
    return np.asarray(Image.fromarray(pixels).resize((side, side), method))
