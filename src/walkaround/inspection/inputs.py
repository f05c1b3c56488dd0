"""What is to be inspected: files and folders become a stream of pictures, videos, and things that are neither."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from walkaround.errors import InputError
from walkaround.media.sniff import media_kind

DRAWN_MARKER = ".walkaround-drawn"
"""A file of this name marks a folder that walkaround draws into: its pictures are not inspected with the folder around it."""

_OTHER_SUFFIXES = frozenset(
    ".txt .md .rst .csv .tsv .json .jsonl .ndjson .manifest .lst .names .xml .yaml .yml .toml .ini .cfg .conf .html .htm"
    " .css .js .pdf .doc .docx .xls .xlsx .ods .odt .ppt .pptx .rtf .log .db .sqlite .py .ipynb .sh .bat .r .npy .npz"
    " .mat .pkl .pt .onnx .zip .tar .gz .tgz .bz2 .xz .7z .rar .wav .mp3 .m4a .aac .flac .srt .vtt .gpx .kml .aae .xmp .thm"
    " .url .lnk .part".split()
)
_OTHER_NAMES = frozenset(
    (
        "thumbs.db",
        "ehthumbs.db",
        "desktop.ini",
        "license",
        "licence",
        "copying",
        "notice",
        "readme",
        "makefile",
        "md5sums",
        "sha256sums",
    )
)
_OTHER_FOLDERS = frozenset(("__macosx", "@eadir", "$recycle.bin", "system volume information"))
_DEEPEST = 50


@dataclass(frozen=True, kw_only=True)
class Input:
    """One thing to inspect.

    Attributes:
        path: as it was given, or below a folder that was given.
        kind: None for what is passed over: a file in a folder that is known to be no picture or video.
        refused: why it cannot be used, when that is known before it is read.
    """

    path: Path
    kind: Literal["picture", "video"] | None = None
    refused: InputError | None = None


def list_inputs(sources: Iterable[Path]) -> Iterator[Input]:
    """Yield what the sources hold, in the order given; folders with all folders in them, sorted by name.

    Hidden files and folders are ignored, and so are folders that walkaround drew into. What a file is, its content tells.
    """
    for source in sources:
        if _is_folder(source):
            yield from _folder_inputs(source)
        else:
            yield _input(source, known=False)


def count_inputs(sources: Iterable[Path]) -> int:
    """How many inputs `list_inputs` yields; no file is opened for it. A source may change in between."""
    return sum(max(1, sum(1 for _ in _walk(source, set(), 0))) if _is_folder(source) else 1 for source in sources)


def _folder_inputs(folder: Path) -> Iterator[Input]:
    empty = True
    for entry in _walk(folder, set(), 0):
        found = entry if isinstance(entry, Input) else _input(entry, known=is_other_name(entry.name))
        empty = empty and found.kind is None and found.refused is None
        yield found
    if empty:
        yield _refused(folder, "holds no pictures or videos; give a folder that does")


def _walk(folder: Path, seen: set[tuple[int, int]], depth: int) -> Iterator[Path | Input]:
    """Yield the files below a folder, and an `Input` for a folder that cannot be listed; `seen` keeps links from looping."""
    try:
        status = folder.stat()
        entries = sorted(os.scandir(folder), key=lambda entry: entry.name)
    except OSError as problem:
        yield _refused(folder, f"cannot be listed ({problem.strerror or problem}); check the permissions")
        return
    identity = (status.st_dev, status.st_ino)
    if identity in seen or (depth and any(entry.name == DRAWN_MARKER for entry in entries)):
        return
    if depth > _DEEPEST:
        yield _refused(folder, f"lies more than {_DEEPEST} folders deep; give it by itself")
        return
    seen.add(identity)
    for entry in entries:
        if entry.name.startswith("."):
            continue
        try:
            is_folder, is_file = entry.is_dir(), entry.is_file()
        except OSError:  # a link to itself
            is_folder = is_file = False
        if is_folder and entry.name.casefold() not in _OTHER_FOLDERS:
            yield from _walk(folder / entry.name, seen, depth + 1)
        elif is_file:  # no pipes or devices: opening one could wait for ever
            yield folder / entry.name


def _input(path: Path, *, known: bool) -> Input:
    try:
        kind = media_kind(path)
        empty = kind is None and path.is_file() and path.stat().st_size == 0
    except (InputError, OSError) as problem:
        refused = (
            problem if isinstance(problem, InputError) else InputError(f"Cannot open {str(path)!r}: {problem}; try again.")
        )
        return Input(path=path, refused=None if known else refused)
    if kind is not None or known:
        return Input(path=path, kind=kind)
    what = (
        "is empty; copy it again" if empty else "is neither a picture nor a video; give JPEG, PNG, WebP, HEIC, MP4, MOV or MKV"
    )
    return _refused(path, what)


def _is_folder(path: Path) -> bool:
    try:
        return path.is_dir()
    except OSError:  # not permitted, or a name too long: opening it will say so
        return False


def is_other_name(name: str) -> bool:
    """Whether the last part of a path or key says that it is neither a picture nor a video."""
    name = name.casefold()
    return name in _OTHER_NAMES or ("." in name and name[name.rindex(".") :] in _OTHER_SUFFIXES)


def is_other_folder(name: str) -> bool:
    """Whether a folder of this name holds nothing that people put there: hidden ones, and those that systems make."""
    return name.startswith(".") or name.casefold() in _OTHER_FOLDERS


def _refused(path: Path, what: str) -> Input:
    return Input(path=path, refused=InputError(f"{str(path)!r} {what}."))
