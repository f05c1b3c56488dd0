"""Frames become spans: one for what is seen over many frames, none for a lone false alarm."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import numpy as np
import pytest

from walkaround.damage.findings import Findings
from walkaround.inspection.spans import DamageSpan, spans_of


def frame(time: float, damage: float, *, dent: float = 1.0) -> Findings:
    return Findings(
        source="walk.mp4",
        anomalous=damage >= 0.5,
        confidence=max(damage, 1 - damage),
        label="normal" if damage < 0.5 else "dent" if dent >= 0.5 else "scratch",
        damage=damage,
        probabilities={"normal": 1 - damage, "dent": damage * dent, "scratch": damage * (1 - dent)},
        width=64,
        height=48,
        time=time,
    )


def spans(damages: Sequence[float], *, gap: float = 0.5, threshold: float = 0.5) -> list[DamageSpan]:
    frames = [frame(number * gap, damage) for number, damage in enumerate(damages)]
    return list(spans_of(frames, normal=["normal"], threshold=threshold, duration=len(damages) * gap))


W, D = 0.03, 0.97  # surely whole, surely damaged


@pytest.mark.parametrize(
    ("damages", "expected"),
    [
        ([W] * 10, []),
        ([W] * 5 + [D] + [W] * 5, []),  # a lone false alarm
        ([W] * 2 + [1.0] + [W] * 2, []),  # however sure it is
        ([D] * 4 + [W] + [D] * 4, [(0.0, 4.5, 9)]),  # a lone miss
        ([W] * 6 + [D] * 5 + [W] * 6, [(2.75, 5.25, 5)]),
        ([W] * 5 + [D] * 5 + [W] * 8 + [D] * 5, [(2.25, 4.75, 5), (8.75, 11.5, 5)]),
        ([W] * 4 + [0.4, D, D, D, 0.4] + [W] * 4, [(2.25, 3.75, 3)]),
        ([0.55] * 2 + [W] * 8, []),
        ([D], [(0.0, 0.5, 1)]),
        ([], []),
    ],
)
def test_alarms_become_spans(damages: list[float], expected: list[tuple[float, float, int]]) -> None:
    assert [(span.begin, span.end, span.frames) for span in spans(damages)] == expected


@pytest.mark.parametrize(("gap", "found"), [(0.1, 0), (1.0, 0), (5.0, 1)])
def test_the_nearer_the_neighbours_the_more_they_tell(gap: float, found: int) -> None:
    assert len(spans([W, W, D, W, W], gap=gap)) == found


def test_frames_need_not_be_equidistant() -> None:
    times = [0, 0.2, 0.4, 0.6, 9.0, 20.0, 20.2, 20.4]
    frames = [frame(time, D if time == 9.0 else W) for time in times]
    (span,) = spans_of(frames, normal=["normal"], threshold=0.5, duration=21.0)
    assert (span.begin, span.end, span.strongest_time) == pytest.approx((4.8, 14.5, 9.0))


def test_kinds_of_damage_are_spans_of_their_own_and_do_not_flicker() -> None:
    shares = [1.0] * 5 + [0.4] + [1.0] * 4 + [0.05] * 10  # dents, one of them doubtful, then scratches
    frames = [frame(number / 2, D, dent=share) for number, share in enumerate(shares)]
    dent, scratch = spans_of(frames, normal=["normal"], threshold=0.5, duration=10.0)
    assert (dent.label, dent.frames, scratch.label, scratch.frames) == ("dent", 10, "scratch", 10)
    assert dent.end == scratch.begin == pytest.approx(4.75)


@pytest.mark.parametrize("threshold", [0.05, 0.5, 0.9])
def test_spans_follow_the_threshold_and_never_overlap(threshold: float) -> None:
    rng = np.random.default_rng(3)
    for _ in range(20):
        damages = np.repeat(rng.uniform(0, 1, 12), 5).tolist()
        found = spans(damages, threshold=threshold)
        assert all(first.end <= second.begin for first, second in pairwise(found))
        assert all(span.confidence >= threshold and span.begin <= span.strongest_time <= span.end for span in found)
    assert spans([threshold - 0.01] * 20, threshold=threshold) == []
    assert [span.frames for span in spans([threshold + 0.01] * 20, threshold=threshold)] == [20]


def test_a_model_of_whole_cars_alone_has_no_spans() -> None:
    assert spans_of([frame(0, W)], normal=["normal", "dent", "scratch"], threshold=0.5, duration=1.0) == ()
