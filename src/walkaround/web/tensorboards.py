"""TensorBoards of trainings: started when somebody asks, reached through the server alone, ended when nobody looks any more.

A board listens on a loopback address; browsers see it below `/tensorboard/TICKET/` of the server, and the ticket, which cannot
be guessed, is all that it takes: a page in a new tab sends no token. What a board's pages may do is cut down to their own path,
so that names in a training's files cannot become calls of the API.
"""

from __future__ import annotations

import asyncio
import http.client
import os
import re
import secrets
import sys
from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field, replace
from importlib.util import find_spec
from pathlib import Path
from time import monotonic

from walkaround.errors import MissingExtraError, ThrottledError, UnavailableError

PREFIX = "/tensorboard"
INSTALL = "pip install 'walkaround[train]'"
"""What brings TensorBoard to the server."""

_MOST = 4
_START_SECONDS = 60.0
_IDLE_SECONDS = 1800.0
_LOOK_SECONDS = 60.0
_ANSWER_SECONDS = 60.0
_MOST_ANSWER = 64_000_000
_ASKED = frozenset({"accept", "accept-encoding", "accept-language", "content-type"})
_TOLD = frozenset({"content-type", "content-encoding", "cache-control", "content-disposition"})
_HOST = re.compile(r"[0-9A-Za-z._\[\]:-]{1,300}")
_SANDBOX = "sandbox allow-scripts allow-same-origin allow-forms allow-downloads allow-modals"
_EXTERNAL = re.compile(r"\s(?:https?://)?(?:[\w-]+\.)+[a-z]{2,}(?=[\s;]|$)")
_FONTS = (b"url(/font-roboto/", b"url(font-roboto/")
"""TensorBoard's page asks for its fonts at the root, whatever its own path is."""


@dataclass(kw_only=True)
class Board:
    """A TensorBoard that runs.

    Attributes:
        ticket: in its path.
        model: id of the row whose training it shows.
        port: on the loopback address.
        used: when somebody last asked it, on the clock of `time.monotonic`.
    """

    ticket: str
    model: int
    process: asyncio.subprocess.Process
    port: int
    used: float = field(default_factory=monotonic)

    @property
    def path(self) -> str:
        """Where browsers see it."""
        return f"{PREFIX}/{self.ticket}/"

    @property
    def runs(self) -> bool:
        """Whether its process lives."""
        return self.process.returncode is None


@dataclass(frozen=True, kw_only=True)
class Answer:
    """What a board answered."""

    status: int
    headers: Mapping[str, str]
    body: bytes


def has_tensorboard() -> bool:
    """Whether TensorBoard is installed where the server runs."""
    return find_spec("tensorboard") is not None


class Boards:
    """The TensorBoards of one server. Everything here runs in its event loop."""

    def __init__(self) -> None:
        """Start nothing."""
        self._boards: dict[str, Board] = {}
        self._starting = asyncio.Lock()
        self._looking: asyncio.Task[None] | None = None

    async def open(self, model: int, folder: Path) -> Board:
        """The board of a training; it is started where it does not run.

        Raises:
            MissingExtraError: TensorBoard is not installed.
            ThrottledError: too many run and are looked at.
            UnavailableError: it does not start.
        """
        if not has_tensorboard():
            raise MissingExtraError(
                f"TensorBoard is not installed where the server runs: {INSTALL}. Or download the files of the training, and"
                " look at them on another machine."
            )
        async with self._starting:
            await self._end_idle()
            for board in self._boards.values():
                if board.model == model and board.runs:
                    board.used = monotonic()
                    return board
            if len(self._boards) >= _MOST:
                raise ThrottledError(
                    f"{_MOST} TensorBoards are being looked at already: close one and try again later.", retry_after=60
                )
            board = await self._start(model, folder)
            self._boards[board.ticket] = board
            if self._looking is None:
                self._looking = asyncio.create_task(self._look())
            return board

    def of(self, ticket: str) -> Board | None:
        """The board of a ticket, while it runs."""
        board = self._boards.get(ticket)
        return board if board is not None and board.runs else None

    async def ask(self, board: Board, method: str, target: str, *, headers: Iterable[tuple[str, str]], body: bytes) -> Answer:
        """What a board answers to a request.

        Args:
            board: that is asked.
            method: GET, HEAD or POST.
            target: path, from the board's own on, and query.
            headers: of the request; few of them are passed on.
            body: of the request.

        Raises:
            UnavailableError: it does not answer.
        """
        board.used = monotonic()
        passed = {name: value for name, value in headers if name.lower() in _ASKED}
        page = target.partition("?")[0] in ("", "index.html")
        if page:
            passed.pop("accept-encoding", None)  # it is changed
        try:
            answer = await asyncio.to_thread(_asked, board.port, method, f"{PREFIX}/{board.ticket}/{target}", passed, body)
            return replace(answer, body=answer.body.replace(*_FONTS)) if page else answer
        except (OSError, http.client.HTTPException) as problem:
            raise UnavailableError("TensorBoard does not answer; open it again.", retry_after=2) from problem

    async def stop(self) -> None:
        """End all of them."""
        if self._looking is not None:
            self._looking.cancel()
        for ticket in list(self._boards):
            await self._end(ticket)

    async def _start(self, model: int, folder: Path) -> Board:
        ticket = secrets.token_urlsafe(24)
        arguments = [str(folder), f"{PREFIX}/{ticket}", str(os.getpid())]
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            "-m",
            "walkaround.web.tensorboard_child",
            *arguments,
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.DEVNULL,
        )
        assert process.stdout is not None  # noqa: S101 - it is a pipe
        line = b""
        with suppress(TimeoutError):
            async with asyncio.timeout(_START_SECONDS):
                line = await process.stdout.readline()
        if not line.strip().isdigit():
            await _kill(process)
            raise UnavailableError("TensorBoard could not be started; try again.", retry_after=5)
        return Board(ticket=ticket, model=model, process=process, port=int(line))

    async def _look(self) -> None:
        while True:
            await asyncio.sleep(_LOOK_SECONDS)
            async with self._starting:
                await self._end_idle()

    async def _end_idle(self) -> None:
        for ticket, board in list(self._boards.items()):
            if not board.runs or monotonic() - board.used > _IDLE_SECONDS:
                await self._end(ticket)

    async def _end(self, ticket: str) -> None:
        await _kill(self._boards.pop(ticket).process)


def policy_of(told: str, *, host: str, path: str) -> str:
    """The content security policy of a board's page: what TensorBoard says, for its own path alone, and without other servers.

    Args:
        told: TensorBoard's policy.
        host: as the browser calls the server.
        path: of the board.
    """
    own = f"{host}{path}" if _HOST.fullmatch(host) else "'none'"
    kept = [one.strip() for one in told.split(";") if one.strip() and not one.strip().startswith("frame-ancestors")]
    inside = [_EXTERNAL.sub("", one).replace("'self'", own) for one in kept]
    named = {one.partition(" ")[0] for one in inside}
    if "default-src" not in named:
        inside.append(f"default-src {own}")
    if "connect-src" not in named:
        inside.append(f"connect-src {own}")
    return "; ".join([*inside, f"base-uri {own}", f"form-action {own}", "frame-ancestors 'self'", _SANDBOX])


def _asked(port: int, method: str, target: str, headers: Mapping[str, str], body: bytes) -> Answer:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=_ANSWER_SECONDS)
    try:
        connection.request(method, target, body=body or None, headers=dict(headers))
        reply = connection.getresponse()
        content = reply.read(_MOST_ANSWER + 1)
        if len(content) > _MOST_ANSWER:
            raise http.client.HTTPException("too large")
        told = {name.lower(): value for name, value in reply.getheaders()}
        kept = {name: value for name, value in told.items() if name in _TOLD}
        return Answer(status=reply.status, headers={**kept, "policy": told.get("content-security-policy", "")}, body=content)
    finally:
        connection.close()


async def _kill(process: asyncio.subprocess.Process) -> None:
    with suppress(ProcessLookupError):
        process.kill()
    await process.wait()
