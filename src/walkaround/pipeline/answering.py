"""The other end of `apart`: a process that answers questions about strangers' files, several at the same time."""

from __future__ import annotations

import os
import pickle
import signal
import sys
import threading
import time
from collections.abc import Callable
from enum import Enum, auto
from queue import SimpleQueue
from typing import Any, NamedTuple

from walkaround.errors import WalkaroundError
from walkaround.hosting.pool.parent import follow_parent

Begin = Callable[[], None]
"""To be called when what is needed for a question is at hand: from here on the time counts."""
Handler = Callable[[Any, Begin], object]


class Kind(Enum):
    """What an answer says."""

    READY = auto()
    BEGUN = auto()
    FOUND = auto()
    FAILED = auto()


class Asked(NamedTuple):
    """A question and its number, from 1 on."""

    number: int
    question: object


class Answer(NamedTuple):
    """What comes of a question; of the number 0, what comes of the start.

    Attributes:
        body: of FOUND what was found, of FAILED a WalkaroundError or a text.
        cpu_seconds: that the process has used so far.
    """

    number: int
    kind: Kind
    body: object
    cpu_seconds: float


def serve(prepare: Callable[[Any], Handler]) -> None:
    """Answer until the standard input ends; the arguments of the program are its parent and the number of threads.

    Args:
        prepare: makes of the equipment what answers questions. A WalkaroundError that either raises is handed on.
    """
    parent, threads = map(int, sys.argv[1:])
    follow_parent(parent)
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # an interrupt from the keyboard is for the parent, which then ends this
    answers = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # what a library prints is no answer
    sending = threading.Lock()

    def send(number: int, kind: Kind, body: object = None) -> None:
        message = pickle.dumps(Answer(number, kind, body, time.process_time()))
        with sending:
            answers.write(message)
            answers.flush()

    questions = sys.stdin.buffer
    try:
        handler = prepare(pickle.load(questions))  # noqa: S301 - of our own parent
    except WalkaroundError as problem:
        send(0, Kind.FAILED, problem)
        return
    send(0, Kind.READY)
    waiting: SimpleQueue[Asked] = SimpleQueue()

    def work() -> None:
        while True:
            number, question = waiting.get()
            try:
                send(number, Kind.FOUND, handler(question, lambda number=number: send(number, Kind.BEGUN)))  # type: ignore[misc]
            except WalkaroundError as problem:
                send(number, Kind.FAILED, problem)
            except Exception as problem:  # noqa: BLE001 - whatever one file does to a library, the others are answered
                send(number, Kind.FAILED, f"{type(problem).__name__}: {problem}")

    for _ in range(threads):
        threading.Thread(target=work, daemon=True).start()
    try:
        while True:
            waiting.put(pickle.load(questions))  # noqa: S301
    except EOFError:
        os._exit(0)  # threads that still compute have nobody to answer
