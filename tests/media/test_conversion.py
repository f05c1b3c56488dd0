"""Whatever way a decoder stores a frame, its pixels, thumbnail and brightness are the same."""

from __future__ import annotations

import numpy as np
import pytest
from av.video.frame import VideoFrame
from numpy.typing import NDArray

from walkaround.media.conversion import Converter

FORMATS = ["yuv420p", "yuvj420p", "yuv422p", "yuv444p", "nv12", "yuv420p10le", "yuva420p", "yuyv422", "gbrp", "rgb24", "gray"]


def ramp() -> NDArray[np.uint8]:
    """Grey, from dark on the left to bright on the right; a bright bar on top. 200 is not a multiple of a row's padding."""
    pixels = np.repeat(np.repeat(np.linspace(40, 200, 200, dtype=np.uint8)[None], 120, axis=0)[:, :, None], 3, axis=2)
    pixels[:20] = 220
    return pixels


@pytest.mark.parametrize("stored", FORMATS)
def test_every_format_gives_the_same(stored: str) -> None:
    frame, converter = VideoFrame.from_ndarray(ramp(), format="rgb24").reformat(format=stored, threads=1), Converter()
    whole, reduced = converter.pixels(frame, None), converter.pixels(frame, 60)
    assert (whole.shape, reduced.shape) == ((120, 200, 3), (60, 100, 3))
    assert np.abs(whole.astype(int) - ramp()).max() <= 6
    assert np.abs(reduced[15:, 5:-5].astype(int) - ramp()[30::2, 10:-10:2]).max() <= 8
    thumbnail = converter.thumbnail(frame, 20)
    assert thumbnail.shape == (20, 20, 3)
    assert np.abs(thumbnail[6:, 2:-2].astype(int) - ramp()[36::6, 25:-20:10]).max() <= 16
    luma = converter.luma(frame).astype(int)
    assert luma.shape == (120, 200)
    assert np.corrcoef(luma.ravel(), ramp()[:, :, 1].ravel())[0, 1] > 0.999


def test_one_converter_serves_frames_of_changing_size_and_format() -> None:
    converter = Converter()
    for stored, side in (("yuv420p", 30), ("rgb24", 50), ("yuv420p", None), ("yuv420p", 30)):
        frame = VideoFrame.from_ndarray(ramp(), format="rgb24").reformat(format=stored, threads=1)
        fresh = Converter().pixels(frame, side)
        assert np.array_equal(converter.pixels(frame, side), fresh)
