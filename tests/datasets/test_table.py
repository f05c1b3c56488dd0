from __future__ import annotations

from pathlib import Path

import pytest

from walkaround.datasets.reading import read_dataset
from walkaround.errors import DatasetError


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "images").mkdir()
    for name in "abc":
        (tmp_path / "images" / f"{name}.jpg").touch()
    return tmp_path


def rows(source: Path) -> list[tuple[str, str | None, str | None]]:
    return [(sample.path.name, sample.label, sample.split) for sample in read_dataset(source).samples]


@pytest.mark.parametrize(
    "text",
    [
        b"image,label,split\nimages/a.jpg,dent,val\nimages/b.jpg,normal,train\n",
        b"\xef\xbb\xbfimage,label,split\r\nimages/a.jpg,dent,valid\r\nimages/b.jpg,NORMAL,Train\r\n",
        b'split,notes,label,image\nvalidation,"two\nlines, quoted",dent,images/a.jpg\ntraining,,normal,"images/b.jpg"\n',
        b"Image;Label;Split\nimages/a.jpg;dent;val\nimages\\b.jpg;normal;train\n\n;;\n",
    ],
    ids=["plain", "byte-order mark", "other columns", "semicolons"],
)
def test_tables_of_many_makes_say_the_same(folder: Path, text: bytes) -> None:
    (folder / "labels.csv").write_bytes(text)
    expected = [("a.jpg", "dent", "validation"), ("b.jpg", "normal", "train")]
    assert rows(folder / "labels.csv") == expected
    assert rows(folder) == expected, "the folder stands for its one table"


@pytest.mark.parametrize(
    ("line", "kind", "told"),
    [
        (b"images/x.jpg,dent,train", "missing-file", "'images/x.jpg' does not exist"),
        (b"images,dent,train", "missing-file", "'images' is a folder"),
        (b",dent,train", "bad-line", "names no picture"),
        (b"images/a.jpg", "bad-line", "too few"),
        (b"images/a.jpg,dent,tomorrow", "bad-split", "'tomorrow'"),
        (b"images/a.jpg," + b"x" * 101 + b",train", "bad-label", "cannot be a class name"),
        (b"images/a.jpg,de\x1b[31mnt,train", "bad-label", "\\x1b"),
        (b"images/a.jpg,d\xe9faut,train", "bad-line", "not UTF-8"),
        (b"images/a\0.jpg,dent,train", "missing-file", "does not exist"),
        (b"images/" + b"a" * 5000 + b".jpg,dent,train", "missing-file", "cannot be the name"),
        (b'"images/a.jpg,dent,train', "bad-line", "no line of a table"),
        (b"images/" + b"a" * 200_000 + b",dent,train", "bad-line", "no line of a table"),
        (b"https://example.org/a.jpg,dent,train", "missing-file", "is an address"),
    ],
)
def test_a_broken_line_is_told_and_the_rest_is_used(folder: Path, line: bytes, kind: str, told: str) -> None:
    (folder / "labels.csv").write_bytes(
        b"image,label,split\nimages/b.jpg,dent,train\n" + line + b"\nimages/c.jpg,normal,test\n"
    )
    dataset = read_dataset(folder / "labels.csv")
    assert [sample.path.name for sample in dataset.samples] == ["b.jpg", "c.jpg"]
    [problem] = dataset.problems
    assert problem.kind == kind
    assert problem.message.startswith("labels.csv, line 3: ")
    assert told in problem.message
    assert len(problem.message) < 400


def test_many_broken_lines_of_a_kind_are_one_problem(folder: Path) -> None:
    lines = "".join(f"images/missing{number}.jpg,dent\n" for number in range(300))
    (folder / "labels.csv").write_text(f"image,label\nimages/a.jpg,dent\n{lines}")
    [problem] = read_dataset(folder / "labels.csv").problems
    assert problem.message.startswith("labels.csv, line 3 and 299 more: 'images/missing0.jpg' does not exist")
    assert len(problem.files) == 300


def test_an_empty_label_means_unlabelled_and_a_repeated_line_counts_once(folder: Path) -> None:
    (folder / "labels.csv").write_text("image,label\nimages/a.jpg,\nimages/b.jpg,dent\nimages/b.jpg,dent\n")
    dataset = read_dataset(folder / "labels.csv")
    assert [(sample.path.name, sample.label) for sample in dataset.samples] == [("a.jpg", None), ("b.jpg", "dent")]
    assert [problem.kind for problem in dataset.problems] == ["repeated"]


def test_an_absolute_path_is_allowed(folder: Path, tmp_path_factory: pytest.TempPathFactory) -> None:
    elsewhere = tmp_path_factory.mktemp("elsewhere") / "labels.csv"
    elsewhere.write_text(f"image,label\n{folder / 'images' / 'a.jpg'},dent\n")
    assert rows(elsewhere) == [("a.jpg", "dent", None)]


def test_class_folders_win_over_a_table_beside_them_with_a_word(folder: Path) -> None:
    (folder / "images").rename(folder / "normal")
    (folder / "labels.csv").write_text("image,label\nnormal/a.jpg,dent\n")
    dataset = read_dataset(folder)
    assert dataset.counts == {"normal": 3}
    assert [problem.kind for problem in dataset.problems] == ["unused-labels"]


@pytest.mark.parametrize("text", [b"", b"a,b\n1,2\n", b"\x00\xff" * 500, "image,label\n".encode("utf-16")])
def test_a_file_that_is_no_table_is_refused(tmp_path: Path, text: bytes) -> None:
    (tmp_path / "labels.csv").write_bytes(text)
    with pytest.raises(DatasetError, match="columns image and label"):
        read_dataset(tmp_path / "labels.csv")
