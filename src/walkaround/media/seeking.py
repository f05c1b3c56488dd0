"""Frames of a video at given times: what lies between is jumped over, as far as the file's index can be trusted."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path

from av.container import InputContainer
from av.error import FFmpegError
from av.video.frame import VideoFrame
from av.video.stream import VideoStream

from walkaround.errors import VideoError
from walkaround.media.containers import (
    VIDEO_LIMITS,
    VideoLimits,
    decoded_pictures,
    duration_of,
    first_picture,
    opened_video,
    own_time,
    usual_step,
)
from walkaround.media.conversion import Converter
from walkaround.media.videos import DecodedFrame, Frame, facts_of

_WORTH = 1.0  # seconds: what is nearer is decoded up to
_EARLIER = (0.0, 2.0, 15.0)  # seconds that a jump goes further back where one before it came too late
_ROUNDING = 1e-4  # seconds


def frames_at(
    path: Path, times: Iterable[float], *, side: int | None = None, limits: VideoLimits = VIDEO_LIMITS
) -> Iterator[Frame]:
    """Yield the frame that is shown at each time, until the video's end; `Frame.time` is when it began to be shown.

    A jump goes to a key frame that the file's index knows of. What comes then is looked at: where it is too late, the next
    jump goes further back, and at last everything is decoded. Files without an index or without times are decoded through.

    Args:
        path: the video.
        times: rising, in seconds from the first frame.
        side: see `read_frames`.
        limits: what the video may cost; frames that are jumped over do not count.

    Raises:
        VideoError: on the first step when the file is no video or nothing can be decoded; later when a limit is passed.
    """
    with opened_video(path, limits) as (container, stream):
        reel = _Reel(path, container, stream, limits)
        for time in times:
            shown = reel.shown_at(time)
            if shown is None:
                return
            yield shown.frame(side)


class _Reel:
    """An open video that goes forward to any time. It holds two frames: the one shown, and the one that comes next."""

    def __init__(self, path: Path, container: InputContainer, stream: VideoStream, limits: VideoLimits) -> None:
        self._path, self._container, self._stream, self._limits = path, container, stream, limits
        self._pictures = decoded_pictures(path, container, stream, limits)
        self._step, self._converter, self._decoded = usual_step(stream), Converter(), 0
        first = first_picture(path, self._pictures)
        self._facts = facts_of(first, container, stream)
        start = own_time(first)
        self._start = start or 0.0
        self._jumps = start is not None and len(stream.index_entries) > 0
        self._shown: tuple[float, VideoFrame] = (0.0, first)
        self._next = self._following(0.0)

    def shown_at(self, time: float) -> DecodedFrame | None:
        """The frame shown at a time, not before the last one asked for; None after the end."""
        if self._jumps and time - self._shown[0] > _WORTH and self._key_between(self._shown[0], time):
            self._jump(time)
        while self._next is not None and self._next[0] <= time + _ROUNDING:
            self._shown, self._next = self._next, self._following(self._next[0])
        if self._next is None and time > self._end() - _ROUNDING:
            return None
        return DecodedFrame(self._shown[1], self._shown[0], self._facts, self._converter)

    def _end(self) -> float:
        """When the last frame, which is the one shown, is gone."""
        duration = duration_of(self._container, self._stream)
        after = self._shown[0] + self._step
        return after if duration is None else max(after, min(duration, self._shown[0] + max(1.0, 2 * self._step)))

    def _following(self, before: float) -> tuple[float, VideoFrame] | None:
        """The next frame and its time, which is as in `decode_frames`."""
        picture = next(self._pictures, None)
        if picture is None:
            return None
        self._decoded += 1
        own = own_time(picture)
        time = own - self._start if own is not None and own - self._start > before else before + self._step
        if self._decoded > self._limits.max_frames or time > self._limits.max_seconds:
            raise VideoError(
                f"{str(self._path)!r} is longer than the {self._limits.max_frames:,} frames and"
                f" {self._limits.max_seconds:g} seconds allowed; cut it into parts."
            )
        return time, picture

    def _ticks(self, time: float) -> int:
        return int((time + self._start) / float(self._stream.time_base or 1))

    def _key_between(self, low: float, high: float) -> bool:
        """Whether the index has a key frame after one time and up to another, so that a jump saves something."""
        index = self._stream.index_entries
        place = index.search_timestamp(self._ticks(high), backward=True)
        return place >= 0 and index[place].timestamp > self._ticks(low + _WORTH / 2)

    def _jump(self, time: float) -> None:
        """Go to a key frame not after a time. Where none can be had, go back to where the reel was, by way of the start."""
        here = self._shown[0]
        for earlier in _EARLIER:
            if time - earlier <= here:
                break
            if self._seek(time - earlier) and self._shown[0] <= time:
                return
        self._jumps = False  # an index that misleads is not asked again
        if not self._seek(0.0) or self._shown[0] > here + _ROUNDING:
            raise VideoError(f"{str(self._path)!r} cannot be gone through twice; record or copy it again.")

    def _seek(self, time: float) -> bool:
        try:
            self._container.seek(self._ticks(time), stream=self._stream, backward=True)
        except FFmpegError:
            return False
        self._pictures = decoded_pictures(self._path, self._container, self._stream, self._limits)
        first = next(self._pictures, None)
        own = None if first is None else own_time(first)
        if first is None or own is None:
            return False
        self._shown = (own - self._start, first)
        self._next = self._following(self._shown[0])
        return True
