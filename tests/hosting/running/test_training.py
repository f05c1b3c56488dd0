"""Training as a job: the whole way, cancelled, killed, and with pictures that cannot be used."""

from __future__ import annotations

import json
import os
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from subprocess import Popen
from typing import Any

import pytest

from walkaround.evaluation.measured import evaluation_at, from_lines
from walkaround.hosting.jobs.presence import Presence
from walkaround.hosting.jobs.training.training_job import RESULT_FILE, TASK_FILE, settings_as_json
from walkaround.hosting.operations.models.models import cancel_training
from walkaround.hosting.owner import Owner
from walkaround.settings import Settings

OWNER = Owner("000000000000", "us-east-1")

OUTPUT = {"S3Location": {"Bucket": "photos", "Prefix": "out/k_fold_"}}


def children_of(parent: int, *, running: str = "") -> list[int]:
    """Process ids of the living children, those whose command line has `running` in it."""
    children = Path(f"/proc/{parent}/task").glob("*/children") if Path(f"/proc/{parent}").exists() else ()
    numbers = [int(number) for path in children for number in path.read_text().split()]
    return [number for number in numbers if running.encode() in Path(f"/proc/{number}/cmdline").read_bytes()]


def alive(numbers: list[int]) -> list[int]:
    return [number for number in numbers if Path(f"/proc/{number}").exists()]


@pytest.fixture
def ready(running: Any, keys: dict[str, list[str]]) -> Any:
    """A project with one dataset of 20 whole cars and 16 damaged ones, one file of which is missing and one no picture."""
    running("create_project", project_name="cars")
    running.buckets.write("photos", "anomaly/text.jpg", b"no picture")
    names = {"normal": keys["normal"][:20], "anomaly": [*keys["anomaly"][:16], "anomaly/gone.jpg", "anomaly/text.jpg"]}
    assert running.dataset("train", names)["Status"] == "CREATE_COMPLETE"
    return running


def test_a_model_is_trained_and_its_evaluation_is_written(ready: Any) -> None:
    ready("create_model", project_name="cars", output_config=OUTPUT)
    job = ready.wait("train")
    model = ready.model()
    assert (job.state, model["Status"]) == ("done", "TRAINED"), model["StatusMessage"]
    assert "2 pictures were left out" in model["StatusMessage"]
    assert "The first that could not be fetched: There is no object 's3://photos/anomaly/gone.jpg'" in model["StatusMessage"]
    assert model["EvaluationResult"] == {"Bucket": "photos", "Key": "out/k_fold_EvaluationResult-cars-1.json"}
    result = json.loads(ready.buckets.read("photos", model["EvaluationResult"]["Key"], at_most=10**6))
    assert result["EvaluationDetails"]["NumberOfTestingImages"] == 20
    assert result["EvaluationDetails"]["NumberOfTrainingImages"] == 16
    metrics = result["AggregatedEvaluationResults"]["Metrics"]
    assert set(metrics) == {"ROCAUC", "AveragePrecision", "Precision", "Recall", "F1Score"}
    assert model["Performance"] == {name: metrics[name] for name in ("F1Score", "Recall", "Precision")}
    lines = ready.buckets.read("photos", model["EvaluationManifest"]["Key"], at_most=10**6).splitlines()
    assert len(lines) == 20
    for line in map(json.loads, lines):
        assert line["auto-label"] == (line["auto-label-metadata"]["class-name"] == "anomaly")
        detected = line["auto-label-detected-metadata"]
        assert line["auto-label-detected"] == (detected["class-name"] == "anomaly")
        assert (detected["project-name"], detected["model-version"]) == ("cars", "1")
    ready.until(lambda: list((ready.settings.data / "work").glob("train-*")), lambda left: not left)  # it is removed last
    (kept,) = (ready.settings.data / OWNER.model_folder("cars", 1)).iterdir()
    assert (kept.name[:8], sorted(path.name for path in kept.iterdir())) == ("attempt-", ["cars-1", "measured.jsonl"])
    told = from_lines((kept / "measured.jsonl").read_text().splitlines())
    scores = evaluation_at(told, told.threshold).scores
    assert (len(told.pictures), scores.f1, scores.auroc) == (20, metrics["F1Score"], metrics["ROCAUC"])
    assert {one.split for one in told.pictures} == {"train"}


def test_a_cancelled_training_ends_soon_and_leaves_no_process(ready: Any) -> None:
    ready("create_model", project_name="cars", output_config=OUTPUT)
    folder = ready.settings.data / OWNER.model_folder("cars", 1)
    folder.mkdir(parents=True)  # as if the package were being written
    ready.until(lambda: ready.job("train"), lambda job: job.progress is not None)
    with ready.database.transaction() as session:
        cancel_training(session, OWNER, project_name="cars", model_version="1")
    ready.jobs.wake()
    assert ready.wait("train", seconds=10).state == "failed"
    model = ready.model()
    assert (model["Status"], model["StatusMessage"]) == ("TRAINING_FAILED", "The training was cancelled.")
    ready.until(folder.exists, lambda there: not there, seconds=5)
    assert not list((ready.settings.data / "work").glob("train-*"))


def test_too_few_pictures_that_can_be_used_fail_with_their_number(running: Any, keys: dict[str, list[str]]) -> None:
    running("create_project", project_name="cars")
    gone = [f"gone/{number}.jpg" for number in range(9)]
    running.dataset("train", {"normal": [*keys["normal"][:11], *gone], "anomaly": keys["anomaly"][:10]})
    running("create_model", project_name="cars", output_config=OUTPUT)
    running.wait("train")
    message = running.model()["StatusMessage"]
    assert running.model()["Status"] == "TRAINING_FAILED"
    assert "11 usable pictures labelled normal" in message
    assert "9 pictures" in message


def test_an_output_bucket_that_is_not_there_fails_at_once(ready: Any) -> None:
    ready("create_model", project_name="cars", output_config={"S3Location": {"Bucket": "nowhere"}})
    ready.wait("train")
    assert ready.model()["Status"] == "TRAINING_FAILED"
    assert "nowhere" in ready.model()["StatusMessage"]


def test_a_training_whose_server_was_killed_is_done_by_the_next_one(ready: Any, server: Callable[..., Popen[str]]) -> None:
    ready.stop()
    killed = server(ready.settings)
    ready("create_model", project_name="cars", output_config=OUTPUT)
    job = ready.until(lambda: ready.job("train"), lambda job: job.progress is not None)
    children = children_of(killed.pid)
    assert children
    killed.kill()
    killed.wait()
    ready.until(lambda: alive(children), lambda left: not left, seconds=5)
    assert ready.job("train").state == "running"
    started = time.monotonic()
    ready.start()
    again = ready.until(lambda: ready.job("train"), lambda seen: seen.leased_by not in (None, job.leased_by))
    assert time.monotonic() - started < 15, "the lease of a server that is known to be dead does not have to lapse"
    assert again.attempts == 0
    ready.wait("train")
    assert ready.model()["Status"] == "TRAINED"


def test_a_training_process_that_is_killed_is_started_again(ready: Any) -> None:
    ready("create_model", project_name="cars", output_config=OUTPUT)
    ready.until(lambda: ready.job("train"), lambda job: job.progress is not None)
    for child in children_of(os.getpid(), running="walkaround.hosting.jobs.training.training_child"):
        os.kill(child, signal.SIGKILL)
    ready.until(lambda: ready.job("train"), lambda job: job.attempts == 1)
    ready.wait("train")
    assert ready.model()["Status"] == "TRAINED"


def test_a_training_ends_that_another_server_may_have_taken_over(ready: Any) -> None:
    """The database cannot be written for longer than a lease lasts."""
    ready("create_model", project_name="cars", output_config={"S3Location": {"Bucket": "photos"}})
    ready.until(lambda: ready.job("train"), lambda job: job.progress is not None)
    (child,) = children_of(os.getpid(), running="walkaround.hosting.jobs.training.training_child")
    other = Presence(ready.settings.data / "work" / "servers")
    database = sqlite3.connect(ready.settings.data / "walkaround.sqlite", isolation_level=None)
    os.kill(child, signal.SIGSTOP)  # it would be done too soon
    database.execute("BEGIN IMMEDIATE")
    ready.until(lambda: alive([child]), lambda left: not left, seconds=18)
    database.execute("ROLLBACK")
    database.close()
    other.leave()
    ready.until(lambda: children_of(os.getpid(), running="training_child"), lambda found: len(found) == 1)
    assert [path.parent.name for path in (ready.settings.data / "work").glob("train-1/attempt-*")] == ["train-1"]
    job = ready.job("train")
    assert (job.attempts, job.deaths) == (0, 0)
    with ready.database.transaction() as session:
        cancel_training(session, OWNER, project_name="cars", model_version="1")
    ready.wait("train", seconds=20)


def test_a_result_that_could_not_be_written_down_is_not_worked_for_again(ready: Any) -> None:
    ready.stop()
    ready("create_model", project_name="cars", output_config=OUTPUT)
    folder = ready.settings.data / "work" / "train-1"
    for name, result in {"attempt-1-a": None, "attempt-1-b": {"failed": "Too few."}}.items():
        (folder / name).mkdir(parents=True)
        if result:
            (folder / name / RESULT_FILE).write_text(json.dumps(result))
    ready.start()
    assert ready.wait("train").error == "Too few."
    ready.until(folder.exists, lambda there: not there, seconds=10)


@pytest.mark.parametrize("log", ["json", "text"])
def test_a_training_that_fails_at_an_unforeseen_error_says_at_which(tmp_path: Path, log: str) -> None:
    (tmp_path / TASK_FILE).write_text("{}")
    attempt = tmp_path / "attempt"
    attempt.mkdir()
    done = subprocess.run(
        [
            sys.executable,
            "-m",
            "walkaround.hosting.jobs.training.training_child",
            str(tmp_path),
            str(attempt),
            str(os.getpid()),
            log,
        ],
        input=settings_as_json(Settings(data=tmp_path)),
        capture_output=True,
        text=True,
        check=True,
    )
    told = json.loads((attempt / RESULT_FILE).read_text())
    assert "TypeError" in told["failed"]
    assert json.loads(done.stdout) == told
    trace = json.loads(done.stderr)["error"] if log == "json" else done.stderr
    assert "Traceback" in trace
