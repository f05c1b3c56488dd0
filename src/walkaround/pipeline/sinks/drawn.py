"""A damaged input with its verdict drawn on it, for a bucket: fetched again, and drawn in a process that can be ended."""

from __future__ import annotations

import logging
import secrets
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from walkaround.buckets.buckets import Buckets
from walkaround.errors import InputError, writing
from walkaround.pipeline.apart import Apart, BrokenError
from walkaround.pipeline.limits import limits_of
from walkaround.pipeline.looking import as_file, fetched
from walkaround.pipeline.sinks.delivered import DRAWN_PICTURE, DRAWN_VIDEO, Delivered
from walkaround.settings import Settings
from walkaround.store.pipeline import Arrival

_logger = logging.getLogger(__name__)

PICTURES_AT_ONCE, VIDEOS_AT_ONCE = 2, 1
_LONGEST_SECONDS = 600.0
"""Of a video: a longer one takes longer to draw than anybody waits, and is too large to be written at once."""
_MOST_BYTES = 256 << 20
_IDLE_SECONDS = 60.0
_CHILD = "walkaround.pipeline.sinks.drawing_child"


@dataclass(frozen=True, kw_only=True)
class ToDraw:
    """What the process is asked: the line of the findings, the original at hand, and the file that the drawing goes to."""

    findings: Mapping[str, Any]
    original: Path
    drawing: Path


@dataclass(frozen=True, kw_only=True)
class Drawing:
    """A drawn picture or video, and how its key ends."""

    ending: str
    content: bytes


class Drawings:
    """Draws for all sinks of a process. Thread-safe; its own processes are started when there is something to draw."""

    def __init__(self, settings: Settings, *, folder: Path) -> None:
        """Start nothing yet; originals and drawings are kept in `folder` for as long as it takes."""
        self._folder, self._limits = folder, limits_of(settings)
        # Videos apart, so that a picture that has to be ended takes no long work with it.
        self._pictures = Apart(_CHILD, None, threads=PICTURES_AT_ONCE)
        self._videos = Apart(_CHILD, None, threads=VIDEOS_AT_ONCE)

    def of(self, given: Delivered, buckets: Buckets) -> Drawing | None:
        """Draw what was found on the input; None where it is gone, was replaced, cannot be drawn, or takes too long.

        Raises:
            UnavailableError: the bucket of the input does not answer, or this was closed.
            StorageError: there is no room for the drawing.
        """
        if given.is_video and (float(given.findings.get("duration") or 0.0) > _LONGEST_SECONDS or not given.frames):
            _logger.info("%r is not drawn: it is longer than %.0f s.", given.source, _LONGEST_SECONDS)
            return None
        arrival = Arrival(bucket=given.bucket, key=given.key, version=given.version, etag=given.etag)
        ending = DRAWN_VIDEO if given.is_video else DRAWN_PICTURE
        folder = self._folder / secrets.token_hex(16)
        try:
            with fetched(arrival, buckets, folder, limits=self._limits) as found, as_file(found, folder) as original:
                question = ToDraw(findings=given.findings, original=original, drawing=folder / f"drawing{ending}")
                return self._drawn(given, question, ending)
        except (InputError, BrokenError) as problem:
            _logger.warning("%r has a result and no drawing: %s", given.source, problem)
            return None
        finally:
            shutil.rmtree(folder, ignore_errors=True)  # with what a process has left that was ended

    def end_idle(self) -> None:
        """End processes that have had nothing to draw for a while."""
        for apart in (self._pictures, self._videos):
            apart.end_idle(_IDLE_SECONDS)

    def close(self) -> None:
        """End its processes; whoever waits for a drawing gets an UnavailableError."""
        for apart in (self._pictures, self._videos):
            apart.close()

    def _drawn(self, given: Delivered, question: ToDraw, ending: str) -> Drawing | None:
        apart, limit = (self._videos, self._limits.video) if given.is_video else (self._pictures, self._limits.picture)
        with writing(question.drawing):
            question.drawing.parent.mkdir(parents=True, exist_ok=True)
        apart.ask(question, name=given.source, limit=limit)
        size = question.drawing.stat().st_size
        if size > _MOST_BYTES:
            _logger.info("The drawing of %r is left out: it has %d bytes.", given.source, size)
            return None
        return Drawing(ending=ending, content=question.drawing.read_bytes())
