"""Ctrl-C in the middle of a training: what is being done is done wholly, so that the checkpoint is."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType


class Interruption:
    """Ctrl-C, put off while something is done that has to be done wholly."""

    def __init__(self) -> None:
        self._busy = False
        self._wanted = False

    @contextmanager
    def put_off(self) -> Iterator[None]:
        """Let Ctrl-C wait for the end of the block; a second one does not wait."""
        self._busy = True
        try:
            yield
        finally:
            self._busy = False
        if self._wanted:
            raise KeyboardInterrupt

    def handle(self, number: int, frame: FrameType | None) -> None:
        """The handler of the signal."""
        if not self._busy or self._wanted:
            signal.default_int_handler(number, frame)
        self._wanted = True


@contextmanager
def interruptible() -> Iterator[Interruption]:
    """An `Interruption` that Ctrl-C reaches, where this is the thread that it would interrupt."""
    interruption = Interruption()
    usual = signal.getsignal(signal.SIGINT) is signal.default_int_handler
    if not usual or threading.current_thread() is not threading.main_thread():
        yield interruption
        return
    signal.signal(signal.SIGINT, interruption.handle)
    try:
        yield interruption
    finally:
        signal.signal(signal.SIGINT, signal.default_int_handler)
