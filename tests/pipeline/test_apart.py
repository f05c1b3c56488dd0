"""A process apart: what kills it or takes too long is found out, and everything else is answered."""

from __future__ import annotations

import os
import pickle
import signal
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from walkaround.errors import InputError, PictureError, UnavailableError
from walkaround.pipeline.apart import Apart, BrokenError
from walkaround.settings import Limit

MODULE = "pipeline.reading_apart"
LONG = Limit(seconds=60, setting="picture_seconds")


@pytest.fixture
def apart(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Apart]:
    """A process that reads files, two at the same time; a pipe without a writer is one that takes for ever."""
    (tmp_path / "good").write_text("good")
    os.mkfifo(tmp_path / "slow")
    (tmp_path / "deadly").write_text("deadly")
    tests = str(Path(__file__).parents[1])
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([tests, os.environ.get("PYTHONPATH", "")]))
    made = Apart(MODULE, tmp_path, threads=2)
    yield made
    made.close()


def test_an_answer_is_what_the_process_says_of_the_file(apart: Apart) -> None:
    assert apart.ask("good", name="good", limit=LONG) == "good"
    with pytest.raises(PictureError, match="no picture"):
        apart.ask("refused", name="refused", limit=LONG)
    with pytest.raises(UnavailableError, match="away") as away:
        apart.ask("away", name="away", limit=LONG)
    assert away.value.retry_after == 7
    with pytest.raises(BrokenError, match="FileNotFoundError"):
        apart.ask("missing", name="missing", limit=LONG)
    assert apart.cpu_seconds > 0


def test_what_takes_too_long_is_given_up_and_what_was_in_work_beside_it_is_answered(apart: Apart, tmp_path: Path) -> None:
    assert apart.ask("good", name="good", limit=LONG) == "good"
    first = apart.pid
    with ThreadPoolExecutor(2) as pool:
        beside = pool.submit(apart.ask, "later", name="later", limit=LONG)
        slow = pool.submit(apart.ask, "slow", name="photos/slow.jpg", limit=Limit(seconds=1, setting="picture_seconds"))
        with pytest.raises(
            InputError, match=r"^'photos/slow.jpg' was worked on for more than 1 s, and given up: .* picture_seconds"
        ):
            slow.result()
        (tmp_path / "written").write_text("late")
        (tmp_path / "written").rename(tmp_path / "later")
        assert beside.result() == "late"
    assert first is not None
    assert apart.pid != first
    assert not Path("/proc", str(first)).exists(), "it was really ended"


def test_what_kills_the_process_is_found_out_and_the_others_are_answered(apart: Apart) -> None:
    names = ["good", "deadly", "good", "good"]

    def asked(name: str) -> object:
        try:
            return apart.ask(name, name=name, limit=LONG)
        except InputError as problem:
            return str(problem)

    with ThreadPoolExecutor(4) as pool:
        found = list(pool.map(asked, names))
    assert found[::2] == ["good", "good"]
    assert found[3] == "good"
    assert "'deadly' ended the program that was reading it, 3 times (signal 9)" in str(found[1])


def test_an_idle_process_ends_and_the_next_question_starts_another(apart: Apart) -> None:
    assert apart.ask("good", name="good", limit=LONG) == "good"
    first, used = apart.pid, apart.cpu_seconds
    apart.end_idle(3600)
    assert apart.pid == first
    apart.end_idle(0)
    assert apart.ask("good", name="good", limit=LONG) == "good"
    assert apart.pid != first
    assert apart.cpu_seconds > used


def test_closing_lets_go_of_whoever_waits_and_leaves_no_process(apart: Apart) -> None:
    with ThreadPoolExecutor(1) as pool:
        waits = pool.submit(apart.ask, "slow", name="slow", limit=LONG)
        while apart.pid is None:
            time.sleep(0.01)
        pid = apart.pid
        apart.close()
        with pytest.raises(UnavailableError, match="stopping"):
            waits.result(timeout=30)
    assert not Path("/proc", str(pid)).exists()
    assert not [one for one in threading.enumerate() if one.name == "reading_apart"]
    with pytest.raises(UnavailableError, match="stopping"):
        apart.ask("good", name="good", limit=LONG)


def test_a_process_that_cannot_start_is_no_fault_of_the_file(tmp_path: Path) -> None:
    apart = Apart("walkaround.no_such_module", tmp_path, threads=1)
    with pytest.raises(UnavailableError, match="ends before it can be asked anything"):
        apart.ask("good", name="good", limit=LONG)
    apart.close()


def test_an_answer_that_cannot_be_understood_lets_nobody_wait_for_ever(apart: Apart) -> None:
    with pytest.raises(InputError, match="ended the program that was reading it, 3 times"):
        apart.ask("odd", name="odd", limit=LONG)
    assert apart.ask("good", name="good", limit=LONG) == "good"


def test_a_process_that_reads_no_questions_is_ended(apart: Apart, tmp_path: Path) -> None:
    impatient = Apart(MODULE, tmp_path, threads=2, patience=5)
    try:
        assert impatient.ask("good", name="good", limit=LONG) == "good"
        first = impatient.pid
        assert first is not None
        os.kill(first, signal.SIGSTOP)
        with pytest.raises(UnavailableError, match="'large' could not be begun with in 5 s"):
            impatient.ask("x" * 10_000_000, name="large", limit=LONG)  # more than a pipe holds
        assert impatient.ask("good", name="good", limit=LONG) == "good"
        assert impatient.pid != first
    finally:
        impatient.close()


def test_what_cannot_be_asked_is_told_and_the_next_is_answered(apart: Apart) -> None:
    with pytest.raises((TypeError, AttributeError, pickle.PicklingError)):
        apart.ask(lambda: None, name="odd", limit=LONG)
    assert apart.ask("good", name="good", limit=LONG) == "good"


def test_nothing_leaks_when_processes_end(apart: Apart) -> None:
    def opened() -> int:
        return len(list(Path("/proc/self/fd").iterdir()))

    assert apart.ask("good", name="good", limit=LONG) == "good"
    before = opened()
    for _ in range(5):
        assert apart.pid is not None
        os.kill(apart.pid, signal.SIGKILL)
        assert apart.ask("good", name="good", limit=LONG) == "good"
    assert opened() <= before
    children = Path(f"/proc/self/task/{os.getpid()}/children").read_text().split()
    states = [Path("/proc", pid, "stat").read_text().rpartition(")")[2].split()[0] for pid in children]
    assert "Z" not in states
