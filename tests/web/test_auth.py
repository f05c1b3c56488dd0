"""Who is let in, and to what."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from typing import Any

import pytest

from served import Served
from walkaround.errors import InputError
from walkaround.settings import Settings
from walkaround.store.keys import revoke_key
from walkaround.store.opening import database_of
from walkaround.web.app import build_app
from walkaround.web.auth import is_loopback
from walkaround.web.commands import make_key
from walkaround.web.rest.api import rest_api
from walkaround.web.service import Service


@pytest.mark.parametrize(
    ("headers", "said"),
    [
        ({}, "Send the header Authorization: Bearer"),
        ({"Authorization": "Bearer"}, "Send the header Authorization: Bearer"),
        ({"Authorization": "Basic dXNlcjpwYXNz"}, "Send the header Authorization: Bearer"),
        ({"Authorization": "Bearer walkaround_wrong"}, "No usable access key has this bearer token"),
        ({"Authorization": b"Bearer \xff\xfe"}, "No usable access key has this bearer token"),
    ],
)
def test_a_caller_without_a_usable_token_is_told_what_to_send(callers: Any, headers: dict[str, Any], said: str) -> None:
    status, told = callers.nobody.problem("GET", "/projects", headers=headers)
    assert status == 401
    assert said in told


def test_of_an_unknown_caller_no_byte_is_read(settings: Settings) -> None:
    told: list[Any] = []

    async def receive() -> Any:
        raise AssertionError("the body was read")

    async def send(message: Any) -> None:
        told.append(message)

    async def post() -> None:
        api = rest_api(Service(settings.model_copy(update={"keyless": False})))
        headers = [(b"content-type", b"application/json"), (b"content-length", b"8000000")]
        path = {"path": "/api/v1/projects", "raw_path": b"/api/v1/projects", "query_string": b""}
        await api({"type": "http", "method": "POST", "headers": headers, **path}, receive, send)

    asyncio.run(post())
    assert told[0]["status"] == 401
    assert (b"www-authenticate", b"Bearer") in told[0]["headers"]


def test_the_description_alone_needs_no_token(callers: Any) -> None:
    statuses = {path: callers.nobody.get(f"/api/v1/{path}").status_code for path in ("docs", "openapi.json", "jobs", "none")}
    assert statuses == {"docs": 200, "openapi.json": 200, "jobs": 401, "none": 401}


@pytest.mark.parametrize(
    ("role", "method", "path", "status"),
    [
        ("read", "GET", "/projects", 200),
        ("read", "POST", "/projects", 403),
        ("read", "POST", "/projects/none/models/1/detect", 403),
        ("detect", "GET", "/projects", 200),
        ("detect", "POST", "/projects/none/models/1/detect", 400),
        ("detect", "DELETE", "/projects/none", 403),
        ("manage", "DELETE", "/projects/none", 404),
        ("other", "GET", "/projects", 200),
    ],
)
def test_a_role_allows_what_is_below_it(callers: Any, role: str, method: str, path: str, status: int) -> None:
    answer = getattr(callers, role).request(method, f"/api/v1{path}", json={"name": "x"} if path == "/projects" else None)
    assert answer.status_code == status, answer.text


def test_a_refusal_names_key_and_roles(callers: Any) -> None:
    status, told = callers.read.problem("DELETE", "/projects/cars")
    assert status == 403
    assert "has the role read, and this needs manage" in told


def test_accounts_do_not_see_each_other(callers: Any, project: str) -> None:
    assert project in [one["name"] for one in callers.manage.ok("GET", "/projects")["projects"]]
    assert callers.other.ok("GET", "/projects")["projects"] == []
    assert callers.other.problem("GET", f"/projects/{project}")[0] == 404


def test_a_new_key_opens_at_once_and_a_revoked_one_not_for_a_second(server: Served, callers: Any) -> None:
    key = make_key(Settings(data=server.data), role="read", account=None, note="")
    headers = {"Authorization": f"Bearer {key.bearer}"}
    assert callers.nobody.get("/api/v1/projects", headers=headers).status_code == 200
    with database_of(Settings(data=server.data)).transaction() as session:
        revoke_key(session, key.key_id)
    time.sleep(1.0)
    assert callers.nobody.get("/api/v1/projects", headers=headers).status_code == 401


def test_keys_are_read_again_after_a_reading_that_failed(
    settings: Settings, talk: Callable[..., None], caplog: pytest.LogCaptureFixture
) -> None:
    async def conversation(client: Any, app: Any) -> None:
        key = make_key(settings, role="read", account=None, note="")
        headers = {"authorization": f"Bearer {key.bearer}"}
        assert (await client.get("/api/v1/projects", headers=headers)).status_code == 200
        usable, app.service.ring.usable = app.service.ring.usable, None
        await asyncio.sleep(0.7)
        app.service.ring.usable = usable
        with app.service.database.transaction() as session:
            revoke_key(session, key.key_id)
        await asyncio.sleep(1.2)
        assert (await client.get("/api/v1/projects", headers=headers)).status_code == 401

    talk(conversation)
    assert "The access keys could not be read again" in caplog.text


@pytest.mark.parametrize("host", ["0.0.0.0", "192.0.2.1", "example.com", "::"])  # noqa: S104 - that is refused
def test_a_server_without_keys_does_not_listen_where_others_are(settings: Settings, host: str) -> None:
    with pytest.raises(InputError, match="may only listen on a loopback address"):
        build_app(settings.model_copy(update={"host": host}))


@pytest.mark.parametrize("host", ["127.0.0.1", "127.8.0.1", "::1", "localhost"])
def test_an_address_of_this_machine_alone_is_known(host: str) -> None:
    assert is_loopback(host)


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"host": "127.0.0.1:8080"}, 200),
        ({"host": "localhost"}, 200),
        ({"host": "[::1]:8080"}, 200),
        ({"host": "localhost:8080", "origin": "http://localhost:8080"}, 200),
        ({"host": "rebound.example.com:8080"}, 401),
        ({"host": "localhost:8080", "origin": "https://example.com"}, 401),
        ({"host": "localhost:8080", "origin": "null"}, 401),
        ({"host": "localhost", "authorization": "Bearer walkaround_wrong"}, 401),
    ],
)
def test_without_keys_no_web_page_of_others_gets_in(talk: Callable[..., None], headers: dict[str, str], status: int) -> None:
    async def conversation(client: Any, app: Any) -> None:
        assert (await client.get("/api/v1/projects", headers=headers)).status_code == status

    talk(conversation)


@pytest.mark.parametrize("path", ["/api/v1/docs", "/api/v1/projects", "/api/v1/session"])
def test_browsers_are_told_to_be_careful_with_every_answer(callers: Any, path: str) -> None:
    headers = callers.nobody.get(path).headers
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["content-security-policy"].startswith("default-src 'none'")
    assert "frame-ancestors 'none'" in headers["content-security-policy"]
    assert headers["cross-origin-resource-policy"] == "same-origin"
