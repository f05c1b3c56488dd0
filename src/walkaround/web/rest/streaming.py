"""How something stands as server-sent events: told whenever it changes, until it has ended or the client is to ask anew."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass

from fastapi.responses import StreamingResponse

from walkaround.errors import NotFoundError, ThrottledError, UnavailableError
from walkaround.web.service import Service

_HEARTBEAT_SECONDS = 15.0
_RETRY_MILLISECONDS = 2000
_LONGEST_SECONDS = 300.0
"""Then the events end without an "end", and the client connects again by itself: so who may not look any more sees no more."""
_STREAMS = 100
_ENDED = ("done", "failed", "cancelled")


@dataclass(frozen=True, kw_only=True)
class Standing:
    """How something stands at a moment.

    Attributes:
        id: of the event, the same for the same standing, in this server and in the next one.
        data: of the event, JSON.
        state: with done, failed or cancelled it has ended.
    """

    id: str
    data: str
    state: str


@dataclass(frozen=True, kw_only=True)
class Watched:
    """Something that a client watches.

    Attributes:
        event: name of its events; the last one is called "end".
        first: how it stands now.
        look: how it stands when it is called again, on another thread; NotFoundError where it is gone, which ends the events.
        pause: seconds between two looks.
    """

    event: str
    first: Standing
    look: Callable[[], Standing]
    pause: float


def progress_stream(service: Service, watched: Watched, *, known: str | None) -> StreamingResponse:
    """The events, for a client that knows the event with the id `known` already.

    Raises:
        ThrottledError: too many clients watch something already.
    """
    if service.streams >= _STREAMS:
        raise ThrottledError(f"{_STREAMS} jobs are being watched already: ask for this one by GET.", retry_after=5)
    return StreamingResponse(
        _events(service, watched, known),
        media_type="text/event-stream",
        headers={"Cache-Control": "no-store", "X-Accel-Buffering": "no"},
    )


async def _events(service: Service, watched: Watched, known: str | None) -> AsyncIterator[str]:
    now, quiet, until = watched.first, 0.0, time.monotonic() + _LONGEST_SECONDS
    service.streams += 1
    try:
        yield f"retry: {_RETRY_MILLISECONDS}\n\n"
        while not service.stopping.is_set() and time.monotonic() < until:
            if now.id != known:
                known, quiet = now.id, 0.0
                yield f"event: {watched.event}\nid: {now.id}\ndata: {now.data}\n\n"
            if now.state in _ENDED:
                yield f"event: end\nid: {now.id}\ndata: {json.dumps({'state': now.state})}\n\n"
                return
            if quiet >= _HEARTBEAT_SECONDS:
                quiet = 0.0
                yield ": still there\n\n"
            await asyncio.sleep(watched.pause)
            quiet += watched.pause
            try:
                now = await asyncio.to_thread(watched.look)
            except UnavailableError:  # for a moment; the client need not come again for that
                continue
            except NotFoundError:  # it was deleted
                return
    finally:
        service.streams -= 1
