"""What stores say when something was put into them: S3, EventBridge, SNS, Lambda, MinIO and SeaweedFS; nothing is fetched.

S3's keys come as a URL spells them, a plus for a space; those of EventBridge and SeaweedFS come as they are. See "Event message
structure" in Amazon's guide to S3, "Amazon S3 Event Notifications with EventBridge", "Parsing message formats" in that of SNS,
and `weed/notification/webhook` of SeaweedFS.
"""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, TypeVar
from urllib.parse import unquote_plus

from walkaround.errors import InputError
from walkaround.pipeline.arrivals import ObjectCreated
from walkaround.settings import BUCKET_NAME

_DEEPEST = 4
"""Events in events: an S3 event in an SNS envelope in a message of SQS that Lambda passes on."""
_LONGEST_KEY = 1024
_LONGEST_NAME = 1024
_LONGEST_URL = 2000
_LARGEST = 2**62
_CREATED = "ObjectCreated:"
_NO_VERSION = frozenset({"", "null"})
_FILER_BUCKETS = "/buckets/"
_FILER_EVENTS = frozenset({"create", "update", "delete", "rename"})
_FILER_VERSION = re.compile(r"(.+)\.versions/v_[0-9A-Za-z]+", re.DOTALL)
_FILER_ETAG, _FILER_VERSION_ID = "Seaweed-X-Amz-ETag", "Seaweed-X-Amz-Version-Id"
_FILER_DELETED = "Seaweed-X-Amz-Delete-Marker"


class EventError(InputError):
    """An event cannot be understood."""


@dataclass(frozen=True, kw_only=True)
class Event:
    """What an event says.

    Attributes:
        objects: what was put somewhere.
        ignored: how much of it needs nothing: what was removed, what is no object, a test.
        confirm: the address by which SNS wants a subscription to be confirmed, for a person to open.
    """

    objects: tuple[ObjectCreated, ...] = ()
    ignored: int = 0
    confirm: str | None = None


def read_event(body: bytes) -> Event:
    """What an event says.

    Args:
        body: of the request or message.

    Raises:
        EventError: it is none that is known, or a part of it is not what it should be; and nothing else, whatever the body.
    """
    return _event(_parsed(body), 0)


def _event(document: object, depth: int) -> Event:
    if not isinstance(document, dict):
        raise EventError("The event is not a JSON object: send it as S3, EventBridge, SNS, MinIO or SeaweedFS made it.")
    if depth > _DEEPEST:
        raise EventError(f"The event holds events in events, more than {_DEEPEST} deep.")
    if "Records" in document:
        return _records(document["Records"], depth)
    if "Type" in document and ("Message" in document or "TopicArn" in document):
        return _of_sns(document, depth)
    if "detail-type" in document:
        return _of_eventbridge(document)
    if "event_type" in document and "key" in document:
        return _of_seaweedfs(document)
    if document.get("Event") == "s3:TestEvent":
        return Event(ignored=1)
    raise EventError("The event is of no kind that is known: send it as S3, EventBridge, SNS, MinIO or SeaweedFS made it.")


def _records(records: object, depth: int) -> Event:
    if not isinstance(records, list):
        raise EventError("The event's Records are not a list.")
    found = []
    for number, record in enumerate(records, 1):
        try:
            found.append(_record(record, depth))
        except EventError as problem:
            raise EventError(f"Record {number:,} of {len(records):,}: {problem}") from problem
    return _together(found)


def _record(record: object, depth: int) -> Event:
    if not isinstance(record, dict):
        raise EventError("The record is not a JSON object.")
    if "Sns" in record:  # what Lambda is told by a topic
        return _event(_parsed(_text(_part(record, "Sns"), "Message")), depth + 1)
    if record.get("eventSource") == "aws:sqs":  # what Lambda is told by a queue
        return _event(_parsed(_text(record, "body")), depth + 1)
    if not _text(record, "eventName").removeprefix("s3:").startswith(_CREATED):
        return Event(ignored=1)
    about = _part(record, "s3")
    thing = _part(about, "object")
    version = _optional(thing, "versionId")
    if version == "1" and record.get("eventSource") == "minio:s3":
        version = None  # so MinIO called objects without versions for some years
    try:
        key = unquote_plus(_text(thing, "key"), errors="strict")
    except UnicodeDecodeError:
        raise EventError("The key of the object is not UTF-8.") from None
    return _created(
        bucket=_text(_part(about, "bucket"), "name"),
        key=key,
        version=version,
        etag=_optional(thing, "eTag"),
        size=thing.get("size"),
        happened=_moment(record.get("eventTime")),
    )


def _of_sns(envelope: Mapping[str, Any], depth: int) -> Event:
    kind = envelope["Type"]
    if kind == "Notification":
        return _event(_parsed(_text(envelope, "Message")), depth + 1)
    if kind == "UnsubscribeConfirmation":
        return Event(ignored=1)
    if kind != "SubscriptionConfirmation":
        raise EventError("The Type of the SNS message is not Notification or SubscriptionConfirmation.")
    url = _text(envelope, "SubscribeURL")
    if not url.startswith(("https://", "http://")) or len(url) > _LONGEST_URL or not url.isprintable() or " " in url:
        raise EventError("The SubscribeURL of the SNS message is no URL.")
    return Event(ignored=1, confirm=url)


def _of_eventbridge(event: Mapping[str, Any]) -> Event:
    if event.get("source") != "aws.s3":
        raise EventError("The EventBridge event does not come from aws.s3: let the rule pass S3's events alone.")
    if event["detail-type"] != "Object Created":
        return Event(ignored=1)
    detail = _part(event, "detail")
    thing = _part(detail, "object")
    return _created(
        bucket=_text(_part(detail, "bucket"), "name"),
        key=_text(thing, "key"),
        version=_optional(thing, "version-id"),
        etag=_optional(thing, "etag"),
        size=thing.get("size"),
        happened=_moment(event.get("time")),
    )


def _of_seaweedfs(event: Mapping[str, Any]) -> Event:
    kind, path = _text(event, "event_type"), _text(event, "key")
    if kind not in _FILER_EVENTS:
        raise EventError("The event_type of the SeaweedFS event is not create, update, delete or rename.")
    message = _part(event, "message" if "message" in event else "message_data")
    if kind == "delete" or message.get("new_entry") is None:
        return Event(ignored=1)
    entry = _part(message, "new_entry")
    attributes = _part(entry, "attributes") if "attributes" in entry else {}
    extended = _part(entry, "extended") if "extended" in entry else {}
    parent, name = message.get("new_parent_path"), entry.get("name")
    if isinstance(parent, str) and parent and isinstance(name, str) and name:
        path = f"{parent.rstrip('/')}/{name}"  # of what was renamed, `key` tells the old one
    bucket, _, key = path.removeprefix(_FILER_BUCKETS).partition("/")
    inner = not path.startswith(_FILER_BUCKETS) or bucket.startswith(".") or key.startswith(".uploads/")
    if inner or not key or entry.get("is_directory") or _FILER_DELETED in extended:
        return Event(ignored=1)
    version = _unpacked(extended, _FILER_VERSION_ID)
    versioned = _FILER_VERSION.fullmatch(key) if version is not None else None
    md5 = attributes.get("md5")
    etag = _unpacked(extended, _FILER_ETAG) or (_bytes(md5).hex() if md5 else None)
    return _created(
        bucket=bucket,
        key=versioned[1] if versioned else key,
        version=version,
        etag=etag,
        size=attributes.get("file_size", 0),
        happened=_moment(attributes.get("mtime")),
    )


def _created(*, bucket: str, key: str, version: str | None, etag: str | None, size: object, happened: datetime | None) -> Event:
    """The object, once everything is of a form that a database and a store can take."""
    if not BUCKET_NAME.fullmatch(bucket):
        raise EventError(f"{_shown(bucket)} cannot be the name of a bucket.")
    if not key or len(key) > _LONGEST_KEY or not _is_plain(key) or len(key.encode()) > _LONGEST_KEY:
        raise EventError(f"{_shown(key)} cannot be the key of an object: it is empty, too long or not text.")
    if size is not None and (not isinstance(size, int) or isinstance(size, bool) or not 0 <= size <= _LARGEST):
        raise EventError(f"The size of {_shown(key)} is not a number of bytes.")
    if key.endswith("/"):  # how consoles show an empty folder
        return Event(ignored=1)
    found = ObjectCreated(
        bucket=bucket,
        key=key,
        version=None if version in _NO_VERSION else version,
        etag=(etag or "").strip('"') or None,
        size=size,
        happened=happened,
    )
    return Event(objects=(found,))


def _together(events: Iterable[Event]) -> Event:
    found = list(events)
    return Event(
        objects=tuple(created for event in found for created in event.objects),
        ignored=sum(event.ignored for event in found),
        confirm=next((event.confirm for event in found if event.confirm), None),
    )


def _parsed(text: bytes | str) -> object:
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        raise EventError("The event is not JSON, or nested too deep.") from None


def _part(document: Mapping[str, Any], name: str) -> dict[str, Any]:
    return _of_kind(document, name, dict, "a JSON object")


def _text(document: Mapping[str, Any], name: str) -> str:
    return _of_kind(document, name, str, "text")


Kind = TypeVar("Kind")


def _of_kind(document: Mapping[str, Any], name: str, wanted: type[Kind], kind: str) -> Kind:
    value = document.get(name)
    if not isinstance(value, wanted):
        raise EventError(f"The event's {name!r} is missing, or not {kind}.")
    return value


def _optional(document: Mapping[str, Any], name: str) -> str | None:
    value = document.get(name)
    if value is None:
        return None
    if not isinstance(value, str) or len(value) > _LONGEST_NAME or not _is_plain(value):
        raise EventError(f"The event's {name!r} is not text of a usual length.")
    return value


def _unpacked(document: Mapping[str, Any], name: str) -> str | None:
    """A member that is text in base64."""
    if name not in document:
        return None
    try:
        text = _bytes(document[name]).decode()
    except UnicodeDecodeError:
        raise EventError(f"The event's {name!r} is not text.") from None
    return _optional({name: text}, name)


def _bytes(value: object) -> bytes:
    if not isinstance(value, str):
        raise EventError("A part of the event that should be base64 is not.")
    try:
        return base64.b64decode(value, validate=True)
    except ValueError:
        raise EventError("A part of the event that should be base64 is not.") from None


def _moment(value: object) -> datetime | None:
    """A time in ISO 8601, or in seconds since 1970; None where it is neither, because no more hangs on it than an order."""
    try:
        if isinstance(value, str):
            found = datetime.fromisoformat(value)
            return (found if found.tzinfo else found.replace(tzinfo=UTC)).astimezone(UTC)
        if isinstance(value, int) and not isinstance(value, bool):
            return datetime.fromtimestamp(value, tz=UTC)
    except (ValueError, OverflowError, OSError):
        pass
    return None


def _is_plain(text: str) -> bool:
    """Whether every database can keep the text: no NUL, and no half of a surrogate pair."""
    return "\0" not in text and not any("\ud800" <= letter <= "\udfff" for letter in text)


def _shown(text: str) -> str:
    return ascii(text[:100])
