"""Plans of trainings: what the labels decide, what is missing for more, and the limits."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from typing import Any

import pytest

from walkaround.errors import ConflictError, ValidationError
from walkaround.hosting.operations.training.training_options import (
    TrainingOptions,
    check_options,
    in_service_words,
    options_told,
)
from walkaround.hosting.operations.training.training_plan import TrainingPlan, require_trainable, training_plan
from walkaround.settings import Settings
from walkaround.training.recipe import Part, Quality

OUTPUT = {"S3Location": {"Bucket": "photos", "Prefix": ""}}


def planned(service: Any, **options: Any) -> TrainingPlan:
    with service.database.reading() as session:
        return training_plan(
            session, service.owner, project_name="cars", options=TrainingOptions(**options), settings=service.settings
        )


def boxed(key: str, *labels: str, label: str | None = "anomaly") -> str:
    line: dict[str, Any] = {
        "source-ref": f"s3://photos/{key}",
        "boxes": {
            "image_size": [{"width": 100, "height": 80, "depth": 3}],
            "annotations": [
                {"class_id": number, "left": 5, "top": 5, "width": 20, "height": 20} for number in range(len(labels))
            ],
        },
        "boxes-metadata": {
            "class-map": {str(number): name for number, name in enumerate(labels)},
            "objects": [{"confidence": 1} for _ in labels],
            "type": "groundtruth/object-detection",
        },
    }
    if label is not None:
        metadata = {"class-name": label, "type": "groundtruth/image-classification", "human-annotated": "yes"}
        line |= {"anomaly-label": 0, "anomaly-label-metadata": metadata}
    return json.dumps(line)


@pytest.fixture
def two_kinds(service: Any) -> Any:
    """A project with 25 whole and 25 damaged cars in its one dataset."""
    service("create_project", project_name="cars")
    service.fill("train", normal=25, anomaly=25)
    return service


def test_a_project_without_pictures_says_what_to_do(service: Any) -> None:
    service("create_project", project_name="cars")
    plan = planned(service)
    assert [lack.partition(":")[0] for lack in plan.lacks] == ["The project 'cars' has no train dataset"]
    assert (plan.learnt, plan.train, plan.version) == ((), None, 1)


def test_both_kinds_of_labels_are_learnt_and_a_part_is_kept_back(two_kinds: Any) -> None:
    plan = planned(two_kinds)
    assert plan.lacks == ()
    (verdict,) = plan.learnt
    assert (verdict.part, verdict.how, verdict.classes) == (Part.VERDICT, "classes", ("normal", "anomaly"))
    assert "15 whole cars (normal) and 15 damaged ones (anomaly)" in verdict.why
    assert (plan.learning.total, plan.testing.total, plan.single) == (30, 20, True)
    assert {advice.part for advice in plan.advice} == {Part.VERDICT, Part.BOXES, Part.MASKS}


def test_where_damage_is_rare_whole_cars_alone_are_learnt(cars: Any) -> None:
    (verdict,) = planned(cars).learnt
    assert (verdict.how, verdict.pictures) == ("anomaly", 10)
    assert "no damaged ones to spare" in verdict.why


def test_all_that_is_missing_is_told_at_once(service: Any) -> None:
    service("create_project", project_name="cars")
    service.fill("train", normal=3, anomaly=0)
    service.fill("test", normal=2, anomaly=1)
    plan = planned(service)
    assert ["train" in plan.lacks[0], "test" in plan.lacks[1], len(plan.lacks)] == [True, True, 2]
    assert plan.test is not None
    assert (plan.test.normal, plan.test.anomaly) == (2, 1)


def test_boxes_are_learnt_where_they_are_drawn_and_wanted(two_kinds: Any) -> None:
    two_kinds.update(*(boxed(f"train/a{number}.jpg", "dent") for number in range(25)))
    plan = planned(two_kinds)
    assert [(one.part, one.how) for one in plan.learnt] == [(Part.VERDICT, "classes"), (Part.BOXES, "drawn")]
    assert plan.learnt[1].classes == ("dent",)
    assert "15 pictures" in plan.learnt[1].why
    assert plan.train is not None
    assert (plan.train.boxes, plan.train.masks) == (25, 0)
    assert [one.part for one in planned(two_kinds, parts=(Part.VERDICT,)).learnt] == [Part.VERDICT]


def test_a_kind_of_damage_that_is_too_rare_is_named_in_a_note(two_kinds: Any) -> None:
    two_kinds.update(*(boxed(f"train/a{number}.jpg", "dent", *(["rust"] if number < 3 else [])) for number in range(25)))
    plan = planned(two_kinds)
    assert plan.learnt[1].classes == ("dent",)
    (note,) = plan.notes
    assert "'rust' is on" in note.message
    assert "--rename" not in note.message


def test_damaged_cars_with_boxes_alone_are_judged_by_their_boxes(service: Any) -> None:
    service("create_project", project_name="cars")
    service.fill("train", normal=0, anomaly=40)
    service.update(*(boxed(f"train/a{number}.jpg", "dent") for number in range(40)))
    plan = planned(service)
    assert [(one.part, one.how) for one in plan.learnt] == [(Part.VERDICT, "places"), (Part.BOXES, "drawn")]
    assert "no whole cars" in plan.learnt[0].why


def test_pictures_without_a_label_are_counted_and_said_to_be_unused(two_kinds: Any, make_line: Callable[..., str]) -> None:
    two_kinds.update(*(make_line(f"train/u{number}.jpg") for number in range(7)))
    plan = planned(two_kinds)
    assert plan.train is not None
    assert (plan.train.total, plan.train.unlabelled) == (57, 7)
    assert any(one.message.startswith("7 pictures") for one in plan.advice)


def test_limits_that_are_reached_are_told(cars: Any) -> None:
    for _ in range(2):
        cars("create_model", project_name="cars", output_config=OUTPUT)
    plan = planned(cars)
    assert (plan.trainings, plan.trainings_at_once, plan.version) == (2, 2, 3)
    assert "2 models are being trained" in plan.lacks[0]


def test_what_cannot_be_learnt_is_refused_before_it_is_tried(cars: Any) -> None:
    with cars.database.transaction() as session, pytest.raises(ConflictError, match="No boxes can be learnt"):
        require_trainable(
            session, cars.owner, project_name="cars", options=TrainingOptions(parts=(Part.BOXES,)), settings=cars.settings
        )


def test_options_are_kept_as_they_were_asked_for() -> None:
    asked = TrainingOptions(minutes=3.5, quality=Quality.BEST, parts=(Part.VERDICT, Part.MASKS))
    assert asked.told() == {"minutes": 3.5, "quality": "best", "parts": ["verdict", "masks"]}
    assert options_told(asked.told()) == asked
    assert TrainingOptions().told() is None
    assert options_told(None) == TrainingOptions()


def test_what_nobody_asked_for_the_settings_decide(settings: Settings) -> None:
    settings = settings.model_copy(update={"training_minutes": 20, "training_quality": "best"})
    recipe = TrainingOptions().recipe(settings)
    assert (recipe.minutes, recipe.quality, recipe.only) == (20, Quality.BEST, ())
    recipe = TrainingOptions(minutes=5, quality=Quality.FAST).recipe(settings)
    assert (recipe.minutes, recipe.quality) == (5, Quality.FAST)
    check_options(TrainingOptions(minutes=20), settings)
    with pytest.raises(ValidationError, match="20 minutes here, and 21 are asked for"):
        check_options(TrainingOptions(minutes=21), settings)


def test_the_words_of_the_command_line_are_not_told_over_the_api() -> None:
    said = in_service_words("Whole cars are few; it takes 50 of them, or 20% of all pictures, or --only verdict.")
    assert said.endswith("or 20% of all pictures, or train the verdict alone.")


def test_planning_loads_nothing_that_trains_into_the_server() -> None:
    """It takes seconds and hundreds of megabytes."""
    code = (
        "import sys; from walkaround.training.reach import within_reach; from walkaround.training.recipe import Recipe;"
        "from walkaround.training.plan import PlacePlan, Plan; import walkaround.hosting.operations.training.training_plan;"
        "boxes = PlacePlan(classes=('dent',), pictures=());"
        "plan = Plan(task='classes', classes=(), normal=(), train=(), test=(), notes=(), boxes=boxes);"
        "within_reach(plan, Recipe()); sys.exit(', '.join({'torch', 'sklearn', 'onnx'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.stderr.strip() == ""
