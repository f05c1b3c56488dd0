"""From the text that a table or manifest names a picture by to a file on this machine."""

from __future__ import annotations

import posixpath
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

from walkaround.buckets.buckets import Buckets
from walkaround.buckets.names import split_address
from walkaround.datasets.faults import LineError, shown
from walkaround.datasets.formats.marks import Drawn
from walkaround.datasets.sample import Split
from walkaround.errors import BucketError
from walkaround.media.pictures import PictureLimits

Progress = Callable[[int, int], None]
"""Called with (pictures done, pictures in all)."""

_S3 = "s3://"
_THREADS = 8
"""Requests at once: a picture is mostly waited for."""


@dataclass(frozen=True)
class BucketPath:
    """An object, or what a folder would be, in a bucket."""

    bucket: str
    key: str

    def joinpath(self, *parts: str) -> BucketPath:
        """The path below this one."""
        return BucketPath(self.bucket, "/".join([self.key, *parts] if self.key else parts))

    @property
    def parent(self) -> BucketPath:
        """The path around this one."""
        return BucketPath(self.bucket, self.key.rpartition("/")[0])

    def __str__(self) -> str:
        return f"{_S3}{self.bucket}/{self.key}"


@dataclass(frozen=True, kw_only=True)
class Row:
    """One picture as a folder, table or manifest names it.

    Attributes:
        reference: a path that is known to be there, or whatever a listing has in the place for one.
        label: the class name, None for a picture that nobody labelled.
        split: the part that the dataset itself puts the picture in.
        where: the line that names the picture.
        drawn: the places on it; None where nobody was asked to draw.
        also: the further class names of a picture that shows several.
    """

    reference: object
    label: str | None
    split: Split | None = None
    where: str = ""
    drawn: Drawn | None = None
    also: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class References:
    """Where the pictures of one folder, table or manifest are looked for.

    Attributes:
        folder: what relative paths are relative to; also tried for the keys of a bucket that is not mapped.
        buckets: where buckets are.
        cache: folder for copies of pictures in buckets.
    """

    folder: Path | BucketPath
    buckets: Buckets
    cache: Path
    _copies: dict[BucketPath, Path | LineError] = field(default_factory=dict)

    def fetch(self, references: Iterable[object], progress: Progress | None) -> None:
        """Make copies of all pictures in buckets, several at once, so that `file` need not wait for each.

        Raises:
            UnavailableError: a bucket does not answer.
            StorageError: there is no room for a copy.
        """
        wanted = list(dict.fromkeys(path for path in map(self._path_if_any, references) if isinstance(path, BucketPath)))
        pool = ThreadPoolExecutor(_THREADS)
        try:
            for done, (path, copy) in enumerate(zip(wanted, pool.map(self._copy, wanted), strict=True), start=1):
                self._copies[path] = copy
                if progress is not None:
                    progress(done, len(wanted))
        finally:
            pool.shutdown(cancel_futures=True)  # an interrupted reading ends at once

    def file(self, reference: object) -> Path:
        """The file that `reference` (a path, absolute or relative, or s3://bucket/key) stands for.

        Raises:
            LineError: it is no text, or there is no such picture.
        """
        path = self._path(reference)
        if isinstance(path, Path):
            return path
        copy = self._copies.get(path) or self._copy(path)
        if isinstance(copy, LineError):
            raise copy
        return copy

    def _path_if_any(self, reference: object) -> Path | BucketPath | None:
        if not isinstance(reference, (str, BucketPath)):
            return None
        if isinstance(self.folder, Path) and isinstance(reference, str) and not reference.strip().startswith(_S3):
            return None  # a file: `file` will look for it, once
        try:
            return self._path(reference)
        except LineError:
            return None

    def _copy(self, path: BucketPath) -> Path | LineError:
        try:
            return self.buckets.local(path.bucket, path.key, folder=self.cache, at_most=PictureLimits().max_bytes)
        except BucketError as error:
            return LineError("missing-object", str(error).rstrip("."))

    def _path(self, reference: object) -> Path | BucketPath:
        if isinstance(reference, (Path, BucketPath)):
            return reference
        if not isinstance(reference, str) or not reference.strip():
            raise LineError("bad-line", f"it names no picture but {shown(reference)}")
        reference = reference.strip()
        if reference.startswith(_S3):
            return self._path_of_address(reference)
        if "://" in reference:
            raise LineError("missing-file", f"{shown(reference)} is an address, not a file on this machine")
        if isinstance(self.folder, BucketPath):
            return self._beside(self.folder, reference)
        path = self.folder / reference
        if not is_plain_file(path) and "\\" in reference:  # tables made on Windows
            path = self.folder / reference.replace("\\", "/")
        if is_plain_file(path):
            return path
        raise LineError("missing-file", f"{shown(reference)} {_why_no_file(path)}")

    def _beside(self, folder: BucketPath, reference: str) -> BucketPath:
        """What a listing in a bucket names relative to itself; such a listing names no files of this machine."""
        key = posixpath.normpath(posixpath.join(folder.key, reference.replace("\\", "/")))
        if reference.startswith(("/", "\\")) or key.split("/")[0] in ("..", "."):
            raise LineError("bad-line", f"{shown(reference)} leads out of the bucket {shown(folder.bucket)}")
        return BucketPath(folder.bucket, key)

    def _path_of_address(self, reference: str) -> Path | BucketPath:
        try:
            bucket, key = split_address(reference)
        except BucketError:
            bucket, key = "", ""
        if not key or any(part in ("", "..") for part in key.split("/")):
            raise LineError("bad-line", f"{shown(reference)} is not s3://bucket/key")
        if self.buckets.mapped(bucket) or isinstance(self.folder, BucketPath):
            return BucketPath(bucket, key)
        for path in (self.folder / bucket / key, self.folder / key):
            if is_plain_file(path):
                return path
        if self.buckets.others:
            return BucketPath(bucket, key)
        raise LineError("unmapped-bucket", f"{shown(reference)} is not on this machine", _plain(bucket))


def _plain(bucket: str) -> str:
    return bucket if bucket.isprintable() and len(bucket) <= 63 else "NAME"


def is_plain_file(path: Path) -> bool:
    """Whether a name from outside is that of a file on this machine."""
    try:
        return path.is_file()
    except (OSError, ValueError):  # a name too long for the disk, a NUL, half a character: no file has such a name
        return False


def _why_no_file(path: Path) -> str:
    try:
        if path.is_dir():
            return "is a folder"
        return "is not a plain file" if path.exists() else "does not exist"
    except (OSError, ValueError):
        return "cannot be the name of a file"
