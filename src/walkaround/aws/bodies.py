"""Bodies of requests, read as they come, within limits of size and time."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterator, MutableMapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from walkaround.aws.faults import WireError
from walkaround.errors import ThrottledError

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]


class Memory:
    """The bytes that the bodies of all requests may hold together, so that many clients at once cannot fill the machine."""

    def __init__(self, most: int) -> None:
        """Allow so many bytes."""
        self._most = most
        self._held = 0

    @contextmanager
    def share(self) -> Iterator[Callable[[int], None]]:
        """Give a function that takes bytes; all that it took are given back at the end.

        That function raises ThrottledError when there are not so many left.
        """
        taken = 0

        def take(size: int) -> None:
            nonlocal taken
            if self._held + size > self._most:
                raise ThrottledError("The server holds too many bodies of requests at the moment; try again.", retry_after=1)
            self._held += size
            taken += size

        try:
            yield take
        finally:
            self._held -= taken


class ClientGoneError(Exception):
    """The client closed the connection; there is nobody to answer."""


@dataclass(frozen=True, kw_only=True)
class Body:
    """A body: its bytes, or that they were more than the limit."""

    content: bytes
    too_large: bool


async def read_body(receive: Receive, take: Callable[[int], None], *, limit: int, declared: int | None, seconds: float) -> Body:
    """Read a body whole, or up to its limit.

    Args:
        receive: ASGI's.
        take: of `Memory.share`.
        limit: bytes that it may have.
        declared: its Content-Length; None when it comes in chunks.
        seconds: within which it has to be there.

    Raises:
        WireError: it does not come in time.
        ThrottledError: other requests hold too much.
        ClientGoneError: the connection was closed before its end.
    """
    if declared is not None and declared > limit:
        return Body(content=b"", too_large=True)
    try:
        async with asyncio.timeout(seconds):
            return await _read(receive, take, limit)
    except TimeoutError as problem:
        raise WireError(
            "RequestTimeoutException", f"The body did not come within {seconds:g} seconds.", status=408
        ) from problem


async def _read(receive: Receive, take: Callable[[int], None], limit: int) -> Body:
    pieces: list[bytes] = []
    size = 0
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise ClientGoneError
        piece = message.get("body", b"")
        size += len(piece)
        if size > limit:
            return Body(content=b"", too_large=True)
        take(len(piece))
        pieces.append(piece)
        if not message.get("more_body", False):
            return Body(content=b"".join(pieces), too_large=False)
