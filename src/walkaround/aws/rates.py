"""Limits on how often a caller may ask: one bucket of tokens for each account and operation."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Hashable

from walkaround.errors import ThrottledError

_MOST_BUCKETS = 10_000


class RateLimit:
    """Lets `rate` requests a second through for each key, and as many at once; it waits for nobody. For one thread."""

    def __init__(self, rate: float | None, *, clock: Callable[[], float] = time.monotonic) -> None:
        """Limit to `rate` requests a second; None is no limit."""
        self._rate = rate
        self._clock = clock
        self._buckets: dict[Hashable, tuple[float, float]] = {}

    def take(self, key: Hashable) -> None:
        """Count one request.

        Raises:
            ThrottledError: there were too many; it says when the next may come.
        """
        if self._rate is None:
            return
        full = max(self._rate, 1.0)
        now = self._clock()
        tokens, since = self._buckets.get(key, (full, now))
        tokens = min(full, tokens + (now - since) * self._rate)
        if tokens < 1:
            wait = math.ceil((1 - tokens) / self._rate)
            raise ThrottledError(f"Rate exceeded: more than {self._rate:g} requests a second; try again.", retry_after=wait)
        if len(self._buckets) >= _MOST_BUCKETS and key not in self._buckets:
            self._buckets.clear()  # whoever was limited gains one second's worth
        self._buckets[key] = (tokens - 1, now)
