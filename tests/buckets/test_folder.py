"""Folders as buckets: what goes in comes out, and no key, link or device gets a file from outside."""

from __future__ import annotations

import os
import resource
import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from walkaround.buckets.buckets import Buckets
from walkaround.buckets.names import ImpossibleKeyError, NotExclusiveError
from walkaround.buckets.walked import TooManyObjectsError
from walkaround.errors import BucketError, StorageError

SECRET = b"not for anyone"


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    """A bucket's folder beside a file that no key may reach."""
    (tmp_path / "secret.txt").write_bytes(SECRET)
    (tmp_path / "photos" / "2024").mkdir(parents=True)
    (tmp_path / "photos" / "2024" / "a.jpg").write_bytes(b"picture")
    return tmp_path / "photos"


@pytest.fixture
def buckets(photos: Path) -> Buckets:
    """The bucket, mapped."""
    return Buckets({"photos": photos})


def test_what_is_written_is_read(buckets: Buckets, photos: Path) -> None:
    buckets.write("photos", "new/folder/b.jpg", b"content")
    assert buckets.read("photos", "new/folder/b.jpg", at_most=7) == b"content"
    assert buckets.size("photos", "new/folder/b.jpg") == 7
    assert buckets.start("photos", "new/folder/b.jpg", length=3) == b"con"
    assert (photos / "new" / "folder" / "b.jpg").read_bytes() == b"content"
    assert [found.key for found in buckets.list("photos")] == ["2024/a.jpg", "new/folder/b.jpg"]


def test_of_many_who_make_the_same_object_at_once_one_is_told_so(buckets: Buckets, photos: Path) -> None:
    with ThreadPoolExecutor(12) as pool:
        made = list(pool.map(lambda number: buckets.create("photos", "a/one", b"%d" % number), range(12)))
    assert made.count(True) == 1
    assert buckets.read("photos", "a/one", at_most=9) == b"%d" % made.index(True)
    buckets.write("photos", "a/one", b"replaced")
    assert not buckets.create("photos", "a/one", b"again")
    assert buckets.read("photos", "a/one", at_most=9) == b"replaced"
    assert [path.name for path in (photos / "a").iterdir()] == ["one"], "nothing unfinished stays"


def test_what_is_taken_away_is_gone_and_nothing_else(buckets: Buckets, photos: Path) -> None:
    buckets.write("photos", "2024/b.jpg", b"content")
    buckets.remove("photos", "2024/b.jpg")
    buckets.remove("photos", "2024/b.jpg")  # is no fault
    buckets.remove("photos", "2025/c.jpg")
    (photos / "link").symlink_to(photos.parent)
    with pytest.raises(BucketError):
        buckets.remove("photos", "link/secret.txt")
    assert (photos.parent / "secret.txt").read_bytes() == SECRET
    assert [found.key for found in buckets.list("photos")] == ["2024/a.jpg"]


def test_a_file_of_a_folder_is_used_where_it_is(buckets: Buckets, photos: Path, tmp_path: Path) -> None:
    assert buckets.local("photos", "2024/a.jpg", folder=tmp_path / "copies", at_most=7) == photos / "2024" / "a.jpg"
    assert not (tmp_path / "copies").exists()


def test_folders_of_the_data_folder_are_buckets_too(photos: Path) -> None:
    buckets = Buckets({}, root=photos.parent)
    assert buckets.read("photos", "2024/a.jpg", at_most=100) == b"picture"
    assert buckets.mapped("photos")
    assert not buckets.mapped("elsewhere")
    assert not buckets.mapped("..")


def test_a_bucket_that_is_not_configured_is_refused(buckets: Buckets) -> None:
    with pytest.raises(BucketError, match=r"There is no bucket 'fleet': whoever runs walkaround can map it"):
        buckets.check("fleet")


def test_a_missing_folder_is_told(tmp_path: Path) -> None:
    buckets = Buckets({"photos": tmp_path / "gone"})
    for use in (
        lambda: buckets.check("photos"),
        lambda: buckets.size("photos", "a"),
        lambda: buckets.write("photos", "a", b""),
        lambda: list(buckets.list("photos")),
    ):
        with pytest.raises(BucketError, match=r"There is no bucket 'photos': its folder .*gone' is missing; make it\."):
            use()


@pytest.mark.parametrize("key", ["missing.jpg", "2024", "2024/a.jpg/b", "x" * 1000, "2024/" + "y" * 300])
def test_a_missing_object_is_named(buckets: Buckets, key: str) -> None:
    with pytest.raises(BucketError, match=r"There is no object 's3://photos/.*: put it there or correct the key\."):
        buckets.read("photos", key, at_most=10)


def test_more_bytes_than_allowed_are_refused(buckets: Buckets, tmp_path: Path) -> None:
    with pytest.raises(BucketError, match="has more than 6 bytes"):
        buckets.read("photos", "2024/a.jpg", at_most=6)
    with pytest.raises(BucketError, match="has more than 6 bytes"):
        buckets.local("photos", "2024/a.jpg", at_most=6, folder=tmp_path)


def test_a_folder_has_no_versions(buckets: Buckets) -> None:
    with pytest.raises(BucketError, match="there are no versions: leave the version out"):
        buckets.read("photos", "2024/a.jpg", version="1", at_most=100)


parts = st.sampled_from(["..", ".", "", "2024", "a.jpg", "secret.txt", "out", "up", "%2e%2e", "..\\..", "\0", "etc", "~"])
hostile = st.lists(parts, max_size=6).map("/".join) | st.text(max_size=40) | st.text(st.sampled_from("./\\\0a"), max_size=12)


@settings(max_examples=200, deadline=None)
@given(key=hostile)
def test_no_key_leads_out_of_the_folder(tmp_path_factory: pytest.TempPathFactory, key: str) -> None:
    base = tmp_path_factory.getbasetemp() / "hostile"
    inside = base / "photos"
    if not base.exists():
        (inside / "2024").mkdir(parents=True)
        (base / "secret.txt").write_bytes(SECRET)
        (inside / "out").symlink_to(base)
        (inside / "up").symlink_to("..")
        (inside / "etc").symlink_to("/etc")
    before = sorted(path for path in base.rglob("*") if not path.is_relative_to(inside))
    buckets = Buckets({"photos": inside})
    with suppress(BucketError, StorageError):
        buckets.write("photos", key, b"mine")
        assert buckets.local("photos", key, folder=base / "copies", at_most=4).is_relative_to(inside.resolve())
    with suppress(BucketError):
        assert buckets.read("photos", key, at_most=1_000_000) == b"mine"
    assert sorted(path for path in base.rglob("*") if not path.is_relative_to(inside)) == before
    assert (base / "secret.txt").read_bytes() == SECRET


@pytest.mark.parametrize("target", ["../secret.txt", "/etc/passwd"])
def test_a_link_out_is_neither_read_nor_written_nor_listed(buckets: Buckets, photos: Path, target: str) -> None:
    (photos / "link").symlink_to(target)
    for use in (lambda: buckets.read("photos", "link", at_most=10**6), lambda: buckets.write("photos", "link", b"x")):
        with pytest.raises(BucketError, match="is a link out of the bucket's folder"):
            use()
    assert [found.key for found in buckets.list("photos")] == ["2024/a.jpg"]
    assert (photos.parent / "secret.txt").read_bytes() == SECRET


def test_a_link_within_the_folder_is_followed(buckets: Buckets, photos: Path, tmp_path: Path) -> None:
    (photos / "latest").symlink_to("2024")
    (photos / "loop").symlink_to(".")
    assert buckets.read("photos", "latest/a.jpg", at_most=10) == b"picture"
    assert buckets.local("photos", "latest/a.jpg", folder=tmp_path, at_most=10) == photos / "2024" / "a.jpg"
    assert [found.key for found in buckets.list("photos")] == ["2024/a.jpg", "latest/a.jpg"]


def test_pipes_and_devices_are_no_objects(buckets: Buckets, photos: Path) -> None:
    os.mkfifo(photos / "pipe")
    with pytest.raises(BucketError, match="There is no object"):
        buckets.read("photos", "pipe", at_most=10)
    assert [found.key for found in buckets.list("photos")] == ["2024/a.jpg"]


def test_a_folder_that_becomes_a_link_meanwhile_is_not_followed(buckets: Buckets, photos: Path) -> None:
    (photos.parent / "a.jpg").write_bytes(SECRET)
    stop = threading.Event()

    def swap() -> None:
        while not stop.is_set():
            (photos / "2024").rename(photos / "away")
            (photos / "2024").symlink_to("..")
            (photos / "2024").unlink()
            (photos / "away").rename(photos / "2024")

    swapping = threading.Thread(target=swap)
    swapping.start()
    try:
        for _ in range(2000):
            try:
                assert buckets.read("photos", "2024/a.jpg", at_most=100) == b"picture"
            except BucketError:
                continue
    finally:
        stop.set()
        swapping.join()


def test_readers_see_the_old_content_or_the_new(buckets: Buckets) -> None:
    contents = [bytes([number]) * 200_000 for number in range(2)]
    buckets.write("photos", "x", contents[0])
    stop = threading.Event()

    def overwrite() -> None:
        while not stop.is_set():
            for content in contents:
                buckets.write("photos", "x", content)

    writing = threading.Thread(target=overwrite)
    writing.start()
    try:
        assert all(buckets.read("photos", "x", at_most=10**6) in contents for _ in range(300))
    finally:
        stop.set()
        writing.join()
    assert [found.key for found in buckets.list("photos")] == ["2024/a.jpg", "x"]


@pytest.mark.parametrize("key", ["2024", "2024/a.jpg/b.jpg"])
def test_what_cannot_be_written_is_told_and_leaves_nothing(buckets: Buckets, photos: Path, key: str) -> None:
    with pytest.raises((BucketError, StorageError), match="s3://photos/2024"):
        buckets.write("photos", key, b"x")
    assert [path.name for path in photos.rglob("*")] == ["2024", "a.jpg"]


@pytest.mark.parametrize("key", ["2024/12:30.jpg", "12:30/a.jpg", "why?.jpg", "2024/" + "x" * 256])
def test_a_name_that_the_disk_never_takes_is_told_apart(fat_disk: Path, key: str) -> None:
    (fat_disk / "2024").mkdir()
    buckets = Buckets({"photos": fat_disk})
    with pytest.raises(
        ImpossibleKeyError, match=r"'s3://photos/.* is refused by its disk for its name \((Invalid arg|File name)"
    ):
        buckets.write("photos", key, b"picture")
    assert [path.name for path in fat_disk.rglob("*")] == ["2024"]
    buckets.write("photos", "2024/12.30.jpg", b"picture")
    assert buckets.read("photos", "2024/12.30.jpg", at_most=7) == b"picture"


def test_a_disk_without_hard_links_cannot_tell_a_new_file_from_one_that_replaces_another(fat_disk: Path) -> None:
    buckets = Buckets({"photos": fat_disk})
    with pytest.raises(NotExclusiveError, match=r"The disk of 'a\.jpg' has no hard links"):
        buckets.create("photos", "a.jpg", b"picture")
    assert list(fat_disk.iterdir()) == []


def test_a_write_that_finds_no_room_leaves_the_old_content(buckets: Buckets, photos: Path) -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (10_000, hard))
    try:
        with pytest.raises(StorageError, match=r"Cannot write 's3://photos/2024/a\.jpg'"):
            buckets.write("photos", "2024/a.jpg", bytes(20_000))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert [path.read_bytes() for path in (photos / "2024").iterdir()] == [b"picture"]


@pytest.mark.parametrize(
    ("prefix", "keys"),
    [
        ("", ["a", "b-c/x", "b.txt", "b/1", "b/2/3", "bb"]),
        ("b", ["b-c/x", "b.txt", "b/1", "b/2/3", "bb"]),
        ("b/", ["b/1", "b/2/3"]),
        ("b/2", ["b/2/3"]),
        ("c", []),
        ("c/d", []),
        ("a/b", []),
    ],
)
def test_a_listing_has_the_keys_that_begin_so_in_order(tmp_path: Path, prefix: str, keys: list[str]) -> None:
    for name in ("bb", "b/2/3", "b/1", "a", "b.txt", "b-c/x"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()
    assert [found.key for found in Buckets({"abc": tmp_path}).list("abc", prefix)] == keys


def test_a_listing_that_is_asked_to_ends_after_so_many_files(tmp_path: Path) -> None:
    (tmp_path / "b").mkdir()
    for name in ("a", "b/1", "b/2"):
        (tmp_path / name).touch()
    buckets = Buckets({"abc": tmp_path})
    assert [found.key for found in buckets.list("abc", at_most=4)] == ["a", "b/1", "b/2"]  # a folder counts too
    with pytest.raises(TooManyObjectsError, match="There are more than 3 objects where 's3://abc' is"):
        list(buckets.list("abc", at_most=3))


def test_an_object_that_changes_has_another_etag(buckets: Buckets) -> None:
    [before] = buckets.list("photos")
    buckets.write("photos", "2024/a.jpg", b"another")
    [after] = buckets.list("photos")
    assert before.etag != after.etag
    assert after.modified.tzinfo is not None
