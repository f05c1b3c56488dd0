"""A file is what its first bytes say."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from walkaround.errors import InputError
from walkaround.media.sniff import media_kind, picture_format

ISO = b"\0\0\0\x1cftyp%s\0\0\0\0%s%s"


@pytest.mark.parametrize(
    ("head", "expected"),
    [
        (b"\xff\xd8\xff\xe0", "JPEG"),
        (b"\x89PNG\r\n\x1a\n", "PNG"),
        (b"RIFF\x10\0\0\0WEBPVP8 ", "WEBP"),
        (ISO % (b"heic", b"mif1", b"heic"), "HEIF"),
        (ISO % (b"mif1", b"mif1", b"heic"), "HEIF"),
        (ISO % (b"mif1", b"avif", b"miaf"), "AVIF"),
        (ISO % (b"avif", b"mif1", b"miaf"), "AVIF"),
        (ISO % (b"isom", b"heic", b"mp42"), None),
        (b"GIF89a", "GIF"),
        (b"II*\0\x08\0\0\0", "TIFF"),
        (b"BM\x10\0\0\0\0\0\0\0\x36\0\0\0\x28\0\0\0", "BMP"),
        (b"BMW M3 competition, dented door", None),
        (b"RIFF\x10\0\0\0AVI LIST", None),
        (b"", None),
    ],
)
def test_picture_formats_are_known_by_their_first_bytes(head: bytes, expected: str | None) -> None:
    assert picture_format(head) == expected


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (b"\xff\xd8\xff\xe0 and more", "picture"),
        (b"II*\0\x08\0\0\0", "picture"),
        (ISO % (b"isom", b"iso2", b"mp41"), "video"),
        (ISO % (b"qt  ", b"qt  ", b"qt  "), "video"),
        (b"\0\0\0\x08wide\0\0\0\0mdat", "video"),
        (b"\x1a\x45\xdf\xa3\x9f\x42\x86\x81", "video"),
        (b"RIFF\x10\0\0\0AVI LIST", "video"),
        ((b"G" + bytes(187)) * 3, "video"),
        (b"G" + bytes(600), None),
        (b"#EXTM3U\nhttp://example.com/a.ts\n", None),
        (b"image,label\na.jpg,dent\n", None),
        (b"", None),
    ],
)
def test_the_kind_of_a_file_does_not_depend_on_its_name(content: bytes, expected: str | None, tmp_path: Path) -> None:
    for name in ("a.jpg", "a.mp4", "a"):
        (tmp_path / name).write_bytes(content)
        assert media_kind(tmp_path / name) == expected


def test_what_is_no_file_is_neither(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.jpg")
    assert [media_kind(path) for path in (tmp_path, tmp_path / "pipe.jpg", Path("/dev/null"))] == [None, None, None]


@pytest.mark.parametrize("name", ["missing.jpg", "nul\0.jpg"])
def test_what_cannot_be_opened_is_an_error(name: str, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="Cannot open"):
        media_kind(tmp_path / name)
