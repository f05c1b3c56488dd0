"""Masks on their way: plain values that fit into a row or a message, and a PNG in which each class has its colour."""

from __future__ import annotations

import base64
import io
import re
import zlib
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from walkaround.damage.colours import PALETTE, colours_of
from walkaround.damage.findings import Findings, FoundMasks

MASKS = "masks"
"""The member of a kept line of findings that holds packed masks; nothing that anybody wants to read."""
MOST_BYTES = 5_242_880
"""Of a PNG, as the old service had it."""
BACKGROUND_COLOUR = "#FFFFFF"

_COLOUR = re.compile(r"#[0-9A-F]{6}")
_MOST_CELLS = 4096 * 4096


def kept_line(findings: Findings) -> dict[str, Any]:
    """The line of findings with what a mask can be drawn from again, for a row."""
    line: dict[str, Any] = findings.as_json()
    return line if findings.masks is None else {**line, MASKS: packed(findings.masks)}


def told_line(line: Mapping[str, Any]) -> dict[str, Any]:
    """A kept line as it is told: without what only programs can read."""
    return {name: value for name, value in line.items() if name != MASKS}


def packed(masks: FoundMasks) -> dict[str, Any]:
    """Plain values for JSON; label maps are mostly background and shrink to a few hundred bytes."""
    rows, columns = masks.labels.shape
    labels = base64.b64encode(zlib.compress(np.ascontiguousarray(masks.labels).tobytes(), 6)).decode("ascii")
    return {"names": list(masks.names), "colours": dict(masks.colours), "rows": rows, "columns": columns, "labels": labels}


def unpacked(values: Mapping[str, Any]) -> FoundMasks:
    """Masks from what `packed` made of them.

    Raises:
        ValueError: it is something else.
    """
    rows, columns = int(values["rows"]), int(values["columns"])
    cells = rows * columns
    if not 0 < cells <= _MOST_CELLS:
        raise ValueError(f"a mask of {rows} x {columns} cells")
    labels = zlib.decompressobj().decompress(base64.b64decode(values["labels"]), cells + 1)
    names = tuple(values["names"])
    grid = np.frombuffer(labels, np.uint8).reshape(rows, columns)
    if int(grid.max()) > len(names):
        raise ValueError(f"a mask of {len(names)} classes that has the label {int(grid.max())}")
    return FoundMasks(names=names, labels=grid, colours=dict(values["colours"]))


def told_colours(masks: FoundMasks) -> dict[str, str]:
    """The colour of each class in a PNG, "#RRGGBB": the training labels' own, unless it is the background's or another's."""
    told: dict[str, str] = {}
    usual = colours_of(masks.names)
    for name in masks.names:
        choices = (masks.colours.get(name, "").upper(), usual[name], *PALETTE, *(f"#{grey:06X}" for grey in range(256)))
        taken = {BACKGROUND_COLOUR, *told.values()}
        told[name] = next(colour for colour in choices if _COLOUR.fullmatch(colour) and colour not in taken)
    return told


def anomalies_of(masks: FoundMasks) -> list[dict[str, Any]]:
    """The list `Anomalies` of DetectAnomalies: the background, then each class that was found, the largest first."""
    areas, colours = masks.areas, told_colours(masks)
    rows = [("background", max(0.0, 1.0 - sum(areas.values())), BACKGROUND_COLOUR)]
    rows += [(name, area, colours[name]) for name, area in areas.items()]
    return [{"Name": name, "PixelAnomaly": {"TotalPercentageArea": area, "Color": colour}} for name, area, colour in rows]


def mask_png(masks: FoundMasks, *, width: int, height: int) -> bytes:
    """A picture's mask as a palette PNG of at most `MOST_BYTES`: white, and each class in the colour that `told_colours` says.

    Args:
        masks: a grid that is mostly coarser than the picture; borders between its cells are drawn smoothly.
        width: of the upright original, in pixels.
        height: of the upright original, in pixels.
    """
    content = _png(masks, enlarged(masks.labels, width=width, height=height))
    labels = masks.labels
    while len(content) > MOST_BYTES and min(labels.shape) > 1:  # noise; in coarser cells it is smaller
        labels = labels[::2, ::2]
        content = _png(masks, np.asarray(Image.fromarray(labels).resize((width, height), Image.Resampling.NEAREST)))
    return content


def enlarged(labels: NDArray[np.uint8], *, width: int, height: int) -> NDArray[np.uint8]:
    """uint8 [height, width] of a coarser grid: at each pixel the class that is nearest, in doubt the background."""
    best = _share(labels == 0, width=width, height=height)
    found = np.zeros((height, width), np.uint8)
    for number in np.unique(labels[labels > 0]).tolist():
        share = _share(labels == number, width=width, height=height)
        better = share > best
        found[better] = number
        best = np.maximum(best, share)
    return found


def _share(cells: NDArray[np.bool_], *, width: int, height: int) -> NDArray[np.uint8]:
    image = Image.fromarray(cells.astype(np.uint8) * 255)
    return np.asarray(image.resize((width, height), Image.Resampling.BILINEAR))


def _png(masks: FoundMasks, labels: NDArray[np.uint8]) -> bytes:
    height, width = labels.shape
    image = Image.frombytes("P", (width, height), labels.tobytes())
    colours = told_colours(masks)
    palette = [BACKGROUND_COLOUR, *(colours[name] for name in masks.names)]
    image.putpalette(b"".join(bytes.fromhex(colour[1:]) for colour in palette))
    file = io.BytesIO()
    image.save(file, "PNG", compress_level=6)
    return file.getvalue()
