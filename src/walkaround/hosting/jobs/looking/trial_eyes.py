"""What looks at the pictures and videos of a trial besides its model: a process that decodes them, asked from here."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from contextlib import suppress
from pathlib import Path
from threading import Event, Lock, Timer
from typing import Any

from walkaround.settings import Settings

CHILD = "walkaround.hosting.jobs.looking.trial_child"
"""The program that looks and chooses."""


class Eyes:
    """Asks a process of its own, which is started for the first question and again when one has killed it.

    A file that ends the process, or takes it too long, has a reason for an answer. Close it from the thread that asked: the
    process ends with that. `kill` may be called from any.
    """

    def __init__(self, settings: Settings, *, program: str = CHILD) -> None:
        """Nothing is started yet; `program` is run with -m, and answers as `trial_child` does."""
        self._settings, self._program = settings, program
        self._lock = Lock()
        self._process: subprocess.Popen[str] | None = None
        self._closed = False

    def look(self, path: Path) -> dict[str, Any]:
        """What a picture is like, see `trial_child.look`."""
        return self._asked({"picture": str(path)}, limit="picture_seconds")

    def choose(self, path: Path, *, name: str, at_most: int, folder: Path) -> dict[str, Any]:
        """The chosen frames of a video, see `trial_child.choose`."""
        question = {"video": str(path), "name": name, "at_most": at_most, "folder": str(folder)}
        return self._asked(question, limit="video_seconds")

    def kill(self) -> None:
        """Have the present question answered by nothing; for whoever wants the job to end."""
        with self._lock:
            self._closed = True
            if self._process is not None:
                self._process.kill()

    def close(self) -> None:
        """End the process."""
        self.kill()
        if self._process is not None:
            self._process.communicate()

    def _asked(self, question: dict[str, Any], *, limit: str) -> dict[str, Any]:
        process = self._running()
        seconds, late = float(getattr(self._settings, limit)), Event()
        line = ""
        if process is not None and process.stdin is not None and process.stdout is not None:
            timer = Timer(seconds, _end_late, (process, late))
            timer.daemon = True
            timer.start()
            with suppress(BrokenPipeError):
                process.stdin.write(json.dumps(question) + "\n")
                process.stdin.flush()
                line = process.stdout.readline()
            timer.cancel()
        if not line.endswith("\n"):
            with self._lock:
                self._end()
            if late.is_set():
                told = f"It was worked on for more than {seconds:g} s, and given up"
                return {"reason": f"{told}: look at the file, or allow more with the setting {limit}."}
            return {"reason": "It cannot be decoded: it takes more memory than it may. Save it again, or make it smaller."}
        told_of: dict[str, Any] = json.loads(line)
        return told_of

    def _running(self) -> subprocess.Popen[str] | None:
        with self._lock:
            if self._closed:
                return None
            if self._process is None or self._process.poll() is not None:
                self._end()
                arguments = [sys.executable, "-m", self._program, str(os.getpid())]
                self._process = subprocess.Popen(arguments, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)  # noqa: S603
            return self._process

    def _end(self) -> None:
        process, self._process = self._process, None
        if process is not None:
            process.kill()
            process.communicate()


def _end_late(process: subprocess.Popen[str], late: Event) -> None:
    late.set()
    process.kill()
