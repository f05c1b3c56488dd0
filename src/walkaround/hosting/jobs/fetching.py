"""The pictures and masks of entries as files on this machine, several fetched at the same time."""

from __future__ import annotations

import logging
import os
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from walkaround.buckets.buckets import Buckets
from walkaround.buckets.names import split_address
from walkaround.errors import BucketError
from walkaround.hosting.pool.answers import MOST_BYTES

Report = Callable[[str, int, int], None]
"""Called with (what is being done, how much of it is done, how much there is)."""

_THREADS = 8  # they wait for the bucket, not for a core
_TOLD = 20

_logger = logging.getLogger(__name__)


def fetch(
    refs: Sequence[str],
    buckets: Buckets,
    *,
    cache: Path,
    doing: str,
    report: Report,
    refused: list[BucketError] | None = None,
) -> dict[int, Path]:
    """The file of each address, by its number; without those that are missing, too large or not permitted.

    Args:
        refs: s3://bucket/key of what is wanted.
        buckets: where it is.
        cache: folder for copies of what is not on this machine.
        doing: what is reported to be done.
        report: told how far it is.
        refused: gets why those are left out that are.

    Raises:
        UnavailableError: a bucket does not answer.
        StorageError: a copy cannot be written.
    """
    paths: dict[int, Path] = {}
    missing = 0
    pool = ThreadPoolExecutor(_THREADS)
    try:
        for number, found in enumerate(pool.map(lambda ref: _fetched(ref, buckets, cache), refs)):
            if isinstance(found, Path):
                paths[number] = found
            else:
                missing += 1
                if refused is not None:
                    refused.append(found)
                if missing <= _TOLD:
                    _logger.warning("A file is left out. %s", found)
            report(doing, number + 1, len(refs))
    finally:
        pool.shutdown(cancel_futures=True)
    return paths


def _fetched(ref: str, buckets: Buckets, cache: Path) -> Path | BucketError:
    try:
        bucket, key = split_address(ref)
        path = buckets.local(bucket, key, folder=cache, at_most=MOST_BYTES)
    except BucketError as problem:
        return problem
    return Path(os.path.realpath(path))
