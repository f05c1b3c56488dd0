"""Connections that are hostile before there is a request: heads that never end, or never come."""

from __future__ import annotations

import socket
import time
from collections.abc import Iterator
from urllib.parse import urlsplit

import pytest

from served import Served


@pytest.fixture
def connection(server: Served) -> Iterator[socket.socket]:
    parts = urlsplit(server.url)
    with socket.create_connection((parts.hostname, parts.port), timeout=20) as opened:
        yield opened


def answer_of(connection: socket.socket) -> bytes:
    """All that comes before the server closes the connection."""
    parts = []
    try:
        while part := connection.recv(65536):
            parts.append(part)
    except ConnectionResetError:
        pass
    return b"".join(parts)


@pytest.mark.parametrize(
    "sent",
    [
        b"GET /healthz HTTP/1.1\r\n" + b"".join(b"x-%d: %s\r\n" % (number, b"a" * 1000) for number in range(100)),
        b"GET /healthz HTTP/1.1\r\nx: " + b"a" * 100_000,
        b"GET /" + b"a" * 100_000,
    ],
    ids=["many headers", "a long header", "a long path"],
)
def test_a_head_that_is_too_large_is_refused_before_its_end(connection: socket.socket, sent: bytes) -> None:
    connection.sendall(sent[:80_000])
    assert answer_of(connection).startswith(b"HTTP/1.1 431 ")


@pytest.mark.parametrize("sent", [b"", b"\r\n", b"GET /healthz HTTP/1.1\r\nhost: x\r\n"], ids=["nothing", "a line", "half"])
def test_a_head_that_does_not_come_is_not_waited_for(connection: socket.socket, sent: bytes) -> None:
    began = time.monotonic()
    connection.sendall(sent)
    assert answer_of(connection).startswith(b"HTTP/1.1 408 ")
    assert time.monotonic() - began < 30


def test_a_connection_that_is_kept_open_has_its_next_head_in_time_too(connection: socket.socket) -> None:
    connection.sendall(b"GET /healthz HTTP/1.1\r\nhost: x\r\n\r\n")
    assert connection.recv(65536).startswith(b"HTTP/1.1 200 ")
    connection.sendall(b"GET /hea")
    assert b"HTTP/1.1 408 " in answer_of(connection)


@pytest.mark.parametrize(
    "sent",
    [b"\x16\x03\x01\x02\x00\x01\x00", b"GET / HTTP/9.9\r\n\r\n", b"POST / HTTP/1.1\r\ncontent-length: -1\r\n\r\n", b"\0" * 100],
    ids=["TLS", "version", "length", "zeros"],
)
def test_what_is_no_http_is_refused(connection: socket.socket, sent: bytes) -> None:
    connection.sendall(sent)
    assert answer_of(connection).startswith(b"HTTP/1.1 400 ")


def test_requests_that_follow_each_other_without_waiting_are_all_answered(connection: socket.socket) -> None:
    connection.sendall(b"GET /healthz HTTP/1.1\r\nhost: x\r\n\r\n" * 3 + b"GET /healthz HTTP/1.1\r\nconnection: close\r\n\r\n")
    assert answer_of(connection).count(b'{"status":"alive"}') == 4


def test_a_body_that_is_too_slow_is_refused(connection: socket.socket) -> None:
    connection.sendall(b"POST /2020-11-20/projects HTTP/1.1\r\nhost: x\r\ncontent-length: 100\r\n\r\n{")
    told = answer_of(connection)
    assert told.startswith((b"HTTP/1.1 403 ", b"HTTP/1.1 408 ")), told
    assert b"x-amzn-errortype" in told


def test_a_body_announced_too_large_is_refused_and_the_refusal_read(connection: socket.socket) -> None:
    connection.sendall(b"POST /api/v1/projects HTTP/1.1\r\nhost: x\r\ncontent-length: 99999999999\r\n\r\n" + b"a" * 500_000)
    told = answer_of(connection)
    assert told.startswith(b"HTTP/1.1 413 ")
    assert b"connection: close" in told
    assert b"The body of this request may have 8,000,000 bytes at most." in told
