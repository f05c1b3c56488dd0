"""A child process of a job: settings go in, progress and in the end one object come out, as JSON lines."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
import time
from collections.abc import Sequence
from typing import Any

from walkaround.errors import UnavailableError, WalkaroundError
from walkaround.hosting.jobs.pipes import pipes_of
from walkaround.hosting.jobs.training.training_job import settings_as_json
from walkaround.hosting.jobs.work import Task
from walkaround.hosting.log_lines import logs_json
from walkaround.settings import Settings

_TOLD_SECONDS = 0.25
_telling = threading.Lock()


def run_child(task: Task, module: str, arguments: Sequence[str], settings: Settings) -> dict[str, Any]:
    """Run a module as a process that can be cancelled, dies alone, and takes no memory of the server.

    Args:
        task: told how far it is; when it is interrupted, the process is killed.
        module: run with -m; it is given the arguments, the process id of this one, and how to log.
        arguments: of its own.
        settings: that it gets on its input, with their secrets.

    Returns:
        What it said last; nothing where the job was cancelled.

    Raises:
        InterruptedJobError: the server is stopping.
        UnavailableError: a bucket did not answer.
        WalkaroundError: it ended before its time.
    """
    command = [sys.executable, "-m", module, *arguments, str(os.getpid()), "json" if logs_json() else "text"]
    with subprocess.Popen(  # noqa: S603 - our own module
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, encoding="utf-8"
    ) as child:
        task.on_interrupt(child.kill)
        try:
            told = _talk(task, child, settings)
        finally:
            child.kill()
    task.check()
    if task.interrupted == "cancelled":
        return {}
    if told is None:
        raise WalkaroundError(f"The process ended before its time (exit status {child.returncode}); is there enough memory?")
    if "unavailable" in told:
        raise UnavailableError(str(told["unavailable"]), retry_after=5)
    return told


def _talk(task: Task, child: subprocess.Popen[str], settings: Settings) -> dict[str, Any] | None:
    given, told_by_it = pipes_of(child)
    try:
        given.write(settings_as_json(settings))
        given.close()
    except BrokenPipeError:
        return None
    for line in told_by_it:
        told: dict[str, Any] = json.loads(line)
        if "doing" not in told:
            return told
        task.progress(told["doing"], told["done"], told["of"])
    return None


class Teller:
    """Progress as JSON lines on standard output, a few each second: what is being done, how much of it, and of how much."""

    def __init__(self) -> None:
        self._told = 0.0

    def __call__(self, doing: str, done: int, of: int) -> None:
        """Tell it, unless something was told just now."""
        if done < of and time.monotonic() - self._told < _TOLD_SECONDS:
            return
        self._told = time.monotonic()
        tell({"doing": doing, "done": done, "of": of})


def tell(told: dict[str, Any]) -> None:
    """Print one JSON line; any thread may."""
    with _telling:
        sys.stdout.write(json.dumps(told) + "\n")
        sys.stdout.flush()
