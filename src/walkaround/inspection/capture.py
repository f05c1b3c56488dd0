"""Frames captured from a video as AWS Elemental MediaConvert captures them for Lookout for Vision: few, evenly spaced JPEGs."""

from __future__ import annotations

import io
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from walkaround.errors import InputError
from walkaround.media.containers import VIDEO_LIMITS, VideoLimits
from walkaround.media.seeking import frames_at


@dataclass(frozen=True, kw_only=True, eq=False)
class CapturedFrame:
    """A frame of a video as a picture file.

    Attributes:
        name: `<video>jpg.0000000.jpg`, as MediaConvert names it with the name modifier "jpg".
        time: seconds from the first frame; the frame shown then is the one captured.
        number: 0 for the first.
        jpeg: the file.
        pixels: what is in it before compression, uint8 [h, w, 3], RGB, upright.
    """

    name: str
    time: float
    number: int
    jpeg: bytes
    pixels: NDArray[np.uint8]


def capture_frames(
    path: Path,
    *,
    every: float = 5.0,
    at_most: int = 4,
    size: tuple[int, int] | None = (500, 500),
    quality: int = 80,
    stem: str | None = None,
    limits: VideoLimits = VIDEO_LIMITS,
) -> Iterator[CapturedFrame]:
    """Capture the first frame of a video, then the one shown every so many seconds.

    The defaults are those of the AWS sample: a frame every 5 seconds, at most 4, 500 x 500, JPEG quality 80. A frame of another
    shape is fitted in and padded with black, as MediaConvert's scaling behaviour DEFAULT does; small ones are enlarged.
    Frames between are jumped over; see `frames_at`.

    Args:
        path: the video.
        every: seconds between two frames.
        at_most: how many frames at most.
        size: width and height of the pictures, in pixels. None: those of the video.
        quality: of the JPEG files, 1 to 100.
        stem: what the names begin with. None: the video's name without its suffix.
        limits: what the video may cost.

    Raises:
        InputError: a number is not positive, or the quality above 100.
        VideoError: the video cannot be read.
    """
    if not (0 < every < float("inf")) or at_most < 1 or not 1 <= quality <= 100 or (size is not None and min(size) < 1):
        raise InputError(
            f"Frames of {str(path)!r} cannot be captured every {every:g} seconds, {at_most} at most, in {size} pixels, at"
            f" quality {quality}; give positive numbers, and a quality up to 100."
        )
    times = (number * every for number in range(at_most))
    side = None if size is None else max(size)  # enough to be reduced once more
    for number, frame in enumerate(frames_at(path, times, side=side, limits=limits)):
        pixels = frame.pixels if size is None else _fitted(frame.pixels, size)
        file = io.BytesIO()
        Image.fromarray(pixels).save(file, "JPEG", quality=quality)
        name = f"{path.stem if stem is None else stem}jpg.{number:07d}.jpg"
        yield CapturedFrame(name=name, time=number * every, number=number, jpeg=file.getvalue(), pixels=pixels)


def _fitted(pixels: NDArray[np.uint8], size: tuple[int, int]) -> NDArray[np.uint8]:
    """The picture as large as it fits into a size, in the middle of black."""
    image = Image.fromarray(pixels)
    scale = min(size[0] / image.width, size[1] / image.height)
    fitting = image.resize((max(1, round(image.width * scale)), max(1, round(image.height * scale))), Image.Resampling.BICUBIC)
    whole = Image.new("RGB", size)
    whole.paste(fitting, ((size[0] - fitting.width) // 2, (size[1] - fitting.height) // 2))
    return np.asarray(whole)
