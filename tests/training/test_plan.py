"""The labels decide which model is trained, on which pictures, measured on which."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from walkaround.datasets.sample import Problem, Sample, Split
from walkaround.datasets.survey import Survey
from walkaround.errors import TrainingError
from walkaround.media.facts import PictureFacts
from walkaround.training.plan import Plan, make_plan
from walkaround.training.recipe import Recipe

Row = tuple[str | None, int, Split | None]


def survey_of(rows: list[Row]) -> Survey:
    """Pictures by (label, duplicate group, split)."""
    samples = tuple(Sample(path=Path(f"{k}.jpg"), label=label, split=split) for k, (label, _, split) in enumerate(rows))
    facts = tuple(
        PictureFacts(
            path=sample.path,
            width=640,
            height=480,
            format="JPEG",
            pages=1,
            bytes=9,
            jpeg_quality=90,
            sharpness=0.1,
            detail=0.1,
            brightness=0.5,
            contrast=0.2,
            colourfulness=0.2,
            sha256=f"{k:064x}",
            dhash=0,
            thumbnail=bytes(256),
        )
        for k, sample in enumerate(samples)
    )
    return Survey(samples=samples, facts=facts, groups=np.array([group for _, group, _ in rows]), problems=())


def pictures(*classes: tuple[str | None, int]) -> list[Row]:
    """So many different pictures of each class."""
    labels = [label for label, count in classes for _ in range(count)]
    return [(label, group, None) for group, label in enumerate(labels)]


def plan_of(rows: list[Row], *, recipe: Recipe | None = None, own_test: frozenset[str] | None = None) -> Plan:
    return make_plan(survey_of(rows), recipe or Recipe(), own_test=own_test)


def names(plan: Plan) -> tuple[list[str], list[str]]:
    """Files that are trained on, and tested on."""
    return [picture.sample.path.name for picture in plan.train], [picture.sample.path.name for picture in plan.test]


def test_two_classes_make_a_classifier_and_a_fair_part_is_kept_back() -> None:
    plan = plan_of(pictures(("anomaly", 30), ("normal", 20), (None, 5)))
    assert (plan.task, plan.classes, plan.normal, plan.damaged) == (
        "classes",
        ("normal", "anomaly"),
        ("normal",),
        (False, True),
    )
    assert (len(plan.train), len(plan.test), plan.notes) == (40, 10, ())
    assert sorted(picture.label for picture in plan.test) == ["anomaly"] * 6 + ["normal"] * 4
    assert plan.class_ids.tolist() == [1] * 24 + [0] * 16


def test_damage_types_are_classes_and_whole_ones_come_first() -> None:
    plan = plan_of(pictures(("dent", 10), ("unknown", 10), ("scratch", 10), ("Good", 10)))
    assert plan.classes == ("Good", "unknown", "dent", "scratch")
    assert plan.normal == ("Good", "unknown")


@pytest.mark.parametrize("given", ["ganz heil", "Ganz-Heil", "GANZ_HEIL"])
def test_other_names_can_mean_whole(given: str) -> None:
    rows = pictures(("ganz heil", 10), ("Beule", 10))
    assert plan_of(rows).normal == ()
    assert plan_of(rows, recipe=Recipe(normal=(given,))).normal == ("ganz heil",)


@pytest.mark.parametrize("label", ["normal", "undamaged"])
def test_whole_cars_alone_make_an_anomaly_detector(label: str) -> None:
    plan = plan_of(pictures((label, 20)))
    assert (plan.task, plan.classes, plan.normal) == ("anomaly", (label, "anomaly"), (label,))


def test_whole_cars_alone_are_trained_on_though_the_test_has_damage() -> None:
    plan = plan_of(pictures(("normal", 10), ("anomaly", 3)), own_test=frozenset({"10.jpg", "11.jpg", "12.jpg"}))
    assert (plan.task, len(plan.train), len(plan.test)) == ("anomaly", 10, 3)


BAD_LABEL = Problem(kind="bad-label", severity="warning", message="cars.csv, line 3: the label 'x\\n' cannot be a class name.")


def damaged(split: Split | None = None) -> Sample:
    return Sample(path=Path("broken.jpg"), label="dent", split=split)


@pytest.mark.parametrize(
    ("left_out", "problems", "why"),
    [
        ((damaged(),), (), "No picture of 'dent' could be used."),
        ((), (BAD_LABEL,), r"line 3: the label '.*' cannot be a class name\."),
    ],
)
def test_whole_cars_that_are_left_by_mistake_are_refused(
    left_out: tuple[Sample, ...], problems: tuple[Problem, ...], why: str
) -> None:
    looked = replace(survey_of(pictures(("normal", 20))), left_out=left_out, problems=problems)
    with pytest.raises(TrainingError, match=f"Only normal pictures are left to train on.*{why}"):
        make_plan(looked, Recipe())


@pytest.mark.parametrize("left_out", [damaged("test"), Sample(path=Path("broken.jpg"), label="normal")])
def test_whole_cars_alone_were_meant_when_no_damage_was_given(left_out: Sample) -> None:
    looked = replace(survey_of(pictures(("normal", 20))), left_out=(left_out,))
    assert make_plan(looked, Recipe()).task == "anomaly"


def test_damage_that_is_all_copies_of_the_test_is_missed() -> None:
    rows: list[Row] = [*pictures(("normal", 10)), ("dent", 50, None), ("dent", 50, "test")]
    with pytest.raises(TrainingError, match="No picture of 'dent' could be used"):
        plan_of(rows)


TOO_LITTLE = [
    (pictures(("anomaly", 30)), "All pictures to train on are labelled 'anomaly'.*Add a folder 'normal', or say --normal NAME"),
    (pictures(("anomaly", 30), ("normal", 3)), "at least 5 different pictures .*: 'normal' has 3. Add pictures, or leave"),
    (pictures(("dent", 2), ("normal", 9), ("ok", 1)), "'dent' has 2, 'ok' has 1"),
    (pictures(("normal", 4)), "only 4 different normal pictures; anomaly detection needs at least 5"),
    (pictures((None, 30)), "No labelled picture is left to train on; put pictures into folders"),
    ([], "No labelled picture is left"),
    ([("normal", 1, None)] * 30 + pictures(("dent", 30)), "'normal' has 1"),
]


@pytest.mark.parametrize(("rows", "message"), TOO_LITTLE)
def test_what_no_model_can_come_of_is_refused(rows: list[Row], message: str) -> None:
    with pytest.raises(TrainingError, match=message):
        plan_of(rows)


def test_few_pictures_are_all_trained_on() -> None:
    plan = plan_of(pictures(("anomaly", 6), ("normal", 6)))
    assert (len(plan.train), len(plan.test)) == (12, 0)
    assert [(note.kind, note.severity) for note in plan.notes] == [("no-test", "note")]


def test_copies_stay_on_one_side() -> None:
    rows: list[Row] = [("anomaly" if group % 2 else "normal", group, None) for group in range(40) for _ in range(3)]
    plan = plan_of(rows)
    trained, tested = ({picture.group for picture in part} for part in (plan.train, plan.test))
    assert len(tested) == 8
    assert not trained & tested


def test_a_split_of_the_dataset_is_kept() -> None:
    rows = pictures(("anomaly", 10), ("normal", 10))
    rows[3], rows[12], rows[5] = ("anomaly", 3, "test"), ("normal", 12, "test"), ("anomaly", 5, "validation")
    trained, tested = names(plan_of(rows))
    assert tested == ["3.jpg", "12.jpg"]
    assert "5.jpg" in trained


@pytest.mark.parametrize("own", [True, False])
def test_copies_of_test_pictures_are_not_trained_on(own: bool) -> None:
    rows = pictures(("anomaly", 10), ("normal", 10))
    rows[3] = ("anomaly", 12, None)
    rows[12] = ("normal", 12, None if own else "test")
    plan = plan_of(rows, own_test=frozenset({"12.jpg"}) if own else None)
    trained, tested = names(plan)
    assert (tested, len(trained), "3.jpg" in trained) == (["12.jpg"], 18, False)
    assert [(note.kind, note.severity, note.files) for note in plan.notes] == [("leak", "warning", ("3.jpg",))]


def test_the_seed_decides_the_split() -> None:
    rows = pictures(("anomaly", 20), ("normal", 20))
    first, again, other = (names(plan_of(rows, recipe=Recipe(seed=seed)))[1] for seed in (1, 1, 2))
    assert first == again != other
