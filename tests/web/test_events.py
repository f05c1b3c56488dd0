"""Events over HTTP: who may tell them, what is answered, and that the answer comes when they are written down."""

from __future__ import annotations

import asyncio
import base64
import importlib.util
import json
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx
import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as how
from hypothesis import strategies as some
from pydantic import SecretStr
from sqlalchemy import delete, select

from served import Served
from walkaround.hosting.owner import Owner
from walkaround.pipeline.noticing import Room
from walkaround.pipeline.sinks.signing import HEADER, sign
from walkaround.pipeline.spec import WatchSpec
from walkaround.pipeline.watches import put_watch
from walkaround.settings import Settings
from walkaround.store.database import Database
from walkaround.store.pipeline import Arrival, DeadEvent, Watch
from walkaround.store.tables import Model, Project
from walkaround.web.app import App, build_app

SECRET = "shared by both"  # noqa: S105 - of a test
OWNER = Owner(account="000000000000", region="us-east-1")
OTHER = Owner(account="111111111111", region="us-east-1")
HANDLER = Path(__file__).parents[2] / "examples" / "lambda" / "handler.py"


def event(*keys: str, name: str = "ObjectCreated:Put") -> dict[str, Any]:
    return {
        "Records": [
            {
                "eventSource": "aws:s3",
                "eventName": name,
                "s3": {"bucket": {"name": "photos"}, "object": {"key": key, "eTag": "e"}},
            }
            for key in keys
        ]
    }


def watched(database: Database, name: str, owner: Owner = OWNER, **more: Any) -> None:
    spec = WatchSpec.model_validate({"name": name, "source": "events", "rules": [{"model": "cars/1"}], **more})
    with database.transaction() as session:
        if session.scalars(select(Project).filter_by(account=owner.account, name="cars")).one_or_none() is None:
            project = Project(account=owner.account, region=owner.region, name="cars", last_version=1)
            session.add(project)
            session.flush()
            session.add(Model(project_id=project.id, version=1, status="TRAINED", output={}, package="models/none"))
        put_watch(session, owner, spec, origin="command")  # which no process of the server's works on


def made_key(app: App, role: str) -> str:
    """The token of a new key."""
    with app.service.database.transaction() as session:
        token = app.service.ring.make(session, account=OWNER.account, role=role).bearer
    app.service.keys.read()  # as a running server does twice a second
    return token


class Teller:
    """Sends events to an application on a database, without a port; a caller with the token of the role detect."""

    def __init__(self, app: App, client: httpx.AsyncClient, loop: asyncio.Runner, token: str) -> None:
        self.app, self._client, self._loop, self.token = app, client, loop, token
        self.database = app.service.database

    def send(self, body: Any, *, watch: str | None = None, headers: dict[str, str] | None = None) -> httpx.Response:
        content = body if isinstance(body, bytes) else json.dumps(body).encode()
        sent = {"Authorization": f"Bearer {self.token}"} if headers is None else headers
        query = {} if watch is None else {"watch": watch}
        return self._loop.run(self._client.post("/api/v1/events", content=content, headers=sent, params=query))

    def ok(self, body: Any, **more: Any) -> Any:
        answer = self.send(body, **more)
        assert answer.status_code == 200, answer.text
        return answer.json()

    def problem(self, body: Any, **more: Any) -> tuple[int, str]:
        answer = self.send(body, **more)
        assert answer.headers["content-type"] == "application/problem+json", answer.text
        return answer.status_code, answer.json()["detail"]

    def keys(self) -> list[str]:
        with self.database.reading() as session:
            return sorted(session.scalars(select(Arrival.key)))

    def letters(self) -> list[tuple[int, str, int]]:
        with self.database.reading() as session:
            rows = session.scalars(select(DeadEvent).order_by(DeadEvent.id))
            return [(letter.watch_id, letter.error, letter.times) for letter in rows]


@pytest.fixture(scope="module", params=["sqlite", "postgresql"])
def shared_teller(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Teller]:
    """Making an application takes seconds, so that all tests with one kind of database share one."""
    data = tmp_path_factory.mktemp("data")
    url = None if request.param == "sqlite" else request.getfixturevalue("postgres_server").new_database()
    settings = Settings(data=data, database=url, events_secret=SecretStr(SECRET), events_backlog=20)
    app = build_app(settings)
    app.service.database.migrate()
    key = made_key(app, "detect")
    client = httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://127.0.0.1")
    with asyncio.Runner() as loop:
        yield Teller(app, client, loop, key)
        loop.run(client.aclose())
    app.service.database.close()


@pytest.fixture
def teller(shared_teller: Teller) -> Teller:
    """A teller with one watch, and nothing told yet."""
    with shared_teller.database.transaction() as session:
        for table in (Arrival, DeadEvent, Watch):
            session.execute(delete(table))
    watched(shared_teller.database, "uploads")
    shared_teller.app.service.room = Room(shared_teller.database, 20)  # which remembers what it was told for a second
    return shared_teller


def test_what_an_event_says_is_written_down_once(teller: Teller) -> None:
    told = event("front/a+b.jpg", "front/c.jpg")
    told["Records"].append(event("gone.jpg", name="ObjectRemoved:Delete")["Records"][0])
    assert teller.ok(told, watch="uploads") == {"objects": 2, "new": 2, "ignored": 1, "confirm": None}
    assert teller.keys() == ["front/a b.jpg", "front/c.jpg"], "it is there when the answer is"
    assert teller.ok(told, watch="uploads")["new"] == 0


def test_without_a_name_every_watch_for_events_is_told(teller: Teller) -> None:
    watched(teller.database, "fronts", rules=[{"prefix": "front/", "model": "cars/1"}])
    watched(teller.database, "folder", source="/no/such/folder", rules=[{"model": "cars/1"}])
    watched(teller.database, "others", OTHER)
    assert teller.ok(event("front/a.jpg", "b.jpg"))["new"] == 2
    with teller.database.reading() as session:
        rows = session.execute(select(Watch.name, Arrival.key).join(Watch, Watch.id == Arrival.watch_id)).all()
    assert {name for name, _ in rows} <= {"fronts", "uploads"}


@pytest.mark.parametrize("name", ["others", "nobody", "x"])
def test_a_watch_of_another_account_is_not_there(teller: Teller, name: str) -> None:
    watched(teller.database, "others", OTHER)
    status, told = teller.problem(event("a.jpg"), watch=name)
    assert (status, f"There is no watch '{name}'" in told) == (404, True)
    assert teller.keys() == []


def test_an_event_that_cannot_be_understood_is_refused_and_kept(teller: Teller) -> None:
    for _ in range(2):
        status, told = teller.problem({"Records": [{"eventName": "ObjectCreated:Put"}]}, watch="uploads")
        assert (status, "Record 1 of 1: The event's 's3' is missing" in told) == (400, True)
    ((_, reason, times),) = teller.letters()
    assert (reason, times) == (told, 2)


def test_an_event_of_a_model_that_does_not_exist_is_to_be_sent_again(teller: Teller) -> None:
    watched(teller.database, "vans", rules=[{"model": "cars/1"}, {"prefix": "b", "model": "vans/1"}])
    assert teller.ok(event("a.jpg"), watch="vans")["new"] == 1
    answer = teller.send(event("b.jpg"), watch="vans")
    assert (answer.status_code, answer.headers["retry-after"]) == (503, "60")
    assert "The project 'vans' does not have a trained model of version 1" in answer.json()["detail"]
    assert (teller.keys(), teller.letters()) == (["a.jpg", "b.jpg"], [])


@pytest.mark.parametrize("body", [b"", b"\0\0", b"\xff\xfe{", b"[" * 50_000, b"null", b'{"Records": null}'])
def test_any_body_is_answered(teller: Teller, body: bytes) -> None:
    assert teller.problem(body)[0] == 400
    assert len(teller.letters()) == 1


def test_a_body_has_a_limit(teller: Teller) -> None:
    status, told = teller.problem(b" " * 2_000_001)
    assert (status, "2,000,000 bytes at most" in told) == (413, True)
    assert teller.ok(json.dumps(event("a.jpg")).encode() + b" " * 1_000_000)["new"] == 1


def test_a_thousand_records_are_taken_at_once(teller: Teller) -> None:
    assert teller.ok(event(*(f"{number}.jpg" for number in range(1000))))["new"] == 1000
    answer = teller.send(event("one more.jpg"))
    assert answer.status_code == 429
    assert int(answer.headers["retry-after"]) > 0
    assert "events_backlog" in answer.json()["detail"]


def test_a_subscription_of_sns_is_answered_with_its_address(teller: Teller) -> None:
    url = "https://sns.eu-west-1.amazonaws.com/?Action=ConfirmSubscription"
    told = {"Type": "SubscriptionConfirmation", "TopicArn": "arn", "Message": "…", "SubscribeURL": url}
    headers = {"Content-Type": "text/plain; charset=UTF-8", "Authorization": f"Bearer {teller.token}"}
    assert teller.ok(told, headers=headers) == {"objects": 0, "new": 0, "ignored": 1, "confirm": url}


def test_a_paused_watch_asks_to_be_told_again(teller: Teller) -> None:
    watched(teller.database, "uploads", paused=True)
    answer = teller.send(event("a.jpg"))
    assert (answer.status_code, answer.headers["retry-after"]) == (503, "60")
    assert teller.keys() == []


def test_while_the_database_is_away_the_answer_is_that_nothing_was_changed(teller: Teller) -> None:
    database = teller.database
    away = Database("postgresql://nobody@127.0.0.1:1/none")
    teller.app.service.database = away
    try:
        answer = teller.send(event("a.jpg"))
    finally:
        teller.app.service.database = database
        away.close()
    assert (answer.status_code, "nothing was changed" in answer.json()["detail"]) == (503, True)
    assert teller.ok(event("a.jpg"))["new"] == 1


# Who may tell


def basic(user: str, password: str) -> dict[str, str]:
    return {"Authorization": "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode()}


def signed(body: bytes, *, secret: str = SECRET, at: float | None = None) -> dict[str, str]:
    return {HEADER: sign(secret, body, at=time.time() if at is None else at)}


BODY = json.dumps(event("a.jpg")).encode()


def test_basic_with_the_token_as_password_is_taken_here_alone(teller: Teller) -> None:
    assert teller.ok(BODY, headers=basic("sns", teller.token))["new"] == 1
    assert teller.ok(BODY, headers=basic("", teller.token))["new"] == 0
    assert teller.problem(BODY, headers=basic(teller.token, ""))[0] == 401
    assert teller.problem(BODY, headers={"Authorization": "Basic !"})[0] == 401


def test_who_sends_nothing_is_asked_for_a_password_as_sns_needs_it(teller: Teller) -> None:
    answer = teller.send(BODY, headers={})
    assert (answer.status_code, answer.headers["www-authenticate"]) == (401, 'Basic realm="walkaround", Bearer')


def test_a_signed_event_is_taken(teller: Teller) -> None:
    assert teller.ok(BODY, headers=signed(BODY))["new"] == 1


@pytest.mark.parametrize(
    "headers",
    [
        signed(BODY, secret="another one"),  # noqa: S106 - of a test
        signed(BODY + b" "),
        signed(BODY, at=time.time() - 3600),
        signed(BODY, at=time.time() + 3600),
        {HEADER: "t=,v1="},
        {HEADER: "é"},
        {HEADER: ""},
    ],
    ids=["secret", "body", "old", "new", "empty parts", "no ASCII", "empty"],
)
def test_a_signature_that_does_not_fit_is_refused(teller: Teller, headers: dict[str, Any]) -> None:
    encoded = {name: value.encode("latin-1") for name, value in headers.items()}
    status, told = teller.problem(BODY, headers=encoded)
    assert (status, "does not fit" in told) == (401, True)
    assert teller.keys() == []
    assert teller.letters() == []


def test_a_wrong_token_is_not_mended_by_a_signature(teller: Teller) -> None:
    assert teller.problem(BODY, headers={**signed(BODY), "Authorization": "Bearer walkaround_wrong"})[0] == 401


def test_without_the_setting_no_signature_opens(tmp_path: Path) -> None:
    app = build_app(Settings(data=tmp_path))

    async def post() -> int:
        app.service.database.migrate()
        async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://127.0.0.1") as client:
            return (await client.post("/api/v1/events", content=BODY, headers=signed(BODY, secret=""))).status_code

    assert asyncio.run(post()) == 401
    app.service.database.close()


def test_a_key_that_only_reads_may_not_tell(teller: Teller) -> None:
    assert teller.problem(BODY, headers={"Authorization": f"Bearer {made_key(teller.app, 'read')}"})[0] == 403


def test_a_signature_opens_nothing_else(teller: Teller) -> None:
    async def get() -> int:
        return (await teller._client.get("/api/v1/projects", headers=signed(b""))).status_code

    assert teller._loop.run(get()) == 401


# With a server of its own process


@pytest.fixture(scope="module")
def events_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    served = Served(folder=tmp_path_factory.mktemp("events"), variables={"WALKAROUND_EVENTS_SECRET": SECRET})
    served.start()
    yield served
    assert served.stop() == 0, served.log.read_text()[-4000:]


@pytest.fixture
def database(events_server: Served) -> Iterator[Database]:
    made = Database(f"sqlite:///{events_server.data / 'walkaround.sqlite'}")
    watched(made, "uploads")
    yield made
    made.close()


Handler = Callable[[dict[str, Any]], Any]


@pytest.fixture
def handler(events_server: Served, database: Database, monkeypatch: pytest.MonkeyPatch) -> Handler:
    """The Lambda function of the examples, as Lambda runs it."""
    monkeypatch.setenv("WALKAROUND_EVENTS_URL", f"{events_server.url}/api/v1/events?watch=uploads")
    spec = importlib.util.spec_from_file_location("handler", HANDLER)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return lambda told: module.handler(told, None)


@pytest.mark.parametrize("by", ["token", "secret"])
def test_the_lambda_function_tells_the_server(
    handler: Handler, events_server: Served, monkeypatch: pytest.MonkeyPatch, by: str
) -> None:
    name, value = ("WALKAROUND_TOKEN", events_server.key.bearer) if by == "token" else ("WALKAROUND_EVENTS_SECRET", SECRET)
    monkeypatch.setenv(name, value)
    key = f"{uuid4().hex}/ä+b.jpg"
    assert handler(event(key))["new"] == 1
    assert handler(event(key))["new"] == 0
    sqs = {"Records": [{"eventSource": "aws:sqs", "body": json.dumps(event(f"{key}.png"))}]}
    assert handler(sqs)["new"] == 1


def test_the_lambda_function_raises_what_lambda_should_try_again(handler: Handler, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WALKAROUND_TOKEN", "walkaround_wrong")
    with pytest.raises(RuntimeError, match="walkaround answered 401"):
        handler(event("a.jpg"))
    monkeypatch.setenv("WALKAROUND_EVENTS_URL", "http://127.0.0.1:1/api/v1/events")
    with pytest.raises(OSError, match="refused"):
        handler(event("a.jpg"))
    monkeypatch.setenv("WALKAROUND_EVENTS_URL", "file:///etc/passwd")
    with pytest.raises(ValueError, match="must be https"):
        handler(event("a.jpg"))


def test_the_lambda_function_is_done_with_what_would_be_refused_again(
    handler: Handler, events_server: Served, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("WALKAROUND_TOKEN", events_server.key.bearer)
    assert "of no kind that is known" in handler({"hello": "world"})["refused"]


@how(max_examples=40, deadline=None, derandomize=True, database=None, suppress_health_check=list(HealthCheck))
@given(some.binary(max_size=300))
def test_whatever_is_sent_the_server_does_not_fail(events_server: Served, database: Database, body: bytes) -> None:
    headers = {"Authorization": f"Bearer {events_server.key.bearer}"}
    answer = httpx.post(f"{events_server.url}/api/v1/events", content=body, headers=headers, trust_env=False)
    assert answer.status_code in (200, 400), answer.text
