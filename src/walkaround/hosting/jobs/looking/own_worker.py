"""A worker of a job's own, so that a model can look at pictures that is not hosted.

A picture that ends the worker's process, or takes it too long, costs that picture and not the job: those that were in work with
it are asked again one by one, in another process, so that the one is known.
"""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from threading import Lock

from walkaround.errors import PackageError, UnavailableError
from walkaround.hosting.jobs.work import nothing
from walkaround.hosting.pool.answers import NAMELESS, named
from walkaround.hosting.pool.frames import Frame, Kind, Look, asked, received

WORKER = "walkaround.hosting.pool.worker"
"""The program that looks."""
_MOST_DEATHS = 3
"""Processes that ended with a picture in work, after which it is not given to another: one may have ended of something else."""
_LOAD_SECONDS = 300.0
"""For a process to start and to load its model; much more than any that works takes."""
_LEAVE_SECONDS = 5.0
_HUNG = "hung"


class OwnWorker:
    """Looks at pictures in a process, which is started for the first of them, and again when it has ended.

    Ask and close it from one thread: the process ends with that. `kill` may be called from any.
    """

    def __init__(self, package: Path, threads: int, *, seconds: float, program: str = WORKER) -> None:
        """Start nothing yet.

        Args:
            package: folder of the package that the process holds.
            threads: that it computes with.
            seconds: that it may go on without an answer; then what it works on is given up.
            program: run with -m; it speaks as `walkaround.hosting.pool.worker` does.
        """
        self._package, self._threads, self._seconds, self._program = package, threads, seconds, program
        self._process: _Process | None = None
        self._lock = Lock()
        self._killed = False

    def look(self, looks: Mapping[int, Look], *, meanwhile: Callable[[], None] = nothing) -> dict[int, Frame]:
        """What comes of pictures, by their numbers: found, refused or broken; after `kill`, of some of them at most.

        Args:
            looks: pictures, all asked at once.
            meanwhile: called once, as soon as the process has them.

        Raises:
            PackageError: the package cannot be loaded.
            UnavailableError: the process ends, or takes too long, while it loads it.
        """
        answers: dict[int, Frame] = {}
        deaths: Counter[int] = Counter()
        suspects: set[int] = set()
        while left := [number for number in looks if number not in answers]:
            some = [number for number in left if number in suspects][:1] or left
            ended = self._ask({number: looks[number] for number in some}, answers, meanwhile)
            meanwhile = nothing
            if self._is_killed():
                break
            open_still = [number for number in some if number not in answers]
            suspects.update(open_still)
            if ended == _HUNG and len(open_still) == 1:
                told = f"was worked on for more than {self._seconds:g} s, and given up: look at the file, or allow more with"
                answers[open_still[0]] = _refused(open_still[0], f"{told} the setting picture_seconds.")
            elif ended != _HUNG:
                deaths.update(open_still)
                told = f"ended the program that was reading it, {_MOST_DEATHS} times ({ended}): look at the file; is there"
                fatal = [number for number in open_still if deaths[number] >= _MOST_DEATHS]
                answers |= {number: _refused(number, f"{told} enough memory?") for number in fatal}
        return answers

    def kill(self) -> None:
        """End the process, and have no other one started; for whoever wants the job to end."""
        with self._lock:
            self._killed = True
            if self._process is not None:
                self._process.kill()

    def close(self) -> None:
        """End the process."""
        with self._lock:
            process, self._process = self._process, None
        if process is not None:
            process.end()

    def _ask(self, looks: Mapping[int, Look], answers: dict[int, Frame], meanwhile: Callable[[], None]) -> str | None:
        """Have pictures looked at, and put what comes of each to the answers; how the process ended, None where it did not."""
        process = self._running()
        if process is None:
            return None
        try:
            for number, one in looks.items():
                process.send(number, one)
            meanwhile()
            for _ in looks:
                frame = process.next()
                if frame is None:
                    break
                answers[frame.number] = frame
            else:
                return None
        except TimeoutError:
            self.close()
            return _HUNG
        except OSError:  # it ended before it had been told everything
            pass
        ended = process.how_it_ended()
        self.close()
        return ended

    def _running(self) -> _Process | None:
        """The process, which has loaded its model; None after `kill`."""
        if self._process is not None:
            return self._process
        with self._lock:
            if self._killed:
                return None
            process = self._process = _Process(self._package, self._threads, self._program)
        try:
            process.load(self._seconds)
        except (PackageError, UnavailableError):
            self.close()
            if self._is_killed():
                return None
            raise
        return process

    def _is_killed(self) -> bool:
        with self._lock:
            return self._killed


def problem_of(answer: Frame, name: str) -> str | None:
    """Why a picture could not be looked at, in a sentence that names it; None where it was."""
    if answer.kind is Kind.FOUND:
        return None
    told = answer.body.decode()
    if answer.kind is Kind.REFUSED:
        return named(told, name)
    return f"{name!r} made the program fail that was reading it ({told}): look at the file, or save it again."


class _Process:
    """One life of the process."""

    def __init__(self, package: Path, threads: int, program: str) -> None:
        self._connection, theirs = socket.socketpair()
        arguments = [str(theirs.fileno()), str(package), str(threads), str(os.getpid())]
        with theirs:
            self._child = subprocess.Popen(  # noqa: S603 - our own module
                [sys.executable, "-m", program, *arguments], pass_fds=[theirs.fileno()], stdin=subprocess.DEVNULL
            )
        self._frames: Iterator[Frame] = received(self._connection)

    def load(self, seconds: float) -> None:
        """Wait until it has loaded its model, and from then on so long for each answer."""
        self._connection.settimeout(_LOAD_SECONDS)
        try:
            first = next(self._frames, None)
        except TimeoutError:
            first = None
        if first is None:
            raise UnavailableError("The worker of a job ended while it loaded its model.", retry_after=5)
        if first.kind is Kind.CANNOT_LOAD:
            raise PackageError(first.body.decode())
        self._connection.settimeout(seconds)

    def send(self, number: int, one: Look) -> None:
        for part in asked(number, one):
            self._connection.sendall(part)

    def next(self) -> Frame | None:
        """The next answer; None where it has ended."""
        return next(self._frames, None)

    def how_it_ended(self) -> str:
        """Of one that has closed its socket."""
        with suppress(subprocess.TimeoutExpired):
            self._child.wait(_LEAVE_SECONDS)
        code = self._child.returncode
        return f"signal {-code}" if code is not None and code < 0 else f"exit code {code}"

    def kill(self) -> None:
        self._child.kill()

    def end(self) -> None:
        self._connection.close()
        self._child.kill()
        self._child.wait()


def _refused(number: int, why: str) -> Frame:
    return Frame(number, Kind.REFUSED, f"{NAMELESS} {why}".encode())
