"""Arrivals: told of any number of times each is there once, and whoever dies with one in work loses nothing."""

from __future__ import annotations

import random
import threading
from collections.abc import Iterator
from datetime import timedelta

import pytest
from sqlalchemy import func, select, update

from walkaround.hosting.owner import Owner
from walkaround.pipeline import arrivals
from walkaround.pipeline.arrivals import LookedAtBy, ObjectCreated
from walkaround.pipeline.spec import WatchSpec
from walkaround.pipeline.watches import active_watches, delete_watch, list_watches, put_watch, remove_gone, sync_watches
from walkaround.store.database import Database
from walkaround.store.pipeline import Arrival, DeadEvent, Watch
from walkaround.store.tables import Project, now

OWNER = Owner(account="000000000000", region="us-east-1")
MODEL = LookedAtBy(project_id=1, version=1)


@pytest.fixture
def database(database_url: str) -> Iterator[Database]:
    made = Database(database_url)
    with made.transaction() as session:
        session.add(Project(account=OWNER.account, region=OWNER.region, name="cars", last_version=1))
        session.flush()
        spec = WatchSpec.model_validate({"name": "incoming", "source": "events", "rules": [{"model": "cars/1"}]})
        put_watch(session, OWNER, spec, origin="rest")
    yield made
    made.close()


def told_of(database: Database, *objects: ObjectCreated, model: LookedAtBy = MODEL) -> int:
    with database.transaction() as session:
        return arrivals.announce(session, session.scalars(select(Watch)).one(), [(one, model) for one in objects])


def taken(database: Database, owner: str, most: int = 10) -> list[Arrival]:
    with database.transaction() as session:
        return arrivals.claim(session, owner=owner, watch_ids=[1], most=most)


def created(number: int, *, etag: str = "e", version: str | None = None) -> ObjectCreated:
    return ObjectCreated(bucket="photos", key=f"{number}.jpg", etag=etag, version=version)


def states(database: Database) -> dict[str, int]:
    with database.reading() as session:
        return dict(session.execute(select(Arrival.state, func.count()).group_by(Arrival.state)).all())


def test_each_arrival_is_there_once_however_often_and_in_whatever_order_it_is_told(database: Database) -> None:
    told = [created(number) for number in range(700)] * 3
    random.Random(1).shuffle(told)
    fresh = [told_of(database, *told[start : start + 650]) for start in range(0, len(told), 650)]
    assert sum(fresh) == 700
    assert states(database) == {"due": 700}


def test_two_processes_that_are_told_the_same_at_once_write_it_once(database: Database) -> None:
    told = [created(number) for number in range(300)]
    counts: list[int] = []
    tellers = [
        threading.Thread(target=lambda seed=seed: counts.append(told_of(database, *random.Random(seed).sample(told, 300))))
        for seed in range(4)
    ]
    for teller in tellers:
        teller.start()
    for teller in tellers:
        teller.join()
    assert sum(counts) == 300


@pytest.mark.parametrize(
    ("other", "model"),
    [
        (created(1, etag="f"), MODEL),
        (created(1, version="v2"), MODEL),
        (created(1), LookedAtBy(project_id=1, version=2)),
        (ObjectCreated(bucket="other", key="1.jpg", etag="e"), MODEL),
    ],
    ids=["content", "version", "model", "bucket"],
)
def test_another_content_version_model_or_bucket_is_another_arrival(
    database: Database, other: ObjectCreated, model: LookedAtBy
) -> None:
    assert told_of(database, created(1)) == 1
    assert told_of(database, other, model=model) == 1


def test_what_the_latest_model_has_looked_at_is_not_looked_at_again_by_the_next(database: Database) -> None:
    assert told_of(database, created(1), model=LookedAtBy(project_id=1, version=1, latest=True)) == 1
    assert told_of(database, created(1), model=LookedAtBy(project_id=1, version=2, latest=True)) == 0


def test_no_arrival_is_taken_twice_and_the_oldest_come_first(database: Database) -> None:
    told_of(database, *[created(number) for number in range(10)])
    first, second = taken(database, "one", 4), taken(database, "two", 10)
    assert [one.key for one in first] == ["0.jpg", "1.jpg", "2.jpg", "3.jpg"]
    assert {one.id for one in first}.isdisjoint(one.id for one in second)
    assert len(second) == 6


def test_what_is_ended_by_one_process_cannot_be_ended_by_another(database: Database) -> None:
    told_of(database, created(1))
    (arrival,) = taken(database, "one")
    with database.transaction() as session:
        assert arrivals.end(session, owner="two", ids=[arrival.id]) == set()
        assert arrivals.end(session, owner="one", ids=[arrival.id]) == {arrival.id}
        assert arrivals.end(session, owner="one", ids=[arrival.id]) == set()
    assert states(database) == {"done": 1}


def test_what_a_dead_process_held_is_taken_again_and_alone(database: Database) -> None:
    told_of(database, created(1), created(2))
    held = taken(database, "one")
    with database.transaction() as session:
        arrivals.free_of(session, "one")
        assert arrivals.dangerous_due(session, [1])
    assert taken(database, "two") == []
    with database.transaction() as session:
        (alone,) = arrivals.claim_dangerous(session, owner="two", watch_ids=[1])
    assert alone.id == held[0].id
    assert alone.deaths == 1


def test_a_lease_that_is_not_renewed_lapses_and_one_that_is_does_not(database: Database) -> None:
    told_of(database, created(1), created(2))
    kept, lost = taken(database, "one")
    with database.transaction() as session:
        session.execute(update(Arrival).values(leased_until=now() - timedelta(seconds=1)))
        assert arrivals.renew(session, owner="one", ids=[kept.id]) == {kept.id}
        arrivals.free_lapsed(session, busy=[])
    assert states(database) == {"running": 1, "due": 1}
    with database.reading() as session:
        assert session.scalars(select(Arrival.id).where(Arrival.deaths == 1)).all() == [lost.id]


def test_an_event_that_comes_again_is_counted_and_too_many_push_out_the_oldest(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(arrivals, "_DEAD_EVENTS_KEPT", 3)
    with database.transaction() as session:
        watch = session.scalars(select(Watch)).one()
        for body in (b"0", b"1", b"1", b"2", b"\xff\x00" * 9000, b"1"):
            arrivals.bury_event(session, watch, body=body, reason="It is no event.")
        found = session.scalars(select(DeadEvent).order_by(DeadEvent.id)).all()
    assert [(one.body[:1], one.times) for one in found] == [("1", 3), ("2", 1), ("\ufffd", 1)]
    assert len(found[2].body) == arrivals.BODY_KEPT


def test_what_waited_for_a_deleted_watch_goes_to_the_next_one_and_what_was_done_stays_known(
    database: Database,
) -> None:
    told_of(database, created(1), created(2))
    (done, _) = taken(database, "one")
    with database.transaction() as session:
        arrivals.end(session, owner="one", ids=[done.id])
        arrivals.leave_of(session, "one")
        delete_watch(session, OWNER, "incoming")
        spec = WatchSpec.model_validate({"name": "incoming", "source": "events", "rules": [{"model": "cars/1"}]})
        second = put_watch(session, OWNER, spec, origin="rest")
        both = [(created(1), MODEL), (created(2), MODEL)]
        identities = [arrivals.identity_of(*pair) for pair in both]
        assert arrivals.known(session, identities) == {identities[0]}
        assert arrivals.announce(session, second, both) == 1
    with database.transaction() as session:
        while remove_gone(session):
            pass
        waiting = session.scalars(select(Arrival).where(Arrival.state == "due")).all()
        assert [(one.key, one.watch_id) for one in waiting] == [("2.jpg", second.id)]
    assert told_of_all(database, second.id, created(1)) == 0


def told_of_all(database: Database, watch_id: int, *objects: ObjectCreated) -> int:
    with database.transaction() as session:
        watch = session.get(Watch, watch_id)
        assert watch is not None
        return arrivals.announce(session, watch, [(one, MODEL) for one in objects])


def test_the_file_of_one_server_does_not_take_away_the_watches_of_another(database: Database) -> None:
    def spec(name: str) -> WatchSpec:
        return WatchSpec.model_validate({"name": name, "source": f"/{name}", "rules": [{"model": "cars/1"}]})

    with database.transaction() as session:
        sync_watches(session, OWNER, [spec("north"), spec("depot")], home="a")
        sync_watches(session, OWNER, [spec("south"), spec("depot")], home="b")
        sync_watches(session, OWNER, [spec("north")], home="a")
        names = [watch.name for watch in list_watches(session, OWNER)]
        own = [watch.name for watch, _ in active_watches(session, owner=OWNER, files={"north"})]
    assert names == ["incoming", "north", "south"]
    assert own == ["incoming", "north"], "a server works for those of its own file"
