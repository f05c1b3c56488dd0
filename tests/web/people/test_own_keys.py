"""Access keys over REST: made by people and keys, seen by their makers and by administrators."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import httpx

from served import Served
from signed_in import API, PASSWORD, problem
from walkaround.store.tables import now


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


def test_nobody_makes_keys_without_end(people: Served, browser: Any) -> None:
    ann, kim = browser("ann"), browser(None)
    ann.post(f"{API}/users", json={"name": "kim", "role": "read", "password": PASSWORD})
    kim.sign_in("kim")
    made = [kim.post(f"{API}/access-keys", json={"role": "read"}) for _ in range(4)]
    assert [answer.status_code for answer in made] == [201, 201, 201, 409]
    assert problem(made[-1])[1].startswith("user:kim has made 3 access keys that are in force, as many as may be: revoke one")
    assert kim.delete(f"{API}/access-keys/{made[0].json()['id']}").status_code == 200
    assert kim.post(f"{API}/access-keys", json={"role": "read"}).status_code == 201
    ann.delete(f"{API}/users/kim")
