"""Frames are put together into one verdict that a single frame cannot turn."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from walkaround.damage.findings import Findings
from walkaround.errors import InputError, VideoError
from walkaround.inspection.detector import Detector
from walkaround.inspection.video import inspect_video, pooled_frames, verdict_of


def frame(damage: float, *, time: float = 0.0, dent: float = 0.5) -> Findings:
    return Findings(
        source="walk.mp4",
        anomalous=damage >= 0.5,
        confidence=max(damage, 1 - damage),
        label="dent" if damage >= 0.5 else "normal",
        damage=damage,
        probabilities={"normal": 1 - damage, "dent": damage * dent, "scratch": damage * (1 - dent)},
        width=640,
        height=480,
        time=time,
    )


def verdict(damages: list[float], threshold: float = 0.5) -> Findings:
    return verdict_of([frame(damage, time=n / 2) for n, damage in enumerate(damages)], normal=["normal"], threshold=threshold)


@pytest.mark.parametrize(
    ("damages", "anomalous"),
    [
        ([0.1] * 24, False),
        ([0.1] * 23 + [1.0], False),  # a false alarm in one blurry frame
        ([0.49] * 23 + [1.0], False),
        ([0.1] * 20 + [0.95] * 4, True),  # damage that is seen for a sixth of the walk
        ([0.1] * 21 + [0.999] * 3, True),
        ([0.1] * 22 + [0.6] * 2, False),
        ([0.9] * 24, True),
        ([0.9] * 23 + [0.0], True),
        ([0.1, 0.1, 0.1, 1.0], False),
        ([0.1, 0.1, 0.7, 1.0], True),
        ([0.9], True),
        ([0.1, 0.9, 0.2], True),
    ],
)
def test_the_verdict_of_a_video(damages: list[float], anomalous: bool) -> None:
    shuffled = np.random.default_rng(0).permutation(damages).tolist()
    assert verdict(damages).anomalous == verdict(shuffled).anomalous == anomalous


@pytest.mark.parametrize("threshold", [0.02, 0.3, 0.5, 0.9])
@pytest.mark.parametrize("frames", [4, 12, 24, 300])
def test_no_single_frame_makes_a_video_damaged(frames: int, threshold: float) -> None:
    rng = np.random.default_rng(frames)
    for _ in range(20):
        damages = [*rng.uniform(0, threshold * 0.999, frames - 1), 1.0]
        assert not verdict(damages, threshold).anomalous
    assert verdict([threshold * 1.001] * frames, threshold).anomalous


def test_the_probabilities_of_the_whole_agree_with_its_verdict() -> None:
    whole = verdict([0.05] * 18 + [0.9] * 6)
    assert sum(whole.probabilities.values()) == pytest.approx(1)
    assert whole.probabilities["dent"] + whole.probabilities["scratch"] == pytest.approx(whole.damage) == pytest.approx(0.9)
    assert whole.time == 9.0


def test_the_label_is_that_of_the_strongest_frames() -> None:
    frames = [*[frame(0.2, dent=1.0)] * 20, *[frame(0.9, dent=0.1)] * 4]
    assert verdict_of(frames, normal=["normal"], threshold=0.5).label == "scratch"


@pytest.mark.parametrize(("frames", "pooled"), [(1, 1), (3, 1), (4, 2), (12, 2), (24, 5), (300, 60)])
def test_a_fifth_of_the_frames_decides(frames: int, pooled: int) -> None:
    assert pooled_frames(frames) == pooled


@pytest.mark.parametrize("damage", [0.0, 1.0])
def test_a_model_without_whole_cars_still_gives_probabilities(damage: float) -> None:
    whole = verdict_of([frame(damage)] * 5, normal=[], threshold=0.5)
    assert sum(whole.probabilities.values()) == pytest.approx(1)


def test_the_frames_of_a_video_have_times_and_the_original_size(detector: Detector, clip: Path) -> None:
    found = inspect_video(detector, clip, heat=True)
    times = [one.time for one in found.frames if one.time is not None]
    assert len(times) == len(found.frames) >= 6
    assert times == sorted(times)
    assert all((one.width, one.height) == (320, 240) for one in (*found.frames, found.whole))
    assert all(one.heat_map is not None for one in found.frames)
    assert [one.anomalous for one in found.frames] == [time >= 1.5 for time in times]
    assert found.whole.anomalous
    assert found.duration == pytest.approx(3.0, abs=0.15)
    (span,) = found.spans
    assert (span.label, span.end) == ("smash", found.duration)
    assert span.begin == pytest.approx(1.5, abs=0.3)


def test_a_rate_gives_frames_at_that_rate(detector: Detector, clip: Path) -> None:
    found = inspect_video(detector, clip, rate=2.0)
    assert [one.time for one in found.frames] == pytest.approx([0.0, 0.5, 1.0, 1.5, 2.0, 2.5])
    assert found.nearest(1.2).time == pytest.approx(1.0)


def test_what_cannot_be_inspected_says_why(detector: Detector, clip: Path, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="0 frames"):
        inspect_video(detector, clip, at_most=0)
    broken = tmp_path / "cut.mp4"
    broken.write_bytes(clip.read_bytes()[:400])
    with pytest.raises(VideoError, match=r"cut\.mp4"):
        inspect_video(detector, broken)
