"""Results as JSON in a bucket, beside or instead of the inputs; with drawings of the damage, if asked for."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress

from walkaround.buckets.buckets import Buckets
from walkaround.buckets.names import ImpossibleKeyError, why_no_key
from walkaround.errors import UnavailableError, WalkaroundError
from walkaround.pipeline.sinks.delivered import Delivered, RefusedError, document_bytes, result_document
from walkaround.pipeline.sinks.drawn import PICTURES_AT_ONCE, VIDEOS_AT_ONCE, Drawings
from walkaround.pipeline.spec import BucketSink

_AT_ONCE = 8
_DRAWINGS = threading.Semaphore(PICTURES_AT_ONCE)
"""Of the whole process: a drawing is in memory until it is written, and may have hundreds of megabytes."""
_VIDEO_DRAWINGS = threading.Semaphore(VIDEOS_AT_ONCE)


class BucketSender:
    """Writes `PREFIX KEY.json`, or `PREFIX KEY.PROJECT-VERSION.json` where several models look at the key."""

    def __init__(self, sink: BucketSink, *, buckets: Buckets, drawings: Drawings) -> None:
        """Nothing is asked for yet."""
        self._sink, self._buckets, self._drawings = sink, buckets, drawings

    def send(self, given: Sequence[Delivered]) -> list[WalkaroundError | None]:
        """Write them, several at the same time once the first shows that the bucket answers."""
        errors = [self._sent(one) for one in given[:1]]
        if len(given) < 2 or isinstance(errors[0], UnavailableError):
            return errors * len(given)
        with ThreadPoolExecutor(_AT_ONCE, thread_name_prefix="bucket-sink") as pool:
            return [*errors, *pool.map(self._sent, given[1:])]

    def _sent(self, given: Delivered) -> WalkaroundError | None:
        if given.superseded:  # its place belongs to the newer content
            return None
        name = self._sink.prefix + result_name(given)
        problem = why_no_key(name + ".json")
        if problem:
            return RefusedError(f"The result of {given.source!r} cannot be written to the bucket: its key {problem}.")
        try:
            self._write(given, name)
        except ImpossibleKeyError as error:  # no day will shorten it
            return RefusedError(str(error))
        except WalkaroundError as error:
            return error
        return None

    def _write(self, given: Delivered, name: str) -> None:
        document = result_document(given)
        if self._sink.drawn:
            document["drawn"] = self._drawn(given, name) if given.findings["anomalous"] else None
        # The JSON comes last: who sees it sees everything.
        self._buckets.write(self._sink.bucket, name + ".json", document_bytes(document, indent=2))

    def _drawn(self, given: Delivered, name: str) -> str | None:
        """Draw and write it; its key, or None where there is no drawing."""
        with _turn_to_draw(given.is_video):
            drawing = self._drawings.of(given, self._buckets)
            if drawing is None or why_no_key(name + drawing.ending):
                return None
            with suppress(ImpossibleKeyError):  # the JSON, whose ending is shorter, may have room
                self._buckets.write(self._sink.bucket, name + drawing.ending, drawing.content)
                return name + drawing.ending
            return None


@contextmanager
def _turn_to_draw(video: bool) -> Iterator[None]:
    if not video:
        with _DRAWINGS:
            yield
        return
    with _VIDEO_DRAWINGS, _DRAWINGS:  # in this order: videos that wait for each other keep no picture from being drawn
        yield


def result_name(given: Delivered) -> str:
    """The key of what is written, without its ending."""
    return f"{given.key}.{given.project}-{given.model_version}" if given.several else given.key
