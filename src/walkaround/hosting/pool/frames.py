"""Frames between the server and its workers: a length, a number, a kind and bytes; nothing that is read can run code."""

from __future__ import annotations

import socket
import struct
from collections.abc import Iterator
from enum import IntEnum
from typing import NamedTuple

_HEAD = struct.Struct("<IQB")
_THRESHOLD = struct.Struct("<d")
HEAD_BYTES = _HEAD.size


class Kind(IntEnum):
    """What a frame is. Those whose names begin with LOOK go to a worker, the others come from one."""

    LOOK = 0  # a picture file, to be inspected
    LOOK_WITH_HEAT = 1  # the same, with a heat map
    READY = 2  # the model is loaded
    CANNOT_LOAD = 3  # the package cannot be used; UTF-8 text says why
    FOUND = 4  # findings as JSON
    REFUSED = 5  # the picture cannot be used; UTF-8 text says why
    BROKEN = 6  # the worker itself failed; UTF-8 text says how
    LOOK_AT_THRESHOLD = 7  # a threshold on the probability of damage (8 bytes), then a picture file
    LOOK_AT_THRESHOLD_WITH_HEAT = 8  # the same, with a heat map


class Frame(NamedTuple):
    """One frame; a reply bears the number of its request."""

    number: int
    kind: Kind
    body: bytes


def head(number: int, kind: Kind, size: int) -> bytes:
    """What stands before the `size` bytes of a frame's body."""
    return _HEAD.pack(size, number, kind)


class Look(NamedTuple):
    """What a worker is asked: a picture, whether its findings get a heat map, and the threshold; None: the package's own."""

    picture: bytes
    heat: bool = False
    threshold: float | None = None


def asked(number: int, look: Look) -> list[bytes]:
    """The frame of a question, in parts, so that the picture is not copied."""
    if look.threshold is None:
        kind = Kind.LOOK_WITH_HEAT if look.heat else Kind.LOOK
        return [head(number, kind, len(look.picture)), look.picture]
    kind = Kind.LOOK_AT_THRESHOLD_WITH_HEAT if look.heat else Kind.LOOK_AT_THRESHOLD
    size = _THRESHOLD.size + len(look.picture)
    return [head(number, kind, size) + _THRESHOLD.pack(look.threshold), look.picture]


def question_of(frame: Frame) -> Look:
    """What `asked` made a frame of."""
    heat = frame.kind in (Kind.LOOK_WITH_HEAT, Kind.LOOK_AT_THRESHOLD_WITH_HEAT)
    if frame.kind in (Kind.LOOK, Kind.LOOK_WITH_HEAT):
        return Look(picture=frame.body, heat=heat)
    (threshold,) = _THRESHOLD.unpack_from(frame.body)
    return Look(picture=frame.body[_THRESHOLD.size :], heat=heat, threshold=threshold)


class FrameReader:
    """Bytes in, as they come; whole frames out."""

    def __init__(self) -> None:
        self._kept = bytearray()

    def feed(self, data: bytes) -> Iterator[Frame]:
        """The frames that are complete now."""
        self._kept += data
        while len(self._kept) >= HEAD_BYTES:
            size, number, kind = _HEAD.unpack_from(self._kept)
            end = HEAD_BYTES + size
            if len(self._kept) < end:
                return
            body = bytes(self._kept[HEAD_BYTES:end])
            del self._kept[:end]
            yield Frame(number, Kind(kind), body)


def received(connection: socket.socket) -> Iterator[Frame]:
    """Frames from a blocking socket, up to its end."""
    while (start := _exactly(connection, HEAD_BYTES)) is not None:
        size, number, kind = _HEAD.unpack(start)
        body = _exactly(connection, size)
        if body is None:
            return
        yield Frame(number, Kind(kind), body)


def _exactly(connection: socket.socket, size: int) -> bytes | None:
    """The next `size` bytes; None where the other side has gone."""
    data = bytearray(size)
    rest = memoryview(data)
    while rest:
        try:
            count = connection.recv_into(rest)
        except ConnectionError:
            return None
        if count == 0:
            return None
        rest = rest[count:]
    return bytes(data)
