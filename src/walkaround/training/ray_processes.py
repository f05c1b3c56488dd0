"""The processes of a Ray of our own, by their ids: found while it runs, and ended where it leaves some behind. Linux only."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

_LOOK_SECONDS = 0.1
_PROC = Path("/proc")


class Process(NamedTuple):
    """A process; `began` tells it from a later one of the same id."""

    pid: int
    began: int


def processes_of(folder: str) -> set[Process]:
    """Our children that were started with a folder among their arguments, and everything below them."""
    parents = _parents()
    own = os.getpid()
    found = {one for one, parent in parents.items() if parent == own and folder in _arguments(one.pid)}
    return _below(found, parents)


def end_processes(processes: set[Process], *, patience: float) -> int:
    """Wait for processes to end by themselves, then end those that do not, and what they started.

    Args:
        processes: their ids.
        patience: seconds to wait.

    Returns:
        How many had to be ended.
    """
    until = time.monotonic() + patience
    while (left := _alive(processes)) and time.monotonic() < until:
        time.sleep(_LOOK_SECONDS)
    for one in left:
        with suppress(ProcessLookupError):
            os.kill(one.pid, signal.SIGKILL)
    return len(left)


def _alive(processes: set[Process]) -> set[Process]:
    """Those that still run, and what they have started."""
    parents = _parents()
    return _below(processes & parents.keys(), parents)


def _below(processes: set[Process], parents: Mapping[Process, int]) -> set[Process]:
    found = set(processes)
    added = found
    while added:
        pids = {one.pid for one in added}
        added = {one for one, parent in parents.items() if parent in pids and one not in found}
        found |= added
    return found


def _parents() -> dict[Process, int]:
    """The parent of each process that runs."""
    found = {}
    for path in _PROC.glob("[0-9]*"):
        with suppress(OSError, ValueError, IndexError):  # it ended meanwhile
            # The name, which may hold anything, stands in brackets; see proc_pid_stat(5).
            fields = (path / "stat").read_text(encoding="utf-8", errors="replace").rpartition(")")[2].split()
            if fields[0] not in "ZX":
                found[Process(int(path.name), int(fields[19]))] = int(fields[1])
    return found


def _arguments(pid: int) -> str:
    try:
        return (_PROC / str(pid) / "cmdline").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""
