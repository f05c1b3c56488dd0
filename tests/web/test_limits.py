"""Limits of one request, without a port: sizes, times and numbers."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

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
    scope: Scope = {"type": "http", "method": "POST", "path": path, "raw_path": path.encode(), "headers": headers}
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


OF_ANYBODY = ("/api/v1/session", "/api/v1/setup")
"""What is answered before it is known who asks."""


def bodies(description: dict[str, Any]) -> dict[str, set[str]]:
    """The media types that each address of the API takes, with something in the place of its parameters."""
    return {
        path.replace("{", "").replace("}", ""): set(operation["requestBody"]["content"])
        for path, operations in description["paths"].items()
        for operation in operations.values()
        if "requestBody" in operation
    }


def most_of(path: str, kinds: set[str]) -> int:
    if path in OF_ANYBODY:
        return 8_000
    if "multipart/form-data" in kinds or path.endswith("/manifest"):
        return 10_000_000
    return 8_000_000 if "application/json" in kinds else 9_000_000


def test_each_address_takes_as_much_as_its_bodies_may_have(settings: Settings, talk: Callable[..., None]) -> None:
    taken: dict[str, set[str]] = {}

    async def conversation(client: Any, app: Any) -> None:
        taken.update(bodies((await client.get("/api/v1/openapi.json")).json()))

    talk(conversation)
    large = settings.model_copy(update={"max_body": 9_000_000, "max_upload": 10_000_000})
    found = set()
    for path, kinds in taken.items():
        most = most_of(path, kinds)
        found.add(most)
        statuses = [ask(large, [b""], path=path, length=length)[0]["status"] for length in (most, most + 1)]
        assert statuses == [200, 413], (path, most)
    assert found == {8_000, 8_000_000, 9_000_000, 10_000_000}


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

        async def never() -> Message:
            await asyncio.Event().wait()
            return {}

        async def one() -> None:
            async def send(message: Message) -> None:
                if message["type"] == "http.response.start":
                    statuses.append(message["status"])
                    assert (message["status"] == 503) == (b"retry-after" in dict(message["headers"]))

            scope: Scope = {"type": "http", "method": "GET", "path": "/", "raw_path": b"/", "headers": []}
            await limits(scope, never, send)

        await asyncio.gather(*(one() for _ in range(450)))

    asyncio.run(all_at_once())
    assert (statuses.count(200), statuses.count(503)) == (400, 50)
