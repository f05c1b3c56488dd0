"""Real sinks: a DynamoDB server, a web server that answers as it is told; results for them, and a database of deliveries."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from hashlib import sha256
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import boto3
import pytest
from moto.server import ThreadedMotoServer
from sqlalchemy import func, select

from walkaround.buckets.buckets import Buckets, buckets_of
from walkaround.hosting.owner import Owner
from walkaround.pipeline.deliveries import Deliveries, Pace
from walkaround.pipeline.outbox import add_deliveries
from walkaround.pipeline.presence import Owners
from walkaround.pipeline.sinks.delivered import Delivered
from walkaround.pipeline.spec import WatchSpec
from walkaround.pipeline.watches import put_watch
from walkaround.settings import Settings
from walkaround.store.database import Database
from walkaround.store.pipeline import Arrival, Delivery, Watch
from walkaround.store.results import Result
from walkaround.store.tables import Project, now

FINDINGS = {
    "source": "s3://photos/a/b.jpg",
    "anomalous": True,
    "confidence": 0.9731,
    "label": "scratch",
    "damage": 0.9731,
    "probabilities": {"normal": 0.0269, "scratch": 0.9731},
    "width": 640,
    "height": 480,
}


@pytest.fixture(scope="session")
def delivered() -> Callable[..., Delivered]:
    """A result of a picture; delivered(key="x.jpg") changes something about it."""

    def make(**changes: Any) -> Delivered:
        moment = datetime(2026, 5, 4, 3, 2, 1, tzinfo=UTC)
        key = changes.get("key", "a/b.jpg")
        values: dict[str, Any] = {
            "identity": f"identity of {key}",
            "watch": "incoming",
            "source": f"s3://photos/{key}",
            "bucket": "photos",
            "key": key,
            "etag": "e1",
            "happened": moment,
            "project": "cars",
            "model_version": 3,
            "findings": FINDINGS,
            "created": moment,
        }
        return Delivered(**{**values, **changes})

    return make


@dataclass(eq=False)
class Receiver:
    """A web server on a loopback port that keeps what it gets, and answers with what `answers` gives for a request.

    Attributes:
        got: headers and body of each request that was read whole.
        answers: status, headers and seconds to wait before the answer, by the number of the request and its body.
    """

    url: str = ""
    got: list[tuple[Mapping[str, str], bytes]] = field(default_factory=list)
    answers: Callable[[int, bytes], tuple[int, Mapping[str, str], float]] = lambda number, body: (200, {}, 0.0)

    def keys(self) -> list[str]:
        """The keys of the results, in the order in which they came."""
        return [json.loads(body)["key"] for _, body in self.got]

    def ids(self) -> set[str]:
        """The ids of the deliveries."""
        return {headers["X-Walkaround-Delivery"] for headers, _ in self.got}


def _handler(receiver: Receiver) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        disable_nagle_algorithm = True

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            receiver.got.append((dict(self.headers), body))
            status, headers, seconds = receiver.answers(len(receiver.got), body)
            time.sleep(seconds)
            text = f"number {len(receiver.got)}\n".encode()
            self.send_response(status)
            for name, value in {**headers, "Content-Length": str(len(text))}.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(text)

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    return Handler


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, request: object, client_address: object) -> None:
        """Callers that hang up are what some tests are about."""


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    made = Receiver()
    server = _Server(("127.0.0.1", 0), _handler(made))
    made.url = f"http://127.0.0.1:{server.server_address[1]}/hook?from=a b"
    thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
    thread.start()
    yield made
    server.shutdown()
    server.server_close()
    thread.join()


@pytest.fixture(scope="session")
def _dynamodb_server() -> Iterator[str]:
    server = ThreadedMotoServer("127.0.0.1", port=0, verbose=False)
    server.start()
    yield f"http://127.0.0.1:{server.get_host_and_port()[1]}"
    server.stop()


@pytest.fixture
def dynamodb(_dynamodb_server: str, monkeypatch: pytest.MonkeyPatch) -> Any:
    """A client of a DynamoDB server without tables, to which the environment points."""
    environment = {
        "AWS_ENDPOINT_URL_DYNAMODB": _dynamodb_server,
        "AWS_ACCESS_KEY_ID": "tester",
        "AWS_SECRET_ACCESS_KEY": "only-for-tests",
        "AWS_REGION": "eu-west-1",
        "AWS_DEFAULT_REGION": "eu-west-1",
    }
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    client = boto3.client("dynamodb")
    for name in client.list_tables()["TableNames"]:
        client.delete_table(TableName=name)
    return client


@pytest.fixture
def table(dynamodb: Any) -> str:
    """An empty table as the sample has it."""
    name = "lookout_for_vision_summary"
    dynamodb.create_table(
        TableName=name,
        AttributeDefinitions=[{"AttributeName": "RequestID", "AttributeType": "S"}],
        KeySchema=[{"AttributeName": "RequestID", "KeyType": "HASH"}],
        BillingMode="PAY_PER_REQUEST",
    )
    return name


_OWNER = Owner(account="000000000000", region="us-east-1")


@dataclass(eq=False)
class Outgoing:
    """A database with results that have to be delivered.

    Attributes:
        settings: of the service; the bucket "out" is a folder.
        pace: at which a test has the time to wait for failures.
    """

    database: Database
    settings: Settings
    pace: Pace = Pace(first=0.05, longest=0.2, failing=0.1, attempts=4)  # noqa: RUF009 - it is frozen

    def watch(self, *sinks: dict[str, Any], name: str = "incoming", rules: Sequence[str] = ("cars/1",)) -> WatchSpec:
        """Make the watch, or give it other sinks."""
        values = {"name": name, "source": "events", "rules": [{"model": model} for model in rules], "sinks": sinks}
        spec = WatchSpec.model_validate(values)
        with self.database.transaction() as session:
            put_watch(session, _OWNER, spec, origin="rest")
        return spec

    def found(self, spec: WatchSpec, keys: Sequence[str], *, etag: str = "e", version: int = 1) -> None:
        """Results for these keys, as the line writes them: with what has to be delivered."""
        with self.database.transaction() as session:
            row = session.scalars(select(Watch).where(Watch.name == spec.name)).one()
            project = session.scalars(select(Project)).one()
            for key in keys:
                identity = sha256(f"{spec.name}/{key}/{etag}/{version}".encode()).hexdigest()
                arrival = Arrival(identity=identity, watch_id=row.id, project_id=project.id, model_version=version, etag=etag)
                arrival.bucket, arrival.key, arrival.happened, arrival.state = "photos", key, now(), "done"
                session.add(arrival)
                session.flush()
                result = Result(project_id=project.id, model_version=version, source=f"s3://photos/{key}", findings=FINDINGS)
                result.anomalous, result.confidence, result.label = True, 0.9, "dent"
                result.arrival_id, result.watch_id = arrival.id, row.id
                session.add(result)
                session.flush()
                add_deliveries(session, watch_id=row.id, sinks=spec.sinks, result_ids=[result.id])

    @contextmanager
    def running(
        self, *, settings: Settings | None = None, buckets: Buckets | None = None, pace: Pace | None = None
    ) -> Iterator[Deliveries]:
        """Deliveries as a process has them, in this one."""
        settings = settings or self.settings
        buckets = buckets or buckets_of(settings, environment={})
        owners = Owners(self.database, buckets, settings)
        deliveries = Deliveries(self.database, buckets, settings, owners=owners, pace=pace or self.pace)
        deliveries.start()
        try:
            yield deliveries
        finally:
            deliveries.stop()
            owners.leave()

    def rows(self, *states: str) -> int:
        """How many deliveries there are, in these states or in any."""
        with self.database.reading() as session:
            return session.scalar(select(func.count()).where(Delivery.state.in_(states or ("due", "running", "dead")))) or 0

    def errors(self) -> list[str]:
        """What was wrong with each at last."""
        with self.database.reading() as session:
            return [error or "" for error in session.scalars(select(Delivery.error).order_by(Delivery.id))]

    def wait_until(self, true: Callable[[], bool], *, seconds: float = 90.0) -> None:
        """Wait, but not for ever."""
        until = time.monotonic() + seconds
        while not true():
            assert time.monotonic() < until, "it does not come true"
            time.sleep(0.02)


@pytest.fixture
def outgoing(database_url: str, tmp_path: Path) -> Iterator[Outgoing]:
    (tmp_path / "out").mkdir()
    values = {"data": tmp_path / "data", "buckets": {"out": str(tmp_path / "out")}, "webhook_secret": "secret of both"}
    database = Database(database_url)
    with database.transaction() as session:
        session.add(Project(account=_OWNER.account, region=_OWNER.region, name="cars", last_version=1))
    yield Outgoing(database, Settings.model_validate(values))
    database.close()
