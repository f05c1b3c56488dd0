"""`walkaround export`, and what `walkaround check` says of boxes."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from subprocess import CompletedProcess

import pytest
from PIL import Image

from walkaround.datasets.reading import read_dataset

Command = Callable[..., CompletedProcess[str]]


@pytest.fixture
def boxes(tmp_path: Path) -> Path:
    """A COCO dataset of one picture with one minor dent and one annotation that is wrong."""
    (tmp_path / "in").mkdir()
    Image.new("RGB", (40, 30)).save(tmp_path / "in" / "a.jpg")
    annotations = [
        {"id": 1, "image_id": 1, "category_id": 1, "bbox": [1, 2, 3, 4]},
        {"id": 2, "image_id": 1, "category_id": 1, "bbox": [1, 2, 0, 4]},
    ]
    stored = {
        "images": [{"id": 1, "file_name": "a.jpg"}],
        "annotations": annotations,
        "categories": [{"id": 1, "name": "minor-dent"}],
    }
    (tmp_path / "in" / "instances.json").write_text(json.dumps(stored))
    return tmp_path / "in"


def test_wrong_labels_stop_an_export_unless_it_is_to_skip_them(command: Command, boxes: Path, tmp_path: Path) -> None:
    refused = command("export", "yolo", boxes, "--out", tmp_path / "out")
    assert refused.returncode == 1
    assert "instances.json, annotation 2: its box (1, 2, 1, 6) has no area" in refused.stderr
    assert "--skip-bad-labels" in refused.stderr
    assert "use the rest:\ninstances.json" in refused.stderr
    assert not (tmp_path / "out").exists()
    done = command("export", "yolo", boxes, "--out", tmp_path / "out", "--skip-bad-labels", "--rename", "*-dent=dent")
    assert done.returncode == 3
    assert "1 pictures" in done.stderr
    assert (tmp_path / "out" / "labels" / "all" / "a.txt").read_text() == "0 0.0625 0.1333333333 0.075 0.1333333333\n"
    assert read_dataset(tmp_path / "out").place_classes == ("dent",)


def test_tfrecords_are_exported_too(command: Command, boxes: Path, tmp_path: Path) -> None:
    (boxes / "instances.json").rename(boxes / "instances_val.json")
    done = command("export", "tfrecords", boxes, "--out", tmp_path / "out", "--skip-bad-labels")
    assert done.returncode == 3, done.stderr
    assert "minor-dent" in (tmp_path / "out" / "label_map.pbtxt").read_text()


@pytest.mark.parametrize("option", [("coco", "--shards", "3"), ("coco", "--seed", "1"), ("tfrecords", "--link")])
def test_an_option_of_another_format_is_refused(command: Command, boxes: Path, tmp_path: Path, option: tuple[str, ...]) -> None:
    refused = command("export", option[0], boxes, "--out", tmp_path / "out", *option[1:])
    assert refused.returncode == 2
    assert option[1] in refused.stderr


def test_a_format_that_does_not_exist_is_refused(command: Command, boxes: Path, tmp_path: Path) -> None:
    assert command("export", "pdf", boxes, "--out", tmp_path / "out").returncode == 2


def test_check_counts_boxes_and_names_wrong_ones(command: Command, boxes: Path) -> None:
    checked = command("check", boxes, "--no-labels", "--rename", "minor-dent=dent")
    assert checked.returncode == 3
    assert "Boxes and masks: 1 dent" in checked.stderr
    assert "annotation 2: its box (1, 2, 1, 6) has no area; correct it or take it out" in checked.stderr
    assert "'dent' is on 1" in checked.stderr
    assert command("check", boxes, "--no-labels", "--skip-bad-labels").returncode == 0
