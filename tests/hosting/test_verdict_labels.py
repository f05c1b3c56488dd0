"""What a project's labels decide of the verdict: damaged or whole, or each damage type for itself."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sqlalchemy import select

from walkaround.damage.places import Place
from walkaround.datasets.sample import Sample, Split
from walkaround.errors import DatasetError, TrainingError
from walkaround.hosting.operations.lines.label_lines import with_kinds
from walkaround.hosting.operations.lines.manifest_lines import parse_lines
from walkaround.hosting.operations.training.training_options import TrainingOptions
from walkaround.hosting.operations.training.training_plan import TrainingPlan, training_plan
from walkaround.hosting.operations.training.verdict_labels import VerdictLabels, with_verdict_labels
from walkaround.store.tables import Entry

Kinds = Sequence[tuple[str, ...]]


def decided(
    kinds: Kinds, *, normal: int = 30, wanted: bool | None = None, single: bool = True
) -> tuple[list[Sample], VerdictLabels]:
    """What is decided of whole cars, and of a damaged one for each of `kinds`."""
    split: Split = "train"
    samples = [Sample(path=Path(f"n{number}.jpg"), label="normal", split=split) for number in range(normal)]
    samples += [Sample(path=Path(f"a{number}.jpg"), label="anomaly", split=split) for number in range(len(kinds))]
    named = [()] * normal + list(kinds)
    groups = np.arange(len(samples), dtype=np.int64)
    return with_verdict_labels(samples, named, groups, wanted=wanted, single=single, left_out=0)


def test_one_picture_with_several_types_is_enough_where_the_types_are() -> None:
    samples, verdict = decided([("dent", "scratch"), *[("dent",)] * 14, *[("scratch",)] * 15])
    assert (verdict.multi_label, verdict.by, verdict.several) == (True, "labels", 1)
    assert verdict.kinds == {"dent": 15, "scratch": 16}
    assert verdict.why.startswith("1 picture shows several damage types, so each type is told for itself")
    assert samples[30].labels == ("dent", "scratch")
    assert samples[0].labels == ("normal",)


@pytest.mark.parametrize(
    ("kinds", "why"),
    [
        ([()] * 30, "No picture names a damage type"),
        ([("dent",)] * 20 + [()] * 10, "No picture shows several damage types, so only damaged and whole are told; 20"),
        (
            [("dent", "scratch")] * 3 + [()] * 27,
            "3 pictures show several damage types, but no type, or no whole cars, are on 5",
        ),
    ],
)
def test_otherwise_damaged_and_whole_are_told(kinds: Kinds, why: str) -> None:
    samples, verdict = decided(kinds)
    assert not verdict.multi_label
    assert verdict.why.startswith(why)
    assert {sample.labels for sample in samples} == {("normal",), ("anomaly",)}


def test_a_person_decides_otherwise() -> None:
    several = [("dent", "scratch")] * 30
    samples, verdict = decided(several, wanted=False)
    assert (verdict.multi_label, verdict.by, samples[-1].labels) == (False, "person", ("anomaly",))
    samples, verdict = decided([("dent",)] * 15 + [("scratch",)] * 15, wanted=True)
    assert (verdict.multi_label, verdict.by, samples[-1].labels) == (True, "person", ("scratch",))
    with pytest.raises(TrainingError, match="No picture to learn from names a damage type"):
        decided([()] * 30, wanted=True)
    with pytest.raises(TrainingError, match="No picture to learn from"):
        decided([("dent",)] * 12, wanted=True)  # all of so few are tested


def test_what_is_drawn_names_pictures_of_which_nobody_said_more() -> None:
    place = Place(label="scratch", box=(0.0, 0.0, 9.0, 9.0))
    samples = [Sample(path=Path(f"n{n}.jpg"), label="normal", split="train") for n in range(30)]
    samples += [Sample(path=Path(f"a{n}.jpg"), label="anomaly", split="train", places=(place,)) for n in range(30)]
    groups = np.arange(60, dtype=np.int64)
    kinds: Kinds = [()] * 59 + [("dent",)]
    named, verdict = with_verdict_labels(samples, kinds, groups, wanted=True, single=True, left_out=0)
    assert verdict.kinds == {"dent": 1}
    assert [named[30].labels, named[59].labels] == [("scratch",), ("dent",)]
    assert not with_verdict_labels(samples, kinds, groups, wanted=None, single=True, left_out=0)[1].multi_label


def test_of_each_type_about_as_many_are_kept_back_and_near_copies_stay_together() -> None:
    kinds: Kinds = [("rust",)] * 10 + [("dent", "scratch")] * 40 + [("dent",)] * 50
    samples, _ = decided(kinds, normal=100)
    tested = Counter(label for sample in samples if sample.split == "test" for label in sample.labels)
    assert tested["normal"] == 20
    assert 1 <= tested["rust"] <= 3
    assert 7 <= tested["scratch"] <= 9
    groups = np.arange(200, dtype=np.int64) // 2
    given = [
        Sample(path=sample.path, label="normal" if n < 100 else "anomaly", split="train") for n, sample in enumerate(samples)
    ]
    named = [()] * 100 + list(kinds)
    paired, _ = with_verdict_labels(given, named, groups, wanted=None, single=True, left_out=0)
    assert all(paired[at].split == paired[at + 1].split for at in range(0, 200, 2))


def planned(service: Any, **options: Any) -> TrainingPlan:
    with service.database.reading() as session:
        return training_plan(
            session, service.owner, project_name="cars", options=TrainingOptions(**options), settings=service.settings
        )


def test_a_plan_reads_the_types_of_the_lines(service: Any, make_line: Callable[..., str]) -> None:
    service("create_project", project_name="cars")
    service.fill("train", normal=25, anomaly=30)
    assert planned(service).verdict is not None
    sets = [("dent",), ("scratch",), ("dent", "scratch")]
    lines = [with_kinds(json.loads(make_line(f"train/a{n}.jpg", "anomaly")), sets[n % 3]) for n in range(30)]
    service.update(*map(json.dumps, lines))
    plan = planned(service)
    assert plan.verdict is not None
    assert (plan.verdict.multi_label, plan.verdict.several, plan.verdict.kinds) == (True, 10, {"dent": 20, "scratch": 20})
    assert [(one.how, one.classes) for one in plan.learnt] == [("multi-label", ("normal", "dent", "scratch"))]
    assert (plan.learning.anomaly + plan.testing.anomaly, plan.testing.normal) == (30, 10)
    assert planned(service, multi_label=False).learnt[0].how == "classes"


def test_a_multi_label_job_labels_its_pictures(service: Any, make_line: Callable[..., str]) -> None:
    service("create_project", project_name="cars")
    service.fill("train", normal=1, anomaly=0)
    bare = json.loads(make_line("train/a.jpg"))
    none = {**with_kinds(json.loads(make_line("train/b.jpg")), ["dent"]), "anomaly-kinds": []}
    service.update(json.dumps(with_kinds(bare, ["dent"])), json.dumps(none))
    with service.database.reading() as session:
        labels = dict(session.execute(select(Entry.source_ref, Entry.label)).all())
    assert [labels[f"s3://photos/train/{name}.jpg"] for name in ("a", "b")] == ["anomaly", "normal"]
    both = with_kinds(json.loads(make_line("train/c.jpg", "normal")), ["dent"])
    with pytest.raises(DatasetError, match="calls the picture normal, and names 'dent'"):
        parse_lines(json.dumps(both).encode())
