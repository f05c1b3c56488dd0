"""People who are signed in, for tests: a browser as the console's pages use it, and what its answers say."""

from __future__ import annotations

import re
from typing import Any

import httpx

from served import Served
from walkaround.store.database import Database

PASSWORD = "correct horse battery"  # noqa: S105 - of users who are made for a test
API = "/api/v1"


class Browser(httpx.Client):
    """A browser with the console open: it keeps cookies, says where its requests come from, and sends the session's token."""

    def __init__(self, served: Served) -> None:
        super().__init__(base_url=served.url, timeout=60, trust_env=False)
        self.headers["Origin"] = served.url
        self.headers["Sec-Fetch-Site"] = "same-origin"

    def sign_in(self, name: str, password: str = PASSWORD) -> httpx.Response:
        """Sign in, and send the session's token from then on where that was right."""
        answer = self.post(f"{API}/session", json={"name": name, "password": password})
        if answer.is_success:
            self.headers["X-CSRF-Token"] = answer.json()["csrf"]
        return answer

    @property
    def token(self) -> str:
        """What the session's cookie holds."""
        return self.cookies[name_of_cookie(self)]

    def session(self) -> Any:
        """What the server says of who is asking."""
        answer = self.get(f"{API}/session")
        assert answer.status_code == 200, answer.text
        return answer.json()


def change(served: Served) -> Any:
    """A transaction on the server's database."""
    return Database(f"sqlite:///{served.data / 'walkaround.sqlite'}").transaction()


def problem(answer: httpx.Response) -> tuple[int, str]:
    """Status and sentence of an answer that is a problem."""
    document = answer.json()
    return document["status"], document["detail"]


def name_of_cookie(browser: Browser) -> str:
    """The name of the session's cookie, which ends with the port."""
    return next(name for name in browser.cookies if re.fullmatch(r"walkaround-\d+", name))
