"""Trainings as their log tells of them: states, attempts, phases, and the time that is left."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import select, update

from walkaround.hosting.operations.models.models import remove_model
from walkaround.hosting.operations.training.trainings import (
    CHECKING,
    Training,
    add_end,
    expected_seconds,
    find_training,
    lines_of,
    list_trainings,
)
from walkaround.store.tables import Job, Model, Project, TrainingLine, now

OUTPUT = {"S3Location": {"Bucket": "photos", "Prefix": ""}}


def create(service: Any, **options: Any) -> int:
    """A model that is being trained; its id."""
    service("create_model", project_name="cars", output_config=OUTPUT, options=options or None)
    with service.database.reading() as session:
        return int(session.scalars(select(Model.id).order_by(Model.id.desc()).limit(1)).one())


def tell(service: Any, model: int, kind: str, *, ago: float = 0.0, **told: Any) -> None:
    with service.database.transaction() as session:
        session.add(TrainingLine(model_id=model, kind=kind, told=told, created=now() - timedelta(seconds=ago)))


def phase(service: Any, model: int, doing: str, *, of: int = 100, done: int = 0, ago: float = 0.0) -> None:
    tell(service, model, "phase", ago=ago, doing=doing, done=done, of=of)


def run(service: Any, model: int, **progress: Any) -> None:
    """The job is in work."""
    with service.database.transaction() as session:
        session.execute(update(Job).where(Job.subject == model).values(state="running", progress=progress or None))


def end(service: Any, model: int, *, status: str = "TRAINED", state: str = "done", message: str = "", ago: float = 0.0) -> None:
    with service.database.transaction() as session:
        one = session.get_one(Model, model)
        one.status, one.message, one.package = status, message, "models/x" if state == "done" else None
        add_end(session, model, state=state, message=message)
        session.flush()
        session.execute(update(TrainingLine).where(TrainingLine.kind == "end").values(created=now() - timedelta(seconds=ago)))
        session.execute(update(Job).where(Job.subject == model).values(state="done", ended=now()))


def found(service: Any, version: int = 1) -> Training:
    with service.database.reading() as session:
        told = find_training(session, service.owner, project_name="cars", model_version=str(version))
        session.expunge_all()
        return told


def test_a_training_waits_runs_and_ends(cars: Any) -> None:
    model = create(cars, quality="fast")
    assert (found(cars).state, found(cars).began) == ("waiting", None)
    tell(cars, model, "begin", ago=30, attempt=1)
    run(cars, model, doing=CHECKING, done=10, of=100)
    phase(cars, model, CHECKING, ago=20)
    running = found(cars)
    assert (running.state, running.doing, running.done, running.of) == ("running", CHECKING, 10, 100)
    assert [(one.doing, one.seconds) for one in running.phases] == [(CHECKING, None)]
    end(cars, model, message="Two pictures were left out.")
    done = found(cars)
    assert (done.state, done.message, done.left) == ("done", "Two pictures were left out.", None)
    assert done.seconds == pytest.approx(30, abs=2)
    assert [round(one.seconds or 0) for one in done.phases] == [20]


@pytest.mark.parametrize("state", ["failed", "cancelled"])
def test_a_training_that_came_to_nothing_says_why(cars: Any, state: str) -> None:
    model = create(cars)
    end(cars, model, status="TRAINING_FAILED", state=state, message="Too few pictures.")
    assert (found(cars).state, found(cars).message) == (state, "Too few pictures.")


def test_a_model_of_before_there_were_logs_is_done(modelled: Any) -> None:
    with modelled.database.transaction() as session:
        session.execute(update(Model).values(package="models/x"))
        session.execute(update(Job).values(state="done", ended=now()))
    told = found(modelled)
    assert (told.state, told.attempts, told.phases) == ("done", None, ())
    assert told.ended is not None


def test_phases_are_those_of_the_last_attempt(cars: Any) -> None:
    model = create(cars)
    tell(cars, model, "begin", ago=60, attempt=1)
    phase(cars, model, CHECKING, ago=50)
    tell(cars, model, "begin", ago=20, attempt=2)
    phase(cars, model, "Fetching pictures", ago=15)
    told = found(cars)
    assert told.attempts == 2
    assert [one.doing for one in told.phases] == ["Fetching pictures"]


def test_time_left_goes_by_the_pace_of_the_step(cars: Any) -> None:
    model = create(cars)
    tell(cars, model, "begin", ago=30, attempt=1)
    phase(cars, model, "Reading pictures", of=110, done=10, ago=20)
    run(cars, model, doing="Reading pictures", done=35, of=110)
    left = found(cars).left
    assert left is not None
    assert (left.whole, left.basis) == (False, "the pace of this step so far")
    assert left.seconds == pytest.approx(60, abs=6)


def test_time_left_goes_by_an_earlier_training_and_the_number_of_pictures(cars: Any) -> None:
    first = create(cars)
    tell(cars, first, "begin", ago=1000, attempt=1)
    phase(cars, first, CHECKING, of=50, ago=1000)
    phase(cars, first, "Reading pictures", of=50, ago=990)
    phase(cars, first, "Training boxes", of=400, ago=950)
    end(cars, first, ago=850)
    second = create(cars, minutes=600)  # a limit of time does not make it another kind of training
    tell(cars, second, "begin", ago=10, attempt=1)
    phase(cars, second, CHECKING, of=100, ago=10)
    run(cars, second, doing=CHECKING, done=50, of=100)
    left = found(cars, 2).left
    assert left is not None
    assert (left.whole, left.basis) == (True, "how long version 1 took, and the pace so far")
    assert left.seconds == pytest.approx(10 + 2 * 40 + 2 * 100, abs=6)  # twice the pictures


def test_time_left_is_at_most_the_limit_that_was_asked_for(cars: Any) -> None:
    model = create(cars, minutes=2, quality="best")
    tell(cars, model, "begin", ago=30, attempt=1)
    phase(cars, model, "Fitting the model", of=1, done=1, ago=10)
    run(cars, model, doing="Fitting the model", done=1, of=1)
    left = found(cars).left
    assert left is not None
    assert (round(left.seconds / 10), left.whole, left.basis) == (9, True, "the limit of 2 minutes")


def test_a_plan_goes_by_the_newest_training_of_its_kind(cars: Any) -> None:
    model = create(cars)
    tell(cars, model, "begin", ago=100, attempt=1)
    phase(cars, model, CHECKING, of=50, ago=100)
    end(cars, model, ago=60)
    with cars.database.reading() as session:
        project = session.scalars(select(Project)).one()
        expected = expected_seconds(session, project, options=None, pictures=100)
        assert expected is not None
        assert (round(expected[0] / 10), expected[1]) == (8, 1)
        for quality in ("best", "fast"):  # which of them it was is up to a setting
            assert expected_seconds(session, project, options={"quality": quality}, pictures=100) is None


def test_trainings_are_listed_the_newest_first_in_pages(cars: Any) -> None:
    for _ in range(2):
        create(cars)
    with cars.database.reading() as session:
        page, token = list_trainings(session, cars.owner, project_name="cars", max_results=1)
        assert [one.model.version for one in page] == [2]
        page, token = list_trainings(session, cars.owner, project_name="cars", max_results=1, next_token=token)
        assert ([one.model.version for one in page], token) == ([1], None)


def test_the_log_is_read_from_a_line_on_and_goes_with_its_model(cars: Any) -> None:
    model = create(cars)
    for number in range(3):
        tell(cars, model, "note", name=str(number))
    with cars.database.reading() as session:
        row = session.get_one(Model, model)
        first, *rest = lines_of(session, row)
        assert [line.told["name"] for line in lines_of(session, row, after=first.id)] == ["1", "2"]
        assert len(rest) == 2
    end(cars, model, status="DELETING")
    cars.run(remove_model, model)
    with cars.database.reading() as session:
        assert session.scalars(select(TrainingLine)).all() == []
