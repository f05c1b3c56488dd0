"""What looks at the pictures and videos of a trial besides its model: a process that decodes them, asked from here."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from contextlib import suppress
from pathlib import Path
from threading import Lock
from typing import Any


class Eyes:
    """Asks a process of its own, which is started for the first question and again when one has killed it.

    Close it from the thread that asked: the process ends with that. `kill` may be called from any.
    """

    def __init__(self) -> None:
        """Nothing is started yet."""
        self._lock = Lock()
        self._process: subprocess.Popen[str] | None = None
        self._closed = False

    def look(self, path: Path) -> dict[str, Any]:
        """What a picture is like, see `trial_child.look`."""
        return self._asked({"picture": str(path)})

    def choose(self, path: Path, *, name: str, at_most: int, folder: Path) -> dict[str, Any]:
        """The chosen frames of a video, see `trial_child.choose`."""
        return self._asked({"video": str(path), "name": name, "at_most": at_most, "folder": str(folder)})

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

    def _asked(self, question: dict[str, Any]) -> dict[str, Any]:
        process = self._running()
        line = ""
        if process is not None and process.stdin is not None and process.stdout is not None:
            with suppress(BrokenPipeError):
                process.stdin.write(json.dumps(question) + "\n")
                process.stdin.flush()
                line = process.stdout.readline()
        if not line.endswith("\n"):
            with self._lock:
                self._end()
            return {"reason": "It cannot be decoded: it takes more memory than it may. Save it again, or make it smaller."}
        told: dict[str, Any] = json.loads(line)
        return told

    def _running(self) -> subprocess.Popen[str] | None:
        with self._lock:
            if self._closed:
                return None
            if self._process is None or self._process.poll() is not None:
                self._end()
                arguments = [sys.executable, "-m", "walkaround.hosting.jobs.trial_child", str(os.getpid())]
                self._process = subprocess.Popen(arguments, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)  # noqa: S603
            return self._process

    def _end(self) -> None:
        process, self._process = self._process, None
        if process is not None:
            process.kill()
            process.communicate()
