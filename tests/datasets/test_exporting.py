"""Datasets written in the formats of others and read back: what each holds comes back, and what it cannot hold is told."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import yaml
from faster_coco_eval import COCO
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from walkaround.damage.places import MaskFile, Place, Polygons, Runs
from walkaround.datasets.exporting import Form, export
from walkaround.datasets.outlines import label_map, mask_of
from walkaround.datasets.reading import read_dataset
from walkaround.datasets.runs import runs_of
from walkaround.datasets.sample import Dataset, Problem, Sample
from walkaround.datasets.tracing import polygons_of_mask
from walkaround.errors import DatasetError, InputError, StorageError

Save = Callable[..., Path]
RING = ((1.5, 2.25), (11.125, 2.25), (11.125, 9.0))
DENT = Place(label="dent", box=(1.5, 2.25, 11.125, 9.0), outline=Polygons(rings=(RING,)))
BOX = Place(label="scratch", box=(20, 3, 33.3, 19.7))
CROWD = Place(label="dent", box=(4, 0, 5, 30), outline=Runs(counts=(120, 30, 1050), height=30, width=40), crowd=True)


@pytest.fixture
def dataset(tmp_path: Path, save_photo: Save) -> Dataset:
    """Four pictures: with places of every kind, with none, not drawn on, and one of the same name; one is stored lying."""
    paths = [save_photo(tmp_path / "in" / name) for name in ("a.jpg", "b c.png", "d.jpg")]
    paths.append(save_photo(tmp_path / "in" / "more" / "a.jpg", orientation=6))
    samples = (
        Sample(path=paths[0], label="anomaly", split="train", places=(DENT, BOX, CROWD)),
        Sample(path=paths[1], label="normal", split="train", places=()),
        Sample(path=paths[2], label="normal", split="validation", places=None),
        Sample(path=paths[3], label="anomaly", split="validation", places=(BOX,)),
    )
    return Dataset(origin=tmp_path / "in", samples=samples)


def comparable(places: Sequence[Place] | None, *, outlines: bool) -> list[tuple[object, ...]] | None:
    """Places with numbers that differences of the last digit do not disturb, mask files as run lengths."""
    if places is None:
        return None

    def plain(place: Place) -> object:
        if isinstance(place.outline, Polygons):
            return tuple(tuple((round(x, 5), round(y, 5)) for x, y in ring) for ring in place.outline.rings)
        return runs_of(mask_of(place.outline, 40, 30)) if isinstance(place.outline, MaskFile) else place.outline

    return [
        (p.label, p.box and tuple(round(edge, 5) for edge in p.box), p.crowd, plain(p) if outlines else None) for p in places
    ]


@pytest.mark.parametrize(
    ("form", "kept", "told"),
    [
        ("manifest", [(DENT, BOX, CROWD), (), None, (BOX,)], set()),
        ("coco", [(DENT, BOX, CROWD), (), None, (BOX,)], {"undrawn"}),
        ("yolo", [(DENT, BOX, CROWD), (), (), (BOX,)], {"undrawn", "crowds"}),
        ("yolo-seg", [(DENT, CROWD), (), (), ()], {"undrawn", "no-outlines", "crowds"}),
        ("voc", [(DENT, BOX, CROWD), (), (BOX,)], {"undrawn", "no-outlines"}),
        ("ground-truth", [(DENT, BOX, CROWD), (), None, (BOX,)], {"no-outlines", "crowds"}),
    ],
)
def test_what_a_format_holds_comes_back(
    tmp_path: Path, dataset: Dataset, form: Form, kept: list[tuple[Place, ...] | None], told: set[str]
) -> None:
    written = export(dataset, tmp_path / "out", form=form)
    assert (written.pictures, written.places) == (4, 4)
    assert {problem.kind for problem in written.problems} == told
    read = read_dataset(tmp_path / "out")
    assert read.problems == ()
    samples = sorted(read.samples, key=lambda sample: ["a", "b c", "d", "a_2"].index(sample.path.stem))
    whole = form in ("manifest", "coco")
    ours = [comparable(places, outlines=whole) for places in kept]
    theirs = [comparable(sample.places, outlines=whole) for sample in samples]
    if form in ("yolo", "yolo-seg", "ground-truth"):  # which know no crowds
        ours, theirs = ([None if one is None else [place[:2] for place in one] for one in side] for side in (ours, theirs))
    assert theirs == ours
    assert [sample.split for sample in samples][:2] == ["train", "train"]
    if form in ("manifest", "coco", "ground-truth"):
        assert [(sample.label, sample.split) for sample in samples] == [(s.label, s.split) for s in dataset.samples]


def test_masks_of_lookout_show_what_the_outlines_do(tmp_path: Path, dataset: Dataset) -> None:
    written = export(dataset, tmp_path / "out", form="lookout", address="s3://fleet/set/")
    assert {problem.kind for problem in written.problems} == {"no-outlines", "crowds"}
    lines = [json.loads(line) for line in (tmp_path / "out" / "train.manifest").read_text().splitlines()]
    assert [line["source-ref"] for line in lines] == ["s3://fleet/set/images/a.jpg", "s3://fleet/set/images/b c.png"]
    assert [line["anomaly-label-metadata"]["class-name"] for line in lines] == ["anomaly", "normal"]
    assert lines[0]["anomaly-mask-ref"] == "s3://fleet/set/masks/a.png"
    assert [entry["class-name"] for entry in lines[0]["anomaly-mask-ref-metadata"]["internal-color-map"].values()] == [
        "BACKGROUND",
        "dent",
    ]
    assert set(lines[1]) == {"source-ref", "anomaly-label", "anomaly-label-metadata"}
    with Image.open(tmp_path / "out" / "masks" / "a.png") as mask:
        assert mask.mode == "P"
        assert mask.convert("RGB").getpixel((0, 0)) == (255, 255, 255)


def test_masks_written_for_lookout_are_read_back(tmp_path: Path, dataset: Dataset) -> None:
    export(dataset, tmp_path / "out", form="lookout")
    read = read_dataset(tmp_path / "out")
    assert read.problems == ()
    assert [(sample.label, sample.split) for sample in read.samples] == [(s.label, s.split) for s in dataset.samples]
    places = read.samples[0].places or ()
    assert (label_map(places, ["dent"], width=40, height=30) == label_map([DENT], ["dent"], width=40, height=30)).all()


def test_colours_of_masks_stay(tmp_path: Path, save_photo: Save) -> None:
    picture, mask = save_photo(tmp_path / "in" / "a.jpg"), tmp_path / "in" / "mask.png"
    colours = np.zeros((30, 40, 3), dtype=np.uint8)
    colours[3:9, 4:8] = (0x23, 0xA4, 0x36)
    Image.fromarray(colours).save(mask)
    place = Place(label="cracked", box=None, outline=MaskFile(path=mask, colour="#23a436"))
    sample = Sample(path=picture, label="anomaly", places=(place,))
    export(Dataset(origin="here", samples=(sample,)), tmp_path / "out", form="lookout")
    [read] = read_dataset(tmp_path / "out").samples
    [back] = read.places or ()
    assert isinstance(back.outline, MaskFile)
    assert (back.label, back.outline.colour) == ("cracked", "#23a436")
    export(Dataset(origin="here", samples=(sample,)), tmp_path / "own", form="manifest")
    assert (tmp_path / "own" / "masks" / "a.png").read_bytes() == mask.read_bytes()


def test_mask_files_of_two_pictures_never_share_a_name(tmp_path: Path, save_photo: Save) -> None:
    samples = []
    for name, colours in (("a", ("#000001", "#000002")), ("a_2", ("#000003",))):
        files = [tmp_path / "in" / f"{colour}.png" for colour in colours]
        picture = save_photo(tmp_path / "in" / f"{name}.jpg")
        for file, colour in zip(files, colours, strict=True):
            Image.new("RGB", (40, 30), colour).save(file)
        places = tuple(Place(label="dent", box=None, outline=MaskFile(path=f, colour=f.stem)) for f in files)
        samples.append(Sample(path=picture, label="anomaly", places=places))
    export(Dataset(origin="here", samples=tuple(samples)), tmp_path / "out", form="manifest")
    read = read_dataset(tmp_path / "out")
    assert [len(sample.places or ()) for sample in read.samples] == [2, 1]
    assert read.problems == ()


def test_a_mask_of_one_place_keeps_its_box(tmp_path: Path, save_photo: Save) -> None:
    picture, file = save_photo(tmp_path / "a.jpg"), tmp_path / "b.png"
    Image.new("RGB", (40, 30), "#102030").save(file)
    place = Place(label="dent", box=(1, 2, 30, 20), outline=MaskFile(path=file, colour="#102030"), crowd=True)
    dataset = Dataset(origin="here", samples=(Sample(path=picture, label="anomaly", places=(place,)),))
    export(dataset, tmp_path / "out", form="manifest")
    assert [(p.box, p.crowd) for p in read_dataset(tmp_path / "out").samples[0].places or ()] == [((1, 2, 30, 20), True)]


def test_ultralytics_gets_what_it_takes(tmp_path: Path, save_photo: Save) -> None:
    outline = Polygons(rings=(((-0.5, 0), (40.9, 0), (20, 30.5)),))
    place = Place(label="dent", box=(0, 0, 40, 30), outline=outline)
    samples = tuple(
        Sample(path=save_photo(tmp_path / f"{split}.jpg"), label=None, split=split, places=(place,))
        for split in ("train", None)
    )
    export(Dataset(origin="here", samples=samples), tmp_path / "out", form="yolo-seg")
    assert (tmp_path / "out" / "labels" / "train" / "train.txt").read_text() == "0 0 0 1 0 0.5 1\n"
    data = yaml.safe_load((tmp_path / "out" / "data.yaml").read_text())
    assert (data["train"], "path" in data) == (["images/train", "images/all"], False)


def test_a_mask_of_a_class_is_told_where_it_becomes_one_box(tmp_path: Path, save_photo: Save) -> None:
    file = tmp_path / "mask.png"
    Image.new("RGB", (40, 30), "#102030").save(file)
    place = Place(label="dent", box=None, outline=MaskFile(path=file, colour="#102030"))
    dataset = Dataset(origin="here", samples=(Sample(path=save_photo(tmp_path / "a.jpg"), label="anomaly", places=(place,)),))
    for form in ("yolo", "voc", "coco", "ground-truth"):
        written = export(dataset, tmp_path / form, form=form)
        assert "single-boxes" in {problem.kind for problem in written.problems}


def test_the_fields_own_reader_takes_our_coco(tmp_path: Path, dataset: Dataset) -> None:
    export(dataset, tmp_path / "out", form="coco")
    theirs = COCO(str(tmp_path / "out" / "instances_train.json"))
    annotations = theirs.loadAnns(theirs.getAnnIds(imgIds=[1]))
    assert annotations[0]["bbox"] == [1.5, 2.25, 9.625, 6.75]
    assert theirs.annToMask(annotations[2]).sum() == 30
    assert [annotation["iscrowd"] for annotation in annotations] == [0, 0, 1]


def test_pictures_are_linked_if_asked(tmp_path: Path, dataset: Dataset) -> None:
    export(dataset, tmp_path / "out", form="manifest", putting="link")
    assert (tmp_path / "out" / "images" / "a.jpg").readlink() == tmp_path / "in" / "a.jpg"
    assert sorted(path.name for path in (tmp_path / "out" / "images").iterdir()) == ["a.jpg", "a_2.jpg", "b c.png", "d.jpg"]


def test_what_cannot_be_exported_is_refused_and_nothing_is_left(tmp_path: Path, dataset: Dataset) -> None:
    bare = Dataset(origin="here", samples=dataset.samples[2:3])
    bad = Problem(kind="bad-place", severity="error", message="a.json, annotation 3: its box has no area.", files=("a",))
    with pytest.raises(DatasetError, match="none has boxes or masks"):
        export(bare, tmp_path / "out", form="voc")
    with pytest.raises(DatasetError, match="annotation 3"):
        export(Dataset(origin="here", samples=dataset.samples, problems=(bad,)), tmp_path / "out", form="voc")
    with pytest.raises(InputError, match="s3://"):
        export(dataset, tmp_path / "out", form="lookout", address="bucket/prefix")
    with pytest.raises(InputError, match="coco holds no addresses"):
        export(dataset, tmp_path / "out", form="coco", address="s3://bucket/prefix")
    many = [Place(label=f"class {number}", box=(0, 0, 5, 5)) for number in range(255)]
    with pytest.raises(DatasetError, match="255 classes of masks"):
        export(
            Dataset(origin="here", samples=(replace(dataset.samples[0], places=tuple(many)),)), tmp_path / "o", form="lookout"
        )
    with pytest.raises(StorageError, match="in use"):
        export(dataset, tmp_path / "in", form="voc")
    assert [path.name for path in tmp_path.iterdir()] == ["in"]


def test_a_picture_that_cannot_be_read_is_left_out(tmp_path: Path, dataset: Dataset) -> None:
    (tmp_path / "in" / "a.jpg").write_bytes(b"\xff\xd8\xff")
    written = export(dataset, tmp_path / "out", form="coco")
    assert [problem.kind for problem in written.problems] == ["unreadable", "undrawn"]
    assert written.pictures == 3


@given(st.integers(1, 14), st.integers(1, 14), st.integers(0, 10_000), st.floats(0.1, 0.9))
def test_polygons_traced_from_a_mask_fill_to_the_same_mask(height: int, width: int, seed: int, share: float) -> None:
    mask = np.random.default_rng(seed).random((height, width)) < share
    polygons = polygons_of_mask(mask)
    if polygons is None:
        assert not mask.any()
    else:
        assert (mask_of(polygons, width, height) == mask).all()
