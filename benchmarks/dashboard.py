"""Time of the dashboard and of searching results, at 100,000 and at 10,000,000 results of ten projects over half a year.

python benchmarks/dashboard.py                            SQLite in a temporary folder: about 8 GB, and several minutes
python benchmarks/dashboard.py --database postgresql://…  an empty database of yours for each size: give two
"""

from __future__ import annotations

import argparse
import platform
import tempfile
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any

from sqlalchemy import select, text

from timing import milliseconds
from walkaround.hosting.operations.results.result_search import Position, ResultFilter, Search
from walkaround.hosting.owner import Owner
from walkaround.pipeline.dashboard import FRAMES, dashboard
from walkaround.store.database import Database
from walkaround.store.pipeline import Watch
from walkaround.store.results import Result
from walkaround.store.tables import Project

OWNER = Owner("000000000000", "us-east-1")
PROJECTS = 10
DAYS = 180
END = datetime(2026, 7, 1, tzinfo=UTC)
START = END - timedelta(days=DAYS)
BATCH = 250_000
RUNS = 11
FINDINGS = (
    '{"source": "s3://fleet/a.jpg", "anomalous": true, "confidence": 0.9, "label": "dent", "damage": 0.9, "probabilities":'
    ' {"dent": 0.9, "normal": 0.05, "scratch": 0.05}, "width": 4032, "height": 3024}'
)
# Of result i: its project changes with every row, a folder holds a day, and every hundredth row came by the second watch.
ROWS = {
    "sqlite": """WITH RECURSIVE numbers(i) AS (SELECT :first UNION ALL SELECT i + 1 FROM numbers WHERE i + 1 < :last)
INSERT INTO results (project_id, model_version, source, anomalous, confidence, label, findings, created, watch_id)
SELECT 1 + i % 10, 1 + i * 4 / :all, 's3://fleet/' || date(:start, '+' || (i * 180 / :all) || ' days') || '/gate' || (i % 7)
 || '/IMG_' || (10000000 + i) || '.jpg', i / 10 % 4 = 0, (i * 7919 % 10000) / 10000.0,
 CASE WHEN i / 10 % 4 <> 0 THEN 'normal' WHEN i / 40 % 50 = 0 THEN 'glass_shatter'
 WHEN i / 40 % 2 = 0 THEN 'dent' ELSE 'scratch' END,
 :findings, strftime('%Y-%m-%d %H:%M:%S.000000', :start, '+' || (i * 15552000 / :all) || ' seconds'),
 CASE WHEN i % 100 = 0 THEN 2 ELSE 1 END FROM numbers""",
    "postgresql": """INSERT INTO results
 (project_id, model_version, source, anomalous, confidence, label, findings, created, watch_id)
SELECT 1 + i % 10, 1 + i * 4 / :all,
 's3://fleet/' || to_char(:start ::timestamp + i * 180 / :all * interval '1 day', 'YYYY-MM-DD')
 || '/gate' || (i % 7) || '/IMG_' || (10000000 + i) || '.jpg', i / 10 % 4 = 0, (i * 7919 % 10000) / 10000.0,
 CASE WHEN i / 10 % 4 <> 0 THEN 'normal' WHEN i / 40 % 50 = 0 THEN 'glass_shatter'
 WHEN i / 40 % 2 = 0 THEN 'dent' ELSE 'scratch' END,
 :findings ::json, :start ::timestamp + i * 15552000 / :all * interval '1 second', CASE WHEN i % 100 = 0 THEN 2 ELSE 1 END
 FROM generate_series(:first ::bigint, :last ::bigint - 1) AS numbers(i)""",
}
SUMS = {
    "sqlite": "strftime('%Y-%m-%d %H:00:00.000000', created)",
    "postgresql": "date_trunc('hour', created)",
}


def fill(database: Database, results: int) -> None:
    """So many results and their sums, written by the database itself; indexes are made at the end, which is quicker."""
    dialect = database.engine.dialect.name
    with database.transaction() as session:
        for number in range(PROJECTS):
            session.add(Project(account=OWNER.account, region=OWNER.region, name=f"fleet-{number}"))
            session.flush()
        for name in ("yard", "gate"):
            session.add(Watch(account=OWNER.account, region=OWNER.region, name=name, spec={}, origin="rest"))
            session.flush()
        for index in Result.metadata.tables[Result.__tablename__].indexes:
            index.drop(session.connection())
    members = {"all": results, "start": START.strftime("%Y-%m-%d"), "findings": FINDINGS}
    for first in range(0, results, BATCH):
        with database.transaction() as session:
            session.execute(text(ROWS[dialect]), {**members, "first": first, "last": min(results, first + BATCH)})
    with database.transaction() as session:
        hour = SUMS[dialect]
        anomalies = "sum(CASE WHEN anomalous THEN 1 ELSE 0 END)"
        rows = f"SELECT project_id, {hour}, model_version, count(*), {anomalies} FROM results GROUP BY 1, 2, 3"  # noqa: S608 - ours
        session.execute(text(f"INSERT INTO totals (project_id, hour, model_version, pictures, anomalies) {rows}"))
        for index in Result.metadata.tables[Result.__tablename__].indexes:
            index.create(session.connection())
    if dialect == "postgresql":
        with database.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
            connection.execute(text("VACUUM ANALYZE results"))  # the server does it by itself within minutes
            connection.execute(text("VACUUM ANALYZE totals"))


def asked(database: Database) -> Iterator[tuple[str, Callable[[], Any]]]:
    """The name of each question, and what asks it."""

    def show(**members: Any) -> Any:
        with database.reading() as session:
            return dashboard(session, OWNER, moment=END - timedelta(minutes=1), **members)

    def page(project: str | None = None, *, after: Position | None = None, size: int = 100, **wanted: Any) -> Any:
        with database.reading() as session:
            return Search(session, OWNER, ResultFilter(**wanted), project_name=project).next(session, size=size, after=after)

    for frame in FRAMES:
        yield f"dashboard, {frame}", partial(show, frame=frame)
    yield "dashboard, 6m, one project, +05:30", lambda: show(frame="6m", project_name="fleet-3")
    middle = START + timedelta(days=DAYS / 2)
    with database.reading() as session:
        own = select(Result).where(Result.project_id == 4)
        some = session.scalars(own.where(Result.created >= middle).order_by(Result.created).limit(1)).one()
        oldest = session.scalars(own.order_by(Result.created, Result.id).offset(150).limit(1)).one()
    day = f"s3://fleet/{middle:%Y-%m-%d}/"
    yield "first page", lambda: page("fleet-3")
    yield "page in the middle", lambda: page("fleet-3", after=(some.created, some.id))
    yield "last page", lambda: page("fleet-3", after=(oldest.created, oldest.id))
    yield "damaged", lambda: page("fleet-3", anomalous=True)
    yield "a rare label", lambda: page("fleet-3", label="glass_shatter")
    yield "an old model", lambda: page("fleet-3", model_version=1)
    yield "a label of an old model", lambda: page("fleet-3", model_version=1, label="dent")
    yield "a day in the middle", lambda: page("fleet-3", after=None, before=middle + timedelta(days=1))
    yield "uncertain, 0.45 to 0.55", lambda: page("fleet-3", confidence_from=0.45, confidence_to=0.55)
    yield "a source", lambda: page("fleet-3", source=some.source)
    yield "a beginning that all have", lambda: page("fleet-3", prefix="s3://fleet/")
    yield "a day's folder, long ago", lambda: page("fleet-3", prefix=day)
    yield "a source that is not there", lambda: page("fleet-3", prefix="s3://lot/")
    yield "a small watch", lambda: page(None, watch="gate")
    yield "all projects", lambda: page()
    yield "all projects, damaged", lambda: page(anomalous=True)
    yield "all projects, a source", lambda: page(source=some.source)
    yield "all projects, uncertain and damaged", lambda: page(anomalous=True, confidence_from=0.45, confidence_to=0.55)
    yield "export, 2,000 rows", lambda: page(size=2_000)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--database", nargs=2, help="URLs of two empty databases")
    parser.add_argument("--results", type=int, nargs=2, default=[100_000, 10_000_000], metavar="N")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        urls = given.database or [f"sqlite:///{Path(folder) / f'{results}.sqlite'}" for results in given.results]
        databases = [Database(url) for url in urls]
        for database, results in zip(databases, given.results, strict=True):
            start = time.perf_counter()
            database.migrate()
            fill(database, results)
            print(f"{results:,} results written in {time.perf_counter() - start:,.0f} s", flush=True)
        few, many = given.results
        print(f"\n{databases[0].engine.dialect.name}, {platform.machine()}, median of {RUNS}, pages of 100\n")
        print(f"| asked | {few:,} results, ms | {many:,} results, ms | ratio |\n|---|--:|--:|--:|")
        for (name, small), (_, large) in zip(asked(databases[0]), asked(databases[1]), strict=True):
            quick, slow = milliseconds([small, large], runs=RUNS)
            print(f"| {name} | {quick:.1f} | {slow:.1f} | {slow / quick:.2f} |", flush=True)
        for database in databases:
            database.close()


if __name__ == "__main__":
    main()
