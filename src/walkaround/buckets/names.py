"""Names of buckets and objects from outside: which are allowed, and how they are shown."""

from __future__ import annotations

import unicodedata
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from walkaround.errors import BucketError
from walkaround.settings import BUCKET_NAME

_FOLDER = "folder:"
_LONGEST_KEY = 1024
"""Bytes in UTF-8, the limit of S3."""


@dataclass(frozen=True, kw_only=True)
class ObjectInfo:
    """What a listing says of an object.

    Attributes:
        key: within the bucket.
        size: in bytes.
        etag: changes with the content; made of time and size where the place has none.
        modified: with time zone.
    """

    key: str
    size: int
    etag: str
    modified: datetime


@dataclass(frozen=True, kw_only=True)
class Fetched:
    """An object with its content at hand.

    Attributes:
        info: what it was when it was read.
        content: its bytes, or a file with them.
        temporary: the file is a copy, which the caller deletes.
    """

    info: ObjectInfo
    content: bytes | Path
    temporary: bool = False


class ImpossibleKeyError(BucketError):
    """The place will never take an object of this key: trying again would give the same answer."""


class NotExclusiveError(BucketError):
    """The place cannot tell an object that is new from one that replaces another."""


def split_address(address: str) -> tuple[str, str]:
    """Bucket and key of s3://bucket/key; the key may be empty. Neither is checked.

    Raises:
        BucketError: it is no such address.
    """
    scheme, separator, rest = address.partition("://")
    bucket, _, key = rest.partition("/")
    if scheme != "s3" or not separator or not bucket:
        raise BucketError(f"{quoted(address)} is not s3://BUCKET/KEY: correct it.")
    return bucket, key


def bare_etag(etag: str) -> str:
    """An etag without the quotes of HTTP, which events leave out."""
    return etag.removeprefix("W/").strip('"')


def folder_bucket(watch: str) -> str:
    """The bucket that a watched folder is: a name that no caller, event or setting can give, because of its colon."""
    return _FOLDER + watch


def is_folder_bucket(bucket: str) -> bool:
    """Whether it is the name of a watched folder's bucket, which is not for callers."""
    return bucket.startswith(_FOLDER)


def address(bucket: str, key: str = "") -> str:
    """s3://bucket/key, or folder:WATCH/key, quoted for a message; control characters are escaped and long text is cut."""
    place = bucket if is_folder_bucket(bucket) else f"s3://{bucket}"
    return quoted(f"{place}/{key}" if key else place)


def checked_bucket(bucket: str) -> str:
    """The name itself, if it can be one.

    Raises:
        BucketError: it cannot, whichever buckets there are.
    """
    if BUCKET_NAME.fullmatch(bucket):
        return bucket
    raise BucketError(
        f"{quoted(bucket)} cannot be the name of a bucket: write 3 to 63 letters, digits, dots, hyphens and underscores."
    )


def checked_key(bucket: str, key: str) -> str:
    """The key itself, if no place can take it for anything but the name of one object.

    Raises:
        ImpossibleKeyError: it is empty, too long, or has parts that a folder or a URL could mean otherwise.
    """
    reason = why_no_key(key)
    if reason:
        raise ImpossibleKeyError(f"{address(bucket, key)} cannot be an object: its key {reason}; use another key.")
    return key


def checked_prefix(bucket: str, prefix: str) -> str:
    """The prefix itself: empty, or the beginning of keys that could be there.

    Raises:
        BucketError: no key that is allowed begins so.
    """
    if prefix:
        checked_key(bucket, prefix.removesuffix("/"))
    return prefix


def why_no_key(key: str) -> str:
    """What is wrong with a key, as the end of a sentence; empty where nothing is."""
    if not key:
        return "is empty"
    try:
        length = len(key.encode("utf-8"))
    except UnicodeEncodeError:
        return "is not Unicode text"
    if length > _LONGEST_KEY:
        return f"has {length:,} bytes, more than {_LONGEST_KEY:,}"
    if "\\" in key:
        return "has a backslash"
    if any(unicodedata.category(letter) == "Cc" for letter in key):
        return "has control characters"
    if any(part in ("", ".", "..") for part in key.split("/")):
        return "has an empty part, '.' or '..' between slashes"
    return ""


def quoted(text: str) -> str:
    """Text in quotes for a message: control characters are escaped, and what is long is cut."""
    shown = repr(text) if text.isprintable() else ascii(text)
    return shown if len(shown) <= 200 else f"{shown[:199]}…"
