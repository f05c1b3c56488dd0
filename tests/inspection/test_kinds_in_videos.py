"""A multi-label model on a video: damage types are pooled each for itself, and their spans may overlap."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from walkaround.damage.findings import Findings
from walkaround.inspection.detector import findings_of
from walkaround.inspection.results import VideoFindings
from walkaround.inspection.spans import spans_of
from walkaround.inspection.video import verdict_of
from walkaround.media.banner import banner_of

CLASSES = ("normal", "dent", "scratch")


def frame(dent: float, scratch: float, *, time: float = 0.0, damage: float | None = None) -> Findings:
    found = findings_of(
        np.array([1 - (max(dent, scratch) if damage is None else damage), dent, scratch]),
        classes=CLASSES,
        damaged=np.array([False, True, True]),
        threshold=0.5,
        source="walk.mp4",
        size=(640, 480),
        kind_thresholds={"dent": 0.5, "scratch": 0.4},
    )
    return replace(found, time=time)


def frames(*rows: tuple[float, float]) -> list[Findings]:
    return [frame(dent, scratch, time=0.5 * number) for number, (dent, scratch) in enumerate(rows)]


def verdict(*rows: tuple[float, float]) -> Findings:
    return verdict_of(frames(*rows), normal=["normal"], threshold=0.5)


def test_damage_types_that_different_frames_show_are_all_told() -> None:
    whole = verdict(*[(0.9, 0.02)] * 4, *[(0.02, 0.95)] * 4, *[(0.02, 0.02)] * 4)
    assert whole.anomalous
    assert list(whole.kinds or ()) == ["scratch", "dent"]
    assert whole.label == "scratch"
    assert whole.probabilities["normal"] == pytest.approx(1 - whole.damage)
    assert whole.probabilities["dent"] + whole.probabilities["scratch"] > 1
    line: Any = VideoFindings(frames=(), whole=whole, duration=6.0).as_json()
    assert list(line["kinds"]) == ["scratch", "dent"]


def test_a_single_frame_tells_nothing_of_a_video() -> None:
    lone = verdict(*[(0.9, 0.02)] * 4, (0.02, 0.95), *[(0.02, 0.02)] * 4)
    assert list(lone.kinds or ()) == ["dent"]
    none = verdict((0.9, 0.9), *[(0.02, 0.02)] * 9)
    assert (none.anomalous, none.kinds, none.label) == (False, {}, "normal")


def test_without_whole_cars_a_video_is_damaged() -> None:
    rows = [
        replace(one, probabilities={"dent": 0.2, "scratch": 0.3}, damage=1.0, kinds={}) for one in frames(*[(0.2, 0.3)] * 5)
    ]
    whole = verdict_of(rows, normal=[], threshold=0.5)
    assert (whole.anomalous, whole.damage, whole.label, whole.kinds) == (True, 1.0, "scratch", {})


def test_spans_of_different_damage_types_overlap() -> None:
    rows = [*[(0.95, 0.02)] * 8, *[(0.95, 0.95)] * 8, *[(0.02, 0.95)] * 8, *[(0.02, 0.02)] * 12]
    dent, scratch = spans_of(frames(*rows), normal=["normal"], threshold=0.5, duration=18.0)
    assert (dent.label, scratch.label) == ("dent", "scratch")
    assert [dent.begin, dent.end, scratch.begin, scratch.end] == pytest.approx([0.0, 7.75, 3.75, 11.75])
    assert dent.frames == 16
    assert scratch.confidence == pytest.approx(0.95)


def test_damage_of_no_type_has_a_span_too() -> None:
    rows = [frame(0.1, 0.05, time=0.5 * number, damage=0.95) for number in range(12)]
    (span,) = spans_of(rows, normal=["normal"], threshold=0.5, duration=6.0)
    assert span.label == "dent"


def test_the_banner_names_all_of_them() -> None:
    both, one = (np.asarray(banner_of(900, 600, found)) for found in (frame(0.9, 0.9), frame(0.9, 0.1)))
    assert both.shape == one.shape
    assert (both != one).any()
