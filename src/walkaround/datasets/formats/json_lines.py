"""JSON lines from outside: one object a line, with broken lines noted and passed over."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

from walkaround.datasets.faults import Faults, LineError

_LONGEST_LINE = 16 << 20
"""Bytes. The longest honest line, with hundreds of outlines traced along the pixels, is shorter."""


def objects_in(path: Path, faults: Faults) -> Iterator[tuple[str, dict[str, object]]]:
    """Yield (where, object) for every line that holds a JSON object; note every other line that is not blank."""
    for number, line in enumerate(_lines(path), start=1):
        where = f"{path.name}, line {number}"
        try:
            if line.strip():
                yield where, _object(line.removeprefix(b"\xef\xbb\xbf"))
        except LineError as error:
            faults.add_error(where, error)


def _lines(path: Path) -> Iterator[bytes]:
    """The lines of a file, the overlong ones cut, so that a file without line ends cannot fill the memory."""
    with path.open("rb") as file:
        while line := file.readline(_LONGEST_LINE):
            yield line
            while len(line) == _LONGEST_LINE and not line.endswith(b"\n"):
                line = file.readline(_LONGEST_LINE)


def _object(line: bytes) -> dict[str, object]:
    if len(line) >= _LONGEST_LINE:
        raise LineError("bad-line", f"it is longer than {_LONGEST_LINE >> 20} MiB")
    try:
        value = json.loads(line.decode("utf-8"))
    except UnicodeDecodeError:
        raise LineError("bad-line", "it is not UTF-8 text") from None
    except (ValueError, RecursionError):  # RecursionError: brackets nested by the thousand
        raise LineError("bad-line", "it is not JSON") from None
    if not isinstance(value, dict):
        raise LineError("bad-line", "it is no JSON object")
    return value
