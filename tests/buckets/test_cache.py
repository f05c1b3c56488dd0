"""Copies are found by what they are copies of, and the folder of copies stays within its bound."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from walkaround.buckets.cache import Download, Trimming, trim


def kept(folder: Path, name: str, *, size: int, used: float) -> Path:
    path = Download(folder, f"s3://photos/{name}", name).keep("etag", [b"x" * size])
    os.utime(path, (used, used))
    return path


def test_the_longest_unused_goes_first_and_empty_folders_with_it(tmp_path: Path) -> None:
    paths = [kept(tmp_path, f"{number}.jpg", size=100, used=1000 + number) for number in range(5)]
    trim(tmp_path, 250)
    assert [path.exists() for path in paths] == [False, False, False, True, True]
    assert not paths[0].parent.exists()


def test_what_was_used_lately_stays_although_it_is_too_much(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    paths = [kept(tmp_path, f"{number}.jpg", size=100, used=time.time()) for number in range(5)]
    trim(tmp_path, 250)
    assert all(path.exists() for path in paths)
    assert "more than its bound" in caplog.text


def test_trimming_begins_with_the_first_copy_and_then_waits(tmp_path: Path) -> None:
    trimming = Trimming(250)
    old = [kept(tmp_path, f"{number}.jpg", size=100, used=1000 + number) for number in range(5)]
    trimming.added(tmp_path, 1)
    assert sum(path.exists() for path in old) == 2
    older = [kept(tmp_path, f"again {number}.jpg", size=100, used=10) for number in range(2)]
    trimming.added(tmp_path, 24)
    assert sum(path.exists() for path in older) == 2
    trimming.added(tmp_path, 24)
    assert sum(path.exists() for path in older) == 0


@pytest.mark.parametrize("name", ["..", ".", "", "a/../../b", "CON\0", "x" * 500, "-rf", "…"])
def test_no_name_leads_out_of_the_folder(tmp_path: Path, name: str) -> None:
    path = Download(tmp_path / "copies", "address", name).keep("etag", [b"1"])
    assert path.resolve().is_relative_to(tmp_path / "copies")
    assert path.read_bytes() == b"1"


def test_an_interrupted_copy_leaves_nothing(tmp_path: Path) -> None:
    def broken() -> Iterator[bytes]:
        yield b"half"
        raise KeyboardInterrupt

    download = Download(tmp_path, "address", "a.jpg")
    with pytest.raises(KeyboardInterrupt):
        download.keep("etag", broken())
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == []
    assert download.found("etag", 4) is None
