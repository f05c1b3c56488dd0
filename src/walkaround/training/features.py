"""Features of pictures, read once and kept: an interrupted training goes on where it was, a second one starts at once.

The store is one SQLite file in the user's cache folder; what `kill -9` interrupts is rolled back, so no half row is ever read.
"""

from __future__ import annotations

import hashlib
import sqlite3
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from threading import Lock

import numpy as np
from numpy.typing import NDArray

from walkaround.errors import StorageError, writing
from walkaround.media.pictures import read_picture
from walkaround.models import backbone
from walkaround.models.network import Network
from walkaround.training.views import READ_SIDE, VERSION, view

Progress = Callable[[int, int], None]
Reader = Callable[[NDArray[np.float32]], NDArray[np.float32]]
"""Network input, float32 [n, 3, side, side], to one row of features a picture."""

_COMMIT_EVERY = 32
_TELLING_ROWS = 24  # views read before the pace is believed: the first take longer


class FeatureStore:
    """Feature rows by picture and view, float16, on disk."""

    def __init__(self, folder: Path, kind: str) -> None:
        """Open the store of one kind of features; it is made where there is none.

        Raises:
            StorageError: the folder cannot be written, or the file in it is no store.
        """
        key = hashlib.sha256(f"{backbone.fingerprint()} {kind} {VERSION}".encode()).hexdigest()[:16]
        self.path = folder / f"features-{key}.sqlite"
        with writing(folder):
            folder.mkdir(parents=True, exist_ok=True)
        with _keeping(self.path):
            self._database = sqlite3.connect(self.path, timeout=60)
            self._database.execute("PRAGMA journal_mode = WAL")
            self._database.execute("PRAGMA synchronous = NORMAL")
            self._database.execute(
                "CREATE TABLE IF NOT EXISTS features"
                " (picture TEXT, view INTEGER, row BLOB, PRIMARY KEY (picture, view)) WITHOUT ROWID"
            )

    def close(self) -> None:
        """Write what is pending and close the file."""
        try:
            self.commit()
        finally:
            self._database.close()

    def views_of(self, picture: str) -> int:
        """How many views of the picture with this SHA-256 are there; they are the first ones."""
        with _keeping(self.path):
            found = self._database.execute("SELECT count(*) FROM features WHERE picture = ?", (picture,)).fetchone()
        return int(found[0])

    def add(self, picture: str, rows: NDArray[np.float32], *, first: int = 0) -> None:
        """Keep the rows, [views, features], of one picture from view `first` on; they are on disk after the next `commit`."""
        with _keeping(self.path):
            self._database.executemany(
                "INSERT OR REPLACE INTO features VALUES (?, ?, ?)",
                [(picture, number, row.astype(np.float16).tobytes()) for number, row in enumerate(rows, start=first)],
            )

    def commit(self) -> None:
        """Put everything added on disk."""
        with _keeping(self.path):
            self._database.commit()

    def rows(self, pictures: Sequence[str], view_number: int) -> NDArray[np.float32]:
        """float32 [pictures, features] of one view; every picture must be there."""
        found = []
        for picture in pictures:
            with _keeping(self.path):
                row = self._database.execute(
                    "SELECT row FROM features WHERE picture = ? AND view = ?", (picture, view_number)
                ).fetchone()
            found.append(np.frombuffer(row[0], np.float16))
        return np.stack(found).astype(np.float32)


class ViewBudget:
    """How many views of each picture there is time for: fewer when they would not be read by the deadline, but always one.

    The time that is needed is estimated from the pictures read so far.

    Attributes:
        views: how many are read of each picture from now on; falls, and never rises.
    """

    def __init__(self, views: int, *, deadline: float | None = None, clock: Callable[[], float] = time.monotonic) -> None:
        """Begin to count the time.

        Args:
            views: what is wanted.
            deadline: on the clock; None: there is time for all of them.
            clock: gives seconds.
        """
        self.views = views
        self._deadline, self._clock, self._started = deadline, clock, clock()
        self._rows = 0

    def spend(self, rows: int, left: Mapping[int, int]) -> None:
        """Note that `rows` more views were read, and give up those that the rest has no time for.

        Args:
            rows: views read since the last call, of all pictures.
            left: how many pictures are left that have so many views already.
        """
        self._rows += rows
        if self._deadline is None:
            return
        now = self._clock()
        pace = (now - self._started) / self._rows if self._rows >= _TELLING_ROWS else 0.0
        while self.views > 1 and (needed := _rows_needed(self.views, left)) and now + pace * needed > self._deadline:
            self.views -= 1


def _rows_needed(views: int, left: Mapping[int, int]) -> int:
    return sum(pictures * max(0, views - held) for held, pictures in left.items())


def read_features(
    store: FeatureStore,
    pictures: Sequence[tuple[Path, str]],
    *,
    views: ViewBudget,
    reader: Reader,
    threads: int,
    progress: Progress | None = None,
) -> None:
    """Fill the store with the first views of every picture (path, SHA-256), as far as it does not hold them yet.

    Afterwards it holds the first `views.views` of each, which are fewer than at the start when the time did not suffice.

    Raises:
        PictureError: a picture can no longer be read.
        StorageError: the store cannot be written.
    """
    held = {key: store.views_of(key) for _, key in pictures}
    missing = [(path, key) for key, path in {key: path for path, key in pictures}.items() if held[key] < views.views]
    left = Counter(held[key] for _, key in missing)
    views.spend(0, left)
    done = len(pictures) - len(missing)
    if progress is not None:
        progress(done, len(pictures))
    pool, spending = ThreadPoolExecutor(threads), Lock()

    def missing_of(path: Path, key: str) -> NDArray[np.float32] | None:
        numbers = range(held[key], views.views)
        rows = rows_of(path, key, numbers, reader) if numbers else None
        with spending:  # here, where the time goes: what is read may wait long before it is kept
            left[held[key]] -= 1
            if rows is not None:
                views.spend(len(rows), left)
        return rows

    try:
        for number, (key, rows) in enumerate(_in_order(pool, missing, missing_of), start=1):
            if rows is not None:
                store.add(key, rows, first=held[key])
            if number % _COMMIT_EVERY == 0:
                store.commit()
            if progress is not None:
                progress(done + number, len(pictures))
    finally:
        pool.shutdown(cancel_futures=True)
        store.commit()


def _in_order(
    pool: ThreadPoolExecutor,
    missing: Sequence[tuple[Path, str]],
    rows_of: Callable[[Path, str], NDArray[np.float32] | None],
) -> Iterator[tuple[str, NDArray[np.float32] | None]]:
    """Rows of the missing pictures; no more than a few are ever in flight, so that memory does not grow with their number."""
    waiting: list[tuple[str, Future[NDArray[np.float32] | None]]] = []
    for path, key in missing:
        waiting.append((key, pool.submit(rows_of, path, key)))
        if len(waiting) > 2 * _COMMIT_EVERY:
            first, rows = waiting.pop(0)
            yield first, rows.result()
    for key, rows in waiting:
        yield key, rows.result()


def rows_of(path: Path, key: str, numbers: range, reader: Reader) -> NDArray[np.float32]:
    """Features of one or more views of a picture with this SHA-256, float32 [views, features].

    Raises:
        PictureError: it can no longer be read.
    """
    picture = read_picture(path, side=READ_SIDE)
    seed = int(key[:12], 16)  # by content: a picture has the same views in every training
    return np.concatenate([reader(view(picture.pixels, number=number, seed=seed)[None]) for number in numbers])


def network_reader(network: Network, output: str) -> Reader:
    """A reader that runs one output of a network."""
    return lambda pixels: network.run(pixels, [output])[0]


@contextmanager
def _keeping(path: Path) -> Iterator[None]:
    """Turn SQLite's refusal into a StorageError with a way out."""
    try:
        yield
    except sqlite3.Error as problem:
        raise StorageError(
            f"Cannot keep features in {str(path)!r}: {problem}. Free some space, or name another folder with --cache."
        ) from problem
