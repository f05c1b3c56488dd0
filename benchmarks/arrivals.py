"""Arrivals told of up to ten times each, shuffled, while the server, the pipeline's process and the database are killed.

`arrivals.py [--arrivals 10000] [--kills 50] [--copies 10] [--seed 1] [--postgres]`: pictures lie in a bucket, and each is told
of by events at the server's door, in batches, out of order, again and again. Meanwhile one of the processes is killed at random
moments, and started again where nobody else does that. Each object has to have exactly one result, and every sink has to have
it exactly once: JSON in a bucket, an item in DynamoDB (moto's server), a signed request to a webhook, a count in the totals.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import logging
import os
import random
import signal
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import quote_plus, urlsplit

import boto3
import httpx
from moto.server import ThreadedMotoServer
from sqlalchemy import func, select

from lookout_cars import draw_cars
from postgres_server import PostgresServer, postgres_programs
from served import REGION, Served, wait_for
from walkaround.hosting.operations.models.imported import import_package
from walkaround.hosting.owner import Owner
from walkaround.models.package import read_package
from walkaround.pipeline.sinks.signing import verify
from walkaround.settings import Settings
from walkaround.store.opening import database_of
from walkaround.store.pipeline import Arrival, Delivery, Total
from walkaround.store.results import Result
from walkaround.training.recipe import Recipe
from walkaround.training.train import train

BUCKET, OUT, TABLE, SECRET = "arrivals", "results", "lookout_for_vision_summary", "only-for-this"
_BATCH = 25
_QUIET_SECONDS = 600.0


@dataclass(kw_only=True)
class Story:
    """A server with one watch, its sinks, and who kills."""

    folder: Path
    served: Served
    settings: Settings
    chance: random.Random
    postgres: PostgresServer | None
    hooks: Hooks
    kills: Counter[str] = field(default_factory=Counter)

    def kill(self) -> None:
        """Kill one of the processes, and start again what nobody else starts."""
        victims = ["server", "pipeline", "pipeline", *(["database"] if self.postgres else [])]
        victim = self.chance.choice(victims)
        if victim == "database" and self.postgres is not None:
            self.postgres.kill()
            time.sleep(self.chance.uniform(0, 2))
            self.postgres.start()
        elif victim == "pipeline":
            children = self.served.children()
            if not children:
                return
            with contextlib.suppress(ProcessLookupError):
                os.kill(self.chance.choice(children), signal.SIGKILL)
        else:
            self.served.kill()
            self.served.start()
        self.kills[victim] += 1


class Hooks:
    """A webhook that fails now and then, and counts what it has taken."""

    def __init__(self, chance: random.Random) -> None:
        self.taken: Counter[str] = Counter()
        self.forged = 0
        hooks = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                if chance.random() < 0.05:
                    self.send_response(503)
                else:
                    good = verify(SECRET, self.headers["X-Walkaround-Signature"], body, now=time.time())
                    hooks.forged += not good
                    hooks.taken[json.loads(body)["id"]] += 1
                    self.send_response(204)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, *_: object) -> None:
                """Say nothing."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_port}/hook"
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def close(self) -> None:
        """Take no more."""
        self._server.shutdown()


def main() -> None:
    """Tell, kill, count, and say what was lost or is there twice."""
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("--arrivals", type=int, default=10_000)
    arguments.add_argument("--kills", type=int, default=50)
    arguments.add_argument("--copies", type=int, default=10)
    arguments.add_argument("--seed", type=int, default=1)
    arguments.add_argument("--postgres", action="store_true")
    given = arguments.parse_args()
    with tempfile.TemporaryDirectory(prefix="walkaround-arrivals-") as temporary, story(Path(temporary), given) as told:
        started = time.monotonic()
        keys = fill(told.folder / BUCKET, told.folder / "cars", given.arrivals)
        events = [key for key in keys for _ in range(told.chance.randint(1, given.copies))]
        told.chance.shuffle(events)
        teller = threading.Thread(target=tell, args=(told.served, events))
        teller.start()
        while sum(told.kills.values()) < given.kills:
            time.sleep(told.chance.uniform(0.5, 6.0))
            told.kill()
        teller.join()
        wait_until_done(told, len(keys))
        report = count(told, keys)
        code = told.served.stop()
        seconds = round(time.monotonic() - started)
        told_of = {"arrivals": len(keys), "events": len(events), "seconds": seconds, "kills": dict(told.kills)}
        print(json.dumps({**told_of, **report, "exit_code": code}))
    raise SystemExit(bool(report["wrong"]) or code)


@contextlib.contextmanager
def story(folder: Path, given: argparse.Namespace) -> Iterator[Story]:
    """A server that watches its own door, with a model that was trained on drawn cars."""
    chance = random.Random(given.seed)
    draw_cars(folder / "cars", normal=20, anomaly=20, seed=given.seed)
    trained = train(folder / "cars", out=folder / "package", recipe=Recipe(folds=2, cache=folder / "cache"))
    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    moto = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    moto.start()
    host, port = moto.get_host_and_port()
    endpoint = f"http://{host}:{port}"
    make_table(endpoint)
    hooks = Hooks(random.Random(given.seed))
    with contextlib.ExitStack() as stack:
        stack.callback(moto.stop)
        stack.callback(hooks.close)
        postgres = None
        if given.postgres:
            programs = postgres_programs()
            assert programs is not None, "PostgreSQL is not installed"
            place = stack.enter_context(tempfile.TemporaryDirectory(prefix="walkaround-postgres-"))
            postgres = PostgresServer(programs, Path(place))
            postgres.start()
            stack.callback(postgres.stop)
        database = postgres.new_database() if postgres else None
        (folder / BUCKET).mkdir()
        (folder / OUT).mkdir()
        served = Served(folder=folder / "served", buckets={BUCKET: folder / BUCKET, OUT: folder / OUT})
        served.variables |= {"WALKAROUND_WEBHOOK_SECRET": SECRET, "WALKAROUND_WEBHOOK_HOSTS": urlsplit(hooks.url).netloc}
        served.variables |= {"AWS_ENDPOINT_URL_DYNAMODB": endpoint, "AWS_REGION": REGION, "WALKAROUND_DYNAMODB_TABLES": TABLE}
        served.variables |= {"AWS_ACCESS_KEY_ID": "moto", "AWS_SECRET_ACCESS_KEY": "moto"}
        served.variables |= {"WALKAROUND_DATABASE": database} if database else {}
        settings = Settings(data=served.data, database=database)
        opened = database_of(settings)
        opened.migrate()
        owner = Owner(account=settings.account, region=settings.region)
        with opened.transaction() as session:
            import_package(session, owner, project_name="cars", package=read_package(trained.package.path), settings=settings)
        opened.close()
        served.key = served.make_key("manage", *(["--database", database] if database else []))
        served.start()
        put_watch(served, hooks.url)
        yield Story(folder=folder, served=served, settings=settings, chance=chance, postgres=postgres, hooks=hooks)


def make_table(endpoint: str) -> None:
    """The sample's table."""
    _dynamodb(endpoint).create_table(
        TableName=TABLE,
        AttributeDefinitions=[{"AttributeName": "RequestID", "AttributeType": "S"}],
        KeySchema=[{"AttributeName": "RequestID", "KeyType": "HASH"}],
        BillingMode="PAY_PER_REQUEST",
    )


def _dynamodb(endpoint: str) -> Any:
    keys = {"aws_access_key_id": "moto", "aws_secret_access_key": "moto"}
    return boto3.client("dynamodb", endpoint_url=endpoint, region_name=REGION, **keys)


def put_watch(served: Served, hook: str) -> None:
    """One watch at the server's door, with every kind of sink."""
    sinks = [{"kind": "bucket", "bucket": OUT}, {"kind": "dynamodb", "table": TABLE}, {"kind": "webhook", "url": hook}]
    spec = {"name": "arrivals", "source": "events", "rules": [{"model": "cars/1"}], "sinks": sinks}
    answer = httpx.put(f"{served.url}/api/v1/watches/arrivals", json=spec, headers=_bearer(served), timeout=60)
    assert answer.is_success, answer.text


def _bearer(served: Served) -> dict[str, str]:
    return {"Authorization": f"Bearer {served.key.bearer}"}


def fill(bucket: Path, cars: Path, arrivals: int) -> list[str]:
    """So many objects in the bucket, some with names that need care."""
    sources = sorted(cars.glob("*/*.jpg"))
    keys = []
    for number in range(arrivals):
        name = f"car {number}+ä.jpg" if number % 10 == 0 else f"car-{number}.jpg"
        key = f"day-{number % 30}/{name}"
        (bucket / key).parent.mkdir(exist_ok=True)
        os.link(sources[number % len(sources)], bucket / key)
        keys.append(key)
    return keys


def tell(served: Served, keys: Sequence[str]) -> None:
    """Send every event until it is accepted, in batches, as S3 does: again when nobody answers."""
    with httpx.Client(timeout=30) as client:
        for start in range(0, len(keys), _BATCH):
            records = [_record(key) for key in keys[start : start + _BATCH]]
            _post_until_taken(client, served, {"Records": records})


def _post_until_taken(client: httpx.Client, served: Served, event: dict[str, Any]) -> None:
    while True:
        with contextlib.suppress(httpx.HTTPError):
            answer = client.post(f"{served.url}/api/v1/events?watch=arrivals", json=event, headers=_bearer(served))
            if answer.is_success:
                return
            assert answer.status_code in (429, 500, 502, 503, 504), answer.text
        time.sleep(0.3)


def _record(key: str) -> dict[str, Any]:
    about = {"bucket": {"name": BUCKET}, "object": {"key": quote_plus(key, safe="/"), "sequencer": "0"}}
    return {"eventName": "ObjectCreated:Put", "eventTime": "2026-01-02T03:04:05.000Z", "s3": about}


def wait_until_done(told: Story, arrivals: int) -> None:
    """Until nothing waits any more; the server is started again where it was the last to be killed."""
    database = database_of(told.settings)

    def done() -> bool:
        try:
            with database.reading() as session:
                left = session.scalar(select(func.count()).where(Arrival.state.in_(("due", "running")))) or 0
                left += session.scalar(select(func.count()).select_from(Delivery)) or 0
        except Exception:  # noqa: BLE001 - the database may be on its way up
            return False
        return left == 0

    wait_for(lambda: done() or None, what="the last arrivals", seconds=_QUIET_SECONDS + arrivals / 10, pause=1.0)
    database.close()


def count(told: Story, keys: Sequence[str]) -> dict[str, Any]:
    """What there is of everything, and what is wrong with it."""
    database = database_of(told.settings)
    with database.reading() as session:
        sources = Counter(session.scalars(select(Result.source)))
        totals = session.scalar(select(func.sum(Total.pictures))) or 0
        dead = session.scalar(select(func.count()).where(Arrival.state == "dead")) or 0
    database.close()
    wanted = {f"s3://{BUCKET}/{key}" for key in keys}
    written = {path.relative_to(told.folder / OUT).as_posix() for path in (told.folder / OUT).rglob("*.json")}
    client = _dynamodb(told.served.variables["AWS_ENDPOINT_URL_DYNAMODB"])
    pages = client.get_paginator("scan").paginate(TableName=TABLE)
    images = Counter(item["Image"]["S"] for page in pages for item in page["Items"])
    checks: dict[str, Callable[[], bool]] = {
        "rows": lambda: set(sources) == wanted and set(sources.values()) == {1},
        "totals": lambda: totals == len(keys),
        "json": lambda: written == {f"{key}.json" for key in keys},
        "items": lambda: images == Counter(key.rpartition("/")[2] for key in keys),
        "hooks": lambda: len(told.hooks.taken) == len(keys) and not told.hooks.forged,
        "dead": lambda: dead == 0,
    }
    numbers = {
        "rows": sum(sources.values()),
        "totals": int(totals),
        "json": len(written),
        "items": sum(images.values()),
        "hooks": len(told.hooks.taken),
        "hooks_again": sum(told.hooks.taken.values()) - len(told.hooks.taken),
        "dead": dead,
    }
    return {**numbers, "wrong": [name for name, check in checks.items() if not check()]}


if __name__ == "__main__":
    main()
