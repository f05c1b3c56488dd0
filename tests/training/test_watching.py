"""A watched training: what is in the folder, what follows a rule, what happens after an interruption."""

from __future__ import annotations

import json
import logging
import math
import shutil
import signal
import threading
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from small_training import Lesson, learn, points
from walkaround.errors import InputError
from walkaround.training.monitor import EpochFacts, Monitor, RunFacts, StepFacts
from walkaround.training.rules.table import choose_rules
from walkaround.training.watching import Actions, Watch

RUN = RunFacts(name="boxes", settings={"rate": 0.1}, classes=("dent", "scratch"), counts=(3, 4), total_steps=100)


def step(number: int, *, loss: float = 1.0) -> StepFacts:
    return StepFacts(step=number, epoch=1, losses={"loss": loss}, rates={"all": 0.1}, waiting=0.01, computing=0.09, pictures=4)


def told(folder: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((folder / "report.json").read_text(encoding="utf-8"))
    return found


def tags(folder: Path) -> Any:
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    return EventAccumulator(str(folder)).Reload().Tags()


def test_a_training_leaves_events_and_a_report(tmp_path: Path) -> None:
    learn(Watch(tmp_path, rules=choose_rules(["Confusion=off", "StepOutlier=off"]), every=4), Lesson(epochs=2))
    shown = tags(tmp_path / "small")["scalars"]
    expected = {"train/loss", "rate/all", "epoch/loss", "validation/loss", "validation/accuracy", "time/waiting"}
    assert expected | {"gradients/0.weight", "weights/0.weight", "updates/0.weight", "alive/1.relu"} <= set(shown)
    part = told(tmp_path)["parts"]["small"]
    assert (part["steps"], len(part["points"]), len(part["epochs"])) == (64, 16, 2)
    page = (tmp_path / "report.html").read_text(encoding="utf-8")
    assert "No rule fired." in page
    assert "64 steps" in page
    assert "http" not in page.replace("http-equiv", "")


def test_the_rules_that_fired_stand_in_the_report_with_advice(tmp_path: Path) -> None:
    watch = Watch(tmp_path, every=4)
    learn(watch, Lesson(train=points(24, seed=1, apart=1.0), rate=0.01, epochs=40, batch=8))
    page = (tmp_path / "report.html").read_text(encoding="utf-8")
    assert "More pictures help most" in page
    firing = told(tmp_path)["parts"]["small"]["firings"]["Overfit"]
    assert firing["times"] > 1
    assert firing["last_step"] > firing["step"]


def test_without_a_folder_rules_are_asked_and_nothing_is_written(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING):
        assert "LossNotDecreasing" in learn(Watch(None, every=4), Lesson(rate=0.0, cosine=False, epochs=4))
    assert "rule LossNotDecreasing: the mean loss was" in caplog.text
    assert list(tmp_path.iterdir()) == []


def test_a_rule_stops_the_training(tmp_path: Path) -> None:
    watch = Watch(tmp_path, actions=Actions(stop=frozenset({"Overfit"})), every=4)
    learn(watch, Lesson(train=points(24, seed=1, apart=1.0), rate=0.01, epochs=200, batch=8))
    assert told(tmp_path)["parts"]["small"]["steps"] < 600
    assert len(watch.fired()) >= 1


def test_the_next_part_is_not_stopped_by_the_rule_of_the_one_before(tmp_path: Path) -> None:
    watch = Watch(tmp_path, actions=Actions(stop=frozenset({"ExplodingTensor"})))
    watch.start(RUN)
    watch.step(step(1, loss=math.nan))
    assert "'loss' is nan" in str(watch.stop_wanted)
    watch.start(replace(RUN, name="masks"))
    assert watch.stop_wanted is None
    watch.close()
    assert list(told(tmp_path)["parts"]) == ["boxes", "masks"]


def test_a_rule_to_stop_at_has_to_exist() -> None:
    with pytest.raises(InputError, match="no rule 'Overfitting'"):
        Actions(stop=frozenset({"Overfitting"}))


def test_a_resumed_training_goes_on_in_the_same_report(tmp_path: Path) -> None:
    killed, log = tmp_path / "killed", tmp_path / "log"
    first = Watch(killed, every=5)
    first.start(RUN)
    for number in range(1, 14):
        first.step(step(number))
        if number == 12:
            first.epoch(EpochFacts(epoch=1, step=12, losses={"loss": 1.0}))
            shutil.copytree(killed, log)  # as a kill would leave it
    first.close()
    resumed = Watch(log, every=5)
    resumed.start(replace(RUN, first_step=10))
    for number in range(11, 21):
        resumed.step(step(number, loss=0.5))
    resumed.close({"AP": 0.4})
    part = told(log)["parts"]["boxes"]
    assert [(point["step"], point["loss"]) for point in part["points"]] == [(5, 1.0), (10, 1.0), (15, 0.5), (20, 0.5)]
    assert (part["epochs"], part["scores"], part["steps"]) == ([], {"AP": 0.4}, 20)
    assert "AP" in (log / "report.html").read_text(encoding="utf-8")


def test_loss_that_is_no_number_can_be_reported(tmp_path: Path) -> None:
    watch = Watch(tmp_path, every=1)
    watch.start(RUN)
    watch.step(step(1, loss=math.inf))
    watch.close()
    part = told(tmp_path)["parts"]["boxes"]
    assert part["points"][0]["loss"] is None
    assert "ExplodingTensor" in part["firings"]
    again = Watch(tmp_path, every=1)
    again.start(replace(RUN, first_step=1))
    again.close()


def test_a_disk_that_refuses_does_not_end_the_training(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    watch = Watch(tmp_path / "log", every=1)
    watch.start(RUN)
    (tmp_path / "log" / "report.json").mkdir()
    watch.step(step(1))
    watch.epoch(EpochFacts(epoch=1, step=1, losses={"loss": 1.0}))
    watch.close()
    assert "The report of the training was not written" in caplog.text


def test_a_stalled_training_that_is_to_stop_is_interrupted(tmp_path: Path) -> None:
    actions = Actions(stop=frozenset({"StalledTraining"}))
    watch = Watch(tmp_path, rules=choose_rules(["StalledTraining.threshold=0.1"]), actions=actions)
    watch.start(RUN)
    watch.step(step(1))
    with pytest.raises(KeyboardInterrupt):
        time.sleep(20)
    watch.close()
    assert watch.fired()[0].rule == "StalledTraining"


def test_no_thread_is_left_behind(tmp_path: Path) -> None:
    before = threading.active_count()
    watch = Watch(tmp_path)
    watch.start(RUN)
    watch.close()
    watch.close()
    assert threading.active_count() == before
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


def test_the_silent_monitor_takes_everything() -> None:
    monitor = Monitor()
    monitor.start(RUN)
    monitor.step(step(1))
    monitor.epoch(EpochFacts(epoch=1, step=1, losses={}))
    monitor.pictures(1, "a", [])
    monitor.curve(1, "b", np.array([True]), np.array([0.5]))
    monitor.close()
    assert (monitor.stop_wanted, monitor.fired(), monitor.looks_inside(20), monitor.wanted) == (None, (), False, False)
