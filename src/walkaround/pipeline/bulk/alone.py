"""A process of its own for pictures that may kill who reads them: when it dies, what it was reading is known.

    python -m walkaround.pipeline.bulk.alone

It reads pickles of its parent from the standard input and answers with rows; it ends when the input does.
"""

from __future__ import annotations

import os
import pickle
import subprocess
import sys
from contextlib import suppress
from typing import IO

from walkaround.errors import InputError
from walkaround.pipeline.bulk.inspection import Content, Equipment, Inspection
from walkaround.pipeline.bulk.rows import Listed, row_of

_TRIES = 2


class Alone:
    """Inspects one object after the other in another process, and starts a new one for the next when it dies."""

    def __init__(self, equipment: Equipment) -> None:
        """Nothing is started yet."""
        self._equipment = equipment
        self._process: subprocess.Popen[bytes] | None = None

    def row(self, item: Listed, content: Content) -> dict[str, object]:
        """The row of one object; one that kills the process twice is listed with that for an error."""
        ended = 0
        for _ in range(_TRIES):
            process = self._process = self._process or self._start()
            try:
                return _asked(process, (item, content))
            except (EOFError, BrokenPipeError, pickle.UnpicklingError):
                ended = process.wait()
                self.close()
        place = self._equipment.source
        source = place.source(item.key)
        how = f"signal {-ended}" if ended < 0 else f"exit code {ended}"
        problem = InputError(f"{source!r} ended the program that was reading it, {_TRIES} times ({how}): look at the file.")
        return row_of(item, problem, source=source, bucket=None if place.folder is not None else place.bucket)

    def close(self) -> None:
        """End the process, if there is one."""
        process, self._process = self._process, None
        if process is None:
            return
        process.kill()
        process.wait()
        for pipe in (process.stdin, process.stdout):
            if pipe is not None:
                with suppress(OSError):  # what was not sent will not be
                    pipe.close()

    def _start(self) -> subprocess.Popen[bytes]:
        command = [sys.executable, "-m", "walkaround.pipeline.bulk.alone"]
        process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, bufsize=-1)  # noqa: S603
        if process.stdin is not None:
            _send(process.stdin, self._equipment)
        return process


def _asked(process: subprocess.Popen[bytes], question: object) -> dict[str, object]:
    if process.stdin is None or process.stdout is None:
        raise EOFError
    _send(process.stdin, question)
    row: dict[str, object] = pickle.load(process.stdout)  # noqa: S301 - of our own child
    return row


def _send(pipe: IO[bytes], message: object) -> None:
    pickle.dump(message, pipe)
    pipe.flush()


def main() -> None:
    """Answer until the input ends."""
    answers = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # what a library prints is no answer
    questions = sys.stdin.buffer
    inspection = Inspection(pickle.load(questions))  # noqa: S301 - of our own parent
    while True:
        try:
            item, content = pickle.load(questions)  # noqa: S301
        except EOFError:
            return
        try:
            row = inspection.row(item, content)
        except Exception as problem:  # noqa: BLE001 - a fault of ours in one picture must not hold up the others
            sentence = f"{item.key!r} could not be inspected ({type(problem).__name__}: {problem}): report it, with the file."
            row = inspection.row(item, InputError(sentence))
        _send(answers, row)


if __name__ == "__main__":
    main()
