"""The chosen frames are sharp, distinct, few, and leave no part of the video out."""

from __future__ import annotations

import json
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image, ImageFilter

from walkaround.errors import InputError, VideoError
from walkaround.inspection.frames import choose_frames, frames_at_rate
from walkaround.media.videos import Frame, write_video

VIDEOS = Path(__file__).parents[3] / "shared" / "data" / "videos"
needs_videos = pytest.mark.skipif(not VIDEOS.is_dir(), reason="the real videos of ../shared/data are not here")
RATE = 10.0


@cache
def scene(seed: int) -> NDArray[np.uint8]:
    """A wide picture of coloured patches, to pan over."""
    patches = np.random.default_rng(seed).integers(0, 256, (6, 16, 3), dtype=np.uint8)
    return np.asarray(Image.fromarray(patches).resize((320, 96), Image.Resampling.NEAREST))


def pan(seed: int, *, seconds: float, start: float = 0.0, step: int = 3) -> Iterator[Frame]:
    for number in range(round(seconds * RATE)):
        yield Frame(time=start + number / RATE, pixels=scene(seed)[:, number * step % 192 :][:, :128])


def still(seed: int, *, seconds: float, start: float = 0.0) -> Iterator[Frame]:
    rng = np.random.default_rng(seed)
    for number in range(round(seconds * RATE)):
        noisy = scene(seed)[:, :128] + rng.normal(0, 3, (96, 128, 3))
        yield Frame(time=start + number / RATE, pixels=np.clip(noisy, 0, 255).astype(np.uint8))


def video(path: Path, *parts: Iterator[Frame]) -> Path:
    write_video(path, (frame for part in parts for frame in part), frame_rate=RATE)
    return path


def scenes_of(frames: list[Frame], borders: list[float]) -> set[int]:
    return {int(np.searchsorted(borders, frame.time + 1e-3)) for frame in frames}


@pytest.mark.parametrize("at_most", [8, 12, 24])
def test_every_scene_is_there_however_short(at_most: int, tmp_path: Path) -> None:
    lengths = [4.0, 0.5, 3.0, 0.6, 5.0, 1.0, 0.4, 2.0]
    borders = np.cumsum(lengths).tolist()
    starts = [0.0, *borders[:-1]]
    parts = [pan(i, seconds=length, start=start) for i, (length, start) in enumerate(zip(lengths, starts, strict=True))]
    frames = choose_frames(video(tmp_path / "a.mp4", *parts), at_most=at_most)
    assert scenes_of(frames, borders) == set(range(8))
    assert len(frames) <= at_most
    assert (np.diff([frame.time for frame in frames]) > 0).all()


def test_a_pan_is_covered_over_its_whole_length(tmp_path: Path) -> None:
    frames = choose_frames(video(tmp_path / "a.mp4", pan(1, seconds=6.0)), at_most=6)
    times = [0.0, *(frame.time for frame in frames), 6.0]
    assert len(frames) == 6
    assert max(np.diff(times)) < 2.5


def test_a_still_scene_gives_one_frame(tmp_path: Path) -> None:
    path = video(tmp_path / "a.mp4", still(2, seconds=6.0), pan(3, seconds=3.0, start=6.0))
    times = [frame.time for frame in choose_frames(path, at_most=10)]
    assert sum(time < 6 for time in times) == 1
    assert sum(time >= 6 for time in times) >= 5


def test_the_sharp_frames_are_chosen(tmp_path: Path) -> None:
    sharp = {5, 17, 24, 36, 44, 52}

    def shaken() -> Iterator[Frame]:
        for number, frame in enumerate(pan(4, seconds=6.0, step=1)):
            image = Image.fromarray(frame.pixels)
            yield (
                frame
                if number in sharp
                else Frame(time=frame.time, pixels=np.asarray(image.filter(ImageFilter.GaussianBlur(3))))
            )

    frames = choose_frames(video(tmp_path / "a.mp4", shaken()), at_most=4)
    assert {round(frame.time * RATE) for frame in frames} <= sharp


@pytest.mark.parametrize(("at_most", "expected"), [(1, 1), (2, 2), (50, 3)])
def test_no_more_frames_come_than_were_asked_for_or_are_there(at_most: int, expected: int, tmp_path: Path) -> None:
    parts = [pan(seed, seconds=0.1, start=seed / RATE) for seed in range(3)]
    assert len(choose_frames(video(tmp_path / "a.mp4", *parts), at_most=at_most)) == expected


def test_frames_come_reduced_but_never_enlarged(tmp_path: Path) -> None:
    path = video(tmp_path / "a.mp4", pan(5, seconds=1.0))
    assert choose_frames(path, side=48)[0].pixels.shape == (48, 64, 3)
    assert choose_frames(path)[0].pixels.shape == (96, 128, 3)


@pytest.mark.parametrize(("rate", "expected"), [(1, [0, 1, 2]), (2.5, [0, 0.4, 0.8, 1.2, 1.6, 2, 2.4, 2.8]), (100, None)])
def test_a_fixed_rate_gives_frames_at_that_rate(rate: float, expected: list[float] | None, tmp_path: Path) -> None:
    path = video(tmp_path / "a.mp4", still(6, seconds=3.0))
    times = [frame.time for frame in choose_frames(path, rate=rate)]
    assert times == pytest.approx(expected if expected is not None else np.arange(30) / RATE, abs=1e-3)
    assert times == [frame.time for frame in frames_at_rate(path, rate=rate)]


def test_a_gap_in_a_variable_frame_rate_gives_no_frame_twice(tmp_path: Path) -> None:
    path = video(tmp_path / "a.mp4", still(7, seconds=0.5), still(8, seconds=0.5, start=5.0))
    assert [frame.time for frame in frames_at_rate(path, rate=2)] == pytest.approx([0, 5.0], abs=1e-3)


@pytest.mark.parametrize(("at_most", "rate"), [(0, None), (-1, None), (5, 0.0), (5, -1.0), (5, float("nan"))])
def test_a_choice_that_cannot_be_made_is_refused(at_most: int, rate: float | None, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="ask for"):
        choose_frames(video(tmp_path / "a.mp4", pan(0, seconds=0.2)), at_most=at_most, rate=rate)


def test_what_is_no_video_is_refused(tmp_path: Path) -> None:
    (tmp_path / "a.mp4").write_text("hello")
    with pytest.raises(VideoError, match="is not a video"):
        choose_frames(tmp_path / "a.mp4")


@pytest.mark.photos
@needs_videos
@pytest.mark.parametrize("at_most", [8, 24])
def test_every_car_of_the_real_video_is_represented(at_most: int) -> None:
    segments = json.loads((VIDEOS / "pan-over-stills.json").read_text())["segments"]
    frames = choose_frames(VIDEOS / "pan-over-stills.mp4", at_most=at_most, side=160)
    numbers = [round(frame.time * 15) for frame in frames]
    for segment in segments:
        assert any(segment["start_frame"] <= number <= segment["end_frame"] for number in numbers)
    assert len(frames) == at_most
