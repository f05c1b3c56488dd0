"""Decoded frames of a video become arrays: upright RGB, thumbnails, or brightness alone, each at the least cost."""

from __future__ import annotations

from typing import Any, cast

import numpy as np
from av.buffer import Buffer
from av.video.frame import VideoFrame
from av.video.reformatter import VideoReformatter
from numpy.typing import NDArray

_LUMA_FORMATS = ("yuv4", "yuvj4", "nv12", "nv21", "gray")  # of 8 bits: their first plane is the brightness


class Converter:
    """FFmpeg's scalers for the frames of one video, in one thread. They are kept: their tables cost more than a small frame."""

    def __init__(self) -> None:
        self._reducing, self._colours, self._sampling = VideoReformatter(), VideoReformatter(), VideoReformatter()

    def pixels(self, frame: VideoFrame, side: int | None) -> NDArray[np.uint8]:
        """Upright RGB of a frame, reduced to `side` on the shorter side."""
        small = frame
        scale = 1.0 if side is None else min(1.0, side / min(frame.width, frame.height))
        width, height = round(frame.width * scale), round(frame.height * scale)
        if scale < 1:  # first the size, then the colours: at once it takes twice as long or more
            reduced = "yuv420p" if frame.format.name == "yuv420p" else "rgb24"
            small = self._reducing.reformat(frame, width, height, reduced, interpolation="AREA", threads=1)
        # One thread: starting more costs longer than the conversion.
        pixels = self._colours.reformat(small, width, height, "rgb24", threads=1).to_ndarray()
        a, b, c, d = turn(frame)
        right, down = a, d
        if abs(b) > abs(a):
            pixels, right, down = pixels.transpose(1, 0, 2), c, b
        return np.ascontiguousarray(pixels[:: -1 if down < 0 else 1, :: -1 if right < 0 else 1])

    def thumbnail(self, frame: VideoFrame, side: int) -> NDArray[np.uint8]:
        """uint8 [side, side, 3], RGB, stretched to a square, as stored, not turned upright; of samples, not of means."""
        small = self._sampling.reformat(frame, side, side, "rgb24", interpolation="FAST_BILINEAR", threads=1)
        return np.asarray(small.to_ndarray())

    def luma(self, frame: VideoFrame) -> NDArray[np.uint8]:
        """uint8 [h, w], brightness, as stored; mostly the memory of the frame itself, so copy what outlives it."""
        if not frame.format.name.startswith(_LUMA_FORMATS) or frame.format.name.endswith(("le", "be")):
            frame = self._sampling.reformat(frame, frame.width, frame.height, "gray", threads=1)
        plane = frame.planes[0]
        rows = np.frombuffer(memoryview(cast(Any, plane)), np.uint8).reshape(-1, plane.line_size)
        return rows[: frame.height, : frame.width]


def turn(frame: VideoFrame) -> tuple[int, int, int, int]:
    """The display matrix's a, b, c, d (ISO/IEC 14496-12, 8.2.2.3): stored (x, y) is shown at (a x + c y, b x + d y)."""
    side_data = frame.side_data.get("DISPLAYMATRIX")
    if side_data is None:
        return 1, 0, 0, 1
    a, b, _, c, d = (int(value) for value in np.frombuffer(bytes(cast(Buffer, side_data)), np.int32)[:5])
    return a, b, c, d
