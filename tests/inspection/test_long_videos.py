"""Hours of video are gone through in the memory that a minute takes."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from walkaround.errors import VideoError
from walkaround.inspection import video as inspection
from walkaround.inspection.frames import choose_frames, frames_at_rate
from walkaround.media.containers import LONG_VIDEO_LIMITS
from walkaround.media.videos import Frame, write_video

PEAKS = """
import resource, sys
from collections import deque
from pathlib import Path
from walkaround.inspection.capture import capture_frames
from walkaround.inspection.frames import choose_frames, frames_at_rate
from walkaround.media.containers import LONG_VIDEO_LIMITS as limits

for path in map(Path, sys.argv[1:]):
    chosen = choose_frames(path, limits=limits)
    deque(frames_at_rate(path, rate=1.0, limits=limits), maxlen=0)
    captured = list(capture_frames(path, every=600.0, at_most=100, limits=limits))
    print(len(chosen), len(captured), resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024)
"""


def drive(seconds: int) -> Iterator[Frame]:
    """One frame a second of something that moves; 10 kB each."""
    wide = np.random.default_rng(0).integers(0, 256, (6, 40), dtype=np.uint8).repeat(8, axis=0).repeat(8, axis=1)
    for second in range(seconds):
        yield Frame(time=float(second), pixels=np.repeat(wide[:, second % 256 :][:, :64, None], 3, axis=2))


@pytest.fixture(scope="module")
def hours(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("long") / "hours.mp4"
    write_video(path, drive(5400), frame_rate=1)
    return path


def test_memory_does_not_grow_with_the_length(hours: Path, tmp_path: Path) -> None:
    write_video(tmp_path / "minute.mp4", drive(60), frame_rate=1)
    command = [sys.executable, "-c", PEAKS, str(tmp_path / "minute.mp4"), str(hours)]
    lines = subprocess.run(command, check=True, capture_output=True, text=True).stdout.split()
    (_, _, before), (chosen, captured, after) = (map(int, lines[:3]), map(int, lines[3:]))
    assert (chosen, captured) == (24, 9)
    assert after - before < 25  # MB, where the frames alone would take 50


def test_hours_are_refused_where_somebody_waits(hours: Path) -> None:
    with pytest.raises(VideoError, match="lasts 5400 s, more than the 3600 s allowed"):
        choose_frames(hours)
    assert sum(1 for _ in frames_at_rate(hours, rate=0.1, limits=LONG_VIDEO_LIMITS)) == 540


def test_more_findings_than_can_be_held_are_refused(tmp_path: Path) -> None:
    frames = inspection._few_enough(tmp_path, (Frame(time=0.0, pixels=np.zeros((1, 1, 3), np.uint8)) for _ in range(100_001)))
    with pytest.raises(VideoError, match="more than 100,000 frames to inspect"):
        sum(1 for _ in frames)
