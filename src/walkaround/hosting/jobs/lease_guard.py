"""Ends work on jobs whose lease may have lapsed, on a thread of its own: that which renews them may wait for the database."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Sequence
from time import monotonic

from walkaround.hosting.jobs.leases import LEASE_SECONDS
from walkaround.hosting.jobs.presence import Presence
from walkaround.hosting.jobs.work import Task

_LOOK_SECONDS = 1.0
_MARGIN_SECONDS = 5.0
"""What the clocks of two servers may differ by, and what it takes to end a child."""

_logger = logging.getLogger(__name__)


class LeaseGuard:
    """Interrupts jobs that were not renewed in time, where another server lives that can have taken them over.

    A server that is alone goes on, however long the database is away: nobody does the same, and what it did is written when
    the database is back. Servers share the data folder, and so each sees in it whether it is alone.
    """

    def __init__(self, presence: Presence, running: Callable[[], Sequence[Task]]) -> None:
        """Begin to look after what is running."""
        self._presence = presence
        self._running = running
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._run, name="lease-guard", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Look no more."""
        self._ended.set()
        self._thread.join()

    def look(self) -> None:
        """Interrupt what may be another server's by now."""
        latest = monotonic() - LEASE_SECONDS + _MARGIN_SECONDS
        lapsing = [task for task in self._running() if task.renewed < latest and task.interrupted is None]
        if not lapsing or self._presence.is_alone():
            return
        for task in lapsing:
            _logger.warning("Job %d is interrupted: its lease cannot be renewed.", task.lease.job_id)
            task.interrupt("lost")

    def _run(self) -> None:
        while not self._ended.wait(_LOOK_SECONDS):
            try:
                self.look()
            except Exception:  # a guard that ended would let two servers do the same
                _logger.exception("Looking after leases failed.")
