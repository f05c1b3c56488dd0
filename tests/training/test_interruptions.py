"""Killed or interrupted, a training keeps what it read, and never leaves half a package."""

from __future__ import annotations

import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from walkaround.models.package import read_package

# Ctrl-C is ignored by children of a shell's background jobs: say that it counts, whoever runs the tests.
PROGRAM = """
import signal, sys
signal.signal(signal.SIGINT, signal.default_int_handler)
from walkaround.cli import main
main(sys.argv[1:])
"""


PICTURES, TRAINED_ON, VIEWS = 42, 34, 3


@pytest.fixture(scope="module")
def pictures(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Red and blue noise, which differ enough to be no copies of each other."""
    folder, rng = tmp_path_factory.mktemp("noise"), np.random.default_rng(0)
    for number in range(PICTURES):
        name, channel = ("normal", 0) if number % 2 else ("anomaly", 2)
        noise = rng.integers(0, 128, (12, 16, 3), dtype=np.uint8)
        noise[..., channel] += 100
        (folder / name).mkdir(exist_ok=True)
        Image.fromarray(noise).resize((96, 72)).save(folder / name / f"{number}.png")
    return folder


def training(pictures: Path, folder: Path) -> subprocess.Popen[str]:
    arguments = ["train", pictures, "--out", folder / "out", "--cache", folder / "cache"]
    return subprocess.Popen(
        [sys.executable, "-c", PROGRAM, *map(str, arguments)], stderr=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )


def rows_kept(folder: Path) -> int:
    """Feature rows on disk."""
    stores = list((folder / "cache").glob("*.sqlite"))
    if not stores:
        return 0
    with closing(sqlite3.connect(stores[0])) as database:
        try:
            return int(database.execute("SELECT count(*) FROM features").fetchone()[0])
        except sqlite3.OperationalError:  # the table is not there yet
            return 0


def wait_until(reached: Callable[[], object]) -> None:
    deadline = time.monotonic() + 60
    while not reached():
        assert time.monotonic() < deadline
        time.sleep(0.01)


def count_writes(folder: Path) -> None:
    """Let the store note every row that is written from now on."""
    with closing(sqlite3.connect(next((folder / "cache").glob("*.sqlite")))) as database, database:
        database.execute("CREATE TABLE written (picture TEXT)")
        database.execute("CREATE TRIGGER note AFTER INSERT ON features BEGIN INSERT INTO written VALUES (new.picture); END")


def test_a_killed_training_goes_on_where_it_was(pictures: Path, tmp_path: Path) -> None:
    first = training(pictures, tmp_path)
    wait_until(lambda: rows_kept(tmp_path))
    first.send_signal(signal.SIGKILL)
    first.communicate()
    assert first.returncode == -signal.SIGKILL
    assert [path.name for path in tmp_path.iterdir()] == ["cache"]
    kept = rows_kept(tmp_path)
    assert 0 < kept < TRAINED_ON * VIEWS

    count_writes(tmp_path)
    again = training(pictures, tmp_path)
    _, said = again.communicate(timeout=120)
    assert again.returncode == 0, said
    assert rows_kept(tmp_path) == TRAINED_ON * VIEWS
    with closing(sqlite3.connect(next((tmp_path / "cache").glob("*.sqlite")))) as database:
        assert database.execute("SELECT count(*) FROM written").fetchone()[0] == TRAINED_ON * VIEWS - kept
    package = read_package(tmp_path / "out")
    assert package.card.scores["n"] == PICTURES - TRAINED_ON
    assert sorted(path.name for path in tmp_path.iterdir()) == ["cache", "out"]


def test_ctrl_c_leaves_no_package(pictures: Path, tmp_path: Path) -> None:
    running = training(pictures, tmp_path)
    wait_until(lambda: (tmp_path / "cache").exists())
    running.send_signal(signal.SIGINT)
    _, said = running.communicate(timeout=60)
    assert running.returncode == 130
    assert "Interrupted. What was read so far is kept; run the same command to go on." in said
    assert "Traceback" not in said
    assert [path.name for path in tmp_path.iterdir()] == ["cache"]
