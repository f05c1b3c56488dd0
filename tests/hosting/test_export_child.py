"""Every format that `walkaround export` knows is written from entries of the service, with the names that people know."""

from __future__ import annotations

import json
import zipfile
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from walkaround.datasets.reading import read_dataset
from walkaround.hosting.jobs.datasets.export_child import run_export
from walkaround.hosting.operations.datasets.exporting import FORMS
from walkaround.settings import Settings


@pytest.fixture
def aside(tmp_path: Path) -> Path:
    """Three entries of the training dataset with a box each, and one of the test dataset, put aside for an export."""
    (tmp_path / "bucket").mkdir()
    folder = tmp_path / "task"
    folder.mkdir()
    for kind, numbers in {"train": range(3), "test": range(3, 4)}.items():
        entries = [entry(number, tmp_path / "bucket") for number in numbers]
        (folder / f"{kind}.jsonl").write_text("".join(json.dumps(one) + "\n" for one in entries))
    return folder


def entry(number: int, bucket: Path) -> dict[str, Any]:
    Image.linear_gradient("L").rotate(20 * number).convert("RGB").resize((200, 160)).save(bucket / f"{number}.jpg")
    ref = f"s3://photos/{number}.jpg"
    box = {"class_id": 0, "left": 10, "top": 20, "width": 60, "height": 40}
    line = {
        "source-ref": ref,
        "boxes": {"image_size": [{"width": 200, "height": 160, "depth": 3}], "annotations": [box]},
        "boxes-metadata": {"class-map": {"0": "dent"}, "type": "groundtruth/object-detection", "objects": [{}]},
        "label": 1,
        "label-metadata": {"class-name": "anomaly", "type": "groundtruth/image-classification"},
    }
    return {"id": number + 1, "ref": ref, "label": "anomaly", "name": "ämne/front door.jpg", "line": json.dumps(line)}


@pytest.mark.parametrize("form", FORMS)
def test_every_format_is_written(aside: Path, tmp_path: Path, form: str) -> None:
    told = {"form": form, "kinds": ["train", "test"], "address": None, "skip_bad": False}
    (aside / "task.json").write_text(json.dumps(told))
    settings = Settings(data=tmp_path / "data", buckets={"photos": str(tmp_path / "bucket")})
    done = run_export(aside, settings, report=lambda *_: None)
    assert done["pictures"] == 4
    assert done["bytes"] == (aside / "archive.zip").stat().st_size
    assert str(tmp_path) not in json.dumps(done["problems"])
    with zipfile.ZipFile(aside / "archive.zip") as archive:
        archive.extractall(tmp_path / "read")
    if form != "ground-truth":  # the one of several splits is given by a file, not by the folder
        read = read_dataset(tmp_path / "read", cache=tmp_path / "cache")
        assert len(read.samples) == 4
        if form not in ("lookout", "tfrecords", "yolo-seg"):  # these hold masks alone, or keep boxes in records
            assert {place.label for sample in read.samples for place in sample.places or ()} == {"dent"}
        if form != "tfrecords":
            assert any("front door" in sample.path.name for sample in read.samples)
