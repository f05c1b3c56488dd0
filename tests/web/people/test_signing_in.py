"""Signing in and out over REST: the cookie, the session, its end, and who is told what."""

from __future__ import annotations

import json
import re
from datetime import timedelta
from typing import Any

import httpx
import pytest
from sqlalchemy import update

from served import Served
from signed_in import API, PASSWORD, change, name_of_cookie, problem
from walkaround.store.access import SignedIn
from walkaround.store.tables import now


def test_the_cookie_is_out_of_reach_of_scripts_and_of_other_sites(browser: Any) -> None:
    answer = browser(None).sign_in("ann")
    cookies = answer.headers.get_list("set-cookie")
    assert len(cookies) == 2
    for cookie in cookies:
        assert {"HttpOnly", "SameSite=strict", "Path=/"} <= set(cookie.split("; "))
        assert "Secure" not in cookie  # this server speaks http, and there is no proxy before it
    assert answer.headers["cache-control"] == "no-store"


@pytest.mark.parametrize("headers", [{"X-Forwarded-Proto": "https"}, {"Origin": "https://{host}"}])
def test_behind_https_the_cookie_is_for_https_and_this_host_alone(people: Served, headers: dict[str, str]) -> None:
    host = people.url.removeprefix("http://")
    sent = {name: value.format(host=host) for name, value in headers.items()}
    answer = httpx.post(f"{people.url}{API}/session", headers=sent, json={"name": "ann", "password": PASSWORD})
    for cookie in answer.headers.get_list("set-cookie"):
        assert cookie.startswith("__Host-walkaround")
        assert "Secure" in cookie.split("; ")
    name, _, value = answer.headers.get_list("set-cookie")[0].partition(";")[0].partition("=")
    seen = httpx.get(f"{people.url}{API}/session", headers={"Cookie": f"{name}={value}"}).json()
    assert seen["user"] == "ann"


def test_a_session_tells_who_it_is_and_opens_the_api(browser: Any) -> None:
    mia = browser("MIA")
    told = mia.session()
    assert {name: told[name] for name in ("user", "key_id", "role", "account", "setup", "keyless")} == {
        "user": "mia",
        "key_id": "user:mia",
        "role": "manage",
        "account": "000000000000",
        "setup": False,
        "keyless": False,
    }
    assert re.fullmatch(r"[0-9a-f]{64}", told["csrf"])
    assert mia.post(f"{API}/projects", json={"name": "of-mia"}).status_code == 201
    assert "of-mia" in mia.get(f"{API}/projects").text
    assert mia.delete(f"{API}/projects/of-mia").status_code == 204


def test_who_is_signed_in_stands_in_the_log_and_no_secret_does(people: Served, browser: Any) -> None:
    mia = browser("mia")
    mia.get(f"{API}/projects")
    said = people.log.read_text()
    assert '"key_id": "user:mia"' in said
    assert mia.token not in said
    assert mia.headers["X-CSRF-Token"] not in said
    assert PASSWORD not in said


def test_nobody_is_told_that_nobody_is_signed_in(browser: Any) -> None:
    nobody = browser(None)
    told = nobody.session()
    assert (told["user"], told["role"], told["csrf"], told["account"]) == (None, None, None, None)
    assert nobody.get(f"{API}/projects").status_code == 401


def test_a_wrong_name_and_a_wrong_password_are_told_alike(browser: Any) -> None:
    answers = [browser(None).sign_in(name, "wrong horse battery") for name in ("ann", "nobody-of-this-name")]
    assert {problem(one) for one in answers} == {(401, "The name or the password is wrong.")}
    assert all("set-cookie" not in one.headers for one in answers)


def test_who_was_let_in_stands_in_the_log(people: Served, browser: Any) -> None:
    ann = browser("ann")
    browser(None).sign_in("ray", "wrong horse battery")
    browser(None).sign_in("a-mistyped-password", "wrong horse battery")
    ann.post(f"{API}/users", json={"name": "log", "role": "read", "password": PASSWORD})
    ann.delete(f"{API}/users/log")
    lines = [json.loads(line) for line in people.log.read_text().splitlines() if line.startswith("{")]
    told = [{name: line.get(name) for name in ("message", "user", "by", "address")} for line in lines]
    here = "127.0.0.1"
    assert {"message": "A user signed in.", "user": "ann", "by": None, "address": here} in told
    assert {"message": "A sign-in failed.", "user": "ray", "by": None, "address": here} in told
    assert {"message": "A sign-in failed.", "user": None, "by": None, "address": here} in told
    assert {"message": "A user was made.", "user": "log", "by": "user:ann", "address": None} in told
    assert {"message": "A user was removed.", "user": "log", "by": "user:ann", "address": None} in told
    assert "a-mistyped-password" not in people.log.read_text()


def test_signing_in_begins_a_new_session_and_ends_the_former(people: Served, browser: Any) -> None:
    one = browser("mia")
    former, csrf = one.token, one.headers["X-CSRF-Token"]
    assert one.sign_in("mia").status_code == 201
    assert one.token != former
    assert one.headers["X-CSRF-Token"] != csrf
    assert httpx.get(f"{people.url}{API}/projects", headers={"Cookie": f"{name_of_cookie(one)}={former}"}).status_code == 401


def test_a_session_that_somebody_else_chose_is_not_taken_over(people: Served, browser: Any) -> None:
    victim = browser(None)
    name = f"walkaround-{people.url.rpartition(':')[2]}"
    victim.cookies.set(name, "chosen-by-somebody-else", domain="127.0.0.1")
    assert victim.sign_in("mia").status_code == 201
    assert "chosen-by-somebody-else" not in dict(victim.cookies).values()
    chosen = httpx.get(f"{people.url}{API}/projects", headers={"Cookie": f"{name}=chosen-by-somebody-else"})
    assert chosen.status_code == 401


def test_signing_out_ends_the_session_on_the_server(people: Served, browser: Any) -> None:
    one, other = browser("mia"), browser("mia")
    cookie = {"Cookie": f"{name_of_cookie(one)}={one.token}"}
    answer = one.delete(f"{API}/session")
    assert answer.status_code == 200
    assert "Max-Age=0" in answer.headers["set-cookie"]
    assert problem(httpx.get(f"{people.url}{API}/projects", headers=cookie)) == (401, "Your session has ended: sign in again.")
    assert other.get(f"{API}/projects").status_code == 200


@pytest.mark.parametrize(
    ("seen", "created"), [(timedelta(hours=8, minutes=1), timedelta(0)), (timedelta(0), timedelta(days=7, minutes=1))]
)
def test_a_session_ends_by_time(people: Served, browser: Any, seen: timedelta, created: timedelta) -> None:
    mia = browser("mia")
    with change(people) as session:
        session.execute(update(SignedIn).values(seen=now() - seen, created=now() - created))
    mia.cookies.set("other", "1")  # and after half a second at most
    deadline = now() + timedelta(seconds=5)
    while (answer := mia.get(f"{API}/projects")).status_code == 200:
        assert now() < deadline
    assert problem(answer) == (401, "Your session has ended: sign in again.")


def test_a_session_survives_a_restart_of_the_server(people: Served, browser: Any) -> None:
    mia = browser("mia")
    assert people.stop() == 0
    people.start()
    assert mia.session()["user"] == "mia"
    assert mia.post(f"{API}/projects", json={"name": "after"}).status_code == 201
    assert mia.delete(f"{API}/projects/after").status_code == 204
    assert "setup#" not in people.log.read_text().rpartition("walkaround answers at")[2]


def test_the_setup_is_over(people: Served, browser: Any) -> None:
    answer = browser(None).post(f"{API}/setup", json={"token": "x", "name": "eve", "password": PASSWORD})
    assert problem(answer) == (409, "The service is set up already: sign in, or ask its administrator for a user.")


def test_a_body_of_anybody_is_small(people: Served) -> None:
    answer = httpx.post(f"{people.url}{API}/session", json={"name": "ann", "password": "x" * 9000})
    assert answer.status_code == 413
