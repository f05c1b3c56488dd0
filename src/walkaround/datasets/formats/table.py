"""Tables of labels: CSV with a header that names the columns image, label and, if there is one, split.

A picture that shows several damage types has them in one cell, with ; or | between them.
"""

from __future__ import annotations

import csv
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from walkaround.datasets.faults import Faults, LineError
from walkaround.datasets.formats.references import Row
from walkaround.datasets.labels import labels_in
from walkaround.datasets.manifest import checked_split
from walkaround.errors import DatasetError

_COLUMNS: Mapping[str, tuple[str, ...]] = {
    "image": ("image", "picture", "file", "filename", "file_name", "image_path", "path"),
    "label": ("label", "class", "class_name"),
    "split": ("split", "set", "subset"),
}
_SEPARATORS = ",;\t"  # the last two: spreadsheets of countries with a decimal comma, and pasted cells
_LONGEST_ROW = 50
"""Lines. A quoted cell may run over several; after so many its closing quote is missing."""
_LONGEST_TABLE = 256 * 2**20
"""Bytes. A line for each of two million pictures is smaller."""


def is_table(path: Path) -> bool:
    """Whether the first line of a file is a header that names at least an image and a label column."""
    with path.open(encoding="utf-8-sig", errors="surrogateescape") as lines:
        header = lines.readline(10_000)
    return {"image", "label"} <= set(_columns([header]))


def read_table(path: Path, faults: Faults) -> Iterator[Row]:
    """Yield the lines of a table; those that cannot be used go to `faults`.

    Raises:
        DatasetError: the header lacks the columns image and label, or the file is no table by its size.
    """
    if path.stat().st_size > _LONGEST_TABLE:
        raise DatasetError(f"{str(path)!r} is larger than {_LONGEST_TABLE >> 20} MiB: split it into several tables.")
    with path.open(encoding="utf-8-sig", errors="surrogateescape") as file:
        lines = file.readlines()
    columns, separator = _columns(lines), _separator(lines)
    if not {"image", "label"} <= set(columns):
        raise DatasetError(
            f"{str(path)!r} has no header with the columns image and label: begin it with the line image,label,split."
        )
    width = len(_row(lines, separator)[0])
    number = 2
    while number <= len(lines):
        where, length = f"{path.name}, line {number}", 1
        try:
            row, length = _row(lines[number - 1 : number - 1 + _LONGEST_ROW], separator)
            if separator == ";" and any(row[width:]):
                what = f"it has {len(row)} cells, and the header {width}; several labels have | between them"
                raise LineError("bad-line", what)
            if any(row):
                yield _row_of(row, columns, where=where)
        except LineError as error:
            faults.add_error(where, error)
        number += length


def _separator(lines: Sequence[str]) -> str:
    return max(_SEPARATORS, key=lines[0].count) if lines else ","


def _columns(lines: Sequence[str]) -> dict[str, int]:
    """Column number of each of our columns that the header names."""
    try:
        header = [name.strip().casefold() for name in _row(lines, _separator(lines))[0]]
    except LineError:
        return {}
    found = {ours: next((header.index(name) for name in names if name in header), None) for ours, names in _COLUMNS.items()}
    return {ours: number for ours, number in found.items() if number is not None}


def _row(lines: Sequence[str], separator: str) -> tuple[list[str], int]:
    """The cells of the first row, and how many lines it takes up.

    Raises:
        LineError: its quotes do not match, or a cell is longer than any honest one.
    """
    rows = csv.reader(lines, delimiter=separator, strict=True)
    try:
        return next(rows, []), rows.line_num
    except csv.Error as error:
        raise LineError("bad-line", f"it is no line of a table ({error})") from None


def _row_of(row: Sequence[str], columns: Mapping[str, int], *, where: str) -> Row:
    cells = {name: row[number] if number < len(row) else "" for name, number in columns.items()}
    if len(row) <= max(columns["image"], columns["label"]):
        raise LineError("bad-line", f"it has {len(row)} cells, too few for an image and a label")
    if any("\udc80" <= letter <= "\udcff" for letter in "".join(cells.values())):
        raise LineError("bad-line", "it is not UTF-8 text")
    label, also = labels_in(cells["label"])
    return Row(
        reference=cells["image"],
        label=label,
        also=also,
        split=checked_split(cells.get("split", "")),
        where=where,
    )
