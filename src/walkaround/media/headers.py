"""What the header of a picture tells before anything is decoded, and the picture's bytes without what decoding does not need.

Metadata (text, colour profiles, thumbnails, millions of empty segments) is where a hostile file can make a decoder allocate
far more than its pixels, so it never gets as far as the decoder.
Sources: ITU-T T.81 annex B (JPEG), W3C PNG third edition, RFC 9649 (WebP), TIFF 6.0 and CIPA DC-008 (EXIF).
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

_MOST_PIECES = 100_000  # segments or chunks: real files have dozens, PNGs cut very finely some thousands
_MARKER = re.compile(rb"\xff([^\x00\xff])", re.DOTALL)
_START_OF_SCAN = 0xDA
_QUANTISATION = 0xDB
_LENGTHLESS = frozenset({0x01, *range(0xD0, 0xDA)})
_FRAMES = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}
_PNG_NEEDED = frozenset({b"IHDR", b"PLTE", b"tRNS", b"IDAT", b"IEND"})
_ORIENTATION_TAG = 0x0112


@dataclass(frozen=True, kw_only=True, eq=False)
class Header:
    """The header of a picture.

    Attributes:
        width, height: pixels as they are stored, before any turning.
        orientation: EXIF orientation, 1 to 8.
        pages: how many pictures the file shows one after the other.
        coefficients: bytes of DCT coefficients that a decoder has to hold for the whole picture (progressive JPEG), else 0.
        scans: how many times a JPEG passes over the picture.
        body: the file without its metadata.
    """

    width: int
    height: int
    orientation: int = 1
    pages: int = 1
    coefficients: int = 0
    scans: int = 1
    body: bytes


def exif_orientation(exif: bytes) -> int:
    """Orientation tag, 1 to 8, of an EXIF block with or without its "Exif" prefix; 1 where there is none or it is damaged."""
    exif = exif.removeprefix(b"Exif\0\0")
    order = {b"II*\0": "<", b"MM\0*": ">"}.get(exif[:4])
    if order is None:
        return 1

    def number(start: int, size: int) -> int:
        return int.from_bytes(exif[start : start + size], "little" if order == "<" else "big")

    directory = number(4, 4)
    for entry in range(directory + 2, min(directory + 2 + 12 * number(directory, 2), len(exif)), 12):
        if number(entry, 2) == _ORIENTATION_TAG:
            value = number(entry + 8, 2)
            return value if 1 <= value <= 8 else 1
    return 1


def jpeg_header(data: bytes) -> Header:
    """Read the segments of a JPEG up to its first scan.

    Raises:
        ValueError: there is no frame, no scan, or the segments cannot be real.
    """
    kept = [b"\xff\xd8"]
    orientation, frame = 1, b""
    for marker, start, end in _jpeg_segments(data):
        body = data[start + 4 : end]
        if marker == 0xE1 and body.startswith(b"Exif\0\0") and orientation == 1:
            orientation = exif_orientation(body)
        if marker in _FRAMES:
            if frame:
                raise ValueError("it holds two frames")
            frame = bytes((marker,)) + body
        if marker == _START_OF_SCAN:
            if len(frame) < 10 or not body:
                raise ValueError("its scan comes before its frame")
            kept.append(data[start:])
            height, width = (int.from_bytes(frame[at : at + 2], "big") for at in (2, 4))
            whole = frame[0] > 0xC1 or body[0] < frame[6]  # progressive, or one component after the other
            return Header(
                width=width,
                height=height,
                orientation=orientation,
                coefficients=_coefficient_bytes(frame, width, height) if whole else 0,
                scans=data.count(b"\xff\xda", start) if whole else 1,
                body=b"".join(kept),
            )
        # Of the application segments only JFIF's and Adobe's are kept: they tell how colours are coded.
        if marker in (0xE0, 0xEE) or not (0xE0 <= marker <= 0xEF or marker == 0xFE):
            kept.append(data[start:end])
    raise ValueError("it ends before its first pixel")


def quantisation_table(data: bytes) -> list[int] | None:
    """The JPEG's first quantisation table (luminance), 64 numbers in zigzag order, or None where there is none."""
    for marker, start, end in _jpeg_segments(data):
        at = start + 4
        while marker == _QUANTISATION and at < end:
            size = 2 if data[at] >> 4 else 1
            values = data[at + 1 : at + 1 + 64 * size]
            if data[at] & 15 == 0 and len(values) == 64 * size:
                return [int.from_bytes(values[i : i + size], "big") for i in range(0, 64 * size, size)]
            at += 1 + 64 * size
    return None


def _jpeg_segments(data: bytes) -> Iterator[tuple[int, int, int]]:
    """(marker, first byte, byte after the last) of every segment up to and with the first start of scan."""
    at = 2
    for _ in range(_MOST_PIECES):
        found = _MARKER.search(data, at)
        if found is None:
            return
        marker, start = found[1][0], found.end() - 2
        if marker in _LENGTHLESS:
            at = start + 2
            continue
        end = start + 2 + int.from_bytes(data[start + 2 : start + 4], "big")
        if end > len(data) or end < start + 4:
            return
        yield marker, start, end
        if marker == _START_OF_SCAN:
            return
        at = end
    raise ValueError("it consists of too many pieces")


def _coefficient_bytes(frame: bytes, width: int, height: int) -> int:
    """Bytes of all DCT coefficients of a frame: two each, 64 a block, for every component at its own resolution."""
    samplings = [(byte >> 4, byte & 15) for byte in frame[8 : 8 + 3 * frame[6] : 3]]
    widest, tallest = (max(1, *(pair[axis] for pair in samplings), 1) for axis in (0, 1))
    across, down = -(-width // (8 * widest)), -(-height // (8 * tallest))
    return sum(across * down * h * v * 128 for h, v in samplings)


def png_header(data: bytes) -> Header:
    """Read the chunks of a PNG.

    Raises:
        ValueError: there is no header chunk, or the chunks cannot be real.
    """
    width, height = int.from_bytes(data[16:20], "big"), int.from_bytes(data[20:24], "big")
    if data[12:16] != b"IHDR" or width == 0 or height == 0:
        raise ValueError("its header is damaged")
    kept, orientation, pages, at = [data[:8]], 1, 1, 8
    for _ in range(_MOST_PIECES):
        if at >= len(data):
            break
        kind, end = data[at + 4 : at + 8], at + 12 + int.from_bytes(data[at : at + 4], "big")
        if kind in _PNG_NEEDED:
            kept.append(data[at:end])
        elif kind == b"eXIf":
            orientation = exif_orientation(data[at + 8 : end - 4])
        elif kind == b"acTL":
            pages = max(1, int.from_bytes(data[at + 8 : at + 12], "big"))
        if kind == b"IEND":
            break
        at = end
    else:
        raise ValueError("it consists of too many pieces")
    return Header(width=width, height=height, orientation=orientation, pages=pages, body=b"".join(kept))


def webp_header(data: bytes) -> Header:
    """Read the size, orientation and pages of a WebP; its metadata stays in, the decoder does not unfold it.

    Raises:
        ValueError: the first chunk is none that a WebP starts with, or the file ends early or has too many chunks.
    """
    chunk = data[12:16]
    if chunk == b"VP8 " and data[23:26] == b"\x9d\x01\x2a" and len(data) >= 30:
        width, height = (int.from_bytes(data[at : at + 2], "little") & 0x3FFF for at in (26, 28))
    elif chunk == b"VP8L" and len(data) >= 25:
        bits = int.from_bytes(data[21:25], "little")
        width, height = (bits & 0x3FFF) + 1, (bits >> 14 & 0x3FFF) + 1
    elif chunk == b"VP8X" and len(data) >= 30:
        width, height = (int.from_bytes(data[at : at + 3], "little") + 1 for at in (24, 27))
    else:
        raise ValueError("its header is damaged")
    if int.from_bytes(data[4:8], "little") + 8 > len(data):
        raise ValueError("it ends early")
    orientation, pages = _webp_chunks(data)
    return Header(width=width, height=height, orientation=orientation, pages=max(1, pages), body=data)


def _webp_chunks(data: bytes) -> tuple[int, int]:
    """EXIF orientation (RFC 9649, section 2.7.1.5), and how many frames of an animation there are."""
    orientation, frames, at = 1, 0, 12
    for _ in range(_MOST_PIECES):
        if at + 8 > len(data):
            return orientation, frames
        kind, size = data[at : at + 4], int.from_bytes(data[at + 4 : at + 8], "little")
        if kind == b"EXIF":
            orientation = exif_orientation(data[at + 8 : at + 8 + size])
        frames += kind == b"ANMF"
        at += 8 + size + size % 2
    raise ValueError("it consists of too many pieces")
