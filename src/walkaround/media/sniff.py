"""What a file is, by its first bytes and never by its name."""

from __future__ import annotations

import stat
from pathlib import Path
from typing import Literal

from walkaround.errors import InputError

_HEAD_BYTES = 512
_STILL_BRANDS = {b"avif": "AVIF", b"avis": "AVIF", b"crx ": "CR3"}
_HEIF_BRANDS = frozenset({b"heic", b"heix", b"hevc", b"hevx", b"heim", b"heis", b"hevm", b"hevs", b"mif1", b"msf1"})
_QUICKTIME_ATOMS = frozenset({b"moov", b"mdat", b"wide", b"free", b"skip", b"pnot"})
_TRANSPORT_PACKET = 188
_BMP_HEADER_SIZES = frozenset(size.to_bytes(4, "little") for size in (12, 40, 108, 124))
_VIDEO_MAGIC = (
    b"\x1a\x45\xdf\xa3",  # Matroska, WebM
    b"\0\0\x01\xba",  # MPEG program stream
    b"\0\0\x01\xb3",  # MPEG video
    b"FLV\x01",
    b"OggS",
    b"\x30\x26\xb2\x75\x8e\x66\xcf\x11",  # ASF, Windows Media
)


def media_kind(path: Path) -> Literal["picture", "video"] | None:
    """Tell whether the file is a picture or a video; None for anything else, a folder, a pipe or a device.

    Formats that walkaround knows but does not read (TIFF, GIF, BMP, AVIF, raw) are pictures too: reading them gives an error
    that names the format, where None would leave them out without a word.

    Raises:
        InputError: the file cannot be opened.
    """
    try:
        if not stat.S_ISREG(path.stat().st_mode):
            return None
        with path.open("rb") as file:
            head = file.read(_HEAD_BYTES)
    except (OSError, ValueError) as problem:
        reason = getattr(problem, "strerror", None) or str(problem)
        raise InputError(f"Cannot open {str(path)!r}: {reason}; check the path and the permissions.") from problem
    return content_kind(head)


def content_kind(content: bytes) -> Literal["picture", "video"] | None:
    """Tell by its first bytes, or all of them, whether something is a picture or a video; see `media_kind`."""
    head = content[:_HEAD_BYTES]
    if picture_format(head) is not None:
        return "picture"
    return "video" if _is_video(head) else None


def picture_format(head: bytes) -> str | None:
    """Name of the picture format that a file with these first bytes has ("JPEG", "PNG", "HEIF", "TIFF", ...), or None."""
    if head.startswith(b"\xff\xd8\xff"):
        return "JPEG"
    if head.startswith(b"\x89PNG\r\n\x1a\n"):
        return "PNG"
    if head.startswith((b"GIF87a", b"GIF89a")):
        return "GIF"
    if head.startswith((b"II*\0", b"MM\0*", b"II+\0", b"MM\0+")):
        return "TIFF"
    if head[:4] == b"RIFF" and head[8:12] == b"WEBP":
        return "WEBP"
    if head[:2] == b"BM" and head[6:10] == bytes(4) and head[14:18] in _BMP_HEADER_SIZES:
        return "BMP"
    if head[4:8] == b"ftyp":
        return _still_of_brands(head)
    return None


def _still_of_brands(head: bytes) -> str | None:
    """The picture format of an ISO base media file (ISO/IEC 14496-12): its major brand decides, then its compatible ones."""
    size = min(int.from_bytes(head[:4], "big"), len(head))
    for start in (8, *range(16, size - 3, 4)):
        brand = head[start : start + 4]
        if brand in _STILL_BRANDS:
            return _STILL_BRANDS[brand]
        if brand in _HEIF_BRANDS and brand not in (b"mif1", b"msf1"):
            return "HEIF"
        if start == 8 and brand not in _HEIF_BRANDS:
            return None
    return "HEIF"


def _is_video(head: bytes) -> bool:
    """Whether these are the first bytes of MP4, QuickTime, Matroska, WebM, AVI, MPEG, ASF, FLV or Ogg."""
    if head[4:8] == b"ftyp" or head[4:8] in _QUICKTIME_ATOMS:
        return True
    if head.startswith(_VIDEO_MAGIC):
        return True
    if head[:4] == b"RIFF" and head[8:12] == b"AVI ":
        return True
    return len(head) > 2 * _TRANSPORT_PACKET and {head[0], head[_TRANSPORT_PACKET], head[2 * _TRANSPORT_PACKET]} == {0x47}
