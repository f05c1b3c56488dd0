"""Connections: how many there may be, and how much and how long the head of a request may be."""

from __future__ import annotations

import asyncio
from typing import Any

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

_CONNECTIONS = 1000
_HEAD_BYTES = 64 * 1024
_HEAD_SECONDS = 20.0


def limited_protocol(request_seconds: float) -> type[LimitedProtocol]:
    """The protocol of a server whose requests may take so long to arrive; their heads 20 seconds at most."""

    class Limited(LimitedProtocol):
        head_seconds = min(_HEAD_SECONDS, request_seconds)

    return Limited


class LimitedProtocol(HttpToolsProtocol):
    """uvicorn's protocol, which waits for ever for a head of any length, with the limits that it lacks."""

    head_seconds = _HEAD_SECONDS
    _head_bytes = 0
    _in_head = False
    _head_timer: asyncio.TimerHandle | None = None

    def connection_made(self, transport: Any) -> None:
        """Count the connection, and give its first request some time to begin."""
        super().connection_made(transport)
        if len(self.connections) > _CONNECTIONS:
            self._refuse(503, b"Service Unavailable", b"There are too many connections; try again in a moment.")
        else:
            self._start_timer()

    def connection_lost(self, exc: Exception | None) -> None:
        """Forget the timer."""
        self._stop_timer()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Feed the parser, and look whether a head is arriving."""
        if self.transport.is_closing():
            return
        super().data_received(data)
        if self.transport.is_closing():
            return
        answering = self.cycle is not None and not self.cycle.response_complete
        if self._in_head or not answering:  # empty lines before a request count as its head
            self._start_timer()
            self._head_bytes += len(data)
        if self._head_bytes > _HEAD_BYTES:
            self._refuse(431, b"Request Header Fields Too Large", b"The headers of a request may have 64 KiB together.")

    def on_message_begin(self) -> None:
        """A head begins."""
        self._in_head = True
        super().on_message_begin()

    def on_headers_complete(self) -> None:
        """The head has arrived in time."""
        self._in_head = False
        self._head_bytes = 0
        self._stop_timer()
        super().on_headers_complete()

    def _start_timer(self) -> None:
        if self._head_timer is None:
            self._head_timer = self.loop.call_later(self.head_seconds, self._too_slow)

    def _stop_timer(self) -> None:
        if self._head_timer is not None:
            self._head_timer.cancel()
            self._head_timer = None

    def _too_slow(self) -> None:
        self._head_timer = None
        if not self.transport.is_closing():
            self._refuse(
                408,
                b"Request Timeout",
                f"The headers of a request have to arrive within {self.head_seconds:g} seconds.".encode(),
            )

    def _refuse(self, status: int, phrase: bytes, sentence: bytes) -> None:
        head = b"HTTP/1.1 %d %s\r\ncontent-type: text/plain; charset=utf-8\r\ncontent-length: %d\r\n" % (
            status,
            phrase,
            len(sentence),
        )
        self.transport.write(head + b"connection: close\r\n\r\n" + sentence)
        self.transport.close()
