"""Zip archives, good and hostile."""

from __future__ import annotations

import io
import stat
import struct
import zipfile
from collections.abc import Callable
from typing import Any

import pytest

from walkaround.errors import ValidationError
from walkaround.hosting.pool.answers import MOST_BYTES
from walkaround.web.archives import pictures_of
from walkaround.web.rest.bodies import Sent, uploads_in


def packed(*entries: tuple[str | zipfile.ZipInfo, bytes], method: int = zipfile.ZIP_STORED) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", method) as archive:
        for name, content in entries:
            archive.writestr(name, content)
    return file.getvalue()


def unpacked(content: bytes, *, at_most: int = 10**9) -> list[tuple[str, bytes, str | None]]:
    return [(one.name, one.content, one.label) for one in pictures_of(io.BytesIO(content), at_most=at_most)]


def test_folders_give_labels_and_hidden_files_are_left_out() -> None:
    content = packed(
        ("cars/normal/a.jpg", b"1"),
        ("cars/Anomaly/front/b.jpg", b"2"),
        ("c.jpg", b"3"),
        ("cars/", b""),
        ("__MACOSX/cars/._a.jpg", b"4"),
        ("cars/.DS_Store", b"5"),
    )
    assert unpacked(content) == [("a.jpg", b"1", "normal"), ("b.jpg", b"2", "anomaly"), ("c.jpg", b"3", None)]


def test_folders_may_have_the_consoles_names_of_labels() -> None:
    content = packed(
        ("Whole/a.jpg", b"1"),
        ("cars/damaged/b.jpg", b"2"),
        ("damaged/normal/c.jpg", b"3"),
        ("holes/d.jpg", b"4"),
    )
    assert [label for _, _, label in unpacked(content)] == ["normal", "anomaly", "normal", None]


def link(name: str) -> zipfile.ZipInfo:
    entry = zipfile.ZipInfo(name)
    entry.external_attr = (stat.S_IFLNK | 0o777) << 16
    return entry


def encrypted() -> bytes:
    content = bytearray(packed(("a.jpg", b"x")))
    at = content.find(b"PK\x01\x02") + 8
    content[at : at + 2] = b"\x01\x00"
    return bytes(content)


def overlapping() -> bytes:
    """Two entries of the directory that share the same data."""
    one, two = packed(("a.jpg", b"x" * 100)), packed(("b.jpg", b"x" * 100))
    body, directory = one[: one.find(b"PK\x01\x02")], one[one.find(b"PK\x01\x02") : one.find(b"PK\x05\x06")]
    other = two[two.find(b"PK\x01\x02") : two.find(b"PK\x05\x06")]
    both = directory + other
    return body + both + struct.pack("<4sHHHHIIH", b"PK\x05\x06", 0, 0, 2, 2, len(both), len(body), 0)


def zip64() -> bytes:
    """An archive of 6,000 files whose plain end record tells of one, before which there is another that is believed."""
    content = packed(*((f"{number}.jpg", b"") for number in range(6000)))
    at, start = content.find(b"PK\x05\x06"), content.find(b"PK\x01\x02")
    record = struct.pack("<4sQ2H2L4Q", b"PK\x06\x06", 44, 45, 45, 0, 0, 6000, 6000, at - start, start)
    locator = struct.pack("<4sLQL", b"PK\x06\x07", 0, at, 1)
    return content[:at] + record + locator + struct.pack("<4sHHHHIIH", b"PK\x05\x06", 0, 0, 1, 1, 46, start, 0)


HOSTILE: dict[str, tuple[Callable[[], bytes], str]] = {
    "above": (lambda: packed(("../a.jpg", b"x")), "a place outside of itself"),
    "far above": (lambda: packed(("a/../../a.jpg", b"x")), "a place outside of itself"),
    "absolute": (lambda: packed(("/etc/passwd", b"x")), "a place outside of itself"),
    "backslashes": (lambda: packed(("..\\a.jpg", b"x")), "a place outside of itself"),
    "drive": (lambda: packed(("c:/a.jpg", b"x")), "a place outside of itself"),
    "control": (lambda: packed(("a\x1b[2J.jpg", b"x")), "a place outside of itself"),
    "link": (lambda: packed((link("a.jpg"), b"/etc/passwd")), "a link or a device"),
    "encrypted": (encrypted, "is encrypted"),
    "bzip2": (lambda: packed(("a.jpg", b"x"), method=zipfile.ZIP_BZIP2), "packed in a rare way"),
    "bomb": (lambda: packed(("a.jpg", bytes(20_000_000)), method=zipfile.ZIP_DEFLATED), "a hundred times its size"),
    "large": (lambda: packed(*((f"{number}.jpg", b"x" * 2000) for number in range(60))), "may have 100,000"),
    "many": (lambda: packed(*((f"{number}.jpg", b"") for number in range(5001))), "5,000 files at most"),
    "zip64": (zip64, "of the form ZIP64"),
    "offset": (lambda: b"PK\x05\x06" + bytes(12) + b"\xff" * 4 + bytes(2), "of the form ZIP64"),
    "cut off": (lambda: packed(("a.jpg", b"x" * 1000))[:-30], "has no end"),
    "nothing": (lambda: b"PK\x03\x04", "has no end"),
    "directory": (lambda: b"PK\x05\x06" + bytes(6) + b"\xff" * 10 + bytes(2), "5,000 files at most"),
}


@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_archive_gives_nothing_at_all(name: str) -> None:
    make, said = HOSTILE[name]
    got: list[Any] = []
    with pytest.raises(ValidationError, match=said):
        got.extend(pictures_of(io.BytesIO(make()), at_most=100_000 if name == "large" else 10**9))
    assert got == []


def test_entries_that_share_their_data_are_refused_or_read_alike() -> None:
    try:
        found = unpacked(overlapping())
    except ValidationError:
        return
    assert sum(len(content) for _, content, _ in found) <= 200


def test_a_damaged_file_in_an_archive_spares_the_others() -> None:
    content = bytearray(packed(("a.jpg", b"x" * 50), ("b.jpg", b"y" * 50)))
    content[content.find(b"xxxx")] = 0
    assert unpacked(bytes(content)) == [("a.jpg", b"", None), ("b.jpg", b"y" * 50, None)]


def test_a_file_that_lies_about_its_size_is_read_up_to_the_limit_of_a_picture() -> None:
    content = bytearray(packed(("a.jpg", bytes(9_000_000))))
    found = unpacked(bytes(content))
    assert len(found[0][1]) == MOST_BYTES + 1


def test_archives_of_one_upload_count_together_before_anything_is_unpacked() -> None:
    files = [Sent(name=f"{name}.zip", content=io.BytesIO(packed((f"{name}.jpg", b"x" * 600)))) for name in "ab"]
    assert [one.name for one in uploads_in(files, at_most=1_200)] == ["a.jpg", "b.jpg"]
    with pytest.raises(ValidationError, match="1,200 bytes together, and may have 1,199"):
        next(uploads_in(files, at_most=1_199))
    hostile = Sent(name="c.zip", content=io.BytesIO(packed(("../c.jpg", b"x"))))
    with pytest.raises(ValidationError, match="a place outside of itself"):
        next(uploads_in([*files, hostile], at_most=10**9))
