"""Every exception that walkaround raises on purpose. Each message says what was wrong, with the value, and what to do next.

WalkaroundError
├── InputError              something the user gave cannot be used
│   ├── PictureError        one picture cannot be read
│   ├── VideoError          one video cannot be read
│   ├── DatasetError        a folder, table or manifest cannot be used as a dataset
│   ├── PackageError        a package is missing, damaged, or made by another version
│   └── BucketError         a bucket or an object in it is missing, not configured, or out of bounds
├── TrainingError           the labels are readable, but no trustworthy model can come of them
├── StorageError            the disk is full, read-only, or not permitted
├── MissingExtraError       an optional dependency is not installed
└── ServiceError            a request to the service cannot be answered
    ├── ValidationError     a member of the request is not what the contract allows
    ├── AccessDeniedError   the caller may not do this
    ├── NotFoundError       what the request names does not exist
    ├── ConflictError       what the request names is not in a state that allows it
    ├── QuotaError          a limit of the service would be exceeded
    ├── ThrottledError      too many requests at the moment
    └── UnavailableError    the database or a bucket does not answer at the moment
"""

from __future__ import annotations

import errno
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any, Literal

ResourceType = Literal["PROJECT", "DATASET", "MODEL", "TRIAL", "MODEL_PACKAGE_JOB", "WATCH", "ENDPOINT", "USER", "ACCESS_KEY"]


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


class BucketError(InputError):
    """A bucket or an object cannot be used: not found, not configured, not permitted, too large, or outside of its folder."""


class TrainingError(WalkaroundError):
    """The pictures are readable, but no model that deserves trust can be trained on them."""


class StorageError(WalkaroundError):
    """A file could not be written: the disk is full, read-only, or not permitted."""


class MissingExtraError(WalkaroundError):
    """An optional dependency is needed and not installed; the message holds the install line."""


class ServiceError(WalkaroundError):
    """A request to the service cannot be answered; the message is for whoever sent it."""

    def __reduce__(self) -> tuple[Any, ...]:
        """As a pickle, with what it was made of beside the message: else a pickle of it could not be read."""
        beside = {name: value for name, value in vars(self).items() if not name.startswith("__")}
        return partial(type(self), **beside), self.args


class ValidationError(ServiceError):
    """A member of the request is not what the contract allows."""


class AccessDeniedError(ServiceError):
    """The caller is not known, or may not do this."""


class _ResourceError(ServiceError):
    """It is about one thing that the service keeps."""

    def __init__(self, message: str, *, resource_id: str, resource_type: ResourceType) -> None:
        super().__init__(message)
        self.resource_id = resource_id
        self.resource_type: ResourceType = resource_type


class NotFoundError(_ResourceError):
    """What the request names does not exist."""


class ConflictError(_ResourceError):
    """What the request names exists, and is not in a state that allows what was asked."""


class QuotaError(_ResourceError):
    """A limit of the service would be exceeded; `quota_code` is the name of the setting that an operator can raise."""

    def __init__(self, message: str, *, quota_code: str, resource_id: str, resource_type: ResourceType) -> None:
        super().__init__(message, resource_id=resource_id, resource_type=resource_type)
        self.quota_code = quota_code


class _LaterError(ServiceError):
    """The same request may succeed later."""

    def __init__(self, message: str, *, retry_after: int) -> None:
        super().__init__(message)
        self.retry_after = retry_after


class ThrottledError(_LaterError):
    """There are too many requests at the moment; try again after `retry_after` seconds."""


class UnavailableError(_LaterError):
    """The database or a bucket does not answer; nothing was changed; try again after `retry_after` seconds."""


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
