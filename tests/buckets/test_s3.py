"""Buckets on a real S3 server."""

from __future__ import annotations

import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any
from uuid import uuid4

import boto3
import pytest

from walkaround.buckets.buckets import Buckets, buckets_of, s3_access
from walkaround.buckets.remote import S3Access
from walkaround.buckets.walked import TooManyObjectsError
from walkaround.errors import BucketError
from walkaround.settings import load_settings


@pytest.fixture
def buckets(s3_server: S3Access) -> Buckets:
    """Every bucket is at the server."""
    return Buckets({}, s3=s3_server)


@pytest.fixture
def bucket(buckets: Buckets) -> str:
    """A new bucket; the server makes it when something is written."""
    name = f"test-{uuid4().hex}"
    buckets.write(name, "2024/a b/ä.jpg", b"picture")
    return name


def test_what_is_written_is_read(buckets: Buckets, bucket: str) -> None:
    content = os.urandom(7_000_000)  # more than one part of an upload
    buckets.write(bucket, "large", content)
    assert buckets.read(bucket, "large", at_most=len(content)) == content
    assert buckets.size(bucket, "large") == len(content)
    assert buckets.read(bucket, "2024/a b/ä.jpg", at_most=7) == b"picture"


@pytest.mark.parametrize("key", ["a b", "ä/ö", "a?b#c", "%2e%2e/x", "a+b&c=d", "'\"<>", "…", "x" * 200, "@evil.com/x", "a*b"])
def test_any_key_is_one_object(buckets: Buckets, bucket: str, key: str) -> None:
    buckets.write(bucket, key, key.encode())
    assert buckets.read(bucket, key, at_most=1000) == key.encode()
    assert key in [found.key for found in buckets.list(bucket)]


def test_of_many_who_make_the_same_object_at_once_one_is_told_so(buckets: Buckets, bucket: str) -> None:
    with ThreadPoolExecutor(12) as pool:
        made = list(pool.map(lambda number: buckets.create(bucket, "a/one", b"%d" % number), range(12)))
    assert made.count(True) == 1
    assert buckets.read(bucket, "a/one", at_most=9) == b"%d" % made.index(True)
    buckets.write(bucket, "a/one", b"replaced")
    assert not buckets.create(bucket, "a/one", b"again")
    assert buckets.read(bucket, "a/one", at_most=9) == b"replaced"


def test_what_is_taken_away_is_gone(buckets: Buckets, bucket: str) -> None:
    buckets.write(bucket, "one", b"")
    buckets.remove(bucket, "one")
    buckets.remove(bucket, "one")  # is no fault
    assert [found.key for found in buckets.list(bucket)] == ["2024/a b/ä.jpg"]


def test_the_start_of_an_object_and_an_empty_one(buckets: Buckets, bucket: str) -> None:
    buckets.write(bucket, "empty", b"")
    assert buckets.start(bucket, "2024/a b/ä.jpg", length=4) == b"pict"
    assert buckets.start(bucket, "2024/a b/ä.jpg", length=400) == b"picture"
    assert buckets.start(bucket, "empty", length=4) == b""
    assert buckets.read(bucket, "empty", at_most=0) == b""


def test_a_bucket_can_be_a_part_of_another(s3_server: S3Access, buckets: Buckets, bucket: str) -> None:
    part = Buckets({"mine": f"s3://{bucket}/2024"}, s3=s3_server)
    assert part.read("mine", "a b/ä.jpg", at_most=7) == b"picture"
    part.write("mine", "b.jpg", b"new")
    assert [found.key for found in part.list("mine")] == ["a b/ä.jpg", "b.jpg"]
    assert buckets.read(bucket, "2024/b.jpg", at_most=3) == b"new"


def test_versions_are_read_by_their_names(s3_server: S3Access, buckets: Buckets, bucket: str) -> None:
    client = boto3.client(
        "s3",
        endpoint_url=s3_server.endpoint,
        aws_access_key_id=s3_server.access_key,
        aws_secret_access_key=s3_server.secret_key,
        region_name=s3_server.region,
    )
    client.put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": "Enabled"})
    old, new = (client.put_object(Bucket=bucket, Key="m", Body=body)["VersionId"] for body in (b"old", b"new"))
    assert buckets.read(bucket, "m", version=old, at_most=3) == b"old"
    assert buckets.read(bucket, "m", version=new, at_most=3) == buckets.read(bucket, "m", at_most=3) == b"new"
    with pytest.raises(BucketError, match="There is no object"):
        buckets.read(bucket, "m", version="0123", at_most=3)


def test_a_listing_has_the_keys_that_begin_so(buckets: Buckets, bucket: str) -> None:
    for key in ("b/1", "b/2/3", "b-c/x", "b.txt", "bb", "a"):
        buckets.write(bucket, key, b"1")
    keys = [found.key for found in buckets.list(bucket, "b")]
    assert sorted(keys) == ["b-c/x", "b.txt", "b/1", "b/2/3", "bb"]
    assert [found.key for found in buckets.list(bucket, "b/2")] == ["b/2/3"]
    assert list(buckets.list(bucket, "nothing/here")) == []


def test_more_than_one_page_is_listed(buckets: Buckets, bucket: str) -> None:
    names = [f"many/{number:04}" for number in range(1100)]
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda name: buckets.write(bucket, name, b""), names))
    assert [found.key for found in buckets.list(bucket, "many/", at_most=1100)] == names
    with pytest.raises(TooManyObjectsError, match=r"There are more than 1,099 objects where .*/many/0001' is"):
        list(buckets.list(bucket, "many/0001", at_most=1099))  # which servers list with what lies beside it


@pytest.mark.parametrize(
    ("use", "sentence"),
    [
        (
            lambda buckets, bucket: buckets.read(bucket, "no/such.jpg", at_most=9),
            "There is no object 's3://test-.*/no/such.jpg'",
        ),
        (lambda buckets, bucket: buckets.size(bucket, "no.jpg"), "There is no object"),
        (lambda buckets, bucket: buckets.read("not-there", "a", at_most=9), "There is no bucket 'not-there' at its server"),
        (lambda buckets, bucket: list(buckets.list("not-there")), "There is no bucket 'not-there' at its server"),
        (lambda buckets, bucket: buckets.check("not-there"), "There is no bucket 'not-there' at its server"),
        (lambda buckets, bucket: buckets.read(bucket, "2024/a b/ä.jpg", at_most=6), "has more than 6 bytes"),
        (lambda buckets, bucket: buckets.local(bucket, "2024/a b/ä.jpg", folder=Path(), at_most=6), "has more than 6 bytes"),
    ],
)
def test_what_is_not_there_is_named(
    buckets: Buckets, bucket: str, use: Callable[[Buckets, str], object], sentence: str
) -> None:
    with pytest.raises(BucketError, match=sentence):
        use(buckets, bucket)


@pytest.mark.parametrize(
    "keys", [{"access_key": "nobody"}, {"secret_key": "wrong"}, {"access_key": None}], ids=["user", "secret", "anonymous"]
)
def test_keys_that_are_not_permitted_are_told(s3_server: S3Access, bucket: str, keys: dict[str, Any]) -> None:
    stranger = Buckets({}, s3=replace(s3_server, **keys))
    for use in (
        lambda: stranger.read(bucket, "2024/a b/ä.jpg", at_most=9),
        lambda: stranger.write(bucket, "mine", b""),
        lambda: list(stranger.list(bucket)),
    ):
        with pytest.raises(BucketError, match=r"is not permitted \(.*\): check the access key"):
            use()


def test_a_bucket_that_is_there_passes(buckets: Buckets, bucket: str) -> None:
    buckets.check(bucket)


def test_a_copy_is_used_again_until_the_object_changes(buckets: Buckets, bucket: str, tmp_path: Path) -> None:
    first = buckets.local(bucket, "2024/a b/ä.jpg", folder=tmp_path, at_most=100)
    os.utime(first, (1, 1))
    assert buckets.local(bucket, "2024/a b/ä.jpg", folder=tmp_path, at_most=100) == first
    assert first.read_bytes() == b"picture"
    assert first.stat().st_mtime > 1, "it counts as used"
    assert first.suffix == ".jpg"
    buckets.write(bucket, "2024/a b/ä.jpg", b"another")
    second = buckets.local(bucket, "2024/a b/ä.jpg", folder=tmp_path, at_most=100)
    assert (first.read_bytes(), second.read_bytes()) == (b"picture", b"another")


def test_a_damaged_copy_is_made_again(buckets: Buckets, bucket: str, tmp_path: Path) -> None:
    copy = buckets.local(bucket, "2024/a b/ä.jpg", folder=tmp_path, at_most=100)
    copy.write_bytes(b"pic")
    assert buckets.local(bucket, "2024/a b/ä.jpg", folder=tmp_path, at_most=100).read_bytes() == b"picture"


def test_many_threads_may_ask_for_one_object(buckets: Buckets, bucket: str, tmp_path: Path) -> None:
    with ThreadPoolExecutor(8) as pool:
        copies = list(
            pool.map(lambda _: buckets.local(bucket, "2024/a b/ä.jpg", folder=tmp_path, at_most=100).read_bytes(), range(64))
        )
    assert copies == [b"picture"] * 64
    assert len([path for path in tmp_path.rglob("*") if path.is_file()]) == 1


def test_the_settings_or_the_variables_of_aws_lead_to_the_server(s3_server: S3Access, bucket: str, tmp_path: Path) -> None:
    variables = {
        "AWS_ENDPOINT_URL_S3": str(s3_server.endpoint),
        "AWS_ACCESS_KEY_ID": str(s3_server.access_key),
        "AWS_SECRET_ACCESS_KEY": str(s3_server.secret_key),
    }
    settings = load_settings({"data": tmp_path}, environment={})
    assert buckets_of(settings, environment=variables).read(bucket, "2024/a b/ä.jpg", at_most=7) == b"picture"
    assert s3_access(settings, environment={}) is None
    flags = {"data": tmp_path, "s3_endpoint": s3_server.endpoint, "s3_access_key": s3_server.access_key}
    settings = load_settings(flags, environment={"WALKAROUND_S3_SECRET_KEY": str(s3_server.secret_key)})
    stray = {"AWS_ENDPOINT_URL_S3": "http://127.0.0.1:1", "AWS_SESSION_TOKEN": "of another", "AWS_ACCESS_KEY_ID": "another"}
    assert buckets_of(settings, environment=stray).read(bucket, "2024/a b/ä.jpg", at_most=7) == b"picture"
