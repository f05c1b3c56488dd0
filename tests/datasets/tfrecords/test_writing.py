"""TFRecords that are written: what TensorFlow's tools expect, the same for the same seed, and nothing half done."""

from __future__ import annotations

import io
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image, ImageOps
from tests.datasets.tfrecords.conftest import DENT, features_in, save

from walkaround.damage.places import Place, Polygons
from walkaround.datasets.manifest import write_manifest
from walkaround.datasets.reading import read_dataset
from walkaround.datasets.sample import Dataset, Sample, Split
from walkaround.datasets.tfrecords.messages import read_label_map
from walkaround.datasets.tfrecords.reading import read_tfrecords
from walkaround.datasets.tfrecords.writing import LABEL_MAP, write_tfrecords
from walkaround.errors import DatasetError, InputError, StorageError


def turned(orientation: int) -> bytes:
    """EXIF that says how a picture lies."""
    exif = Image.Exif()
    exif[0x0112] = orientation
    return exif.tobytes()


def test_a_record_has_the_features_that_the_sample_writes(boxes: Dataset, tmp_path: Path) -> None:
    write_tfrecords(boxes, tmp_path / "out", validation_share=0)
    found = {features["image/filename"][0]: features for features in features_in(tmp_path / "out" / "train.records")}
    assert len(found) == 12
    first = found[b"car0.jpg"]
    assert first["image/encoded"] == [(tmp_path / "cars" / "car0.jpg").read_bytes()]
    assert (first["image/width"], first["image/height"], first["image/format"]) == ([64], [48], [b"jpeg"])
    assert first["image/source_id"] == [b"1"]
    assert first["image/object/class/text"] == [b"dent", b"scratch"]
    assert first["image/object/class/label"] == [1, 2]
    assert first["image/object/is_crowd"] == [0, 1]
    edges = [first[f"image/object/bbox/{edge}"] for edge in ("xmin", "ymin", "xmax", "ymax")]
    assert np.allclose(edges, [[8 / 64, 0], [10 / 48, 0], [40 / 64, 1], [30 / 48, 1]])
    assert "image/object/is_crowd" not in found[b"car1.jpg"]


def test_the_label_map_counts_from_one_as_the_records_do(boxes: Dataset, tmp_path: Path) -> None:
    written = write_tfrecords(boxes, tmp_path / "out")
    assert written.classes == ("dent", "scratch")
    text = (tmp_path / "out" / LABEL_MAP).read_text()
    assert text == 'item {\n  name: "dent"\n  id: 1\n}\nitem {\n  name: "scratch"\n  id: 2\n}\n'
    assert read_label_map(text, name=LABEL_MAP) == {1: "dent", 2: "scratch"}


def test_what_was_written_comes_back(boxes: Dataset, tmp_path: Path) -> None:
    write_tfrecords(boxes, tmp_path / "out", shards=3)
    back = read_tfrecords(tmp_path / "out", pictures=tmp_path / "pictures")
    assert back.problems == ()
    by_bytes = {sample.path.read_bytes(): sample for sample in back.samples}
    assert len(by_bytes) == 12
    for sample in boxes.samples:
        found = by_bytes[sample.path.read_bytes()]
        assert found.places == sample.places
        assert found.label is None
        assert found.path.stem.endswith(sample.path.stem)


def test_shards_have_the_names_that_tools_look_for(boxes: Dataset, tmp_path: Path) -> None:
    written = write_tfrecords(boxes, tmp_path / "out", shards=4, validation_share=0.25)
    assert written.counts == {"train": 9, "validation": 3}
    assert [path.name for path in written.files] == [
        *(f"train.records-{number:05d}-of-00004" for number in range(4)),
        *(f"validation.records-{number:05d}-of-00003" for number in range(3)),
    ]
    assert sorted([path.name for path in written.files] + [LABEL_MAP]) == sorted(p.name for p in (tmp_path / "out").iterdir())


def test_the_same_seed_writes_the_same_bytes_and_another_another_split(boxes: Dataset, tmp_path: Path) -> None:
    for name, seed in (("a", 1), ("b", 1), ("c", 2)):
        write_tfrecords(boxes, tmp_path / name, seed=seed, validation_share=0.25)
    a, b, c = ({path.name: path.read_bytes() for path in (tmp_path / name).iterdir()} for name in "abc")
    assert a == b
    assert a["train.records"] != c["train.records"]


def test_copies_of_a_picture_stay_on_one_side(tmp_path: Path) -> None:
    paths = [save(tmp_path / f"{number}-{copy}.png", seed=number, form="PNG") for number in range(8) for copy in range(3)]
    dataset = Dataset(origin=tmp_path, samples=tuple(Sample(path=path, label=None, places=(DENT,)) for path in paths))
    write_tfrecords(dataset, tmp_path / "out", validation_share=0.3)
    train, validation = (
        {features["image/filename"][0].partition(b"-")[0] for features in features_in(tmp_path / "out" / f"{split}.records")}
        for split in ("train", "validation")
    )
    assert train
    assert validation
    assert not train & validation


def test_splits_of_the_dataset_itself_are_kept(boxes: Dataset, tmp_path: Path) -> None:
    parts: tuple[tuple[Split | None, int], ...] = (("train", 6), ("validation", 3), ("test", 2), (None, 1))
    splits = [split for split, count in parts for _ in range(count)]
    samples = tuple(replace(sample, split=split) for sample, split in zip(boxes.samples, splits, strict=True))
    written = write_tfrecords(replace(boxes, samples=samples), tmp_path / "out")
    assert written.counts == {"train": 7, "validation": 3, "test": 2}
    assert {features["image/filename"][0] for features in features_in(tmp_path / "out" / "test.records")} == {
        b"car9.jpg",
        b"car10.jpg",
    }


@pytest.mark.parametrize("form", ["JPEG", "PNG"])
@pytest.mark.parametrize("orientation", [1, 3, 6, 8])
def test_a_picture_that_lies_on_its_side_is_stored_upright(form: str, orientation: int, tmp_path: Path) -> None:
    path = save(tmp_path / "car", form=form, exif=turned(orientation))
    dataset = Dataset(origin=tmp_path, samples=(Sample(path=path, label=None, places=(DENT,)),))
    write_tfrecords(dataset, tmp_path / "out", validation_share=0)
    [features] = features_in(tmp_path / "out" / "train.records")
    with Image.open(io.BytesIO(features["image/encoded"][0])) as stored, Image.open(path) as original:
        assert stored.format == form
        assert features["image/format"] == [form.lower().encode()]
        assert stored.size == (features["image/width"][0], features["image/height"][0])
        assert stored.getexif().get(0x0112, 1) == 1
        upright = ImageOps.exif_transpose(original)
        assert np.abs(np.asarray(stored, np.int16) - np.asarray(upright, np.int16)).mean() < 2
    assert (features["image/encoded"] == [path.read_bytes()]) == (orientation == 1)


def test_a_webp_becomes_a_jpeg_and_transparency_white(tmp_path: Path) -> None:
    webp = save(tmp_path / "car.jpg", form="WEBP")
    clear = tmp_path / "clear.png"
    Image.new("RGBA", (20, 10), (9, 9, 9, 0)).save(clear)
    samples = tuple(Sample(path=path, label=None, places=()) for path in (webp, clear))
    with pytest.raises(DatasetError, match="is labelled"):
        write_tfrecords(Dataset(origin=tmp_path, samples=samples), tmp_path / "out")
    samples = (replace(samples[0], places=(DENT,)), samples[1])
    write_tfrecords(Dataset(origin=tmp_path, samples=samples), tmp_path / "out", validation_share=0)
    found = {features["image/filename"][0]: features for features in features_in(tmp_path / "out" / "train.records")}
    assert found[b"car.jpg"]["image/format"] == [b"jpeg"]
    assert found[b"clear.png"]["image/format"] == [b"png"]
    with Image.open(io.BytesIO(found[b"clear.png"]["image/encoded"][0])) as white:
        assert np.all(np.asarray(white) == 255)


def test_pictures_without_places_are_written_with_their_class(tmp_path: Path) -> None:
    samples = tuple(
        Sample(path=save(tmp_path / label / f"{number}.jpg", seed=seed), label=label)
        for seed, (label, number) in enumerate((label, number) for label in ("normal", "anomaly") for number in range(3))
    )
    written = write_tfrecords(Dataset(origin=tmp_path, samples=samples), tmp_path / "out", validation_share=0)
    assert written.classes == ("anomaly", "normal")
    for features in features_in(tmp_path / "out" / "train.records"):
        name = features["image/filename"][0].decode().partition("/")[0]
        assert features["image/class/text"] == [name.encode()]
        assert features["image/class/label"] == [1 + ("anomaly", "normal").index(name)]
        assert not [name for name in features if name.startswith("image/object")]
    back = read_tfrecords(tmp_path / "out", pictures=tmp_path / "pictures")
    assert back.counts == {"anomaly": 3, "normal": 3}
    assert {sample.places for sample in back.samples} == {None}


def test_a_polygon_becomes_its_box_and_a_place_outside_is_named(tmp_path: Path) -> None:
    triangle = Place(label="dent", box=(1.0, 2.0, 21.0, 12.0), outline=Polygons(rings=(((1, 2), (21, 2), (11, 12)),)))
    outside = Place(label="dent", box=(70.0, 2.0, 90.0, 12.0))
    sample = Sample(path=save(tmp_path / "car.jpg"), label=None, where="line 7", places=(triangle, outside))
    written = write_tfrecords(Dataset(origin=tmp_path, samples=(sample,)), tmp_path / "out", validation_share=0)
    [problem] = written.problems
    assert problem.message.startswith("line 7: a place labelled 'dent' has no area inside the picture")
    [back] = read_tfrecords(tmp_path / "out", pictures=tmp_path / "pictures").samples
    assert back.places == (replace(triangle, outline=None),)


def test_what_cannot_be_read_or_is_not_labelled_is_left_out_and_named(boxes: Dataset, tmp_path: Path) -> None:
    (tmp_path / "cars" / "car3.jpg").write_bytes(b"\xff\xd8\xff no picture")
    samples = (replace(boxes.samples[0], places=None), *boxes.samples[1:])
    written = write_tfrecords(replace(boxes, samples=samples), tmp_path / "out")
    assert sum(written.counts.values()) == 10
    assert {problem.kind for problem in written.problems} == {"unreadable", "unlabelled"}


@pytest.mark.parametrize(("given", "value"), [("shards", 0), ("shards", 100_000), ("validation_share", 1.0)])
def test_numbers_out_of_range_are_refused(given: str, value: float, boxes: Dataset, tmp_path: Path) -> None:
    arguments: dict[str, Any] = {given: value}
    with pytest.raises(InputError, match="give 1 to 99,999 shards"):
        write_tfrecords(boxes, tmp_path / "out", **arguments)


def test_a_folder_in_use_is_left_alone(boxes: Dataset, tmp_path: Path) -> None:
    with pytest.raises(StorageError, match="exists already"):
        write_tfrecords(boxes, tmp_path / "cars")
    assert len(list((tmp_path / "cars").iterdir())) == 12


def test_a_failure_in_the_middle_leaves_nothing(boxes: Dataset, tmp_path: Path) -> None:
    def stop(stage: str, done: int, _: int) -> None:
        if stage == "Writing records" and done == 5:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        write_tfrecords(boxes, tmp_path / "records" / "out", progress=stop)
    assert list((tmp_path / "records").iterdir()) == []


def test_records_are_exported_by_the_command_and_read_by_others(boxes: Dataset, tmp_path: Path, command: Any) -> None:
    write_manifest(tmp_path / "cars.jsonl", boxes.samples)
    done = command(
        "export", "tfrecords", tmp_path / "cars.jsonl", "--out", tmp_path / "out", "--shards", 2, "--rename", "dent=bump"
    )
    assert done.returncode == 0, done.stderr
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == [
        LABEL_MAP,
        "train.records-00000-of-00002",
        "train.records-00001-of-00002",
        "validation.records",
    ]
    assert read_dataset(tmp_path / "out", cache=tmp_path / "cache").place_classes == ("bump", "scratch")
