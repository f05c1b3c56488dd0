"""Every exception that walkaround raises on purpose. Each message says what was wrong, with the value, and what to do next.

WalkaroundError
├── InputError              something the user gave cannot be used
│   ├── PictureError        one picture cannot be read
│   ├── VideoError          one video cannot be read
│   ├── DatasetError        a folder, table or manifest cannot be used as a dataset
│   └── PackageError        a package is missing, damaged, or made by another version
├── TrainingError           the labels are readable, but no trustworthy model can come of them
├── StorageError            the disk is full, read-only, or not permitted
└── MissingExtraError       an optional dependency is not installed
"""

from __future__ import annotations

import errno
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


class WalkaroundError(Exception):
    """The root of the family: catch this to catch everything that walkaround raises on purpose."""


class InputError(WalkaroundError):
    """Something the user gave cannot be used."""


class PictureError(InputError):
    """One picture cannot be read; the others beside it still can."""


class VideoError(InputError):
    """One video cannot be read."""


class DatasetError(InputError):
    """A folder, table or manifest cannot be used as a dataset."""


class PackageError(InputError):
    """A package is missing, damaged, or of a format that this version does not know."""


class TrainingError(WalkaroundError):
    """The pictures are readable, but no model that deserves trust can be trained on them."""


class StorageError(WalkaroundError):
    """A file could not be written: the disk is full, read-only, or not permitted."""


class MissingExtraError(WalkaroundError):
    """An optional dependency is needed and not installed; the message holds the install line."""


_DISK_REASONS = {
    errno.ENOSPC: "the disk is full; free some space and run the command again",
    errno.EDQUOT: "the disk quota is used up; free some space and run the command again",
    errno.EROFS: "the disk is read-only; choose a folder on another disk",
    errno.EACCES: "permission was denied; choose a folder that you may write to",
    errno.EPERM: "permission was denied; choose a folder that you may write to",
    errno.ENOTDIR: "a part of the path is a file, not a folder; choose another path",
    errno.EISDIR: "it is a folder, and a file was to be written there; choose another path",
    errno.ENAMETOOLONG: "the name is too long for this disk; choose a shorter one",
}


@contextmanager
def writing(path: Path | str) -> Iterator[None]:
    """Turn the operating system's refusal to write `path` into a StorageError with a way out.

    Raises:
        StorageError: for any OSError raised inside the block.
    """
    try:
        yield
    except OSError as problem:
        reason = _DISK_REASONS.get(problem.errno or 0, f"{problem.strerror or problem}; check the path and try again")
        raise StorageError(f"Cannot write {str(path)!r}: {reason}.") from problem
