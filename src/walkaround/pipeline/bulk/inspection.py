"""Objects of a shard become rows: fetched ahead, decoded and looked at on several threads."""

from __future__ import annotations

import json
import tempfile
import time
from collections.abc import Callable, Generator, Sequence
from contextlib import closing
from dataclasses import dataclass, replace
from pathlib import Path
from threading import Lock
from typing import TypeVar

from walkaround.damage.findings import Findings
from walkaround.errors import BucketError, InputError, PictureError, UnavailableError, VideoError
from walkaround.inspection.detector import Detector, in_order
from walkaround.inspection.results import VideoFindings
from walkaround.inspection.video import inspect_video
from walkaround.media.containers import VIDEO_LIMITS
from walkaround.media.pictures import PictureLimits, read_picture
from walkaround.media.sniff import media_kind, picture_format
from walkaround.models.package import CARD_FILE, MODEL_FILE, Package, read_package
from walkaround.pipeline.bulk.places import Place, Reach
from walkaround.pipeline.bulk.rows import Answer, Listed, row_of

Out = TypeVar("Out")
Content = bytes | InputError | None
"""Of an object; None for one that is to be fetched into a file when its turn comes."""

_FETCHES = 4  # at the same time at least, so that the network is never waited for
_HEAD = 512
_PAUSES = (1.0, 2.0, 5.0, 10.0, 20.0)
"""Seconds between attempts to reach a bucket's server; then the run stops, and nothing is written of the shard."""


@dataclass(frozen=True, kw_only=True)
class Equipment:
    """What a worker needs, wherever it runs. It holds keys: it is handed over, and never shown.

    Attributes:
        model, card: the two files of the package.
        reach: how buckets are reached.
        source, target: where pictures come from and results go to.
        threads: pictures that are worked on at the same time.
    """

    model: bytes
    card: bytes
    reach: Reach
    source: Place
    target: Place
    threads: int

    def __repr__(self) -> str:
        """Its size alone."""
        return f"Equipment({len(self.model):,} bytes)"

    def detector(self) -> Detector:
        """The detector, from the package unpacked for a moment."""
        with tempfile.TemporaryDirectory(prefix="walkaround-") as folder:
            (Path(folder) / MODEL_FILE).write_bytes(self.model)
            (Path(folder) / CARD_FILE).write_bytes(self.card)
            return Detector(read_package(folder), threads=self.threads)


def equipment(package: Package, *, reach: Reach, source: Place, target: Place, threads: int) -> Equipment:
    """Everything that a worker needs, packed."""
    model, card = package.model.read_bytes(), (package.path / CARD_FILE).read_bytes()
    return Equipment(model=model, card=card, reach=reach, source=source, target=target, threads=threads)


class Inspection:
    """One detector and the bucket that the pictures are in. Thread-safe."""

    def __init__(self, equipment: Equipment) -> None:
        """Load the model.

        Raises:
            PackageError: it cannot be loaded.
        """
        self._detector = equipment.detector()
        self._place = equipment.source
        self._buckets = equipment.reach.buckets(equipment.source)
        self._one_video = Lock()  # it uses all threads by itself

    def rows(self, items: Sequence[Listed]) -> Generator[dict[str, object], None, None]:
        """A row for each object, in their order.

        Raises:
            UnavailableError: the bucket's server does not answer, and was waited for.
        """
        threads = self._detector.threads
        with closing(self.fetched(items)) as fetched:
            yield from in_order(lambda pair: self.row(*pair), fetched, threads=threads)

    def fetched(self, items: Sequence[Listed]) -> Generator[tuple[Listed, Content], None, None]:
        """Each object with its content, ahead of whoever asks."""
        threads = max(_FETCHES, self._detector.threads)
        yield from in_order(lambda item: (item, self._fetch(item)), items, threads=threads)

    def row(self, item: Listed, content: Content) -> dict[str, object]:
        """The row of one object."""
        bucket = None if self._place.folder is not None else self._place.bucket
        return row_of(item, self._answer(item, content), source=self._place.source(item.key), bucket=bucket)

    def _fetch(self, item: Listed) -> Content:
        if item.size > PictureLimits().max_bytes or Path(item.key).suffix.casefold() in (".mp4", ".mov", ".mkv", ".avi"):
            return None
        try:
            content = patiently(lambda: self._buckets.read(self._place.bucket, item.key, at_most=PictureLimits().max_bytes))
        except BucketError as problem:
            return type(problem)(self._place.readable(str(problem)))
        if len(content) == item.size:
            return content
        return InputError(f"{self._place.source(item.key)!r} changed after it was listed: begin another run for it.")

    def _answer(self, item: Listed, content: Content) -> Answer:
        source = self._place.source(item.key)
        if isinstance(content, InputError):
            return content
        if content is None:
            return self._from_file(item, source)
        if picture_format(content[:_HEAD]) is None and _is_video(content):
            with tempfile.TemporaryDirectory(prefix="walkaround-") as folder:
                path = Path(folder) / "video"
                path.write_bytes(content)
                return self._video(path, source)
        return self._picture(content, source)

    def _picture(self, content: bytes, source: str) -> Findings | PictureError:
        try:
            picture = read_picture(content, name=source, side=self._detector.side)
        except PictureError as problem:
            return problem
        return self._detector.inspect(picture.pixels, source=source, size=(picture.width, picture.height))

    def _from_file(self, item: Listed, source: str) -> Answer:
        """What is in an object that may be a video or is too large to be held in memory."""
        bucket = self._place.bucket
        try:
            if not _is_video(patiently(lambda: self._buckets.start(bucket, item.key, length=_HEAD))):
                limit = PictureLimits().max_bytes
                return self._picture(patiently(lambda: self._buckets.read(bucket, item.key, at_most=limit)), source)
            with self._one_video, tempfile.TemporaryDirectory(prefix="walkaround-") as folder:
                most = VIDEO_LIMITS.max_bytes
                path = patiently(lambda: self._buckets.local(bucket, item.key, folder=Path(folder), at_most=most))
                return self._video(path, source)
        except BucketError as problem:
            return type(problem)(self._place.readable(str(problem)))

    def _video(self, path: Path, source: str) -> VideoFindings | VideoError:
        try:
            found = inspect_video(self._detector, path)
        except VideoError as problem:
            return VideoError(str(problem).replace(str(path), source))
        missing = found.incomplete
        return found if missing is None else replace(found, incomplete=missing.replace(str(path), source))


def patiently(work: Callable[[], Out]) -> Out:
    """`work`, again after pauses while a bucket's server does not answer.

    Raises:
        UnavailableError: it does not answer for long.
    """
    for pause in _PAUSES:
        try:
            return work()
        except UnavailableError:
            time.sleep(pause)
    return work()


def _is_video(content: bytes) -> bool:
    with tempfile.NamedTemporaryFile(prefix="walkaround-") as file:
        file.write(content[:_HEAD])
        file.flush()
        return media_kind(Path(file.name)) == "video"


def not_permitted(rows: Sequence[dict[str, object]]) -> str | None:
    """The sentence to stop with when nothing of a shard may be read, as when keys have run out; such rows are no results."""
    errors = [str(row["error"] or "") for row in rows]
    return errors[0] if all(" is not permitted " in error or " may not be read: " in error for error in errors) else None


def counts_of(rows: Sequence[dict[str, object]]) -> dict[str, object]:
    """What a shard's marker counts."""
    labels: dict[str, int] = {}
    for row in rows:
        if row["label"] is not None:
            labels[str(row["label"])] = labels.get(str(row["label"]), 0) + 1
    return {
        "rows": len(rows),
        "pictures": sum(row["kind"] == "picture" for row in rows),
        "videos": sum(row["kind"] == "video" for row in rows),
        "anomalous": sum(row["anomalous"] is True for row in rows),
        "failed": sum(row["anomalous"] is None for row in rows),
        "incomplete": sum(row["anomalous"] is not None and row["error"] is not None for row in rows),
        "labels": json.loads(json.dumps(labels, sort_keys=True)),
    }
