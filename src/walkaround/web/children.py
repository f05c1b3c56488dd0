"""Processes that look at pictures of strangers, so that a hostile one costs the server nothing: one JSON line in, one out."""

from __future__ import annotations

import json
import os
import secrets
import selectors
import subprocess
import sys
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from walkaround.errors import StorageError, UnavailableError, ValidationError, writing

_SECONDS = 30.0


class Child:
    """One process, started when the first question comes and again when one has killed it. Threads may share it.

    A thread of its own starts it, because the process ends with the thread that did; those of the web server come and go.
    """

    def __init__(self, module: str, *, seconds: float = _SECONDS) -> None:
        """Start nothing yet.

        Args:
            module: run with -m; its argument is the process id of this one.
            seconds: that an answer may take.
        """
        self._module = module
        self._seconds = seconds
        self._turn = threading.Lock()
        self._starter = ThreadPoolExecutor(1, thread_name_prefix=module.rpartition(".")[2])
        self._process: subprocess.Popen[bytes] | None = None

    def ask(self, question: object) -> dict[str, Any] | None:
        """The answer to a question; None where it takes too long, or two processes have died of it.

        Raises:
            UnavailableError: no process can be started at the moment.
        """
        line = json.dumps(question).encode() + b"\n"
        with self._turn:
            try:
                answer = self._line(line) or self._line(line)  # the first may have died of something else
            except TimeoutError:
                self._end()
                return None
            except (OSError, RuntimeError) as problem:  # RuntimeError: it was closed, so no thread starts any more
                self._end()
                raise UnavailableError("Pictures cannot be looked at at the moment; try again.", retry_after=5) from problem
        if not answer:
            return None
        told: dict[str, Any] = json.loads(answer)
        return told

    def close(self) -> None:
        """End the process."""
        with self._turn:
            self._end()
            self._starter.shutdown()

    def _line(self, question: bytes) -> bytes:
        """The answer as a line; nothing where the process died."""
        try:
            line = self._asked(self._running(), question)
        except BrokenPipeError:
            line = b""
        if line.endswith(b"\n"):
            return line
        self._end()
        return b""

    def _asked(self, process: subprocess.Popen[bytes], question: bytes) -> bytes:
        if process.stdin is None or process.stdout is None:
            raise BrokenPipeError
        process.stdin.write(question)
        process.stdin.flush()
        with selectors.DefaultSelector() as ready:
            ready.register(process.stdout, selectors.EVENT_READ)
            if not ready.select(self._seconds):
                raise TimeoutError
            return process.stdout.readline()

    def _running(self) -> subprocess.Popen[bytes]:
        if self._process is None or self._process.poll() is not None:
            self._end()
            self._process = self._starter.submit(_started, self._module).result()
        return self._process

    def _end(self) -> None:
        process, self._process = self._process, None
        if process is not None:
            process.kill()
            process.communicate()


def _started(module: str) -> subprocess.Popen[bytes]:
    arguments = [sys.executable, "-m", module, str(os.getpid())]
    return subprocess.Popen(arguments, stdin=subprocess.PIPE, stdout=subprocess.PIPE)  # noqa: S603


def write_by(child: Child, task: Callable[[Path], list[Any]], path: Path, *, too_much: str) -> None:
    """Have a child write a file, which appears when it is whole.

    Args:
        child: answers {"full": why} where the disk refused, {"reason": why} where it would not.
        task: what to ask, given where to write.
        path: of the file.
        too_much: what to say where the child took too long or died.

    Raises:
        ValidationError: it cannot be made.
        StorageError: the disk refuses.
    """
    part = path.with_name(f".{secrets.token_hex(8)}.part")
    with writing(path):
        path.parent.mkdir(parents=True, exist_ok=True)
    try:
        answer = child.ask(task(part))
        if answer is None:
            raise ValidationError(too_much)
        if "full" in answer:
            raise StorageError(str(answer["full"]))
        if "reason" in answer:
            raise ValidationError(str(answer["reason"]))
        with writing(path):
            part.replace(path)
    finally:
        part.unlink(missing_ok=True)
