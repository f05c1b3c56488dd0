"""Files of strangers are read in a process apart: what kills it or takes too long is found out, and the rest is done.

A process that is killed for one question takes others with it that were in work; these are asked again in the next one. Those
that were in work when it died of itself are asked again one by one, so that the one it dies of is known.
"""

from __future__ import annotations

import logging
import os
import pickle
import select
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from queue import Empty, SimpleQueue
from time import monotonic
from typing import Any

from walkaround.errors import InputError, UnavailableError, WalkaroundError
from walkaround.pipeline.answering import Answer, Asked, Kind
from walkaround.settings import Limit

_MOST_DEATHS = 3
_MOST_STARTS = 3
_BEGIN_SECONDS = 300.0
"""For a process to start, load a model, and begin; much more than any that works takes."""

_IDLE, _STOPPED = "idle", "stopped"

_logger = logging.getLogger(__name__)


class BrokenError(Exception):
    """A library failed at a question in a way that says nothing of the file for certain; the message is for the log."""


class _GoneError(Exception):
    """The process ended before the question reached it."""


class _Turns:
    """Several at the same time, or one alone."""

    def __init__(self, most: int) -> None:
        self._most, self._changed = most, threading.Condition()
        self._active = self._lonely = 0

    @contextmanager
    def taken(self, *, alone: bool) -> Iterator[None]:
        with self._changed:
            self._lonely += alone
            self._changed.wait_for(lambda: self._active == 0 if alone else self._active < self._most and not self._lonely)
            self._active += 1
        try:
            yield
        finally:
            with self._changed:
                self._active -= 1
                self._lonely -= alone
                self._changed.notify_all()


class _Child:
    """One life of the process. Its answers are read by the thread that started it, and end with None when it has ended."""

    def __init__(self, module: str, equipment: object, *, threads: int, patience: float) -> None:
        arguments = [sys.executable, "-m", module, str(os.getpid()), str(threads)]
        packed = pickle.dumps(equipment)
        self.process = subprocess.Popen(arguments, stdin=subprocess.PIPE, stdout=subprocess.PIPE)  # noqa: S603 - our own
        assert self.process.stdin is not None  # noqa: S101 - it was asked for
        os.set_blocking(self.process.stdin.fileno(), False)
        self._patience = patience
        self.ended_for: str | None = None  # why it was killed by us, else None
        self.code = 0
        self.ready = False
        self.cpu_seconds = 0.0
        self._last_asked = monotonic()
        self._lock = threading.Lock()
        self._sending = threading.Lock()
        self._pending: dict[int, SimpleQueue[Answer | None]] = {}
        self._number = 0
        self._closed = False
        try:
            self._send(packed)
        except TimeoutError:
            self.kill("it does not read what it needs")
        except OSError:  # it ended, which reading will tell
            pass

    @property
    def closed(self) -> bool:
        return self._closed

    def ask(self, question: object) -> tuple[int, SimpleQueue[Answer | None]]:
        """Send a question; its number, and where what comes of it will be.

        Raises:
            _GoneError: it has ended, or is about to.
            TimeoutError: it reads nothing.
        """
        answers: SimpleQueue[Answer | None] = SimpleQueue()
        with self._lock:
            if self._closed:
                raise _GoneError
            self._number += 1
            number, self._last_asked = self._number, monotonic()
        packed = pickle.dumps(Asked(number, question))
        with self._lock:
            if self._closed:
                raise _GoneError
            self._pending[number] = answers
        try:
            self._send(packed)
        except TimeoutError:
            self.forget(number)
            raise
        except OSError:  # it ended, which its answers will tell
            pass
        return number, answers

    def forget(self, number: int) -> None:
        with self._lock:
            self._pending.pop(number, None)
            self._last_asked = monotonic()

    def kill(self, why: str) -> None:
        """End it; whoever waits for an answer is told to ask the next one."""
        with self._lock:
            if self._closed:
                return
            self._closed, self.ended_for = True, self.ended_for or why
        self.process.kill()

    def end_idle(self, seconds: float) -> None:
        """End it if nothing was asked for so long."""
        with self._lock:
            if self._pending or self._closed or monotonic() - self._last_asked < seconds:
                return
            self._closed, self.ended_for = True, _IDLE
        self.process.kill()

    def read(self) -> None:
        """Hand out answers until it ends."""
        assert self.process.stdout is not None  # noqa: S101 - it was asked for
        try:
            while True:
                answer: Answer = pickle.load(self.process.stdout)  # noqa: S301 - of our own child
                self.cpu_seconds = answer.cpu_seconds
                if answer.number == 0:
                    self.ready = answer.kind is Kind.READY
                    if not self.ready:
                        self._give_all(answer)
                    continue
                with self._lock:
                    waiting = self._pending.get(answer.number)
                if waiting is not None:
                    waiting.put(answer)
        except (EOFError, OSError):
            pass
        except Exception:  # whoever waits for an answer must not wait for ever
            _logger.exception("What a process answers cannot be understood.")
        self.process.kill()  # it may have closed its output alone
        self.code = self.process.wait()
        self._give_all(None)
        with self._sending:  # who sends must not find another file under the pipe's number
            for pipe in (self.process.stdin, self.process.stdout):
                if pipe is not None:
                    pipe.close()

    def _give_all(self, answer: Answer | None) -> None:
        with self._lock:
            self._closed = True
            waiting, self._pending = list(self._pending.values()), {}
        for one in waiting:
            one.put(answer)

    def _send(self, message: bytes) -> None:
        """Hand over a message; one that is not read has to be waited for, but not for ever."""
        assert self.process.stdin is not None  # noqa: S101 - it was asked for
        until, left = monotonic() + self._patience, memoryview(message)
        if not self._sending.acquire(timeout=self._patience):
            raise TimeoutError
        try:
            pipe = self.process.stdin.fileno()
            room = select.poll()  # unlike select.select it can wait for a descriptor of any number
            room.register(pipe, select.POLLOUT)
            while left:
                if not room.poll(1000 * max(0.0, until - monotonic())):
                    raise TimeoutError
                left = left[os.write(pipe, left) :]
        except ValueError as problem:  # its pipe was closed
            raise BrokenPipeError from problem
        finally:
            self._sending.release()


class Apart:
    """Asks another process, which answers several questions at the same time. Thread-safe.

    The process is started when the first question comes, and again when it has ended, by a thread that lives as long as this:
    a child ends with the thread that started it.
    """

    def __init__(self, module: str, equipment: object, *, threads: int, patience: float = _BEGIN_SECONDS) -> None:
        """Start no process yet.

        Args:
            module: run with -m; it calls `walkaround.pipeline.answering.serve`.
            equipment: what the process needs before any question; it goes through a pipe, and is pickled.
            threads: questions that are worked on at the same time.
            patience: seconds for the process to start, get ready, and begin with a question.
        """
        self._patience = patience
        self._module, self._equipment, self._threads = module, equipment, threads
        self._turns = _Turns(threads)
        self._changed = threading.Condition()
        self._child: _Child | None = None
        self._wanted = self._closed = False
        self._failed_starts = 0
        self._spent = 0.0
        self._keeper = threading.Thread(target=self._keep, name=module.rpartition(".")[2], daemon=True)

    @property
    def cpu_seconds(self) -> float:
        """That its processes have used, as of their last answers."""
        with self._changed:
            return self._spent + (self._child.cpu_seconds if self._child is not None else 0.0)

    @property
    def pid(self) -> int | None:
        """Of the process; None while there is none."""
        child = self._child
        return None if child is None else child.process.pid

    def ask(self, question: object, *, name: str, limit: Limit) -> Any:
        """What the process answers.

        Args:
            question: is pickled.
            name: of the file that it is about.
            limit: for the work itself: neither waiting for a turn nor starting a process counts.

        Raises:
            InputError: it took too long, or the process has died of it again and again.
            WalkaroundError: what the process says of the file.
            BrokenError: a library failed in another way.
            UnavailableError: it was closed meanwhile, or no process can be started.
        """
        deaths = 0
        while True:
            with self._turns.taken(alone=deaths > 0):
                child = self._running()
                try:
                    answer = self._waited(child, question, name=name, limit=limit)
                except _GoneError:
                    continue
            if answer is not None:
                return _told(answer)
            if child.ended_for is not None or not child.ready:  # not of the question
                continue
            deaths += 1
            if deaths >= _MOST_DEATHS:
                how = f"signal {-child.code}" if child.code < 0 else f"exit code {child.code}"
                raise InputError(
                    f"{name!r} ended the program that was reading it, {deaths} times ({how}): look at the file; is there enough"
                    " memory?"
                )

    def end_idle(self, seconds: float) -> None:
        """End the process if nothing was asked for so long; the next question starts another."""
        child = self._child
        if child is not None:
            child.end_idle(seconds)

    def close(self) -> None:
        """End the process; whoever waits for it gets an UnavailableError."""
        with self._changed:
            self._closed = True
            child = self._child
            self._changed.notify_all()
        if child is not None:
            child.kill(_STOPPED)
        if self._keeper.ident is not None:
            self._keeper.join()

    def _waited(self, child: _Child, question: object, *, name: str, limit: Limit) -> Answer | None:
        """The answer; None where the process ended before."""
        begun = False
        try:
            number, answers = child.ask(question)
        except TimeoutError as problem:
            child.kill("it reads no questions")
            raise self._not_begun(name) from problem
        try:
            answer = answers.get(timeout=self._patience)
            if answer is None or answer.kind is not Kind.BEGUN:
                return answer
            begun = True
            return answers.get(timeout=limit.seconds)
        except Empty:
            child.kill(f"{name!r} took too long")
        finally:
            child.forget(number)
        if not begun:
            raise self._not_begun(name)
        raise InputError(
            f"{name!r} was worked on for more than {limit.seconds:g} s, and given up: look at the file, or allow more with"
            f" the setting {limit.setting}."
        )

    def _not_begun(self, name: str) -> UnavailableError:
        return UnavailableError(f"{name!r} could not be begun with in {self._patience:g} s: see the log.", retry_after=10)

    def _running(self) -> _Child:
        with self._changed:
            if self._keeper.ident is None and not self._closed:
                self._keeper.start()
            while True:
                if self._closed:
                    raise UnavailableError("What looks at pictures is stopping.", retry_after=1)
                if self._failed_starts >= _MOST_STARTS:
                    self._failed_starts = 0
                    raise UnavailableError(
                        f"The process {self._module} ends before it can be asked anything: see the log.", retry_after=10
                    )
                if self._child is not None and not self._child.closed:
                    return self._child
                self._wanted = True
                self._changed.notify_all()
                self._changed.wait()

    def _keep(self) -> None:
        while True:
            with self._changed:
                self._changed.wait_for(lambda: self._wanted or self._closed)
                if self._closed:
                    return
            try:
                child = _Child(self._module, self._equipment, threads=self._threads, patience=self._patience)
            except Exception as problem:  # noqa: BLE001 - a thread that ended would let everybody wait for ever
                _logger.warning("The process %s cannot be started: %s", self._module, problem)
                self._ended(started=False)
                continue
            with self._changed:
                self._child, self._wanted = child, False
                self._changed.notify_all()
            self._end_if_closed(child)
            child.read()
            if child.ended_for not in (None, _IDLE, _STOPPED):
                _logger.warning("The process %s was ended: %s.", self._module, child.ended_for)
            self._ended(started=child.ready or child.ended_for is not None)

    def _end_if_closed(self, child: _Child) -> None:
        """It was perhaps closed before there was a child to be seen."""
        if self._closed:
            child.kill(_STOPPED)

    def _ended(self, *, started: bool) -> None:
        with self._changed:
            if self._child is not None:
                self._spent += self._child.cpu_seconds
            self._child, self._wanted = None, False  # whoever waits for one asks again
            self._failed_starts = 0 if started else self._failed_starts + 1
            self._changed.notify_all()


def _told(answer: Answer) -> Any:
    if answer.kind is Kind.FOUND:
        return answer.body
    if isinstance(answer.body, WalkaroundError):
        raise answer.body
    raise BrokenError(str(answer.body))
