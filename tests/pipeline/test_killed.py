"""Server, pipeline and database killed while events come again and again: a short round of what `make soak` does at length."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest
from sqlalchemy import ColumnElement, func, select

from postgres_server import postgres_programs
from served import Served, wait_for
from walkaround.hosting.operations.models.imported import import_package
from walkaround.hosting.owner import Owner
from walkaround.pipeline.letters import replay
from walkaround.pipeline.process import plain_settings
from walkaround.pipeline.watches import find_watch
from walkaround.settings import Settings
from walkaround.store.database import Database
from walkaround.store.opening import database_of
from walkaround.store.pipeline import Arrival, Delivery, Total
from walkaround.store.results import Result
from walkaround.training.train import Trained

ROOT = Path(__file__).parents[2]


@pytest.mark.parametrize("database", ["sqlite", "postgresql"])
def test_every_arrival_has_one_row_and_is_once_in_every_sink(database: str) -> None:
    if database == "postgresql" and postgres_programs() is None:
        pytest.skip("PostgreSQL is not installed (apt-get install postgresql)")
    command = [sys.executable, str(ROOT / "benchmarks" / "arrivals.py"), "--arrivals", "120", "--kills", "4", "--copies", "4"]
    command += ["--seed", "5"] + (["--postgres"] if database == "postgresql" else [])
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-4000:]
    report = json.loads(done.stdout.splitlines()[-1])
    assert report["rows"] == report["totals"] == report["json"] == report["items"] == report["hooks"] == 120
    assert report["wrong"] == []


PICTURES = 80


@pytest.mark.skipif(not os.environ.get("WALKAROUND_SOAK"), reason="takes two minutes: set WALKAROUND_SOAK=1, or `make soak`")
def test_servers_killed_in_a_row_and_a_process_of_theirs_that_lives_on_lose_and_double_nothing(
    trained: Trained, drawn: Path, tmp_path: Path
) -> None:
    """The kernel ends what a killed server leaves. Where it cannot at once, as of a process that hangs, others go on alone.

    A picture that is in work at three of the kills is a dead letter: it could be what kills. It is looked at once replayed.
    """
    served = Served(folder=tmp_path, buckets={name: tmp_path / name for name in ("photos", "results")})
    served.buckets["results"].mkdir()
    fill(served.buckets["photos"], sorted((drawn / "test").glob("*/*")))
    settings = Settings(data=served.data, buckets={name: str(place) for name, place in served.buckets.items()})
    database = database_of(settings)
    database.migrate()
    owner = Owner(account=settings.account, region=settings.region)
    with database.transaction() as session:
        import_package(session, owner, project_name="cars", package=trained.package, settings=settings)
    left: set[int] = set()
    served.start()
    watch(served)
    seen = kill_at_work(served, database, left, seen=set())
    with orphan(settings) as hanging:
        seen |= holders(database, beside=seen)
        with database.transaction():  # so that it has no transaction open, which would stop everybody
            hanging.send_signal(signal.SIGSTOP)
        served.start()
        kill_at_work(served, database, left, seen=seen)
        served.start()
        wait_until_none(database, Arrival.state.in_(("due", "running")))
        hanging.send_signal(signal.SIGCONT)  # it has pictures in work that others have done since
        hanging.terminate()
        assert hanging.wait(60) == 0
    with database.transaction() as session:
        dead = replay(session, find_watch(session, owner, "incoming"), kind="arrival").replayed
    assert dead <= 1, "pictures that have outlived a process are looked at alone"
    wait_until_none(database, Arrival.state != "done")
    wait_until_none(database, Delivery.id.is_not(None))
    left |= set(served.children())
    assert served.stop() == 0
    wait_for(lambda: not any(Path(f"/proc/{pid}").exists() for pid in left) or None, what="the end of all", seconds=20)
    assert number(database, select(func.count()).select_from(Result)) == PICTURES
    assert number(database, select(func.count(Result.source.distinct()))) == PICTURES
    assert number(database, select(func.sum(Total.pictures))) == PICTURES
    assert len(list(served.buckets["results"].glob("*.json"))) == PICTURES
    database.close()


def fill(bucket: Path, sources: list[Path]) -> None:
    bucket.mkdir()
    for place in range(PICTURES):
        shutil.copyfile(sources[place % len(sources)], bucket / f"{place:03}.jpg")


def watch(served: Served) -> None:
    """Have the server watch the bucket."""
    spec = {"name": "incoming", "source": "s3://photos/", "rules": [{"model": "cars/1"}]}
    spec["sinks"] = [{"kind": "bucket", "bucket": "results"}]
    url, bearer = f"{served.url}/api/v1/watches/incoming", {"Authorization": f"Bearer {served.key.bearer}"}
    assert httpx.put(url, json=spec, headers=bearer, timeout=60).is_success


def kill_at_work(served: Served, database: Database, left: set[int], *, seen: set[str]) -> set[str]:
    """Kill the server as soon as a process of its own holds arrivals, and nothing else; its name. `left`: what it leaves."""
    found = holders(database, beside=seen)
    left |= set(served.children())
    served.kill()
    return found


def holders(database: Database, *, beside: set[str]) -> set[str]:
    """The processes that hold arrivals, besides those that did before; waits for one."""

    def others() -> set[str]:
        with database.reading() as session:
            found = session.scalars(select(Arrival.leased_by).where(Arrival.state == "running"))
            return {name for name in found if name is not None} - beside

    return wait_for(others, what="a process that holds arrivals", seconds=120, pause=0.02)


def wait_until_none(database: Database, which: ColumnElement[bool]) -> None:
    wait_for(lambda: number(database, select(func.count()).where(which)) == 0 or None, what=str(which), seconds=240, pause=0.5)


def number(database: Database, query: Any) -> int:
    with database.reading() as session:
        return session.scalar(query) or 0


@contextmanager
def orphan(settings: Settings) -> Iterator[subprocess.Popen[bytes]]:
    """The pipeline's process of a server that is gone; as a child of this one, so that nothing ends it."""
    command = [sys.executable, "-m", "walkaround.pipeline.process", str(os.getpid())]
    with subprocess.Popen(command, stdin=subprocess.PIPE) as process:
        assert process.stdin is not None
        with process.stdin as pipe:
            pipe.write(json.dumps(plain_settings(settings)).encode())
        try:
            yield process
        finally:
            process.kill()
