"""Sample projects as rows: begun once at a time, and told step by step from the rows that everything else has."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select

from walkaround.errors import ConflictError, NotFoundError
from walkaround.hosting.operations.projects import create_project
from walkaround.hosting.operations.samples import begin_sample, describe_sample, list_samples
from walkaround.hosting.owner import Owner
from walkaround.settings import Settings
from walkaround.store.database import Database
from walkaround.store.tables import Dataset, Job, Model, Project, now

OWNER = Owner("000000000000", "us-east-1")
SETTINGS = Settings(data=Path("unused"))


@pytest.fixture
def database(database_url: str) -> Iterator[Database]:
    made = Database(database_url)
    yield made
    made.close()


@pytest.fixture
def begun(database: Database) -> Database:
    with database.transaction() as session:
        begin_sample(session, OWNER, project_name="drawn", pictures=60, settings=SETTINGS)
    return database


def told(database: Database) -> tuple[str, list[str]]:
    with database.reading() as session:
        found = describe_sample(session, OWNER, project_name="drawn")
    return found["State"], [one["State"] for one in found["Steps"]]


def add(database: Database, *rows: Any) -> None:
    with database.transaction() as session:
        project = session.scalars(select(Project).filter_by(name="drawn")).one()
        for row in rows:
            row.project_id = project.id
            session.add(row)


def model(status: str, message: str = "") -> Model:
    return Model(version=1, status=status, message=message, output={})


def test_a_sample_begins_with_drawing(begun: Database) -> None:
    assert told(begun) == ("running", ["running", "waiting", "waiting", "waiting"])
    with begun.reading() as session:
        first = list_samples(session, OWNER)[0]
        assert first["Steps"][0] == {"Step": "draw", "State": "running", "Doing": "Drawing cars", "Done": 0, "Of": 60}
        assert (first["Version"], first["Error"]) == (None, None)


@pytest.mark.parametrize(
    ("status", "steps"),
    [
        (None, ["done", "running", "waiting", "waiting"]),
        ("TRAINING", ["done", "done", "running", "waiting"]),
        ("TRAINED", ["done", "done", "done", "running"]),
        ("STARTING_HOSTING", ["done", "done", "done", "running"]),
    ],
)
def test_how_far_it_is_stands_in_the_rows(begun: Database, status: str | None, steps: list[str]) -> None:
    add(begun, Dataset(kind="train", status="CREATE_COMPLETE"), *([] if status is None else [model(status)]))
    assert told(begun) == ("running", steps)


def test_the_progress_of_a_training_is_that_of_its_job(begun: Database) -> None:
    trained = model("TRAINING")
    add(begun, Dataset(kind="train", status="CREATE_COMPLETE"), trained)
    with begun.transaction() as session:
        session.add(Job(kind="train", subject=trained.id, progress={"doing": "Reading pictures", "done": 3, "of": 60}))
    with begun.reading() as session:
        step = describe_sample(session, OWNER, project_name="drawn")["Steps"][2]
    assert (step["Doing"], step["Done"], step["Of"]) == ("Reading pictures", 3, 60)


@pytest.mark.parametrize("state", ["done", "failed"])
def test_an_ended_sample_is_told_as_such(begun: Database, state: str) -> None:
    add(begun, Dataset(kind="train", status="CREATE_COMPLETE"), model("HOSTED" if state == "done" else "TRAINING_FAILED"))
    with begun.transaction() as session:
        job = session.scalars(select(Job).filter_by(kind="sample")).one()
        job.state, job.ended = state, now()
    assert told(begun) == (state, ["done", "done", *(["done", "done"] if state == "done" else ["failed", "waiting"])])


def test_one_sample_is_made_at_a_time(begun: Database) -> None:
    with begun.transaction() as session:
        with pytest.raises(ConflictError, match="'drawn' is being made: wait until it is done"):
            begin_sample(session, OWNER, project_name="other", pictures=60, settings=SETTINGS)
        session.scalars(select(Job).filter_by(kind="sample")).one().state = "done"
        session.flush()
        begin_sample(session, OWNER, project_name="other", pictures=60, settings=SETTINGS)
        assert [one["Project"] for one in list_samples(session, OWNER)] == ["other", "drawn"]


def test_samples_of_another_account_are_not_seen(begun: Database) -> None:
    other = Owner("111111111111", "us-east-1")
    with begun.transaction() as session:
        assert list_samples(session, other) == []
        create_project(session, OWNER, project_name="mine", at_most=10)
        for owner, name in ((other, "drawn"), (OWNER, "mine")):
            with pytest.raises(NotFoundError):
                describe_sample(session, owner, project_name=name)
