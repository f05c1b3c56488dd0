"""Videos: upright frames with the stream's own times, one after the other, within limits; and a writer.

Decoding is FFmpeg's, through PyAV. Only containers of moving pictures are let in, and only what stands in the file itself:
left to itself FFmpeg would also open playlists, and through them other files and addresses.
"""

from __future__ import annotations

import logging
import stat
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from fractions import Fraction
from itertools import chain
from pathlib import Path
from typing import BinaryIO, cast

import av
import numpy as np
from av.buffer import Buffer
from av.container import InputContainer
from av.error import FFmpegError, InvalidDataError
from av.video.codeccontext import VideoCodecContext
from av.video.frame import VideoFrame
from av.video.stream import VideoStream
from numpy.typing import NDArray

from walkaround.errors import VideoError, writing
from walkaround.media.sniff import media_kind

_LOG = logging.getLogger(__name__)
_CONTAINERS = "mov,mp4,m4a,3gp,3g2,mj2,matroska,webm,avi,mpegts,mpeg,mpegvideo,flv,live_flv,asf,ogg"
_READ_BYTES = 1 << 20
_CLOCK = 90_000  # ticks a second of a written video: MPEG's, a multiple of all usual frame rates
# No B frames: FFmpeg's MP4 writer takes the time of the last frame that it is given for the end of the video.
_ENCODERS = (
    ("libx264", {"crf": "20", "preset": "veryfast", "bf": "0"}),
    ("libopenh264", {"b": "6M"}),
    ("mpeg4", {"qscale": "3"}),
)


@dataclass(frozen=True, kw_only=True, eq=False)
class Frame:
    """One frame of a video.

    Attributes:
        time: seconds from the first frame of the stream.
        pixels: uint8 [h, w, 3], RGB, upright.
    """

    time: float
    pixels: NDArray[np.uint8]


@dataclass(frozen=True, kw_only=True)
class VideoFacts:
    """What a video's header and first frame tell.

    Attributes:
        duration: seconds; None where the container does not say.
        width, height: pixels of the upright frames.
        frame_rate: frames a second on average; None where the container does not say.
        rotation: degrees, clockwise, that the stored frames are turned by: 0, 90, 180 or 270.
    """

    duration: float | None
    width: int
    height: int
    frame_rate: float | None
    rotation: int


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


def video_facts(path: Path, *, limits: VideoLimits = VIDEO_LIMITS) -> VideoFacts:
    """Describe a video by its header and its first frame.

    Raises:
        VideoError: the file is no video, or its first frame cannot be decoded.
    """
    with _opened(path, limits) as (container, stream):
        frame = next(_decoded(path, container, stream, limits), None)
        if frame is None:
            raise VideoError(f"{str(path)!r} holds no frame that can be decoded; record or copy it again.")
        across, down = _turn(frame)[:2]
        turned = abs(down) > abs(across)
        rate = stream.average_rate or stream.guessed_rate
        return VideoFacts(
            duration=_duration(container, stream),
            width=frame.height if turned else frame.width,
            height=frame.width if turned else frame.height,
            frame_rate=float(rate) if rate else None,
            rotation=-frame.rotation % 360,
        )


def read_frames(
    path: Path,
    *,
    side: int | None = None,
    limits: VideoLimits = VIDEO_LIMITS,
    incomplete: Callable[[str], None] | None = None,
) -> Iterator[Frame]:
    """Yield every frame that can be decoded, in order, upright, at its own time; only one is held at once.

    A frame without a time of its own, or with one that does not come after the last, follows at the stream's average rate.
    Damaged frames are left out. A file that is cut off gives what is there, and `incomplete` is told how much is missing.

    Args:
        path: the video.
        side: frames come reduced to this many pixels on the shorter side; smaller ones come as they are. None: full size.
        limits: what the video may cost.
        incomplete: called after the last frame with a sentence, when frames are missing; None: it is logged as a warning.

    Raises:
        VideoError: on the first step when the file is no video or nothing can be decoded; later when a limit is passed.
    """
    with _opened(path, limits) as (container, stream):
        duration = _duration(container, stream)
        step = 1 / float(stream.average_rate or stream.guessed_rate or 25)
        start: float | None = None
        time, count = -step, 0
        for count, frame in enumerate(_decoded(path, container, stream, limits), start=1):
            own = None if frame.pts is None or frame.time_base is None else float(frame.pts * frame.time_base)
            if own is not None and start is None:
                start = own - (time + step)
            time = own - start if own is not None and start is not None and own - start > time else time + step
            if count > limits.max_frames or time > limits.max_seconds:
                raise VideoError(
                    f"{str(path)!r} is longer than the {limits.max_frames:,} frames and {limits.max_seconds:g} seconds allowed;"
                    " cut it into parts."
                )
            yield Frame(time=time, pixels=_pixels(frame, side))
        if count == 0:
            raise VideoError(f"{str(path)!r} holds no frame that can be decoded; record or copy it again.")
        missing = 0 if duration is None else duration - (time + step)
        if missing > max(1.0, 2 * step) or 0 < count < 0.98 * stream.frames:
            (incomplete or _LOG.warning)(
                f"{str(path)!r} is incomplete: it says that it lasts {duration or 0:.1f} seconds, but only {count} frames up to"
                f" {time:.1f} seconds can be read; record or copy it again."
            )


def write_video(path: Path, frames: Iterable[Frame], *, frame_rate: float) -> None:
    """Write an MP4 that plays everywhere; the file appears under its name only when it is complete.

    Every frame is shown from its own `time` on, so a variable frame rate survives. Widths and heights that H.264 cannot hold,
    odd ones, are padded by repeating the last column or row.

    The encoder is the best that the installed FFmpeg has. PyAV's wheels bring libx264, which is GPL software: walkaround
    neither contains nor links it, it asks PyAV for it by name. Where it is missing, OpenH264 (BSD) or MPEG-4 part 2 serves.

    Args:
        path: where to; a file there is replaced.
        frames: at least one, all of the same size, at rising times.
        frame_rate: frames a second: the nominal rate, and how long the last frame is shown.

    Raises:
        VideoError: there is no frame, or one differs in size or goes back in time.
        StorageError: the file cannot be written.
    """
    part = path.with_name(f".{path.name}.part")
    with writing(path):
        try:
            _encode(part, path, frames, Fraction(frame_rate).limit_denominator(1001))
            part.replace(path)
        finally:
            part.unlink(missing_ok=True)


def _encode(part: Path, path: Path, frames: Iterable[Frame], rate: Fraction) -> None:
    frames = iter(frames)
    first = next(frames, None)
    if first is None:
        raise VideoError(f"There is no frame to write to {str(path)!r}; choose at least one.")
    encoder, options = next((name, options) for name, options in _ENCODERS if name in av.codecs_available)
    with av.open(str(part), "w", format="mp4", options={"movflags": "faststart"}) as container:
        stream = cast(VideoStream, container.add_stream(encoder, rate=rate, options=options))
        stream.height, stream.width = _even(first.pixels).shape[:2]
        stream.pix_fmt = "yuv420p"
        stream.codec_context.time_base = Fraction(1, _CLOCK)
        last = -1
        for number, frame in enumerate(chain([first], frames)):
            tick = round(frame.time * _CLOCK)
            if frame.pixels.shape != first.pixels.shape or tick <= last:
                raise VideoError(
                    f"Frame {number} for {str(path)!r} must have the first one's size and come after the one before."
                )
            picture = VideoFrame.from_ndarray(_even(frame.pixels), format="rgb24")
            picture.pts, picture.time_base, picture.duration = tick, Fraction(1, _CLOCK), round(_CLOCK / rate)
            container.mux(stream.encode(picture))
            last = tick
        container.mux(stream.encode())


def _even(pixels: NDArray[np.uint8]) -> NDArray[np.uint8]:
    height, width = pixels.shape[:2]
    return np.pad(pixels, ((0, height % 2), (0, width % 2), (0, 0)), mode="edge")


@contextmanager
def _opened(path: Path, limits: VideoLimits) -> Iterator[tuple[InputContainer, VideoStream]]:
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
            duration = _duration(container, stream)
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


def _decoded(path: Path, container: InputContainer, stream: VideoStream, limits: VideoLimits) -> Iterator[VideoFrame]:
    """Every undamaged frame, in the order of showing."""
    # FFmpeg checks this before it allocates a frame, whose size need not be the header's.
    stream.codec_context.options = {"max_pixels": str(limits.max_pixels)}
    for packet in container.demux(stream):
        try:
            frames = packet.decode()
        except InvalidDataError:  # this packet is damaged; the next may be whole
            _LOG.debug("%r has a damaged packet at %s.", str(path), packet.pts)
            continue
        for frame in frames:
            if isinstance(frame, VideoFrame) and not frame.is_corrupt:
                _check_size(repr(str(path)), frame.width, frame.height, limits)
                yield frame


def _duration(container: InputContainer, stream: VideoStream) -> float | None:
    if stream.duration is not None and stream.time_base is not None:
        return float(stream.duration * stream.time_base)
    return container.duration / av.time_base if container.duration is not None else None


def _turn(frame: VideoFrame) -> tuple[int, int, int, int]:
    """The display matrix's a, b, c, d (ISO/IEC 14496-12, 8.2.2.3): stored (x, y) is shown at (a x + c y, b x + d y)."""
    side_data = frame.side_data.get("DISPLAYMATRIX")
    if side_data is None:
        return 1, 0, 0, 1
    a, b, _, c, d = (int(value) for value in np.frombuffer(bytes(cast(Buffer, side_data)), np.int32)[:5])
    return a, b, c, d


def _pixels(frame: VideoFrame, side: int | None) -> NDArray[np.uint8]:
    """Upright RGB of a frame, reduced to `side` on the shorter side while its colours are converted."""
    scale = 1.0 if side is None else min(1.0, side / min(frame.width, frame.height))
    width, height = round(frame.width * scale), round(frame.height * scale)
    interpolation = "AREA" if scale < 1 else "BILINEAR"
    # One thread: starting more costs longer than the conversion.
    pixels = frame.reformat(width, height, "rgb24", interpolation=interpolation, threads=1).to_ndarray()
    a, b, c, d = _turn(frame)
    right, down = a, d
    if abs(b) > abs(a):
        pixels, right, down = pixels.transpose(1, 0, 2), c, b
    return np.ascontiguousarray(pixels[:: -1 if down < 0 else 1, :: -1 if right < 0 else 1])
