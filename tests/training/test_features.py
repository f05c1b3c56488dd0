"""Features are read once: what is in the store is not read again, whatever ended the reading."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from walkaround.errors import PictureError, StorageError
from walkaround.training.features import FeatureStore, ViewBudget, read_features

Rows = NDArray[np.float32]


def row_of(pixels: Rows) -> Rows:
    return np.asarray(pixels.mean(axis=(2, 3)), dtype=np.float32)


@pytest.fixture
def pictures(tmp_path: Path) -> list[tuple[Path, str]]:
    """Forty pictures, each of another grey, with a key."""
    found = []
    for number in range(40):
        path = tmp_path / f"{number}.png"
        Image.new("RGB", (8, 8), (number, number, number)).save(path)
        found.append((path, f"{number:012x}"))
    return found


@pytest.fixture
def store(tmp_path: Path) -> FeatureStore:
    return FeatureStore(tmp_path / "cache", "grey")


def interrupted_after(pictures: int) -> Callable[[Rows], Rows]:
    """A reader that Ctrl-C ends."""
    read = 0

    def reader(pixels: Rows) -> Rows:
        nonlocal read
        read += 1
        if read > pictures:
            raise KeyboardInterrupt
        return row_of(pixels)

    return reader


def test_rows_come_back_as_they_were(store: FeatureStore, pictures: list[tuple[Path, str]]) -> None:
    read_features(store, pictures, views=ViewBudget(1), reader=row_of, threads=2)
    rows = store.rows([pictures[7][1], pictures[3][1]], 0)
    assert rows.tolist() == [[7, 7, 7], [3, 3, 3]]
    store.close()


def test_an_interrupted_reading_goes_on_where_it_was(tmp_path: Path, pictures: list[tuple[Path, str]]) -> None:
    store = FeatureStore(tmp_path / "cache", "grey")
    with pytest.raises(KeyboardInterrupt):
        read_features(store, pictures, views=ViewBudget(1), reader=interrupted_after(25), threads=1)
    store.close()
    again, read = FeatureStore(tmp_path / "cache", "grey"), list[float]()

    def reader(pixels: Rows) -> Rows:
        read.append(float(pixels.mean()))
        return row_of(pixels)

    seen: list[tuple[int, int]] = []
    read_features(again, pictures, views=ViewBudget(1), reader=reader, threads=1, progress=lambda *done: seen.append(done))
    assert read == list(range(25, 40))
    assert (seen[0], seen[-1]) == ((25, 40), (40, 40))
    assert again.rows([key for _, key in pictures], 0)[:, 0].tolist() == list(range(40))
    again.close()


def test_more_views_are_read_when_more_are_asked_for(store: FeatureStore, pictures: list[tuple[Path, str]]) -> None:
    read_features(store, pictures[:3], views=ViewBudget(1), reader=row_of, threads=1)
    assert store.views_of(pictures[0][1]) == 1
    read_features(store, pictures[:3], views=ViewBudget(2), reader=row_of, threads=1)
    assert store.views_of(pictures[0][1]) == 2
    store.close()


class Clock:
    """A clock that goes on when it is told to."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


@pytest.mark.parametrize(
    ("deadline", "pace", "views"), [(None, 9.0, 3), (200.0, 1.0, 3), (100.0, 1.0, 2), (60.0, 1.0, 1), (-1.0, 0.0, 1)]
)
def test_views_are_given_up_for_time_and_pictures_never(
    store: FeatureStore, pictures: list[tuple[Path, str]], deadline: float | None, pace: float, views: int
) -> None:
    clock = Clock()

    def reader(pixels: Rows) -> Rows:
        clock.now += pace
        return row_of(pixels)

    budget = ViewBudget(3, deadline=deadline, clock=clock)
    read_features(store, pictures, views=budget, reader=reader, threads=1)
    assert budget.views == views
    assert min(store.views_of(key) for _, key in pictures) >= views
    assert deadline is None or deadline < 0 or clock.now <= deadline + 2 * pace
    store.close()


def test_a_second_run_goes_on_with_the_views_that_are_missing(store: FeatureStore, pictures: list[tuple[Path, str]]) -> None:
    read_features(store, pictures, views=ViewBudget(1), reader=row_of, threads=1)
    budget = ViewBudget(2, deadline=-1.0, clock=Clock())
    read_features(store, pictures, views=budget, reader=interrupted_after(0), threads=1)
    assert budget.views == 1
    read_features(store, pictures, views=ViewBudget(2), reader=interrupted_after(len(pictures)), threads=1)
    assert {store.views_of(key) for _, key in pictures} == {2}
    store.close()


def test_copies_are_read_once(store: FeatureStore, pictures: list[tuple[Path, str]]) -> None:
    path, key = pictures[0]
    read_features(store, [(path, key)] * 5, views=ViewBudget(1), reader=interrupted_after(1), threads=1)
    assert store.rows([key] * 5, 0).shape == (5, 3)
    store.close()


def test_kinds_of_features_are_kept_apart(tmp_path: Path) -> None:
    first, second = FeatureStore(tmp_path, "grey"), FeatureStore(tmp_path, "red")
    assert first.path != second.path
    first.close()
    second.close()


def test_a_picture_that_is_gone_is_named(store: FeatureStore, pictures: list[tuple[Path, str]]) -> None:
    pictures[30][0].unlink()
    with pytest.raises(PictureError, match=r"30\.png"):
        read_features(store, pictures, views=ViewBudget(1), reader=row_of, threads=2)
    assert store.views_of(pictures[0][1]) == 1
    store.close()


def test_what_is_no_store_is_refused(tmp_path: Path) -> None:
    store = FeatureStore(tmp_path, "grey")
    store.close()
    store.path.write_text("no database " * 100)
    with pytest.raises(StorageError, match=r"Cannot keep features in '.*sqlite'.*another folder with --cache\.$"):
        FeatureStore(tmp_path, "grey")
    with pytest.raises(StorageError, match="a part of the path is a file"):
        FeatureStore(store.path / "below", "grey")


def test_a_store_that_breaks_later_is_refused(store: FeatureStore) -> None:
    """Another program took the table away; a full disk comes out the same way."""
    with sqlite3.connect(store.path) as other:
        other.execute("DROP TABLE features")
    other.close()
    with pytest.raises(StorageError, match="Cannot keep features"):
        store.add("0", np.zeros((1, 3), np.float32))
    for read in (lambda: store.views_of("0"), lambda: store.rows(["0"], 0)):
        with pytest.raises(StorageError, match="Cannot keep features"):
            read()
    store.close()
