"""The commands: what they print, write, and leave with."""

from __future__ import annotations

import csv
import json
import re
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from subprocess import CompletedProcess

import pytest

from walkaround.media.pictures import read_picture
from walkaround.media.videos import Frame, write_video
from walkaround.training.choose import CANDIDATES
from walkaround.training.recipe import Recipe
from walkaround.training.train import Trained

Command = Callable[..., CompletedProcess[str]]


@pytest.fixture
def car(drawn: Path) -> Path:
    return sorted((drawn / "test" / "anomaly").iterdir())[0]


def lines_of(ran: CompletedProcess[str]) -> list[dict[str, object]]:
    return [json.loads(line) for line in ran.stdout.splitlines()]


@pytest.mark.parametrize("name", ["check", "train", "evaluate", "detect", "demo"])
def test_every_command_explains_itself(command: Command, name: str) -> None:
    ran = command(name, "--help")
    assert (ran.returncode, ran.stderr) == (0, "")
    assert "Usage:" in ran.stdout
    assert name in command("--help").stdout


@pytest.mark.parametrize(
    "arguments",
    [
        ["paint"],
        ["check"],
        ["train", "cars"],
        ["detect", "package"],
        ["evaluate", "package", "cars", "--threshold", "2"],
        ["train", "cars", "--out", "p", "--seed", "-1"],
        ["check", "cars", "--bucket", "photos"],
    ],
)
def test_wrong_usage_is_2(command: Command, arguments: list[str]) -> None:
    ran = command(*arguments)
    assert (ran.returncode, ran.stdout) == (2, "")
    assert "Usage:" in ran.stderr


def test_check_is_0_where_nothing_spoils_training(command: Command, drawn: Path) -> None:
    ran = command("check", drawn / "test", "--no-labels", "--json", "-")
    report = json.loads(ran.stdout)
    assert (ran.returncode, report["passed"], report["counts"]) == (0, True, {"anomaly": 10, "normal": 10})
    assert "Ready to train" in ran.stderr


def test_check_is_3_where_something_does(command: Command, drawn: Path, tmp_path: Path) -> None:
    shutil.copytree(drawn / "test" / "anomaly", tmp_path / "cars" / "anomaly")
    ran = command("check", tmp_path / "cars", "--no-labels", "--json", tmp_path / "new" / "report.json")
    report = json.loads((tmp_path / "new" / "report.json").read_text())
    assert (ran.returncode, ran.stdout, report["passed"]) == (3, "", False)
    error = next(problem for problem in report["problems"] if problem["severity"] == "error")
    assert error["message"] in ran.stderr


def test_train_writes_a_package_and_tells_its_scores(command: Command, drawn: Path, recipe: Recipe, tmp_path: Path) -> None:
    where = ["--out", tmp_path / "out", "--cache", recipe.cache]
    ran = command("train", drawn / "train", "--test", drawn / "test", *where, "--minutes", "0")
    assert ran.returncode == 0
    assert re.search(r"accuracy\s+\S*\s+0\.\d{3}\s+\S*\s+0\.\d{3} to [01]\.\d{3}", ran.stderr)
    assert f"Wrote {tmp_path / 'out'}: normal, anomaly; {CANDIDATES[0].name}; threshold 0." in ran.stderr
    assert (tmp_path / "out" / "model.onnx").is_file()


@pytest.mark.parametrize("to_file", [True, False])
def test_evaluate_writes_every_number(command: Command, trained: Trained, drawn: Path, tmp_path: Path, to_file: bool) -> None:
    target = tmp_path / "scores.json" if to_file else Path("-")
    page = ["--html", tmp_path / "page.html"] if to_file else []
    ran = command("evaluate", trained.package.path, drawn / "test", "--json", target, *page)
    scores = json.loads(target.read_text() if to_file else ran.stdout)
    assert ran.returncode == 0
    assert {
        "n",
        "accuracy",
        "precision",
        "recall",
        "f1",
        "auroc",
        "average_precision",
        "confusion",
        "intervals",
    } <= scores.keys()
    assert scores["n"] == 20
    assert scores["confusion"]["classes"] == ["normal", "anomaly"]
    assert sum(map(sum, scores["confusion"]["matrix"])) == 20
    low, high = scores["intervals"]["accuracy"]
    assert low <= scores["accuracy"] <= high
    assert not to_file or "<html" in (tmp_path / "page.html").read_text()


def test_detect_prints_json_lines(command: Command, trained: Trained, car: Path) -> None:
    ran = command("detect", trained.package.path, car)
    (line,) = lines_of(ran)
    assert (ran.returncode, line["source"]) == (0, str(car))
    assert line["label"] == ("anomaly" if line["anomalous"] else "normal")
    assert isinstance(line["confidence"], float)
    assert 0 <= line["confidence"] <= 1


def test_a_threshold_decides_the_verdict(command: Command, trained: Trained, car: Path) -> None:
    verdicts = [lines_of(command("detect", trained.package.path, car, "--threshold", at))[0]["anomalous"] for at in (0, 1)]
    assert verdicts == [True, False]


def test_detect_gives_every_frame_of_a_video_its_time(command: Command, trained: Trained, drawn: Path, tmp_path: Path) -> None:
    cars = [read_picture(path).pixels[:320, :320] for path in sorted((drawn / "test" / "anomaly").iterdir())[:3]]
    frames = [Frame(time=number / 8, pixels=cars[number // 4]) for number in range(12)]
    write_video(tmp_path / "walk.mp4", frames, frame_rate=8.0)
    *answers, whole = lines_of(command("detect", trained.package.path, tmp_path / "walk.mp4", "--frames", "3"))
    times = [float(str(answer["time"])) for answer in answers]
    assert times == sorted(set(times))
    assert (len(answers), "time" in whole, whole["frames"]) == (3, False, 3)
    assert {"source", "anomalous", "confidence", "label"} <= whole.keys()


def test_detect_writes_json_table_and_drawings(command: Command, trained: Trained, car: Path, tmp_path: Path) -> None:
    outputs = ["--json", tmp_path / "found.jsonl", "--csv", tmp_path / "found.csv", "--draw", tmp_path / "drawn"]
    ran = command("detect", trained.package.path, car, *outputs)
    assert (ran.returncode, ran.stdout) == (0, "")
    line = json.loads((tmp_path / "found.jsonl").read_text())
    with (tmp_path / "found.csv").open(newline="") as file:
        (row,) = csv.DictReader(file)
    assert (row["source"], row["label"], float(row["confidence"])) == (str(car), line["label"], line["confidence"])
    assert [path.suffix for path in (tmp_path / "drawn").glob("*.*") if path.stem.startswith(car.stem)] == [".jpg"]


@pytest.mark.parametrize("rate", ["0", "-1", "nan"])
def test_a_rate_that_is_none_is_refused(command: Command, trained: Trained, car: Path, rate: str) -> None:
    ran = command("detect", trained.package.path, car, "--rate", rate)
    assert (ran.returncode, ran.stdout) == (1, "")
    assert "cannot be inspected" in ran.stderr


def test_ctrl_c_keeps_the_lines_of_what_was_finished(trained: Trained, car: Path, tmp_path: Path) -> None:
    for number in range(400):
        (tmp_path / "cars").mkdir(exist_ok=True)
        (tmp_path / "cars" / f"{number:03}.jpg").symlink_to(car)
    part = tmp_path / "found.csv.part"
    # Ctrl-C is ignored by children of a shell's background jobs: say that it counts, whoever runs the tests.
    program = "import signal, walkaround.cli as cli; signal.signal(signal.SIGINT, signal.default_int_handler); cli.main()"
    told = [sys.executable, "-c", program, "detect", trained.package.path, tmp_path / "cars", "--csv", tmp_path / "found.csv"]
    running = subprocess.Popen(list(map(str, told)), stderr=subprocess.PIPE, text=True)
    while running.poll() is None and (not part.exists() or part.read_bytes().count(b"\n") < 3):
        time.sleep(0.01)
    running.send_signal(signal.SIGINT)
    _, said = running.communicate(timeout=60)
    assert running.returncode == 130
    with part.open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert 2 <= len(rows) < 400
    assert [Path(row["source"]).name for row in rows] == [f"{number:03}.jpg" for number in range(len(rows))]
    assert f"The lines of {len(rows)} finished pictures and videos are in '{part}'." in said
    assert not (tmp_path / "found.csv").exists()


def run(*arguments: object, stdout: int) -> CompletedProcess[str]:
    """The command line as a process of its own, with a given output."""
    told = [sys.executable, "-m", "walkaround", *map(str, arguments)]
    return subprocess.run(told, stdout=stdout, stderr=subprocess.PIPE, text=True, timeout=120, check=False)


def test_an_output_that_is_full_is_told_in_one_sentence(drawn: Path) -> None:
    with Path("/dev/full").open("w") as full:
        ran = run("check", drawn / "test", "--no-labels", "--json", "-", stdout=full.fileno())
    assert ran.returncode == 1
    assert "Cannot write '<stdout>': the disk is full; free some space" in ran.stderr
    assert "Traceback" not in ran.stderr
    assert "Exception" not in ran.stderr


def test_a_reader_that_went_away_is_no_failure(trained: Trained, car: Path) -> None:
    with subprocess.Popen(["true"], stdin=subprocess.PIPE) as gone:
        assert gone.stdin is not None
        gone.wait()
        ran = run("detect", trained.package.path, car, stdout=gone.stdin.fileno())
    assert (ran.returncode, ran.stderr.count("Exception")) == (0, 0), ran.stderr
