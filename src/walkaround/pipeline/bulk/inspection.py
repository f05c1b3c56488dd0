"""Objects of a shard become rows: fetched ahead by who writes them, decoded and looked at in a process apart."""

from __future__ import annotations

import json
import tempfile
import time
from collections.abc import Callable, Generator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TypeVar

from walkaround.buckets.buckets import Buckets
from walkaround.buckets.names import Fetched, bare_etag
from walkaround.damage.findings import Findings
from walkaround.errors import InputError, PictureError, UnavailableError, VideoError, WalkaroundError
from walkaround.inspection.detector import Detector, in_order
from walkaround.inspection.results import VideoFindings
from walkaround.inspection.video import inspect_video
from walkaround.media.containers import VIDEO_LIMITS
from walkaround.media.pictures import PictureLimits, read_picture
from walkaround.media.sniff import media_kind, picture_format
from walkaround.models.package import CARD_FILE, MODEL_FILE, Package, read_package
from walkaround.pipeline.bulk.places import Place, Reach
from walkaround.pipeline.bulk.rows import Answer, Listed, row_at
from walkaround.pipeline.limits import Limits

Out = TypeVar("Out")
Content = bytes | InputError | None
"""Of an object; None for one that is to be fetched into a file when its turn comes."""

_FETCHES = 4  # at the same time at least, so that the network is never waited for
_HEAD = 512
_MOST_STALLS = 3
_VIDEO_SUFFIXES = (".mp4", ".mov", ".mkv", ".avi", ".webm", ".m4v")
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
        limits: how long.
    """

    model: bytes
    card: bytes
    reach: Reach
    source: Place
    target: Place
    threads: int
    limits: Limits

    def __repr__(self) -> str:
        """Its size alone."""
        return f"Equipment({len(self.model):,} bytes)"

    def detector(self) -> Detector:
        """The detector, from the package unpacked for a moment."""
        with tempfile.TemporaryDirectory(prefix="walkaround-") as folder:
            (Path(folder) / MODEL_FILE).write_bytes(self.model)
            (Path(folder) / CARD_FILE).write_bytes(self.card)
            return Detector(read_package(folder), threads=self.threads)


def equipment(package: Package, *, reach: Reach, source: Place, target: Place, threads: int, limits: Limits) -> Equipment:
    """Everything that a worker needs, packed."""
    model, card = package.model.read_bytes(), (package.path / CARD_FILE).read_bytes()
    return Equipment(model=model, card=card, reach=reach, source=source, target=target, threads=threads, limits=limits)


class Fetching:
    """Objects with their contents, ahead of whoever asks. Thread-safe."""

    def __init__(self, equipment: Equipment) -> None:
        """Nothing is fetched yet."""
        self._place, self._threads, self._limits = equipment.source, equipment.threads, equipment.limits
        self._buckets = equipment.reach.buckets(equipment.source)

    def fetched(self, items: Sequence[Listed]) -> Generator[tuple[Listed, Content], None, None]:
        """Each object with its content, in their order.

        Raises:
            UnavailableError: the bucket's server does not answer, and was waited for.
        """
        yield from in_order(lambda item: (item, self._fetch(item)), items, threads=max(_FETCHES, self._threads))

    def _fetch(self, item: Listed) -> Content:
        if item.size > PictureLimits().max_bytes or Path(item.key).suffix.casefold() in _VIDEO_SUFFIXES:
            return None
        most, nowhere = (
            PictureLimits().max_bytes,
            Path(tempfile.gettempdir()),
        )  # what is small enough to be a picture comes without a copy
        try:
            found = fetched_as_listed(self._buckets, self._place, item, folder=nowhere, most=most, limits=self._limits)
            return found if isinstance(found, bytes) else found.read_bytes()
        except OSError as problem:
            return InputError(f"Cannot read {self._place.source(item.key)!r}: {problem.strerror}; check the file.")
        except InputError as problem:
            return problem


def fetched_as_listed(buckets: Buckets, place: Place, item: Listed, *, folder: Path, most: int, limits: Limits) -> bytes | Path:
    """The content of an object, which is what the plan says; a file where it lies in one, or is too large for a picture.

    Args:
        buckets: where it is.
        place: what the object is in.
        item: the object as it was listed.
        folder: where a copy goes.
        most: bytes that it may have.
        limits: how long it may take to come.

    Raises:
        InputError: it was changed since, or cannot be read.
        UnavailableError: the bucket's server does not answer, and was waited for.
    """
    name, in_memory = place.source(item.key), PictureLimits().max_bytes

    def fetch() -> Fetched:
        within = limits.of_size
        return buckets.fetch(place.bucket, item.key, at_most=most, in_memory=in_memory, folder=folder, within=within)

    try:
        found = patiently(fetch, name=name, answers=lambda: buckets.check(place.bucket))
    except InputError as problem:
        raise type(problem)(place.readable(str(problem))) from problem
    if found.info.size != item.size or bare_etag(found.info.etag) != bare_etag(item.etag):
        raise InputError(f"{name!r} changed after it was listed: begin another run for it.")
    return found.content


class Inspection:
    """One detector and the bucket that the pictures are in. Thread-safe."""

    def __init__(self, equipment: Equipment) -> None:
        """Load the model.

        Raises:
            PackageError: it cannot be loaded.
        """
        self._detector = equipment.detector()
        self._place, self._limits = equipment.source, equipment.limits
        self._buckets = equipment.reach.buckets(equipment.source)

    def row(self, item: Listed, content: Content) -> dict[str, object]:
        """The row of one object.

        Raises:
            UnavailableError: the bucket's server does not answer, and was waited for.
        """
        try:
            answer = self._answer(item, content)
        except (WalkaroundError, OSError):  # of the bucket or of the disk
            raise
        except Exception as problem:  # noqa: BLE001 - a fault of ours in one picture must not hold up the others
            answer = InputError(
                f"{self._place.source(item.key)!r} could not be inspected ({type(problem).__name__}: {problem}): report it,"
                " with the file."
            )
        return row_at(self._place, item, answer)

    def _answer(self, item: Listed, content: Content) -> Answer:
        source = self._place.source(item.key)
        if isinstance(content, InputError):
            return content
        if content is None:
            return self._from_file(item, source)
        if may_be_video(content) and _is_video(content):
            with tempfile.TemporaryDirectory(prefix="walkaround-") as folder:
                path = Path(folder) / "video"
                path.write_bytes(content)
                return self._video(path, source)
        return self._picture(content, source)

    def _picture(self, content: bytes | Path, source: str) -> Findings | PictureError:
        try:
            picture = read_picture(content, name=source, side=self._detector.side)
        except PictureError as problem:
            return problem
        return self._detector.inspect(picture.pixels, source=source, size=(picture.width, picture.height))

    def _from_file(self, item: Listed, source: str) -> Answer:
        """What is in an object that may be a video or is too large to be held in memory."""
        bucket, limit = self._place.bucket, PictureLimits().max_bytes
        try:
            beginning = patiently(
                lambda: self._buckets.start(bucket, item.key, length=_HEAD),
                name=source,
                answers=lambda: self._buckets.check(bucket),
            )
            video = _is_video(beginning)
            most = VIDEO_LIMITS.max_bytes if video else limit
            with tempfile.TemporaryDirectory(prefix="walkaround-") as folder:
                found = fetched_as_listed(self._buckets, self._place, item, folder=Path(folder), most=most, limits=self._limits)
                if not video:
                    return self._picture(found, source)
                if isinstance(found, bytes):
                    path = Path(folder) / "video"
                    path.write_bytes(found)
                    found = path
                return self._video(found, source)
        except InputError as problem:
            return type(problem)(self._place.readable(str(problem)))

    def _video(self, path: Path, source: str) -> VideoFindings | VideoError:
        try:
            found = inspect_video(self._detector, path)
        except VideoError as problem:
            return VideoError(str(problem).replace(str(path), source))
        missing = found.incomplete
        return found if missing is None else replace(found, incomplete=missing.replace(str(path), source))


def may_be_video(content: bytes) -> bool:
    """Whether it is no picture, by its beginning; what is damaged may be neither."""
    return picture_format(content[:_HEAD]) is None


def patiently(work: Callable[[], Out], *, name: str = "", answers: Callable[[], object] | None = None) -> Out:
    """`work`, again after pauses while a bucket's server does not answer.

    Args:
        work: reads or writes one object.
        name: of the object.
        answers: asks the bucket for nothing in particular. Where that succeeds time and again while `work` does not, the fault
            is the object's; None: it never is.

    Raises:
        InputError: the object does not come, although its bucket answers.
        UnavailableError: the server does not answer for long.
    """
    stalls = 0
    for pause in _PAUSES:
        try:
            return work()
        except UnavailableError as problem:
            if answers is not None and _succeeds(answers):
                stalls += 1
                if stalls >= _MOST_STALLS:
                    raise InputError(
                        f"{name!r} does not come, while its bucket answers: put it there again, or look at its server."
                        f" ({problem})"
                    ) from problem
            time.sleep(pause)
    return work()


def _succeeds(work: Callable[[], object]) -> bool:
    try:
        work()
    except WalkaroundError:
        return False
    return True


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
