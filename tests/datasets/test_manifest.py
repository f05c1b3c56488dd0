from __future__ import annotations

import json
from pathlib import Path

import pytest

from walkaround.datasets.manifest import write_manifest
from walkaround.datasets.reading import read_dataset
from walkaround.datasets.sample import Sample
from walkaround.errors import DatasetError, StorageError


def test_what_is_written_is_read_back(tmp_path: Path) -> None:
    names = ["a.jpg", "ünïcode \u2028 name.jpg", 'quo"te.jpg']
    samples = [
        Sample(path=tmp_path / "photos" / names[0], label="dent", split="train"),
        Sample(path=tmp_path / "photos" / names[1], label=None),
        Sample(path=tmp_path / "photos" / names[2], label="normal", split="validation"),
    ]
    (tmp_path / "photos").mkdir()
    for sample in samples:
        sample.path.touch()
    write_manifest(tmp_path / "all.jsonl", samples)
    read = read_dataset(tmp_path / "all.jsonl")
    assert [(s.path, s.label, s.split) for s in read.samples] == [(s.path, s.label, s.split) for s in samples]
    assert read.samples[1].where == "all.jsonl, line 2"
    assert json.loads((tmp_path / "all.jsonl").read_text().splitlines()[0])["image"] == "photos/a.jpg"


def test_a_manifest_that_cannot_be_written_leaves_nothing(tmp_path: Path) -> None:
    (tmp_path / "taken").mkdir()
    with pytest.raises(StorageError, match="taken"):
        write_manifest(tmp_path / "taken", [])
    assert [path.name for path in tmp_path.iterdir()] == ["taken"]


@pytest.mark.parametrize(
    ("line", "kind"),
    [
        (b"{broken", "bad-line"),
        (b"[1, 2]", "bad-line"),
        (b'"image"', "bad-line"),
        (b"\xff\xfe{}", "bad-line"),
        (b"[" * 100_000, "bad-line"),
        (b"1" * 5_000, "bad-line"),
        (b'{"image": "b.jpg", "label": "' + b"x" * 17_000_000 + b'"}', "bad-line"),
        (b'{"label": "dent"}', "bad-line"),
        (b'{"image": 7}', "bad-line"),
        (b'{"image": {"a": 1}, "label": "dent"}', "bad-line"),
        (b'{"image": "b.jpg", "label": 3}', "bad-label"),
        (b'{"image": "b.jpg", "label": "\\ud800"}', "bad-label"),
        (b'{"image": "b.jpg", "label": "dent", "split": ["train"]}', "bad-split"),
        (b'{"image": "\\u0000.jpg"}', "missing-file"),
        (b'{"image": "\\ud800.jpg"}', "missing-file"),
        (b'{"image": "."}', "missing-file"),
    ],
)
def test_a_broken_line_is_told_and_the_rest_is_used(tmp_path: Path, line: bytes, kind: str) -> None:
    (tmp_path / "a.jpg").touch()
    (tmp_path / "b.jpg").touch()
    (tmp_path / "own.jsonl").write_bytes(
        b'{"image": "a.jpg", "label": "dent"}\n' + line + b'\n\n{"image": "b.jpg", "label": null}'
    )
    dataset = read_dataset(tmp_path / "own.jsonl")
    assert [(sample.path.name, sample.where) for sample in dataset.samples] == [
        ("a.jpg", "own.jsonl, line 1"),
        ("b.jpg", "own.jsonl, line 4"),
    ]
    assert [problem.kind for problem in dataset.problems] == [kind]
    assert dataset.problems[0].message.encode().startswith(b"own.jsonl, line 2: ")


def test_other_json_is_refused_by_name(tmp_path: Path) -> None:
    (tmp_path / "instances.json").write_text('{"images": [],\n "annotations": []}')
    with pytest.raises(DatasetError, match=r"instances\.json.*COCO"):
        read_dataset(tmp_path / "instances.json")


def test_what_is_not_there_is_said(tmp_path: Path) -> None:
    with pytest.raises(DatasetError, match=r"There is no dataset at .*nowhere"):
        read_dataset(tmp_path / "nowhere")
