"""Searching results gives what a plain reading of all of them gives, page by page, whatever is asked for."""

from __future__ import annotations

import random
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import text

from walkaround.errors import NotFoundError, ValidationError
from walkaround.hosting.operations.results.result_search import Effort, ResultFilter, Search
from walkaround.hosting.operations.results.results import damaged_spans, forget_results, search_results
from walkaround.hosting.owner import Owner
from walkaround.store.database import Database
from walkaround.store.pipeline import Watch
from walkaround.store.results import Result
from walkaround.store.tables import Project

OWNER = Owner("000000000000", "us-east-1")
START = datetime(2026, 1, 1, tzinfo=UTC)
PLACES = ("s3://photos/front/", "s3://photos/rear/", "s3://photos/\U0010ffff", "s3://photos/ä/", "100%_'")


def made(number: int) -> Result:
    """Every tenth has the time of the one before; a rare place comes first and then no more."""
    rng = random.Random(number)
    place = "s3://old/" if number < 12 else PLACES[number % len(PLACES)]
    return Result(
        project_id=1 + number % 3,
        model_version=1 + number % 4,
        source=f"{place}{number:04}.jpg",
        anomalous=number % 2 == 0,
        confidence=round(rng.random(), 3),
        label=("normal", "dent", "scratch")[number % 3 if number % 2 == 0 else 0],
        findings={"source": "x"},
        created=START + timedelta(minutes=number - (number % 10 == 0)),
        watch_id=1 if number % 5 == 0 else None,
        verdict=(None, "normal", "anomaly")[number % 3] if number % 4 == 0 else None,
    )


@pytest.fixture
def database(database_url: str) -> Iterator[Database]:
    """300 results of two projects of the account (1, 2) and of one of another (3), some of the watch `yard`."""
    opened = Database(database_url)
    with opened.transaction() as session:
        for account, name in ((OWNER.account, "cars"), (OWNER.account, "vans"), ("111111111111", "cars")):
            session.add(Project(account=account, region=OWNER.region, name=name))
            session.flush()
        session.add(Watch(account=OWNER.account, region=OWNER.region, name="yard", spec={}, origin="rest"))
        session.add_all([made(number) for number in range(300)])
    yield opened
    opened.close()


WANTED: dict[str, tuple[dict[str, Any], Any]] = {
    "all": ({}, lambda one: True),
    "a verdict": ({"anomalous": True}, lambda one: one.anomalous),
    "a label": ({"label": "dent"}, lambda one: one.label == "dent"),
    "a model": ({"model_version": 3}, lambda one: one.model_version == 3),
    "a label of a model": ({"label": "dent", "model_version": 1}, lambda one: one.label == "dent" and one.model_version == 1),
    "a time": (
        {"after": START + timedelta(minutes=50), "before": START + timedelta(minutes=99)},
        lambda one: START + timedelta(minutes=50) <= one.created < START + timedelta(minutes=99),
    ),
    "a source": ({"source": "s3://photos/front/0015.jpg"}, lambda one: one.source == "s3://photos/front/0015.jpg"),
    "a beginning": ({"prefix": "s3://photos/rear/"}, lambda one: one.source.startswith("s3://photos/rear/")),
    "an old beginning": ({"prefix": "s3://old/"}, lambda one: one.source.startswith("s3://old/")),
    "a beginning that ends with the last character": ({"prefix": PLACES[2]}, lambda one: one.source.startswith(PLACES[2])),
    "a beginning with an umlaut": ({"prefix": "s3://photos/ä"}, lambda one: one.source.startswith("s3://photos/ä")),
    "no pattern": ({"prefix": "100%_'"}, lambda one: one.source.startswith("100%_'")),
    "nothing that is there": ({"prefix": "s3://photos/FRONT/"}, lambda one: False),
    "what nobody has looked at": ({"reviewed": "open"}, lambda one: one.verdict is None),
    "what a person confirmed": (
        {"reviewed": "confirmed"},
        lambda one: one.verdict == ("anomaly" if one.anomalous else "normal"),
    ),
    "what a person corrected": (
        {"reviewed": "corrected"},
        lambda one: one.verdict == ("normal" if one.anomalous else "anomaly"),
    ),
    "a confidence": (
        {"confidence_from": 0.25, "confidence_to": 0.3},
        lambda one: 0.25 <= one.confidence <= 0.3,
    ),
    "a watch": ({"watch": "yard"}, lambda one: one.watch_id == 1),
    "a verdict and a beginning of a watch": (
        {"watch": "yard", "anomalous": True, "prefix": "s3://photos"},
        lambda one: one.watch_id == 1 and one.anomalous and one.source.startswith("s3://photos"),
    ),
}


def search(database: Database, *, project: str | None = None, size: int = 7, **wanted: Any) -> list[int]:
    """All pages, one after the other."""
    found: list[int] = []
    token = None
    while True:
        with database.reading() as session:
            reply = search_results(session, OWNER, wanted=ResultFilter(**wanted), project_name=project, page=(token, size))
        assert len(reply["Results"]) <= size
        found += [result["Id"] for result in reply["Results"]]
        token = reply.get("NextToken")
        if token is None:
            return found


def expected(project: str | None, fits: Any) -> list[int]:
    rows = [(number + 1, made(number)) for number in range(300)]
    numbers = {"cars": (1,), "vans": (2,), None: (1, 2)}[project]
    fitting = [(one.created, number) for number, one in rows if one.project_id in numbers and fits(one)]
    return [number for _, number in sorted(fitting, reverse=True)]


@pytest.mark.parametrize("project", ["cars", None])
def test_a_search_finds_what_there_is_the_newest_first(database: Database, project: str | None) -> None:
    for name, (wanted, fits) in WANTED.items():
        assert search(database, project=project, size=37, **wanted) == expected(project, fits), name


@pytest.mark.parametrize(("rare", "common"), [(0, 0), (0, 100), (5, 20)])
def test_a_search_that_looks_at_few_rows_a_page_finds_the_same(database: Database, rare: int, common: int) -> None:
    """What is bounded at twenty thousand rows for ten million is bounded here at twenty for three hundred."""
    effort = Effort(candidates=20, fewest=5, rare=rare, common=common)
    for name, (wanted, fits) in WANTED.items():
        found, after, pages = [], None, 0
        with database.reading() as session:
            search = Search(session, OWNER, ResultFilter(**wanted), effort=effort)
            while not pages or after is not None:
                part = search.next(session, size=7, after=after)
                found += [one.id for one in part.results]
                after, pages = part.last, pages + 1
        assert found == expected(None, fits), name


def test_results_that_come_between_two_pages_move_nothing(database: Database) -> None:
    with database.reading() as session:
        first = Search(session, OWNER, ResultFilter()).next(session, size=10, after=None)
    with database.transaction() as session:
        session.add(made(700))
    with database.reading() as session:
        second = Search(session, OWNER, ResultFilter()).next(session, size=10, after=first.last)
    assert [one.id for one in (*first.results, *second.results)] == expected(None, lambda one: True)[:20]


def test_what_is_not_there_is_said(database: Database) -> None:
    with pytest.raises(NotFoundError, match="no watch 'gate'"):
        search(database, watch="gate")
    with pytest.raises(NotFoundError, match="no project 'lorries'"):
        search(database, project="lorries")
    with database.reading() as session:
        token = search_results(session, OWNER, wanted=ResultFilter(), page=(None, 1))["NextToken"]
        with pytest.raises(ValidationError, match="not of this listing"):
            search_results(session, OWNER, wanted=ResultFilter(label="dent"), page=(token, 1))


def test_a_result_says_where_it_came_from(database: Database) -> None:
    with database.reading() as session:
        shown = search_results(session, OWNER, wanted=ResultFilter(watch="yard"), page=(None, 3))["Results"]
    assert {(one["Project"], one["Watch"]) for one in shown} <= {("cars", "yard"), ("vans", "yard")}


def test_old_results_of_a_project_are_forgotten_in_steps(database: Database) -> None:
    steps: list[int] = []
    while not steps or steps[-1]:
        with database.transaction() as session:
            until = START + timedelta(minutes=60)
            steps.append(forget_results(session, OWNER, project_name="cars", before=until, at_most=15))
    assert steps == [15, 6, 0]
    assert len(search(database, project="cars")) == 100 - 21


@pytest.mark.parametrize(
    ("frames", "spans"),
    [
        ([], []),
        ([(0, False), (1, True), (2, True), (3, False), (5, True)], [(1, 2), (5, 5)]),
        ([(0, True), (1, True)], [(0, 1)]),
    ],
)
def test_spans_of_a_video(frames: list[tuple[float, bool]], spans: list[tuple[float, float]]) -> None:
    found = {"frames_found": [{"time": time, "anomalous": anomalous} for time, anomalous in frames]}
    assert damaged_spans(found) == spans
    assert damaged_spans({"source": "a.jpg"}) == []


def test_the_beginning_of_a_source_is_found_by_its_index(postgres_url: str) -> None:
    """Whatever language a database sorts by."""
    database = Database(postgres_url)
    database.migrate()
    with database.transaction() as session:
        session.execute(text("SET LOCAL enable_seqscan = off"))
        collation = text(
            "SELECT collation_name FROM information_schema.columns WHERE table_name='results' AND column_name='source'"
        )
        assert session.scalar(collation) == "C"
    database.close()
