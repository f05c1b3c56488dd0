"""The commands of the pipeline: a folder watched once or for ever, dead letters, and results as tables."""

from __future__ import annotations

import csv
import json
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from subprocess import CompletedProcess

import pytest
from sqlalchemy import func, select

from served import wait_for
from walkaround.settings import Settings
from walkaround.store.database import Database
from walkaround.store.opening import database_of
from walkaround.store.results import Result
from walkaround.training.train import Trained

Command = Callable[..., CompletedProcess[str]]


@pytest.fixture
def incoming(tmp_path: Path, drawn: Path) -> Path:
    """A folder of twelve pictures and one file that is none, as if they had been there for a while."""
    folder = tmp_path / "incoming"
    (folder / "front").mkdir(parents=True)
    for number, source in enumerate(sorted((drawn / "test").glob("*/*"))[4:16]):
        shutil.copyfile(source, folder / ("front" if number % 2 else "") / f"car {number}.jpg")
    (folder / "bad.jpg").write_text("no picture")
    _make_old(folder)
    return folder


def _make_old(folder: Path) -> None:
    for path in folder.rglob("*.jpg"):
        os.utime(path, (1_700_000_000, 1_700_000_000))


def rows(url_or_data: Path | str) -> int:
    opened = database_of(Settings(data=url_or_data)) if isinstance(url_or_data, Path) else Database(url_or_data)
    try:
        with opened.reading() as session:
            return session.scalar(select(func.count()).select_from(Result)) or 0
    finally:
        opened.close()


def test_a_folder_is_looked_at_once_and_a_second_run_finds_nothing_new(
    command: Command, incoming: Path, trained: Trained, tmp_path: Path
) -> None:
    words: Sequence[object] = ("watch", incoming, "--model", trained.package.path, "--name", "forecourt", "--once")
    words = (*words, "--data", tmp_path / "data", "--json-to", tmp_path / "out", "--poll", 0.3)
    first = command(*words)
    assert first.returncode == 3, first.stderr
    assert "Looked at 12" in first.stderr
    assert f"1 dead letter; see `walkaround letters list forecourt --data {tmp_path / 'data'}`" in first.stderr
    written = json.loads((tmp_path / "out" / "front" / "car 1.jpg.json").read_text())
    assert written["source"] == str(incoming / "front" / "car 1.jpg")
    assert len(list((tmp_path / "out").rglob("*.json"))) == 12
    again = command(*words)
    assert again.returncode == 0, again.stderr
    assert "Looked at 0" in again.stderr
    assert rows(tmp_path / "data") == 12


def test_dead_letters_are_listed_and_tried_again(
    command: Command, incoming: Path, trained: Trained, tmp_path: Path, drawn: Path
) -> None:
    data = ("--data", tmp_path / "data")
    words = ("watch", incoming, "--model", trained.package.path, "--name", "forecourt", "--once", "--poll", 0.3, *data)
    command(*words)
    listed = command("letters", "list", "forecourt", *data)
    assert "neither a picture nor a video" in listed.stdout
    assert "1 arrivals" in listed.stderr
    assert command("letters", "list", incoming, *data).stdout == listed.stdout, "by what is watched"
    assert "1 of kind arrival" in command("letters", "replay", "forecourt", *data).stderr
    assert command(*words).returncode == 3  # it is still no picture
    assert "1 of kind arrival" in command("letters", "discard", "forecourt", "--kind", "arrival", *data).stderr
    assert "0 arrivals" in command("letters", "list", "forecourt", *data).stderr
    assert command("letters", "discard", "forecourt", str(2**63), "--kind", "arrival", *data).returncode == 2
    wrong = command("letters", "list", "forecourt", "--kind", "nothing", *data)
    assert wrong.returncode == 1
    assert "arrival, delivery, event" in wrong.stderr


def test_a_watch_that_is_not_there_is_told_with_those_that_are(
    command: Command, incoming: Path, trained: Trained, tmp_path: Path
) -> None:
    data = ("--data", tmp_path / "data")
    for name in ("forecourt", "yard"):
        words = ("watch", incoming, "--model", trained.package.path, "--name", name, "--once", "--poll", 0.3, *data)
        command(*words)
    wrong = command("letters", "list", "fourcourt", *data)
    assert wrong.returncode == 1
    assert "no watch 'fourcourt'" in wrong.stderr
    assert "'forecourt', 'yard'" in wrong.stderr
    both = command("letters", "list", incoming, *data)
    assert both.returncode == 1
    assert "Several watches look at" in both.stderr


@pytest.mark.parametrize(
    "words",
    [
        ("letters", "list", "forecourt"),
        ("results", "--csv", "results.csv"),
        ("keys", "list"),
        ("keys", "revoke", "AKIA"),
        ("users", "list"),
    ],
    ids=lambda words: " ".join(words[:2]),
)
def test_a_mistyped_data_folder_is_told_and_not_made(command: Command, tmp_path: Path, words: Sequence[str]) -> None:
    ended = command(*words, "--data", tmp_path / "dtaa")
    assert ended.returncode == 1
    assert "nothing of walkaround in the data folder" in ended.stderr
    assert not (tmp_path / "dtaa").exists()


def test_what_a_sink_does_not_have_is_told_with_the_reason(
    command: Command, incoming: Path, trained: Trained, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("WALKAROUND_WEBHOOK_SECRET", "only-for-tests")
    (incoming / "bad.jpg").unlink()
    shutil.copyfile(incoming / "front" / "car 1.jpg", incoming / f"{'x' * 250}.jpg")
    shutil.rmtree(incoming / "front")
    _make_old(incoming)
    told = command(
        *("watch", incoming, "--model", trained.package.path, "--name", "forecourt", "--once", "--poll", 0.3),
        *("--data", tmp_path / "data", "--json-to", tmp_path / "out", "--webhook", "http://127.0.0.1:1/"),
    )
    assert told.returncode == 3
    said = " ".join(told.stderr.split())
    assert "Not yet at webhook:http://127.0.0.1:1/: 7; the next run tries again. The webhook at 127.0.0.1:1 does not" in said
    assert f"/: 1; see `walkaround letters list --kind delivery forecourt --data {tmp_path / 'data'}`" in said
    assert len(list((tmp_path / "out").glob("*.json"))) == 6


def test_results_become_a_table(command: Command, incoming: Path, trained: Trained, tmp_path: Path) -> None:
    data = ("--data", tmp_path / "data")
    command("watch", incoming, "--model", trained.package.path, "--name", "forecourt", "--once", "--poll", 0.3, *data)
    said = command("results", "--csv", tmp_path / "all.csv", "--source", f"{incoming}/front/", *data)
    assert said.returncode == 0, said.stderr
    with (tmp_path / "all.csv").open(newline="") as file:
        table = list(csv.DictReader(file))
    assert len(table) == 6
    assert {row["project"] for row in table} == {"forecourt"}


def test_prefixes_lead_to_models_and_what_is_excluded_is_passed_over(
    command: Command, incoming: Path, trained: Trained, tmp_path: Path
) -> None:
    model = trained.package.path
    said = command("watch", incoming, "--model", f"front/={model}", "--once", "--poll", 0.3, "--data", tmp_path / "data")
    assert said.returncode == 0, said.stderr
    assert "Looked at 6" in said.stderr
    said = command(
        *("watch", incoming, "--model", model, "--exclude", "front/", "--exclude", "bad"),
        *("--name", "other", "--once", "--poll", 0.3, "--data", tmp_path / "data"),
    )
    assert "Looked at 6" in said.stderr


@pytest.mark.parametrize(
    ("words", "reason"),
    [
        (("--model", "nothing"), "is no model"),
        (("--model", "cars/1", "--webhook", "file:///etc/passwd"), "URL"),
    ],
)
def test_wrong_words_are_told(command: Command, tmp_path: Path, words: Sequence[str], reason: str) -> None:
    said = command("watch", tmp_path, *words, "--once", "--data", tmp_path / "data")
    assert said.returncode == 1
    assert reason in said.stderr


def test_a_folder_that_is_not_there_is_told_before_anything_is_made(command: Command, trained: Trained, tmp_path: Path) -> None:
    words = ("--model", trained.package.path, "--once", "--data", tmp_path / "data", "--json-to", tmp_path / "out")
    said = command("watch", tmp_path / "away", *words)
    assert said.returncode == 1
    assert "There is no folder" in said.stderr
    said = command("watch", "s3://photos", *words, "--bucket", f"photos={tmp_path / 'away'}")
    assert said.returncode == 1
    assert "There is no bucket 'photos'" in said.stderr
    assert not (tmp_path / "data").exists()
    assert not (tmp_path / "out").exists()


def test_two_processes_share_a_watch_and_one_that_is_killed_leaves_nothing_undone(
    postgres_url: str, incoming: Path, trained: Trained, tmp_path: Path
) -> None:
    for number in range(60):
        shutil.copyfile(incoming / "car 0.jpg", incoming / f"copy {number}.jpg")
    _make_old(incoming)
    words = ["watch", str(incoming), "--model", str(trained.package.path), "--name", "forecourt", "--poll", "0.3"]
    words += ["--database", postgres_url]
    first, second = (_started([*words, "--data", str(tmp_path / name)]) for name in ("one", "two"))
    try:
        wait_for(lambda: rows_or_none(postgres_url) or None, what="the first rows", seconds=120)
        first.kill()
        wait_for(lambda: (rows_or_none(postgres_url) == 72) or None, what="all rows", seconds=300, pause=0.3)
        second.send_signal(signal.SIGTERM)
        assert second.wait(60) in (0, 3)
    finally:
        for process in (first, second):
            process.kill()
            process.wait()
    assert rows(postgres_url) == 72


def rows_or_none(url: str) -> int:
    try:
        return rows(url)
    except Exception:  # noqa: BLE001 - its tables are not there yet
        return 0


def _started(words: Sequence[str]) -> subprocess.Popen[bytes]:
    return subprocess.Popen([sys.executable, "-m", "walkaround", *words], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
