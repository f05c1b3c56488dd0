"""What a training tells while it runs: lines that are few enough, can be written as JSON, and outlive an interruption."""

from __future__ import annotations

import json
import math
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select

from walkaround.datasets.sample import Problem
from walkaround.hosting.jobs.leases import Lease, claim
from walkaround.hosting.jobs.training.training_live import LiveWatch, problem_lines, tuning_line
from walkaround.hosting.jobs.training.training_log import LIVE, TrainingLog
from walkaround.hosting.jobs.work import Task
from walkaround.store.tables import TrainingLine
from walkaround.training.monitor import EpochFacts, RunFacts, StepFacts

OUTPUT = {"S3Location": {"Bucket": "photos", "Prefix": ""}}
RUN = RunFacts(name="boxes", settings={"rate": 0.1}, classes=("dent", "scratch"), counts=(30, 40), total_steps=600)


def step(number: int, *, loss: float = 1.0) -> StepFacts:
    return StepFacts(step=number, epoch=1, losses={"loss": loss}, rates={"all": 0.1}, waiting=0.01, computing=0.09, pictures=4)


def test_losses_are_told_as_means_and_epochs_with_their_scores(tmp_path: Path) -> None:
    lines: list[dict[str, Any]] = []
    watch = LiveWatch(tmp_path, lines.append, clock=lambda: 0.0)
    watch.start(RUN)
    for number in range(1, 601):
        watch.step(step(number, loss=float(number)))
    facts = EpochFacts(
        epoch=1, step=600, losses={"loss": 300.0}, validation={"loss": math.nan}, scores={"ap": 0.5}, score=0.5, best=True
    )
    watch.epoch(facts)
    watch.close()
    assert json.loads(json.dumps(lines, allow_nan=False)) == lines
    start, *points = [line for line in lines if line[LIVE] in ("start", "point")]
    assert start["told"]["counts"] == [30, 40]
    assert len(points) == 301
    assert [points[0]["step"], points[1]["told"]["losses"], points[2]["told"]["losses"]] == [1, {"loss": 2.0}, {"loss": 3.5}]
    (epoch,) = [line for line in lines if line[LIVE] == "epoch"]
    assert (epoch["told"]["validation"], epoch["told"]["scores"], epoch["told"]["best"]) == ({}, {"ap": 0.5}, True)
    assert (tmp_path / "report.json").exists()
    assert list((tmp_path / "boxes").glob("events.out.tfevents.*"))


def test_slow_steps_are_told_of_by_the_clock_the_rarer_the_longer_it_takes(tmp_path: Path) -> None:
    lines: list[dict[str, Any]] = []
    seconds = [0.0]
    watch = LiveWatch(tmp_path, lines.append, clock=lambda: seconds[0])
    watch.start(replace(RUN, total_steps=300_000))  # every thousandth step
    for number in range(1, 900):
        seconds[0] = 2.0 * number
        watch.step(step(number))
    watch.close()
    points = [line["step"] for line in lines if line[LIVE] == "point"]
    assert points[:4] == [1, 3, 5, 7]
    assert 150 < len(points) < 250
    assert points[-1] - points[-2] > 10


def test_a_rule_that_fires_is_told_once_with_what_to_do(tmp_path: Path) -> None:
    lines: list[dict[str, Any]] = []
    watch = LiveWatch(tmp_path, lines.append)
    watch.start(RUN)
    for number in (1, 2):
        watch.step(step(number, loss=math.inf))
    watch.close()
    (fired,) = [line for line in lines if line[LIVE] == "rule" and line["told"]["rule"] == "ExplodingTensor"]
    assert (fired["part"], fired["step"]) == ("boxes", 1)
    assert "Lower the learning rate" in fired["told"]["advice"]
    assert json.loads(json.dumps(lines, allow_nan=False)) == lines


def test_problems_of_a_kind_are_told_once_with_their_number() -> None:
    two = [Problem(kind="unreadable", severity="warning", message=f"File {number}.") for number in range(2)]
    one = Problem(kind="time", severity="note", message="The time did not suffice; give more --minutes for better ones.")
    first, second = (line["told"] for line in problem_lines([*two, one]))
    assert (first["message"], first["times"]) == ("File 0.", 2)
    assert second["message"].endswith("allow more minutes for better ones.")


@pytest.mark.parametrize(
    ("tuning", "said"),
    [
        ({"pictures": 400, "taken": "best"}, "400 pictures that it had not seen: it did better, and was taken."),
        ({"pictures": 400, "taken": "fast"}, "it did no better, and was left out."),
        ({"taken": "fast", "why": "too little time to fine-tune"}, "left out: too little time to fine-tune."),
    ],
)
def test_what_came_of_fine_tuning_is_told(tuning: dict[str, Any], said: str) -> None:
    line = tuning_line(tuning)
    assert line is not None
    assert line["told"]["text"].endswith(said)
    assert tuning_line(None) is None


@pytest.fixture
def task(cars: Any) -> Task:
    """The job that trains a model, in work."""
    cars("create_model", project_name="cars", output_config=OUTPUT)
    with cars.database.transaction() as session:
        taken = claim(session, owner="here", room=0, trainings_at_once=1)
    (lease,) = taken
    return Task(lease, cars.database, owner="here")


def told(service: Any, *kinds: str) -> list[tuple[str, str | None, int | None]]:
    with service.database.reading() as session:
        lines = session.scalars(select(TrainingLine).order_by(TrainingLine.id))
        return [(line.kind, line.part, line.step) for line in lines if not kinds or line.kind in kinds]


def live(kind: str, number: int | None = None, part: str = "boxes", **members: Any) -> dict[str, Any]:
    return {LIVE: kind, "part": part, "step": number, "told": members}


def test_phases_are_written_when_they_change(cars: Any, task: Task) -> None:
    log = TrainingLog(task)
    for done in range(3):
        log.hear({"doing": "Reading pictures", "done": done, "of": 3})
    log.hear({"doing": "Fitting the model", "done": 0, "of": 1})
    log.write()
    assert told(cars) == [("begin", None, None), ("phase", None, None), ("phase", None, None)]


def test_a_part_that_goes_on_takes_back_what_it_does_again(cars: Any, task: Task) -> None:
    log = TrainingLog(task)
    log.hear(live("start", 0, first_step=0))
    for number in (10, 20, 30):
        log.hear(live("point", number))
    log.hear(live("point", 10, part="masks"))
    log.write()
    again = TrainingLog(task)
    again.hear(live("start", 20, first_step=20))
    again.hear(live("point", 30))
    again.write()
    kept = [line for line in told(cars, "point") if line[1] == "boxes"]
    assert [number for _, _, number in kept] == [10, 20, 30]
    assert ("point", "masks", 10) in told(cars, "point")
    fresh = TrainingLog(task)
    fresh.hear(live("start", 0, first_step=0))
    fresh.write()
    assert [line for line in told(cars, "point") if line[1] == "boxes"] == []


def test_a_log_has_an_end_and_keeps_what_matters_most(cars: Any, task: Task) -> None:
    log = TrainingLog(task)
    for number in range(5_100):
        log.hear(live("point", number))
    log.hear(live("rule", 5_100, rule="Overfit"))
    log.write()
    assert len(told(cars, "point")) < 5_000
    assert len(told(cars, "rule")) == 1


def test_a_server_that_has_lost_the_job_writes_nothing(cars: Any, task: Task) -> None:
    lost = Lease(job_id=task.lease.job_id, kind="train", subject=task.subject, attempts=0)
    log = TrainingLog(Task(lost, cars.database, owner="another"))
    log.hear(live("start", 0, first_step=0))
    log.write()
    assert told(cars) == []
