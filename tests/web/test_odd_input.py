"""Odd input over REST is refused in a sentence, on SQLite and on PostgreSQL, and never a mistake inside the server."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from walkaround.settings import Settings
from walkaround.store.tables import Model, Project

JSON = {"content-type": "application/json"}
EARLY, LATE = "0001-01-01T00:00:00%2B14:00", "9999-12-31T23:59:59-14:00"  # in UTC, both are of no year that there is


@pytest.fixture
def settings(tmp_path: Path, database_url: str) -> Settings:
    """A server that asks for keys."""
    return Settings(data=tmp_path / "data", database=database_url)


def trained(app: Any) -> str:
    """The token of a key that may do everything, of an account with a project `abc` and, as far as its row tells, a model."""
    with app.service.database.transaction() as session:
        told = app.service.settings
        project = Project(account=told.account, region=told.region, name="abc", last_version=1)
        session.add(project)
        session.flush()
        scores = {"threshold": 0.5}
        session.add(Model(project_id=project.id, version=1, status="TRAINED", output={}, package="none", scores=scores))
        token: str = app.service.ring.make(session, account=project.account, role="admin", note="").bearer
        return token


def test_odd_requests_are_refused_in_a_sentence(talk: Any) -> None:
    odd: list[tuple[str, str, dict[str, Any], int, str]] = [
        ("GET", f"/projects/abc/datasets/train/entries?after={LATE}", {}, 422, "query.after"),
        ("GET", f"/projects/abc/datasets/train/entries?before={EARLY}", {}, 422, "query.before"),
        ("GET", f"/results?after={LATE}", {}, 422, "a day between the years 1 and 9999"),
        ("GET", f"/results/export?before={EARLY}", {}, 422, "query.before"),
        ("DELETE", f"/projects/abc/results?before={LATE}", {}, 422, "query.before"),
        ("GET", "/projects/abc/trials/t1/comparison?with=a%00b", {}, 422, "query.with"),
        ("PUT", "/projects/abc/models/1/threshold", {"json": {"threshold": 0.3, "note": "a\0b"}}, 422, "body.note"),
        ("POST", "/projects", {"content": b"\xff\xfe\xff", "headers": JSON}, 400, "JSON in UTF-8"),
        ("POST", "/projects", {"content": b"[" * 50_000, "headers": JSON}, 400, "JSON in UTF-8"),
        ("POST", "/projects", {"content": b'{"name":' + b"1" * 5_000 + b"}", "headers": JSON}, 400, "JSON in UTF-8"),
    ]

    async def conversation(client: Any, app: Any) -> None:
        token = trained(app)
        for method, path, sent, status, said in odd:
            headers = {"authorization": f"Bearer {token}", **sent.pop("headers", {})}
            answer = await client.request(method, f"/api/v1{path}", headers=headers, **sent)
            assert (answer.status_code, said in answer.json()["detail"]) == (status, True), f"{path}: {answer.text}"

    talk(conversation)


def test_times_in_any_zone_are_understood(talk: Any) -> None:
    async def conversation(client: Any, app: Any) -> None:
        token = trained(app)
        query = "after=0001-01-02T00:00:00%2B14:00&before=9999-12-30T23:59:59-14:00"
        answer = await client.get(f"/api/v1/results?{query}", headers={"authorization": f"Bearer {token}"})
        assert answer.json() == {"results": [], "next": None}

    talk(conversation)


def test_nobody_can_make_the_server_fail_by_a_name_or_an_origin(talk: Any) -> None:
    async def conversation(client: Any, app: Any) -> None:
        assert app.service.setup_token is not None
        sent = {"name": "a\0nn", "password": "correct horse battery"}
        answer = await client.post("/api/v1/session", json=sent)
        assert (answer.status_code, "body.name" in answer.json()["detail"]) == (422, True)
        for origin in ("http://[", "http://[::1", "https://a]"):
            answer = await client.post("/api/v1/session", json={**sent, "name": "ann"}, headers={"origin": origin})
            assert (answer.status_code, "another site" in answer.json()["detail"]) == (403, True), origin
            cookie = {"origin": origin, "cookie": "walkaround=guessed"}
            assert (await client.get("/api/v1/projects", headers=cookie)).status_code == 403, origin
            assert (await client.get("/metrics", headers=cookie)).status_code == 403, origin

    talk(conversation)
