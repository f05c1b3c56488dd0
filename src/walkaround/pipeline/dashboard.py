"""The dashboard: how many pictures were looked at and how many were damaged, over time; from the sums by hour alone.

So it costs the same whatever number of results there is.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta, tzinfo
from typing import Any, Literal, get_args

from sqlalchemy import ColumnElement, cast, func, literal_column, select
from sqlalchemy.dialects.postgresql import INTERVAL
from sqlalchemy.orm import Session

from walkaround.hosting.operations.rows import find_project
from walkaround.hosting.owner import Owner
from walkaround.store.pipeline import Total
from walkaround.store.tables import Project, now

Frame = Literal["1d", "3d", "1w", "1m", "3m", "6m"]
FRAMES: tuple[Frame, ...] = get_args(Frame)

_HOURS: Mapping[Frame, int] = {"1d": 24, "3d": 72}
_DAYS: Mapping[Frame, int] = {"1w": 7, "1m": 30, "3m": 90, "6m": 180}
_DAY = timedelta(days=1)
_HOUR = timedelta(hours=1)
_Sums = tuple[int, int]


@dataclass(frozen=True, kw_only=True)
class Sum:
    """How many pictures and videos were looked at, and how many of them were called damaged."""

    pictures: int
    anomalies: int

    @property
    def ratio(self) -> float | None:
        """Share of the damaged; None where there were no pictures."""
        return self.anomalies / self.pictures if self.pictures else None


@dataclass(frozen=True, kw_only=True)
class Line:
    """Sums over time.

    Attributes:
        project: whose; None: of all.
        whole: over the whole time.
        points: of each hour or day, in order, those without pictures included.
    """

    project: str | None
    whole: Sum
    points: tuple[Sum, ...]


@dataclass(frozen=True, kw_only=True)
class Dashboard:
    """What the dashboard shows.

    Attributes:
        starts: of each hour or day, in the reader's zone; the last one is the present one.
        unit: hour or day.
        overall: of all projects that are shown.
        projects: of each project, by name.
    """

    starts: tuple[datetime, ...]
    unit: Literal["hour", "day"]
    overall: Line
    projects: tuple[Line, ...]


def dashboard(
    session: Session,
    owner: Owner,
    *,
    frame: Frame,
    project_name: str | None = None,
    zone: tzinfo = UTC,
    moment: datetime | None = None,
) -> Dashboard:
    """Sums of an account's projects: by hour over 24 or 72 hours, by day over 7, 30, 90 or 180 days, now included.

    Sums are kept by whole hours of UTC: where a zone differs from it by half an hour, so do its days. In a zone with summer
    time each day has the hours that it had there.

    Args:
        session: any.
        owner: whose projects.
        frame: how far back.
        project_name: of one project only.
        zone: in which days begin at midnight.
        moment: now.

    Raises:
        NotFoundError: there is no such project.
    """
    starts = _starts(frame, (moment or now()).astimezone(zone))
    if project_name is None:
        query = select(Project.id, Project.name).filter_by(account=owner.account, region=owner.region).order_by(Project.name)
        projects = {row.id: row.name for row in session.execute(query)}
    else:
        projects = {find_project(session, owner, project_name).id: project_name}
    found = _sums(session, projects, starts, hourly=frame in _HOURS)
    lines = tuple(_line(name, found.get(number, {}), len(starts)) for number, name in projects.items())
    points = tuple(
        Sum(pictures=sum(point.pictures for point in column), anomalies=sum(point.anomalies for point in column))
        for column in (zip(*(line.points for line in lines), strict=True) if lines else [()] * len(starts))
    )
    return Dashboard(starts=starts, unit="hour" if frame in _HOURS else "day", overall=_of_points(None, points), projects=lines)


def _starts(frame: Frame, moment: datetime) -> tuple[datetime, ...]:
    if frame in _HOURS:
        last = moment.astimezone(UTC).replace(minute=0, second=0, microsecond=0)
        return tuple((last - _HOUR * back).astimezone(moment.tzinfo) for back in range(_HOURS[frame] - 1, -1, -1))
    today = moment.replace(hour=0, minute=0, second=0, microsecond=0)
    return tuple(today - _DAY * back for back in range(_DAYS[frame] - 1, -1, -1))


def _sums(
    session: Session, projects: Mapping[int, str], starts: tuple[datetime, ...], *, hourly: bool
) -> dict[int, dict[int, _Sums]]:
    """By project, then by the place among `starts`."""
    first = starts[0].astimezone(UTC)
    aligned = first.replace(minute=0, second=0, microsecond=0)
    first_hour = aligned + (_HOUR if aligned < first else timedelta())
    found: dict[int, dict[int, _Sums]] = {}
    for begin, end, offset in [(first_hour, None, timedelta())] if hourly else _stretches(starts, first_hour):
        bucket: ColumnElement[Any] = Total.hour.expression if hourly else _local_day(session, offset)
        query = select(Total.project_id, bucket.label("bucket"), func.sum(Total.pictures), func.sum(Total.anomalies))
        query = query.where(Total.project_id.in_(projects), Total.hour >= begin, *([] if end is None else [Total.hour < end]))
        for project, when, pictures, anomalies in session.execute(query.group_by(Total.project_id, "bucket")):
            place = (when - first) // _HOUR if hourly else (date.fromisoformat(str(when)) - starts[0].date()).days
            if 0 <= place < len(starts):  # clocks of servers differ
                before = found.setdefault(project, {}).get(place, (0, 0))
                found[project][place] = (before[0] + int(pictures), before[1] + int(anomalies))
    return found


def _stretches(starts: tuple[datetime, ...], begin: datetime) -> list[tuple[datetime, datetime | None, timedelta]]:
    """Stretches of time in which the zone of some midnights has one offset from UTC; the last one has no end."""
    stretches: list[tuple[datetime, datetime | None, timedelta]] = []
    zone, offset = starts[0].tzinfo, starts[0].utcoffset() or timedelta()
    for day in starts:
        for hours in range(25) if (day + _DAY).utcoffset() != offset else ():
            hour = day.astimezone(UTC) + hours * _HOUR
            changed = hour.astimezone(zone).utcoffset() or timedelta()
            if changed != offset:
                stretches.append((begin, hour, offset))
                begin, offset = hour, changed
    return [*stretches, (begin, None, offset)]


def _local_day(session: Session, offset: timedelta) -> ColumnElement[Any]:
    """The date of an hour in the reader's zone."""
    minutes = int(offset.total_seconds() // 60)
    if session.get_bind().dialect.name == "postgresql":
        shifted: ColumnElement[datetime] = literal_column("totals.hour") + cast(f"{minutes} minutes", INTERVAL)
        return func.date(shifted)
    return func.date(literal_column("totals.hour"), f"{minutes:+d} minutes")


def _line(name: str, found: Mapping[int, _Sums], length: int) -> Line:
    pairs = (found.get(place, (0, 0)) for place in range(length))
    return _of_points(name, tuple(Sum(pictures=pictures, anomalies=anomalies) for pictures, anomalies in pairs))


def _of_points(name: str | None, points: tuple[Sum, ...]) -> Line:
    whole = Sum(pictures=sum(point.pictures for point in points), anomalies=sum(point.anomalies for point in points))
    return Line(project=name, whole=whole, points=points)
