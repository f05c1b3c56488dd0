"""What a real training leaves in its log and on the disk, also when its server is killed on the way, and what options do."""

from __future__ import annotations

from collections.abc import Callable
from subprocess import Popen
from typing import Any

import pytest
from sqlalchemy import select

from walkaround.hosting.operations.models.models import cancel_training
from walkaround.hosting.operations.training.training_options import TrainingOptions
from walkaround.hosting.operations.training.training_plan import TrainingPlan, training_plan
from walkaround.hosting.operations.training.trainings import Training, find_training, lines_of, log_folder
from walkaround.hosting.owner import Owner
from walkaround.models.package import read_package
from walkaround.store.tables import Model, TrainingLine

OWNER = Owner("000000000000", "us-east-1")
OUTPUT = {"S3Location": {"Bucket": "photos", "Prefix": "out/"}}


@pytest.fixture
def ready(running: Any, keys: dict[str, list[str]]) -> Any:
    """A project with one dataset of 20 whole cars and 16 damaged ones."""
    running("create_project", project_name="cars")
    running.dataset("train", {"normal": keys["normal"][:20], "anomaly": keys["anomaly"][:16]})
    return running


def training(service: Any) -> Training:
    with service.database.reading() as session:
        told = find_training(session, OWNER, project_name="cars", model_version="1")
        session.expunge_all()
        return told


def log(service: Any) -> list[TrainingLine]:
    with service.database.reading() as session:
        lines = list(lines_of(session, session.scalars(select(Model)).one()))
        session.expunge_all()
        return lines


def planned(service: Any) -> TrainingPlan:
    with service.database.reading() as session:
        return training_plan(session, OWNER, project_name="cars", options=TrainingOptions(), settings=service.settings)


def test_a_training_does_what_its_plan_said_and_leaves_a_log_and_files(ready: Any) -> None:
    plan = planned(ready)
    ready("create_model", project_name="cars", output_config=OUTPUT, options={"minutes": 30, "parts": ["verdict"]})
    ready.wait("train")
    told, lines = training(ready), log(ready)
    assert (told.state, told.attempts) == ("done", 1)
    assert ready.model()["Status"] == "TRAINED"
    assert {"Checking pictures", "Reading pictures", "Measuring on test pictures"} <= {phase.doing for phase in told.phases}
    assert [line.kind for line in lines][:2] == ["begin", "phase"]
    assert [line.kind for line in lines][-1] == "end"
    assert {"start", "epoch", "note"} <= {line.kind for line in lines if line.part == "verdict"}
    folder = ready.settings.data / log_folder(1)
    assert (folder / "report.html").exists()
    with ready.database.reading() as session:
        card = read_package(ready.settings.data / str(session.scalars(select(Model.package)).one())).card
    (verdict,) = plan.learnt
    assert (card.task, card.classes) == (verdict.how, verdict.classes)
    assert card.data["pictures"] == verdict.pictures
    ready("delete_model", project_name="cars", model_version="1")
    ready.wait("delete_model")
    assert not folder.exists()


def test_the_log_goes_on_where_a_killed_server_left_it(ready: Any, server: Callable[..., Popen[str]]) -> None:
    ready.stop()
    killed = server(ready.settings)
    ready("create_model", project_name="cars", output_config=OUTPUT)
    ready.until(lambda: ready.job("train"), lambda job: job.progress is not None)
    killed.kill()
    killed.wait()
    ready.start()
    ready.wait("train")
    told, lines = training(ready), log(ready)
    assert (told.state, told.attempts) == ("done", 2)
    assert len([line for line in lines if line.kind == "start"]) == 1
    assert lines[-1].told["state"] == "done"


def test_a_cancelled_training_keeps_its_log_and_says_so(ready: Any) -> None:
    ready("create_model", project_name="cars", output_config=OUTPUT)
    ready.until(lambda: ready.job("train"), lambda job: job.progress is not None)
    with ready.database.transaction() as session:
        cancel_training(session, OWNER, project_name="cars", model_version="1")
    ready.jobs.wake()
    ready.wait("train", seconds=30)
    told = training(ready)
    assert (told.state, told.message) == ("cancelled", "The training was cancelled.")
    assert told.ended is not None
    assert log(ready)[0].kind == "begin"
