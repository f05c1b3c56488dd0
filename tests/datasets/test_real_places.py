"""Boxes and masks of real files: read without a fault, and the same after a round trip through each format."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest

from walkaround.damage.places import Place, Polygons
from walkaround.datasets.exporting import Form, export
from walkaround.datasets.outlines import label_map
from walkaround.datasets.reading import read_dataset
from walkaround.datasets.renaming import parse_renames, renamed
from walkaround.datasets.sample import Dataset

DATA = Path(__file__).parents[3] / "shared" / "data"
pytestmark = pytest.mark.skipif(not DATA.is_dir(), reason="the real pictures are not on this machine")


@pytest.mark.parametrize(
    ("name", "pictures", "places", "classes"),
    [
        ("damage-boxes", 1111, 2408, 8),
        ("damage-boxes/instances_val.json", 144, 318, 8),
        ("damage-types/boxes", 1289, 455, 7),
        ("damage-types/masks", 1289, 439, 21),
        ("car-parts", 400, 3073, 18),
    ],
)
def test_a_real_dataset_is_read_whole(name: str, pictures: int, places: int, classes: int) -> None:
    dataset = read_dataset(DATA / name)
    assert dataset.problems == ()
    assert len(dataset.samples) == pictures
    assert sum(len(sample.places or ()) for sample in dataset.samples) == places
    assert len(dataset.place_classes) == classes


def test_splits_and_labels_of_real_datasets() -> None:
    boxes = read_dataset(DATA / "damage-boxes")
    assert sum(sample.split == "train" for sample in boxes.samples) == 967
    assert boxes.counts == {"anomaly": 1101, "normal": 10}
    assert renamed(boxes, parse_renames(["*-dent=dent", "*-scratch=scratch", "*-broken=broken"])).place_classes == (
        "broken",
        "dent",
        "scratch",
    )
    assert read_dataset(DATA / "car-parts").counts == {}
    assert len(read_dataset(DATA / "damage-types" / "boxes").classes) == 8


def part(name: str, count: int) -> Dataset:
    dataset = read_dataset(DATA / name)
    drawn = [sample for sample in dataset.samples if sample.places]
    return Dataset(origin=dataset.origin, samples=tuple(drawn[:: max(1, len(drawn) // count)]))


def edges(places: Sequence[Place]) -> list[float]:
    found = [edge for place in places for edge in place.box or ()]
    for place in places:
        found += [
            edge for ring in (place.outline.rings if isinstance(place.outline, Polygons) else ()) for p in ring for edge in p
        ]
    return found


@pytest.mark.parametrize("name", ["damage-boxes", "damage-types/boxes", "car-parts"])
@pytest.mark.parametrize("form", ["coco", "manifest", "yolo", "voc", "ground-truth"])
def test_a_round_trip_moves_no_edge(tmp_path: Path, name: str, form: Form) -> None:
    dataset = part(name, 12)
    export(dataset, tmp_path / "out", form=form, putting="link")
    read = read_dataset(tmp_path / "out")
    assert read.problems == ()
    back = {sample.path.stem: sample.places or () for sample in read.samples}
    whole = form in ("coco", "manifest")
    for sample in dataset.samples:
        ours, theirs = sample.places or (), back[sample.path.stem]
        assert [place.label for place in theirs] == [place.label for place in ours]
        if not whole:
            ours = tuple(Place(label=place.label, box=place.box) for place in ours)
        assert edges(theirs) == pytest.approx(edges(ours), abs=1e-5)


@pytest.mark.parametrize("form", ["yolo-seg", "lookout", "coco"])
def test_a_round_trip_changes_no_pixel(tmp_path: Path, form: Form) -> None:
    dataset = part("damage-types/masks", 10)
    export(dataset, tmp_path / "out", form=form, putting="link")
    back = {sample.path.stem: sample.places or () for sample in read_dataset(tmp_path / "out").samples}
    classes = dataset.place_classes
    for sample in dataset.samples:
        ours, theirs = (
            label_map(places, classes, width=224, height=224) for places in (sample.places or (), back[sample.path.stem])
        )
        assert np.mean(ours != theirs) < 1e-4  # a fraction of ten digits may move an edge across the midst of a pixel
