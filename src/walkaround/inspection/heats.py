"""Heat maps on their way: plain values that fit into a row, and a transparent PNG to be laid over a picture."""

from __future__ import annotations

import base64
import io
import zlib
from collections.abc import Mapping
from typing import Any

import numpy as np

from walkaround.damage.findings import HeatMap
from walkaround.media.heat import heat_layer

SIDE = 512
"""Pixels on the longer side of a PNG: heat is smooth, and whoever shows it enlarges it with the picture."""
_MOST_CELLS = 1024 * 1024


def packed_heat(heat_map: HeatMap) -> dict[str, Any]:
    """Plain values for JSON, about a kilobyte: heat in steps of a thousandth of itself."""
    rows, columns = heat_map.shape
    values = np.ascontiguousarray(heat_map, dtype="<f2").tobytes()
    return {"rows": rows, "columns": columns, "values": base64.b64encode(zlib.compress(values, 6)).decode("ascii")}


def unpacked_heat(values: Mapping[str, Any]) -> HeatMap:
    """A heat map from what `packed_heat` made of it.

    Raises:
        ValueError: it is something else.
    """
    rows, columns = int(values["rows"]), int(values["columns"])
    size = rows * columns
    if not 0 < size <= _MOST_CELLS:
        raise ValueError(f"a heat map of {rows} x {columns} cells")
    content = zlib.decompressobj().decompress(base64.b64decode(values["values"]), 2 * size + 1)
    return np.frombuffer(content, "<f2").reshape(rows, columns).astype(np.float32)


def heat_png(heat_map: HeatMap, *, width: int, height: int, side: int = SIDE) -> bytes:
    """A heat map as a transparent PNG of a picture's shape, with the colours and the line that `heat_layer` draws.

    Args:
        heat_map: see `HeatMap`.
        width: of the upright original, in pixels.
        height: of the upright original, in pixels.
        side: pixels on the longer side of the PNG at most.
    """
    scale = min(1.0, side / max(width, height))
    layer = heat_layer(heat_map, max(1, round(width * scale)), max(1, round(height * scale)))
    image = layer.colours.copy()
    image.putalpha(layer.cover)
    file = io.BytesIO()
    image.save(file, "PNG", compress_level=6)
    return file.getvalue()
