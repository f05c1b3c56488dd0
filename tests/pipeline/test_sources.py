"""The threads that look at sources: one process lists at a time, what is wrong is told, and nothing waits for another."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import func, select, update

from served import wait_for
from walkaround.buckets.buckets import Buckets
from walkaround.hosting.owner import Owner
from walkaround.pipeline.arrivals import ObjectCreated
from walkaround.pipeline.noticing import Room, notice
from walkaround.pipeline.presence import Owners
from walkaround.pipeline.sources.sources import Sources
from walkaround.pipeline.spec import WatchSpec
from walkaround.pipeline.watches import delete_watch, put_watch
from walkaround.settings import Settings
from walkaround.store.database import Database
from walkaround.store.pipeline import Arrival, DeadEvent, Watch
from walkaround.store.tables import Model, Project

OWNER = Owner(account="000000000000", region="us-east-1")


@pytest.fixture
def database(database_url: str) -> Iterator[Database]:
    made = Database(database_url)
    with made.transaction() as session:
        session.add(Project(account=OWNER.account, region=OWNER.region, name="cars", last_version=1))
    add_model(made, 1)
    yield made
    made.close()


def add_model(database: Database, version: int) -> None:
    with database.transaction() as session:
        session.add(Model(project_id=1, version=version, status="TRAINED", output={}, package="models/x"))


def watched(database: Database, name: str, source: str, **more: Any) -> WatchSpec:
    spec = WatchSpec.model_validate(
        {"name": name, "source": source, "rules": [{"model": "cars/1"}], "poll_seconds": 0.2, **more}
    )
    with database.transaction() as session:
        put_watch(session, OWNER, spec, origin="rest")
    return spec


Process = Callable[..., Sources]


@pytest.fixture
def process(database: Database, tmp_path: Path) -> Iterator[Process]:
    """Begin to look at sources, as one of several processes would."""
    began: list[tuple[Sources, Owners]] = []

    def begin(**more: Any) -> Sources:
        settings, buckets = Settings(data=tmp_path / "data", **more), Buckets({})
        owners = Owners(database, buckets, settings)
        sources = Sources(database, buckets, settings, owners=owners)
        began.append((sources, owners))
        sources.start()
        return sources

    yield begin
    for sources, owners in began:
        sources.stop()
        owners.leave()


def put(path: Path, content: bytes = b"picture") -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    os.utime(path, (1_700_000_000, 1_700_000_000))


def keys(database: Database) -> list[str]:
    with database.reading() as session:
        return sorted(session.scalars(select(Arrival.key)))


def count_is(database: Database, count: int) -> bool:
    return len(keys(database)) == count


def status(database: Database, name: str) -> str:
    with database.reading() as session:
        return session.scalars(select(Watch.status).where(Watch.name == name)).one()


def holder(database: Database) -> str | None:
    with database.reading() as session:
        return session.scalars(select(Watch.leased_by)).one()


def until(found: Callable[[], object], what: str) -> None:
    wait_for(found, what=what, seconds=30)


def test_files_become_arrivals_and_the_line_is_woken(database: Database, tmp_path: Path) -> None:
    put(tmp_path / "in" / "a.jpg")
    watched(database, "incoming", str(tmp_path / "in"))
    settings, buckets, woken = Settings(data=tmp_path / "data"), Buckets({}), threading.Event()
    sources = Sources(database, buckets, settings, owners=Owners(database, buckets, settings), wake=woken.set)
    assert not sources.complete
    sources.start()
    assert woken.wait(30)
    until(lambda: sources.complete, "a whole look")
    assert keys(database) == ["a.jpg"]
    assert buckets.read("folder:incoming", "a.jpg", at_most=100) == b"picture"
    sources.stop()
    with database.reading() as session:
        watch = session.scalars(select(Watch)).one()
    assert (watch.leased_by, watch.status) == (None, "")
    assert watch.looked is not None


def test_one_process_lists_at_a_time_and_another_takes_over(database: Database, tmp_path: Path, process: Process) -> None:
    watched(database, "incoming", str(tmp_path / "in"))
    put(tmp_path / "in" / "a.jpg")
    first = process()
    until(lambda: keys(database) == ["a.jpg"], "the first file")
    second = process()
    time.sleep(1.5)
    assert not second.complete, "it does not list"
    first.stop()
    put(tmp_path / "in" / "b.jpg")
    until(lambda: keys(database) == ["a.jpg", "b.jpg"], "the second file")


def test_a_process_that_died_is_followed_when_its_lease_has_lapsed(
    database: Database, tmp_path: Path, process: Process
) -> None:
    watched(database, "incoming", str(tmp_path / "in"))
    put(tmp_path / "in" / "a.jpg")
    with database.transaction() as session:
        session.execute(update(Watch).values(leased_by="dead", leased_until=func.now()))
    process()
    until(lambda: keys(database) == ["a.jpg"], "the file")


def test_what_is_passed_over_stands_in_the_row_as_long_as_it_is_so(
    database: Database, tmp_path: Path, process: Process
) -> None:
    def passed_over() -> str:
        with database.reading() as session:
            return session.scalars(select(Watch.passed_over)).one()

    watched(database, "incoming", str(tmp_path / "in"))
    put(tmp_path / "in" / "a.jpg")
    (tmp_path / "in" / "link.jpg").symlink_to(tmp_path / "elsewhere.jpg")
    process()
    until(lambda: passed_over() == "1 name is passed over: 'link.jpg' is a link out of the folder.", "the sentence")
    assert status(database, "incoming") == ""
    (tmp_path / "in" / "link.jpg").unlink()
    until(lambda: passed_over() == "", "the sentence to go")


def test_what_is_wrong_with_one_source_is_told_and_the_others_go_on(
    database: Database, tmp_path: Path, process: Process
) -> None:
    watched(database, "missing", str(tmp_path / "missing"))
    watched(database, "nowhere", "s3://not-configured")
    watched(database, "mapped", "gs://photos")
    watched(database, "incoming", str(tmp_path / "in"))
    put(tmp_path / "in" / "a.jpg")
    sources = process()
    until(lambda: keys(database) == ["a.jpg"], "the file")
    until(lambda: "There is no folder" in status(database, "missing"), "the status")
    until(lambda: "There is no bucket 'not-configured'" in status(database, "nowhere"), "the status")
    until(lambda: "--bucket photos=gs://photos" in status(database, "mapped"), "the status")
    assert status(database, "incoming") == ""
    assert len(sources.problems) == 3
    put(tmp_path / "missing" / "b.jpg")
    until(lambda: keys(database) == ["a.jpg", "b.jpg"], "the file of the folder that is there now")
    until(lambda: status(database, "missing") == "", "the status to be cleared")


def test_a_model_that_is_missing_is_told_and_nothing_is_lost_until_it_is_there(
    database: Database, tmp_path: Path, process: Process
) -> None:
    put(tmp_path / "in" / "a.jpg")
    watched(database, "incoming", str(tmp_path / "in"), rules=[{"model": "cars/1"}, {"model": "cars/2"}])
    process()
    until(lambda: "'cars' does not have a trained model of version 2" in status(database, "incoming"), "the status")
    until(lambda: keys(database) == ["a.jpg"], "what the other model looks at")
    add_model(database, 2)
    until(lambda: keys(database) == ["a.jpg"] * 2, "what the new model looks at")
    until(lambda: status(database, "incoming") == "", "the status to be cleared")
    with database.reading() as session:
        assert session.scalars(select(DeadEvent)).all() == []


def test_watches_come_change_pause_and_go_while_it_runs(database: Database, tmp_path: Path, process: Process) -> None:
    process()
    put(tmp_path / "in" / "front" / "a.jpg")
    put(tmp_path / "in" / "rear" / "b.jpg")
    source = str(tmp_path / "in")
    watched(database, "incoming", source, rules=[{"prefix": "front/", "model": "cars/1"}])
    until(lambda: keys(database) == ["front/a.jpg"], "the new watch")
    watched(database, "incoming", source, rules=[{"prefix": "", "model": "cars/1"}])
    until(lambda: keys(database) == ["front/a.jpg", "rear/b.jpg"], "the changed watch")
    watched(database, "incoming", source, paused=True)
    until(lambda: holder(database) is None, "the pause")
    put(tmp_path / "in" / "c.jpg")
    time.sleep(1)
    assert "c.jpg" not in keys(database)
    watched(database, "incoming", source)
    until(lambda: "c.jpg" in keys(database), "the watch that goes on")
    with database.transaction() as session:
        delete_watch(session, OWNER, "incoming")
    until(lambda: holder(database) is None, "the end")
    put(tmp_path / "in" / "d.jpg")
    time.sleep(1)
    assert "d.jpg" not in keys(database)


def test_no_more_arrivals_wait_than_are_allowed(database: Database, tmp_path: Path, process: Process) -> None:
    for number in range(20):
        put(tmp_path / "in" / f"{number:02}.jpg")
    watched(database, "incoming", str(tmp_path / "in"))
    process(events_backlog=5)
    until(lambda: "events_backlog" in status(database, "incoming"), "the status")
    for done in (5, 10, 15):
        wait_for(partial(count_is, database, done), what=f"{done} arrivals", seconds=30)
        time.sleep(0.5)
        assert len(keys(database)) == done
        with database.transaction() as session:
            session.execute(update(Arrival).values(state="done"))
    until(lambda: len(keys(database)) == 20, "all arrivals")


def test_a_new_process_asks_the_database_what_was_announced(database: Database, tmp_path: Path, process: Process) -> None:
    for number in range(700):
        put(tmp_path / "in" / f"{number:03}.jpg")
    watched(database, "incoming", str(tmp_path / "in"))
    first = process()
    until(lambda: len(keys(database)) == 700, "the arrivals")
    first.stop()
    second = process()
    until(lambda: second.complete, "a whole look")
    assert len(keys(database)) == 700


def test_a_stop_takes_little_time_though_there_is_much_to_list(database: Database, tmp_path: Path, process: Process) -> None:
    for number in range(3000):
        put(tmp_path / "in" / f"{number:04}.jpg")
    watched(database, "incoming", str(tmp_path / "in"))
    sources = process()
    time.sleep(1)
    began = time.monotonic()
    sources.stop()
    assert time.monotonic() - began < 20


# What notices


def told(database: Database, spec: WatchSpec, *objects: ObjectCreated) -> int:
    with database.transaction() as session:
        watch = session.scalars(select(Watch).where(Watch.name == spec.name)).one()
        return notice(session, watch, spec, objects).new


def letters(database: Database) -> list[tuple[str, str, int]]:
    with database.reading() as session:
        return [
            (letter.body, letter.error, letter.times) for letter in session.scalars(select(DeadEvent).order_by(DeadEvent.id))
        ]


def test_what_no_model_can_look_at_waits_with_whoever_told_of_it(database: Database) -> None:
    spec = watched(database, "events", "events", rules=[{"model": "cars/latest"}, {"prefix": "b", "model": "vans/latest"}])
    first, second = (ObjectCreated(bucket="photos", key=key, etag="e") for key in ("a.jpg", "b.jpg"))
    with database.transaction() as session:
        noticed = notice(session, session.scalars(select(Watch)).one(), spec, [first, second])
    assert (noticed.new, noticed.waiting) == (2, frozenset({second}))
    assert noticed.missing == "The project 'vans' does not have a trained model: train it, or correct the rule of the watch."
    assert letters(database) == []
    with database.transaction() as session:
        session.add(Project(account=OWNER.account, region=OWNER.region, name="vans", last_version=1))
        session.flush()
        session.add(Model(project_id=2, version=1, status="TRAINED", output={}, package="models/y"))
    assert told(database, spec, second) == 1


def test_the_bucket_of_another_accounts_uploads_is_not_looked_at(database: Database) -> None:
    spec = watched(database, "events", "events")
    mine, others = (ObjectCreated(bucket=f"walkaround-{account}", key="a.jpg") for account in ("0" * 12, "1" * 12))
    assert told(database, spec, mine, others) == 1
    ((_, reason, _),) = letters(database)
    assert "may not use the bucket" in reason


def test_what_is_not_for_the_watch_leaves_nothing_behind(database: Database) -> None:
    spec = watched(database, "events", "events", rules=[{"prefix": "in/", "model": "cars/1"}], exclude=["in/old/"])
    names = ("out/a.jpg", "in/a.jpg.json", "in/.x/a.jpg", "in/old/a.jpg", "in/a.tmp", "in/a.jpg.drawn.jpg")
    assert told(database, spec, *(ObjectCreated(bucket="photos", key=key) for key in names)) == 0
    assert letters(database) == []


def test_the_same_dead_event_from_many_threads_is_one_letter(database: Database) -> None:
    spec = watched(database, "events", "events")
    created = ObjectCreated(bucket=f"walkaround-{'1' * 12}", key="a.jpg")
    tellers = [threading.Thread(target=told, args=(database, spec, created)) for _ in range(8)]
    for teller in tellers:
        teller.start()
    for teller in tellers:
        teller.join()
    assert [times for _, _, times in letters(database)] == [8]


def test_room_is_what_is_left_of_what_may_wait(database: Database) -> None:
    spec = watched(database, "events", "events")
    told(database, spec, *(ObjectCreated(bucket="photos", key=f"{number}.jpg") for number in range(7)))
    room = Room(database, 10)
    assert room(1) == 3
    room.taken(1, 5)
    assert room(1) == 0
    assert room(2) == 10, "another watch has a room of its own"
    assert Room(database, 5)(1) == 0
