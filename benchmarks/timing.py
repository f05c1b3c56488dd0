"""Times of several things that are to be compared, taken in one run."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Sequence
from typing import Any


def milliseconds(
    asks: Sequence[Callable[[], Any]], *, runs: int, clock: Callable[[], float] = time.perf_counter
) -> list[float]:
    """The median time of each by a clock of seconds, measured by turns: whatever else the machine does is shared fairly."""
    times: list[list[float]] = [[] for _ in asks]
    for _ in range(runs + 1):
        for ask, taken in zip(asks, times, strict=True):
            start = clock()
            ask()
            taken.append(clock() - start)
    return [1000 * statistics.median(taken[1:]) for taken in times]
