"""A server with people of every role, and browsers in which they are signed in."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator

import pytest
from sqlalchemy import update

from served import Served
from signed_in import API, PASSWORD, Browser, change
from walkaround.store.access import SignInTries


@pytest.fixture(scope="module")
def people(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """A server that was set up by its link: ann and adam administer, mia manages, dan detects, ray reads."""
    served = Served(folder=tmp_path_factory.mktemp("people"), variables={"WALKAROUND_KEYS_PER_MAKER": "3"})
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
