"""Server-sent events: what is told, and when it ends."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import pytest

from walkaround.web.rest import streaming
from walkaround.web.rest.streaming import Standing, Watched, progress_stream

GOING = Standing(id="1", data='{"done": 1}', state="running")
Talk = Callable[[Any, Any], Any]


def told(talk: Callable[[Talk], None], watched: Watched, *, known: str | None = None) -> list[str]:
    """All events of something, each as its lines."""
    parts: list[str] = []

    async def conversation(_: Any, app: Any) -> None:
        stream = progress_stream(app.service, watched, known=known)
        async with asyncio.timeout(20):
            parts.extend([str(part) async for part in stream.body_iterator])
        assert app.service.streams == 0

    talk(conversation)
    return parts[1:]  # after the time to connect again


def test_every_change_is_told_once_up_to_the_end(talk: Callable[[Talk], None]) -> None:
    standings = iter([GOING, Standing(id="2", data="{}", state="running"), Standing(id="3", data="{}", state="done")])
    events = told(talk, Watched(event="progress", first=GOING, look=lambda: next(standings), pause=0.01))
    assert [event.splitlines()[:2] for event in events] == [
        ["event: progress", "id: 1"],
        ["event: progress", "id: 2"],
        ["event: progress", "id: 3"],
        ["event: end", "id: 3"],
    ]


def test_who_watches_for_long_has_to_ask_anew(talk: Callable[[Talk], None], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(streaming, "_LONGEST_SECONDS", 0.3)
    events = told(talk, Watched(event="progress", first=GOING, look=lambda: GOING, pause=0.01), known="0")
    assert len(events) == 1, "the connection ends without an end"
    assert events[0].startswith("event: progress")
