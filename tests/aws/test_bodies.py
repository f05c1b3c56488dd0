"""Bodies and rates: limits of size, of time, of what all requests hold together, and of how often one may ask."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from typing import Any

import pytest

from walkaround.aws.bodies import Body, ClientGoneError, Memory, read_body
from walkaround.aws.faults import WireError
from walkaround.aws.rates import RateLimit
from walkaround.errors import ThrottledError


def messages(*pieces: bytes, gone: bool = False) -> Iterator[dict[str, Any]]:
    for number, piece in enumerate(pieces, start=1):
        yield {"type": "http.request", "body": piece, "more_body": gone or number < len(pieces)}
    if gone:
        yield {"type": "http.disconnect"}


def read(
    *pieces: bytes, memory: Memory | None = None, declared: int | None = None, gone: bool = False, wait: float = 0
) -> Body:
    coming = messages(*pieces, gone=gone)

    async def receive() -> dict[str, Any]:
        await asyncio.sleep(wait)
        return next(coming)

    with (memory or Memory(100)).share() as take:
        return asyncio.run(read_body(receive, take, limit=10, declared=declared, seconds=0.05))


def test_a_body_within_its_limit_is_read_whole() -> None:
    assert read(b"12345", b"", b"67890") == Body(content=b"1234567890", too_large=False)
    assert read(b"") == Body(content=b"", too_large=False)


def test_a_body_beyond_its_limit_is_not_held() -> None:
    assert read(b"123456", b"78901", b"never asked for", gone=True) == Body(content=b"", too_large=True)
    assert read(declared=11) == Body(content=b"", too_large=True)


def test_a_client_that_goes_away_or_dawdles_is_left() -> None:
    with pytest.raises(ClientGoneError):
        read(b"123", gone=True)
    with pytest.raises(WireError, match=r"within 0\.05 seconds") as caught:
        read(b"1", b"2", b"3", wait=0.03)
    assert caught.value.status == 408


def test_all_bodies_together_have_a_limit_and_give_back_what_they_took() -> None:
    memory = Memory(12)
    with memory.share() as take:
        take(8)
        assert read(b"1234", memory=memory).content == b"1234"
        with pytest.raises(ThrottledError, match="too many bodies"):
            read(b"123", b"45", memory=memory)
    assert read(b"1234567890", memory=memory).content == b"1234567890"


def test_a_rate_lets_as_many_through_as_it_says() -> None:
    time = [0.0]
    rate = RateLimit(0.5, clock=lambda: time[0])
    rate.take("a")
    rate.take("b")
    with pytest.raises(ThrottledError, match=r"more than 0\.5 requests a second") as caught:
        rate.take("a")
    assert caught.value.retry_after == 2
    time[0] = 1.9
    with pytest.raises(ThrottledError):
        rate.take("a")
    time[0] = 2.0
    rate.take("a")


def test_without_a_rate_there_is_no_limit() -> None:
    rate = RateLimit(None)
    for _ in range(1000):
        rate.take("a")
