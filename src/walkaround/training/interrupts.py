"""Ctrl-C and SIGTERM while a library runs that loses them: noted, so that they count a moment later."""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Any

_SIGNALS = (signal.SIGINT, signal.SIGTERM)


class Interrupts:
    """Raises KeyboardInterrupt for both signals, at once and, where that was lost, when it is asked for.

    On another thread than the main one, where Python knows no signals, it does nothing.
    """

    def __init__(self) -> None:
        """Nothing is changed yet."""
        self._noted = False

    def note(self) -> None:
        """Note the signals from now on, and raise nothing: for code that must not be left half-way."""
        self._handle(self._noted_only)

    def listen(self) -> None:
        """Take the signals over, maybe again, from a library that has done so."""
        self._handle(self._come)

    def check(self) -> None:
        """Raise KeyboardInterrupt if a signal came, even where a library lost it."""
        if self._noted:
            raise KeyboardInterrupt

    def _come(self, number: int, frame: FrameType | None) -> None:
        self._noted_only(number, frame)
        raise KeyboardInterrupt

    def _noted_only(self, number: int, frame: FrameType | None) -> None:
        del number, frame
        self._noted = True

    @staticmethod
    def _handle(handler: Callable[[int, FrameType | None], None]) -> None:
        if threading.current_thread() is threading.main_thread():
            for one in _SIGNALS:
                signal.signal(one, handler)


@contextmanager
def kept_signals() -> Iterator[None]:
    """Have the signals handled as before when this is left."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before: dict[signal.Signals, Any] = {one: signal.getsignal(one) for one in _SIGNALS}
    try:
        yield
    finally:
        for one, handler in before.items():
            signal.signal(one, handler)


@contextmanager
def undisturbed() -> Iterator[None]:
    """Ignore the signals until this is left: for what must come to its end."""
    with kept_signals():
        if threading.current_thread() is threading.main_thread():
            for one in _SIGNALS:
                signal.signal(one, signal.SIG_IGN)
        yield
