"""Rates and times left, in words; and what a terminal shows."""

from __future__ import annotations

import os
import subprocess
import sys
from contextlib import suppress

import pytest

from walkaround.pipeline.bulk.bar import Pace, duration


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (0, "0 s"),
        (89, "89 s"),
        (90, "2 min"),
        (5340, "89 min"),
        (5460, "1 h 31 min"),
        (86_400, "24 h 0 min"),
        (200_000, "2 days"),
    ],
)
def test_a_duration_is_told_in_words(seconds: float, words: str) -> None:
    assert duration(seconds) == words


def test_the_pace_counts_from_when_it_began_to_go() -> None:
    pace = Pace()
    assert pace.words(500, 1000, now=0) == "", "what an earlier run did"
    assert pace.words(500, 1000, now=10) == "", "models are loaded"
    assert pace.words(510, 1000, now=11) == ""
    assert pace.words(560, 1000, now=12) == "50.0/s, 9 s left"
    assert pace.words(1000, 1000, now=21) == "49.0/s"


IN_A_TERMINAL = """
from walkaround.pipeline.bulk.bar import progress
from walkaround.pipeline.bulk.command import _native_output_aside

with _native_output_aside(), progress() as report:
    report("Starting workers", 0, 1)
    from ray.autoscaler._private import cli_logger  # as Ray does by itself, sooner or later
    report("Starting workers", 1, 1)
"""


def test_nothing_of_ray_is_seen_in_a_terminal_when_a_run_has_ended() -> None:
    ours, theirs = os.openpty()
    command = [sys.executable, "-c", IN_A_TERMINAL]
    with os.fdopen(ours, "rb") as seen, subprocess.Popen(command, stdin=theirs, stdout=theirs, stderr=theirs) as run:
        os.close(theirs)
        lines: list[bytes] = []
        with suppress(OSError):  # EIO: whoever wrote to the terminal has gone
            lines += iter(seen.readline, b"")
    shown = b"".join(lines).decode()
    assert "Starting workers" in shown
    assert "Traceback" not in shown
    assert run.returncode == 0
