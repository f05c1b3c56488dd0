"""Boxes of a drawn video move from frame to frame, and do not stay behind when the camera has gone on."""

from __future__ import annotations

import numpy as np
import pytest

from walkaround.damage.findings import Findings, FoundBox, FoundMasks
from walkaround.damage.places import Box
from walkaround.inspection.following import FollowedPlaces
from walkaround.inspection.results import VideoFindings

MASKS = FoundMasks(names=("dent",), labels=np.ones((2, 2), np.uint8), colours={})


def frame(time: float, *boxes: Box, label: str = "dent", masks: FoundMasks | None = None) -> Findings:
    return Findings(
        source="walk.mp4", anomalous=bool(boxes), confidence=0.9, label="anomaly", damage=0.9, width=640, height=480, time=time,
        boxes=tuple(FoundBox(label=label, score=0.8, box=box) for box in boxes), masks=masks,
    )  # fmt: skip


def followed(*frames: Findings) -> FollowedPlaces:
    return FollowedPlaces(VideoFindings(frames=frames, whole=frames[0], duration=frames[-1].time or 0.0))


def boxes_at(places: FollowedPlaces, time: float) -> list[Box]:
    return [box.box for box in places.at(time).boxes or ()]


def test_a_box_is_on_its_way_between_two_frames() -> None:
    places = followed(frame(0.0, (0, 0, 100, 100)), frame(0.5, (50, 20, 150, 120)))
    assert boxes_at(places, 0.25) == [pytest.approx((25, 10, 125, 110))]
    assert boxes_at(places, 0.5) == [(50, 20, 150, 120)]
    assert places.at(0.25).time == 0.25


@pytest.mark.parametrize(("time", "shown"), [(0.0, 1), (0.2, 1), (0.3, 0), (4.7, 0), (4.8, 1), (5.2, 1), (5.3, 0)])
def test_frames_that_are_far_apart_are_not_joined(time: float, shown: int) -> None:
    places = followed(frame(0.0, (0, 0, 100, 100)), frame(5.0, (0, 0, 100, 100)), frame(10.0))
    assert len(boxes_at(places, time)) == shown


def test_boxes_of_different_damage_do_not_turn_into_each_other() -> None:
    places = followed(frame(0.0, (0, 0, 100, 100), label="dent"), frame(0.5, (0, 0, 100, 100), label="scratch"))
    assert [box.label for box in places.at(0.1).boxes or ()] == ["dent"]
    assert [box.label for box in places.at(0.4).boxes or ()] == ["scratch"]


def test_masks_are_shown_near_their_frame_alone() -> None:
    places = followed(frame(0.0, masks=MASKS), frame(2.0))
    assert places.at(0.2).masks is MASKS
    assert places.at(0.4).masks is None


def test_a_model_without_boxes_has_none_at_any_time() -> None:
    bare = Findings(source="a", anomalous=True, confidence=0.9, label="dent", damage=0.9, width=64, height=48, time=0.0)
    places = followed(bare)
    assert places.at(3.0).boxes is None
    assert places.at(3.0).label == "dent"
