from __future__ import annotations

import os
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from walkaround.datasets.reading import read_dataset
from walkaround.datasets.sample import Dataset
from walkaround.errors import DatasetError

Save = Callable[..., Path]


def rows(dataset: Dataset) -> list[tuple[str, str | None, str | None]]:
    return [(sample.path.relative_to(dataset.origin).as_posix(), sample.label, sample.split) for sample in dataset.samples]


def touch(folder: Path, *names: str) -> None:
    """Make files that are pictures by name only: reading a dataset opens none of them."""
    for name in names:
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()


@pytest.mark.parametrize(
    ("files", "expected"),
    [
        (["Anomaly/a.jpg", "NORMAL/b.JPG"], [("Anomaly/a.jpg", "anomaly", None), ("NORMAL/b.JPG", "normal", None)]),
        (["dent/x/y/a.png", "scratch/b.png"], [("dent/x/y/a.png", "dent", None), ("scratch/b.png", "scratch", None)]),
        (["a.jpg", "b.webp"], [("a.jpg", None, None), ("b.webp", None, None)]),
        (["images/a.jpg"], [("images/a.jpg", None, None)]),
        (["normal/a.jpg", "stray.jpg"], [("normal/a.jpg", "normal", None), ("stray.jpg", None, None)]),
        (
            ["test/normal/a.jpg", "train/anomaly/b.jpg", "train/normal/c.jpg", "val/normal/d.jpg"],
            [
                ("test/normal/a.jpg", "normal", "test"),
                ("train/anomaly/b.jpg", "anomaly", "train"),
                ("train/normal/c.jpg", "normal", "train"),
                ("val/normal/d.jpg", "normal", "validation"),
            ],
        ),
        (["test/a.jpg", "train/b.jpg"], [("test/a.jpg", None, "test"), ("train/b.jpg", None, "train")]),
        (["bus/a.jpg", "train/b.jpg"], [("bus/a.jpg", "bus", None), ("train/b.jpg", "train", None)]),
        (
            ["cars/anomaly/a.jpg", "cars/normal/b.jpg"],
            [("cars/anomaly/a.jpg", "anomaly", None), ("cars/normal/b.jpg", "normal", None)],
        ),
        (
            ["normal/monday/a.jpg", "normal/scratch/b.jpg"],
            [("normal/monday/a.jpg", "normal", None), ("normal/scratch/b.jpg", "normal", None)],
        ),
    ],
)
def test_folders_give_labels_and_splits(
    tmp_path: Path, files: list[str], expected: list[tuple[str, str | None, str | None]]
) -> None:
    touch(tmp_path, *files)
    dataset = read_dataset(tmp_path)
    assert rows(dataset) == expected
    assert dataset.problems == ()


def test_what_is_hidden_or_goes_with_pictures_is_no_problem(tmp_path: Path) -> None:
    touch(
        tmp_path,
        "normal/a.jpg",
        "normal/.DS_Store",
        "normal/Thumbs.db",
        ".git/x.jpg",
        "__MACOSX/b.jpg",
        "labels.txt",
        "notes.pdf",
    )
    dataset = read_dataset(tmp_path)
    assert len(dataset.samples) == 1
    assert dataset.problems == ()


def test_a_picture_without_an_extension_is_used_and_a_text_is_told(tmp_path: Path, save_scene: Save) -> None:
    save_scene(tmp_path / "normal" / "a.png").rename(tmp_path / "normal" / "IMG_1")
    (tmp_path / "normal" / "notes").write_text("no picture")
    dataset = read_dataset(tmp_path)
    assert [sample.path.name for sample in dataset.samples] == ["IMG_1"]
    assert [(problem.kind, Path(problem.files[0]).name) for problem in dataset.problems] == [("not-a-picture", "notes")]


def test_a_folder_beside_the_splits_is_left_out_with_a_word(tmp_path: Path) -> None:
    touch(tmp_path, "train/good/a.png", "test/good/b.png", "test/crack/c.png", "ground_truth/crack/c_mask.png")
    dataset = read_dataset(tmp_path)
    assert {sample.path.parent.name for sample in dataset.samples if sample.split} == {"good", "crack"}
    assert len(dataset.samples) == 3
    assert "ground_truth" in dataset.problems[0].message


def test_links_that_loop_end(tmp_path: Path) -> None:
    touch(tmp_path, "normal/a.jpg", "anomaly/b.jpg")
    (tmp_path / "normal" / "up").symlink_to(tmp_path, target_is_directory=True)
    (tmp_path / "anomaly" / "self.jpg").symlink_to("self.jpg")
    dataset = read_dataset(tmp_path)
    assert sorted(sample.path.name for sample in dataset.samples) == ["a.jpg", "b.jpg"]


def test_a_pipe_is_not_opened(tmp_path: Path) -> None:
    touch(tmp_path, "normal/a.jpg")
    os.mkfifo(tmp_path / "normal" / "pipe")
    assert len(read_dataset(tmp_path).samples) == 1


def test_an_empty_folder_says_what_was_looked_for(tmp_path: Path) -> None:
    with pytest.raises(DatasetError, match="a folder of pictures for each class"):
        read_dataset(tmp_path)


def test_the_order_is_that_of_the_names(tmp_path: Path) -> None:
    touch(tmp_path, "b/2.jpg", "a/10.jpg", "b/1.jpg", "a/9.jpg")
    assert [name for name, _, _ in rows(read_dataset(tmp_path))] == ["a/10.jpg", "a/9.jpg", "b/1.jpg", "b/2.jpg"]


def test_pictures_are_listed_without_opening_them(tmp_path: Path) -> None:
    for name in ("anomaly", "normal"):
        (tmp_path / name).mkdir()
        for number in range(1_000):
            os.close(os.open(tmp_path / name / f"{number}.jpg", os.O_CREAT | os.O_WRONLY))
    start = time.process_time()
    assert read_dataset(tmp_path).counts == {"anomaly": 1_000, "normal": 1_000}
    assert time.process_time() - start < 0.5
