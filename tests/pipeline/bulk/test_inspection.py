"""Objects become rows without Ray: fetched from S3, changed meanwhile, not permitted, deadly."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import replace
from pathlib import Path
from uuid import uuid4

import pytest

pytest.importorskip("pyarrow", reason="pyarrow is not installed: pip install 'walkaround[bulk]'")

from walkaround.buckets.remote import S3Access
from walkaround.models.package import Package
from walkaround.pipeline.bulk.alone import Alone
from walkaround.pipeline.bulk.inspection import Equipment, Inspection, equipment, not_permitted
from walkaround.pipeline.bulk.places import Reach, place_of
from walkaround.pipeline.bulk.rows import Listed


def packed(package: Package, address: str, *, s3: S3Access | None = None) -> Equipment:
    """Equipment for an input."""
    source, target = place_of(address, name="input-folder"), place_of("/nowhere", name="output-folder")
    return equipment(package, reach=Reach(places={}, s3=s3), source=source, target=target, threads=2)


def listed(folder: Path) -> list[Listed]:
    """The files of a folder."""
    return [Listed(key=path.name, size=path.stat().st_size, etag="1") for path in sorted(folder.iterdir())]


def test_a_picture_of_a_bucket_has_its_address(package: Package, picture: Callable[[int], bytes], s3_server: S3Access) -> None:
    bucket, content = f"test-{uuid4().hex}", picture(1)
    reach = Reach(places={}, s3=s3_server)
    reach.buckets().write(bucket, "2024/ü.jpg", content)
    inspection = Inspection(packed(package, f"s3://{bucket}/2024", s3=s3_server))
    items = [Listed(key="2024/ü.jpg", size=len(content), etag="1"), Listed(key="2024/gone.jpg", size=9, etag="2")]
    found, gone = inspection.rows(items)
    expected = {"source": f"s3://{bucket}/2024/ü.jpg", "bucket": bucket, "key": "2024/ü.jpg", "etag": "1"}
    assert {name: found[name] for name in expected} == expected
    assert (found["anomalous"], found["width"], found["height"], found["error"]) == (True, 320, 240, None)
    assert "There is no object" in str(gone["error"])
    assert not_permitted([gone]) is None


def test_a_shard_of_which_nothing_may_be_read_is_no_result(package: Package, s3_server: S3Access) -> None:
    bucket = f"test-{uuid4().hex}"
    Reach(places={}, s3=s3_server).buckets().write(bucket, "a.jpg", b"1")
    stranger = Inspection(packed(package, f"s3://{bucket}", s3=replace(s3_server, access_key="nobody")))
    rows = list(stranger.rows([Listed(key="a.jpg", size=1, etag="1")] * 3))
    assert "is not permitted" in (not_permitted(rows) or "")


def test_a_picture_that_changed_meanwhile_is_told(package: Package, yard: Path) -> None:
    items = listed(yard)
    (yard / items[1].key).write_bytes(b"another")
    rows = list(Inspection(packed(package, str(yard))).rows(items[:3]))
    assert [row["error"] is None for row in rows] == [True, False, True]
    assert str(rows[1]["error"]).startswith(f"'{yard / '01.jpg'}' changed after it was listed")


def test_one_that_kills_its_reader_is_listed_and_the_others_are_read(
    package: Package, yard: Path, video: bytes, killing_readers_of: Callable[[Path], AbstractContextManager[set[int]]]
) -> None:
    (yard / "05-deadly.mp4").write_bytes(video)
    alone = Alone(packed(package, str(yard)))
    with killing_readers_of(yard / "05-deadly.mp4") as killed:
        for _ in range(10):  # a reader that is done before it was seen is not killed
            rows = [alone.row(item, content) for item, content in Inspection(packed(package, str(yard))).fetched(listed(yard))]
            if killed:
                break
    alone.close()
    (failed,) = (row for row in rows if row["error"] is not None)
    assert failed["key"] == "05-deadly.mp4"
    assert "ended the program that was reading it, 2 times (signal 9)" in str(failed["error"])
    assert (len(rows), len(killed)) == (13, 2)
