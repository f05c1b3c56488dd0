"""The worker of test_own_worker: the real one, but for contents of files that end it, or that it never comes to an end with."""

from __future__ import annotations

import os
import signal
import sys
import threading

from walkaround.damage.findings import Findings
from walkaround.hosting.pool import worker
from walkaround.inspection.detector import Detector

_look = worker.look


def look(detector: Detector, data: bytes, *, heat: bool = False) -> Findings:
    if data.startswith(b"deadly"):
        os.kill(os.getpid(), signal.SIGKILL)
    if data.startswith(b"endless"):
        threading.Event().wait()
    if data.startswith(b"breaking"):
        raise RuntimeError("no such operator")
    return _look(detector, data, heat=heat)


if __name__ == "__main__":
    worker.look = look
    worker.main(sys.argv[1:])
