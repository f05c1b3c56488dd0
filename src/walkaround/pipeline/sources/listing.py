"""Folders and buckets by listing them again and again; what has not changed costs a checksum of eight bytes, and no query.

What was announced is remembered as a checksum of key and etag, and what a new process cannot remember the database knows. A
watermark of time would be smaller, and lose things: a file that is moved into a folder keeps its time, and S3 dates an upload
in parts by its beginning.
"""

from __future__ import annotations

import errno
import os
import stat
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from itertools import islice
from pathlib import Path
from time import monotonic
from typing import Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from walkaround.buckets.buckets import Buckets
from walkaround.buckets.passed import PassedOver, why_no_file, why_odd
from walkaround.errors import BucketError
from walkaround.inspection.inputs import DRAWN_MARKER, is_other_folder
from walkaround.pipeline.arrivals import ObjectCreated

Progress = Literal["more", "later", "complete"]
"""After one look: go on at once; go on when there is room or something new; everything was looked at."""

_CHUNK = 500
_LOOK_SECONDS = 1.0
_SETTLED_SECONDS = 1.0
_DEEPEST = 50
_GONE = (errno.ENOENT, errno.ENOTDIR, errno.ESTALE)

Sums = NDArray[np.int64]
_NONE: Sums = np.zeros(0, np.int64)


class _PartlyRefusedError(BucketError):
    """Some folders could not be listed; all others were."""


class Seen(NamedTuple):
    """An object in a listing; `modified` in seconds since 1970."""

    key: str
    etag: str
    size: int
    modified: float


@dataclass
class _Round:
    """One pass over all objects, which may take many looks.

    Attributes:
        listing: what is still to come.
        known: checksums of what was found and needs nothing more.
        fresh: checksums of files that may still be written.
    """

    listing: Iterator[Seen]
    known: list[Sums] = field(default_factory=list)
    fresh: list[Sums] = field(default_factory=list)


class Listing:
    """A source that is listed. Not thread-safe: it belongs to one thread.

    Attributes:
        waiting: how many files of the last round may still be written.
        passed_over: what the last whole round passed over although somebody may have meant it, as a sentence; or nothing.
    """

    passed_over = ""

    def __init__(
        self,
        bucket: str,
        listing: Callable[[], Iterator[Seen]],
        *,
        wanted: Callable[[ObjectCreated], bool],
        room: Callable[[], int],
        settle: bool,
    ) -> None:
        """Nothing is listed yet.

        Args:
            bucket: whose objects are listed.
            listing: begins a new pass over them, in any order.
            wanted: whether one is to be announced at all.
            room: how many more may be announced.
            settle: wait until an object has not changed for a while, because it may be there before it is whole.
        """
        self._bucket, self._listing, self._wanted, self._room, self._settle = bucket, listing, wanted, room, settle
        self._known: Sums = _NONE
        self._fresh: Sums = _NONE
        self._round: _Round | None = None
        self.waiting = 0

    def forget(self) -> None:
        """Announce everything again, because other models look at it now."""
        self._known, self._round = _NONE, None

    def look(self, announce: Callable[[Sequence[ObjectCreated]], None]) -> Progress:
        """List for about a second, and announce what is new and whole.

        Args:
            announce: writes objects down that may be new; once it has returned, they are not given to it again.

        Raises:
            BucketError: the place is missing, or not permitted.
            UnavailableError: its server does not answer.
        """
        until = monotonic() + _LOOK_SECONDS
        current = self._round = self._round or _Round(self._listing())
        try:
            while chunk := list(islice(current.listing, _CHUNK)):
                if not self._take(chunk, current, announce):
                    self._end(current, complete=False)
                    return "later"
                if monotonic() >= until:
                    return "more"
        except _PartlyRefusedError:
            self._end(current, complete=True)
            raise
        except BaseException:
            self._end(current, complete=False)
            raise
        self._end(current, complete=True)
        return "complete"

    def _take(self, chunk: Sequence[Seen], current: _Round, announce: Callable[[Sequence[ObjectCreated]], None]) -> bool:
        """Work on some objects; False where there is no room for all of them."""
        sums = np.fromiter((hash((one.key, one.etag)) for one in chunk), np.int64, len(chunk))
        old = _within(sums, self._known)
        unwanted: list[int] = []
        current.known.append(sums[old])
        numbers: list[int] = []
        for number in np.flatnonzero(~old).tolist():
            (numbers if self._wanted(_created(self._bucket, chunk[number])) else unwanted).append(number)
        current.known.append(sums[unwanted])
        if self._settle:
            numbers = [number for number in numbers if chunk[number].size > 0]  # what is empty is about to be written
            whole = self._whole([chunk[number] for number in numbers], sums[numbers])
            current.fresh.append(sums[[number for number, done in zip(numbers, whole, strict=True) if not done]])
            numbers = [number for number, done in zip(numbers, whole, strict=True) if done]
        given = numbers[: self._room()] if numbers else []
        if given:
            announce([_created(self._bucket, chunk[number]) for number in given])
            current.known.append(sums[given])
        return len(given) == len(numbers)

    def _whole(self, files: Sequence[Seen], sums: Sums) -> list[bool]:
        """Which files are not being written: they are as they were in the last round, and have been for a moment."""
        present = time.time()
        before = _within(sums, self._fresh)
        return [bool(same) and abs(present - one.modified) >= _SETTLED_SECONDS for same, one in zip(before, files, strict=True)]

    def _end(self, current: _Round, *, complete: bool) -> None:
        """Remember what was found; of what was not listed this time, what was known before."""
        known, fresh = _sorted(current.known), _sorted(current.fresh)
        self._known = known if complete else np.union1d(self._known, known)
        self._fresh = fresh if complete else np.union1d(self._fresh, fresh)
        self.waiting = len(fresh)
        self._round = None


def folder_listing(folder: Path, prefix: str = "", *, tell: Callable[[str], None] = lambda _: None) -> Iterator[Seen]:
    """The files below a folder whose keys begin with `prefix`, in no order; hidden ones and links to folders are left out.

    Args:
        folder: the folder.
        prefix: of their keys.
        tell: gets a sentence on what was passed over although somebody may have meant it, at the end.

    Raises:
        BucketError: it is missing or may not be read; that a folder in it may not be read is told at the end.
    """
    root = os.path.realpath(folder)
    refused: list[str] = []
    passed = PassedOver()

    def note(key: str, why: str) -> None:
        if why and key.startswith(prefix):
            passed.note(key, why)

    try:
        os.scandir(root).close()
    except OSError as problem:
        raise _unreadable(str(folder), problem) from problem
    for one in _below(_Walk(root, refused, note), root, ""):
        if one.key.startswith(prefix):
            yield one
    tell(passed.sentence)
    if refused:
        more = f" and {len(refused) - 1:,} more" if len(refused) > 1 else ""
        raise _PartlyRefusedError(f"The folder {refused[0]!r}{more} may not be read: permit it; everything else is looked at.")


def source_of_folder(
    bucket: str, folder: Path, prefix: str, *, wanted: Callable[[ObjectCreated], bool], room: Callable[[], int]
) -> Listing:
    """A folder as a source, which is the bucket `bucket`; see `Listing`."""

    def tell(passed_over: str) -> None:
        listing.passed_over = passed_over

    listing = Listing(bucket, lambda: folder_listing(folder, prefix, tell=tell), wanted=wanted, room=room, settle=True)
    return listing


def bucket_listing(buckets: Buckets, bucket: str, prefix: str) -> Iterator[Seen]:
    """The objects of a bucket whose keys begin with `prefix`.

    Raises:
        BucketError: it is missing, not configured, or not permitted.
        UnavailableError: its server does not answer.
    """
    for one in buckets.list(bucket, prefix):
        yield Seen(one.key, one.etag.removeprefix("W/").strip('"'), one.size, one.modified.timestamp())


class _Walk(NamedTuple):
    """Where a listing began, the folders that may not be read, and who is told of what is passed over."""

    root: str
    refused: list[str]
    note: Callable[[str, str], None]


def _below(walk: _Walk, folder: str, base: str) -> Iterator[Seen]:
    try:
        entries = os.scandir(folder)
    except OSError as problem:
        if problem.errno not in _GONE:
            walk.refused.append(folder)
        return
    with entries:
        if base and (base.count("/") > _DEEPEST or Path(folder, DRAWN_MARKER).exists()):
            return
        for entry in entries:
            if entry.name.startswith("."):
                continue
            plain = entry.name.isprintable() and "\\" not in entry.name  # a quick way to know it for most
            if not plain and (why := why_odd(entry.name)):
                walk.note(base + entry.name, why)
                continue
            with suppress(OSError):  # it went away meanwhile
                if entry.is_dir(follow_symlinks=False):
                    if not is_other_folder(entry.name):
                        yield from _below(walk, entry.path, f"{base}{entry.name}/")
                    continue
                status = _status(walk.root, entry)
                if status is None:
                    walk.note(base + entry.name, why_no_file(walk.root, entry.path))
                else:
                    # As buckets make the etag of a file, so that what is fetched is known to be what was announced.
                    etag = f"{status.st_mtime_ns:x}-{status.st_size:x}"
                    yield Seen(base + entry.name, etag, status.st_size, status.st_mtime)


def _status(root: str, entry: os.DirEntry[str]) -> os.stat_result | None:
    """Of a plain file, or of one in the same folder that a link leads to."""
    if entry.is_symlink() and not os.path.realpath(entry.path).startswith(root.rstrip("/") + "/"):
        return None
    try:
        status = entry.stat()
    except FileNotFoundError:
        if entry.is_symlink():
            return None
        raise
    return status if stat.S_ISREG(status.st_mode) else None


def _unreadable(folder: str, problem: OSError) -> BucketError:
    if problem.errno in _GONE:
        return BucketError(f"There is no folder {folder!r}: make it, or correct the watch.")
    return BucketError(f"The folder {folder!r} may not be read ({problem.strerror}): permit it, or correct the watch.")


def _created(bucket: str, seen: Seen) -> ObjectCreated:
    happened = datetime.fromtimestamp(min(max(seen.modified, 0.0), time.time()), tz=UTC)
    return ObjectCreated(bucket=bucket, key=seen.key, etag=seen.etag, size=seen.size, happened=happened)


def _within(sums: Sums, among: Sums) -> NDArray[np.bool_]:
    """Which of the checksums are in a sorted array."""
    if not len(among):
        return np.zeros(len(sums), bool)
    places = np.minimum(np.searchsorted(among, sums), len(among) - 1)
    found: NDArray[np.bool_] = among[places] == sums
    return found


def _sorted(parts: Iterable[Sums]) -> Sums:
    """All of them in one array, in order."""
    found = np.concatenate([_NONE, *parts])
    found.sort()
    return found
