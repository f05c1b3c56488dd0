"""Single frames of videos as JPEG files: decoded in another process when they are first asked for, and kept for a while."""

from __future__ import annotations

import hashlib
import os
from contextlib import suppress
from pathlib import Path

from walkaround.buckets.cache import Trimming
from walkaround.web.children import Child, write_by
from walkaround.web.thumbnails import side_of

_CACHE_BYTES = 512 << 20
_SECONDS = 60.0


class VideoFrames:
    """Takes frames out of videos. Threads may share it."""

    def __init__(self, data: Path, *, cache_bytes: int = _CACHE_BYTES) -> None:
        """Start nothing yet.

        Args:
            data: the data folder.
            cache_bytes: that all kept frames may have together.
        """
        self._folder = data / "cache" / "frames"
        self._child = Child("walkaround.web.frame_child", seconds=_SECONDS)
        self._trimming = Trimming(cache_bytes, copies="??/*", spared=60.0)

    def shown(self, video: Path, *, name: str, time: float, size: int) -> Path:
        """A JPEG file of the frame that is shown at a time.

        Args:
            video: the file.
            name: what a person calls it.
            time: in seconds from the first frame.
            size: pixels of the longer side; the next of `SIDES` counts.

        Raises:
            ValidationError: the video cannot be read, or ends before.
            StorageError: the disk is full.
            UnavailableError: no process can be started.
        """
        side = side_of(size)
        status = video.stat()
        told = f"{video}\n{status.st_mtime_ns}\n{status.st_size}\n{time:.3f}\n{side}"
        digest = hashlib.sha256(told.encode("utf-8", "surrogateescape")).hexdigest()[:40]
        path = self._folder / digest[:2] / f"{digest}.jpg"
        with suppress(OSError):
            os.utime(path)
            return path
        self._take(video, path, name=name, time=time, side=side)
        return path

    def close(self) -> None:
        """End the process."""
        self._child.close()

    def _take(self, video: Path, path: Path, *, name: str, time: float, side: int) -> None:
        too_much = f"A frame of {name!r} takes more time or memory to decode than it may."
        write_by(self._child, lambda part: [str(video), str(part), time, side, name], path, too_much=too_much)
        self._trimming.added(self._folder, path.stat().st_size)
