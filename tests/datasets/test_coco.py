"""COCO instances: what is read, from where, and which annotations are refused."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from walkaround.damage.places import Place, Polygons, Runs
from walkaround.datasets.faults import require_good_places
from walkaround.datasets.reading import read_dataset
from walkaround.datasets.sample import Dataset
from walkaround.errors import DatasetError

Save = Callable[..., Path]
RING = [10, 10, 20, 10, 20, 18, 10, 18]
RINGS = Polygons(rings=(((10, 10), (20, 10), (20, 18), (10, 18)),))
BOX = (10.0, 10.0, 20.0, 18.0)


def coco(*annotations: dict[str, Any], image: dict[str, Any] | None = None, **more: Any) -> dict[str, Any]:
    images = [{"id": 7, "file_name": "a.jpg", "width": 40, "height": 30, **(image or {})}]
    told = [{"id": n, "image_id": 7, "category_id": 3, **one} for n, one in enumerate(annotations, start=101)]
    return {"images": images, "annotations": told, "categories": [{"id": 3, "name": "dent"}], **more}


def read(folder: Path, stored: object, *, name: str = "instances.json", skip: bool = False) -> Dataset:
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(stored if isinstance(stored, str) else json.dumps(stored))
    return read_dataset(path, skip_bad_labels=skip)


@pytest.mark.parametrize(
    ("annotation", "place"),
    [
        ({"bbox": [10, 10, 10, 8]}, Place(label="dent", box=BOX)),
        ({"bbox": [10, 10, 10, 8], "segmentation": []}, Place(label="dent", box=BOX)),
        ({"bbox": [10, 10, 10, 8], "segmentation": [RING]}, Place(label="dent", box=BOX, outline=RINGS)),
        ({"segmentation": [RING], "iscrowd": False}, Place(label="dent", box=BOX, outline=RINGS)),
        ({"bbox": [], "segmentation": [RING], "iscrowd": True}, Place(label="dent", box=BOX, outline=RINGS, crowd=True)),
        (
            {"segmentation": {"size": [30, 40], "counts": [310, 8, 882]}, "iscrowd": 1},
            Place(label="dent", box=(10, 10, 11, 18), outline=Runs(counts=(310, 8, 882), height=30, width=40), crowd=True),
        ),
        (
            {"segmentation": {"size": [30, 40], "counts": "f98bk0"}},
            Place(label="dent", box=(10, 10, 11, 18), outline=Runs(counts=(310, 8, 882), height=30, width=40)),
        ),
        ({"bbox": [-0.4, 10, 40.8, 8]}, Place(label="dent", box=(0, 10, 40, 18))),
    ],
)
def test_an_annotation_is_a_place(tmp_path: Path, save_photo: Save, annotation: dict[str, Any], place: Place) -> None:
    save_photo(tmp_path / "a.jpg")
    dataset = read(tmp_path, coco(annotation))
    assert [sample.places for sample in dataset.samples] == [(place,)]
    assert [(sample.label, sample.where) for sample in dataset.samples] == [("anomaly", "instances.json, image 7")]
    assert dataset.problems == ()


@pytest.mark.parametrize(
    ("annotation", "reason"),
    [
        ({"bbox": [30, 10, 20, 8]}, "(30, 10, 50, 18) reaches out of the picture of 40 x 30 pixels"),
        ({"bbox": [50, 40, 20, 8]}, "reaches out of"),
        ({"bbox": [10, 10, 0, 8]}, "has no area"),
        ({"bbox": [10, 10, 4, -8]}, "has no area"),
        ({"bbox": [40, 10, 0.5, 8]}, "lies on the edge"),
        ({"bbox": [10, 10, float("nan"), 8]}, "nan, which is no position"),
        ({"bbox": [10, 10, float("inf"), 8]}, "inf, which is no position"),
        ({"bbox": [10, 10, "4", 8]}, "'4', which is no number"),
        ({"bbox": [10, 10, 4]}, "has 3 numbers"),
        ({"bbox": "10"}, "not a list of numbers"),
        ({"bbox": [1, 1, 5, 5], "category_id": 9}, "category_id 9 is of no category"),
        ({"bbox": [1, 1, 5, 5], "category_id": None}, "category_id None is of no category"),
        ({"bbox": [1, 1, 5, 5], "image_id": 8}, "its image_id is of no image"),
        ({"segmentation": [[1, 1, 9, 9]]}, "has 2 points, and 3 are the fewest"),
        ({"segmentation": [[1, 1, 9, 9, 3, 9, 4]]}, "7 numbers, which are no pairs"),
        ({"segmentation": [[1, 1, 90, 9, 3, 9]]}, "its polygon (1, 1, 90, 9) reaches out of"),
        ({"segmentation": {"size": [10, 10], "counts": [90, 10]}}, "its mask is 10 x 10 pixels"),
        ({"segmentation": {"size": [30, 40], "counts": [90, 10]}}, "add up to 100 pixels"),
        ({"segmentation": {"size": [30, 40], "counts": [1300, -100]}}, "negative run length"),
        ({"segmentation": {"size": [30, 40], "counts": "~~"}}, "no text of run lengths"),
        ({"segmentation": {"size": [30, 40], "counts": [1200]}}, "its mask is empty"),
        ({"segmentation": {"size": "large", "counts": [1200]}}, "has the size 'large'"),
        ({"segmentation": 5}, "neither polygons nor run lengths"),
        ({}, "neither a bbox nor a segmentation"),
    ],
)
def test_a_wrong_annotation_is_named_and_the_rest_used_only_if_asked(
    tmp_path: Path, save_photo: Save, annotation: dict[str, Any], reason: str
) -> None:
    save_photo(tmp_path / "a.jpg")
    stored = coco({"bbox": [1, 2, 3, 4]}, annotation)
    dataset = read(tmp_path, stored)
    [problem] = dataset.problems
    assert problem.severity == "error"
    assert problem.message.startswith("instances.json, annotation 102: ")
    assert reason in problem.message
    with pytest.raises(DatasetError, match=r"1 labels that cannot be used.*\n.*annotation 102"):
        require_good_places(dataset)
    dataset = read(tmp_path, stored, skip=True)
    require_good_places(dataset)
    assert [sample.places for sample in dataset.samples] == [(Place(label="dent", box=(1, 2, 4, 6)),)]
    assert [problem.severity for problem in dataset.problems] == ["warning"]


def test_a_picture_of_which_nothing_can_be_used_is_no_whole_car(tmp_path: Path, save_photo: Save) -> None:
    for name in "ab":
        save_photo(tmp_path / f"{name}.jpg")
    stored = coco({"bbox": [1, 2, 3, 4], "category_id": 9}, {"bbox": [1, 2, 3, 4], "image_id": 8})
    stored["images"].append({"id": 8, "file_name": "b.jpg"})
    samples = read(tmp_path, stored, skip=True).samples
    assert [(sample.label, sample.places and len(sample.places)) for sample in samples] == [(None, None), ("anomaly", 1)]


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"annotations": [[1, 2]]}, "number 1 of its annotations: it is [1, 2], no JSON object"),
        ({"images": [{"id": [7], "file_name": "a.jpg"}]}, "image [7]: its id is [7], no whole number"),
        ({"images": [{"id": 7, "file_name": "/" + "a" * 5000}]}, "image 7: there is no picture"),
        ({"images": [{"id": 7, "file_name": "../../etc/passwd"}]}, "image 7: there is no picture"),
        ({"categories": [{"id": 3, "name": "x" * 101}]}, "category 3: the label"),
    ],
)
def test_what_is_no_object_or_names_nothing_is_told(
    tmp_path: Path, save_photo: Save, change: dict[str, Any], reason: str
) -> None:
    for name in "ab":
        save_photo(tmp_path / f"{name}.jpg")
    stored = coco({"bbox": [1, 2, 3, 4]}, more=1)
    good = {"id": 8, "file_name": "b.jpg"}
    stored |= {key: [*value, *([good] if key == "images" else [])] for key, value in change.items()}
    stored["images"] = stored["images"] if "images" in change else [*stored["images"], good]
    assert any(reason in problem.message for problem in read(tmp_path, stored).problems)


def test_other_json_in_a_folder_of_classes_is_left_alone(tmp_path: Path, save_photo: Save) -> None:
    save_photo(tmp_path / "normal" / "a.jpg")
    for name, text in (("config.json", "{}"), ("report.json", '{"images": 7}'), ("long.json", " " * 500_000 + "x")):
        (tmp_path / name).write_text(text)
    assert read_dataset(tmp_path).problems == ()
    (tmp_path / "annotations.json").write_text("{}")
    assert [problem.kind for problem in read_dataset(tmp_path).problems] == ["empty-labels"]


def test_files_of_one_name_are_told_apart_and_one_that_is_given_is_meant(tmp_path: Path, save_photo: Save) -> None:
    for folder in ("train", "valid"):
        save_photo(tmp_path / folder / "a.jpg")
        read(tmp_path, coco({"bbox": [1, 2, 3, 0]}), name=f"{folder}/_annotations.coco.json")
    names = [problem.message.partition(",")[0] for problem in read_dataset(tmp_path).problems]
    assert names == ["train/_annotations.coco.json", "valid/_annotations.coco.json"]
    (tmp_path / "train" / "a.txt").write_text("0 0.5 0.5 0.2 0.2")
    assert len(read(tmp_path, coco({"bbox": [1, 2, 3, 4]}), name="train/_annotations.coco.json").samples) == 1


@pytest.mark.parametrize("text", ["", "{}", "[]", '{"images": [], "annotations": []}'])
def test_an_empty_file_is_named(tmp_path: Path, save_photo: Save, text: str) -> None:
    save_photo(tmp_path / "a.jpg")
    with pytest.raises(DatasetError, match=r"instances\.json: it is a COCO file that holds no images"):
        read(tmp_path, text)


def test_a_file_without_annotations_is_an_error(tmp_path: Path, save_photo: Save) -> None:
    save_photo(tmp_path / "a.jpg")
    dataset = read(tmp_path, coco())
    assert [(problem.kind, problem.severity) for problem in dataset.problems] == [("empty-labels", "error")]
    assert [(sample.places, sample.label) for sample in dataset.samples] == [((), None)]


@pytest.mark.parametrize(
    ("text", "reason"), [('{"images": [', "is not JSON"), ('{"images": ' + "[" * 100_000, "is not JSON")], ids=["torn", "deep"]
)
def test_what_is_no_json_is_refused(tmp_path: Path, save_photo: Save, text: str, reason: str) -> None:
    save_photo(tmp_path / "a.jpg")
    with pytest.raises(DatasetError, match=reason):
        read(tmp_path, text)


def test_a_picture_without_annotations_is_normal_where_damage_is_drawn(tmp_path: Path, save_photo: Save) -> None:
    for name in "ab":
        save_photo(tmp_path / f"{name}.jpg")
    stored = coco({"bbox": [1, 2, 3, 4]})
    stored["images"].append({"id": 8, "file_name": "b.jpg"})
    assert [(sample.label, len(sample.places or ())) for sample in read(tmp_path, stored).samples] == [
        ("anomaly", 1),
        ("normal", 0),
    ]
    stored["categories"][0]["name"] = "front_left_door"
    assert [sample.label for sample in read(tmp_path, stored).samples] == [None, None]


@pytest.mark.parametrize(
    ("annotations", "picture", "file_name", "split"),
    [
        ("instances_train.json", "images/a.jpg", "a.jpg", "train"),
        ("annotations/instances_val2017.json", "val2017/a.jpg", "a.jpg", "validation"),
        ("annotations/instances_test.json", "images/test/a.jpg", "test/a.jpg", "test"),
        ("valid/_annotations.coco.json", "valid/a.jpg", "a.jpg", "validation"),
        ("labels.json", "photos/deep/a.jpg", "C:\\photos\\deep\\a.jpg", None),
    ],
)
def test_pictures_are_found_where_tools_put_them(
    tmp_path: Path, save_photo: Save, annotations: str, picture: str, file_name: str, split: str | None
) -> None:
    save_photo(tmp_path / picture)
    save_photo(tmp_path / "elsewhere" / "other.jpg")
    stored = coco({"bbox": [1, 2, 3, 4]}, image={"file_name": file_name})
    assert [sample.path for sample in read(tmp_path, stored, name=annotations).samples] == [tmp_path / picture]
    assert [(sample.path, sample.split) for sample in read_dataset(tmp_path).samples] == [(tmp_path / picture, split)]


def test_of_two_pictures_of_a_name_that_of_the_split_is_meant(tmp_path: Path, save_photo: Save) -> None:
    for folder in ("train", "val"):
        save_photo(tmp_path / folder / "a.jpg")
        read(tmp_path, coco({"bbox": [1, 2, 3, 4]}), name=f"annotations/instances_{folder}.json")
    dataset = read_dataset(tmp_path)
    assert [(sample.path.parent.name, sample.split) for sample in dataset.samples] == [
        ("train", "train"),
        ("val", "validation"),
    ]
    assert dataset.problems == ()


def test_files_that_disagree_are_both_distrusted(tmp_path: Path, save_photo: Save) -> None:
    save_photo(tmp_path / "a.jpg")
    (tmp_path / "first.json").write_text(json.dumps(coco({"bbox": [1, 2, 3, 4]})))
    (tmp_path / "second.json").write_text(json.dumps(coco({"bbox": [1, 2, 3, 5]})))
    dataset = read_dataset(tmp_path)
    assert [sample.places for sample in dataset.samples] == [None]
    assert [(problem.kind, problem.severity) for problem in dataset.problems] == [("disagreeing", "error")]
    assert "second.json, image 7" in dataset.problems[0].message
    assert "first.json, image 7" in dataset.problems[0].message
    (tmp_path / "second.json").write_text((tmp_path / "first.json").read_text())
    assert [(problem.kind, problem.severity) for problem in read_dataset(tmp_path).problems] == [("repeated", "note")]


def test_a_size_that_is_not_the_pictures_is_an_error(tmp_path: Path, save_photo: Save) -> None:
    save_photo(tmp_path / "a.jpg")
    dataset = read(tmp_path, coco({"bbox": [1, 2, 3, 4]}, image={"width": 80, "height": 60}))
    assert [sample.places for sample in dataset.samples] == [None]
    assert "it says 80 x 60 pixels" in dataset.problems[0].message
    assert dataset.problems[0].severity == "error"


@pytest.mark.parametrize(
    ("orientation", "box"),
    [(5, (6, 4, 9, 14)), (6, (21, 4, 24, 14)), (7, (21, 26, 24, 36)), (8, (6, 26, 9, 36))],
)
def test_what_was_drawn_on_a_picture_lying_on_its_side_is_turned(
    tmp_path: Path, save_photo: Save, orientation: int, box: tuple[float, ...]
) -> None:
    save_photo(tmp_path / "a.jpg", 30, 40, orientation=orientation)
    lying = [4, 6, 10, 3]  # on 40 x 30
    runs = [4 * 30 + 6, *([3, 27] * 9), 3, 21 + 26 * 30]
    dataset = read(tmp_path, coco({"bbox": lying}, {"segmentation": {"size": [30, 40], "counts": runs}}))
    assert dataset.problems == ()
    places = dataset.samples[0].places or ()
    assert [place.box for place in places] == [box, box]
    assert isinstance(places[1].outline, Runs)
    assert (places[1].outline.width, places[1].outline.height) == (30, 40)
    upright = read(tmp_path, coco({"bbox": [4, 6, 10, 3]}, image={"width": 30, "height": 40}))
    assert [place.box for place in upright.samples[0].places or ()] == [(4, 6, 14, 9)]


def test_labels_of_folders_and_places_of_coco_go_together(tmp_path: Path, save_photo: Save) -> None:
    for name in ("normal/a.jpg", "door_dent/b.jpg"):
        save_photo(tmp_path / name)
    stored = coco({"bbox": [1, 2, 3, 4]}, image={"file_name": "door_dent/b.jpg"})
    (tmp_path / "instances.json").write_text(json.dumps(stored))
    dataset = read_dataset(tmp_path)
    assert [(sample.label, sample.places) for sample in dataset.samples] == [
        ("door_dent", (Place(label="dent", box=(1, 2, 4, 6)),)),
        ("normal", None),
    ]
    assert dataset.problems == ()
    assert dataset.place_classes == ("dent",)
