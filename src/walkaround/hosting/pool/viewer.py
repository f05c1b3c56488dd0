"""A worker for whoever looks at single pictures: started when one is asked for, ended when nobody asks for a minute.

What it does is counted nowhere and keeps no hosted model busy. There is one, for one model at a time, whatever is asked; it is
started by a thread of its own, which lives as long as the server.
"""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from walkaround.damage.findings import Findings
from walkaround.errors import PackageError, PictureError, ThrottledError, UnavailableError
from walkaround.hosting.pool.answers import decode
from walkaround.hosting.pool.frames import Frame, Kind, Look, asked, received

_IDLE_SECONDS = 60.0
_PATIENCE_SECONDS = 60.0
"""So long whoever asks waits for an answer, and the worker may take for one picture; as for those of hosted models."""
_LOAD_SECONDS = 600.0
"""So long a worker may load its model, as that of a hosted one may. Nobody waits for it as long as that: whoever asks
again finds it loaded."""
_RETRY_AFTER = 10
_MOST_WAITING = 24
_STOPPING = "The server is stopping."


class Viewer:
    """Answers pictures with any package. Thread-safe; every call waits for its answer."""

    def __init__(self, *, patience: float = _PATIENCE_SECONDS) -> None:
        """Start nothing; `patience` is how many seconds a call waits for its answer."""
        self._patience = patience
        self._closed = False
        self._turns = ThreadPoolExecutor(1, thread_name_prefix="viewer")
        self._places = threading.BoundedSemaphore(_MOST_WAITING)
        self._worker: _Worker | None = None
        self._idle: threading.Timer | None = None

    def look(self, package: Path, picture: bytes, *, threshold: float | None) -> Findings:
        """What a model finds in a picture, with its heat map.

        Args:
            package: folder.
            picture: a JPEG or PNG file.
            threshold: probability of damage; None: the package's own.

        Raises:
            PackageError: the package cannot be loaded.
            PictureError: the picture cannot be used.
            ThrottledError: too many wait.
            UnavailableError: the worker failed, or the model is still being loaded.
        """
        if not self._places.acquire(blocking=False):
            raise ThrottledError("Many pictures are being looked at already; try again in 2 s.", retry_after=2)
        try:
            turn = self._turns.submit(self._look, package, Look(picture, heat=True, threshold=threshold))
            return turn.result(self._patience)
        except TimeoutError as problem:
            turn.cancel()  # one that has begun goes on
            raise UnavailableError(
                f"The model is still being loaded, or busy with other pictures; try again in {_RETRY_AFTER} s.",
                retry_after=_RETRY_AFTER,
            ) from problem
        except RuntimeError as problem:  # closed
            raise UnavailableError(_STOPPING, retry_after=5) from problem
        finally:
            self._places.release()

    def close(self) -> None:
        """End the worker, whatever it does."""
        self._closed = True
        if self._worker is not None:
            self._worker.kill()  # a turn that waits for it ends
        if self._idle is not None:
            self._idle.cancel()
        self._end_later()
        self._turns.shutdown()

    def _look(self, package: Path, question: Look) -> Findings:
        if self._idle is not None:
            self._idle.cancel()
        try:
            if self._worker is not None and self._worker.package == package:
                try:
                    return self._worker.answer(question)
                except UnavailableError:  # it may have ended of something else
                    self._end()
            self._end()
            self._worker = _Worker(package)
            if self._closed:
                raise UnavailableError(_STOPPING, retry_after=5)
            self._worker.load()
            return self._worker.answer(question)
        except (UnavailableError, PackageError):
            self._end()
            raise
        finally:
            self._idle = threading.Timer(_IDLE_SECONDS, self._end_later)
            self._idle.daemon = True
            self._idle.start()

    def _end_later(self) -> None:
        try:
            self._turns.submit(self._end)
        except RuntimeError:  # closed, and so is the worker
            return

    def _end(self) -> None:
        worker, self._worker = self._worker, None
        if worker is not None:
            worker.end()


class _Worker:
    """A process that holds a model, and answers one picture at a time."""

    def __init__(self, package: Path) -> None:
        self.package = package
        self._socket, theirs = socket.socketpair()
        arguments = [str(theirs.fileno()), str(package), "1", str(os.getpid())]
        with theirs:
            self._process = subprocess.Popen(  # noqa: S603 - our own module
                [sys.executable, "-m", "walkaround.hosting.pool.worker", *arguments],
                pass_fds=[theirs.fileno()],
                stdin=subprocess.DEVNULL,
            )
        self._frames = received(self._socket)

    def load(self) -> None:
        """Wait until the model is loaded."""
        self._socket.settimeout(_LOAD_SECONDS)
        first = self._next()
        self._socket.settimeout(_PATIENCE_SECONDS)
        if first.kind is Kind.CANNOT_LOAD:
            raise PackageError(first.body.decode())

    def answer(self, question: Look) -> Findings:
        try:
            self._socket.sendall(b"".join(asked(1, question)))
        except OSError as problem:
            raise UnavailableError("The worker that looks at pictures ended; try again.", retry_after=1) from problem
        frame = self._next()
        if frame.kind is Kind.FOUND:
            return decode(frame.body)
        if frame.kind is Kind.REFUSED:
            raise PictureError(frame.body.decode())
        raise UnavailableError(f"A worker failed at the picture ({frame.body.decode()}); try again.", retry_after=1)

    def kill(self) -> None:
        """End the process, from any thread: whoever waits for its answer gets none."""
        self._process.kill()

    def end(self) -> None:
        self._socket.close()
        self.kill()
        self._process.wait()

    def _next(self) -> Frame:
        frames: Iterator[Frame] = self._frames
        try:
            frame = next(frames, None)
        except TimeoutError as problem:
            raise UnavailableError("The worker that looks at pictures took too long; try again.", retry_after=5) from problem
        if frame is None:
            raise UnavailableError("The worker that looks at pictures ended; try again.", retry_after=1)
        return frame
