"""Copies of objects that lie elsewhere: kept by what they are copies of, found again while they are current, bounded in sum."""

from __future__ import annotations

import hashlib
import logging
import os
import re
import secrets
import threading
import time
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from walkaround.errors import writing

_UNFINISHED = ".unfinished-"
_SPARED = 24 * 3600.0
"""Seconds. What was used so lately may still be in use: a training reads its pictures again and again."""
_COPIES = "??/*/*/*"
_NAME = re.compile(r"[^0-9A-Za-z._-]+")

_logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Download:
    """Where copies of one object go: a folder of its own, named by a checksum of its address, with one for each etag."""

    folder: Path
    address: str
    name: str

    @property
    def _own(self) -> Path:
        checksum = hashlib.sha256(self.address.encode("utf-8")).hexdigest()
        return self.folder / checksum[:2] / checksum[2:34]

    def any_there(self) -> bool:
        """Whether there is a copy, current or not."""
        return self._own.is_dir()

    def found(self, etag: str, size: int) -> Path | None:
        """The copy of this etag, if it is there in full; it counts as used."""
        path = self._path(etag)
        try:
            if path.stat().st_size != size:
                return None
            os.utime(path)
        except OSError:
            return None
        return path

    def keep(self, etag: str, chunks: Iterable[bytes]) -> Path:
        """Write a copy; whoever looks sees all of it or nothing."""
        path = self._path(etag)
        unfinished = self._own / (_UNFINISHED + secrets.token_hex(8))
        with writing(path):
            path.parent.mkdir(parents=True, exist_ok=True)
            try:
                with unfinished.open("xb") as file:
                    file.writelines(chunks)
                unfinished.replace(path)
            finally:
                unfinished.unlink(missing_ok=True)
        return path

    def _path(self, etag: str) -> Path:
        # A name that a person knows the picture by, of characters that no system takes amiss.
        name = _NAME.sub("_", self.name)[-80:].lstrip(".-") or "object"
        return self._own / hashlib.sha256(etag.encode("utf-8")).hexdigest()[:16] / name


@dataclass
class Trimming:
    """Keeps folders of copies within `at_most` bytes: looks now and then, and deletes what was not used for longest.

    Attributes:
        at_most: bytes of a folder.
        copies: where in a folder copies are.
        spared: seconds for which a copy that was used stays in any case.
    """

    at_most: int
    copies: str = _COPIES
    spared: float = _SPARED
    _lock: threading.Lock = field(default_factory=threading.Lock)
    _added: dict[Path, int] = field(default_factory=dict)

    def added(self, folder: Path, size: int) -> None:
        """Take note of a new copy; trims at the first one, and then whenever a tenth of the bound was added."""
        with self._lock:
            added = self._added.get(folder, self.at_most) + size
            due = added > self.at_most / 10
            self._added[folder] = 0 if due else added
        if due:
            trim(folder, self.at_most, copies=self.copies, spared=self.spared)


def trim(folder: Path, at_most: int, *, copies: str = _COPIES, spared: float = _SPARED) -> None:
    """Delete copies until `at_most` bytes are left, the longest unused first; those used in the last `spared` seconds stay."""
    found = []
    for path in folder.glob(copies):
        with suppress(OSError):
            status = path.stat(follow_symlinks=False)
            found.append((status.st_mtime, status.st_size, path))
    total, oldest = sum(size for _, size, _ in found), time.time() - spared
    for used, size, path in sorted(found):
        if total <= at_most:
            return
        if used > oldest:
            _logger.warning("%s holds %d MB, more than its bound: all of it was used lately.", folder, total >> 20)
            return
        with suppress(OSError):
            path.unlink()
            total -= size
            path.parent.rmdir()
            path.parent.parent.rmdir()
