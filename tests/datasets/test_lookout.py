from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

from walkaround.buckets.buckets import Buckets
from walkaround.datasets.reading import read_dataset
from walkaround.datasets.sample import Dataset
from walkaround.errors import DatasetError

TYPE = "groundtruth/image-classification"
NORMAL = {
    "class-name": "normal",
    "type": TYPE,
    "human-annotated": "yes",
    "creation-date": "Mon Aug 22 2022 13:52:52 GMT-0700 (PDT)",
}
ANOMALY = {**NORMAL, "class-name": "anomaly", "confidence": 1}


def write(path: Path, *lines: Mapping[str, object]) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(json.dumps(line) + "\n" for line in lines))
    return path


def read(tmp_path: Path, *lines: dict[str, object]) -> Dataset:
    for name in "abcd":
        (tmp_path / f"{name}.jpg").touch()
    return read_dataset(write(tmp_path / "output.manifest", *lines))


@pytest.mark.parametrize(
    ("line", "label"),
    [
        ({"anomaly-label": 1, "anomaly-label-metadata": ANOMALY}, "anomaly"),
        ({"auto-label": 0, "auto-label-metadata": NORMAL}, "normal"),
        ({"any name": "text", "any name-metadata": {"class-name": "Normal"}}, "normal"),
        ({"my-job-metadata": ANOMALY}, "anomaly"),
        ({}, None),
        ({"l": 0, "l-metadata": NORMAL, "l-detected": 1, "l-detected-metadata": ANOMALY}, "normal"),
        (
            {"l": 0, "l-metadata": NORMAL, "boxes-metadata": {"class-name": "anomaly", "type": "groundtruth/object-detection"}},
            "normal",
        ),
        ({"l": 0, "l-metadata": "broken"}, None),
    ],
)
def test_the_label_of_a_line(tmp_path: Path, line: dict[str, object], label: str | None) -> None:
    dataset = read(tmp_path, {"source-ref": "a.jpg", **line})
    assert [(sample.label, sample.where) for sample in dataset.samples] == [(label, "output.manifest, line 1")]
    assert dataset.problems == ()


def test_another_class_joins_unlabelled_and_says_so(tmp_path: Path) -> None:
    dataset = read(tmp_path, {"source-ref": "a.jpg", "l": 1, "l-metadata": {**ANOMALY, "class-name": "scratch"}})
    assert [sample.label for sample in dataset.samples] == [None]
    assert "'scratch'" in dataset.problems[0].message


def test_a_line_whose_mask_is_missing_keeps_its_class_and_says_so(tmp_path: Path, save_photo: Callable[..., Path]) -> None:
    mask = {
        "mask-ref": "s3://b/m.png",
        "mask-ref-metadata": {"internal-color-map": {"0": {"class-name": "cracked", "hex-color": "#23A436"}}},
    }
    save_photo(tmp_path / "photo.jpg")
    dataset = read(tmp_path, {"source-ref": "photo.jpg", "l": 1, "l-metadata": ANOMALY, **mask})
    assert [sample.label for sample in dataset.samples] == ["anomaly"]
    assert [problem.kind for problem in dataset.problems] == ["bad-place"]


def test_a_line_that_says_both_is_left_out(tmp_path: Path) -> None:
    dataset = read(tmp_path, {"source-ref": "b.jpg"}, {"source-ref": "a.jpg", "x-metadata": ANOMALY, "y-metadata": NORMAL})
    assert [sample.path.name for sample in dataset.samples] == ["b.jpg"]
    assert "both normal and anomaly" in dataset.problems[0].message


@pytest.mark.parametrize("stored", ["fleet/2024/a b.jpg", "2024/a b.jpg"], ids=["with the bucket", "without it"])
def test_a_bucket_is_found_beside_the_manifest(tmp_path: Path, stored: str) -> None:
    (tmp_path / stored).parent.mkdir(parents=True)
    (tmp_path / stored).touch()
    dataset = read_dataset(write(tmp_path / "m.manifest", {"source-ref": "s3://fleet/2024/a b.jpg", "l-metadata": NORMAL}))
    assert [sample.path for sample in dataset.samples] == [tmp_path / stored]


def test_a_bucket_is_mapped_to_a_folder(tmp_path: Path) -> None:
    (tmp_path / "copy").mkdir()
    (tmp_path / "copy" / "a.jpg").touch()
    manifest = write(
        tmp_path / "elsewhere" / "m.manifest", {"source-ref": "s3://fleet/a.jpg"}, {"source-ref": "s3://fleet/b.jpg"}
    )
    dataset = read_dataset(manifest, buckets=Buckets({"fleet": tmp_path / "copy"}))
    assert [sample.path for sample in dataset.samples] == [tmp_path / "copy" / "a.jpg"]
    assert dataset.problems[0].message.startswith("m.manifest, line 2: There is no object 's3://fleet/b.jpg'")


def test_an_unmapped_bucket_says_how_to_map_it(tmp_path: Path) -> None:
    manifest = write(tmp_path / "m.manifest", *({"source-ref": f"s3://fleet/{number}.jpg"} for number in range(9)))
    with pytest.raises(DatasetError, match=r"m\.manifest, line 1 and 8 more: 's3://fleet/0\.jpg'.*--bucket fleet=FOLDER"):
        read_dataset(manifest)


@pytest.mark.parametrize(
    "reference", ["s3://", "s3://fleet", "s3://fleet/", "s3://fleet/../../etc/passwd", "s3://fleet//etc/passwd", "s3:///a.jpg"]
)
def test_a_key_cannot_leave_its_bucket(tmp_path: Path, reference: str) -> None:
    dataset = read(tmp_path, {"source-ref": "a.jpg"}, {"source-ref": reference})
    assert [sample.path.name for sample in dataset.samples] == ["a.jpg"]
    assert [problem.kind for problem in dataset.problems] == ["bad-line"]
