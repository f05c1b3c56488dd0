"""A frame reached by a jump is the frame that decoding everything would have shown."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest
from av.video.frame import VideoFrame

from walkaround.errors import VideoError
from walkaround.media.containers import VideoLimits
from walkaround.media.seeking import frames_at
from walkaround.media.videos import read_frames

STEADY = [number / 10 for number in range(300)]
UNEVEN = np.cumsum(np.random.default_rng(1).choice([0.02, 0.05, 0.1, 0.7, 2.5], 120)).tolist()
WITH_TIMES = [("mp4", 0), ("mp4", 3), ("matroska", 2), ("mpegts", 2)]


def write(path: Path, times: Sequence[float], *, container: str = "mp4", b_frames: int = 0, every: int = 25) -> Path:
    """Frames whose brightness tells their number, with a key frame every so many."""
    with av.open(str(path), "w", format=container) as file:
        stream = file.add_stream("libx264", rate=10, options={"g": str(every), "bf": str(b_frames), "sc_threshold": "0"})
        stream.height, stream.width, stream.pix_fmt = 32, 32, "yuv420p"
        stream.codec_context.time_base = Fraction(1, 10 if container == "avi" else 1000)
        for number, time in enumerate(times):
            frame = VideoFrame.from_ndarray(np.full((32, 32, 3), 20 + number % 200, np.uint8), format="rgb24")
            frame.pts, frame.time_base = round(time * 1000), Fraction(1, 1000)
            file.mux(stream.encode(frame))
        file.mux(stream.encode())
    return path


@pytest.mark.parametrize("every", [0.5, 5.0, 9.7])
@pytest.mark.parametrize(
    ("container", "b_frames", "times"),
    [
        *((container, b_frames, times) for container, b_frames in WITH_TIMES for times in (STEADY, UNEVEN)),
        ("avi", 0, STEADY),  # which has one frame rate
    ],
)
def test_jumps_arrive_at_the_frame_that_is_shown(
    container: str, b_frames: int, times: list[float], every: float, tmp_path: Path
) -> None:
    path = write(tmp_path / "a.bin", times, container=container, b_frames=b_frames)
    through = list(read_frames(path))
    starts = [frame.time for frame in through]
    asked = np.arange(0, starts[-1], every).tolist()
    jumped = list(frames_at(path, asked))
    assert len(jumped) == len(asked)
    for time, frame in zip(asked, jumped, strict=True):
        shown = through[bisect_right(starts, time + 1e-4) - 1]
        assert frame.time == pytest.approx(shown.time, abs=1e-3)
        assert np.array_equal(frame.pixels, shown.pixels)


def test_it_ends_with_the_video(tmp_path: Path) -> None:
    path = write(tmp_path / "a.mp4", STEADY)
    assert [frame.time for frame in frames_at(path, [0, 29.95, 30.05, 31])] == pytest.approx([0, 29.9], abs=1e-3)


def test_what_is_jumped_over_is_not_decoded(tmp_path: Path) -> None:
    path = write(tmp_path / "a.mp4", STEADY)
    assert len(list(frames_at(path, [0, 10, 20], limits=VideoLimits(max_frames=80)))) == 3
    with pytest.raises(VideoError, match="80 frames"):
        list(frames_at(path, STEADY, limits=VideoLimits(max_frames=80)))


def test_a_file_that_is_cut_off_gives_what_is_there(tmp_path: Path) -> None:
    whole = write(tmp_path / "a.mkv", STEADY, container="matroska").read_bytes()
    (tmp_path / "cut.mkv").write_bytes(whole[: len(whole) // 2])
    frames = list(frames_at(tmp_path / "cut.mkv", [0, 5, 10, 15, 20, 25]))
    assert 2 <= len(frames) <= 4
