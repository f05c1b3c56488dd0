"""From the text that a table or manifest names a picture by to a file on this machine."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from walkaround.datasets.faults import LineError, shown

_S3 = "s3://"


@dataclass(frozen=True, kw_only=True)
class References:
    """Where the pictures of one table or manifest are looked for.

    Attributes:
        folder: what relative paths are relative to; also tried for the keys of a bucket that is not mapped.
        buckets: bucket name to the local folder that holds a copy of the bucket.
    """

    folder: Path
    buckets: Mapping[str, Path]

    def file(self, reference: object) -> Path:
        """The file that `reference` (a path, absolute or relative, or s3://bucket/key) stands for.

        Raises:
            LineError: it is no text, or there is no such file on this machine.
        """
        if not isinstance(reference, str) or not reference.strip():
            raise LineError("bad-line", f"it names no picture but {shown(reference)}")
        reference = reference.strip()
        if reference.startswith(_S3):
            return self._file_of_bucket(reference)
        if "://" in reference:
            raise LineError("missing-file", f"{shown(reference)} is an address, not a file on this machine")
        path = self.folder / reference
        if not _is_file(path) and "\\" in reference:  # tables made on Windows
            path = self.folder / reference.replace("\\", "/")
        if _is_file(path):
            return path
        raise LineError("missing-file", f"{shown(reference)} {_why_no_file(path)}")

    def _file_of_bucket(self, reference: str) -> Path:
        bucket, _, key = reference.removeprefix(_S3).partition("/")
        if not bucket or not key or ".." in PurePosixPath(key).parts or key.startswith("/"):
            raise LineError("bad-line", f"{shown(reference)} is not s3://bucket/key")
        if bucket in self.buckets:
            path = Path(self.buckets[bucket]) / key
            if _is_file(path):
                return path
            raise LineError("missing-file", f"{shown(reference)}, looked for as {shown(str(path))}, {_why_no_file(path)}")
        for path in (self.folder / bucket / key, self.folder / key):
            if _is_file(path):
                return path
        raise LineError("unmapped-bucket", f"{shown(reference)} is not on this machine", _plain(bucket))


def _plain(bucket: str) -> str:
    return bucket if bucket.isprintable() and len(bucket) <= 63 else "NAME"


def _is_file(path: Path) -> bool:
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
