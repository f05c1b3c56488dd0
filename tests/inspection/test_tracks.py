"""A damage is followed through a video by its box, and is one span however often it is seen."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from time import monotonic

import pytest

from walkaround.damage.findings import Findings, FoundBox
from walkaround.inspection.spans import DamageSpan, spans_of
from walkaround.inspection.tracks import tracks_of

Boxes = Sequence[tuple[str, float, float]]
"""Label, left edge, score; each box is 40 pixels wide and 30 high."""


def frame(time: float, boxes: Boxes, *, damage: float = 0.9) -> Findings:
    return Findings(
        source="walk.mp4",
        anomalous=damage >= 0.5,
        confidence=max(damage, 1 - damage),
        label="anomaly" if damage >= 0.5 else "normal",
        damage=damage,
        probabilities={"normal": 1 - damage, "anomaly": damage},
        width=640,
        height=480,
        time=time,
        boxes=tuple(FoundBox(label=label, score=score, box=(x, 10.0, x + 40, 40.0)) for label, x, score in boxes),
    )


def spans(boxes: Sequence[Boxes], *, gap: float = 0.5, damage: float = 0.9) -> list[DamageSpan]:
    frames = [frame(number * gap, some, damage=damage if some else 0.02) for number, some in enumerate(boxes)]
    return list(spans_of(frames, normal=["normal"], threshold=0.5, duration=len(boxes) * gap))


def dent(x: float = 100.0, score: float = 0.8) -> Boxes:
    return [("dent", x, score)]


NO: Boxes = []


@pytest.mark.parametrize(
    ("boxes", "expected"),
    [
        ([NO] * 10, []),
        ([NO] * 5 + [dent()] + [NO] * 5, []),  # a lone false alarm
        ([NO] * 4 + [dent()] * 5 + [NO] * 4, [(1.75, 4.25, 5)]),
        ([NO] * 4 + [dent()] * 3 + [NO] + [dent()] * 3 + [NO] * 4, [(1.75, 5.25, 6)]),  # missed once
        ([NO] * 4 + [dent()] * 5 + [NO] * 12 + [dent()] * 5, [(1.75, 4.25, 5), (10.25, 13.0, 5)]),
        ([NO] * 4 + [dent(100 + 25 * step) for step in range(8)] + [NO] * 4, [(1.75, 5.75, 8)]),  # the camera walks on
        ([dent()], [(0.0, 0.5, 1)]),
    ],
)
def test_boxes_become_spans(boxes: list[Boxes], expected: list[tuple[float, float, int]]) -> None:
    assert [(span.begin, span.end, span.frames) for span in spans(boxes)] == expected


def test_two_damages_at_the_same_time_are_two_spans_with_their_boxes() -> None:
    both = [[("dent", 100.0, 0.7 + step / 100), ("dent", 400.0, 0.9)] for step in range(6)]
    first, second = spans([NO] * 3 + both + [NO] * 3)
    assert {first.box, second.box} == {(100.0, 10.0, 140.0, 40.0), (400.0, 10.0, 440.0, 40.0)}
    assert (first.begin, first.end) == (second.begin, second.end)
    left = first if first.box == (100.0, 10.0, 140.0, 40.0) else second
    assert left.strongest_time == 4.0
    assert left.confidence == pytest.approx(0.725)
    assert left.as_json()["box"] == [100.0, 10.0, 140.0, 40.0]


def test_what_bears_another_label_is_another_damage() -> None:
    found = spans([[("dent", 100.0, 0.9), ("scratch", 100.0, 0.9)]] * 6)
    assert sorted(span.label for span in found) == ["dent", "scratch"]


def test_damage_that_only_the_verdict_speaks_for_is_told_beside_the_boxes() -> None:
    frames = [
        frame(step / 2, dent() if step < 8 else NO, damage=0.97 if step < 8 or step >= 20 else 0.02) for step in range(30)
    ]
    boxed, unboxed = spans_of(frames, normal=["normal"], threshold=0.5, duration=15.0)
    assert (boxed.label, boxed.box is None) == ("dent", False)
    assert (unboxed.label, unboxed.box) == ("anomaly", None)
    assert boxed.end <= unboxed.begin


def test_a_model_without_boxes_tells_the_spans_of_its_verdicts() -> None:
    frames = [replace(frame(step / 2, NO, damage=0.97), boxes=None) for step in range(8)]
    (span,) = spans_of(frames, normal=["normal"], threshold=0.5, duration=4.0)
    assert (span.label, span.frames, span.box) == ("anomaly", 8, None)
    assert "box" not in span.as_json()


def test_boxes_that_cross_keep_the_track_that_they_overlap_most() -> None:
    frames = [frame(step / 2, [("dent", 100.0 + 10 * step, 0.9), ("dent", 160.0 - 10 * step, 0.5)]) for step in range(3)]
    tracks = tracks_of(frames)
    assert sorted([box.score for box in track.values()] for track in tracks) == [[0.5] * 3, [0.9] * 3]


def test_a_box_of_quite_another_size_far_away_is_another_damage() -> None:
    small = frame(0.0, [("dent", 100.0, 0.9)])
    large = replace(small, time=0.5, boxes=(FoundBox(label="dent", score=0.9, box=(150.0, 0.0, 600.0, 400.0)),))
    assert len(tracks_of([small, large])) == 2


def test_a_long_video_takes_no_longer_for_each_frame() -> None:
    frames = [
        frame(step / 10, dent(100 + step % 50), damage=0.9) if step // 20 % 5 == 0 else frame(step / 10, NO)
        for step in range(8_000)
    ]
    began = monotonic()
    found = spans_of(frames, normal=["normal"], threshold=0.5, duration=800.0)
    assert len([span for span in found if span.box]) == 80
    assert monotonic() - began < 20
