"""Time per page of ListDatasetEntries, at 10,000 and at 1,000,000 entries: first, middle and last page, and every filter.

python benchmarks/listing.py                            SQLite in a temporary folder
python benchmarks/listing.py --database postgresql://…  an empty database of yours
python benchmarks/listing.py --processor                processor time, of PostgreSQL too where it is on this machine: for one
                                                        that does other things as well
"""

from __future__ import annotations

import argparse
import platform
import tempfile
import time
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

from sqlalchemy import String, case, cast, func, insert, literal, select, text

from timing import milliseconds
from walkaround.hosting.host import Host
from walkaround.hosting.operations.datasets.entry_listing import EntryFilter
from walkaround.hosting.operations.pages import open_page
from walkaround.hosting.owner import Owner
from walkaround.settings import Settings
from walkaround.store.database import Database
from walkaround.store.tables import Dataset, Entry, Moment, Project, now

OWNER = Owner("000000000000", "us-east-1")
BATCH = 5_000
RUNS = 15
SEARCHES = {
    "a rare part": "IMG_10004217",
    "a common part": "IMG_",
    "a part of the last folder": "/199/",
    "no such part": "zebra",
}


def fill(database: Database, host: Host, *, project: str, entries: int) -> None:
    """A dataset of so many entries in a hundred folders, in batches of rising times; written by the database itself."""
    with database.transaction() as session:
        host.create_project(session, OWNER, project_name=project)
        host.create_dataset(session, OWNER, project_name=project, dataset_type="train")
        dataset = session.scalars(select(Dataset.id).order_by(Dataset.id.desc()).limit(1)).one()
    for start in range(0, entries, BATCH):
        with database.transaction() as session:
            session.execute(_rows(dataset, range(start, min(entries, start + BATCH)), entries=entries))
    if database.engine.dialect.name == "postgresql":
        with database.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
            connection.execute(text("VACUUM ANALYZE entries"))  # the server does it by itself within minutes


def _rows(dataset: int, numbers: range, *, entries: int) -> Any:
    first = select(literal(numbers.start).label("i")).cte("numbers", recursive=True)
    count = first.union_all(select(first.c.i + 1).where(first.c.i + 1 < numbers.stop))
    i = count.c.i
    ref = (
        literal("s3://photos/fleet/") + cast(100 + i * 100 // entries, String) + "/IMG_" + cast(10_000_000 + i, String) + ".jpg"
    )
    label = case((i % 4 == 1, "anomaly"), (i % 4 == 2, None), else_="normal")
    rest = '", "x": 1, "x-metadata": {"type": "groundtruth/image-classification", "human-annotated": "yes", "class-name": "'
    line = literal('{"source-ref": "') + ref + rest + func.coalesce(label, "none") + '"}}'
    columns = select(literal(dataset), ref, label, line, literal(now(), Moment))
    return insert(Entry).from_select(["dataset_id", "source_ref", "label", "line", "created"], columns)


def listings(database: Database, host: Host, project: str, entries: int) -> Iterator[tuple[str, Callable[[], Any]]]:
    """The name of each listing, and what asks for one page of it."""

    def page(**members: Any) -> Any:
        with database.reading() as session:
            return host.list_dataset_entries(session, OWNER, project_name=project, dataset_type="train", **members)

    with database.reading() as session:
        own = select(Entry).join(Dataset).join(Project).where(Project.name == project).order_by(Entry.id)
        first = session.scalars(own.limit(1)).one()
        middle = session.scalars(own.where(Entry.id >= first.id + entries // 2).limit(1)).one()
    opened = open_page("ListDatasetEntries", OWNER, first.dataset_id, EntryFilter(), next_token=None, max_results=None)
    middle_token, last_token = opened.token_after(middle.id), opened.token_after(first.id + entries - 101)
    yield "first page", lambda: page()
    yield "middle page", lambda: page(next_token=middle_token)
    yield "last page", lambda: page(next_token=last_token)
    yield "labelled", lambda: page(labeled=True)
    yield "unlabelled", lambda: page(labeled=False)
    yield "anomaly", lambda: page(anomaly_class="anomaly")
    yield "in the second half of the time", lambda: page(after_creation_date=middle.created)
    yield "anomaly, before the middle", lambda: page(anomaly_class="anomaly", before_creation_date=middle.created)
    for name, part in SEARCHES.items():
        yield f"with {name}", partial(page, source_ref_contains=part)
    yield "anomaly with a common part", lambda: page(source_ref_contains="IMG_", anomaly_class="anomaly")
    yield "with two characters", lambda: page(source_ref_contains="42")


def processor_clock(database: Database) -> Callable[[], float]:
    """Seconds of processor time that this process and the process behind its connection have used."""
    if database.engine.dialect.name == "sqlite":
        return time.process_time
    with database.reading() as session:
        number = session.scalar(text("SELECT pg_backend_pid()"))
    used = Path(f"/proc/{number}/schedstat")
    return lambda: time.process_time() + int(used.read_text().split()[0]) / 1e9


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--database", help="URL of an empty database")
    parser.add_argument("--entries", type=int, nargs=2, default=[10_000, 1_000_000], metavar="N")
    parser.add_argument("--processor", action="store_true", help="processor time instead of time")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        settings = Settings(data=Path(folder), images_train=max(given.entries))
        database = Database(given.database or f"sqlite:///{folder}/walkaround.sqlite")
        database.migrate()
        host = Host(settings)
        for entries in given.entries:
            start = time.perf_counter()
            fill(database, host, project=f"fleet-{entries}", entries=entries)
            print(f"{entries:,} entries written in {time.perf_counter() - start:,.0f} s", flush=True)
        pages = [dict(listings(database, host, f"fleet-{entries}", entries)) for entries in given.entries]
        few, many = given.entries
        clock, what = (processor_clock(database), ", processor time") if given.processor else (time.perf_counter, "")
        print(f"\n{database.engine.dialect.name}, {platform.machine()}, median of {RUNS} pages of 100{what}\n")
        print(f"| page | {few:,} entries, ms | {many:,} entries, ms | ratio |\n|---|--:|--:|--:|")
        for name in pages[0]:
            small, large = milliseconds([listing[name] for listing in pages], runs=RUNS, clock=clock)
            print(f"| {name} | {small:.1f} | {large:.1f} | {large / small:.2f} |")
        database.close()


if __name__ == "__main__":
    main()
