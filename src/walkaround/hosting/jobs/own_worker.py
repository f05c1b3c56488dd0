"""A worker process of a job's own, so that a model can look at pictures that is not hosted."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from walkaround.errors import PackageError, UnavailableError
from walkaround.hosting.pool.frames import Frame, Kind, received


@contextmanager
def own_worker(package: Path, threads: int) -> Iterator[tuple[socket.socket, Iterator[Frame]]]:
    """A worker process, its socket, and the frames that come from it.

    Args:
        package: folder of the package that it holds.
        threads: that it computes with.

    Raises:
        PackageError: the package cannot be loaded.
        UnavailableError: the worker ends while it loads it.
    """
    ours, theirs = socket.socketpair()
    arguments = [str(theirs.fileno()), str(package), str(threads), str(os.getpid())]
    with ours:
        with theirs:
            process = subprocess.Popen(  # noqa: S603 - our own module
                [sys.executable, "-m", "walkaround.hosting.pool.worker", *arguments],
                pass_fds=[theirs.fileno()],
                stdin=subprocess.DEVNULL,
            )
        try:
            frames = received(ours)
            first = next(frames, None)
            if first is None:
                raise UnavailableError("The worker of a job ended while it loaded its model.", retry_after=5)
            if first.kind is Kind.CANNOT_LOAD:
                raise PackageError(first.body.decode())
            yield ours, frames
        finally:
            process.kill()
            process.wait()
