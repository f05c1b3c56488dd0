"""Client tokens: one request, one deed, whoever asks twice, at once or after a restart."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import func, select, update

from walkaround.errors import ConflictError
from walkaround.hosting.owner import Owner
from walkaround.store.database import Database
from walkaround.store.tables import ClientToken, Project, now
from walkaround.store.tokens import REMEMBERED, remember, replayed

OWNER = Owner("000000000000", "us-east-1")


@pytest.fixture
def database(database_url: str) -> Iterator[Database]:
    made = Database(database_url)
    yield made
    made.close()


def ask(database: Database, *, owner: Owner = OWNER, operation: str = "CreateProject", digest: str = "d") -> dict[str, Any]:
    """What a door does: a project for every request that is new; its number is the answer."""
    with database.transaction() as session:
        reply = replayed(session, owner, operation, "token-1", digest)
        if reply is None:
            made = session.scalars(select(func.count()).select_from(Project)).one()
            session.add(Project(account=owner.account, region=owner.region, name=f"cars{made}"))
            reply = {"Number": made}
            remember(session, owner, operation, "token-1", digest, reply)
    return reply


def test_a_request_that_comes_again_is_answered_and_not_repeated(database: Database) -> None:
    assert [ask(database)["Number"] for _ in range(3)] == [0, 0, 0]


def test_a_token_outlives_the_process(database: Database) -> None:
    ask(database)
    again = Database(database.url.render_as_string(hide_password=False))
    assert ask(again) == {"Number": 0}
    again.close()


@pytest.mark.parametrize(
    "other",
    [{"owner": Owner("111111111111", "us-east-1")}, {"owner": Owner("000000000000", "eu-west-1")}, {"operation": "Other"}],
)
def test_a_token_is_of_one_owner_and_operation(database: Database, other: dict[str, Any]) -> None:
    ask(database)
    assert ask(database, **other) == {"Number": 1}


def test_a_token_with_other_parameters_is_a_conflict(database: Database) -> None:
    ask(database)
    with pytest.raises(ConflictError, match="another request"):
        ask(database, digest="e")


@pytest.mark.parametrize(("age", "number"), [(REMEMBERED - timedelta(minutes=1), 0), (REMEMBERED + timedelta(minutes=1), 1)])
def test_a_token_is_good_for_eight_hours(database: Database, age: timedelta, number: int) -> None:
    ask(database)
    with database.transaction() as session:
        session.execute(update(ClientToken).values(created=now() - age))
    assert ask(database) == {"Number": number}


def test_two_same_requests_at_once_do_the_work_once(database: Database) -> None:
    replies: list[dict[str, Any]] = []
    threads = [threading.Thread(target=lambda: replies.append(ask(database))) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert replies == [{"Number": 0}] * 8


def test_a_request_that_failed_may_come_again(database: Database) -> None:
    def fail() -> None:
        with database.transaction() as session:
            assert replayed(session, OWNER, "CreateProject", "token-1", "d") is None
            remember(session, OWNER, "CreateProject", "token-1", "d", {"Number": 7})
            _ = 1 / 0

    with pytest.raises(ZeroDivisionError):
        fail()
    assert ask(database) == {"Number": 0}
