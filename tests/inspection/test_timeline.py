"""The strip shows stretches of damage and the position, at any size."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from walkaround.damage.findings import Findings
from walkaround.inspection.results import VideoFindings
from walkaround.inspection.spans import DamageSpan
from walkaround.inspection.timeline import Timeline

WHOLE = Findings(source="a.mp4", anomalous=False, confidence=0.9, label="normal", damage=0.1, width=64, height=48, time=0.0)


def video(*stretches: tuple[float, float], duration: float = 10.0) -> VideoFindings:
    spans = tuple(
        DamageSpan(label="dent", begin=begin, end=end, frames=1, strongest_time=begin, confidence=0.9)
        for begin, end in stretches
    )
    return VideoFindings(frames=(WHOLE,), whole=WHOLE, duration=duration, spans=spans)


def orange(strip: NDArray[np.uint8]) -> NDArray[np.bool_]:
    """Which columns hold the colour of damage."""
    red, _, blue = np.moveaxis(strip.astype(int), 2, 0)
    return np.asarray((red - blue > 100).any(axis=0))


@pytest.mark.parametrize(("width", "height"), [(64, 64), (426, 240), (1280, 720), (3840, 2160)])
def test_damaged_stretches_and_the_position_are_seen(width: int, height: int) -> None:
    strip = Timeline(video((2.0, 4.0), (9.0, 10.0)), width=width, height=height).at(7.0)
    assert strip.shape[1:] == (width, 3)
    assert 14 <= len(strip) <= max(14, height // 20)
    coloured = orange(strip)
    assert coloured[[round(width * part) for part in (0.3, 0.94)]].all()
    assert not coloured[[round(width * part) for part in (0.1, 0.6, 0.8)]].any()
    white = np.flatnonzero((strip == 255).all(axis=(0, 2)))
    assert abs(white.mean() / width - 0.7) < 0.03


def test_a_short_stretch_in_a_long_video_is_still_seen() -> None:
    strip = Timeline(video((1800.0, 1801.0), duration=3600.0), width=640, height=480).at(0.0)
    assert orange(strip).sum() >= 3


@pytest.mark.parametrize("time", [-1.0, 0.0, 10.0, 99.0])
def test_the_position_stays_on_the_strip(time: float) -> None:
    assert (Timeline(video(), width=320, height=240).at(time) == 255).all(axis=(0, 2)).any()
