"""Children that never outlive the server, and that go first when memory runs out."""

from __future__ import annotations

import ctypes
import os
import signal
import sys
from contextlib import suppress
from pathlib import Path

_PR_SET_PDEATHSIG = 1  # linux/prctl.h
_OOM_SCORE = "500"  # of 1000: a child is started again, the server is not


def follow_parent(parent: int) -> None:
    """Let the kernel end this process when the thread that started it ends, however it ends; Linux only.

    The thread counts, not its process (prctl(2), PR_SET_PDEATHSIG): start children from one that lives as long as they shall.

    Args:
        parent: process id of the starter, for the case that it has gone already.
    """
    if not sys.platform.startswith("linux"):
        return
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:
        os._exit(1)
    with suppress(OSError):  # where /proc is not writable, the kernel chooses by size alone
        Path("/proc/self/oom_score_adj").write_text(_OOM_SCORE, encoding="ascii")
