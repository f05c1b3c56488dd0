"""How much of a run is over, where time as well as steps may end it."""

from __future__ import annotations

import time


class Clock:
    """How much of a run is over, in steps or in time, and how long it took.

    Attributes:
        validation: seconds that the last one took.
    """

    def __init__(self, *, deadline: float | None, done: float, seconds: float) -> None:
        """Begin to count; `done` and `seconds` are those of the processes before this one."""
        self.validation = 0.0
        self._began, self._deadline = time.monotonic(), deadline
        self._done, self._seconds = done, seconds

    def seconds(self) -> float:
        """Seconds that training took so far, in this process and those before it."""
        return self._seconds + time.monotonic() - self._began

    def done(self, of_steps: float) -> float:
        """The share that is over, given that of the steps; what a validation takes is kept free before the deadline."""
        if self._deadline is None:
            return of_steps
        now = time.monotonic()
        left = max(0.0, self._deadline - 1.2 * self.validation - now)
        used = max(now - self._began, 1e-9)
        return max(of_steps, self._done + (1 - self._done) * used / (used + left))
