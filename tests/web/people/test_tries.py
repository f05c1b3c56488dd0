"""Tries to sign in with a wrong password are counted, and do not lock out whoever has signed in before."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import Any

from served import Served
from signed_in import Browser, problem


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
