"""What is old goes, and what duplicates are known by stays."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import func, select

from walkaround.pipeline.retention import Forgotten, forget_old
from walkaround.settings import Settings
from walkaround.store.database import Database
from walkaround.store.pipeline import Arrival, Delivery, Total, Watch
from walkaround.store.results import Result
from walkaround.store.tables import Project, now

DAY = timedelta(days=1)


@pytest.fixture
def database(database_url: str) -> Iterator[Database]:
    """A project, and watches of a folder that keep a week (1), and of events that keep a week (2) or say nothing (3)."""
    made = Database(database_url)
    with made.transaction() as session:
        session.add(Project(account="0", region="r", name="cars"))
        for name, source, days in (("folder", "/in", 7), ("events", "events", 7), ("plain", "events", None)):
            spec = {"name": name, "source": source, "keep_days": days}
            session.add(Watch(account="0", region="r", name=name, spec=spec, origin="rest"))
            session.flush()
    yield made
    made.close()


def put(database: Database, *, watch: int | None, days: float, state: str = "done", deliver: bool = False) -> int:
    """A result of so many days ago, and its arrival; the result's number."""
    moment = now() - days * DAY
    with database.transaction() as session:
        arrival = None
        if watch is not None and watch < 9:
            count = session.scalar(select(func.count()).select_from(Arrival))
            members = {"bucket": "b", "key": f"{count}", "happened": moment, "created": moment, "ended": moment, "state": state}
            arrival = Arrival(identity=f"{count}", watch_id=watch, project_id=1, model_version=1, **members)
            session.add(arrival)
            session.flush()
        result = Result(
            project_id=1,
            model_version=1,
            source="a.jpg",
            anomalous=False,
            confidence=0.9,
            label="normal",
            findings={},
            created=moment,
            watch_id=watch,
            arrival_id=None if arrival is None else arrival.id,
        )
        session.add(result)
        session.flush()
        if deliver and watch is not None:
            session.add(Delivery(result_id=result.id, watch_id=watch, sink="webhook:x"))
        return result.id


def left(database: Database, table: type[Result] | type[Arrival] | type[Delivery]) -> list[int]:
    with database.reading() as session:
        return list(session.scalars(select(table.id).order_by(table.id)))


def forget(database: Database, *, days: int | None = None) -> Forgotten:
    return forget_old(database, Settings(data=Path("unused"), keep_results_days=days))


def test_each_watch_keeps_as_long_as_it_says(database: Database) -> None:
    old = put(database, watch=1, days=8, deliver=True)
    kept = [put(database, watch=1, days=6, deliver=True), put(database, watch=3, days=400), put(database, watch=None, days=400)]
    assert forget(database) == Forgotten(results=1)
    assert left(database, Result) == kept
    assert old not in kept
    assert len(left(database, Delivery)) == 1


@pytest.mark.parametrize(("watch", "goes"), [(None, True), (3, True), (99, True), (1, False)])
def test_the_setting_is_for_all_that_say_nothing(database: Database, watch: int | None, goes: bool) -> None:
    """Watch 99 was deleted; watch 1 says so for itself."""
    put(database, watch=watch, days=6)
    assert forget(database, days=5).results == goes


def test_a_listing_knows_its_objects_for_ever_and_a_queue_for_a_month(database: Database) -> None:
    for days in (400, 31, 29):
        put(database, watch=1, days=days)
        put(database, watch=2, days=days)
    dead = put(database, watch=2, days=400, state="dead")
    assert dead
    assert forget(database) == Forgotten(results=7, arrivals=2)
    with database.reading() as session:
        rows = session.execute(select(Arrival.watch_id, Arrival.state, func.count()).group_by(Arrival.watch_id, Arrival.state))
        assert {(watch, state): count for watch, state, count in rows} == {(1, "done"): 3, (2, "done"): 1, (2, "dead"): 1}


def test_many_go_in_small_steps_and_the_sums_stay(database: Database) -> None:
    with database.transaction() as session:
        session.add(Total(project_id=1, hour=now() - 9 * DAY, model_version=1, pictures=1200, anomalies=3))
        members = {"project_id": 1, "model_version": 1, "anomalous": False, "confidence": 1.0, "label": "", "findings": {}}
        session.add_all([Result(source=f"{number}", created=now() - 9 * DAY, watch_id=1, **members) for number in range(1200)])
    assert forget(database).results == 1200
    with database.reading() as session:
        assert session.scalars(select(Total.pictures)).all() == [1200]
    assert forget(database) == Forgotten()
