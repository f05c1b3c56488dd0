"""Small text files from outside as lines: with or without a byte order mark, with the line ends of any system."""

from __future__ import annotations

from pathlib import Path

from walkaround.datasets.faults import LineError

_LARGEST = 16 << 20


def text_lines(path: Path) -> list[str]:
    """The lines of a text file; bytes that are no UTF-8 are replaced.

    Raises:
        LineError: it is larger than any list of labels or names.
    """
    if path.stat().st_size > _LARGEST:
        raise LineError("bad-line", f"it is larger than {_LARGEST >> 20} MiB, no list of labels or names")
    return path.read_bytes().decode("utf-8-sig", "replace").splitlines()
