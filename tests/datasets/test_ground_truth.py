"""Places in manifests of Ground Truth and Lookout for Vision: boxes, and masks as real files have them."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from walkaround.damage.places import MaskFile, Place
from walkaround.datasets.reading import read_dataset
from walkaround.datasets.sample import Dataset

Save = Callable[..., Path]
DETECTION: dict[str, Any] = {"type": "groundtruth/object-detection", "class-map": {"0": "dent", "1": "scratch"}}
SIZE = [{"width": 40, "height": 30, "depth": 3}]
GREEN, BLUE = (0x23, 0xA4, 0x36), (0, 0, 0xFF)


def box(class_id: int, left: float, top: float, width: float, height: float) -> dict[str, Any]:
    return {"class_id": class_id, "left": left, "top": top, "width": width, "height": height}


def read(folder: Path, **line: Any) -> Dataset:
    line = {"source-ref": "a.jpg", **{key.replace("_", "-"): value for key, value in line.items()}}
    (folder / "output.manifest").write_text(json.dumps(line) + "\n")
    return read_dataset(folder / "output.manifest")


@pytest.fixture
def mask(tmp_path: Path, save_photo: Save) -> Path:
    """A palette PNG with a background of black, a green corner whose edge fades out, and a blue pixel."""
    save_photo(tmp_path / "a.jpg")
    numbers = np.zeros((30, 40), dtype=np.uint8)
    numbers[:3, :4], numbers[20, 20], numbers[3, :4] = 1, 2, 3
    image = Image.fromarray(numbers)
    image.putpalette([0, 0, 0, *GREEN, *BLUE, *GREEN])
    image.save(tmp_path / "mask.png", transparency=bytes([0, 255, 255, 100]))
    return tmp_path / "mask.png"


def colours(**entries: Any) -> dict[str, Any]:
    return {"type": "groundtruth/semantic-segmentation", "internal-color-map": entries}


def test_boxes_are_places(tmp_path: Path, save_photo: Save) -> None:
    save_photo(tmp_path / "a.jpg")
    job = {"annotations": [box(0, 10, 20, 30, 5), box(1, 0, 0, 7.5, 30)], "image_size": SIZE}
    dataset = read(tmp_path, cars=job, cars_metadata=DETECTION)
    assert [(sample.label, sample.places) for sample in dataset.samples] == [
        ("anomaly", (Place(label="dent", box=(10, 20, 40, 25)), Place(label="scratch", box=(0, 0, 7.5, 30))))
    ]
    assert dataset.problems == ()


@pytest.mark.parametrize(
    ("wrong", "reason"),
    [
        (box(2, 1, 1, 5, 5), "its class_id 2 is not in the class-map"),
        (box(0, 1, 1, 0, 5), "has no area"),
        (box(0, 36, 1, 10, 5), "reaches out of"),
        (box(0, float("nan"), 1, 10, 5), "no position"),
        ({"class_id": 0, "left": 1}, "None, which is no number"),
        ("box", "no box"),
    ],
)
def test_a_wrong_box_is_named(tmp_path: Path, save_photo: Save, wrong: object, reason: str) -> None:
    save_photo(tmp_path / "a.jpg")
    dataset = read(tmp_path, cars={"annotations": [box(0, 1, 2, 3, 4), wrong]}, cars_metadata=DETECTION)
    assert [sample.places for sample in dataset.samples] == [(Place(label="dent", box=(1, 2, 4, 6)),)]
    [problem] = dataset.problems
    assert problem.severity == "error"
    assert problem.message.startswith("output.manifest, line 1, box 2 of 'cars': ")
    assert reason in problem.message


def test_no_boxes_at_all_means_that_there_is_nothing(tmp_path: Path, save_photo: Save) -> None:
    save_photo(tmp_path / "a.jpg")
    assert read(tmp_path, cars={"annotations": []}, cars_metadata=DETECTION).samples[0].places == ()
    assert read(tmp_path).samples[0].places is None


@pytest.mark.parametrize(
    ("entries", "found"),
    [
        ({"0": {"class-name": "cracked", "hex-color": "#23A436"}}, {"cracked": "#23a436"}),
        (
            {
                "0": {"class-name": "BACKGROUND", "hex-color": "#ffffff", "confidence": 0.0},
                "1": {"class-name": "cracked", "hex-color": "#23a436", "confidence": 0.9},
                "2": {"class-name": "hole", "hex-color": "0000FF"},
                "3": {"class-name": "never seen", "hex-color": "#abcdef"},
            },
            {"cracked": "#23a436", "hole": "#0000ff"},
        ),
        ({"0": {"class-name": "BACKGROUND", "hex-color": "#ffffff", "confidence": 0.0}}, {}),
    ],
    ids=["no background, key 0, upper case", "as written", "dummy"],
)
def test_masks_are_read_as_real_files_have_them(
    tmp_path: Path, mask: Path, entries: dict[str, Any], found: dict[str, str]
) -> None:
    dataset = read(tmp_path, defect_ref="mask.png", defect_ref_metadata=colours(**entries))
    assert dataset.samples[0].places == tuple(
        Place(label=name, box=None, outline=MaskFile(path=mask, colour=colour)) for name, colour in found.items()
    )
    assert dataset.problems == ()


@pytest.mark.parametrize(
    ("entries", "reference", "reason"),
    [
        (
            {"0": {"class-name": "hole", "hex-color": "blue"}},
            "mask.png",
            "entry '0' of its internal-color-map has no hex-color",
        ),
        ({"0": {"hex-color": "#23a436"}}, "mask.png", "the class name None is none"),
        ({"0": "hole"}, "mask.png", "has no hex-color"),
        (
            {"0": {"class-name": "a", "hex-color": "#23a436"}, "1": {"class-name": "b", "hex-color": "#23A436"}},
            "mask.png",
            "gives #23A436 to two classes",
        ),
        ({"0": {"class-name": "hole", "hex-color": "#23a436"}}, "gone.png", "its mask 'gone.png' does not exist"),
        ({"0": {"class-name": "hole", "hex-color": "#23a436"}}, "a.jpg", "save it as PNG"),
        (
            {"0": {"class-name": "hole", "hex-color": "#23a436"}},
            "small.png",
            "its mask is 20 x 30 pixels, and the picture 40 x 30",
        ),
        ({"0": {"class-name": "hole", "hex-color": "#23a436"}}, 7, "names no picture but 7"),
    ],
)
def test_a_mask_that_cannot_be_used_is_named(
    tmp_path: Path, mask: Path, entries: dict[str, Any], reference: object, reason: str
) -> None:
    Image.new("RGB", (20, 30)).save(mask.with_name("small.png"))
    [problem] = read(tmp_path, defect_ref=reference, defect_ref_metadata=colours(**entries)).problems
    assert (problem.kind in ("bad-place", "unknown-class"), problem.severity) == (True, "error")
    assert problem.message.startswith("output.manifest, line 1: ")
    assert reason in problem.message
