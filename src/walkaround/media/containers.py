"""Opening videos: the container and its decoder, both within limits, and decoded frames one after the other.

Decoding is FFmpeg's, through PyAV. Only containers of moving pictures are let in, and only what stands in the file itself:
left to itself FFmpeg would also open playlists, and through them other files and addresses.
"""

from __future__ import annotations

import logging
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, cast

import av
from av.container import InputContainer
from av.error import FFmpegError, InvalidDataError
from av.video.codeccontext import VideoCodecContext
from av.video.frame import VideoFrame
from av.video.stream import VideoStream

from walkaround.errors import VideoError
from walkaround.media.sniff import media_kind

_LOG = logging.getLogger(__name__)
_CONTAINERS = "mov,mp4,m4a,3gp,3g2,mj2,matroska,webm,avi,mpegts,mpeg,mpegvideo,flv,live_flv,asf,ogg"
_READ_BYTES = 1 << 20


@dataclass(frozen=True, kw_only=True)
class VideoLimits:
    """What one video may cost.

    Attributes:
        max_bytes: size of the file.
        max_pixels: width times height of a frame; 4K by default.
        max_seconds: duration.
        max_frames: frames that are decoded.
    """

    max_bytes: int = 4_000_000_000
    max_pixels: int = 4096 * 2304
    max_seconds: float = 3600.0
    max_frames: int = 250_000


VIDEO_LIMITS = VideoLimits()
LONG_VIDEO_LIMITS = VideoLimits(max_bytes=300_000_000_000, max_seconds=12 * 3600.0, max_frames=12 * 3600 * 60)
"""12 hours of 60 frames a second and 50 Mbit/s, to be inspected in the background; memory is that of a short video."""


@contextmanager
def opened_video(path: Path, limits: VideoLimits) -> Iterator[tuple[InputContainer, VideoStream]]:
    """The container and its video stream, both checked against the limits."""
    name = repr(str(path))
    try:
        status = path.stat()
        if not stat.S_ISREG(status.st_mode):
            raise VideoError(f"{name} is not a file; give the path of a video.")
        if status.st_size > limits.max_bytes:
            raise VideoError(
                f"{name} has {status.st_size:,} bytes, more than the {limits.max_bytes:,} allowed; cut it into parts."
            )
        if media_kind(path) != "video":
            raise VideoError(
                f"{name} is {'not a video' if status.st_size else 'empty'}; give an MP4, MOV, MKV, WebM or AVI file."
            )
        with path.open("rb") as file, _demuxed(file, limits) as container:
            stream = container.streams.best("video")
            if not isinstance(stream, VideoStream):
                raise VideoError(f"{name} has no pictures, only sound or text; record or export it again with its video.")
            codec = cast(VideoCodecContext | None, stream.codec_context)
            if codec is None:
                raise VideoError(f"{name} is damaged, or coded in a way that is not known; export it as H.264 or H.265.")
            _check_size(name, codec.width, codec.height, limits)
            duration = duration_of(container, stream)
            if duration is not None and duration > limits.max_seconds:
                raise VideoError(
                    f"{name} lasts {duration:.0f} s, more than the {limits.max_seconds:g} s allowed; cut it into parts."
                )
            stream.thread_type = "AUTO"
            yield container, stream
    except (OSError, ValueError, FFmpegError) as problem:
        reason = getattr(problem, "strerror", None) or str(problem)
        raise VideoError(f"Cannot read {name}: {reason}; record or copy it again.") from problem


class _Nameless:
    """An open file without its name, parts of which would mean something to FFmpeg: a protocol, a pattern of numbers."""

    def __init__(self, file: BinaryIO) -> None:
        self.read, self.seek, self.tell = file.read, file.seek, file.tell


@contextmanager
def _demuxed(file: BinaryIO, limits: VideoLimits) -> Iterator[InputContainer]:
    options = {"format_whitelist": _CONTAINERS, "protocol_whitelist": "none", "max_pixels": str(limits.max_pixels)}
    with av.open(_Nameless(file), "r", options=options, metadata_errors="replace", buffer_size=_READ_BYTES) as container:
        yield container


def _check_size(name: str, width: int, height: int, limits: VideoLimits) -> None:
    if not 0 < width * height <= limits.max_pixels:
        size = f"{width:,} x {height:,}" if width * height else "of unknown size or more"
        raise VideoError(f"{name} has frames {size} pixels, where {limits.max_pixels:,} are allowed; export it in 4K or less.")


def decoded_pictures(path: Path, container: InputContainer, stream: VideoStream, limits: VideoLimits) -> Iterator[VideoFrame]:
    """Every undamaged frame, in the order of showing."""
    # FFmpeg checks this before it allocates a frame, whose size need not be the header's.
    stream.codec_context.options = {"max_pixels": str(limits.max_pixels)}
    name = repr(str(path))
    for packet in container.demux(stream):
        try:
            frames = packet.decode()
        except InvalidDataError:  # this packet is damaged; the next may be whole
            _LOG.debug("%s has a damaged packet at %s.", name, packet.pts)
            continue
        for frame in frames:
            if isinstance(frame, VideoFrame) and not frame.is_corrupt:
                _check_size(name, frame.width, frame.height, limits)
                yield frame


def first_picture(path: Path, pictures: Iterator[VideoFrame]) -> VideoFrame:
    """The next frame.

    Raises:
        VideoError: there is none.
    """
    first = next(pictures, None)
    if first is None:
        raise VideoError(f"{str(path)!r} holds no frame that can be decoded; record or copy it again.")
    return first


def usual_step(stream: VideoStream) -> float:
    """Seconds a frame is shown, on average."""
    return 1 / float(stream.average_rate or stream.guessed_rate or 25)


def own_time(frame: VideoFrame) -> float | None:
    """Seconds on the stream's own clock, which need not begin at 0; None where the frame has no time."""
    return frame.time


def duration_of(container: InputContainer, stream: VideoStream) -> float | None:
    """Seconds that the video lasts; None where the container does not say."""
    if stream.duration is not None and stream.time_base is not None:
        return float(stream.duration * stream.time_base)
    return container.duration / av.time_base if container.duration is not None else None
