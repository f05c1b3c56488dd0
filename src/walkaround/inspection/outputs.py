"""Results as lines: JSON lines and CSV, to a file that appears when it is complete, or to a stream line by line."""

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

from walkaround.errors import writing
from walkaround.inspection.results import Result, VideoFindings

Write = Callable[[Result], None]

COLUMNS = ("source", "anomalous", "confidence", "label", "damage", "time", "frames", "duration", "width", "height", "error")
"""Of the CSV; each is the JSON line's value of that name, and empty where there is none."""

_FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r")


@contextmanager
def json_lines(target: Path | BinaryIO) -> Iterator[Write]:
    """Give a function that writes results as JSON lines, UTF-8, one object a line.

    Each has `source`, `anomalous`, `confidence` and `label`. A video gives a line for each frame, with its `time`, then one for
    the whole, with `frames`, `duration` and `strongest_time`. What could not be used has null for a verdict, and an `error`.

    Args:
        target: a file, which is written beside its place and moved there at the end, or left as it was on an error; or a
            stream such as `sys.stdout.buffer`, which gets every line at once.

    Raises:
        StorageError: the target cannot be written.
        BrokenPipeError: whoever reads the stream went away.
    """
    with byte_writer(target) as put:
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
    with byte_writer(target) as put:
        put(_csv_line(COLUMNS))
        yield lambda result: put(b"".join(_csv_line([line.get(name) for name in COLUMNS]) for line in _objects(result)))


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
    if isinstance(target, Path) and not (target.exists() and not target.is_file() and not target.is_dir()):
        with replacing(target) as file:
            yield lambda data: _put(file, data, str(target))
    elif isinstance(target, Path):  # a device or a pipe, /dev/stdout: never replaced by a file
        with writing(target):
            stream = target.open("wb", buffering=0)
        with stream:
            yield lambda data: _put(stream, data, str(target))
    else:
        yield lambda data: _put(target, data, getattr(target, "name", "output"), flush=True)


def _put(file: BinaryIO | io.RawIOBase, data: bytes, name: object, *, flush: bool = False) -> None:
    with writing(str(name)):
        try:
            file.write(data)
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
