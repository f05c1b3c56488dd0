"""A package that finds boxes and masks, measured on drawn places: scores, the page with the truth beside, the terminal."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from subprocess import CompletedProcess

import numpy as np
import pytest
from PIL import Image

from made_models import BOX_PART, MASK_PART, made_package, picture_with
from walkaround.damage.places import Box, Place, Polygons
from walkaround.datasets.sample import Sample
from walkaround.evaluation.measure import Evaluation
from walkaround.evaluation.page_places import views_of
from walkaround.evaluation.scorecard import as_json, write_html
from walkaround.inspection.detector import Detector
from walkaround.training.evaluate import facts_of, measure_package, with_heat_maps

SPOT, OTHER = (64.0, 48.0, 128.0, 96.0), (160.0, 20.0, 220.0, 60.0)


def place(box: Box, label: str = "scratch") -> Place:
    left, top, right, bottom = box
    ring = ((left, top), (right, top), (right, bottom), (left, bottom))
    return Place(label=label, box=box, outline=Polygons(rings=(ring,)))


@pytest.fixture
def samples(tmp_path: Path) -> list[Sample]:
    """Found, whole, invented, missed, and one that nobody drew on."""
    drawn = {
        "found": (picture_with((64, 48, 128, 96)), (place(SPOT),)),
        "whole": (picture_with(), ()),
        "invented": (picture_with((64, 48, 128, 96)), ()),
        "missed": (picture_with(), (place(OTHER),)),
        "unseen": (picture_with(), None),
    }
    for name, (pixels, _) in drawn.items():
        Image.fromarray(pixels).save(tmp_path / f"{name}.png")
    return [Sample(path=tmp_path / f"{name}.png", label=None, places=places) for name, (_, places) in drawn.items()]


@pytest.fixture
def detector(tmp_path: Path) -> Detector:
    return Detector(made_package(tmp_path / "both", boxes=BOX_PART, masks=MASK_PART))


@pytest.fixture
def measured(detector: Detector, samples: list[Sample]) -> Evaluation:
    return measure_package(detector, samples)


def test_boxes_masks_and_the_verdict_are_measured_at_once(measured: Evaluation) -> None:
    assert measured.places is not None
    assert measured.places.boxes is not None
    assert measured.places.masks is not None
    told = measured.places.boxes.told
    assert (told.there, told.told, told.hits) == (2, 2, 1)
    assert measured.places.masks.per_class["scratch"].iou == pytest.approx(0.39, abs=0.04)
    assert (measured.scores.n, measured.scores.accuracy) == (4, 0.5)  # by places: found and whole are right
    assert [path.name for path in measured.unlabelled] == ["unseen.png"]


def test_the_worst_picture_comes_first(measured: Evaluation) -> None:
    assert measured.places is not None
    worst = [(row.path.stem, row.missed, row.false_alarms) for row in measured.places.worst]
    assert worst[0] == ("missed", 1, 0)
    assert worst[1] == ("invented", 0, 1)
    assert "whole" not in [name for name, *_ in worst]


def test_boxes_below_the_threshold_count_in_the_average_alone(tmp_path: Path, samples: list[Sample]) -> None:
    unsure = measure_package(Detector(made_package(tmp_path / "unsure", boxes=BOX_PART, score=0.4)), samples)
    assert unsure.places is not None
    assert unsure.places.boxes is not None
    assert unsure.places.masks is None
    assert unsure.places.boxes.told.told == 0
    assert unsure.places.boxes.average.ap50 == pytest.approx(0.5, abs=0.01)
    assert all(row.findings.boxes == () for row in unsure.places.rows)


def test_labelled_whole_pictures_count_where_nobody_drew(tmp_path: Path, samples: list[Sample]) -> None:
    detector = Detector(made_package(tmp_path / "all", damage=0.9, boxes=BOX_PART))
    labelled = [
        replace(samples[0], label="anomaly"),
        replace(samples[2], label="normal", places=None),
        replace(samples[4], label="anomaly"),
    ]
    evaluation = measure_package(detector, labelled)
    assert evaluation.places is not None
    assert evaluation.places.boxes is not None
    assert (evaluation.places.boxes.n, evaluation.places.boxes.told.told) == (2, 2)
    assert (evaluation.scores.n, evaluation.scores.hits, evaluation.scores.false_alarms) == (3, 2, 1)


def test_places_with_boxes_alone_judge_no_masks(detector: Detector, samples: list[Sample]) -> None:
    bare = replace(samples[0], places=(Place(label="scratch", box=SPOT),))
    evaluation = measure_package(detector, [bare])
    assert evaluation.places is not None
    assert evaluation.places.masks is None
    assert evaluation.places.boxes is not None


def test_an_unreadable_picture_is_named(detector: Detector, samples: list[Sample], tmp_path: Path) -> None:
    (tmp_path / "found.png").write_bytes(b"\x89PNG\r\n\x1a\n nothing more")
    evaluation = measure_package(detector, samples)
    assert [path.name for path, _ in evaluation.unreadable] == ["found.png"]


def test_the_page_shows_truth_beside_prediction(detector: Detector, measured: Evaluation, tmp_path: Path) -> None:
    shown = with_heat_maps(detector, measured)
    assert shown.places is not None
    missed = shown.places.worst[0]
    truth, found = views_of(missed, shown.places)
    assert truth.shape == found.shape
    assert (truth != found).any(axis=2)[20:60, 160:220].any()
    write_html(tmp_path / "page.html", shown, title="both", facts=facts_of(detector, shown))
    page = (tmp_path / "page.html").read_text()
    assert page.count('alt="What was drawn on ') == page.count('alt="What was found in ') == len(shown.places.worst)
    assert "<h2>Boxes</h2>" in page
    assert "<h2>Masks</h2>" in page
    assert "It found 1 of 2 places of damage" in page
    assert page.index("missed.png</b>") < page.index("invented.png</b>")


def test_what_is_identical_looks_identical(detector: Detector, samples: list[Sample]) -> None:
    evaluation = with_heat_maps(detector, measure_package(detector, samples[:2]))
    assert evaluation.places is not None
    truth, found = views_of(evaluation.places.rows[1], evaluation.places)
    assert np.array_equal(truth, found)


def test_the_json_has_both(measured: Evaluation) -> None:
    told = json.loads(json.dumps(as_json(measured, {})))
    assert told["boxes"]["classes"]["scratch"]["there"] == 2
    assert told["masks"]["classes"]["scratch"]["iou"] == pytest.approx(0.39, abs=0.04)


def test_the_command_tells_of_both(
    command: Callable[..., CompletedProcess[str]], detector: Detector, samples: list[Sample], tmp_path: Path
) -> None:
    folder = tmp_path / "coco"
    folder.mkdir()
    images: list[dict[str, object]] = []
    annotations: list[dict[str, object]] = []
    for number, sample in enumerate(samples[:4], start=1):
        (folder / sample.path.name).write_bytes(sample.path.read_bytes())
        images.append({"id": number, "file_name": sample.path.name, "width": 256, "height": 192})
        for one in sample.places or ():
            assert one.box is not None
            left, top, right, bottom = one.box
            entry = {"id": len(annotations) + 1, "image_id": number, "category_id": 1, "iscrowd": 0}
            annotations.append({**entry, "bbox": [left, top, right - left, bottom - top], "area": 1.0})
    coco = {"images": images, "annotations": annotations, "categories": [{"id": 1, "name": "scratch"}]}
    (folder / "instances.json").write_text(json.dumps(coco))
    answer = command("evaluate", detector.package.path, folder, "--json", tmp_path / "scores.json")
    assert answer.returncode == 0, answer.stderr
    assert "2 boxes" in answer.stderr
    assert json.loads((tmp_path / "scores.json").read_text())["boxes"]["hits"] == 1


def test_whole_pictures_say_nothing_of_parts_that_nobody_drew(tmp_path: Path, samples: list[Sample]) -> None:
    parts = replace(BOX_PART, classes=("wheel", "hood"))
    detector = Detector(made_package(tmp_path / "parts", damage=0.9, boxes=parts))
    labelled = [replace(samples[2], label="normal", places=None), replace(samples[0], label="anomaly", places=())]
    evaluation = measure_package(detector, labelled)
    assert evaluation.scores.n == 2
    assert evaluation.places is not None
    assert evaluation.places.boxes is not None
    assert evaluation.places.boxes.n == 1
    assert not evaluation.places.of_damage


def test_drawn_classes_that_the_model_does_not_know_are_told_of(detector: Detector, samples: list[Sample]) -> None:
    evaluation = measure_package(detector, [replace(samples[0], places=(place(SPOT, "rust"), place(OTHER)))])
    assert evaluation.places is not None
    assert [note.split(";")[0] for note in evaluation.places.notes if "rust" in note] == [
        "The model does not know the class 'rust': 1 box left out",
        "The model does not know the class 'rust': 1 outline left out",
    ]


def test_heat_maps_come_for_mistakes_alone(tmp_path: Path, samples: list[Sample]) -> None:
    detector = Detector(made_package(tmp_path / "heated", damage=0.9, boxes=BOX_PART))
    measured = measure_package(detector, [replace(samples[0], label="anomaly"), replace(samples[1], label="normal")])
    right, wrong = with_heat_maps(detector, measured).rows
    assert right.findings.heat_map is None
    assert wrong.findings.heat_map is not None
