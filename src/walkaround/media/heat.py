"""A heat map laid over a picture: where the model looked, and a line where that alone would raise the alarm.

The ramp is matplotlib's inferno, which every kind of colour vision sees rise.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from walkaround.damage.findings import HeatMap

Pixels = NDArray[np.uint8]

_OVERLAY_SIDE = 1024  # heat is smooth: it is drawn at this size at most, and enlarged with the picture
_HEAT_TOP = 1.6  # the heat that gets the last colour
_HEAT_STEPS = (0.0, 0.25, 0.5, 0.75, 1.0)
_HEAT_COLOURS = ((20, 11, 54), (101, 21, 110), (212, 72, 66), (250, 158, 20), (252, 246, 140))
_EDGE, _LINE = (0, 0, 0, 180), (255, 255, 255, 255)
_LEVEL = 1e-4  # heat a pixel
_FAINT, _STRONG, _OPACITY = 0.4, 1.1, 0.5  # heat where colour begins, and where it is at its full opacity


@dataclass(frozen=True, kw_only=True, eq=False)
class HeatLayer:
    """A heat map ready to be laid over pictures of one size: it is worth keeping for the frames of a video.

    Attributes:
        colours: "RGB".
        cover: "L", how much the colours hide.
    """

    colours: Image.Image
    cover: Image.Image


def heat_overlay(pixels: Pixels, heat: HeatMap | HeatLayer) -> Pixels:
    """Colour a picture by its heat map, and draw a line where the heat reaches the model's threshold.

    Args:
        pixels: uint8 [h, w, 3], RGB.
        heat: see `HeatMap`; of any size. Or a layer of the picture's size.

    Returns:
        uint8 [h, w, 3], a new array.
    """
    picture = Image.fromarray(pixels)
    layer = heat if isinstance(heat, HeatLayer) else heat_layer(heat, picture.width, picture.height)
    picture.paste(layer.colours, mask=layer.cover)
    return np.array(picture)


def heat_layer(heat_map: HeatMap, width: int, height: int) -> HeatLayer:
    """What `heat_overlay` lays over a picture of this size in pixels."""
    scale = min(1.0, _OVERLAY_SIDE / max(width, height))
    size = (max(1, round(width * scale)), max(1, round(height * scale)))
    grid = Image.fromarray(np.nan_to_num(np.asarray(heat_map, np.float32)))
    heat = np.clip(np.asarray(grid.resize(size, Image.Resampling.BICUBIC)), 0, None)
    overlay = Image.fromarray(_coloured(heat))
    if overlay.size != (width, height):
        overlay = overlay.resize((width, height), Image.Resampling.BICUBIC)
    return HeatLayer(colours=overlay.convert("RGB"), cover=overlay.getchannel("A"))


def _coloured(heat: NDArray[np.float32]) -> Pixels:
    """uint8 [h, w, 4], RGBA: the ramp over the heat, with a white line, edged in black, where it is 1."""
    rgba: Pixels = _ramp()[np.minimum(heat * (255 / _HEAT_TOP), 255).astype(np.uint8)]
    if min(heat.shape) > 1:
        down, across = np.gradient(heat)
        slope = np.hypot(down, across)
        # In pixels, for a field this smooth; a plain at 1 has no line, only its border has.
        distance = np.where(slope < _LEVEL, np.inf, np.abs(heat - 1) / np.maximum(slope, _LEVEL))
        thickness = max(0.8, max(heat.shape) / 700)
        for colour, reach in ((_EDGE, 2.2 * thickness), (_LINE, thickness)):
            near = distance < reach + 0.5
            cover = np.minimum(reach + 0.5 - distance[near], 1)[:, None]
            rgba[near] = rgba[near] * (1 - cover) + np.array(colour) * cover
    return rgba


@lru_cache(maxsize=1)
def _ramp() -> Pixels:
    """uint8 [256, 4], RGBA for heat from 0 to `_HEAT_TOP`."""
    heat = np.linspace(0, _HEAT_TOP, 256)
    strength = np.clip((heat - _FAINT) / (_STRONG - _FAINT), 0, 1)
    colours = [np.interp(heat / _HEAT_TOP, _HEAT_STEPS, channel) for channel in zip(*_HEAT_COLOURS, strict=True)]
    alpha = 255 * _OPACITY * strength**2 * (3 - 2 * strength)
    return np.stack([*colours, alpha], axis=1).round().astype(np.uint8)
