"""TFRecords: what is written is what TensorFlow's tools expect, comes back as it went in, and what is damaged is named."""

from __future__ import annotations

import io
import struct
import tempfile
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image, ImageOps

from walkaround.damage.places import Place, Polygons
from walkaround.datasets.faults import require_good_places
from walkaround.datasets.manifest import write_manifest
from walkaround.datasets.reading import read_dataset
from walkaround.datasets.sample import Dataset, Sample, Split
from walkaround.datasets.tfrecords.messages import decode_example, encode_example, label_map_text, read_label_map
from walkaround.datasets.tfrecords.reading import read_tfrecords
from walkaround.datasets.tfrecords.records import BadRecord, read_records, write_record
from walkaround.datasets.tfrecords.writing import LABEL_MAP, write_tfrecords
from walkaround.errors import DatasetError, InputError, StorageError

DENT = Place(label="dent", box=(8.0, 10.0, 40.0, 30.0))
SCRATCH = Place(label="scratch", box=(0.0, 0.0, 64.0, 48.0), crowd=True)


def save(path: Path, *, seed: int = 0, size: tuple[int, int] = (64, 48), form: str = "JPEG", **options: Any) -> Path:
    """A picture of smooth colours that no other seed gives."""
    path.parent.mkdir(parents=True, exist_ok=True)
    coarse = np.random.default_rng(seed).integers(0, 255, (4, 4, 3), dtype=np.uint8)
    Image.fromarray(coarse).resize(size, Image.Resampling.BICUBIC).save(path, form, **options)
    return path


def turned(orientation: int) -> bytes:
    """EXIF that says how a picture lies."""
    exif = Image.Exif()
    exif[0x0112] = orientation
    return exif.tobytes()


@pytest.fixture
def boxes(tmp_path: Path) -> Dataset:
    """Twelve pictures with a dent, every third with a scratch as well."""
    samples = [
        Sample(
            path=save(tmp_path / "cars" / f"car{number}.jpg", seed=number),
            label=None,
            where=f"instances.json, annotation {number}",
            places=(DENT, SCRATCH) if number % 3 == 0 else (DENT,),
        )
        for number in range(12)
    ]
    return Dataset(origin=tmp_path / "cars", samples=tuple(samples))


def features_in(path: Path) -> list[dict[str, Any]]:
    """The features of each record of a file."""
    return [dict(decode_example(record)) for record in read_records(path) if isinstance(record, bytes)]


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


@pytest.fixture
def records(boxes: Dataset, tmp_path: Path) -> Path:
    """A file of twelve records."""
    write_tfrecords(boxes, tmp_path / "out", validation_share=0)
    return tmp_path / "out" / "train.records"


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


@pytest.mark.parametrize(
    ("text", "classes"),
    [
        ("item { id: 1 name: 'dent' display_name: 'Dent' }", {1: "dent"}),
        ('# made by hand\nitem {\n name: "Delle \\"tief\\""\n id: 3 }', {3: 'Delle "tief"'}),
        ("", {}),
    ],
)
def test_label_maps_of_others_are_read(text: str, classes: dict[int, str]) -> None:
    assert read_label_map(text, name=LABEL_MAP) == classes


@pytest.mark.parametrize(
    "text", ["dent 1", "item { id: 0 name: 'a' }", "item { id: 1 }", "item{id:1 name:'a'}item{id:1 name:'b'}"]
)
def test_what_is_no_label_map_is_refused(text: str) -> None:
    with pytest.raises(DatasetError, match="label"):
        read_label_map(text, name=LABEL_MAP)


@given(st.lists(st.text(min_size=1, max_size=20), unique=True, max_size=8))
def test_any_class_names_come_back_from_a_label_map(names: list[str]) -> None:
    assert list(read_label_map(label_map_text(names), name=LABEL_MAP).items()) == list(enumerate(names, start=1))


_VALUES = st.one_of(
    st.lists(st.binary(max_size=50), max_size=4),
    st.lists(st.integers(-(2**63), 2**63 - 1), max_size=4),
    st.lists(st.floats(width=32, allow_nan=False), max_size=4),
)


@given(st.dictionaries(st.text(max_size=20), _VALUES, max_size=6))
def test_any_features_come_back(features: dict[str, Any]) -> None:
    assert decode_example(encode_example(features)) == features


@given(st.lists(st.binary(max_size=200), min_size=1, max_size=6), st.floats(0, 1, exclude_max=True), st.integers(0, 7))
def test_any_bytes_come_back_from_records_and_any_changed_bit_is_seen(contents: list[bytes], place: float, bit: int) -> None:
    file = io.BytesIO()
    for content in contents:
        write_record(file, content)
    whole = bytearray(file.getvalue())
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "train.records"
        path.write_bytes(whole)
        assert list(read_records(path)) == contents
        whole[int(place * len(whole))] ^= 1 << bit
        path.write_bytes(whole)
        assert any(isinstance(record, BadRecord) for record in read_records(path))


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
