"""Datasets and videos of made-up cars, read back with the field's own tools and nothing of ours."""

from __future__ import annotations

import json
from collections import Counter
from itertools import pairwise
from pathlib import Path

import av
import numpy as np
import pytest
from PIL import Image

from walkaround.damage.kinds import DAMAGE_TYPES
from walkaround.datasets.drawn.clips import write_drawn_video
from walkaround.datasets.drawn.writing import write_drawn_dataset
from walkaround.datasets.outlines import label_map
from walkaround.datasets.reading import read_dataset
from walkaround.errors import DatasetError, StorageError


def files(folder: Path) -> list[str]:
    return sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file())


def test_half_of_the_pictures_are_whole_cars(tmp_path: Path) -> None:
    assert write_drawn_dataset(tmp_path, pictures=4, seed=1) is None
    assert Counter(name.split("/")[0] for name in files(tmp_path)) == {"normal": 2, "anomaly": 2}
    with Image.open(tmp_path / "normal" / "car_0000.jpg") as picture:
        assert picture.format == "JPEG"
        assert min(picture.size) >= 360


def test_with_kinds_every_damage_type_has_its_folder(tmp_path: Path) -> None:
    write_drawn_dataset(tmp_path, pictures=14, seed=2, kinds=True)
    assert Counter(name.split("/")[0] for name in files(tmp_path)) == {"normal": 7, **dict.fromkeys(DAMAGE_TYPES, 1)}


def test_a_seed_writes_the_same_files(tmp_path: Path) -> None:
    for folder in ("first", "second"):
        write_drawn_dataset(tmp_path / folder, pictures=2, seed=3, coco=True)
    assert files(tmp_path / "first") == ["anomaly/car_0001.jpg", "instances.json", "normal/car_0000.jpg"]
    for name in files(tmp_path / "first"):
        assert (tmp_path / "first" / name).read_bytes() == (tmp_path / "second" / name).read_bytes()


def test_the_coco_truth_agrees_with_itself(tmp_path: Path) -> None:
    write_drawn_dataset(tmp_path, pictures=4, seed=4, kinds=True, coco=True)
    truth = json.loads((tmp_path / "instances.json").read_text())
    names = {row["id"]: row["name"] for row in truth["categories"]}
    images = {row["id"]: row for row in truth["images"]}
    assert len(images) == 4
    assert len(truth["annotations"]) == 2
    for row in truth["annotations"]:
        image = images[row["image_id"]]
        assert image["file_name"].startswith(names[row["category_id"]] + "/")
        with Image.open(tmp_path / image["file_name"]) as picture:
            assert picture.size == (image["width"], image["height"])
        counts = row["segmentation"]["counts"]
        assert row["segmentation"]["size"] == [image["height"], image["width"]]
        assert sum(counts) == image["height"] * image["width"]
        assert sum(counts[1::2]) == row["area"] > 0
        x, y, width, height = row["bbox"]
        assert 0 <= x < x + width <= image["width"]
        assert 0 <= y < y + height <= image["height"]


def test_planted_faults_are_what_they_say(tmp_path: Path) -> None:
    planted = write_drawn_dataset(tmp_path, pictures=4, seed=5, faults=True)
    assert planted is not None
    first, copy = (tmp_path / name for name in planted.exact_duplicate)
    assert first.read_bytes() == copy.read_bytes()
    second, near = (Image.open(tmp_path / name).convert("L").resize((32, 32)) for name in planted.near_duplicate)
    assert np.abs(np.asarray(second, dtype=int) - np.asarray(near, dtype=int)).mean() < 3
    assert (tmp_path / planted.wrong_label).parent.name == "normal"
    with Image.open(tmp_path / planted.tiny) as tiny:
        assert max(tiny.size) <= 40
    with Image.open(tmp_path / planted.truncated) as torn, pytest.raises(OSError, match="truncated"):
        torn.load()


def test_one_picture_is_no_dataset(tmp_path: Path) -> None:
    with pytest.raises(DatasetError, match="ask for at least 2"):
        write_drawn_dataset(tmp_path, pictures=1, seed=0)


def test_a_folder_that_cannot_be_made_is_a_storage_error(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(StorageError, match="file"):
        write_drawn_dataset(tmp_path / "file" / "cars", pictures=2, seed=0)


def test_a_video_shows_whole_and_damaged_cars_in_turn(tmp_path: Path) -> None:
    truth = write_drawn_video(tmp_path / "pan.mp4", seed=1, scenes=3, seconds=0.6, frame_rate=10)
    assert [scene.damaged for scene in truth] == [False, True, False]
    assert [bool(scene.kinds) for scene in truth] == [scene.damaged for scene in truth]
    assert [scene.start for scene in truth[1:]] == [scene.end for scene in truth[:-1]]
    with av.open(str(tmp_path / "pan.mp4")) as container:
        frames = [frame.to_ndarray(format="rgb24") for frame in container.decode(video=0)]
    assert len(frames) == 18
    assert frames[0].shape == (480, 640, 3)
    cuts = [np.abs(a.astype(int) - b).mean() for a, b in pairwise(frames)]
    assert sorted(np.argsort(cuts)[-2:].tolist()) == [5, 11]


@pytest.mark.parametrize("kinds", [False, True])
def test_drawn_damage_can_be_learnt_from(tmp_path: Path, kinds: bool) -> None:
    write_drawn_dataset(tmp_path, pictures=4, seed=4, kinds=kinds, coco=True)
    dataset = read_dataset(tmp_path)
    assert dataset.problems == ()
    assert set(dataset.place_classes) <= set(DAMAGE_TYPES)
    for sample in dataset.samples:
        places = sample.places or ()
        assert bool(places) == (sample.label != "normal")
        with Image.open(sample.path) as picture:
            shown = label_map(places, DAMAGE_TYPES, width=picture.width, height=picture.height)
        assert {DAMAGE_TYPES[number - 1] for number in np.unique(shown) if number} == {place.label for place in places}
        assert all(place.box is not None for place in places)
