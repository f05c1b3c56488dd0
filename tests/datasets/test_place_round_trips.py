"""Any places through our own manifest, where nothing is lost, and through the formats of others; wrong ones are named."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image

from walkaround.damage.places import MaskFile, Place, Polygons, Runs
from walkaround.datasets.exporting import Form, export
from walkaround.datasets.manifest import write_manifest
from walkaround.datasets.reading import read_dataset
from walkaround.datasets.sample import Dataset, Sample

Save = Callable[..., Path]
WIDTH, HEIGHT = 40, 30
X, Y = st.floats(0, WIDTH), st.floats(0, HEIGHT)
LABELS = st.sampled_from(["dent", "scratch", "Glas zerbrochen", "été"])
BOXES = st.builds(
    lambda x, y, w, h: (x, y, x + w, y + h), st.floats(0, 30), st.floats(0, 20), st.floats(0.5, 10), st.floats(0.5, 10)
)
RINGS = st.builds(
    lambda x, y, ring: ((x, y), (x + 2, y), *ring, (x, y + 2)),
    st.floats(0, 30),
    st.floats(0, 20),
    st.lists(st.tuples(X, Y), max_size=5).map(tuple),
)
POLYGONS = st.builds(lambda rings: Polygons(rings=tuple(rings)), st.lists(RINGS, min_size=1, max_size=3))
RUNS = st.builds(
    lambda a, b: Runs(counts=(a, b, WIDTH * HEIGHT - a - b), height=HEIGHT, width=WIDTH), *[st.integers(1, 500)] * 2
)
PLACES = st.builds(
    lambda label, box, outline, crowd: Place(label=label, box=box, outline=outline, crowd=crowd),
    LABELS,
    BOXES,
    st.none() | POLYGONS | RUNS,
    st.booleans(),
)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(st.lists(PLACES, max_size=4))
def test_what_is_written_is_read_back(tmp_path: Path, save_photo: Save, places: list[Place]) -> None:
    picture = save_photo(tmp_path / "a.jpg", WIDTH, HEIGHT)
    other = save_photo(tmp_path / "b.jpg", WIDTH, HEIGHT)
    samples = [
        Sample(path=picture, label="damaged", split="test", places=tuple(places)),
        Sample(path=other, label="whole", places=None),
    ]
    write_manifest(tmp_path / "all.jsonl", samples)
    read = read_dataset(tmp_path / "all.jsonl")
    assert read.problems == ()
    assert [(s.path, s.label, s.split, s.places) for s in read.samples] == [
        (s.path, s.label, s.split, s.places) for s in samples
    ]


@pytest.mark.parametrize("form", ["coco", "yolo", "voc", "ground-truth"])
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=15)
@given(places=st.lists(PLACES, min_size=1, max_size=4))
def test_no_box_moves_in_a_format_of_others(tmp_path: Path, save_photo: Save, form: Form, places: list[Place]) -> None:
    samples = (
        Sample(path=save_photo(tmp_path / "a.jpg", WIDTH, HEIGHT), label="anomaly", split="train", places=tuple(places)),
        Sample(path=save_photo(tmp_path / "b.jpg", WIDTH, HEIGHT), label="normal", split="validation", places=()),
    )
    with TemporaryDirectory(dir=tmp_path) as folder:
        export(Dataset(origin="here", samples=samples), Path(folder), form=form, putting="link")
        read = read_dataset(Path(folder))
    assert read.problems == ()
    assert [(sample.path.stem, sample.label, sample.split) for sample in read.samples] == [
        ("a", "anomaly", "train"),
        ("b", "normal", "validation"),
    ]
    back = read.samples[0].places or ()
    assert [place.label for place in back] == [place.label for place in places]
    ours, theirs = ([edge for place in side for edge in place.box or ()] for side in (places, back))
    assert theirs == pytest.approx(ours, abs=1e-6)
    if form == "coco":
        assert [type(place.outline) for place in back] == [type(place.outline) for place in places]
        assert [p.outline for p in back if isinstance(p.outline, Runs)] == [
            p.outline for p in places if isinstance(p.outline, Runs)
        ]


def test_mask_files_are_kept_as_they_are(tmp_path: Path, save_photo: Save) -> None:
    picture = save_photo(tmp_path / "photos" / "a.jpg")
    mask = tmp_path / "masks" / "a.png"
    mask.parent.mkdir()
    Image.new("RGB", (40, 30), "#102030").save(mask)
    place = Place(label="dent", box=None, outline=MaskFile(path=mask, colour="#102030"))
    write_manifest(tmp_path / "all.jsonl", [Sample(path=picture, label=None, places=(place,))])
    assert json.loads((tmp_path / "all.jsonl").read_text())["places"] == [
        {"label": "dent", "mask": {"file": "masks/a.png", "colour": "#102030"}}
    ]
    [sample] = read_dataset(tmp_path / "all.jsonl").samples
    assert (sample.label, sample.places) == ("anomaly", (place,))


@pytest.mark.parametrize(
    ("places", "reason"),
    [
        ([{"label": "dent", "box": [1, 1, 5]}], "has 3 numbers"),
        ([{"label": "dent", "box": [1, 1, 1, 5]}], "has no area"),
        ([{"label": "dent"}], "neither a box nor polygons, runs or a mask"),
        ([{"box": [1, 1, 5, 5]}], "the class name None is none"),
        ([{"label": "dent", "polygons": [[[1, 1], [5, 5]]]}], "2 points"),
        ([{"label": "dent", "polygons": [[1, 1, 5, 5]]}], "no list of [x, y]"),
        ([{"label": "dent", "runs": {"size": [2, 2], "counts": "4"}}], "its mask is 2 x 2 pixels"),
        ([{"label": "dent", "mask": "a.png"}], "a file and a colour #rrggbb are meant"),
        ([7], "no JSON object"),
    ],
)
def test_a_wrong_place_is_named(tmp_path: Path, save_photo: Save, places: object, reason: str) -> None:
    save_photo(tmp_path / "a.jpg")
    (tmp_path / "all.jsonl").write_text(json.dumps({"image": "a.jpg", "label": "dent", "places": places}))
    [problem] = read_dataset(tmp_path / "all.jsonl").problems
    assert problem.severity == "error"
    assert problem.message.startswith("all.jsonl, line 1, place 1: ")
    assert reason in problem.message
