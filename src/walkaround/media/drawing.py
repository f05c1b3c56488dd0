"""Findings drawn on a picture: what was found where, or where the model looked, and a banner with the verdict under it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from walkaround.damage.findings import Findings, FoundBox
from walkaround.media.banner import banner_of
from walkaround.media.heat import HeatLayer, heat_overlay
from walkaround.media.marks import draw_marks

Pixels = NDArray[np.uint8]


def draw_findings(
    pixels: Pixels,
    findings: Findings,
    *,
    heat: bool = True,
    layer: HeatLayer | None = None,
    colours: Mapping[str, str] | None = None,
) -> Pixels:
    """Draw masks and boxes on a picture, or else the heat map, and put a banner under it.

    The banner has verdict, label, confidence, and the time of a frame. It hides nothing. Its height depends on the picture's
    size alone, so that all frames of a video stay alike. Heat would hide what boxes and masks show, and stays away where there
    are any.

    Args:
        pixels: uint8 [h, w, 3], RGB, upright, at any scale.
        findings: what was found in it.
        heat: whether to draw the heat map, if there is one.
        layer: the heat map as a layer for a picture of this size, where that was made before.
        colours: class name to "#RRGGBB"; see `walkaround.damage.colours.colours_of`.

    Returns:
        uint8 [h + banner, w, 3].
    """
    height, width = pixels.shape[:2]
    if has_places(findings):
        pixels = draw_places(pixels, findings, colours=colours)
    elif heat and findings.heat_map is not None:
        pixels = heat_overlay(pixels, layer or findings.heat_map)
    return np.concatenate([pixels, np.asarray(banner_of(width, height, findings))])


def has_places(findings: Findings) -> bool:
    """Whether there is a box or a mask to draw."""
    return bool(findings.boxes) or (findings.masks is not None and bool(findings.masks.areas))


def draw_places(pixels: Pixels, findings: Findings, *, colours: Mapping[str, str] | None = None, sure: bool = True) -> Pixels:
    """Draw the masks and the boxes of findings, without a banner.

    Args:
        pixels: uint8 [h, w, 3], RGB, upright, at any scale.
        findings: what was found; its size tells the scale.
        colours: class name to "#RRGGBB".
        sure: whether scores are written.

    Returns:
        uint8 [h, w, 3].
    """
    across, down = pixels.shape[1] / max(1, findings.width), pixels.shape[0] / max(1, findings.height)
    boxes = [_scaled(box, across, down) for box in findings.boxes or ()]
    return draw_marks(pixels, boxes=boxes, masks=findings.masks, colours=colours, sure=sure)


def _scaled(found: FoundBox, across: float, down: float) -> FoundBox:
    left, top, right, bottom = found.box
    return replace(found, box=(left * across, top * down, right * across, bottom * down))
