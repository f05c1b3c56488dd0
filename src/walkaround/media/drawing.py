"""Findings drawn on a picture: where the model looked, and a banner with the verdict, legible on any photo at any size.

Colours are told apart by every kind of colour vision (Okabe and Ito 2008; the heat ramp is matplotlib's inferno), and none
carries a meaning alone: verdicts have words and signs, the model's threshold has a line.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import cast

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

from walkaround.damage.findings import Findings, HeatMap
from walkaround.damage.kinds import ANOMALY, NORMAL

Pixels = NDArray[np.uint8]

_OVERLAY_SIDE = 1024  # heat is smooth: it is drawn at this size at most, and enlarged with the picture
_HEAT_TOP = 1.6  # the heat that gets the last colour
_HEAT_STEPS = (0.0, 0.25, 0.5, 0.75, 1.0)
_HEAT_COLOURS = ((20, 11, 54), (101, 21, 110), (212, 72, 66), (250, 158, 20), (252, 246, 140))
_EDGE, _LINE = (0, 0, 0, 180), (255, 255, 255, 255)
_LEVEL = 1e-4  # heat a pixel
_FAINT, _STRONG, _OPACITY = 0.4, 1.1, 0.5  # heat where colour begins, and where it is at its full opacity

_BACKGROUND, _TEXT, _SOFT_TEXT = (22, 25, 29), (255, 255, 255), (190, 196, 204)
_DAMAGED, _ON_DAMAGED = (230, 159, 0), (22, 25, 29)
_WHOLE, _ON_WHOLE = (0, 114, 178), (255, 255, 255)
_SMALLEST_FONT = 10
_SIGN_SCALE = 4  # signs are drawn so much larger and reduced, because Pillow's polygons have hard edges


@dataclass(frozen=True, kw_only=True, eq=False)
class HeatLayer:
    """A heat map ready to be laid over pictures of one size: it is worth keeping for the frames of a video.

    Attributes:
        colours: "RGB".
        cover: "L", how much the colours hide.
    """

    colours: Image.Image
    cover: Image.Image


def draw_findings(pixels: Pixels, findings: Findings, *, heat: bool = True, layer: HeatLayer | None = None) -> Pixels:
    """Draw the heat map on a picture and put a banner under it: verdict, label, confidence, and the time of a frame.

    The banner hides nothing. Its height depends on the picture's size alone, so that all frames of a video stay alike.

    Args:
        pixels: uint8 [h, w, 3], RGB, upright, at any scale.
        findings: what was found in it.
        heat: whether to draw the heat map, if there is one.
        layer: the heat map as a layer for a picture of this size, where that was made before.

    Returns:
        uint8 [h + banner, w, 3].
    """
    if heat and findings.heat_map is not None:
        pixels = heat_overlay(pixels, layer or findings.heat_map)
    return np.concatenate([pixels, np.asarray(_banner(pixels.shape[1], pixels.shape[0], findings))])


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


def _banner(width: int, height: int, findings: Findings) -> Image.Image:
    """The verdict on its colour and what is known besides, in one line where there is room, else in two or three."""
    size = max(_SMALLEST_FONT, round(min(width, height) * 0.045))
    lines = 1 if width >= 26 * size else 2 if width >= 14 * size else 3
    line, pad = round(size * 1.9), round(size * (0.6 if lines < 3 else 0.25))
    banner = Image.new("RGB", (width, line * lines), _BACKGROUND)
    draw = ImageDraw.Draw(banner)
    back, front = (_DAMAGED, _ON_DAMAGED) if findings.anomalous else (_WHOLE, _ON_WHOLE)
    verdict = "Damaged" if findings.anomalous else "No damage found" if lines < 3 else "No damage"
    label = "" if findings.label in (ANOMALY, NORMAL) else _printable(findings.label)
    certainty, clock = _percent(findings.confidence) + (" sure" if lines < 3 else ""), _clock(findings.time)

    text, font = _fitted(verdict, size, width - 3 * pad - size)
    block = width if lines > 1 else round(3 * pad + size + font.getlength(text))
    draw.rectangle((0, 0, block - 1, line - 1), fill=back)
    banner.paste(front, (pad, (line - size) // 2), _sign(size, findings.anomalous))
    draw.text((2 * pad + size, line / 2), text, font=font, fill=front, anchor="lm")

    left, right, middle = (block if lines == 1 else 0) + pad, width - pad, line * (lines - 0.5)
    for value, colour in ((clock, _SOFT_TEXT), (certainty, _TEXT)):
        if lines == 3 and value is certainty:
            right = left  # on a line shared with the time alone it stands on the left
        text, font = _fitted(value, size, width // 2 - pad)
        draw.text((right, middle), text, font=font, fill=colour, anchor="lm" if right == left else "rm")
        right -= round(font.getlength(text)) + pad if value else 0
    room = width - 2 * pad if lines == 3 else right - left
    text, font = _fitted(label, size, room)
    draw.text((left, line * 1.5 if lines > 1 else middle), text, font=font, fill=_TEXT, anchor="lm")
    return banner


def _fitted(text: str, size: int, room: int) -> tuple[str, ImageFont.FreeTypeFont]:
    """The text and the font in which it is at most `room` pixels wide: smaller first, then shortened with an ellipsis."""
    for smaller in range(size, max(_SMALLEST_FONT - 2, size * 3 // 4) - 1, -1):
        font = _font(smaller)
        if font.getlength(text) <= room:
            return text, font
    while text and font.getlength(text + "\N{HORIZONTAL ELLIPSIS}") > room:
        text = text[:-1].rstrip()
    return text + "\N{HORIZONTAL ELLIPSIS}", font


@lru_cache(maxsize=64)
def _font(size: int) -> ImageFont.FreeTypeFont:
    return cast(ImageFont.FreeTypeFont, ImageFont.load_default(size))


def _sign(size: int, anomalous: bool) -> Image.Image:
    """Mask of a warning triangle or a tick, `size` pixels each way."""
    large = size * _SIGN_SCALE
    mask = Image.new("L", (large, large))
    draw = ImageDraw.Draw(mask)
    if anomalous:
        draw.polygon([(large * x, large * y) for x, y in ((0.5, 0.04), (1.0, 0.94), (0.0, 0.94))], fill=255)
        draw.rounded_rectangle([large * v for v in (0.45, 0.34, 0.55, 0.66)], radius=large * 0.05, fill=0)
        draw.ellipse([large * v for v in (0.44, 0.72, 0.56, 0.84)], fill=0)
    else:
        draw.ellipse((0, 0, large - 1, large - 1), fill=255)
        points = [(large * x, large * y) for x, y in ((0.25, 0.52), (0.43, 0.7), (0.76, 0.33))]
        draw.line(points, fill=0, width=round(large * 0.12), joint="curve")
    return mask.resize((size, size), Image.Resampling.LANCZOS)


def _printable(label: str) -> str:
    """A class name as words: no underscores, no line breaks, nothing that has no shape."""
    return " ".join("".join(letter if letter.isprintable() else " " for letter in label.replace("_", " ")).split())


def _percent(confidence: float) -> str:
    return "> 99 %" if confidence >= 0.995 else f"{100 * confidence:.0f} %"


def _clock(time: float | None) -> str:
    """Minutes and seconds: 63.25 is "1:03.3"."""
    if time is None:
        return ""
    tenths = round(time * 10)
    return f"{tenths // 600}:{tenths % 600 / 10:04.1f}"
