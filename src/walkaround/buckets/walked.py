"""How much a listing may look through: a place of millions of objects must not hold a request for as long as it lasts."""

from __future__ import annotations

from walkaround.buckets.names import address
from walkaround.errors import BucketError


class TooManyObjectsError(BucketError):
    """More would have to be looked through than the caller has time for."""


class Walked:
    """Counts what a listing looks at, whether it is among what was asked for or not, and ends it where that is too much."""

    def __init__(self, bucket: str, prefix: str, *, at_most: int | None) -> None:
        """Nothing was looked at yet; `at_most` is None where the caller has all the time."""
        self._where = address(bucket, prefix)
        self._at_most = at_most
        self._count = 0

    def more(self, count: int = 1) -> None:
        """Count what was looked at.

        Raises:
            TooManyObjectsError: it is more than is allowed.
        """
        self._count += count
        if self._at_most is not None and self._count > self._at_most:
            raise TooManyObjectsError(
                f"There are more than {self._at_most:,} objects where {self._where} is, the most that are looked through here:"
                " give the prefix of a folder with fewer."
            )
