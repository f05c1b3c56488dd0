"""One arrival, from its address to what is found: fetched, told apart by content, and looked at by its model."""

from __future__ import annotations

import secrets
import threading
from collections import OrderedDict
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from time import monotonic
from typing import Any

from sqlalchemy import select

from walkaround.buckets.buckets import Buckets
from walkaround.buckets.names import Fetched
from walkaround.errors import BucketError, InputError, PackageError, VideoError, writing
from walkaround.inspection.capture import capture_frames
from walkaround.inspection.detector import Detector
from walkaround.inspection.masks import kept_line
from walkaround.inspection.results import VideoFindings
from walkaround.inspection.spans import spans_of
from walkaround.inspection.video import inspect_video, verdict_of
from walkaround.media.containers import LONG_VIDEO_LIMITS
from walkaround.media.pictures import PICTURE_LIMITS, read_picture
from walkaround.media.properties import measures_of
from walkaround.media.sniff import content_kind, media_kind
from walkaround.media.videos import video_facts
from walkaround.pipeline.spec import Captured, Chosen, WatchSpec
from walkaround.settings import Settings
from walkaround.store.database import Database
from walkaround.store.pipeline import Arrival
from walkaround.store.tables import Model

_IN_MEMORY = 8 << 20
"""Bytes. Larger objects are looked at as files, so that what is in flight stays small."""
_MODELS_KEPT = 4
THRESHOLD_SECONDS = 1.0
"""After which the threshold of a model is looked up again."""
VIDEO_SUFFIXES = (".mp4", ".mov", ".mkv", ".webm", ".avi", ".m4v", ".mpg", ".mpeg", ".ts", ".3gp", ".wmv", ".flv")
"""Probably videos. What something is, its content tells; by this alone, videos are not fetched before their time."""


class ChangedError(BucketError):
    """The object is not any more what the event told of; what it is now arrives by itself."""


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


class Models:
    """Detectors by project and version, the last used few kept open. Thread-safe."""

    def __init__(self, database: Database, settings: Settings) -> None:
        """Nothing is loaded yet."""
        self._database, self._data = database, settings.data
        self._kept: OrderedDict[tuple[int, int], Detector] = OrderedDict()
        self._thresholds: dict[tuple[int, int], tuple[float, float | None]] = {}
        self._lock = threading.Lock()

    def detector(self, project_id: int, version: int) -> Detector:
        """The model, ready to answer by the threshold that counts for it.

        Raises:
            PackageError: it was deleted, or its package is missing or damaged.
            UnavailableError: the database does not answer.
        """
        with self._lock:  # loading takes a fraction of a second, and nobody else wants another one
            kept = self._kept.get((project_id, version))
            if kept is None:
                kept = self._kept[project_id, version] = Detector(self._package(project_id, version))
                if len(self._kept) > _MODELS_KEPT:
                    self._kept.popitem(last=False)
            self._kept.move_to_end((project_id, version))
            threshold = self._threshold(project_id, version)
            return kept if threshold is None else kept.at_threshold(threshold)

    def _threshold(self, project_id: int, version: int) -> float | None:
        """The threshold that a person adopted, as it was a second ago or later; None: the package's own."""
        known = self._thresholds.get((project_id, version))
        if known is None or monotonic() - known[0] > THRESHOLD_SECONDS:
            with self._database.reading() as session:
                threshold = session.scalar(select(Model.threshold).filter_by(project_id=project_id, version=version))
            known = self._thresholds[project_id, version] = monotonic(), threshold
        return known[1]

    def _package(self, project_id: int, version: int) -> Path:
        with self._database.reading() as session:
            package = session.scalar(select(Model.package).filter_by(project_id=project_id, version=version))
        if package is None:
            raise PackageError(f"The model's version {version} is not there any more: train it again, or change the watch.")
        return self._data / package


@contextmanager
def fetched(arrival: Arrival, buckets: Buckets, folder: Path) -> Iterator[Fetched]:
    """What has arrived, for as long as it is looked at.

    Raises:
        ChangedError: there is something else now.
        BucketError: it is gone, too large, or not permitted.
        UnavailableError: the bucket does not answer.
    """
    found = buckets.fetch(
        arrival.bucket,
        arrival.key,
        version=arrival.version,
        at_most=LONG_VIDEO_LIMITS.max_bytes,
        in_memory=_IN_MEMORY,
        folder=folder,
    )
    try:
        if arrival.version is None and arrival.etag and bare_etag(found.info.etag) != bare_etag(arrival.etag):
            raise ChangedError(
                f"The object {arrival.key!r} was replaced before it was looked at: its present content arrives by itself."
            )
        yield found
    finally:
        if found.temporary and isinstance(found.content, Path):
            found.content.unlink(missing_ok=True)


def bare_etag(etag: str) -> str:
    """An etag without the quotes of HTTP, which events leave out."""
    return etag.removeprefix("W/").strip('"')


@contextmanager
def as_file(found: Fetched, folder: Path) -> Iterator[Path]:
    """The content as a file; videos are read from files only.

    Raises:
        StorageError: the disk is full.
    """
    if isinstance(found.content, Path):
        yield found.content
        return
    copy = folder / secrets.token_hex(16)
    try:
        with writing(copy):
            folder.mkdir(parents=True, exist_ok=True)
            copy.write_bytes(found.content)
        yield copy
    finally:
        copy.unlink(missing_ok=True)


def kind_of(found: Fetched, name: str) -> str:
    """Whether it is a picture or a video, by content.

    Raises:
        InputError: it is neither.
    """
    kind = media_kind(found.content) if isinstance(found.content, Path) else content_kind(found.content)
    if kind is None:
        what = "is neither a picture nor a video; put JPEG, PNG, WebP, HEIC, MP4, MOV or MKV there"
        raise InputError(f"{name!r} {what if found.info.size else 'is empty; put it there again'}.")
    return kind


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


def look_at_video(detector: Detector, path: Path, name: str, *, spec: WatchSpec, arrival: Arrival, buckets: Buckets) -> Sight:
    """What is in a video, by the frames that the watch wants to have looked at.

    Raises:
        VideoError: it cannot be read.
        BucketError: frames cannot be written where they shall go.
    """
    try:
        if isinstance(spec.frames, Chosen):
            seen = inspect_video(detector, path, at_most=spec.frames.at_most, limits=LONG_VIDEO_LIMITS)
        else:
            seen = _captured(detector, path, spec.frames, arrival=arrival, buckets=buckets)
    except VideoError as problem:  # of a copy, whose path says nothing to anybody
        raise VideoError(str(problem).replace(repr(str(path)), repr(name))) from problem
    seen = replace(seen, whole=replace(seen.whole, source=name))
    frames = [replace(frame, source=name).as_json() for frame in seen.frames]
    return Sight(findings={**seen.as_json(), "frames_found": frames}, damage=seen.whole.damage)


def _captured(detector: Detector, path: Path, how: Captured, *, arrival: Arrival, buckets: Buckets) -> VideoFindings:
    """Frames at a fixed interval, looked at as they are written."""
    found = []
    *folders, _ = arrival.key.split("/")
    for frame in capture_frames(
        path,
        every=how.every,
        at_most=how.at_most,
        size=(how.width, how.height),
        quality=how.quality,
        stem=Path(arrival.key).stem,
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
