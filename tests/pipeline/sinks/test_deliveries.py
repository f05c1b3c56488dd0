"""Deliveries: every sink gets every result, whatever is away, slow or wrong, and no sink waits for another."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Mapping
from datetime import timedelta
from pathlib import Path
from time import monotonic
from typing import Any
from uuid import uuid4

import pytest
from pydantic import SecretStr
from sqlalchemy import event, func, select, update

from slow_inputs import write_slow_video
from walkaround.buckets.buckets import Buckets, buckets_of
from walkaround.buckets.remote import S3Access
from walkaround.hosting.owner import Owner
from walkaround.pipeline import letters, outbox
from walkaround.pipeline.deliveries import Deliveries, Pace
from walkaround.pipeline.presence import Owners
from walkaround.pipeline.sinks.signing import verify
from walkaround.pipeline.watches import delete_watch, remove_gone
from walkaround.store.pipeline import Delivery, Watch
from walkaround.store.results import Result
from walkaround.store.tables import now

BUCKET = {"kind": "bucket", "bucket": "out"}


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.rglob("*.json"))


def numbered(many: int) -> list[str]:
    return [f"{number:03d}.jpg" for number in range(many)]


def test_every_sink_has_every_result_once(outgoing: Any, s3_server: S3Access, receiver: Any, dynamodb: Any, table: str) -> None:
    bucket = f"test-{uuid4().hex}"
    buckets = Buckets({}, s3=s3_server)
    sinks = {"kind": "dynamodb", "table": table}, {"kind": "webhook", "url": receiver.url}
    spec = outgoing.watch({"kind": "bucket", "bucket": bucket}, *sinks)
    outgoing.found(spec, numbered(40))
    with outgoing.running(buckets=buckets):
        outgoing.wait_until(lambda: outgoing.rows() == 0)
    assert [object_.key for object_ in buckets.list(bucket)] == [f"{key}.json" for key in numbered(40)]
    assert dynamodb.scan(TableName=table)["Count"] == 40
    assert sorted(receiver.keys()) == numbered(40)
    assert len(receiver.ids()) == 40


@pytest.mark.parametrize("wrong", ["away", "slow", "missing"])
def test_a_sink_that_fails_holds_up_no_other(outgoing: Any, tmp_path: Path, receiver: Any, dynamodb: Any, wrong: str) -> None:
    gate = threading.Event()
    receiver.answers = lambda number, body: (200, {}, 0.0 * gate.wait(60))
    bad = {
        "away": {"kind": "webhook", "url": "http://127.0.0.1:1/"},
        "slow": {"kind": "webhook", "url": receiver.url},
        "missing": {"kind": "dynamodb", "table": "nowhere"},
    }[wrong]
    outgoing.found(outgoing.watch(bad, BUCKET), numbered(60))
    with outgoing.running(pace=Pace(first=0.05, longest=0.2)):
        outgoing.wait_until(lambda: len(names(tmp_path / "out")) == 60 == outgoing.rows() and any(outgoing.errors()))
        with outgoing.database.reading() as session:
            attempts = session.scalars(select(Delivery.attempts)).all()
        gate.set()
    assert len(attempts) == 60
    assert sum(attempts) < 20  # only what found it so has an attempt less


def test_how_a_sink_is_that_is_away_can_be_told(outgoing: Any, tmp_path: Path) -> None:
    outgoing.found(outgoing.watch({"kind": "webhook", "url": "http://127.0.0.1:1/"}, BUCKET), numbered(8))
    with outgoing.running(pace=Pace(first=30)):
        outgoing.wait_until(lambda: len(names(tmp_path / "out")) == 8 == outgoing.rows() and any(outgoing.errors()))
    with outgoing.database.reading() as session:
        [state] = outbox.sink_states(session, session.scalars(select(Watch.id)).one())
    assert (state.sink, state.waiting, state.dead) == ("webhook:http://127.0.0.1:1/", 8, 0)
    assert "127.0.0.1:1" in (state.error or "")
    assert state.next_try is not None
    assert state.next_try > now()


def test_what_a_sink_refuses_is_dead_and_the_rest_goes_on(outgoing: Any, receiver: Any) -> None:
    receiver.answers = lambda number, body: (422 if b"007.jpg" in body else 200, {}, 0)
    outgoing.found(outgoing.watch({"kind": "webhook", "url": receiver.url}), numbered(30))
    with outgoing.running():
        outgoing.wait_until(lambda: outgoing.rows("due", "running") == 0)
    assert outgoing.rows("dead") == 1
    assert "answered 422 (number 8)" in outgoing.errors()[0]
    receiver.answers = lambda number, body: (200, {}, 0)
    with outgoing.database.transaction() as session:
        row = session.scalars(select(Watch)).one()
        assert [letter.about for letter in letters.dead_letters(session, row, kind="delivery")] == [
            f"s3://photos/007.jpg to webhook:{receiver.url}"
        ]
        assert letters.replay(session, row, kind="delivery").replayed == 1
    with outgoing.running():
        outgoing.wait_until(lambda: outgoing.rows() == 0)
    assert len(receiver.ids()) == 30


@pytest.mark.parametrize("place", ["folder", "fat", "s3"])
def test_a_name_that_the_place_never_takes_is_dead_at_once_and_the_rest_goes_on(
    outgoing: Any, tmp_path: Path, request: pytest.FixtureRequest, place: str
) -> None:
    """255 bytes a name are the limit of the disk, and of the S3 server, which keeps objects as files; FAT takes no `:?`."""
    long, longer = "a/" + "x" * 250 + ".jpg", "y" * 1020 + ".jpg"
    if place == "folder":
        bucket, buckets = "out", Buckets({"out": tmp_path / "out"})
    elif place == "fat":
        long, longer = "a/12:30.jpg", "why?/a.jpg"
        bucket, buckets = "out", Buckets({"out": request.getfixturevalue("fat_disk")})
    else:
        bucket, buckets = f"test-{uuid4().hex}", Buckets({}, s3=request.getfixturevalue("s3_server"))
    outgoing.found(outgoing.watch({"kind": "bucket", "bucket": bucket}), ["001.jpg", long, longer, "002.jpg"])
    with outgoing.running(buckets=buckets) as deliveries:
        outgoing.wait_until(lambda: outgoing.rows("due", "running") == 0)
    assert deliveries.given_up == 2
    with outgoing.database.reading() as session:
        left = session.execute(select(Delivery.state, Delivery.attempts)).all()
    assert left == [("dead", 1), ("dead", 1)]
    assert sorted(found.key for found in buckets.list(bucket)) == ["001.jpg.json", "002.jpg.json"]


def test_what_fails_again_and_again_is_given_up_alone(outgoing: Any, receiver: Any) -> None:
    receiver.answers = lambda number, body: (500 if b"007.jpg" in body else 200, {}, 0)
    outgoing.found(outgoing.watch({"kind": "webhook", "url": receiver.url}), numbered(30))
    with outgoing.running():
        outgoing.wait_until(lambda: outgoing.rows("due", "running") == 0)
    assert receiver.keys().count("007.jpg") == outgoing.pace.attempts
    assert len(receiver.got) == 29 + outgoing.pace.attempts
    assert outgoing.rows("dead") == 1


def test_a_sink_that_was_away_gets_what_waited(outgoing: Any, receiver: Any) -> None:
    receiver.answers = lambda number, body: (503 if number < 3 else 200, {"Retry-After": "1"}, 0)
    outgoing.found(outgoing.watch({"kind": "webhook", "url": receiver.url}), numbered(50))
    with outgoing.running(pace=Pace(first=0.05)):
        outgoing.wait_until(lambda: outgoing.rows() == 0)
    assert len(receiver.got) == 52
    assert len(receiver.ids()) == 50


def test_a_sink_that_was_taken_away_keeps_its_dead_letters(outgoing: Any, tmp_path: Path) -> None:
    outgoing.found(outgoing.watch(BUCKET), numbered(3))
    outgoing.watch()
    with outgoing.running():
        outgoing.wait_until(lambda: outgoing.rows("dead") == 3)
    assert "The watch 'incoming' has this sink no more" in outgoing.errors()[0]
    outgoing.watch(BUCKET)
    with outgoing.database.transaction() as session:
        assert letters.replay(session, session.scalars(select(Watch)).one(), kind="delivery").replayed == 3
    with outgoing.running():
        outgoing.wait_until(lambda: outgoing.rows() == 0)
    assert len(names(tmp_path / "out")) == 3


def test_the_deliveries_of_a_deleted_watch_go_with_it(outgoing: Any, tmp_path: Path) -> None:
    outgoing.found(outgoing.watch(BUCKET), numbered(3))
    with outgoing.database.transaction() as session:
        delete_watch(session, Owner(account="000000000000", region="us-east-1"), "incoming")
    with outgoing.running():
        time.sleep(1.2)
    assert names(tmp_path / "out") == []
    with outgoing.database.transaction() as session:
        while remove_gone(session):
            pass
    assert outgoing.rows() == 0


def test_what_waits_for_a_sink_that_is_away_is_kept_for_a_week(outgoing: Any, receiver: Any) -> None:
    receiver.answers = lambda number, body: (503, {}, 0)
    outgoing.found(outgoing.watch({"kind": "webhook", "url": receiver.url}), numbered(1))
    with outgoing.database.transaction() as session:
        session.execute(update(Delivery).values(attempts=500, created=now() - timedelta(days=6)))
    with outgoing.running():
        outgoing.wait_until(lambda: len(receiver.got) == 2)
        assert outgoing.rows("dead") == 0
        with outgoing.database.transaction() as session:
            session.execute(update(Delivery).values(created=now() - timedelta(days=8)))
        outgoing.wait_until(lambda: outgoing.rows("dead") == 1)


def test_a_missing_secret_lets_a_webhook_wait(outgoing: Any, receiver: Any) -> None:
    outgoing.found(outgoing.watch({"kind": "webhook", "url": receiver.url}), numbered(3))
    with outgoing.running(settings=outgoing.settings.model_copy(update={"webhook_secret": None})):
        outgoing.wait_until(lambda: any("set webhook_secret" in error for error in outgoing.errors()))
    with outgoing.running():
        outgoing.wait_until(lambda: outgoing.rows() == 0)


def test_stopping_ends_a_drawing_that_takes_long_and_leaves_it_to_the_next_process(outgoing: Any, tmp_path: Path) -> None:
    (tmp_path / "photos").mkdir()
    write_slow_video(tmp_path / "photos" / "slow.mp4", seconds=600)
    spec = outgoing.watch({**BUCKET, "drawn": True})
    outgoing.found(spec, ["slow.mp4"], etag="")
    with outgoing.database.transaction() as session:
        result = session.scalars(select(Result)).one()
        line = {**result.findings, "width": 1280, "height": 720}
        found = [{**line, "time": time} for time in (0.0, 300.0)]
        result.findings = {**line, "duration": 600.0, "strongest_time": 0.0, "frames_found": found}
    buckets = Buckets({"photos": tmp_path / "photos", "out": tmp_path / "out"})
    with outgoing.running(buckets=buckets) as deliveries:
        outgoing.wait_until(lambda: list(tmp_path.glob("data/work/drawings/*/*/.*.part")))
        pid = deliveries._drawings._videos.pid
        began = monotonic()
        deliveries.stop(timeout=0.5)
        assert monotonic() - began < 10
    assert not Path("/proc", str(pid)).exists()
    with outgoing.database.reading() as session:
        (left,) = session.scalars(select(Delivery)).all()
    assert (left.state, left.attempts, left.error) == ("due", 0, None)
    assert not list(tmp_path.glob("data/work/drawings/*/*"))


def test_what_a_killed_process_left_on_the_disk_is_swept(outgoing: Any, tmp_path: Path) -> None:
    left = tmp_path / "data" / "work" / "drawings" / "host-1-abc" / "0123"
    left.mkdir(parents=True)
    (left / ".part").write_bytes(bytes(1000))
    with outgoing.running():
        other = Owners(outgoing.database, buckets_of(outgoing.settings, environment={}), outgoing.settings)
        (other.folder("drawings") / "4567").mkdir(parents=True)
        with outgoing.running():
            assert not left.parent.exists()
            assert (other.folder("drawings") / "4567").is_dir(), "of one that lives"
        other.leave()


def test_two_processes_share(outgoing: Any, receiver: Any) -> None:
    outgoing.found(outgoing.watch({"kind": "webhook", "url": receiver.url}), numbered(150))
    secrets = "of the one", "of the other"  # which tell who sent what
    one, other = (outgoing.settings.model_copy(update={"webhook_secret": SecretStr(secret)}) for secret in secrets)
    with outgoing.running(settings=one), outgoing.running(settings=other):
        outgoing.wait_until(lambda: outgoing.rows() == 0)
    assert sorted(receiver.keys()) == numbered(150)  # each once: nobody died
    assert {secret for secret in secrets for headers, body in receiver.got if _signed(headers, body, secret)} == {*secrets}


def _signed(headers: Mapping[str, str], body: bytes, secret: str) -> bool:
    return verify(secret, headers["X-Walkaround-Signature"], body, now=time.time())


def test_after_an_outage_others_get_time_to_renew_what_they_hold(outgoing: Any) -> None:
    spec = outgoing.watch(BUCKET)
    outgoing.found(spec, numbered(1))
    with outgoing.database.transaction() as session:
        outbox.claim(session, (1, spec.sinks[0].name), owner="another", most=1)
        session.execute(update(Delivery).values(leased_until=now() - timedelta(seconds=1)))
    buckets = buckets_of(outgoing.settings, environment={})
    owners = Owners(outgoing.database, buckets, outgoing.settings)
    deliveries = Deliveries(outgoing.database, buckets, outgoing.settings, owners=owners)
    deliveries._contact._made -= 30  # as if the database had not answered for so long
    deliveries.start()
    time.sleep(2.5)
    assert outgoing.rows("running") == 1
    deliveries.stop()
    owners.leave()


def test_the_newest_content_has_the_last_word(outgoing: Any, tmp_path: Path) -> None:
    spec = outgoing.watch(BUCKET)
    outgoing.found(spec, ["a.jpg"], etag="old")
    outgoing.found(spec, ["a.jpg"], etag="new", version=2)
    with outgoing.database.transaction() as session:  # the old one failed at first
        first = select(func.min(Delivery.id)).scalar_subquery()
        session.execute(update(Delivery).where(Delivery.id == first).values(due=now() + timedelta(seconds=1)))
    with outgoing.running():
        outgoing.wait_until(lambda: outgoing.rows() == 0)
    assert json.loads((tmp_path / "out" / "a.jpg.json").read_bytes())["etag"] == "new"


def test_models_that_look_at_the_same_have_a_file_each(outgoing: Any, tmp_path: Path) -> None:
    spec = outgoing.watch(BUCKET, rules=("cars/1", "cars/2"))
    for version in (1, 2):
        outgoing.found(spec, ["a.jpg"], version=version)
    with outgoing.running():
        outgoing.wait_until(lambda: outgoing.rows() == 0)
    assert names(tmp_path / "out") == ["a.jpg.cars-1.json", "a.jpg.cars-2.json"]


def test_a_process_works_for_its_own_watch_alone(outgoing: Any, tmp_path: Path) -> None:
    for name in ("mine", "theirs"):
        outgoing.found(outgoing.watch({**BUCKET, "prefix": f"{name}/"}, name=name), ["a.jpg"])
    buckets = buckets_of(outgoing.settings, environment={})
    with outgoing.database.transaction() as session:
        mine = session.scalars(select(Watch).filter_by(name="mine")).one()
        mine.origin = "command"
    owners = Owners(outgoing.database, buckets, outgoing.settings, only=mine.id)
    deliveries = Deliveries(outgoing.database, buckets, outgoing.settings, owners=owners)
    deliveries.start()
    outgoing.wait_until(lambda: outgoing.rows() == 1)
    time.sleep(1.2)
    deliveries.stop()
    owners.leave()
    assert [path.parent.name for path in (tmp_path / "out").rglob("*.json")] == ["mine"]
    with outgoing.database.reading() as session:
        assert outbox.waiting(session, [2])
        assert not outbox.waiting(session, [1])


def test_nothing_to_do_costs_a_query_a_second(outgoing: Any) -> None:
    outgoing.found(outgoing.watch(BUCKET), numbered(3))
    with outgoing.database.transaction() as session:
        session.execute(update(Delivery).values(state="dead"))
    asked: list[str] = []
    with outgoing.running():
        time.sleep(0.5)
        event.listen(outgoing.database.engine, "before_cursor_execute", lambda *given: asked.append(given[2]))
        time.sleep(2.5)
    assert len([statement for statement in asked if statement.startswith("SELECT")]) <= 3
