"""Users and their sessions over REST: signing in and out, cookies, forged requests, roles, passwords and access keys."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any

import httpx
import pytest
from sqlalchemy import update

from served import Served
from walkaround.store.access import SignedIn, SignInTries
from walkaround.store.database import Database
from walkaround.store.tables import now

PASSWORD = "correct horse battery"  # noqa: S105 - of users who are made here
API = "/api/v1"


class Browser(httpx.Client):
    """A browser with the console open: it keeps cookies, says where its requests come from, and sends the session's token."""

    def __init__(self, served: Served) -> None:
        super().__init__(base_url=served.url, timeout=60, trust_env=False)
        self.headers["Origin"] = served.url
        self.headers["Sec-Fetch-Site"] = "same-origin"

    def sign_in(self, name: str, password: str = PASSWORD) -> httpx.Response:
        answer = self.post(f"{API}/session", json={"name": name, "password": password})
        if answer.is_success:
            self.headers["X-CSRF-Token"] = answer.json()["csrf"]
        return answer

    @property
    def token(self) -> str:
        """What the session's cookie holds."""
        return next(value for name, value in self.cookies.items() if re.fullmatch(r"walkaround-\d+", name))

    def session(self) -> Any:
        answer = self.get(f"{API}/session")
        assert answer.status_code == 200, answer.text
        return answer.json()


@pytest.fixture(scope="module")
def people(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """A server that was set up by its link: ann and adam administer, mia manages, dan detects, ray reads."""
    served = Served(folder=tmp_path_factory.mktemp("people"))
    served.start()
    link = re.search(r"/console/setup#(\S+) ", served.log.read_text())
    assert link is not None
    with Browser(served) as browser:
        sent = {"token": link[1], "name": "Ann", "password": PASSWORD}
        made = browser.post(f"{API}/setup", json=sent)
        assert made.status_code == 201, made.text
        assert (made.json()["user"], made.json()["role"], made.json()["setup"]) == ("ann", "admin", False)
        browser.headers["X-CSRF-Token"] = made.json()["csrf"]
        for name, role in (("adam", "admin"), ("mia", "manage"), ("dan", "detect"), ("ray", "read")):
            made = browser.post(f"{API}/users", json={"name": name, "role": role, "password": PASSWORD})
            assert made.status_code == 201, made.text
    yield served
    assert served.stop() == 0, served.log.read_text()[-4000:]


@pytest.fixture
def browser(people: Served) -> Iterator[Callable[[str | None], Browser]]:
    """Browsers of people who are signed in, or of nobody."""
    opened: list[Browser] = []

    def open_one(name: str | None) -> Browser:
        made = Browser(people)
        opened.append(made)
        if name is not None:
            answer = made.sign_in(name)
            assert answer.status_code == 201, answer.text
        return made

    with change(people) as session:
        session.execute(update(SignInTries).values(tries=0))
    yield open_one
    for one in opened:
        one.close()


def change(served: Served) -> Any:
    """A transaction on the server's database."""
    return Database(f"sqlite:///{served.data / 'walkaround.sqlite'}").transaction()


def problem(answer: httpx.Response) -> tuple[int, str]:
    document = answer.json()
    return document["status"], document["detail"]


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


def test_keys_are_made_up_to_ones_own_role_seen_by_their_maker_and_by_administrators(people: Served, browser: Any) -> None:
    dan, ray, ann = browser("dan"), browser("ray"), browser("ann")
    assert problem(dan.post(f"{API}/access-keys", json={"role": "manage"}))[0] == 403
    made = dan.post(f"{API}/access-keys", json={"role": "detect", "note": "the gate"})
    assert made.status_code == 201, made.text
    assert made.headers["cache-control"] == "no-store"
    key = made.json()
    assert (key["made_by"], key["role"], key["note"]) == ("user:dan", "detect", "the gate")
    bearer = {"Authorization": f"Bearer {key['token']}"}
    assert httpx.get(f"{people.url}{API}/projects", headers=bearer).status_code == 200
    listed = dan.get(f"{API}/access-keys")
    assert [one["id"] for one in listed.json()["keys"]] == [key["id"]]
    assert key["token"] not in listed.text
    assert key["secret"] not in listed.text
    assert ray.get(f"{API}/access-keys").json() == {"keys": []}
    assert {key["id"], people.key.key_id} <= {one["id"] for one in ann.get(f"{API}/access-keys").json()["keys"]}
    assert problem(ray.delete(f"{API}/access-keys/{key['id']}"))[0] == 404
    assert problem(dan.delete(f"{API}/access-keys/{people.key.key_id}"))[0] == 404
    assert dan.delete(f"{API}/access-keys/{key['id']}").json()["revoked"] is not None
    assert httpx.get(f"{people.url}{API}/projects", headers=bearer).status_code == 401


def test_the_keys_of_a_user_are_revoked_with_the_user(people: Served, browser: Any) -> None:
    ann, tim = browser("ann"), browser(None)
    ann.post(f"{API}/users", json={"name": "tim", "role": "manage", "password": PASSWORD})
    tim.sign_in("tim")
    key = tim.post(f"{API}/access-keys", json={"role": "manage"}).json()
    assert ann.delete(f"{API}/users/tim").json() == {"revoked_keys": 1}
    bearer = {"Authorization": f"Bearer {key['token']}"}
    deadline = now() + timedelta(seconds=5)
    while httpx.get(f"{people.url}{API}/projects", headers=bearer).status_code == 200:
        assert now() < deadline


def test_a_key_makes_no_others_but_one_that_administers_does_all(people: Served) -> None:
    bearer = {"Authorization": f"Bearer {people.key.bearer}"}
    answer = httpx.post(f"{people.url}{API}/access-keys", json={"role": "read"}, headers=bearer)
    assert problem(answer)[0] == 403
    assert "only keys with the role admin" in problem(answer)[1]
    admin = {"Authorization": f"Bearer {people.make_key('admin').bearer}"}
    made = httpx.post(f"{people.url}{API}/access-keys", json={"role": "admin"}, headers=admin)
    assert made.status_code == 201
    assert made.json()["made_by"].startswith("WALK")
    users = httpx.get(f"{people.url}{API}/users", headers=admin).json()["users"]
    assert {"ann", "mia"} <= {one["name"] for one in users}


def test_an_administrator_of_another_account_sees_neither_users_nor_keys(people: Served) -> None:
    other = {"Authorization": f"Bearer {people.make_key('admin', '--account', '111111111111').bearer}"}
    assert httpx.get(f"{people.url}{API}/users", headers=other).json() == {"users": []}
    assert problem(httpx.delete(f"{people.url}{API}/users/ray", headers=other))[0] == 404
    assert problem(httpx.delete(f"{people.url}{API}/access-keys/{people.key.key_id}", headers=other))[0] == 404


def test_the_setup_is_over(people: Served, browser: Any) -> None:
    answer = browser(None).post(f"{API}/setup", json={"token": "x", "name": "eve", "password": PASSWORD})
    assert problem(answer) == (409, "The service is set up already: sign in, or ask its administrator for a user.")


def test_tries_at_once_are_counted_and_the_owner_gets_in(people: Served, browser: Any) -> None:
    owner = browser("ray")  # a browser that has signed in before

    def guess(number: int) -> int:
        with Browser(people) as stranger:
            return stranger.sign_in("ray", f"guess number {number}").status_code

    with ThreadPoolExecutor(10) as pool:
        statuses = list(pool.map(guess, range(14)))
    assert statuses.count(401) <= 10
    assert set(statuses) == {401, 429}
    stranger = browser(None)
    refused = stranger.sign_in("ray")  # the right password, from the same place
    while refused.status_code == 401:
        refused = stranger.sign_in("ray", "wrong horse battery")
    assert refused.status_code == 429
    assert int(refused.headers["retry-after"]) > 60
    assert "Too many tries to sign in failed" in problem(refused)[1]
    assert owner.sign_in("ray").status_code == 201


def test_a_browser_that_is_known_to_one_user_is_none_for_another(people: Served, browser: Any) -> None:
    dan = browser("dan")
    for number in range(12):
        dan.sign_in("mia", f"guess number {number}")
    assert browser(None).sign_in("mia").status_code == 429


def test_a_body_of_anybody_is_small(people: Served) -> None:
    answer = httpx.post(f"{people.url}{API}/session", json={"name": "ann", "password": "x" * 9000})
    assert answer.status_code == 413


def test_signed_requests_of_aws_clients_know_no_cookies(people: Served, browser: Any) -> None:
    ann = browser("ann")
    assert ann.get("/2020-11-20/projects").status_code in (401, 403)


def name_of_cookie(browser: Browser) -> str:
    return next(name for name in browser.cookies if re.fullmatch(r"walkaround-\d+", name))
