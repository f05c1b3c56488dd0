"""Objects become rows without Ray: fetched from S3, changed meanwhile, not permitted, deadly."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import replace
from pathlib import Path
from time import monotonic
from uuid import uuid4

import pytest

pytest.importorskip("pyarrow", reason="pyarrow is not installed: pip install 'walkaround[bulk]'")

from slow_inputs import stalling_s3, write_slow_video
from walkaround.buckets.buckets import Buckets
from walkaround.buckets.names import bare_etag
from walkaround.buckets.remote import Patience, S3Access
from walkaround.models.package import Package
from walkaround.pipeline.bulk.inspection import Equipment, equipment, not_permitted
from walkaround.pipeline.bulk.inspector import Rows
from walkaround.pipeline.bulk.places import Reach, place_of
from walkaround.pipeline.bulk.rows import Listed
from walkaround.pipeline.limits import Limits
from walkaround.settings import Limit

IMPATIENT = Patience(silence=1, retries=0)


def packed(package: Package, address: str, *, s3: S3Access | None = None, picture: float = 60, video: float = 60) -> Equipment:
    """Equipment for an input."""
    source, target = place_of(address, name="input-folder"), place_of("/nowhere", name="output-folder")
    limits = Limits(
        picture=Limit(seconds=picture, setting="picture_seconds"), video=Limit(seconds=video, setting="video_seconds")
    )
    return equipment(
        package, reach=Reach(places={}, s3=s3, patience=IMPATIENT), source=source, target=target, threads=2, limits=limits
    )


def rows_of(given: Equipment, items: list[Listed]) -> list[dict[str, object]]:
    """The row of each."""
    rows = Rows(given)
    try:
        return list(rows.of(items))
    finally:
        rows.close()


def listed(folder: Path) -> list[Listed]:
    """The files of a folder."""
    buckets = Buckets({"listed": folder})
    return [Listed(key=found.key, size=found.size, etag=found.etag) for found in buckets.list("listed")]


def test_a_picture_of_a_bucket_has_its_address(package: Package, picture: Callable[[int], bytes], s3_server: S3Access) -> None:
    bucket, content = f"test-{uuid4().hex}", picture(1)
    reach = Reach(places={}, s3=s3_server)
    reach.buckets().write(bucket, "2024/ü.jpg", content)
    etag = bare_etag(reach.buckets().info(bucket, "2024/ü.jpg").etag)
    items = [Listed(key="2024/ü.jpg", size=len(content), etag=etag), Listed(key="2024/gone.jpg", size=9, etag="2")]
    found, gone = rows_of(packed(package, f"s3://{bucket}/2024", s3=s3_server), items)
    expected = {"source": f"s3://{bucket}/2024/ü.jpg", "bucket": bucket, "key": "2024/ü.jpg", "etag": etag}
    assert {name: found[name] for name in expected} == expected
    assert (found["anomalous"], found["width"], found["height"], found["error"]) == (True, 320, 240, None)
    assert "There is no object" in str(gone["error"])
    assert not_permitted([gone]) is None


def test_a_shard_of_which_nothing_may_be_read_is_no_result(package: Package, s3_server: S3Access) -> None:
    bucket = f"test-{uuid4().hex}"
    Reach(places={}, s3=s3_server).buckets().write(bucket, "a.jpg", b"1")
    stranger = packed(package, f"s3://{bucket}", s3=replace(s3_server, access_key="nobody"))
    rows = rows_of(stranger, [Listed(key="a.jpg", size=1, etag="1")] * 3)
    assert "is not permitted" in (not_permitted(rows) or "")


def test_a_picture_that_changed_meanwhile_is_told(package: Package, yard: Path) -> None:
    items = listed(yard)
    (yard / items[1].key).write_bytes(b"another")
    same_size = yard / items[3].key
    same_size.write_bytes(same_size.read_bytes()[::-1])
    rows = rows_of(packed(package, str(yard)), items[:4])
    assert [row["error"] is None for row in rows] == [True, False, True, False]
    assert str(rows[1]["error"]).startswith(f"'{yard / '01.jpg'}' changed after it was listed")


def test_one_that_kills_its_reader_is_listed_and_the_others_are_read(
    package: Package, yard: Path, killing_readers_of: Callable[[Path], AbstractContextManager[set[int]]]
) -> None:
    write_slow_video(yard / "05-deadly.mp4")  # read for long enough to be seen
    with killing_readers_of(yard / "05-deadly.mp4") as killed:
        rows = rows_of(packed(package, str(yard)), listed(yard))
    (failed,) = (row for row in rows if row["error"] is not None)
    assert failed["key"] == "05-deadly.mp4"
    assert "ended the program that was reading it, 3 times (signal 9)" in str(failed["error"])
    assert (len(rows), len(killed)) == (13, 3)


def test_a_video_that_takes_too_long_is_listed_and_the_others_are_read(package: Package, yard: Path) -> None:
    write_slow_video(yard / "05-slow.mp4")
    rows = rows_of(packed(package, str(yard), video=0.2), listed(yard))
    (failed,) = (row for row in rows if row["error"] is not None)
    assert (failed["key"], failed["source"], failed["anomalous"]) == ("05-slow.mp4", str(yard / "05-slow.mp4"), None)
    assert "was worked on for more than 0.2 s, and given up: look at the file, or allow more" in str(failed["error"])
    assert len(rows) == 13


def test_an_object_whose_body_stalls_is_listed_and_the_others_are_read(
    package: Package, picture: Callable[[int], bytes]
) -> None:
    content = {key: picture(0) for key in ("a.jpg", "stalls.jpg", "z.jpg")}
    items = [Listed(key=key, size=len(body), etag="1") for key, body in content.items()]
    with stalling_s3(content, stalls="stalls.jpg") as s3:
        rows = rows_of(packed(package, "s3://photos", s3=s3), items)
    assert [row["error"] is None for row in rows] == [True, False, True]
    assert "'s3://photos/stalls.jpg' does not come, while its bucket answers" in str(rows[1]["error"])


def test_an_object_whose_body_trickles_is_listed_and_the_others_are_read(
    package: Package, picture: Callable[[int], bytes]
) -> None:
    content = {key: picture(0) for key in ("a.jpg", "trickles.jpg", "z.jpg")}
    items = [Listed(key=key, size=len(body), etag="1") for key, body in content.items()]
    with stalling_s3(content, stalls="trickles.jpg", trickles=0.3) as s3:
        began = monotonic()
        rows = rows_of(packed(package, "s3://photos", s3=s3, picture=5), items)
        assert monotonic() - began < 60
    assert [row["error"] is None for row in rows] == [True, False, True]
    error = str(rows[1]["error"])
    assert "had not come whole after 5 s: look at its server, or allow more with the setting picture_seconds" in error
