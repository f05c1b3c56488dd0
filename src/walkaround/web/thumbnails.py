"""Pictures of buckets as a browser shows them: as they are, or upright and small, kept on disk and decoded in other processes.

Nobody is asked here whether the caller may see a picture: whoever calls has found its address in what is the caller's own.
"""

from __future__ import annotations

import hashlib
import os
import queue
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from walkaround.buckets.buckets import Buckets
from walkaround.buckets.cache import Trimming
from walkaround.errors import WalkaroundError
from walkaround.media.pictures import PICTURE_LIMITS
from walkaround.media.sniff import picture_format
from walkaround.web.children import Child, write_by

SIDES = (128, 256, 512, 1024, 2048, 4096)
"""Longest sides of thumbnails in pixels: few, so that few are kept."""

_GALLERY = 256
_CACHE_BYTES = 2 << 30
_PROCESSES = 2
_SHOWN = {"JPEG": "image/jpeg", "PNG": "image/png", "WEBP": "image/webp"}
"""Formats that every browser shows, by content."""
_RULES = "1"
"""Changes when thumbnails are made otherwise."""


@dataclass(frozen=True, kw_only=True)
class ShownPicture:
    """A picture for a browser.

    Attributes:
        path: the file.
        media_type: of its content.
    """

    path: Path
    media_type: str


class Thumbnails:
    """Makes thumbnails when they are first asked for, and keeps them. Threads may share it."""

    def __init__(self, data: Path, buckets: Buckets, *, cache_bytes: int = _CACHE_BYTES) -> None:
        """Start nothing yet.

        Args:
            data: the data folder.
            buckets: where the pictures are.
            cache_bytes: that all thumbnails may have together.
        """
        self._folder, self._copies = data / "cache" / "thumbnails", data / "cache" / "pictures"
        self._buckets = buckets
        self._children = [Child("walkaround.web.thumbnail_child") for _ in range(_PROCESSES)]
        self._idle: queue.SimpleQueue[Child] = queue.SimpleQueue()
        for child in self._children:
            self._idle.put(child)
        self._trimming = Trimming(cache_bytes, copies="??/*", spared=60.0)
        self._ahead = ThreadPoolExecutor(1, thread_name_prefix="thumbnails")

    def etag(self, bucket: str, key: str, *, size: int | None) -> str:
        """What tells this content of the picture, at this size, from every other one.

        Raises:
            BucketError: it is not there.
            UnavailableError: the bucket does not answer.
        """
        told = [_RULES, bucket, key, self._buckets.info(bucket, key).etag, str(size and side_of(size))]
        return hashlib.sha256("\n".join(told).encode()).hexdigest()[:40]

    def shown(self, bucket: str, key: str, *, etag: str, size: int | None) -> ShownPicture:
        """The picture in `SIDES`' next size, or as it is where `size` is None and browsers can show it.

        Args:
            bucket: its bucket.
            key: its key there.
            etag: from `etag`, asked for the same size.
            size: pixels of the longer side.

        Raises:
            BucketError: it is not there.
            ValidationError: it is broken, or no picture.
            StorageError: the disk is full.
            UnavailableError: the bucket does not answer, or no process can be started.
        """
        if size is None:
            own = self._buckets.local(bucket, key, folder=self._copies, at_most=PICTURE_LIMITS.max_bytes)
            with own.open("rb") as file:
                kind = _SHOWN.get(picture_format(file.read(512)) or "")
            if kind is not None:
                return ShownPicture(path=own, media_type=kind)
            size = SIDES[-1]
        path = self._folder / etag[:2] / f"{etag}.jpg"
        if not _used(path):
            self._make(bucket, key, path, side_of(size))
        return ShownPicture(path=path, media_type="image/jpeg")

    def prepare(self, pictures: Iterable[tuple[str, str]]) -> None:
        """Make the gallery's thumbnails of pictures that will soon be looked at, by bucket and key, one after the other."""
        with suppress(RuntimeError):  # it was closed
            for bucket, key in pictures:
                self._ahead.submit(self._prepare, bucket, key)

    def _prepare(self, bucket: str, key: str) -> None:
        with suppress(WalkaroundError):  # whoever looks at it is told
            self.shown(bucket, key, etag=self.etag(bucket, key, size=_GALLERY), size=_GALLERY)

    def close(self) -> None:
        """End the processes."""
        self._ahead.shutdown(wait=False, cancel_futures=True)
        for child in self._children:
            child.close()

    def _make(self, bucket: str, key: str, path: Path, side: int) -> None:
        source = self._buckets.local(bucket, key, folder=self._copies, at_most=PICTURE_LIMITS.max_bytes)
        name = key.rpartition("/")[2]
        too_much = f"{name!r} takes more time or memory to decode than a picture may: save it again."
        with self._child() as child:
            write_by(child, lambda part: [str(source), str(part), side, name], path, too_much=too_much)
        self._trimming.added(self._folder, path.stat().st_size)

    @contextmanager
    def _child(self) -> Iterator[Child]:
        child = self._idle.get()
        try:
            yield child
        finally:
            self._idle.put(child)


def side_of(size: int) -> int:
    """The size in which a picture is kept that is wanted at `size` pixels."""
    return next((side for side in SIDES if side >= size), SIDES[-1])


def _used(path: Path) -> bool:
    """Whether a file is there; it counts as used."""
    with suppress(OSError):
        os.utime(path)
        return True
    return False
