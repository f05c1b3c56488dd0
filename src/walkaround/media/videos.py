"""Videos: upright frames with the stream's own times, one after the other, within limits; and a writer."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from fractions import Fraction
from itertools import chain
from pathlib import Path
from typing import cast

import av
import numpy as np
from av.container import InputContainer
from av.video.frame import VideoFrame
from av.video.stream import VideoStream
from numpy.typing import NDArray

from walkaround.errors import VideoError, writing
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
from walkaround.media.conversion import Converter, turn

_LOG = logging.getLogger(__name__)
_SPARING_RATE = 20.0  # frames a second
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
        facts: of the video that it was read from; None for one that was made.
    """

    time: float
    pixels: NDArray[np.uint8]
    facts: VideoFacts | None = None


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


class DecodedFrame:
    """A frame as the decoder left it. Turning it into pixels costs as much as decoding it, so it is done on demand."""

    def __init__(self, picture: VideoFrame, time: float, facts: VideoFacts, converter: Converter) -> None:
        self.time, self.facts = time, facts
        self._picture, self._converter = picture, converter

    def frame(self, side: int | None = None) -> Frame:
        """The frame upright in RGB, reduced to `side` pixels on the shorter side; a smaller one as it is."""
        return Frame(time=self.time, pixels=self._converter.pixels(self._picture, side), facts=self.facts)

    def thumbnail(self, side: int) -> NDArray[np.uint8]:
        """uint8 [side, side, 3], RGB, stretched to a square, as stored: not turned upright; made of samples, not of means."""
        return self._converter.thumbnail(self._picture, side)

    def luma(self) -> NDArray[np.uint8]:
        """uint8 [h, w], brightness, as stored; valid while this object lives, so copy what is kept."""
        return self._converter.luma(self._picture)


def video_facts(path: Path, *, limits: VideoLimits = VIDEO_LIMITS) -> VideoFacts:
    """Describe a video by its header and its first frame.

    Raises:
        VideoError: the file is no video, or its first frame cannot be decoded.
    """
    with opened_video(path, limits) as (container, stream):
        return facts_of(first_picture(path, decoded_pictures(path, container, stream, limits)), container, stream)


def read_frames(
    path: Path,
    *,
    side: int | None = None,
    limits: VideoLimits = VIDEO_LIMITS,
    incomplete: Callable[[str], None] | None = None,
) -> Iterator[Frame]:
    """Yield every frame that can be decoded, in order, upright, at its own time; only one is held at once.

    See `decode_frames`, which leaves the pixels to be asked for.

    Args:
        path: the video.
        side: frames come reduced to this many pixels on the shorter side; smaller ones come as they are. None: full size.
        limits: what the video may cost.
        incomplete: called after the last frame with a sentence, when frames are missing; None: it is logged as a warning.

    Raises:
        VideoError: on the first step when the file is no video or nothing can be decoded; later when a limit is passed.
    """
    for decoded in decode_frames(path, limits=limits, incomplete=incomplete):
        yield decoded.frame(side)


def decode_frames(
    path: Path,
    *,
    limits: VideoLimits = VIDEO_LIMITS,
    incomplete: Callable[[str], None] | None = None,
    sparing: bool = False,
) -> Iterator[DecodedFrame]:
    """Yield every frame that can be decoded, in order, at its own time, before its colours are converted.

    A frame without a time of its own, or with one that does not come after the last, follows at the stream's average rate.
    Damaged frames are left out. A file that is cut off gives what is there, and `incomplete` is told how much is missing.

    Args:
        path: the video.
        limits: what the video may cost.
        incomplete: called after the last frame with a sentence, when frames are missing; None: it is logged as a warning.
        sparing: leave frames out that no other is built on, where there are 20 a second or more: they need no decoding.
            In videos of phones these are up to two of three.

    Raises:
        VideoError: on the first step when the file is no video or nothing can be decoded; later when a limit is passed.
    """
    with opened_video(path, limits) as (container, stream):
        sparing = sparing and float(stream.average_rate or 0) >= _SPARING_RATE
        if sparing:
            stream.codec_context.skip_frame = "NONREF"
        duration, step = duration_of(container, stream), usual_step(stream)
        facts, converter = None, Converter()
        start: float | None = None
        time, count = -step, 0
        for count, picture in enumerate(decoded_pictures(path, container, stream, limits), start=1):
            own = own_time(picture)
            if own is not None and start is None:
                start = own - (time + step)
            time = own - start if own is not None and start is not None and own - start > time else time + step
            if count > limits.max_frames or time > limits.max_seconds:
                raise VideoError(
                    f"{str(path)!r} is longer than the {limits.max_frames:,} frames and {limits.max_seconds:g} seconds allowed;"
                    " cut it into parts."
                )
            facts = facts or facts_of(picture, container, stream)
            yield DecodedFrame(picture, time, facts, converter)
        if count == 0:
            raise VideoError(f"{str(path)!r} holds no frame that can be decoded; record or copy it again.")
        missing = 0 if duration is None else duration - (time + step)
        few = not sparing and count < 0.98 * stream.frames
        if missing > max(1.0, 2 * step) or few:
            (incomplete or _LOG.warning)(
                f"{str(path)!r} is incomplete: it says that it lasts {duration or 0:.1f} seconds, but only"
                f" {'frames' if sparing else f'{count} frames'} up to {time:.1f} seconds can be read; record or copy it again."
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


def facts_of(frame: VideoFrame, container: InputContainer, stream: VideoStream) -> VideoFacts:
    """Of an open video, by its first frame."""
    across, down = turn(frame)[:2]
    turned = abs(down) > abs(across)
    rate = stream.average_rate or stream.guessed_rate
    return VideoFacts(
        duration=duration_of(container, stream),
        width=frame.height if turned else frame.width,
        height=frame.width if turned else frame.height,
        frame_rate=float(rate) if rate else None,
        rotation=-frame.rotation % 360,
    )
