"""Users over REST: made, given roles and passwords, and removed, by administrators alone."""

from __future__ import annotations

import re
from typing import Any

import httpx
import pytest

from served import Served
from signed_in import API, PASSWORD, problem


@pytest.mark.parametrize(
    ("name", "status"),
    [("ray", 403), ("dan", 403), ("mia", 403), ("adam", 200)],
)
def test_only_administrators_see_users(browser: Any, name: str, status: int) -> None:
    answer = browser(name).get(f"{API}/users")
    assert answer.status_code == status
    if status == 403:
        assert re.search(rf"The user {name} has the role \w+, and this needs admin: ask an administrator", problem(answer)[1])


def test_a_reader_cannot_do_more_by_session_than_by_key(browser: Any) -> None:
    ray = browser("ray")
    assert ray.get(f"{API}/projects").status_code == 200
    assert ray.post(f"{API}/projects", json={"name": "x"}).status_code == 403
    assert ray.post(f"{API}/samples", json={"name": "x"}).status_code == 403


def test_users_are_made_changed_and_removed(browser: Any) -> None:
    ann, eve = browser("ann"), browser(None)
    made = ann.post(f"{API}/users", json={"name": "Eve@Example.org", "role": "read", "password": PASSWORD})
    assert (made.status_code, made.json()["name"], made.json()["signed_in"], made.json()["sessions"]) == (
        201,
        "eve@example.org",
        None,
        0,
    )
    assert eve.sign_in("eve@example.ORG").status_code == 201
    told = ann.get(f"{API}/users/eve@example.org").json()
    assert told["sessions"] == 1
    assert told["signed_in"] is not None
    assert "eve@example.org" in [one["name"] for one in ann.get(f"{API}/users").json()["users"]]
    assert ann.patch(f"{API}/users/eve@example.org", json={"role": "manage"}).json()["role"] == "manage"
    assert eve.session()["role"] == "manage"
    assert ann.delete(f"{API}/users/eve@example.org").json() == {"revoked_keys": 0}
    assert problem(eve.get(f"{API}/projects"))[0] == 401
    assert problem(ann.get(f"{API}/users/eve@example.org"))[0] == 404
    assert problem(eve.sign_in("eve@example.org"))[0] == 401


@pytest.mark.parametrize(
    ("sent", "status", "said"),
    [
        ({"name": "ann", "role": "read", "password": PASSWORD}, 409, "There is a user 'ann' already"),
        ({"name": "a b", "role": "read", "password": PASSWORD}, 422, "name"),
        ({"name": "eve", "role": "root", "password": PASSWORD}, 422, "role"),
        ({"name": "eve", "role": "read", "password": "short"}, 400, "10 to 200 characters"),
        ({"name": "eve", "role": "read"}, 422, "password"),
    ],
)
def test_a_user_that_cannot_be_is_refused(browser: Any, sent: dict[str, str], status: int, said: str) -> None:
    answer = browser("ann").post(f"{API}/users", json=sent)
    assert problem(answer)[0] == status
    assert said in problem(answer)[1]


def test_changing_ones_password_ends_all_sessions_but_a_new_one(browser: Any) -> None:
    ann, one, other = browser("ann"), browser(None), browser(None)
    ann.post(f"{API}/users", json={"name": "pam", "role": "read", "password": PASSWORD})
    one.sign_in("pam")
    other.sign_in("pam")
    former = one.token
    new = {"current": PASSWORD, "password": "another horse battery"}
    wrong = one.post(f"{API}/session/password", json={**new, "current": "wrong horse battery"})
    assert problem(wrong)[0] == 400
    assert "current password is wrong" in problem(wrong)[1]
    assert other.get(f"{API}/projects").status_code == 200
    changed = one.post(f"{API}/session/password", json=new)
    assert changed.status_code == 200, changed.text
    assert one.token != former
    assert one.session()["user"] == "pam"
    assert other.get(f"{API}/projects").status_code == 401
    assert browser(None).sign_in("pam").status_code == 401
    assert browser(None).sign_in("pam", "another horse battery").status_code == 201
    ann.delete(f"{API}/users/pam")


def test_an_administrator_gives_a_forgotten_password_anew(browser: Any) -> None:
    ann, pam = browser("ann"), browser(None)
    ann.post(f"{API}/users", json={"name": "pam", "role": "read", "password": PASSWORD})
    pam.sign_in("pam")
    assert ann.put(f"{API}/users/pam/password", json={"password": "another horse battery"}).status_code == 200
    assert pam.get(f"{API}/projects").status_code == 401
    assert pam.sign_in("pam", "another horse battery").status_code == 201
    ann.delete(f"{API}/users/pam")


def test_a_password_is_changed_in_a_session_alone(people: Served) -> None:
    bearer = {"Authorization": f"Bearer {people.key.bearer}"}
    sent = {"current": PASSWORD, "password": "another horse battery"}
    answer = httpx.post(f"{people.url}{API}/session/password", json=sent, headers=bearer)
    assert problem(answer)[0] == 400
    assert problem(httpx.delete(f"{people.url}{API}/session", headers=bearer))[0] == 400
