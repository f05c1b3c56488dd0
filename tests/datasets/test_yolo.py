"""YOLO text, in the layouts of Ultralytics, Roboflow, labelImg and our own data."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from walkaround.damage.places import Place, Polygons
from walkaround.datasets.reading import read_dataset
from walkaround.datasets.sample import Dataset
from walkaround.errors import DatasetError

Save = Callable[..., Path]
LINE = "1 0.5 0.5 0.25 0.2"
PLACE = Place(label="scratch", box=(15, 12, 25, 18))


def write(folder: Path, files: dict[str, str]) -> None:
    for name, text in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)


def told(dataset: Dataset, folder: Path) -> list[tuple[str, str | None, tuple[Place, ...] | None]]:
    return [(str(sample.path.relative_to(folder)), sample.split, sample.places) for sample in dataset.samples]


@pytest.mark.parametrize(
    ("pictures", "files", "expected"),
    [
        (
            ["images/train/a.jpg", "images/val/b.jpg"],
            {"data.yaml": "train: images/train\nval: images/val\nnames: [dent, scratch]\n", "labels/train/a.txt": LINE},
            [("images/train/a.jpg", "train", (PLACE,)), ("images/val/b.jpg", "validation", ())],
        ),
        (
            ["train/images/a.jpg", "valid/images/b.jpg"],
            {
                "data.yaml": "train: ../train/images\nval: ../valid/images\nnc: 2\nnames:\n  0: dent\n  1: scratch\n",
                "train/labels/a.txt": LINE,
                "valid/labels/b.txt": "",
            },
            [("train/images/a.jpg", "train", (PLACE,)), ("valid/images/b.jpg", "validation", ())],
        ),
        (
            ["images/one/a.jpg", "images/one/b.jpg"],
            {
                "data.yaml": "train: lists/t.txt\nval: lists/v.txt\nnames: [dent, scratch]\n",
                "lists/t.txt": "images/one/a.jpg\n",
                "lists/v.txt": "./images/one/b.jpg\n",
                "labels/one/a.txt": LINE,
            },
            [("images/one/a.jpg", "train", (PLACE,)), ("images/one/b.jpg", "validation", ())],
        ),
        (
            ["a.jpg", "b.jpg", "c.jpg"],
            {"a.txt": f"\n{LINE}\n\n", "b.txt": "", "classes.txt": "dent\nscratch\n", "notes.txt": "1 2 3"},
            [("a.jpg", None, (PLACE,)), ("b.jpg", None, ())],
        ),
        (
            ["image/a.jpg", "image/b.jpg"],
            {"boxes/a.txt": LINE, "boxes/classes.txt": "dent\nscratch\n"},
            [("image/a.jpg", None, (PLACE,))],
        ),
        (
            ["images/a.jpg"],
            {"data.yaml": "train: images\nval: images\nnames: [dent, scratch]\n", "labels/a.txt": LINE},
            [("images/a.jpg", None, (PLACE,))],
        ),
    ],
    ids=["ultralytics", "roboflow", "lists", "labelimg", "ours", "unsplit"],
)
def test_a_layout_is_read(
    tmp_path: Path,
    save_photo: Save,
    pictures: list[str],
    files: dict[str, str],
    expected: list[tuple[str, str | None, tuple[Place, ...] | None]],
) -> None:
    for name in pictures:
        save_photo(tmp_path / name)
    write(tmp_path, files)
    dataset = read_dataset(tmp_path)
    assert told(dataset, tmp_path) == expected
    assert dataset.problems == ()
    if "data.yaml" in files:
        assert told(read_dataset(tmp_path / "data.yaml"), tmp_path) == expected


def test_a_folder_of_labels_finds_its_pictures_and_their_table_beside_it(tmp_path: Path, save_photo: Save) -> None:
    for name in "abc":
        save_photo(tmp_path / "image" / f"{name}.jpg")
    write(tmp_path, {"labels.csv": "image,label,split\nimage/a.jpg,dented,train\nimage/b.jpg,unknown,val\n"})
    write(tmp_path, {"boxes/a.txt": LINE, "boxes/classes.txt": "dent\nscratch", "masks/a.txt": "0 0 0 1 0 1 1"})
    write(tmp_path, {"masks/classes.txt": "hole"})
    boxes, masks = read_dataset(tmp_path / "boxes"), read_dataset(tmp_path / "masks")
    assert [(s.path.name, s.label, s.split, s.places) for s in boxes.samples] == [
        ("a.jpg", "dented", "train", (PLACE,)),
        ("b.jpg", "unknown", "validation", None),
    ]
    assert masks.place_classes == ("hole",)
    both = read_dataset(tmp_path)
    assert [sample.places for sample in both.samples] == [None, None]
    assert ["2 sets of annotations (boxes; masks)" in problem.message for problem in both.problems] == [True]
    (tmp_path / "labels.csv").unlink()
    with pytest.raises(DatasetError, match=r"2 sets of annotations \(boxes; masks\): give one of them"):
        read_dataset(tmp_path)


def test_a_polygon_is_an_outline(tmp_path: Path, save_photo: Save) -> None:
    save_photo(tmp_path / "images" / "a.jpg")
    write(tmp_path, {"labels/a.txt": "0 0 0 0.5 0 0.5 0.5 0 0.5", "labels/classes.txt": "dent"})
    outline = Polygons(rings=(((0, 0), (20, 0), (20, 15), (0, 15)),))
    assert read_dataset(tmp_path).samples[0].places == (Place(label="dent", box=(0, 0, 20, 15), outline=outline),)


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ("2 0.5 0.5 0.2 0.2", "class 2 has no name; 2 classes are named"),
        ("-1 0.5 0.5 0.2 0.2", "class -1 has no name"),
        ("0 0.5 0.5 nan 0.2", "nan, which is no position"),
        ("0 0.5 0.5 0 0.2", "its box has no area"),
        ("0 0.9 0.5 0.4 0.2", "reaches out of the picture"),
        ("0 320 240 100 50", "reaches out of the picture"),
        ("0 0.5 0.5", "2 numbers after the class"),
        ("0 0.1 0.1 0.5 0.5 0.9", "5 numbers, which are no pairs"),
        ("dent 0.5 0.5 0.2 0.2", "is no class number and fractions"),
        ("0 0,5 0,5 0,2 0,2", "is no class number and fractions"),
    ],
)
def test_a_wrong_line_is_named(tmp_path: Path, save_photo: Save, line: str, reason: str) -> None:
    save_photo(tmp_path / "images" / "a.jpg")
    write(tmp_path, {"labels/a.txt": f"{LINE}\n{line}\n", "labels/classes.txt": "dent\nscratch"})
    dataset = read_dataset(tmp_path)
    assert [sample.places for sample in dataset.samples] == [(PLACE,)]
    assert [problem.severity for problem in dataset.problems] == ["error"]
    assert dataset.problems[0].message.startswith("labels/a.txt, line 2: ")
    assert reason in dataset.problems[0].message


def test_a_box_among_polygons_is_a_polygon_of_two_points(tmp_path: Path, save_photo: Save) -> None:
    save_photo(tmp_path / "images" / "a.jpg")
    write(tmp_path, {"labels/a.txt": "0 0 0 1 0 1 1\n0 0.5 0.5 0.2 0.2\n", "labels/classes.txt": "dent"})
    assert "2 points, and 3 are the fewest" in read_dataset(tmp_path).problems[0].message


def test_classes_told_twice_have_to_agree(tmp_path: Path, save_photo: Save) -> None:
    save_photo(tmp_path / "images" / "a.jpg")
    write(tmp_path, {"labels/a.txt": LINE, "classes.txt": "scratch\ndent", "data.yaml": "names: [dent, scratch]"})
    [problem] = read_dataset(tmp_path).problems
    assert (problem.kind, problem.severity) == ("disagreeing", "error")
    assert "classes.txt: its classes ['scratch', 'dent'] are not those of data.yaml" in problem.message


@pytest.mark.parametrize(
    ("files", "reason"),
    [
        ({"classes.txt": "dent\n\nscratch\n"}, "classes.txt, line 2: the class name '' is none"),
        ({"data.yaml": "names: {0: dent, 2: scratch}"}, "names have the numbers [0, 2], not 0, 1, 2"),
        ({"data.yaml": "names: [dent, no]"}, "the class name False is none"),
        ({"data.yaml": "names: [dent, ]\nother: &a [1]\nmore: *a"}, "nothing names its classes"),
    ],
)
def test_names_that_do_not_count_up_are_an_error(tmp_path: Path, save_photo: Save, files: dict[str, str], reason: str) -> None:
    save_photo(tmp_path / "images" / "a.jpg")
    write(tmp_path, {"labels/a.txt": LINE, **files})
    problems = read_dataset(tmp_path).problems
    assert {problem.severity for problem in problems} == {"error"}
    assert reason in problems[0].message


@pytest.mark.parametrize(
    ("classes", "line"),
    [("\ufeffdent\r\nscratch\r\n\r\n", f"\ufeff{LINE}\r\n"), ("dent\nscratch", "1.0 0.5 0.5 0.25 0.2")],
    ids=["windows", "float"],
)
def test_files_of_other_systems_are_read(tmp_path: Path, save_photo: Save, classes: str, line: str) -> None:
    save_photo(tmp_path / "images" / "a.jpg")
    write(tmp_path, {"labels/a.txt": line, "labels/classes.txt": classes})
    assert [sample.places for sample in read_dataset(tmp_path).samples] == [(PLACE,)]


def test_numbers_of_classes_may_be_quoted(tmp_path: Path, save_photo: Save) -> None:
    save_photo(tmp_path / "images" / "a.jpg")
    write(tmp_path, {"labels/a.txt": LINE, "data.yaml": "names: {'0': dent, '1': scratch}"})
    assert [sample.places for sample in read_dataset(tmp_path).samples] == [(PLACE,)]


def test_labels_are_known_though_most_pictures_show_nothing(tmp_path: Path, save_photo: Save) -> None:
    for number in range(60):
        save_photo(tmp_path / "images" / f"{number:02}.jpg", 8, 6)
        write(tmp_path, {f"labels/{number:02}.txt": LINE if number == 59 else ""})
    write(tmp_path, {"labels/classes.txt": "dent\nscratch"})
    assert read_dataset(tmp_path).counts == {"anomaly": 1, "normal": 59}


def test_masks_and_results_beside_the_splits_are_no_pictures_that_show_nothing(tmp_path: Path, save_photo: Save) -> None:
    for name in ("data/images/a.jpg", "data/images/b.jpg", "data/masks/a.png", "runs/val_batch0.jpg"):
        save_photo(tmp_path / name)
    write(tmp_path, {"data.yaml": "path: data\ntrain: images\nnames: [dent, scratch]", "data/labels/a.txt": LINE})
    assert told(read_dataset(tmp_path), tmp_path) == [
        ("data/images/a.jpg", "train", (PLACE,)),
        ("data/images/b.jpg", "train", ()),
    ]


def test_labels_without_names_say_so(tmp_path: Path, save_photo: Save) -> None:
    save_photo(tmp_path / "images" / "a.jpg")
    write(tmp_path, {"labels/a.txt": LINE})
    kinds = [(problem.kind, problem.severity) for problem in read_dataset(tmp_path).problems]
    assert kinds == [("unknown-class", "error"), ("unknown-class", "error")]


def test_labels_without_a_picture_are_told(tmp_path: Path, save_photo: Save) -> None:
    save_photo(tmp_path / "images" / "a.jpg")
    write(tmp_path, {"labels/a.txt": LINE, "labels/b.txt": LINE, "labels/classes.txt": "dent\nscratch"})
    assert [problem.message.partition(";")[0] for problem in read_dataset(tmp_path).problems] == [
        f"labels/b.txt: there is no picture 'b' below {str(tmp_path)!r}"
    ]
