"""A light load generator: requests that were made beforehand, over a few raw connections, in a process of its own.

`load_generator.py FILE --connections 8 --seconds 10 [--rate 50]` sends the requests of FILE, a pickled list of (host, port,
bytes), in turn, and writes JSON: in how many seconds, how long each took, and what was not answered with 200. Without a rate
every connection sends its next request as soon as the last is answered; with one, requests are due at even intervals, and each
is timed from when it was due, so that one that had to wait for a connection is not flattered.
"""

from __future__ import annotations

import argparse
import asyncio
import itertools
import json
import pickle
import sys
import time
from collections.abc import Iterator
from pathlib import Path

Request = tuple[str, int, bytes]


async def load(requests: list[Request], *, connections: int, seconds: float, rate: float | None) -> dict[str, object]:
    """Send requests for so many seconds; how it went."""
    started = time.perf_counter()
    due = (started + number / rate if rate else 0.0 for number in itertools.count())
    tickets = zip(itertools.cycle(requests), due, strict=False)
    took: list[float] = []
    failed: list[str] = []
    until = started + seconds
    await asyncio.gather(*(_connection(tickets, until, took, failed) for _ in range(connections)))
    return {"seconds": time.perf_counter() - started, "took": took, "failed": failed}


async def _connection(tickets: Iterator[tuple[Request, float]], until: float, took: list[float], failed: list[str]) -> None:
    reader: asyncio.StreamReader | None = None
    for (host, port, content), due in tickets:
        if max(due, time.perf_counter()) >= until:
            break
        await asyncio.sleep(max(0.0, due - time.perf_counter()))
        if reader is None:
            reader, writer = await asyncio.open_connection(host, port)
        sent = due or time.perf_counter()
        writer.write(content)
        status, body = await _answer(reader)
        took.append(time.perf_counter() - sent)
        if status != 200:
            failed.append(f"{status} {body[:200]!r}")
    if reader is not None:
        writer.close()


async def _answer(reader: asyncio.StreamReader) -> tuple[int, bytes]:
    head = (await reader.readuntil(b"\r\n\r\n")).lower()
    length = int(head.partition(b"content-length:")[2].partition(b"\r\n")[0])
    return int(head.split(b" ", 2)[1]), await reader.readexactly(length)


def main() -> None:
    """Read the arguments, load, write."""
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("file", type=Path)
    arguments.add_argument("--connections", type=int, default=8)
    arguments.add_argument("--seconds", type=float, default=10)
    arguments.add_argument("--rate", type=float)
    given = arguments.parse_args()
    requests = pickle.loads(given.file.read_bytes())  # noqa: S301 - the caller's own file
    result = asyncio.run(load(requests, connections=given.connections, seconds=given.seconds, rate=given.rate))
    sys.stdout.write(json.dumps(result))


if __name__ == "__main__":
    main()
