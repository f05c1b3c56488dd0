"""A server of Lookout for Vision without a network: botocore's own requests go straight into the ASGI application."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import cache
from io import BytesIO
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import botocore.session
import pytest
from botocore.awsrequest import AWSPreparedRequest, AWSResponse
from botocore.config import Config
from sqlalchemy.orm import Session

from walkaround.aws.routes import AwsApi
from walkaround.aws.sagemaker_runtime import SageMakerRuntime
from walkaround.aws.service_model import MODEL_FOLDER
from walkaround.damage.findings import Findings
from walkaround.errors import ServiceError
from walkaround.hosting.owner import Owner
from walkaround.hosting.pool.pool import Detected
from walkaround.settings import Settings
from walkaround.store.database import Database
from walkaround.store.keys import Role, StoredKey

MOMENT = datetime(2020, 11, 20, 8, 30, 0, 250_000, tzinfo=UTC)
ACCOUNT = "123456789012"
SECRET = "/".join(("of", "a+key=", "of", "tests"))


def stored_key(key_id: str, role: Role) -> StoredKey:
    return StoredKey(
        key_id=key_id,
        secret=SECRET.encode(),
        bearer_digest="",
        account=ACCOUNT,
        role=role,
        note="",
        created=MOMENT,
        revoked=None,
    )


KEYS = {
    "WALKREAD": stored_key("WALKREAD", "read"),
    "WALKDETECT": stored_key("WALKDETECT", "detect"),
    "WALKMANAGE": stored_key("WALKMANAGE", "manage"),
}


@dataclass
class RecordingHost:
    """Answers every operation with what it was given to answer, and keeps what it was asked.

    Attributes:
        replies: of each method; empty where none is given.
        problem: raised instead of an answer.
    """

    replies: dict[str, dict[str, Any]] = field(default_factory=dict)
    problem: Exception | None = None
    calls: list[tuple[str, Owner, dict[str, Any]]] = field(default_factory=list)

    def __getattr__(self, name: str) -> Callable[..., dict[str, Any]]:
        if name.startswith("_"):
            raise AttributeError(name)

        def method(session: Session, owner: Owner, **members: Any) -> dict[str, Any]:
            assert isinstance(session, Session)
            self.calls.append((name, owner, members))
            if self.problem is not None:
                raise self.problem
            return self.replies.get(name, {})

        return method


FOUND = Findings(source="", anomalous=True, confidence=0.875, label="dent", damage=0.875, width=64, height=64)


@dataclass
class RecordingPool:
    """Finds damage in every picture.

    Attributes:
        findings: what it finds.
    """

    problem: Exception | None = None
    findings: Findings = FOUND
    calls: list[tuple[Owner, str, str, bytes, str]] = field(default_factory=list)
    turned_down: list[tuple[Owner, str, str, str]] = field(default_factory=list)

    async def detect(self, owner: Owner, project: str, version: str, picture: bytes, content_type: str) -> Detected:
        self.calls.append((owner, project, version, picture, content_type))
        if self.problem is not None:
            raise self.problem
        return Detected(self.findings, 1)

    def refused(self, owner: Owner, project: str, version: str, problem: ServiceError) -> None:
        self.turned_down.append((owner, project, version, type(problem).__name__))


@dataclass
class CountingJobs:
    woken: int = 0

    def wake(self) -> None:
        self.woken += 1


@dataclass
class HttpReply:
    status: int
    headers: dict[str, str]
    body: bytes


class Server:
    """The application and what stands behind it."""

    def __init__(self, data: Path, **settings: Any) -> None:
        self.host = RecordingHost()
        self.pool = RecordingPool()
        self.jobs = CountingJobs()
        self.database = Database(f"sqlite:///{data / 'test.sqlite'}")
        self.database.migrate()
        self.settings = Settings(data=data, **settings)
        self.api = AwsApi(self.host, self.pool, self.database, self.jobs, self.settings, self._find)
        self.runtime = SageMakerRuntime(self.pool, self.database, self.settings, self._find)
        self.state: dict[str, Any] = {}

    async def _find(self, key_id: str) -> StoredKey | None:
        return KEYS.get(key_id)

    def close(self) -> None:
        self.api.close()
        self.runtime.close()
        self.database.close()

    def send(
        self,
        method: str,
        target: str,
        *,
        headers: list[tuple[str, str]] | None = None,
        body: bytes = b"",
        parts: int = 1,
        stalls: bool = False,
    ) -> HttpReply:
        """Send a request as it would come over the wire.

        Args:
            target: the path, and the query behind a question mark.
            parts: in so many the body comes.
            stalls: whether the body never comes.
        """
        path, _, query = target.partition("?")
        self.state = {}
        scope = {
            "type": "http",
            "method": method,
            "path": "/",
            "raw_path": path.encode("latin-1"),
            "query_string": query.encode("latin-1"),
            "headers": [(name.lower().encode("latin-1"), value.encode("latin-1")) for name, value in headers or []],
            "state": self.state,
        }
        size = max(1, -(-len(body) // parts))
        pieces = [body[start : start + size] for start in range(0, len(body), size)] or [b""]
        return asyncio.run(self._exchange(scope, pieces, stalls=stalls))

    async def _exchange(self, scope: dict[str, Any], pieces: list[bytes], *, stalls: bool) -> HttpReply:
        messages = iter(pieces)
        left = len(pieces)
        sent: list[Any] = []

        async def receive() -> dict[str, Any]:
            nonlocal left
            if stalls:
                await asyncio.sleep(3600)
            left -= 1
            return {"type": "http.request", "body": next(messages), "more_body": left > 0}

        async def send(message: Any) -> None:
            sent.append(message)

        door = self.runtime if scope["raw_path"].startswith(b"/endpoints/") else self.api
        await door(scope, receive, send)
        start, *bodies = sent
        headers = {name.decode().lower(): value.decode("latin-1") for name, value in start["headers"]}
        return HttpReply(start["status"], headers, b"".join(message["body"] for message in bodies))

    def client(
        self, key_id: str = "WALKMANAGE", *, region: str = "us-east-1", secret: str = SECRET, service: str = "lookoutvision"
    ) -> Any:
        """An unmodified botocore client, with our service model where it has none, whose requests are answered here."""
        client = botocore_session().create_client(
            service,
            region_name=region,
            endpoint_url="http://127.0.0.1:8080",
            aws_access_key_id=key_id,
            aws_secret_access_key=secret,
            config=Config(retries={"total_max_attempts": 1}),
        )
        client.meta.events.register("before-send.*.*", self._answer)
        return client

    def _answer(self, request: AWSPreparedRequest, **_: Any) -> AWSResponse:
        parts = urlsplit(request.url)
        headers = [(name, value if isinstance(value, str) else value.decode()) for name, value in request.headers.items()]
        if "Host" not in request.headers:
            headers.append(("Host", parts.netloc))
        body = request.body
        content = body.read() if hasattr(body, "read") else body or b""
        content = content.encode() if isinstance(content, str) else bytes(content)
        reply = self.send(request.method, f"{parts.path}?{parts.query}", headers=headers, body=content, parts=3)
        return AWSResponse(request.url, reply.status, reply.headers, _Raw(reply.body))


@cache
def botocore_session() -> Any:
    """A session that knows our service model; made once, because it reads large files."""
    session = botocore.session.Session()
    session.get_component("data_loader").search_paths.insert(0, str(MODEL_FOLDER.parents[1]))
    return session


class _Raw(BytesIO):
    def stream(self, *_: object, **__: object) -> Iterator[bytes]:
        yield self.read()


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Server]:
    made = Server(tmp_path)
    yield made
    made.close()


@pytest.fixture
def keyless(tmp_path: Path) -> Iterator[Server]:
    made = Server(tmp_path, keyless=True)
    yield made
    made.close()


@pytest.fixture(autouse=True)
def _no_settings_of_the_machine(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in [name for name in os.environ if name.startswith("AWS_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "none"))
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "none"))
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
