"""The process that draws for sinks: what strangers sent is decoded in it once more. See `walkaround.pipeline.apart`.

python -m walkaround.pipeline.sinks.drawing_child PARENT THREADS
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from walkaround.damage.findings import Findings, FoundBox
from walkaround.inspection.drawings import draw_picture, draw_video
from walkaround.inspection.masks import MASKS, unpacked
from walkaround.inspection.results import VideoFindings
from walkaround.pipeline.answering import Begin, Handler, serve
from walkaround.pipeline.sinks.delivered import FRAMES
from walkaround.pipeline.sinks.drawn import ToDraw


def handler_of(equipment: None) -> Handler:
    """What answers when a drawing is there; it needs nothing."""
    del equipment
    return draw


def draw(question: ToDraw, begin: Begin) -> None:
    """Draw what was found on a picture or a video, into the file that is named.

    Raises:
        PictureError, VideoError: the original cannot be read.
        StorageError: there is no room for the drawing.
    """
    begin()
    line, original = question.findings, question.original
    whole = findings_from(line, original, time=line.get("strongest_time"))
    if FRAMES not in line:
        draw_picture(whole, question.drawing)
        return
    frames = tuple(findings_from(one, original, time=one.get("time")) for one in line[FRAMES])
    draw_video(VideoFindings(frames=frames, whole=whole, duration=float(line["duration"])), question.drawing)


def findings_from(line: Mapping[str, Any], original: Path, *, time: float | None) -> Findings:
    """Findings from their line, about the file that is at hand."""
    heat = line.get("heat_map")
    return Findings(
        source=str(original),
        anomalous=line["anomalous"],
        confidence=line["confidence"],
        label=line["label"],
        damage=line["damage"],
        probabilities=line["probabilities"],
        width=line["width"],
        height=line["height"],
        heat_map=None if heat is None else np.asarray(heat, np.float32),
        time=time,
        kinds=line.get("kinds"),
        boxes=None if line.get("boxes") is None else tuple(_box(one) for one in line["boxes"]),
        masks=unpacked(line[MASKS]) if MASKS in line else None,
    )


def _box(values: Mapping[str, Any]) -> FoundBox:
    left, top, right, bottom = values["box"]
    return FoundBox(label=values["label"], score=values["score"], box=(left, top, right, bottom))


if __name__ == "__main__":
    serve(handler_of)
