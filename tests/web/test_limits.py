"""Limits of one request, without a port: sizes, times and numbers."""

from __future__ import annotations

import asyncio

import pytest
from starlette.types import Message, Receive, Scope, Send

from walkaround.settings import Settings
from walkaround.web.limits import Limits


async def echo(scope: Scope, receive: Receive, send: Send) -> None:
    """Answer with the size of the body."""
    size, more = 0, True
    while more:
        message = await receive()
        if message["type"] == "http.disconnect":
            break
        size, more = size + len(message.get("body", b"")), message.get("more_body", False)
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": str(size).encode()})


def ask(
    settings: Settings, parts: list[bytes], *, path: str = "/api/v1/projects", pause: float = 0.0, length: int | None = None
) -> list[Message]:
    """Send a body in parts through the limits; what comes back."""
    told: list[Message] = []
    left = list(parts)

    async def receive() -> Message:
        await asyncio.sleep(pause)
        body = left.pop(0) if left else b""
        return {"type": "http.request", "body": body, "more_body": bool(left)}

    async def send(message: Message) -> None:
        told.append(message)

    headers = [(b"transfer-encoding", b"chunked")] if length is None else [(b"content-length", str(length).encode())]
    scope = {"type": "http", "method": "POST", "path": path, "raw_path": path.encode(), "headers": headers}
    asyncio.run(Limits(echo, settings)(scope, receive, send))
    return told


def test_a_body_within_the_limits_passes_unchanged(settings: Settings) -> None:
    told = ask(settings, [b"a" * 50_000, b"b" * 50_000])
    assert told[0]["status"] == 200
    assert told[1]["body"] == b"100000"


@pytest.mark.parametrize("length", [None, 100_001])
def test_a_body_beyond_the_limit_is_refused_announced_or_not(settings: Settings, length: int | None) -> None:
    told = ask(settings, [b"a" * 60_000, b"b" * 60_000, b"c"], length=length)
    assert told[0]["status"] == 413
    assert b"100,000 bytes at most" in told[1]["body"]


def test_a_body_that_trickles_is_refused(settings: Settings) -> None:
    told = ask(settings, [b"a"] * 100, pause=0.05)
    assert told[0]["status"] == 408
    assert b"within 0.4 seconds" in told[1]["body"]


def test_an_upload_may_be_larger_and_take_longer_at_a_fair_pace(settings: Settings) -> None:
    path = "/api/v1/projects/cars/datasets/train/pictures"
    told = ask(settings, [b"a" * 64_000] * 12, path=path, pause=0.05)
    assert told[0]["status"] == 200


def test_an_upload_that_trickles_is_refused(settings: Settings) -> None:
    told = ask(settings, [b"a"] * 100, path="/api/v1/projects/cars/datasets/train/pictures", pause=0.05)
    assert told[0]["status"] == 408
    assert b"at least 64 kB a second" in told[1]["body"]


def test_an_error_of_the_aws_api_has_the_form_that_its_clients_read(settings: Settings) -> None:
    told = ask(settings, [], path="/2020-11-20/projects", length=10_000_000)
    headers = dict(told[0]["headers"])
    assert headers[b"content-type"] == b"application/json"
    assert headers[b"x-amzn-errortype"] == b"RequestEntityTooLargeException"
    assert told[1]["body"].startswith(b'{"Message": ')


def test_requests_beyond_what_is_worked_on_at_once_are_told_to_come_back(settings: Settings) -> None:
    statuses: list[int] = []

    async def slow(scope: Scope, receive: Receive, send: Send) -> None:
        await asyncio.sleep(0.1)
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b""})

    async def all_at_once() -> None:
        limits = Limits(slow, settings)

        async def one() -> None:
            async def send(message: Message) -> None:
                if message["type"] == "http.response.start":
                    statuses.append(message["status"])
                    assert (message["status"] == 503) == (b"retry-after" in dict(message["headers"]))

            scope = {"type": "http", "method": "GET", "path": "/", "raw_path": b"/", "headers": []}
            await limits(scope, asyncio.Event().wait, send)  # type: ignore[arg-type]

        await asyncio.gather(*(one() for _ in range(450)))

    asyncio.run(all_at_once())
    assert (statuses.count(200), statuses.count(503)) == (400, 50)
