"""Processes that deliver may die at any moment: every sink has every result all the same, and has it once."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import update

from walkaround.buckets.buckets import buckets_of
from walkaround.pipeline import outbox
from walkaround.pipeline.sinks.drawn import Drawings
from walkaround.pipeline.sinks.senders import sender_of
from walkaround.store.pipeline import Delivery
from walkaround.store.tables import now

BUCKET = {"kind": "bucket", "bucket": "out"}


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.rglob("*.json"))


def numbered(many: int) -> list[str]:
    return [f"{number:03d}.jpg" for number in range(many)]


def test_what_kills_is_taken_alone_and_given_up(outgoing: Any) -> None:
    spec = outgoing.watch(BUCKET)
    outgoing.found(spec, numbered(3))
    key = (1, spec.sinks[0].name)
    with outgoing.database.transaction() as session:
        assert len(outbox.claim(session, key, owner="dead", most=25)) == 3
        outbox.free_of(session, "dead")
        assert len(outbox.claim(session, key, owner="dead", most=25)) == 1
        for _ in range(13):
            outbox.free_of(session, "dead")
            outbox.claim(session, key, owner="dead", most=1)
        outbox.free_of(session, "dead")
    assert outgoing.rows("dead") == 1
    assert outgoing.rows("due") == 2


def test_leases_lapse_and_are_renewed(outgoing: Any) -> None:
    spec = outgoing.watch(BUCKET)
    outgoing.found(spec, numbered(3))
    with outgoing.database.transaction() as session:
        (first, second, _) = outbox.claim(session, (1, spec.sinks[0].name), owner="me", most=25)
        session.execute(update(Delivery).values(leased_until=now() - timedelta(seconds=1)))
        outbox.renew(session, owner="me", ids=[first.id])
        assert outbox.look(session) == (False, True, ["me"])
        outbox.free_lapsed(session, busy=[second.id])
    assert (outgoing.rows("running"), outgoing.rows("due")) == (2, 1)


@pytest.mark.parametrize("seed", range(6))
def test_wherever_processes_die_every_result_is_there_once(outgoing: Any, tmp_path: Path, receiver: Any, seed: int) -> None:
    """Processes take, send some, and end before or after they say so; some are only thought to be dead, and go on."""
    chance = random.Random(seed)
    spec = outgoing.watch(BUCKET, {"kind": "webhook", "url": receiver.url})
    outgoing.found(spec, numbered(20))
    buckets = buckets_of(outgoing.settings, environment={})
    drawings = Drawings(outgoing.settings, folder=tmp_path / "drawings")
    given: dict[str, Any] = {"buckets": buckets, "settings": outgoing.settings, "drawings": drawings}
    senders = {sink.name: sender_of(sink, **given) for sink in spec.sinks}
    deaths, lingering = 10, []
    while outgoing.rows():
        sink, owner = chance.choice(sorted(senders)), f"process {chance.randrange(10**9)}"
        with outgoing.database.transaction() as session:
            taken = outbox.claim(session, (1, sink), owner=owner, most=chance.randrange(1, 12))
            _, results = outbox.load(session, [row.result_id for row in taken], 1)
        died = deaths > 0 and chance.random() < 0.6
        sent = taken[: chance.randrange(len(taken) + 1)] if died else taken
        assert not any(senders[sink].send([results[row.result_id] for row in sent]))
        if died:
            deaths -= 1
            lingering.append((owner, sent))
            with outgoing.database.transaction() as session:
                outbox.free_of(session, owner)
        else:
            lingering.append((owner, sent))
        if not died or chance.random() < 0.5:
            owner, sent = lingering.pop(chance.randrange(len(lingering)) if died else -1)
            with outgoing.database.transaction() as session:
                outbox.settle(session, owner=owner, delivered=[row.id for row in sent], failed={})
    assert names(tmp_path / "out") == [f"{key}.json" for key in numbered(20)]
    assert len(receiver.ids()) == len(set(receiver.keys())) == 20


_PROGRAM = """
import sys, time
from walkaround.buckets.buckets import Buckets, buckets_of
from walkaround.pipeline.deliveries import Deliveries
from walkaround.pipeline.presence import Owners
from walkaround.settings import Settings
from walkaround.store.database import Database
database_url, data, out = sys.argv[1:]
settings = Settings.model_validate({"data": data, "buckets": {"out": out}, "webhook_secret": "secret of both"})
database, buckets = Database(database_url), buckets_of(settings, environment={})
Deliveries(database, buckets, settings, owners=Owners(database, buckets, settings)).start()
time.sleep(100)
"""


def test_kill_9_loses_nothing_and_doubles_nothing(
    outgoing: Any, database_url: str, tmp_path: Path, receiver: Any, dynamodb: Any, table: str
) -> None:
    receiver.answers = lambda number, body: (200, {}, 0.01)
    spec = outgoing.watch(BUCKET, {"kind": "dynamodb", "table": table}, {"kind": "webhook", "url": receiver.url})
    outgoing.found(spec, numbered(300))
    for kill_after in (3, 60, 130):
        command = [sys.executable, "-c", _PROGRAM, database_url, str(outgoing.settings.data), str(tmp_path / "out")]
        process = subprocess.Popen(command, env=dict(os.environ))
        try:
            outgoing.wait_until(lambda least=kill_after: len(receiver.got) >= least)
        finally:
            process.send_signal(signal.SIGKILL)
            process.wait()
    assert outgoing.rows() > 0
    with outgoing.running():
        outgoing.wait_until(lambda: outgoing.rows() == 0, seconds=60)
    assert names(tmp_path / "out") == [f"{key}.json" for key in numbered(300)]
    assert dynamodb.scan(TableName=table)["Count"] == 300
    assert len(receiver.ids()) == 300
    assert sorted(set(receiver.keys())) == numbered(300)
    assert len(receiver.got) <= 300 + 3 * 25  # what was in work, again by the same id
