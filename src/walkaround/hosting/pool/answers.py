"""What may be sent to a hosted model, and how its findings come back from the worker."""

from __future__ import annotations

import base64
import json

import numpy as np

from walkaround.damage.findings import Findings, FoundBox
from walkaround.inspection.masks import packed, unpacked

MOST_BYTES = 8 * 1024 * 1024
"""Bytes of a picture that may be sent for detection."""
LEAST_SIDE, MOST_SIDE = 64, 4096
"""Width and height in pixels of such a picture."""
PICTURE_TYPES = ("image/jpeg", "image/png")
"""Media types of such a picture."""
PICTURE_FORMATS = ("JPEG", "PNG")
"""The same as formats that are told apart by content."""
NAMELESS = "The file"
"""How a worker's refusal of a picture begins: workers are told no names."""

_FIELDS = ("source", "anomalous", "confidence", "label", "damage", "probabilities", "width", "height", "kinds")


def encode(findings: Findings) -> bytes:
    """Findings as JSON, in full precision."""
    told = {name: getattr(findings, name) for name in _FIELDS}
    if findings.heat_map is not None:
        rows = np.ascontiguousarray(findings.heat_map, dtype="<f4")
        told["heat"] = [*rows.shape, base64.b64encode(rows.tobytes()).decode("ascii")]
    if findings.boxes is not None:
        told["boxes"] = [[box.label, box.score, *box.box] for box in findings.boxes]
    if findings.masks is not None:
        told["masks"] = packed(findings.masks)
    return json.dumps(told).encode()


def decode(body: bytes) -> Findings:
    """Findings from what `encode` made of them."""
    told = json.loads(body)
    heat = told.pop("heat", None)
    if heat is not None:
        told["heat_map"] = np.frombuffer(base64.b64decode(heat[2]), "<f4").reshape(heat[0], heat[1])
    boxes, masks = told.pop("boxes", None), told.pop("masks", None)
    return Findings(
        **told,
        boxes=None
        if boxes is None
        else tuple(FoundBox(label=label, score=score, box=tuple(edges)) for label, score, *edges in boxes),
        masks=None if masks is None else unpacked(masks),
    )


def named(refusal: str, name: str) -> str:
    """A refusal with the sender's name for the picture, where it is about one that has none yet."""
    return repr(name) + refusal.removeprefix(NAMELESS) if refusal.startswith(NAMELESS + " ") else refusal
