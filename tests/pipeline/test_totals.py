"""Sums: added to by several processes at once, and shown by hour and by day of the reader's zone."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta, timezone
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy import select

from walkaround.errors import NotFoundError
from walkaround.hosting.owner import Owner
from walkaround.pipeline.dashboard import Dashboard, Frame, dashboard
from walkaround.pipeline.totals import Looked, add_totals
from walkaround.store.database import Database
from walkaround.store.pipeline import ProfileCount, Total
from walkaround.store.tables import Project

OWNER = Owner("000000000000", "us-east-1")
NOON = datetime(2026, 3, 10, 12, 30, tzinfo=UTC)


def looked(created: datetime = NOON, *, project: int = 1, anomalous: bool = False, version: int = 1) -> Looked:
    return Looked(
        project_id=project,
        model_version=version,
        created=created,
        anomalous=anomalous,
        damage=0.9 if anomalous else 0.2,
        measures={"brightness": 0.5},
    )


@pytest.fixture
def database(database_url: str) -> Iterator[Database]:
    """Two projects of one account, `cars` (1) and `vans` (2), and `cars` of another (3)."""
    made = Database(database_url)
    with made.transaction() as session:
        for account, name in ((OWNER.account, "cars"), (OWNER.account, "vans"), ("111111111111", "cars")):
            session.add(Project(account=account, region=OWNER.region, name=name))
            session.flush()
    yield made
    made.close()


def add(database: Database, *rows: Looked) -> None:
    with database.transaction() as session:
        add_totals(session, rows)


def show(database: Database, frame: Frame = "1w", *, hours: float = 0, project: str | None = None) -> Dashboard:
    zone = timezone(timedelta(hours=hours))
    with database.reading() as session:
        return dashboard(session, OWNER, frame=frame, project_name=project, zone=zone, moment=NOON)


def test_rows_grow_with_what_is_added(database: Database) -> None:
    add(database, looked(), looked(anomalous=True), looked(version=2), looked(NOON + timedelta(hours=1)))
    add(database, looked(), looked(anomalous=True))
    with database.reading() as session:
        totals = {(row.hour.hour, row.model_version): (row.pictures, row.anomalies) for row in session.scalars(select(Total))}
        counts = session.scalars(select(ProfileCount).filter_by(measure="brightness", model_version=1)).all()
    assert totals == {(12, 1): (4, 2), (12, 2): (1, 0), (13, 1): (1, 0)}
    assert [(row.day, row.pictures) for row in counts] == [(datetime(2026, 3, 10, tzinfo=UTC), 5)]


def test_what_is_sure_of_itself_is_counted_by_verdict() -> None:
    whole, damaged = looked().classes, looked(anomalous=True).classes
    assert whole["confidence"] == 4  # 0.8 to 0.9
    assert damaged["confidence"] == 5  # 0.9 to 0.95
    assert whole["damage"] < damaged["damage"]


def test_processes_that_add_at_once_neither_lose_anything_nor_wait_for_each_other(database: Database) -> None:
    rows = [looked(NOON + timedelta(hours=number), project=1 + number % 2) for number in range(6)]

    def work(turn: int) -> None:
        for _ in range(10):
            add(database, *(rows if turn % 2 else reversed(rows)))

    threads = [threading.Thread(target=work, args=(turn,)) for turn in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    with database.reading() as session:
        assert [row.pictures for row in session.scalars(select(Total))] == [40] * 6


def test_the_dashboard_sums_projects_of_the_account_alone(database: Database) -> None:
    add(database, looked(), looked(anomalous=True), looked(project=2), looked(project=3, anomalous=True))
    shown = show(database)
    assert [(line.project, line.whole.pictures, line.whole.anomalies) for line in shown.projects] == [
        ("cars", 2, 1),
        ("vans", 1, 0),
    ]
    assert shown.overall.whole.pictures == 3
    assert shown.overall.whole.ratio == pytest.approx(1 / 3)
    assert show(database, project="vans").overall.whole.pictures == 1
    with pytest.raises(NotFoundError, match="'lorries'"):
        show(database, project="lorries")


@pytest.mark.parametrize(
    ("frame", "unit", "points", "first"),
    [
        ("1d", "hour", 24, NOON.replace(minute=0) - timedelta(hours=23)),
        ("3d", "hour", 72, NOON.replace(minute=0) - timedelta(hours=71)),
        ("1w", "day", 7, datetime(2026, 3, 4, tzinfo=UTC)),
        ("1m", "day", 30, datetime(2026, 2, 9, tzinfo=UTC)),
        ("3m", "day", 90, datetime(2025, 12, 11, tzinfo=UTC)),
        ("6m", "day", 180, datetime(2025, 9, 12, tzinfo=UTC)),
    ],
)
def test_time_frames(database: Database, frame: Frame, unit: str, points: int, first: datetime) -> None:
    add(database, looked(NOON), looked(first, anomalous=True), looked(first - timedelta(hours=1)))
    shown = show(database, frame)
    assert (shown.unit, len(shown.starts), shown.starts[0]) == (unit, points, first)
    line = shown.projects[0].points
    assert (line[0].anomalies, line[-1].pictures) == (1, 1)
    assert sum(point.pictures for point in line) == 2


def test_days_keep_to_summer_time(database: Database) -> None:
    """In Berlin, 29 March 2026 has 23 hours: midnight is 23:00 of UTC before it, and 22:00 after it."""
    hours = [
        datetime(2026, 3, 28, 22, tzinfo=UTC),
        datetime(2026, 3, 28, 23, tzinfo=UTC),
        datetime(2026, 3, 29, 21, tzinfo=UTC),
    ]
    add(database, *(looked(hour) for hour in (*hours, datetime(2026, 3, 29, 22, tzinfo=UTC))))
    with database.reading() as session:
        moment = datetime(2026, 3, 31, 12, tzinfo=UTC)
        shown = dashboard(session, OWNER, frame="1w", zone=ZoneInfo("Europe/Berlin"), moment=moment)
        hourly = dashboard(session, OWNER, frame="3d", zone=ZoneInfo("Europe/Berlin"), moment=moment)
    days = dict(zip((start.day for start in shown.starts), (sum_.pictures for sum_ in shown.overall.points), strict=True))
    assert {day: days[day] for day in (28, 29, 30)} == {28: 1, 29: 2, 30: 1}
    assert {start.hour for start in shown.starts} == {0}
    assert len({start.astimezone(UTC) for start in hourly.starts}) == 72
    assert hourly.overall.whole.pictures == 4


@pytest.mark.parametrize(("hours", "day"), [(0, 6), (2, 6), (13, 6), (-13, 6), (5.5, 6), (12, 5)])
def test_days_begin_at_the_readers_midnight(database: Database, hours: float, day: int) -> None:
    add(database, looked(datetime(2026, 3, 10, 11, tzinfo=UTC)))
    shown = show(database, hours=hours)
    local = NOON.astimezone(timezone(timedelta(hours=hours)))
    assert shown.starts[-1].date() == local.date()
    assert [place for place, point in enumerate(shown.projects[0].points) if point.pictures] == [day]


def test_nothing_is_shown_as_nothing(database: Database) -> None:
    shown = show(database)
    assert (shown.overall.whole.pictures, shown.overall.whole.ratio) == (0, None)
