"""Queues on a server that speaks like SQS: a message goes when what it says is written down, and not before."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any
from uuid import uuid4

import boto3
import pytest
from moto.server import ThreadedMotoServer
from sqlalchemy import select, update

from served import wait_for
from walkaround.buckets.buckets import Buckets
from walkaround.errors import BucketError, UnavailableError
from walkaround.hosting.owner import Owner
from walkaround.pipeline.arrivals import ObjectCreated
from walkaround.pipeline.presence import Owners
from walkaround.pipeline.sources.sources import Sources
from walkaround.pipeline.sources.sqs import Queue, Refused
from walkaround.pipeline.spec import WatchSpec
from walkaround.pipeline.watches import put_watch
from walkaround.settings import Settings
from walkaround.store.database import Database
from walkaround.store.pipeline import Arrival, DeadEvent, Watch
from walkaround.store.tables import Model, Project

OWNER = Owner(account="000000000000", region="us-east-1")


@pytest.fixture(scope="module")
def endpoint() -> Iterator[str]:
    """The URL of a server that speaks like SQS."""
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    yield f"http://{host}:{port}"
    server.stop()


@pytest.fixture(autouse=True)
def variables(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in os.environ if name.startswith("AWS_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "tester")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "only-for-tests")
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")


class Sqs:
    """A queue of one test, as who sends to it sees it."""

    def __init__(self, endpoint: str) -> None:
        self.name = f"photos-{uuid4().hex}"
        keys = {"aws_access_key_id": "tester", "aws_secret_access_key": "only-for-tests"}
        self._client: Any = boto3.session.Session(**keys).client("sqs", endpoint_url=endpoint, region_name="us-east-1")
        self.url: str = self._client.create_queue(QueueName=self.name, Attributes={"VisibilityTimeout": "2"})["QueueUrl"]

    def send(self, *bodies: str) -> None:
        for start in range(0, len(bodies), 10):
            entries = [{"Id": str(number), "MessageBody": body} for number, body in enumerate(bodies[start : start + 10])]
            assert not self._client.send_message_batch(QueueUrl=self.url, Entries=entries).get("Failed")

    def left(self) -> int:
        """Messages in the queue, seen or not."""
        names = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]
        found = self._client.get_queue_attributes(QueueUrl=self.url, AttributeNames=names)["Attributes"]
        return sum(int(found[name]) for name in names)

    def close(self) -> None:
        self._client.close()


@pytest.fixture
def sqs(endpoint: str) -> Iterator[Sqs]:
    made = Sqs(endpoint)
    yield made
    made.close()


def event(key: str) -> str:
    record = {
        "eventSource": "aws:s3",
        "eventName": "ObjectCreated:Put",
        "s3": {"bucket": {"name": "photos"}, "object": {"key": key, "eTag": "e"}},
    }
    return json.dumps({"Records": [record]})


def settings_of(endpoint: str | None, data: Path = Path("/none")) -> Settings:
    return Settings(data=data, sqs_endpoint=endpoint)


class Told:
    """What a queue announces."""

    def __init__(self) -> None:
        self.keys: list[str] = []
        self.refused: list[Refused] = []

    def __call__(self, objects: Sequence[ObjectCreated], refused: Sequence[Refused]) -> list[ObjectCreated]:
        self.keys += [created.key for created in objects]
        self.refused += refused
        return [created for created in objects if created.key.startswith("later/")]


@pytest.fixture
def queue(endpoint: str, sqs: Sqs) -> Iterator[Queue]:
    made = Queue(f"sqs://{sqs.name}", settings_of(endpoint))
    yield made
    made.close()


def test_messages_of_several_receives_are_taken_at_once_and_deleted(queue: Queue, sqs: Sqs) -> None:
    topic = json.dumps({"Type": "Notification", "TopicArn": "arn", "Message": event("by+a+topic.jpg")})
    sqs.send(*(event(f"{number}.jpg") for number in range(34)), topic)
    told = Told()
    assert queue.look(told) == 35
    assert sorted(told.keys) == sorted([*(f"{number}.jpg" for number in range(34)), "by a topic.jpg"])
    assert sqs.left() == 0


def test_what_cannot_be_understood_is_given_with_the_reason_and_deleted(queue: Queue, sqs: Sqs) -> None:
    sqs.send("no JSON", event("a.jpg"), json.dumps({"Service": "Amazon S3", "Event": "s3:TestEvent"}))
    told = Told()
    queue.look(told)
    assert told.keys == ["a.jpg"]
    assert [(body, "not JSON" in reason) for body, reason in told.refused] == [(b"no JSON", True)]
    assert sqs.left() == 0


def test_messages_that_could_not_be_written_down_come_again(queue: Queue, sqs: Sqs) -> None:
    sqs.send(event("a.jpg"))

    def fail(objects: Sequence[ObjectCreated], refused: Sequence[Refused]) -> list[ObjectCreated]:
        raise UnavailableError("The database is away.", retry_after=1)

    with pytest.raises(UnavailableError):
        queue.look(fail)
    assert sqs.left() == 1
    time.sleep(1.1)
    told = Told()
    queue.look(told)
    assert (told.keys, sqs.left()) == (["a.jpg"], 0)


def test_a_message_whose_object_has_to_wait_stays(queue: Queue, sqs: Sqs) -> None:
    sqs.send("no JSON", event("later/a.jpg"), event("b.jpg"))
    assert queue.look(Told()) == 2
    assert sqs.left() == 1
    time.sleep(1.1)
    told = Told()
    queue.look(told)
    assert told.keys == ["later/a.jpg"]


def test_an_empty_queue_is_waited_for_some_seconds(queue: Queue) -> None:
    began = time.monotonic()
    assert queue.look(Told()) == 0
    assert time.monotonic() - began > 2


def test_a_queue_is_named_by_its_url_too(endpoint: str, sqs: Sqs) -> None:
    sqs.send(event("a.jpg"))
    told = Told()
    queue = Queue(sqs.url, settings_of(endpoint))
    queue.look(told)
    queue.close()
    assert told.keys == ["a.jpg"]


@pytest.mark.parametrize(
    "url",
    [
        "https://evil.example.com/1/photos",
        "http://169.254.169.254/latest",
        "http://sqs.eu-west-1.amazonaws.com/1/photos",
        "https://sqs.eu-west-1.amazonaws.com.evil.example/1/x",
        "https://user@sqs.eu-west-1.amazonaws.com/1/x",
    ],
)
@pytest.mark.parametrize("configured", [None, "http://127.0.0.1:1"])
def test_no_watch_leads_to_a_server_that_is_not_configured(url: str, configured: str | None) -> None:
    with pytest.raises(BucketError, match="is at a server that is not configured"):
        Queue(url, settings_of(configured), environment={})


def test_a_queue_of_amazon_is_in_the_region_of_its_url() -> None:
    queue = Queue("https://sqs.eu-central-1.amazonaws.com/123456789012/photos", settings_of(None), environment={})
    assert queue.region == "eu-central-1"


@pytest.mark.parametrize(
    ("environment", "region"),
    [({}, "us-east-1"), ({"AWS_REGION": "eu-west-3"}, "eu-west-3"), ({"AWS_DEFAULT_REGION": "x-1"}, "x-1")],
)
def test_the_region_is_that_of_the_variables_of_aws_or_of_the_service(environment: Mapping[str, str], region: str) -> None:
    assert Queue("sqs://photos", settings_of(None), environment=environment).region == region


def test_a_queue_that_does_not_exist_is_told(endpoint: str) -> None:
    with pytest.raises(BucketError, match="There is no queue 'no-such-queue': make it"):
        Queue("sqs://no-such-queue", settings_of(endpoint)).look(Told())


def test_a_server_that_does_not_answer_is_told() -> None:
    with pytest.raises(UnavailableError, match="does not answer"):
        Queue("sqs://photos", settings_of("http://127.0.0.1:1")).look(Told())


def test_a_server_that_is_silent_does_not_hold_up_the_end() -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        began = time.monotonic()
        with pytest.raises(UnavailableError, match="does not answer"):
            Queue("sqs://photos", settings_of(f"http://127.0.0.1:{silent.getsockname()[1]}")).look(Told())
        assert time.monotonic() - began < 30, "the library itself waits for a minute"


def test_without_keys_it_is_said_which_are_needed(endpoint: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.delenv("AWS_ACCESS_KEY_ID")
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "none"))
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "none"))
    with pytest.raises(BucketError, match="needs an access key: set AWS_ACCESS_KEY_ID"):
        Queue("sqs://photos", settings_of(endpoint)).look(Told())


def test_without_boto3_it_is_said_how_to_install_it() -> None:
    code = """
import sys; sys.modules["boto3"] = sys.modules["botocore"] = None
from walkaround.errors import MissingExtraError
from walkaround.pipeline.sources import sources
from walkaround.pipeline.sources.sqs import Queue
from walkaround.settings import Settings
try: Queue("sqs://photos", Settings()).look(lambda *_: None)
except MissingExtraError as problem: print(problem)
"""
    said = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert "pip install 'walkaround[aws]'" in said


# With a database


@pytest.fixture
def database(database_url: str) -> Iterator[Database]:
    made = Database(database_url)
    with made.transaction() as session:
        session.add(Project(account=OWNER.account, region=OWNER.region, name="cars", last_version=1))
        session.flush()
        session.add(Model(project_id=1, version=1, status="TRAINED", output={}, package="models/x"))
    yield made
    made.close()


@pytest.fixture
def process(database: Database, endpoint: str, sqs: Sqs, tmp_path: Path) -> Iterator[Callable[[], Sources]]:
    values = {"name": "queue", "source": f"sqs://{sqs.name}", "rules": [{"model": "cars/1"}]}
    with database.transaction() as session:
        put_watch(session, OWNER, WatchSpec.model_validate(values), origin="rest")
    began: list[tuple[Sources, Owners]] = []

    def begin() -> Sources:
        settings, buckets = settings_of(endpoint, tmp_path / "data"), Buckets({})
        owners = Owners(database, buckets, settings)
        sources = Sources(database, buckets, settings, owners=owners)
        began.append((sources, owners))
        sources.start()
        return sources

    yield begin
    for sources, owners in began:
        sources.stop()
        owners.leave()


def test_messages_become_arrivals_once_though_two_processes_read_and_all_come_twice(
    database: Database, sqs: Sqs, process: Callable[[], Sources]
) -> None:
    sqs.send(*(event(f"{number}.jpg") for number in range(60)), *(event(f"{number}.jpg") for number in range(60)), "no JSON")
    sources = [process(), process()]
    wait_for(lambda: sqs.left() == 0, what="an empty queue", seconds=120)
    with database.reading() as session:
        assert len(session.scalars(select(Arrival.key)).all()) == 60
        assert [letter.body for letter in session.scalars(select(DeadEvent))] == ["no JSON"]
    began = time.monotonic()
    for one in sources:
        one.stop()
    assert time.monotonic() - began < 30
    with database.reading() as session:
        watch = session.scalars(select(Watch)).one()
    assert watch.status == ""
    assert watch.looked is not None


def test_messages_wait_in_the_queue_for_a_model_that_does_not_exist(
    database: Database, sqs: Sqs, process: Callable[[], Sources], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("walkaround.pipeline.sources.sources._WAITING_PAUSE", 1.0)
    with database.transaction() as session:
        session.execute(update(Model).values(package=None))
    sqs.send(event("a.jpg"))
    sources = process()
    wait_for(lambda: sources.problems or None, what="the problem", seconds=30)
    with database.reading() as session:
        assert "does not have a trained model of version 1" in session.scalars(select(Watch.status)).one()
        assert session.scalars(select(DeadEvent)).all() == []
    assert sqs.left() == 1
    with database.transaction() as session:
        session.execute(update(Model).values(package="models/x"))
    wait_for(lambda: sqs.left() == 0 or None, what="an empty queue", seconds=120)
    with database.reading() as session:
        assert session.scalars(select(Arrival.key)).all() == ["a.jpg"]
