"""Results as lines: JSON lines and CSV, to a file that gets its name when it is complete, or to a stream line by line."""

from __future__ import annotations

import csv
import io
import json
import os
import secrets
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO

from walkaround.errors import StorageError, writing
from walkaround.inspection.results import Result, VideoFindings

Write = Callable[[Result], None]

COLUMNS = (
    *("source", "anomalous", "confidence", "label", "damage", "kinds", "boxes", "found", "areas"),
    *("time", "frames", "duration", "width", "height", "error"),
)
"""Of the CSV; each is the JSON line's value of that name, and empty where there is none.

Of a multi-label model it has `kinds`, the damage types that are there. Of boxes and masks it has `boxes`, how many there are,
`found`, the classes of what was found, and `areas`, as in the JSON.
"""

_FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r")


@contextmanager
def json_lines(target: Path | BinaryIO) -> Iterator[Write]:
    """Give a function that writes results as JSON lines, UTF-8, one object a line.

    Each has `source`, `anomalous`, `confidence` and `label`. A video gives a line for each frame, with its `time`, then one for
    the whole, with `frames`, `duration`, `strongest_time`, and the `spans` in which damage is seen. What could not be used has
    null for a verdict, and an `error`.

    Args:
        target: a file; or a stream such as `sys.stdout.buffer`. Either gets every line at once, the file under the name
            `unfinished(target)`: it takes its own when the block ends without an error. After an error, an interruption or
            a crash an older file of that name is as it was, and the finished lines are in `unfinished(target)`.

    Raises:
        StorageError: the target cannot be written.
        BrokenPipeError: whoever reads the stream went away.
    """
    with _line_writer(target) as put:
        yield lambda result: put(b"".join(map(_json_line, _objects(result))))


@contextmanager
def csv_table(target: Path | BinaryIO) -> Iterator[Write]:
    """Give a function that writes results as CSV (RFC 4180), UTF-8, with the `COLUMNS`; a video gives the lines it has in JSON.

    Text that begins like a formula (= + - @, a tab, a return) gets an apostrophe before it, so that a spreadsheet that opens
    the table runs nothing: a file's name may come from a stranger. The JSON lines have it unchanged.

    Args:
        target: see `json_lines`.

    Raises:
        StorageError: the target cannot be written.
        BrokenPipeError: whoever reads the stream went away.
    """
    with _line_writer(target, head=_csv_line(COLUMNS)) as put:
        yield lambda result: put(b"".join(_csv_line([line.get(name) for name in COLUMNS]) for line in _rows(result)))


def unfinished(target: Path) -> Path:
    """Where lines for a file are while it is not complete: beside it, with `.part` after its name."""
    place = target.resolve()  # a link stays, and what it points to is replaced
    return place.with_name(f"{place.name}.part")


@contextmanager
def replacing(path: Path) -> Iterator[BinaryIO]:
    """Open a file that takes the place of `path` when the block ends without an error; folders on the way are made.

    Raises:
        StorageError: the file cannot be written. Errors of the block's own come out unchanged.
    """
    with writing(path):
        path = path.resolve()  # a link stays, and what it points to is replaced
        path.parent.mkdir(parents=True, exist_ok=True)
        if path.is_dir():
            raise IsADirectoryError(21, "it is a folder")
        part = path.with_name(f".{secrets.token_hex(8)}.part")  # not of the name, which may be as long as names can be
        file = part.open("wb")
    try:
        yield file
        with writing(path):
            file.flush()
            os.fsync(file.fileno())
            file.close()
            part.replace(path)
    finally:
        with suppress(OSError):  # of a full disk, whose error is already on its way
            file.close()
        part.unlink(missing_ok=True)


@contextmanager
def byte_writer(target: Path | BinaryIO) -> Iterator[Callable[[bytes], None]]:
    """Give a function that writes bytes to a file, a device or a stream; see `json_lines`."""
    if isinstance(target, Path) and not _is_special(target):
        with replacing(target) as file:
            yield lambda data: _put(file, data, str(target))
    elif isinstance(target, Path):
        with writing(target):
            stream = target.open("wb", buffering=0)
        with stream:
            yield lambda data: _put(stream, data, str(target))
    else:
        yield lambda data: _put(target, data, getattr(target, "name", "output"), flush=True)


@contextmanager
def _line_writer(target: Path | BinaryIO, *, head: bytes = b"") -> Iterator[Callable[[bytes], None]]:
    """Give a function that writes whole lines after the head of a table; see `json_lines`."""
    if isinstance(target, Path) and not _is_special(target):
        with _growing(target, head) as put:
            yield put
    else:
        with byte_writer(target) as put:
            put(head)
            yield put


@contextmanager
def _growing(target: Path, head: bytes) -> Iterator[Callable[[bytes], None]]:
    """A file that is there line by line, under its unfinished name; with nothing but the head in it, an error removes it."""
    part = unfinished(target)
    with writing(target):
        part.parent.mkdir(parents=True, exist_ok=True)
        if target.is_dir():
            raise IsADirectoryError(21, "it is a folder")
        part.unlink(missing_ok=True)  # an earlier run's; one that still goes on keeps its file, without a name
        file = part.open("xb", buffering=0)
    whole = 0  # bytes up to the end of the last whole line

    def put(data: bytes) -> None:
        nonlocal whole
        _put(file, data, target)
        whole += len(data)

    with file:
        try:
            put(head)
            yield put
            with writing(target):
                os.fsync(file.fileno())
                _publish(file, part, target)
        except BaseException:  # Ctrl-C too
            with suppress(OSError):  # of a full disk, whose error is already on its way
                file.truncate(whole)
                if whole <= len(head) and _is_at(file, part):
                    part.unlink()
            raise


def _publish(file: io.FileIO, part: Path, target: Path) -> None:
    if not _is_at(file, part):
        raise StorageError(f"Another run writes {str(target)!r} too: it has this run's place; give each a file of its own.")
    part.replace(target.resolve())


def _is_at(file: io.FileIO, path: Path) -> bool:
    return path.exists() and os.path.samestat(os.fstat(file.fileno()), path.stat())


def _is_special(target: Path) -> bool:
    """Whether it is a device or a pipe, such as /dev/stdout, which must never be replaced by a file."""
    return target.exists() and not target.is_file() and not target.is_dir()


def _put(file: BinaryIO | io.RawIOBase, data: bytes, name: object, *, flush: bool = False) -> None:
    with writing(str(name)):
        try:
            while data:
                data = data[file.write(data) or 0 :]  # a file without a buffer may take a part
            if flush:
                file.flush()
            return
        except BrokenPipeError as problem:
            gone = problem
    raise gone


def _objects(result: Result) -> Iterator[dict[str, object]]:
    if isinstance(result, VideoFindings):
        for frame in result.frames:
            yield frame.as_json()
    yield result.as_json()


def _rows(result: Result) -> Iterator[dict[str, object]]:
    """The lines with what a table can hold of boxes and masks."""
    for line in _objects(result):
        kinds, boxes, areas = line.get("kinds"), line.get("boxes"), line.get("areas")
        names = [box["label"] for box in boxes] if isinstance(boxes, list) else []
        names += list(areas) if isinstance(areas, dict) else []
        yield {
            **line,
            "kinds": "; ".join(kinds) if isinstance(kinds, dict) else None,
            "boxes": len(boxes) if isinstance(boxes, list) else None,
            "found": None if boxes is None and areas is None else "; ".join(dict.fromkeys(names)),
            "areas": None if areas is None else json.dumps(areas, ensure_ascii=False),
        }


def _json_line(line: dict[str, object]) -> bytes:
    # Names that are no UTF-8 reach Python as lone surrogates; "backslashreplace" writes them as JSON's own escapes.
    return (json.dumps(line, ensure_ascii=False) + "\n").encode("utf-8", "backslashreplace")


def _csv_line(cells: list[object] | tuple[str, ...]) -> bytes:
    row = io.StringIO()
    csv.writer(row).writerow([_cell(cell) for cell in cells])
    return row.getvalue().encode("utf-8", "backslashreplace")


def _cell(value: object) -> object:
    if isinstance(value, bool):
        return "true" if value else "false"
    return f"'{value}" if isinstance(value, str) and value.startswith(_FORMULA_STARTS) else value
