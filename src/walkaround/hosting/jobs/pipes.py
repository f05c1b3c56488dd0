"""The two pipes of a child process, as something that is surely there."""

from __future__ import annotations

import subprocess
from typing import IO


def pipes_of(child: subprocess.Popen[str]) -> tuple[IO[str], IO[str]]:
    """What a child reads, and what it writes.

    Raises:
        ValueError: it was started without pipes.
    """
    if child.stdin is None or child.stdout is None:
        raise ValueError(f"{child.args!r} has no pipes: start it with stdin=PIPE and stdout=PIPE.")
    return child.stdin, child.stdout
