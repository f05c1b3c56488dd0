"""The first visit: a link makes the first user once; without keys nobody signs in, and other sites' pages get nothing."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import pytest

from walkaround.settings import Settings
from walkaround.web.app import App

PASSWORD = "correct horse battery"  # noqa: S105 - of a user who is made here
API = "/api/v1"
Talk = Callable[[Callable[[httpx.AsyncClient, App], Any]], None]


@pytest.fixture
def settings(tmp_path: Path, request: pytest.FixtureRequest) -> Settings:
    return Settings(data=tmp_path / "data", keyless=getattr(request, "param", False))


def test_the_link_makes_an_administrator_and_signs_in(talk: Talk) -> None:
    async def conversation(client: httpx.AsyncClient, app: App) -> None:
        token = app.service.setup_token
        told = (await client.get(f"{API}/session")).json()
        assert (told["setup"], told["user"]) == (True, None)
        made = await client.post(f"{API}/setup", json={"token": token, "name": "Ann", "password": PASSWORD})
        assert made.status_code == 201
        assert (made.json()["user"], made.json()["role"], made.json()["setup"]) == ("ann", "admin", False)
        assert (await client.get(f"{API}/users")).json()["users"][0]["name"] == "ann"
        again = await client.post(f"{API}/setup", json={"token": token, "name": "eve", "password": PASSWORD})
        assert again.status_code == 409

    talk(conversation)


@pytest.mark.parametrize(
    ("token", "password", "status", "said"),
    [
        ("wrong", PASSWORD, 403, "not the one that the server printed last"),
        ("\udcff", PASSWORD, 422, ""),
        (None, "short", 400, "10 to 200 characters"),
    ],
)
def test_a_setup_that_is_refused_leaves_the_link_as_it_was(
    talk: Talk, token: str | None, password: str, status: int, said: str
) -> None:
    async def conversation(client: httpx.AsyncClient, app: App) -> None:
        right = app.service.setup_token
        sent = {"token": right if token is None else token, "name": "ann", "password": password}
        refused = await client.post(f"{API}/setup", content=json.dumps(sent), headers={"Content-Type": "application/json"})
        assert refused.status_code == status
        assert said in refused.json()["detail"]
        assert (await client.get(f"{API}/session")).json()["setup"]
        made = await client.post(f"{API}/setup", json={"token": right, "name": "ann", "password": PASSWORD})
        assert made.status_code == 201

    talk(conversation)


def test_each_start_offers_another_link_until_there_is_a_user(talk: Talk) -> None:
    offered: list[str | None] = []

    async def keep(client: httpx.AsyncClient, app: App) -> None:
        offered.append(app.service.setup_token)

    async def make(client: httpx.AsyncClient, app: App) -> None:
        offered.append(app.service.setup_token)
        former = await client.post(f"{API}/setup", json={"token": offered[0], "name": "ann", "password": PASSWORD})
        assert former.status_code == 403
        made = await client.post(f"{API}/setup", json={"token": offered[1], "name": "ann", "password": PASSWORD})
        assert made.status_code == 201

    for conversation in (keep, make, keep):
        talk(conversation)
    assert offered[0] != offered[1]
    assert offered[2] is None


@pytest.mark.parametrize("settings", [True], indirect=True)
def test_without_keys_nobody_signs_in_and_the_console_works(talk: Talk) -> None:
    async def conversation(client: httpx.AsyncClient, app: App) -> None:
        assert app.service.setup_token is None
        told = (await client.get(f"{API}/session")).json()
        assert (told["keyless"], told["setup"], told["user"], told["role"]) == (True, False, None, "manage")
        assert (await client.post(f"{API}/projects", json={"name": "cars"})).status_code == 201
        for path, sent in (("session", {}), ("setup", {"token": "x"})):
            refused = await client.post(f"{API}/{path}", json={"name": "ann", "password": PASSWORD, **sent})
            assert (refused.status_code, "asks nobody who they are" in refused.text) == (409, True)
        assert (await client.get(f"{API}/users")).status_code == 403

    talk(conversation)


@pytest.mark.parametrize("settings", [True], indirect=True)
@pytest.mark.parametrize("headers", [{"Origin": "https://evil.example"}, {"Host": "evil.example"}])
def test_without_keys_a_page_of_another_site_gets_nothing(talk: Talk, headers: dict[str, str]) -> None:
    async def conversation(client: httpx.AsyncClient, app: App) -> None:
        for method, path in (("GET", "session"), ("GET", "projects"), ("POST", "projects")):
            assert (await client.request(method, f"{API}/{path}", headers=headers, json={"name": "x"})).status_code == 401

    talk(conversation)


@pytest.mark.parametrize("settings", [True], indirect=True)
def test_without_keys_a_cookie_that_is_left_over_is_no_hindrance(talk: Talk) -> None:
    async def conversation(client: httpx.AsyncClient, app: App) -> None:
        client.cookies.set("walkaround", "of-another-time", domain="127.0.0.1")
        assert (await client.post(f"{API}/projects", json={"name": "cars"})).status_code == 201

    talk(conversation)
