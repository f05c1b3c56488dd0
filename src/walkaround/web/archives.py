"""Archives of pictures: looked through before anything is unpacked, and unpacked in memory, one picture at a time.

Source: PKWARE, .ZIP File Format Specification 6.3.10.
"""

from __future__ import annotations

import stat
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import PurePosixPath
from typing import BinaryIO, Literal

from walkaround.damage.kinds import ANOMALY, NORMAL, means_normal
from walkaround.errors import ValidationError
from walkaround.hosting.pool.answers import MOST_BYTES
from walkaround.web.uploads import Upload, told_name

MAGIC = (b"PK\x03\x04", b"PK\x05\x06")
_END_MAGIC, _END_BYTES, _LONGEST_COMMENT = b"PK\x05\x06", 22, 65_535
_LOCATOR_MAGIC, _LOCATOR_BYTES = b"PK\x06\x07", 20
_ELSEWHERE = b"\xff" * 4
_MOST_ENTRIES = 5000
_DIRECTORY_BYTES = 4_000_000
_RATIO, _RATIO_COUNTS_FROM = 100, 1_000_000
Folders = Literal["labels", "classes", "nothing"]
"""What folders say of the pictures in them: only those that are called like a label are labels; each is a class; nothing."""
_LABELS: dict[str, Literal["normal", "anomaly"]] = {
    NORMAL: "normal",
    ANOMALY: "anomaly",
    "whole": "normal",
    "damaged": "anomaly",
}
_ENCRYPTED = 0x1


def pictures_of(file: BinaryIO, *, at_most: int, classes: bool = False) -> Iterator[Upload]:
    """The files of a zip archive, after all of its directory was checked; folders and hidden files are left out.

    A file in a folder called normal or anomaly has that label, as in Lookout for Vision's S3 folders; whole and damaged, the
    console's words for them, mean the same.

    Args:
        file: can be sought in.
        at_most: bytes that all files may have together when unpacked.
        classes: whether all folders are classes, see `label_of_folders`.

    Raises:
        ValidationError: the archive is damaged, encrypted, a bomb, or names something outside of itself. Nothing was unpacked.
    """
    with _looked_through(file, at_most) as (archive, entries):
        yield from (_unpacked(archive, entry, classes=classes) for entry in entries)


def unpacked_bytes(file: BinaryIO, *, at_most: int) -> int:
    """Bytes that `pictures_of` would unpack of an archive, and what it would raise; nothing is unpacked."""
    with _looked_through(file, at_most) as (_, entries):
        return sum(entry.file_size for entry in entries)


@contextmanager
def _looked_through(file: BinaryIO, at_most: int) -> Iterator[tuple[zipfile.ZipFile, list[zipfile.ZipInfo]]]:
    """An archive whose directory is sound, and its wanted files."""
    _check_end(file)
    try:
        with zipfile.ZipFile(file) as archive:
            entries = [entry for entry in archive.infolist() if _is_wanted(entry)]
            _check_sizes(entries, at_most)
            yield archive, entries
    except (zipfile.BadZipFile, NotImplementedError, EOFError, OSError, ValueError) as problem:
        raise ValidationError(f"The zip archive cannot be read ({problem}): pack it again.") from problem


def _check_end(file: BinaryIO) -> None:
    """Look at the record at the end, because `zipfile` reads a directory of any size into memory."""
    size = file.seek(0, 2)
    file.seek(max(0, size - _LOCATOR_BYTES - _END_BYTES - _LONGEST_COMMENT))
    tail = file.read()
    at = tail.rfind(_END_MAGIC)
    if at < 0 or len(tail) - at < _END_BYTES:
        raise ValidationError("The zip archive has no end: it was cut off on the way; send it again.")
    entries = int.from_bytes(tail[at + 10 : at + 12], "little")
    directory = int.from_bytes(tail[at + 12 : at + 16], "little")
    if entries > _MOST_ENTRIES or directory > _DIRECTORY_BYTES:
        raise ValidationError(
            f"A zip archive may have {_MOST_ENTRIES:,} files at most: send several, each with a part of them."
        )
    # Where there is a ZIP64 record, `zipfile` believes that one, whatever this one says.
    if tail[max(0, at - _LOCATOR_BYTES) : at].startswith(_LOCATOR_MAGIC) or tail[at + 16 : at + 20] == _ELSEWHERE:
        raise ValidationError("The zip archive is of the form ZIP64: pack its pictures in smaller archives, without ZIP64.")
    file.seek(0)


def _is_wanted(entry: zipfile.ZipInfo) -> bool:
    name = entry.orig_filename
    path = PurePosixPath(name)
    if "\\" in name or path.is_absolute() or ".." in path.parts or not name.isprintable() or ":" in name.partition("/")[0]:
        raise ValidationError(f"The zip archive names {name[:200]!r}, a place outside of itself: nothing of it was taken.")
    kind = stat.S_IFMT(entry.external_attr >> 16)
    if kind not in (0, stat.S_IFREG, stat.S_IFDIR):
        raise ValidationError(f"The zip archive holds {name[:200]!r}, a link or a device: nothing of it was taken.")
    if entry.flag_bits & _ENCRYPTED:
        raise ValidationError(f"The file {name[:200]!r} of the zip archive is encrypted: pack it without a password.")
    if entry.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
        raise ValidationError(f"The file {name[:200]!r} of the zip archive is packed in a rare way: pack it with deflate.")
    return not entry.is_dir() and not any(part.startswith((".", "__MACOSX")) for part in path.parts)


def _check_sizes(entries: list[zipfile.ZipInfo], at_most: int) -> None:
    total, packed = (sum(sizes) for sizes in ([one.file_size for one in entries], [one.compress_size for one in entries]))
    if len(entries) > _MOST_ENTRIES:
        raise ValidationError(
            f"A zip archive may have {_MOST_ENTRIES:,} files at most: send several, each with a part of them."
        )
    if total > at_most:
        raise too_many_bytes(total, at_most)
    if total > _RATIO_COUNTS_FROM and total > _RATIO * max(1, packed):
        raise ValidationError(
            "The zip archive unpacks to more than a hundred times its size: pictures do not; nothing was taken."
        )


def too_many_bytes(total: int, at_most: int) -> ValidationError:
    """The error for archives that unpack to too much."""
    return ValidationError(
        f"The files of the zip archive have {total:,} bytes together, and may have {at_most:,}: send them in several uploads."
    )


def label_of_folders(path: str, *, classes: bool = False) -> Literal["normal", "anomaly"] | None:
    """What the folders of a file say of it.

    Args:
        path: with slashes; its last part is the file.
        classes: whether the folder that it lies in is a class, so that one whose name does not mean a whole car is damage.
    """
    folders = [part for part in path.split("/")[:-1] if part]
    named = [folder.casefold() for folder in folders if folder.casefold() in _LABELS]
    if named:
        return _LABELS[named[-1]]
    if classes and folders:
        return "normal" if means_normal(folders[-1]) else "anomaly"
    return None


def _unpacked(archive: zipfile.ZipFile, entry: zipfile.ZipInfo, *, classes: bool) -> Upload:
    label = label_of_folders(entry.filename, classes=classes)
    try:
        with archive.open(entry) as content:
            data = content.read(MOST_BYTES + 1)  # whatever size the directory tells
    except (zipfile.BadZipFile, zlib.error):
        data = b""  # a damaged file is one that cannot be read; the others can
    return Upload(name=told_name(entry.filename), content=data, label=label)
