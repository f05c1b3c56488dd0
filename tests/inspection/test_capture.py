"""Captured frames have the names, the number and the shape that MediaConvert gives them."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from walkaround.errors import InputError, VideoError
from walkaround.inspection.capture import capture_frames
from walkaround.media.videos import Frame, write_video


def clip(path: Path, *, seconds: float, width: int = 64, height: int = 48) -> Path:
    """Brightness rises by 10 a second; ten frames a second."""
    frames = (
        Frame(time=n / 10, pixels=np.full((height, width, 3), min(250, 50 + n // 10 * 10), np.uint8))
        for n in range(round(seconds * 10))
    )
    write_video(path, frames, frame_rate=10)
    return path


@pytest.mark.parametrize(("seconds", "count"), [(0.1, 1), (4.9, 1), (5.1, 2), (10.1, 3), (19.0, 4), (21.5, 4)])
def test_a_frame_every_five_seconds_up_to_four(seconds: float, count: int, tmp_path: Path) -> None:
    captured = list(capture_frames(clip(tmp_path / "my.walk.mp4", seconds=seconds)))
    assert [frame.name for frame in captured] == [f"my.walkjpg.000000{number}.jpg" for number in range(count)]
    assert [frame.time for frame in captured] == [0.0, 5.0, 10.0, 15.0][:count]
    assert [round(int(frame.pixels[250, 250, 0]) / 10) * 10 for frame in captured] == [50, 100, 150, 200][:count]


@pytest.mark.parametrize(
    ("size", "inside"),
    [((500, 500), (0, 62, 500, 438)), ((640, 360), (80, 0, 560, 360)), ((32, 64), (0, 20, 32, 44)), (None, (0, 0, 64, 48))],
)
def test_other_shapes_are_padded_with_black(
    size: tuple[int, int] | None, inside: tuple[int, int, int, int], tmp_path: Path
) -> None:
    (frame,) = capture_frames(clip(tmp_path / "a.mp4", seconds=0.5), size=size)
    with Image.open(io.BytesIO(frame.jpeg)) as image:
        assert image.format == "JPEG"
        assert image.size == (size or (64, 48))
        bright = image.convert("L").point(lambda value: 255 if value > 30 else 0)
    assert np.abs(np.array(bright.getbbox()) - inside).max() <= 1


def test_quality_and_interval_are_kept(tmp_path: Path) -> None:
    path = clip(tmp_path / "a.mp4", seconds=3)
    assert [frame.time for frame in capture_frames(path, every=0.8, at_most=10)] == pytest.approx([0, 0.8, 1.6, 2.4])
    (coarse,), (fine,) = (list(capture_frames(path, at_most=1, quality=quality)) for quality in (10, 100))
    assert len(coarse.jpeg) < len(fine.jpeg)


@pytest.mark.parametrize("given", [{"every": 0.0}, {"every": float("nan")}, {"at_most": 0}, {"quality": 0}, {"quality": 101}])
def test_numbers_that_make_no_sense_are_refused(given: dict[str, Any], tmp_path: Path) -> None:
    with pytest.raises(InputError, match="give positive numbers"):
        next(capture_frames(clip(tmp_path / "a.mp4", seconds=0.2), **given))


def test_what_is_no_video_is_refused(tmp_path: Path) -> None:
    (tmp_path / "a.mp4").write_text("hello")
    with pytest.raises(VideoError, match="is not a video"):
        next(capture_frames(tmp_path / "a.mp4"))
