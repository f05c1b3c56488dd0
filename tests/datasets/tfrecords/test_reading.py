"""TFRecords that are read: a dataset like any other, and what is damaged or says what cannot be is named."""

from __future__ import annotations

import struct
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from tests.datasets.tfrecords.conftest import features_in

from walkaround.datasets.faults import require_good_places
from walkaround.datasets.reading import read_dataset
from walkaround.datasets.sample import Dataset
from walkaround.datasets.tfrecords.messages import encode_example
from walkaround.datasets.tfrecords.reading import read_tfrecords
from walkaround.datasets.tfrecords.records import write_record
from walkaround.datasets.tfrecords.writing import LABEL_MAP, write_tfrecords
from walkaround.errors import DatasetError


def starts(content: bytes) -> list[int]:
    """Where each record begins."""
    found, at = [], 0
    while at < len(content):
        found.append(at)
        at += 16 + struct.unpack_from("<Q", content, at)[0]
    return found


@pytest.mark.parametrize(
    ("damage", "reason", "left"),
    [
        (
            lambda content, third: content[: third + 100] + b"\0\1\2" + content[third + 103 :],
            "checksum of its data is wrong",
            11,
        ),
        (lambda content, third: content[:third] + b"\7" + content[third + 1 :], "checksum of its length is wrong", 2),
        (lambda content, third: content[: third + 100], "ends in the middle", 2),
        (lambda content, third: content[: third + 5], "ends in the middle", 2),
    ],
)
def test_a_damaged_record_is_named(
    damage: Callable[[bytes, int], bytes], reason: str, left: int, records: Path, tmp_path: Path
) -> None:
    content = records.read_bytes()
    records.write_bytes(damage(content, starts(content)[2]))
    back = read_tfrecords(records.parent, pictures=tmp_path / "pictures")
    [problem] = back.problems
    assert problem.severity == "error"
    assert "train.records, record 3" in problem.message
    assert reason in problem.message
    assert len(back.samples) == left


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"image/encoded": []}, "no image/encoded"),
        ({"image/encoded": [b"no picture"]}, "is not a picture"),
        ({"image/object/class/text": [], "image/object/class/label": [9]}, "class id 9"),
        ({"image/object/class/label": [], "image/object/class/text": []}, "differ in length"),
        ({"image/object/bbox/xmin": [float("nan")]}, "a box of 'dent'"),
        ({"image/object/bbox/xmax": [0.01]}, "a box of 'dent'"),
        ({"image/filename": [7]}, "where a text belongs"),
    ],
)
def test_a_record_that_says_what_cannot_be_is_named(change: dict[str, Any], reason: str, records: Path, tmp_path: Path) -> None:
    good = next(f for f in features_in(records) if f["image/object/class/text"] == [b"dent"])
    with records.open("wb") as file:
        write_record(file, encode_example(good))
        write_record(file, encode_example({**good, **change}))
    back = read_tfrecords(records.parent, pictures=tmp_path / "pictures")
    assert len(back.samples) == 1
    [problem] = back.problems
    assert "record 2" in problem.message
    assert reason in problem.message


def test_names_in_records_lead_nowhere_else(records: Path, tmp_path: Path) -> None:
    [features, *_] = features_in(records)
    with records.open("wb") as file:
        write_record(file, encode_example({**features, "image/filename": [b"../../../etc/../evil\0\n.jpg"]}))
    [sample] = read_tfrecords(records.parent, pictures=tmp_path / "pictures").samples
    assert sample.path == tmp_path / "pictures" / "train" / "000001_evil.jpg"


def test_a_missing_shard_is_named(boxes: Dataset, tmp_path: Path) -> None:
    written = write_tfrecords(boxes, tmp_path / "out", shards=3, validation_share=0)
    written.files[1].unlink()
    back = read_tfrecords(tmp_path / "out", pictures=tmp_path / "pictures")
    assert len(back.samples) == 8
    assert "train.records-00001-of-00003 is missing" in back.problems[0].message


def test_a_folder_without_records_or_label_map_is_refused(records: Path, tmp_path: Path) -> None:
    (records.parent / LABEL_MAP).unlink()
    for folder, told in ((records.parent, "put the label map"), (tmp_path / "cars", "no records")):
        with pytest.raises(DatasetError, match=told):
            read_tfrecords(folder, pictures=tmp_path / "pictures")


def test_a_folder_of_records_is_a_dataset_like_any_other(records: Path, tmp_path: Path) -> None:
    found = read_dataset(records.parent, cache=tmp_path / "cache")
    assert found.counts == {"anomaly": 12}
    assert found.place_classes == ("dent", "scratch")
    assert {sample.split for sample in found.samples} == {"train"}
    assert all(sample.path.is_relative_to(tmp_path / "cache" / "records") for sample in found.samples)


def test_damaged_records_are_left_out_only_when_asked(records: Path, tmp_path: Path) -> None:
    records.write_bytes(records.read_bytes()[:-1])
    with pytest.raises(DatasetError, match="record 12: the file ends in the middle"):
        require_good_places(read_dataset(records.parent, cache=tmp_path))
    found = read_dataset(records.parent, cache=tmp_path, skip_bad_labels=True)
    require_good_places(found)
    assert len(found.samples) == 11
    records.write_bytes(b"no records")
    with pytest.raises(DatasetError, match=r"No record in .* can be used"):
        read_dataset(records.parent, cache=tmp_path)
