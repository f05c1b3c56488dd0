"""A picture may show several damage types: every form that can say so is read alike, and written without loss."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from walkaround.damage.kinds import means_normal
from walkaround.damage.places import Place
from walkaround.datasets.checks import check_dataset
from walkaround.datasets.exporting import Form, export
from walkaround.datasets.gathering import gathered
from walkaround.datasets.manifest import write_manifest
from walkaround.datasets.reading import read_dataset
from walkaround.datasets.renaming import parse_renames, renamed
from walkaround.datasets.sample import Dataset, Sample
from walkaround.datasets.shortcuts import find_shortcuts
from walkaround.datasets.split import split_by_group
from walkaround.datasets.survey import survey
from walkaround.datasets.tfrecords.writing import write_tfrecords
from walkaround.media.facts import PictureFacts

Save = Callable[..., Path]


def labels(dataset: Dataset) -> dict[str, tuple[str, ...]]:
    return {sample.path.stem.rpartition("_")[2]: sample.labels for sample in dataset.samples}


@pytest.fixture
def folder(tmp_path: Path, save_scene: Save) -> Path:
    for seed, name in enumerate("abcd"):
        save_scene(tmp_path / f"{name}.jpg", seed)
    return tmp_path


@pytest.mark.parametrize(
    "text",
    [
        "image,label\na.jpg,scratch;dent\nb.jpg,dent\nc.jpg,normal\nd.jpg,\n",
        "image,label\na.jpg, dent | scratch |dent\nb.jpg,anomaly;dent\nc.jpg,NORMAL\nd.jpg,;\n",
        'image;label\na.jpg;"dent;scratch"\nb.jpg;dent\nc.jpg;normal\nd.jpg;\n',
    ],
    ids=["semicolons", "bars, repeats and what goes without saying", "in quotes"],
)
def test_a_cell_of_a_table_may_hold_several(folder: Path, text: str) -> None:
    (folder / "labels.csv").write_text(text)
    dataset = read_dataset(folder / "labels.csv")
    assert labels(dataset) == {"a": ("dent", "scratch"), "b": ("dent",), "c": ("normal",), "d": ()}
    assert dataset.counts == {"dent": 2, "normal": 1, "scratch": 1}
    assert dataset.problems == ()


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("image,label\na.jpg,normal;dent\nb.jpg,dent\n", "'dent; normal', and what is normal shows no damage"),
        ("image;label\na.jpg;dent;scratch\nb.jpg;dent\n", r"several labels have \| between them"),
    ],
)
def test_a_line_that_cannot_be_meant_is_told(folder: Path, text: str, told: str) -> None:
    (folder / "labels.csv").write_text(text)
    dataset = read_dataset(folder / "labels.csv")
    assert [sample.path.name for sample in dataset.samples] == ["b.jpg"]
    (problem,) = dataset.problems
    assert re.search(told, problem.message)


def test_a_manifest_of_our_own_has_a_list_and_an_empty_one_is_a_whole_car(folder: Path) -> None:
    lines = [
        {"image": "a.jpg", "labels": ["scratch", "dent"]},
        {"image": "b.jpg", "labels": ["dent"], "label": "dent"},
        {"image": "c.jpg", "labels": []},
    ]
    wrong = [
        {"image": "d.jpg", "labels": "dent"},
        {"image": "d.jpg", "labels": ["dent", 7]},
        {"image": "d.jpg", "labels": ["dent"], "label": "scratch"},
    ]
    (folder / "all.jsonl").write_text("".join(json.dumps(line) + "\n" for line in [*lines, *wrong]))
    dataset = read_dataset(folder / "all.jsonl")
    assert labels(dataset) == {"a": ("dent", "scratch"), "b": ("dent",), "c": ("normal",)}
    assert [problem.kind for problem in dataset.problems] == ["bad-label"] * 3


def job(*names: str, numbers: list[object] | None = None) -> dict[str, object]:
    given = list(range(len(names))) if numbers is None else numbers
    told = {"class-map": {str(n): name for n, name in enumerate(names)}, "type": "groundtruth/image-classification-multilabel"}
    return {"types": given, "types-metadata": {**told, "confidence-map": {}, "human-annotated": "yes"}}


def verdict(name: str) -> dict[str, object]:
    return {"v": 1, "v-metadata": {"class-name": name, "type": "groundtruth/image-classification"}}


def test_multi_label_jobs_of_ground_truth_are_read(folder: Path) -> None:
    lines = [
        {"source-ref": "a.jpg", **job("scratch", "dent"), **verdict("anomaly")},
        {"source-ref": "b.jpg", **job("scratch", "dent", numbers=["1"])},
        {"source-ref": "c.jpg", **job("scratch", "dent", numbers=[])},
        {"source-ref": "d.jpg", **job(numbers=[]), **verdict("anomaly")},
    ]
    wrong = [
        {"source-ref": "a.jpg", **job("scratch", numbers=[3])},
        {"source-ref": "a.jpg", **job("scratch"), "types": 0},
        {"source-ref": "a.jpg", **job("scratch"), **verdict("normal")},
    ]
    (folder / "output.manifest").write_text("".join(json.dumps(line) + "\n" for line in [*lines, *wrong]))
    dataset = read_dataset(folder / "output.manifest")
    assert labels(dataset) == {"a": ("dent", "scratch"), "b": ("dent",), "c": ("normal",), "d": ("anomaly",)}
    assert [problem.kind for problem in dataset.problems] == ["bad-label", "bad-label", "bad-line"]


@pytest.mark.parametrize("form", ["manifest", "coco", "ground-truth"])
def test_an_export_that_can_hold_several_loses_none(folder: Path, tmp_path: Path, form: Form) -> None:
    box = (Place(label="dent", box=(10.0, 10.0, 60.0, 50.0)),)
    samples = (
        Sample(path=folder / "a.jpg", label="dent", also=("scratch",), places=box),
        Sample(path=folder / "b.jpg", label="scratch", places=()),
        Sample(path=folder / "c.jpg", label="normal", places=()),
        Sample(path=folder / "d.jpg", label="anomaly", places=()),
    )
    out = tmp_path / "out"
    export(Dataset(origin=folder, samples=samples), out, form=form)
    expected = {"a": ("dent", "scratch"), "b": ("scratch",), "c": ("normal",), "d": ("anomaly",)}
    assert labels(read_dataset(out)) == expected


def test_records_hold_several(folder: Path, tmp_path: Path) -> None:
    samples = (
        Sample(path=folder / "a.jpg", label="dent", also=("scratch",)),
        Sample(path=folder / "b.jpg", label="normal"),
        Sample(path=folder / "c.jpg", label="scratch"),
    )
    write_tfrecords(Dataset(origin=folder, samples=samples), tmp_path / "records", validation_share=0)
    read = read_dataset(tmp_path / "records", cache=tmp_path / "cache")
    assert labels(read) == {"a": ("dent", "scratch"), "b": ("normal",), "c": ("scratch",)}


def test_a_manifest_keeps_what_has_one_label_as_it_was(folder: Path) -> None:
    write_manifest(folder / "m.jsonl", [Sample(path=folder / "a.jpg", label="dent")])
    assert json.loads((folder / "m.jsonl").read_text()) == {"image": "a.jpg", "label": "dent"}


def test_several_lines_contradict_each_other_unless_they_are_asked_to_add_up(folder: Path) -> None:
    (folder / "labels.csv").write_text("image,label\na.jpg,dent\na.jpg,scratch\nb.jpg,dent\nb.jpg,normal\nc.jpg,dent\n")
    dataset = read_dataset(folder / "labels.csv")
    both, one = survey(dataset).problems
    assert "give --multi-label if the picture shows all of these" in both.message
    assert "--multi-label" not in one.message, "a car is not whole and dented"
    together = gathered(dataset, means_normal)
    assert [(sample.path.stem, sample.labels) for sample in together.samples] == [
        ("a", ("dent", "scratch")),
        ("b", ("dent",)),
        ("b", ("normal",)),
        ("c", ("dent",)),
    ]


def test_a_file_in_two_class_folders_shows_both(tmp_path: Path, save_scene: Save) -> None:
    for name, seed in (("dent/a.jpg", 1), ("scratch/b.jpg", 1), ("dent/c.jpg", 2), ("normal/d.jpg", 3)):
        save_scene(tmp_path / name, seed)
    together = gathered(read_dataset(tmp_path), means_normal)
    both = ("dent", "scratch")
    assert labels(together) == {"a": both, "b": both, "c": ("dent",), "d": ("normal",)}


def test_what_is_drawn_names_the_damage_of_a_picture_that_is_only_called_damaged(folder: Path) -> None:
    drawn = tuple(Place(label=name, box=(1.0, 1.0, 9.0, 9.0)) for name in ("scratch", "dent", "dent", "front_door"))
    samples = (
        Sample(path=folder / "a.jpg", label="anomaly", places=drawn),
        Sample(path=folder / "b.jpg", label="lamp", places=drawn),
        Sample(path=folder / "c.jpg", label="anomaly", places=drawn[3:]),
        Sample(path=folder / "d.jpg", label="normal", places=()),
    )
    together = gathered(Dataset(origin=folder, samples=samples), means_normal)
    assert labels(together) == {"a": ("dent", "scratch"), "b": ("lamp",), "c": ("anomaly",), "d": ("normal",)}


def test_renaming_folds_labels_and_what_becomes_normal_is_no_damage(folder: Path) -> None:
    samples = (
        Sample(path=folder / "a.jpg", label="deep-scratch", also=("dirt", "small-scratch")),
        Sample(path=folder / "b.jpg", label="dirt"),
    )
    rules = parse_renames(["*-scratch=scratch", "dirt=normal"])
    read = renamed(Dataset(origin=folder, samples=samples), rules)
    assert labels(read) == {"a": ("scratch",), "b": ("normal",)}


def test_the_check_counts_each_label_and_says_what_will_be_trained(folder: Path) -> None:
    (folder / "labels.csv").write_text("image,label\na.jpg,dent;scratch\nb.jpg,dent\nc.jpg,normal\nd.jpg,scratch\n")
    dataset = read_dataset(folder / "labels.csv")
    report = check_dataset(dataset, label_doubt={folder / "a.jpg": ("dent", 0.9), folder / "b.jpg": ("dent", 0.9)})
    assert report.counts == {"dent": 2, "normal": 1, "scratch": 2}
    told = {problem.kind: problem.message for problem in report.problems}
    assert "1 picture with several labels" in told["several-labels"]
    assert "is labelled 'dent; scratch' but looks like 'dent' (90%)" in told["label-doubt"]
    assert sum(problem.kind == "label-doubt" for problem in report.problems) == 1


def test_a_split_is_even_in_every_label() -> None:
    rng = np.random.default_rng(0)
    shares = {"a": 0.6, "b": 0.2, "c": 0.05}
    sets = [tuple(name for name, share in shares.items() if rng.random() < share) or ("normal",) for _ in range(600)]
    groups = np.arange(600) // 2
    parts = split_by_group(sets, groups, fractions=[0.8, 0.2], seed=0)
    for name in (*shares, "normal"):
        there = np.array([name in names for names in sets])
        assert (parts[there] == 1).mean() == pytest.approx(0.2, abs=0.03)
    assert (parts == 1).mean() == pytest.approx(0.2, abs=0.04)
    assert all(len(set(parts[groups == group])) == 1 for group in range(300))


def test_one_label_each_is_split_as_ever() -> None:
    names = ["a"] * 20 + ["b"] * 10
    one = split_by_group(names, np.arange(30), fractions=[0.5, 0.5], seed=3)
    several = split_by_group([(name,) for name in names], np.arange(30), fractions=[0.5, 0.5], seed=3)
    assert one.tolist() == several.tolist()


def test_a_trait_is_looked_for_in_every_label(some_facts: PictureFacts) -> None:
    sets = [("dent",)] * 20 + [("dent", "scratch")] * 20 + [("normal",)] * 20
    wide = [replace(some_facts, width=1000 + 7 * n if "scratch" in names else 400 + 7 * n) for n, names in enumerate(sets)]
    found = find_shortcuts(sets, wide, np.arange(60))
    assert "scratch" in {shortcut.label for shortcut in found}
