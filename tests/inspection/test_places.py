"""Boxes and masks of a package: where they are in the original, from which score they are told, what they say of the whole."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from made_models import BOX_PART, MASK_PART, made_package, picture_with
from walkaround.damage.findings import Findings
from walkaround.inspection.detector import Detector
from walkaround.inspection.places import Candidates, found_masks, mask_evidence, score_limits, sureness
from walkaround.inspection.video import inspect_video
from walkaround.media.videos import Frame, write_video

SPOT = (64, 48, 128, 96)
WHOLE = picture_with()
SCRATCHED = picture_with(SPOT)


@pytest.fixture(scope="module")
def packages(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    folder = tmp_path_factory.mktemp("packages")
    made_package(folder / "boxes", boxes=BOX_PART)
    made_package(folder / "unsure", boxes=BOX_PART, score=0.45)
    made_package(folder / "dents", boxes=BOX_PART, score=0.45, kind=1)
    made_package(folder / "masks", masks=MASK_PART)
    made_package(folder / "all", damage=0.2, boxes=BOX_PART, masks=MASK_PART)
    made_package(folder / "parts", boxes=replace(BOX_PART, classes=("other", "dent")))
    return {path.name: path for path in folder.iterdir()}


def test_a_box_lies_where_the_damage_is(packages: dict[str, Path]) -> None:
    found = Detector(packages["boxes"]).inspect(SCRATCHED, source="a")
    assert found.boxes is not None
    (box,) = found.boxes
    assert box.label == "scratch"
    assert box.score == pytest.approx(0.9)
    assert box.box == pytest.approx(SPOT, abs=4)
    assert found.masks is None


def test_boxes_are_in_pixels_of_the_original_when_the_picture_was_reduced(packages: dict[str, Path], tmp_path: Path) -> None:
    Image.fromarray(picture_with((640, 480, 1280, 960), width=2560, height=1920)).save(tmp_path / "a.jpg", quality=95)
    found = Detector(packages["boxes"]).read(tmp_path / "a.jpg")
    assert isinstance(found, Findings)
    assert found.boxes is not None
    assert found.boxes[0].box == pytest.approx((640, 480, 1280, 960), abs=48)
    assert (found.width, found.height) == (2560, 1920)


@pytest.mark.parametrize(
    ("name", "pixels", "told", "anomalous", "damage"),
    [
        ("boxes", SCRATCHED, 1, True, 0.875),  # 0.9 above a threshold of 0.6
        ("boxes", WHOLE, 0, False, 0.0),
        ("unsure", SCRATCHED, 0, False, 0.375),  # 0.45 below 0.6
        ("dents", SCRATCHED, 1, True, 0.5 + 0.15 / 0.7 / 2),  # the same score, above the 0.3 of its class
        ("parts", SCRATCHED, 1, False, 0.0),  # of a class that is no damage
    ],
)
def test_the_verdict_goes_by_the_surest_box(
    packages: dict[str, Path], name: str, pixels: np.ndarray, told: int, anomalous: bool, damage: float
) -> None:
    found = Detector(packages[name]).inspect(pixels, source="a")
    assert len(found.boxes or ()) == told
    assert found.anomalous == anomalous
    assert found.damage == pytest.approx(damage, abs=1e-6)
    assert found.label == ("anomaly" if anomalous else "normal")
    assert found.probabilities == pytest.approx({"normal": 1 - damage, "anomaly": damage}, abs=1e-6)


def test_another_threshold_tells_of_other_boxes_too(packages: dict[str, Path]) -> None:
    unsure = Detector(packages["unsure"])
    lenient = unsure.at_threshold(0.3)
    found = lenient.inspect(SCRATCHED, source="a")
    assert found.anomalous
    assert [box.score for box in found.boxes or ()] == [pytest.approx(0.45)]
    assert lenient.box_thresholds == pytest.approx({"scratch": 0.36, "dent": 0.18})
    assert unsure.box_thresholds == pytest.approx({"scratch": 0.6, "dent": 0.3})
    assert len(unsure.with_every_box().inspect(SCRATCHED, source="a").boxes or ()) == 1


def test_beside_a_classifier_places_change_no_verdict(packages: dict[str, Path]) -> None:
    detector = Detector(packages["all"])
    found = detector.inspect(SCRATCHED, source="a", heat=True)
    assert not found.anomalous
    assert found.damage == pytest.approx(0.2)
    assert found.heat_map is not None
    assert len(found.boxes or ()) == 1
    assert found.masks is not None
    only = detector.inspect(SCRATCHED, source="a", places=False)
    assert only.boxes is None
    assert only.masks is None
    assert only.damage == pytest.approx(0.2)


def test_masks_tell_each_class_and_its_area(packages: dict[str, Path]) -> None:
    pixels = picture_with((0, 0, 128, 96))
    pixels[96:, :64] = (20, 40, 250)
    found = Detector(packages["masks"]).inspect(pixels, source="a")
    assert found.masks is not None
    assert found.masks.areas == pytest.approx({"scratch": 0.25, "dent": 0.125}, abs=0.02)
    assert found.masks.labels[4, 4] == 1
    assert found.masks.labels[28, 4] == 2
    assert found.masks.colours == {"scratch": "#E69F00", "dent": "#0072B2"}
    assert found.anomalous
    assert found.damage == pytest.approx(0.925)  # 0.9 leads 0.05 by 0.85


def test_a_speck_is_noise(packages: dict[str, Path]) -> None:
    found = Detector(packages["masks"]).inspect(picture_with((8, 6, 16, 12)), source="a")
    assert found.masks is not None
    assert found.masks.areas == {}
    assert not found.anomalous


def test_a_video_shows_the_places_of_its_most_telling_frame(packages: dict[str, Path], tmp_path: Path) -> None:
    frames = [Frame(time=n / 4, pixels=SCRATCHED if n > 3 else WHOLE) for n in range(8)]
    write_video(tmp_path / "walk.mp4", frames, frame_rate=4.0)
    found = inspect_video(Detector(packages["boxes"]), tmp_path / "walk.mp4", rate=4.0)
    assert found.whole.anomalous
    assert found.whole.boxes is not None
    assert found.whole.boxes[0].box == pytest.approx(SPOT, abs=6)
    assert [len(frame.boxes or ()) for frame in found.frames] == [0, 0, 0, 0, 1, 1, 1, 1]


@pytest.mark.parametrize("least", [0.0, 0.2, 0.5, 0.8, 1.0])
def test_limits_are_the_scores_of_a_sureness(least: float) -> None:
    limits = score_limits(BOX_PART, least)
    assert sureness(limits, np.array(BOX_PART.thresholds)) == pytest.approx([least] * 2)


def test_sureness_rises_with_the_score() -> None:
    scores = np.linspace(0, 1, 101)
    for threshold in (0.0, 0.05, 0.5, 1.0):
        sure = sureness(scores, np.full(101, threshold))
        assert (np.diff(sure) >= 0).all()
        assert ((sure >= 0.5) == (scores >= threshold))[1:-1].all()


@pytest.mark.parametrize("seed", range(20))
def test_masks_speak_for_damage_just_where_a_class_is_found(seed: int) -> None:
    rng = np.random.default_rng(seed)
    raw = rng.gamma(0.3, size=(3, 6, 7)) * np.array([rng.uniform(0.5, 9), 1, 1])[:, None, None]
    probabilities = (raw / raw.sum(axis=0)).astype(np.float32)
    part = replace(MASK_PART, smallest=0.2)
    assert (mask_evidence(probabilities, part) >= 0.5) == bool(found_masks(probabilities, part).areas)


def test_candidates_can_be_chosen_by_number() -> None:
    found = Candidates(
        boxes=np.eye(4, dtype=np.float32)[:3], scores=np.array([0.9, 0.5, 0.1], np.float32),
        class_ids=np.array([0, 1, 0]), cut=np.array([False, True, False]),
    )  # fmt: skip
    assert found.chosen(np.array([2, 0])).scores.tolist() == pytest.approx([0.1, 0.9])


def test_colours_of_mask_labels_hold_for_boxes_too(packages: dict[str, Path]) -> None:
    assert Detector(packages["all"]).colours == {"scratch": "#E69F00", "dent": "#0072B2"}
    assert Detector(packages["boxes"]).colours == {"scratch": "#F0E442", "dent": "#E69F00"}


def test_the_card_tells_what_a_picture_is_read_at(tmp_path: Path) -> None:
    large = replace(MASK_PART, side=96)
    made_package(tmp_path / "large", damage=0.5, boxes=BOX_PART, masks=large)
    assert (Detector(tmp_path / "large").side, Detector(tmp_path / "large").frame_side) == (96, 96)
