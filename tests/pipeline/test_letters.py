"""Dead letters are tried once more as far as that can help, and forgotten when somebody says so."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest
from sqlalchemy import select, update

from walkaround.hosting.owner import Owner
from walkaround.pipeline.arrivals import BODY_KEPT, ObjectCreated, bury_event
from walkaround.pipeline.letters import Replayed, count_letters, discard, replay
from walkaround.pipeline.noticing import notice
from walkaround.pipeline.outbox import add_deliveries
from walkaround.pipeline.spec import WatchSpec
from walkaround.pipeline.watches import put_watch
from walkaround.store.database import Database
from walkaround.store.pipeline import Arrival, Delivery, Watch
from walkaround.store.results import Result
from walkaround.store.tables import Model, Project

OWNER = Owner(account="000000000000", region="us-east-1")
RULES = [{"model": "cars/1"}, {"prefix": "vans/", "model": "vans/1"}]
SINK = {"kind": "webhook", "url": "https://claims.example.com/hook"}
SPEC = WatchSpec.model_validate({"name": "incoming", "source": "events", "rules": RULES, "sinks": [SINK]})


@pytest.fixture
def database(database_url: str) -> Iterator[Database]:
    made = Database(database_url)
    with made.transaction() as session:
        session.add(Project(account=OWNER.account, region=OWNER.region, name="cars", last_version=1))
        session.flush()
        session.add(Model(project_id=1, version=1, status="TRAINED", output={}, package="models/x"))
        put_watch(session, OWNER, SPEC, origin="rest")
    yield made
    made.close()


def event(key: str) -> bytes:
    record = {"eventName": "ObjectCreated:Put", "s3": {"bucket": {"name": "photos"}, "object": {"key": key}}}
    return json.dumps({"Records": [record]}).encode()


def test_events_that_are_still_not_understood_hold_up_no_other(database: Database) -> None:
    with database.transaction() as session:
        watch = session.scalars(select(Watch)).one()
        for body in (b"junk", event("a.jpg"), event("vans/b.jpg"), event("c.jpg") + b" " * BODY_KEPT):
            bury_event(session, watch, body=body, reason="At that time it was not understood.")
    with database.transaction() as session:
        assert replay(session, watch, kind="event") == Replayed(replayed=1, left=3)
    with database.reading() as session:
        assert sorted(session.scalars(select(Arrival.key))) == ["a.jpg", "vans/b.jpg"], "of which one model is missing"
        assert count_letters(session, watch)["event"] == 3


def test_dead_letters_are_forgotten_by_kind_and_number_and_living_ones_stay(database: Database) -> None:
    told = [ObjectCreated(bucket="photos", key=f"{number}.jpg") for number in range(3)]
    with database.transaction() as session:
        watch = session.scalars(select(Watch)).one()
        notice(session, watch, SPEC, told)
        result = Result(project_id=1, model_version=1, source="s", findings={}, anomalous=True, confidence=0.9, label="dent")
        result.watch_id = watch.id
        session.add(result)
        session.flush()
        add_deliveries(session, watch_id=watch.id, sinks=SPEC.sinks, result_ids=[result.id])
        session.execute(update(Arrival).where(Arrival.key != "0.jpg").values(state="dead"))
        bury_event(session, watch, body=b"junk", reason="It is no event.")
        assert [discard(session, watch, kind=kind) for kind in ("delivery", "event", "event")] == [0, 1, 0]
        session.execute(update(Delivery).values(state="dead"))
        assert discard(session, watch, kind="delivery") == 1
        living, dead, _ = session.scalars(select(Arrival.id).order_by(Arrival.key)).all()
        assert discard(session, watch, kind="arrival", numbers=[living, dead]) == 1
        assert count_letters(session, watch) == {"arrival": 1, "delivery": 0, "event": 0}
        assert discard(session, watch, kind="arrival") == 1
        assert notice(session, watch, SPEC, told).new == 0
        assert replay(session, watch, kind="arrival").replayed == 0
