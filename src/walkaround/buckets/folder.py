"""A folder as a bucket: no key reaches a file outside of it, whatever links lie in it and whoever changes them meanwhile.

A path is opened from the folder down, one part at a time, following no links. Where there is a link on the way, the path is
resolved, must lie in the folder, and is opened in the same way: what became a link in the meantime is refused.
"""

from __future__ import annotations

import errno
import os
import secrets
import stat
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from walkaround.buckets.names import Fetched, ImpossibleKeyError, NotExclusiveError, ObjectInfo, address
from walkaround.buckets.passed import PassedOver, why_no_file, why_odd
from walkaround.buckets.walked import Walked
from walkaround.errors import BucketError, StorageError, writing

_NO_NAME = frozenset({errno.ENAMETOOLONG, errno.EINVAL, errno.EILSEQ})
"""Of a name that the disk never takes: too long, with a colon on FAT, or with what is no text to it."""
_NO_LINKS = frozenset({errno.EPERM, errno.ENOTSUP, errno.EOPNOTSUPP, errno.ENOSYS})
_UNFINISHED = ".walkaround-unfinished-"
_DEEPEST = 64
_DIRECTORY = os.O_RDONLY | getattr(os, "O_DIRECTORY", 0) | getattr(os, "O_NOFOLLOW", 0)
_FILE = os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0)


@dataclass(frozen=True)
class Folder:
    """A bucket whose objects are the files below `root`, itself possibly a link."""

    bucket: str
    root: Path

    @property
    def identity(self) -> str:
        """Tells this place from every other."""
        return self.root.absolute().as_uri()

    def check(self) -> None:
        """Raise BucketError unless the folder is there and can be read."""
        with self._refusals(""):
            os.close(self._open_root())

    def info(self, key: str) -> ObjectInfo:
        """What a listing would say of an object."""
        with self._opened(key) as file:
            return _info(key, os.fstat(file))

    def size(self, key: str) -> int:
        """Bytes of an object."""
        with self._opened(key) as file:
            return os.fstat(file).st_size

    def read(self, key: str, *, version: str | None, at_most: int) -> bytes:
        """The content of an object of at most `at_most` bytes."""
        self._refuse_version(key, version)
        with self._opened(key) as file, os.fdopen(os.dup(file), "rb") as content:
            found = content.read(at_most + 1)
        if len(found) > at_most:
            raise too_large(self.bucket, key, at_most)
        return found

    def start(self, key: str, length: int) -> bytes:
        """The first bytes of an object."""
        with self._opened(key) as file, os.fdopen(os.dup(file), "rb") as content:
            return content.read(length)

    def local(self, key: str, *, version: str | None, at_most: int) -> Path:
        """The path of the object's own file, without links."""
        self._refuse_version(key, version)
        with self._opened(key) as file:
            if os.fstat(file).st_size > at_most:
                raise too_large(self.bucket, key, at_most)
        return self._resolved(key)

    def fetch(self, key: str, *, version: str | None, at_most: int) -> Fetched:
        """The object's own file."""
        self._refuse_version(key, version)
        with self._opened(key) as file:
            info = _info(key, os.fstat(file))
        if info.size > at_most:
            raise too_large(self.bucket, key, at_most)
        return Fetched(info=info, content=self._resolved(key))

    def write(self, key: str, content: bytes) -> None:
        """Put an object there; whoever reads sees the old content or the new, also after a power cut."""
        self._write(key, content, replace=True)

    def create(self, key: str, content: bytes) -> bool:
        """Put an object there, whole, unless there is one; whether it was put."""
        return self._write(key, content, replace=False)

    def _write(self, key: str, content: bytes, *, replace: bool) -> bool:
        self.check()
        with self._refusals(key):
            *folders, name = self._resolved(key).relative_to(self._root()).parts
            try:
                with writing(f"s3://{self.bucket}/{key}"), self._folder(folders, make=True) as parent:
                    return _write_atomically(parent, name, content, replace=replace)
            except StorageError as problem:
                cause = problem.__cause__
                # Without a name it is of another call, such as one that flushes to the disk.
                if isinstance(cause, OSError) and cause.errno in _NO_NAME and cause.filename is not None:
                    raise ImpossibleKeyError(
                        f"{address(self.bucket, key)} is refused by its disk for its name ({cause.strerror}):"
                        " shorten or change it."
                    ) from problem
                raise

    def remove(self, key: str) -> None:
        """Take an object away; one that is not there is no fault."""
        *folders, name = key.split("/")
        with self._refusals(key), suppress(FileNotFoundError), self._folder(folders) as parent:
            os.unlink(name, dir_fd=parent)

    def list(self, prefix: str, *, passed: PassedOver | None = None, at_most: int | None = None) -> Iterator[ObjectInfo]:
        """The objects whose keys begin with `prefix`, in the order of their keys; files that are no objects are passed over."""
        passed = PassedOver() if passed is None else passed
        walked = Walked(self.bucket, prefix, at_most=at_most)
        self.check()
        with self._refusals(""):
            root = self._root()
            above, slash, _ = prefix.rpartition("/")
            start = Path(os.path.realpath(root / above))
            if start.is_relative_to(root) and start.is_dir():
                yield from _walk(_Walk(root, prefix, passed, walked), start, above + slash, trail=())

    def _root(self) -> Path:
        return Path(os.path.realpath(self.root))

    def _open_root(self) -> int:
        return os.open(self.root, os.O_RDONLY | os.O_DIRECTORY)  # the root may be a link, as the operator likes

    def _resolved(self, key: str) -> Path:
        root = self._root()
        path = Path(os.path.realpath(root / key))
        if not path.is_relative_to(root) or path == root:
            raise BucketError(f"{address(self.bucket, key)} is a link out of the bucket's folder: put the file itself there.")
        return path

    @contextmanager
    def _opened(self, key: str) -> Iterator[int]:
        """A file descriptor of the plain file that a key names."""
        with self._refusals(key):
            try:
                file = self._open(key.split("/"))
            except OSError as error:
                if error.errno not in (errno.ELOOP, errno.ENOTDIR):
                    raise
                file = self._open(self._resolved(key).relative_to(self._root()).parts)  # there is a link on the way
            try:
                yield file
            finally:
                os.close(file)

    def _open(self, parts: Sequence[str]) -> int:
        """Open a plain file below the root; a link anywhere on the way is an error."""
        *folders, name = parts
        with self._folder(folders) as parent:
            # Looked at before it is opened: opening a device can do something.
            mode = os.stat(name, dir_fd=parent, follow_symlinks=False).st_mode
            if stat.S_ISLNK(mode):
                raise OSError(errno.ELOOP, "it is a link")
            if not stat.S_ISREG(mode):
                raise IsADirectoryError
            file = os.open(name, _FILE, dir_fd=parent)
        if stat.S_ISREG(os.fstat(file).st_mode):
            return file
        os.close(file)
        raise IsADirectoryError

    @contextmanager
    def _folder(self, parts: Sequence[str], *, make: bool = False) -> Iterator[int]:
        """A file descriptor of a folder below the root; a link on the way is an error."""
        current = self._open_root()
        try:
            for part in parts:
                if make:
                    with suppress(FileExistsError):
                        os.mkdir(part, dir_fd=current)
                below = os.open(part, _DIRECTORY, dir_fd=current)
                os.close(current)
                current = below
            yield current
        finally:
            os.close(current)

    def _refuse_version(self, key: str, version: str | None) -> None:
        if version is not None:
            raise BucketError(f"{address(self.bucket, key)} is a file, of which there are no versions: leave the version out.")

    @contextmanager
    def _refusals(self, key: str) -> Iterator[None]:
        """Turn the operating system's refusals into sentences."""
        try:
            yield
        except PermissionError as error:
            raise BucketError(f"{address(self.bucket, key)} may not be read: permit reading {str(self.root)!r}.") from error
        except (OSError, ValueError) as error:  # ValueError: a path with a NUL
            if not self.root.is_dir():
                raise BucketError(
                    f"There is no bucket {self.bucket!r}: its folder {str(self.root)!r} is missing; make it."
                ) from error
            raise BucketError(f"There is no object {address(self.bucket, key)}: put it there or correct the key.") from error


def too_large(bucket: str, key: str, at_most: int) -> BucketError:
    """The error for an object with more bytes than the caller can take."""
    return BucketError(f"{address(bucket, key)} has more than {at_most:,} bytes, the most allowed here: use a smaller one.")


def _write_atomically(folder: int, name: str, content: bytes, *, replace: bool) -> bool:
    """Whether it was written; without `replace`, it is not where there is a file already."""
    unfinished = _UNFINISHED + secrets.token_hex(8)
    try:
        file = os.open(unfinished, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o666, dir_fd=folder)
        with os.fdopen(file, "wb") as out:
            out.write(content)
            out.flush()
            os.fsync(out.fileno())
        written = replace or _linked(folder, unfinished, name)
        if replace:
            os.rename(unfinished, name, src_dir_fd=folder, dst_dir_fd=folder)
        else:
            os.unlink(unfinished, dir_fd=folder)
        os.fsync(folder)
    except BaseException:  # an interruption too must leave nothing
        with suppress(OSError):
            os.unlink(unfinished, dir_fd=folder)
        raise
    return written


def _linked(folder: int, file: str, name: str) -> bool:
    """Give a file a second name; False where something has that name."""
    try:
        os.link(file, name, src_dir_fd=folder, dst_dir_fd=folder, follow_symlinks=False)
    except FileExistsError:
        return False
    except OSError as error:
        if error.errno in _NO_LINKS:
            raise NotExclusiveError(
                f"The disk of {name!r} has no hard links, and cannot tell a new file from one that replaces another."
            ) from error
        raise
    return True


@dataclass(frozen=True)
class _Walk:
    """Where a listing began, what its keys begin with, what it passes over, and how much it looked at."""

    root: Path
    prefix: str
    passed: PassedOver
    walked: Walked

    def note(self, key: str, why: str) -> None:
        if why and key.startswith(self.prefix):
            self.passed.note(key, why)


def _walk(walk: _Walk, folder: Path, base: str, *, trail: tuple[Path, ...]) -> Iterator[ObjectInfo]:
    """Yield the files below `folder`, whose keys begin with `base`; `trail`: the folders around it, so that no link loops."""
    if folder in trail or len(trail) > _DEEPEST:
        walk.note(base, "is a link to a folder around it" if folder in trail else "lies too deep")
        return
    for name, path, status in _entries(walk, folder, base):
        key = base + name
        if stat.S_ISDIR(status.st_mode):
            if key.startswith(walk.prefix) or walk.prefix.startswith(key):
                yield from _walk(walk, path, key, trail=(*trail, folder))
        elif key.startswith(walk.prefix):
            yield _info(key, status)


def _info(key: str, status: os.stat_result) -> ObjectInfo:
    return ObjectInfo(
        key=key,
        size=status.st_size,
        etag=f"{status.st_mtime_ns:x}-{status.st_size:x}",
        modified=datetime.fromtimestamp(status.st_mtime, tz=UTC),
    )


def _entries(walk: _Walk, folder: Path, base: str) -> list[tuple[str, Path, os.stat_result]]:
    """Files and folders (their names with a slash, as keys are sorted) that lie in the root, links resolved."""
    found = []
    with os.scandir(folder) as entries:
        for entry in entries:
            walk.walked.more()
            key = base + entry.name
            if entry.name.startswith(_UNFINISHED):
                continue
            if why := why_odd(entry.name):
                walk.note(key, why)
                continue
            try:
                path = Path(os.path.realpath(entry.path)) if entry.is_symlink() else folder / entry.name
                status = path.stat(follow_symlinks=False)
                if stat.S_ISDIR(status.st_mode) and path.is_relative_to(walk.root):
                    found.append((entry.name + "/", path, status))
                elif stat.S_ISREG(status.st_mode) and path.is_relative_to(walk.root):
                    found.append((entry.name, path, status))
                else:
                    walk.note(key, why_no_file(str(walk.root), entry.path))
            except OSError:  # it went away, or is a link to nothing
                if entry.is_symlink():
                    walk.note(key, why_no_file(str(walk.root), entry.path))
    return sorted(found, key=lambda found: found[0])
