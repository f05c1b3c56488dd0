"""One running server for the tests of its doors, callers with keys of every role, and an application without a port."""

from __future__ import annotations

import asyncio
import io
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pytest
from PIL import Image

from served import Served, wait_for
from walkaround.settings import Settings
from walkaround.store.keys import NewKey
from walkaround.web.app import App, build_app
from walkaround.web.commands import make_key


class Api(httpx.Client):
    """A caller of the REST API."""

    def __init__(self, served: Served, key: NewKey | None) -> None:
        headers = {} if key is None else {"Authorization": f"Bearer {key.bearer}"}
        super().__init__(base_url=served.url, headers=headers, timeout=60, trust_env=False)

    def ok(self, method: str, path: str, **sent: Any) -> Any:
        """The JSON of an answer that has to be good."""
        answer = self.request(method, f"/api/v1{path}", **sent)
        assert answer.is_success, f"{method} {path}: {answer.status_code} {answer.text}"
        return answer.json() if answer.content else None

    def problem(self, method: str, path: str, **sent: Any) -> tuple[int, str]:
        """Status and sentence of an answer that has to be a problem."""
        answer = self.request(method, f"/api/v1{path}", **sent)
        assert answer.headers["content-type"] == "application/problem+json", answer.text
        document = answer.json()
        assert document["status"] == answer.status_code
        assert document["request_id"] == answer.headers["x-request-id"]
        return answer.status_code, document["detail"]


@dataclass(frozen=True)
class Callers:
    """Callers of each role, and one without a key."""

    manage: Api
    detect: Api
    read: Api
    other: Api  # of another account, with all rights there
    nobody: Api


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """A server of its own process, with the folder `bucket` as the bucket photos."""
    folder = tmp_path_factory.mktemp("served")
    (folder / "bucket").mkdir()
    served = Served(
        folder=folder,
        buckets={"photos": folder / "bucket"},
        variables={
            "WALKAROUND_REQUEST_SECONDS": "2",
            "WALKAROUND_MAX_BODY": "10000000",
            "WALKAROUND_MAX_UPLOAD": "20000000",
            "WALKAROUND_PROJECTS_PER_ACCOUNT": "10000",  # nearly every test makes one
            "WALKAROUND_SQS_QUEUES": "uploads, more.fifo",
            "WALKAROUND_DYNAMODB_TABLES": "lookout_for_vision_summary",
        },
    )
    served.start()
    yield served
    assert served.stop() == 0, served.log.read_text()[-4000:]


@pytest.fixture(scope="session")
def callers(server: Served) -> Iterator[Callers]:
    """Callers of the server."""
    roles = [make_key(Settings(data=server.data), role=role, account=None, note="") for role in ("manage", "detect", "read")]
    other = make_key(Settings(data=server.data), role="manage", account="111111111111", note="")
    apis = [Api(server, key) for key in (*roles, other, None)]
    yield Callers(*apis)
    for api in apis:
        api.close()


@pytest.fixture
def api(callers: Callers) -> Api:
    """A caller who may do everything."""
    return callers.manage


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    """Of a server on an empty data folder that answers without keys."""
    return Settings(data=tmp_path / "data", keyless=True, request_seconds=0.4, max_body=100_000)


Talk = Callable[[httpx.AsyncClient, App], Awaitable[None]]


@pytest.fixture
def talk(settings: Settings) -> Callable[[Talk], None]:
    """Run a conversation with an application in this process, without a port."""

    def run(conversation: Talk) -> None:
        async def all_of_it() -> None:
            app = build_app(settings)
            transport = httpx.ASGITransport(app, raise_app_exceptions=True)
            async with app.service.running(), httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1") as client:
                await conversation(client, app)

        asyncio.run(all_of_it())

    return run


def picture(seed: int = 0, *, width: int = 96, height: int = 80, form: str = "JPEG") -> bytes:
    """A small picture that no other seed gives."""
    pixels = np.random.default_rng(seed).integers(0, 255, (height, width, 3), dtype=np.uint8)
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, form)
    return file.getvalue()


@pytest.fixture(scope="session")
def draw() -> Callable[..., bytes]:
    """See `picture`."""
    return picture


@pytest.fixture
def project(api: Api, request: pytest.FixtureRequest) -> str:
    """A project with an empty training dataset."""
    name = "p-" + "".join(letter if letter.isalnum() else "-" for letter in request.node.name)[:200]
    api.ok("POST", "/projects", json={"name": name})
    api.ok("POST", f"/projects/{name}/datasets", json={"kind": "train"})
    return name


@pytest.fixture
def upload(api: Api) -> Callable[..., Any]:
    """Upload pictures that no other test has into the training dataset of a project, and wait until they are there."""

    def run(project: str, pictures: int, **sent: Any) -> Any:
        seed = abs(hash(project)) % 10**6
        files = [("files", (f"car{number}.jpg", picture(seed + number), "image/jpeg")) for number in range(pictures)]
        done = api.ok("POST", f"/projects/{project}/datasets/train/pictures", files=files, **sent)
        wait_for_job(api, done["job"])
        return done

    return run


@pytest.fixture
def ended(api: Api) -> Callable[[str], Any]:
    """Wait until a job has ended; what is told of it."""
    return lambda job: wait_for_job(api, job)


def wait_for_job(api: Api, job: str) -> Any:
    """What is told of a job when it has ended."""

    def find() -> Any:
        told = api.ok("GET", f"/jobs/{job}")
        return told if told["state"] in ("done", "failed") else None

    return wait_for(find, what=job, seconds=120)
