"""A damaged input with its verdict drawn on it, for a bucket; the input is fetched again."""

from __future__ import annotations

import logging
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from walkaround.buckets.buckets import Buckets
from walkaround.damage.findings import Findings, FoundBox
from walkaround.errors import BucketError, PictureError, VideoError
from walkaround.inspection.drawings import draw_picture, draw_video
from walkaround.inspection.masks import MASKS, unpacked
from walkaround.inspection.results import VideoFindings
from walkaround.pipeline.looking import as_file, fetched
from walkaround.pipeline.sinks.delivered import DRAWN_PICTURE, DRAWN_VIDEO, Delivered
from walkaround.store.pipeline import Arrival

_logger = logging.getLogger(__name__)

_LONGEST_SECONDS = 600.0
"""Of a video: a longer one takes longer to draw than anybody waits, and is too large to be written at once."""
_MOST_BYTES = 256 << 20


@dataclass(frozen=True, kw_only=True)
class Drawing:
    """A drawn picture or video, and how its key ends."""

    ending: str
    content: bytes


def drawing_of(given: Delivered, buckets: Buckets, folder: Path) -> Drawing | None:
    """Draw what was found on the input; None where it is gone, was replaced, or is too long.

    Raises:
        UnavailableError: the bucket of the input does not answer.
        StorageError: there is no room for the drawing.
    """
    if given.is_video and (float(given.findings.get("duration") or 0.0) > _LONGEST_SECONDS or not given.frames):
        _logger.info("%r is not drawn: it is longer than %.0f s.", given.source, _LONGEST_SECONDS)
        return None
    arrival = Arrival(bucket=given.bucket, key=given.key, version=given.version, etag=given.etag)
    drawn = folder / secrets.token_hex(16)
    try:
        with fetched(arrival, buckets, folder) as found, as_file(found, folder) as original:
            return _drawn(given, original, drawn)
    except (BucketError, PictureError, VideoError) as problem:
        _logger.warning("%r has a result and no drawing: %s", given.source, problem)
        return None
    finally:
        for path in (drawn.with_suffix(".jpg"), drawn.with_suffix(".mp4")):
            path.unlink(missing_ok=True)


def _drawn(given: Delivered, original: Path, drawn: Path) -> Drawing | None:
    drawn.parent.mkdir(parents=True, exist_ok=True)
    whole = findings_from(given.findings, original, time=given.findings.get("strongest_time"))
    if given.is_video:
        path, ending = drawn.with_suffix(".mp4"), DRAWN_VIDEO
        frames = tuple(findings_from(line, original, time=line.get("time")) for line in given.frames)
        draw_video(VideoFindings(frames=frames, whole=whole, duration=float(given.findings["duration"])), path)
    else:
        path, ending = drawn.with_suffix(".jpg"), DRAWN_PICTURE
        draw_picture(whole, path)
    if path.stat().st_size > _MOST_BYTES:
        _logger.info("The drawing of %r is left out: it has %d bytes.", given.source, path.stat().st_size)
        return None
    return Drawing(ending=ending, content=path.read_bytes())


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
