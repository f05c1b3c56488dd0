"""What can be the name of a bucket or an object, and what cannot, wherever it is."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from walkaround.buckets.names import address, checked_bucket, checked_key, checked_prefix, split_address
from walkaround.errors import BucketError


@pytest.mark.parametrize("name", ["abc", "Photos_2024", "a.b-c", "x" * 63, "_ab", "-ab"])
def test_a_name_of_a_bucket_is_taken(name: str) -> None:
    assert checked_bucket(name) == name


@pytest.mark.parametrize(
    "name", ["", "ab", "x" * 64, "...", ".ab", "a/b", "a\\b", "a b", "evil.com/", "a@b", "a:80", "abc\n", "äöü", "a%2fb", "a?b"]
)
def test_what_could_change_a_path_or_a_host_is_no_bucket(name: str) -> None:
    with pytest.raises(BucketError, match="cannot be the name of a bucket: write 3 to 63"):
        checked_bucket(name)


@pytest.mark.parametrize("key", ["a", "a/b.jpg", "2024/ä ö.jpg", "...", "a..b", ".hidden", "x" * 1024, "%2e%2e/a", "a?b#c"])
def test_a_key_is_taken(key: str) -> None:
    assert checked_key("photos", key) == key


@pytest.mark.parametrize(
    ("key", "reason"),
    [
        ("", "is empty"),
        ("/etc/passwd", "empty part"),
        ("a//b", "empty part"),
        ("a/", "empty part"),
        ("..", "'..'"),
        ("../a", "'..'"),
        ("a/../../b", "'..'"),
        ("./a", "'.'"),
        ("a\\..\\b", "backslash"),
        ("a\0b", "control"),
        ("a\nb", "control"),
        ("a\x7f", "control"),
        ("a\x85", "control"),
        ("\ud800", "not Unicode"),
        ("ä" * 513, "1,026 bytes"),
    ],
)
def test_a_key_that_a_folder_could_misunderstand_is_refused_by_its_reason(key: str, reason: str) -> None:
    with pytest.raises(BucketError, match=r"^'s3://photos.* its key .*; use another key\.$") as caught:
        checked_key("photos", key)
    assert reason in str(caught.value)


@pytest.mark.parametrize("prefix", ["", "a", "a/", "a/b", "a/b/"])
def test_a_prefix_may_end_in_a_slash(prefix: str) -> None:
    assert checked_prefix("photos", prefix) == prefix


@pytest.mark.parametrize("prefix", ["/", "../", "a//", "a/../b"])
def test_a_prefix_leads_nowhere_else(prefix: str) -> None:
    with pytest.raises(BucketError):
        checked_prefix("photos", prefix)


@pytest.mark.parametrize(
    ("text", "parts"), [("s3://a/b/c.jpg", ("a", "b/c.jpg")), ("s3://a", ("a", "")), ("s3://a/", ("a", ""))]
)
def test_an_address_has_two_parts(text: str, parts: tuple[str, str]) -> None:
    assert split_address(text) == parts


@pytest.mark.parametrize("text", ["", "a/b", "http://a/b", "s3:a/b", "s3:///b", "S3://a/b"])
def test_what_is_no_address_is_refused(text: str) -> None:
    with pytest.raises(BucketError, match="is not s3://BUCKET/KEY"):
        split_address(text)


@given(st.text(st.characters(), max_size=400))
def test_an_address_in_a_message_is_short_and_harmless(key: str) -> None:
    shown = address("photos", key)
    assert len(shown) <= 200
    assert shown.isprintable()
