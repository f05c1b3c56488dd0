"""The container of TFRecords: length, data and a masked CRC-32C of each, one record after the other.

Source: tensorflow/core/lib/io/record_writer.h and tensorflow/core/lib/hash/crc32c.h.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

import google_crc32c

_HEAD = struct.Struct("<QI")
_FOOT = struct.Struct("<I")
_MASK_DELTA = 0xA282EAD8
_LARGEST = 512 * 1024 * 1024
"""Bytes of a record that is read; a picture with its labels is a hundred times smaller."""


@dataclass(frozen=True, kw_only=True)
class BadRecord:
    """A record that cannot be used: its number in the file, from 1, and why."""

    number: int
    reason: str


def write_record(file: BinaryIO, data: bytes) -> None:
    """Append one record."""
    length = struct.pack("<Q", len(data))
    file.write(length + _FOOT.pack(_masked_crc(length)))
    file.write(data)
    file.write(_FOOT.pack(_masked_crc(data)))


def read_records(path: Path) -> Iterator[bytes | BadRecord]:
    """The records of a file, each held against its checksums.

    A record whose data does not fit is passed over, and the next ones are read; where a length does not fit, or the file ends
    in the middle of a record, nothing after it can be found.

    Raises:
        OSError: the file cannot be read.
    """
    with path.open("rb") as file:
        left = path.stat().st_size
        number = 0
        while left:
            number += 1
            head = file.read(_HEAD.size)
            if len(head) < _HEAD.size:
                yield BadRecord(number=number, reason="the file ends in the middle of it")
                return
            length, crc = _HEAD.unpack(head)
            if crc != _masked_crc(head[:8]):
                yield BadRecord(number=number, reason="the checksum of its length is wrong, so that all after it is lost")
                return
            left -= _HEAD.size + length + _FOOT.size
            if left < 0:
                yield BadRecord(number=number, reason="the file ends in the middle of it")
                return
            if length > _LARGEST:
                yield BadRecord(number=number, reason=f"it has {length:,} bytes, more than the {_LARGEST:,} allowed")
                file.seek(length + _FOOT.size, 1)
                continue
            data = file.read(length)
            (crc,) = _FOOT.unpack(file.read(_FOOT.size))
            yield data if crc == _masked_crc(data) else BadRecord(number=number, reason="the checksum of its data is wrong")


def _masked_crc(data: bytes) -> int:
    """CRC-32C (RFC 3720, Castagnoli), turned and shifted so that a checksum of data that holds checksums is sound."""
    crc: int = google_crc32c.value(data)
    return (((crc >> 15) | (crc << 17 & 0xFFFFFFFF)) + _MASK_DELTA) & 0xFFFFFFFF
