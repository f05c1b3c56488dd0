"""What a model sees in a picture or a video that has arrived; without the database, for the process that does nothing else."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from walkaround.buckets.buckets import Buckets
from walkaround.buckets.names import Fetched
from walkaround.errors import VideoError
from walkaround.inspection.capture import capture_frames
from walkaround.inspection.detector import Detector
from walkaround.inspection.masks import kept_line
from walkaround.inspection.results import VideoFindings
from walkaround.inspection.spans import spans_of
from walkaround.inspection.video import inspect_video, verdict_of
from walkaround.media.containers import LONG_VIDEO_LIMITS
from walkaround.media.pictures import PICTURE_LIMITS, read_picture
from walkaround.media.properties import measures_of
from walkaround.media.videos import video_facts
from walkaround.pipeline.spec import Captured, Chosen


@dataclass(frozen=True, kw_only=True)
class Sight:
    """What a model saw.

    Attributes:
        findings: plain values: a picture's line, or a video's with its frames in "frames_found".
        damage: calibrated probability of damage, 0 to 1.
        measures: what the picture is like, see `measures_of`; empty for a video.
    """

    findings: Mapping[str, Any]
    damage: float
    measures: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class ChosenModel:
    """The model that looks at an arrival.

    Attributes:
        package: its folder.
        threshold: that a person adopted; None: the package's own.
    """

    package: Path
    threshold: float | None


@dataclass(frozen=True, kw_only=True)
class PictureLook:
    """A picture to look at; with `heat`, the findings have a heat map."""

    model: ChosenModel
    found: Fetched
    name: str
    heat: bool


@dataclass(frozen=True, kw_only=True)
class VideoLook:
    """A video to look at, by the frames that its watch wants; captured ones are named like `key`."""

    model: ChosenModel
    path: Path
    name: str
    frames: Captured | Chosen
    key: str


def look_at_picture(detector: Detector, found: Fetched, name: str, *, heat: bool = False) -> Sight:
    """What is in a picture; with `heat`, the findings have "heat_map", rows of numbers, to be drawn with.

    Where the model finds masks, they have these packed, see `walkaround.inspection.masks`.

    Raises:
        PictureError: it cannot be read.
    """
    picture = read_picture(found.content, name=name, side=detector.side, limits=PICTURE_LIMITS)
    seen = detector.inspect(picture.pixels, source=name, heat=heat, size=(picture.width, picture.height))
    measures = measures_of(picture.pixels, picture.width, picture.height)
    heat_map = {} if seen.heat_map is None else {"heat_map": seen.heat_map.astype(float).round(3).tolist()}
    return Sight(findings={**kept_line(seen), **heat_map}, damage=seen.damage, measures=measures)


def look_at_video(detector: Detector, path: Path, name: str, *, frames: Captured | Chosen, key: str, buckets: Buckets) -> Sight:
    """What is in a video, by the frames that the watch wants to have looked at; captured ones are named like its key.

    Raises:
        VideoError: it cannot be read.
        BucketError: frames cannot be written where they shall go.
    """
    try:
        if isinstance(frames, Chosen):
            seen = inspect_video(detector, path, at_most=frames.at_most, limits=LONG_VIDEO_LIMITS)
        else:
            seen = _captured(detector, path, frames, key=key, buckets=buckets)
    except VideoError as problem:  # of a copy, whose path says nothing to anybody
        raise VideoError(str(problem).replace(repr(str(path)), repr(name))) from problem
    seen = replace(seen, whole=replace(seen.whole, source=name))
    lines = [replace(frame, source=name).as_json() for frame in seen.frames]
    return Sight(findings={**seen.as_json(), "frames_found": lines}, damage=seen.whole.damage)


def _captured(detector: Detector, path: Path, how: Captured, *, key: str, buckets: Buckets) -> VideoFindings:
    """Frames at a fixed interval, looked at as they are written."""
    found = []
    *folders, _ = key.split("/")
    for frame in capture_frames(
        path,
        every=how.every,
        at_most=how.at_most,
        size=(how.width, how.height),
        quality=how.quality,
        stem=Path(key).stem,
        limits=LONG_VIDEO_LIMITS,
    ):
        if how.bucket is not None:
            buckets.write(how.bucket, how.prefix + "/".join((*folders, frame.name)), frame.jpeg)
        found.append(replace(detector.inspect(frame.pixels, source=frame.name), time=frame.time))
    whole = verdict_of(found, normal=detector.card.normal, threshold=detector.threshold)
    duration = max(video_facts(path, limits=LONG_VIDEO_LIMITS).duration or 0.0, found[-1].time or 0.0)
    followed = detector.card.boxes is not None  # frames so far apart say little of a span but by their boxes
    spans = spans_of(found, normal=detector.card.normal, threshold=detector.threshold, duration=duration) if followed else ()
    return VideoFindings(frames=tuple(found), whole=whole, duration=duration, spans=spans)
