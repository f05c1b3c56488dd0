"""One inference unit as the server sees it: a child process at the other end of a socket."""

from __future__ import annotations

import asyncio
import os
import socket
import sys
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from time import monotonic
from typing import cast

from walkaround.damage.findings import Findings
from walkaround.errors import PackageError, PictureError, UnavailableError
from walkaround.hosting.pool.answers import decode
from walkaround.hosting.pool.frames import Frame, FrameReader, Kind, Look, asked

_SOCKET_BYTES = 4 << 20
_LEAVE_SECONDS = 5.0
SLOTS_PER_THREAD = 2
"""Pictures that a unit holds for each thread: one in work, and the next, so that no thread ever waits for the server."""


@dataclass(eq=False)
class Request:
    """A picture and who waits for its findings."""

    picture: bytes
    heat: bool
    threshold: float | None  # None: the package's own
    answer: asyncio.Future[Findings]
    deaths: int = 0  # of workers that held it
    sent: float = 0.0
    came: float = field(default_factory=monotonic)


class Unit(asyncio.Protocol):
    """A worker process. `ready` and `gone` tell where it is in its life."""

    def __init__(self, *, threads: int, on_free: Callable[[], None]) -> None:
        """Prepare a unit that calls `on_free` each time it has answered."""
        loop = asyncio.get_running_loop()
        self.ready: asyncio.Future[None] = loop.create_future()
        self.gone: asyncio.Future[None] = loop.create_future()
        self.held: dict[int, Request] = {}
        self.leaving = False
        self._slots = threads * SLOTS_PER_THREAD
        self._on_free = on_free
        self._reader = FrameReader()
        self._next = 1
        self._transport: asyncio.Transport | None = None
        self._process: asyncio.subprocess.Process | None = None

    @classmethod
    async def start(cls, package: Path, *, threads: int, on_free: Callable[[], None]) -> Unit:
        """Start the process; it is `ready` when it has loaded its model.

        Raises:
            OSError: the system refuses another process.
        """
        ours, theirs = socket.socketpair()
        try:
            for end in (ours, theirs):
                end.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, _SOCKET_BYTES)
            arguments = [str(theirs.fileno()), str(package), str(threads), str(os.getpid())]
            process = await asyncio.create_subprocess_exec(
                *(sys.executable, "-m", "walkaround.hosting.pool.worker", *arguments),
                pass_fds=[theirs.fileno()],
                stdin=asyncio.subprocess.DEVNULL,
            )
        except BaseException:
            ours.close()
            raise
        finally:
            theirs.close()
        unit = cls(threads=threads, on_free=on_free)
        unit._process = process
        await asyncio.get_running_loop().create_unix_connection(lambda: unit, sock=ours)
        return unit

    @property
    def pid(self) -> int:
        """Process id."""
        return self._process.pid if self._process else 0

    @property
    def free(self) -> int:
        """How many pictures it can take now."""
        if self.leaving or self.gone.done() or not self.ready.done():
            return 0
        return self._slots - len(self.held)

    @property
    def oldest(self) -> float:
        """Seconds for which it has held the picture that it has held longest; 0 where it holds none."""
        return monotonic() - next(iter(self.held.values())).sent if self.held else 0.0

    def give(self, requests: Sequence[Request]) -> None:
        """Send pictures, all in one write."""
        parts: list[bytes] = []
        for request in requests:
            number, self._next = self._next, self._next + 1
            request.sent = monotonic()
            self.held[number] = request
            parts += asked(number, Look(request.picture, request.heat, request.threshold))
        assert self._transport is not None  # noqa: S101 - a unit that is not connected has no free slot
        self._transport.writelines(parts)

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Called by asyncio."""
        self._transport = cast("asyncio.Transport", transport)  # uvloop's is one, and no subclass

    def data_received(self, data: bytes) -> None:
        """Called by asyncio."""
        for frame in self._reader.feed(data):
            self._take(frame)
        self._on_free()

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002 - asyncio's signature
        """Called by asyncio."""
        if not self.ready.done():
            self.ready.set_exception(UnavailableError("A worker ended while it loaded its model.", retry_after=5))
            self.ready.exception()  # somebody may have stopped waiting for it
        if not self.gone.done():
            self.gone.set_result(None)

    async def leave(self) -> None:
        """Finish what is held, then end; the process is gone when this returns."""
        self.leaving = True
        deadline = monotonic() + _LEAVE_SECONDS
        while self.held and not self.gone.done() and monotonic() < deadline:
            await asyncio.sleep(0.02)
        await self.end()

    async def end(self) -> None:
        """End the process now."""
        self.leaving = True
        if self._transport is not None:
            self._transport.abort()
        if self._process is not None:
            self.kill()  # it holds nothing that could be lost
            await self._process.wait()

    def kill(self) -> None:
        """End a process that does not answer."""
        if self._process is not None and self._process.returncode is None:
            with suppress(ProcessLookupError):
                self._process.kill()

    def _take(self, frame: Frame) -> None:
        if frame.kind is Kind.READY:
            self.ready.set_result(None)
        elif frame.kind is Kind.CANNOT_LOAD:
            self.ready.set_exception(PackageError(frame.body.decode()))
        elif (request := self.held.pop(frame.number, None)) is not None and not request.answer.done():
            _answer(request.answer, frame)


def _answer(answer: asyncio.Future[Findings], frame: Frame) -> None:
    if frame.kind is Kind.FOUND:
        answer.set_result(decode(frame.body))
    elif frame.kind is Kind.REFUSED:
        answer.set_exception(PictureError(frame.body.decode()))
    else:
        answer.set_exception(
            UnavailableError(f"A worker failed at the picture ({frame.body.decode()}); try again.", retry_after=1)
        )
