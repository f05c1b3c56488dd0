"""The labels decide which model is trained, on which pictures, measured on which."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from made_facts import made_facts
from walkaround.damage.places import MaskFile, Place, Polygons
from walkaround.datasets.sample import Problem, Sample, Split
from walkaround.datasets.survey import Survey
from walkaround.errors import TrainingError
from walkaround.training.places import fingerprint_of
from walkaround.training.plan import Plan, make_plan
from walkaround.training.recipe import Part, Recipe

Row = tuple[str | None, int, Split | None]


def survey_of(rows: list[Row]) -> Survey:
    """Pictures by (label, duplicate group, split)."""
    samples = tuple(Sample(path=Path(f"{k}.jpg"), label=label, split=split) for k, (label, _, split) in enumerate(rows))
    facts = tuple(made_facts(sample.path, k) for k, sample in enumerate(samples))
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


def box(label: str, *, outlined: bool = False, crowd: bool = False) -> Place:
    ring = ((0.0, 0.0), (9.0, 0.0), (9.0, 9.0))
    outline = Polygons(rings=(ring,)) if outlined else None
    return Place(label=label, box=(0.0, 0.0, 9.0, 9.0), outline=outline, crowd=crowd)


def painted(label: str) -> Place:
    return Place(label=label, box=None, outline=MaskFile(path=Path("mask.png"), colour="#ff0000"))


def plan_of_drawn(*kinds: tuple[str | None, tuple[Place, ...] | None, int], recipe: Recipe | None = None) -> Plan:
    """A plan of so many pictures of each kind: label, what was drawn on it."""
    looked = survey_of(pictures(*((label, count) for label, _, count in kinds)))
    drawn = [places for _, places, count in kinds for _ in range(count)]
    samples = tuple(replace(sample, places=places) for sample, places in zip(looked.samples, drawn, strict=True))
    return make_plan(replace(looked, samples=samples), recipe or Recipe())


@pytest.mark.parametrize(
    ("kinds", "task", "boxes", "masks"),
    [
        ([("normal", None, 30), ("anomaly", (box("dent"),), 30)], "classes", ("dent",), None),
        ([("normal", (), 30), ("anomaly", (box("dent", outlined=True),), 30)], "classes", ("dent",), ("dent",)),
        ([("normal", (), 30), ("anomaly", (painted("dent"),), 30)], "classes", None, ("dent",)),
        ([("anomaly", (box("dent"), box("scratch")), 30)], "places", ("dent", "scratch"), None),
        ([("anomaly", (box("dent"),), 60), ("normal", (), 30)], "classes", ("dent",), None),
        ([("anomaly", (box("dent"),), 90), ("normal", (), 10)], "places", ("dent",), None),  # they may be forgotten ones
        ([("anomaly", (box("dent"),), 90), ("normal", None, 10)], "classes", ("dent",), None),
        ([(None, (box("left_door"),), 40), (None, (), 5)], "places", ("left_door",), None),
        ([("normal", None, 30), ("anomaly", None, 30)], "classes", None, None),
        ([("normal", None, 30), ("anomaly", (box("dent", crowd=True),), 30)], "classes", None, None),
    ],
)
def test_what_was_drawn_decides_which_parts_are_trained(
    kinds: list[tuple[str | None, tuple[Place, ...] | None, int]],
    task: str,
    boxes: tuple[str, ...] | None,
    masks: tuple[str, ...] | None,
) -> None:
    plan = plan_of_drawn(*kinds)
    assert (plan.task, plan.boxes and plan.boxes.classes, plan.masks and plan.masks.classes) == (task, boxes, masks)
    assert plan.test


def test_boxes_are_learnt_from_whole_cars_too_but_not_where_nobody_looked() -> None:
    plan = plan_of_drawn(("normal", None, 20), ("anomaly", (box("dent"),), 20), ("anomaly", None, 20))
    assert plan.boxes is not None
    told = {(picture.label, len(picture.sample.places or ())) for picture in plan.boxes.pictures}
    assert told == {("normal", 0), ("anomaly", 1)}
    assert len(plan.boxes.pictures) == 32
    assert len(plan.train) == 48


def test_whole_cars_that_nobody_drew_on_have_parts_all_the_same() -> None:
    plan = plan_of_drawn(("normal", (box("left_door"),), 20), ("normal", None, 20), ("anomaly", (box("left_door"),), 20))
    assert plan.boxes is not None
    assert all(picture.sample.places for picture in plan.boxes.pictures)


def test_a_box_without_an_outline_keeps_its_picture_from_the_masks() -> None:
    both = (box("dent", outlined=True), box("scratch"))
    plan = plan_of_drawn(("anomaly", (box("dent", outlined=True),), 30), ("anomaly", both, 30))
    assert plan.masks is not None
    assert plan.boxes is not None
    assert {len(picture.sample.places or ()) for picture in plan.masks.pictures} == {1}
    assert {len(picture.sample.places or ()) for picture in plan.boxes.pictures} == {1, 2}


def test_a_class_on_too_few_pictures_is_left_out_and_named() -> None:
    plan = plan_of_drawn(("anomaly", (box("dent"),), 40), ("anomaly", (box("dent"), box("rust")), 4))
    assert plan.boxes is not None
    assert plan.boxes.classes == ("dent",)
    [note] = [note for note in plan.notes if note.kind == "few-boxes"]
    assert "'rust' is on " in note.message
    assert "--rename" in note.message


def test_a_model_that_goes_by_places_knows_two_classes() -> None:
    plan = plan_of_drawn(("bumper_dent", (box("dent"),), 40), ("scratched", (box("scratch"),), 2))
    assert (plan.task, plan.classes, plan.normal) == ("places", ("normal", "anomaly"), ("normal",))
    assert {picture.label for picture in (*plan.train, *plan.test)} == {"anomaly"}
    assert "by what it finds" in plan.notes[-1].message


@pytest.mark.parametrize(
    ("only", "task", "parts"),
    [
        ((Part.VERDICT,), "classes", (False, False)),
        ((Part.BOXES,), "places", (True, False)),
        ((Part.BOXES, Part.MASKS), "places", (True, True)),
        ((Part.VERDICT, Part.MASKS), "classes", (False, True)),
    ],
)
def test_a_training_of_some_parts_alone(only: tuple[Part, ...], task: str, parts: tuple[bool, bool]) -> None:
    kinds = (("normal", None, 30), ("anomaly", (box("dent", outlined=True),), 30))
    plan = plan_of_drawn(*kinds, recipe=Recipe(only=only))
    assert (plan.task, (plan.boxes is not None, plan.masks is not None)) == (task, parts)


def test_parts_that_were_asked_for_and_cannot_be_trained() -> None:
    with pytest.raises(TrainingError, match="No masks can be learnt"):
        plan_of_drawn(("normal", None, 30), ("anomaly", (box("dent"),), 30), recipe=Recipe(only=(Part.MASKS,)))
    with pytest.raises(TrainingError, match="Add a folder 'normal'"):
        plan_of_drawn(("anomaly", (box("dent"),), 30), recipe=Recipe(only=(Part.VERDICT,)))


def test_what_changes_the_fingerprint_of_what_was_drawn(tmp_path: Path) -> None:
    mask = tmp_path / "mask.png"
    mask.write_bytes(b"one")
    one = Sample(
        path=Path("a.jpg"), label=None, places=(Place(label="dent", box=None, outline=MaskFile(path=mask, colour="#f00000")),)
    )
    before = fingerprint_of(one)
    assert fingerprint_of(replace(one, path=Path("b.jpg"))) == before
    mask.write_bytes(b"two")
    assert fingerprint_of(one) != before
    assert fingerprint_of(replace(one, places=(box("dent"),))) != fingerprint_of(replace(one, places=(box("scratch"),)))
