"""What other sites make a browser send with a session's cookie is refused; callers with a key need no token."""

from __future__ import annotations

from typing import Any

import httpx
import pytest

from served import Served
from signed_in import API, PASSWORD, name_of_cookie, problem


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({}, 201),
        ({"X-CSRF-Token": ""}, 403),
        ({"X-CSRF-Token": "0" * 64}, 403),
        ({"Origin": "https://evil.example"}, 403),
        ({"Origin": "null"}, 403),
        ({"Origin": "http://127.0.0.1:1"}, 403),
        ({"Sec-Fetch-Site": "cross-site"}, 403),
        ({"Sec-Fetch-Site": "same-site"}, 403),
        ({"X-CSRF-Token": "é" * 8}, 403),
    ],
)
def test_a_change_needs_the_sessions_token_and_a_page_of_this_server(
    browser: Any, headers: dict[str, str], status: int
) -> None:
    mia = browser("mia")
    sent = {name: value.encode() for name, value in headers.items()}
    answer = mia.post(f"{API}/projects", json={"name": "forged"}, headers=sent)
    assert answer.status_code == status, answer.text
    assert ("forged" in mia.get(f"{API}/projects").text) is (status == 201)
    if status == 201:
        mia.delete(f"{API}/projects/forged")


@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE"])
def test_no_method_that_changes_goes_without_the_token(people: Served, browser: Any, method: str) -> None:
    ann = browser("ann")
    cookie = {"Cookie": f"{name_of_cookie(ann)}={ann.token}"}
    answer = httpx.request(method, f"{people.url}{API}/users/ray", headers=cookie, json={"role": "admin"})
    assert problem(answer)[0] == 403
    assert "X-CSRF-Token" in problem(answer)[1]


def test_events_of_a_session_need_the_token_too(people: Served, browser: Any) -> None:
    mia = browser("mia")
    cookie = {"Cookie": f"{name_of_cookie(mia)}={mia.token}"}
    assert problem(httpx.post(f"{people.url}{API}/events", headers=cookie, json={}))[0] == 403


def test_the_token_of_another_session_is_none(browser: Any) -> None:
    mia, dan = browser("mia"), browser("dan")
    answer = mia.post(f"{API}/projects", json={"name": "forged"}, headers={"X-CSRF-Token": dan.headers["X-CSRF-Token"]})
    assert answer.status_code == 403


def test_what_another_site_asks_for_with_the_cookie_is_not_read_either(browser: Any) -> None:
    mia = browser("mia")
    assert mia.get(f"{API}/projects", headers={"Sec-Fetch-Site": "cross-site"}).status_code == 403
    assert mia.get(f"{API}/projects", headers={"Origin": "https://evil.example"}).status_code == 403


@pytest.mark.parametrize("path", ["/session", "/setup"])
def test_another_site_can_sign_nobody_in(people: Served, path: str) -> None:
    sent = {"name": "ann", "password": PASSWORD} | ({"token": "x"} if path == "/setup" else {})
    answer = httpx.post(f"{people.url}{API}{path}", json=sent, headers={"Origin": "https://evil.example"})
    assert problem(answer)[0] == 403
    assert "set-cookie" not in answer.headers


def test_a_form_of_another_site_is_no_json(people: Served) -> None:
    answer = httpx.post(
        f"{people.url}{API}/session", content='{"name": "ann", "password": "x"}', headers={"Content-Type": "text/plain"}
    )
    assert answer.status_code == 415


def test_callers_with_a_key_need_no_token(people: Served, browser: Any) -> None:
    bearer = {"Authorization": f"Bearer {people.key.bearer}", "Origin": "https://elsewhere.example"}
    made = httpx.post(f"{people.url}{API}/projects", json={"name": "by-key"}, headers=bearer)
    assert made.status_code == 201
    ray = browser("ray")  # the cookie of a reader comes along, and the key counts
    assert ray.delete(f"{API}/projects/by-key", headers={**bearer, "X-CSRF-Token": "none"}).status_code == 204
    told = httpx.get(f"{people.url}{API}/session", headers=bearer).json()
    assert (told["user"], told["role"], told["csrf"]) == (None, "manage", None)
    assert told["key_id"] == people.key.key_id


def test_signed_requests_of_aws_clients_know_no_cookies(people: Served, browser: Any) -> None:
    ann = browser("ann")
    assert ann.get("/2020-11-20/projects").status_code in (401, 403)
