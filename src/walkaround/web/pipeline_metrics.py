"""Metrics of the pipeline for Prometheus, from the database: what was looked at, and what waits or is dead in each watch."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import suppress
from datetime import datetime, timedelta
from time import monotonic
from typing import Any

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from walkaround.errors import UnavailableError
from walkaround.store.database import Database
from walkaround.store.pipeline import Arrival, Delivery, Total, Watch
from walkaround.store.tables import Project, now

_KEPT_SECONDS = 15.0
_SETTLED = timedelta(hours=2)
"""Sums of hours that ended so long ago are not added to any more."""
_STATES = ("due", "running", "dead")
_Sums = Counter[tuple[int, int, str]]


class OfPipeline(Collector):
    """What the database counted when it was last asked, at most 15 seconds ago."""

    def __init__(self, database: Database) -> None:
        """Nothing is asked yet."""
        self._database = database
        self._lock = threading.Lock()
        self._asked = -_KEPT_SECONDS
        self._settled: datetime | None = None
        self._old: _Sums = Counter()
        self._families: list[Metric] = []

    def refresh(self) -> None:
        """Ask the database, if that was long ago; one that does not answer leaves what it said before."""
        with self._lock, suppress(UnavailableError):
            if monotonic() - self._asked < _KEPT_SECONDS:
                return
            self._asked = monotonic()
            with self._database.reading() as session:
                self._families = [*self._looked(session), *_waiting(session)]

    def collect(self) -> Iterator[Metric]:
        """What `refresh` found."""
        yield from self._families

    def _looked(self, session: Session) -> list[Metric]:
        """Sums of models: the hours that are over are added up once."""
        names = {one.id: (one.account, one.region, one.name) for one in session.scalars(select(Project))}
        settled = now() - _SETTLED
        self._old += _sums(session, list(names), self._settled, settled)
        self._settled = settled
        sums = self._old + _sums(session, list(names), settled, None)
        labels = ("account", "region", "project", "model_version")
        meanings = {
            "pictures": ("walkaround_kept_image_count", "Pictures and videos whose findings were kept."),
            "anomalies": ("walkaround_kept_anomaly_count", "Those of them that were called damaged."),
        }
        families = {kind: CounterMetricFamily(name, meaning, labels=labels) for kind, (name, meaning) in meanings.items()}
        for project, version, kind in sorted(sums):
            if project in names:
                families[kind].add_metric((*names[project], str(version)), sums[project, version, kind])
        return list(families.values())


def _sums(session: Session, projects: list[int], since: datetime | None, until: datetime | None) -> _Sums:
    query = select(Total.project_id, Total.model_version, func.sum(Total.pictures), func.sum(Total.anomalies))
    query = query.where(Total.project_id.in_(projects))  # walks the primary key, of which the hour is the second part
    if since is not None:
        query = query.where(Total.hour >= since)
    if until is not None:
        query = query.where(Total.hour < until)
    found: _Sums = Counter()
    for project, version, pictures, anomalies in session.execute(query.group_by(Total.project_id, Total.model_version)):
        found[project, version, "pictures"] = int(pictures)
        found[project, version, "anomalies"] = int(anomalies)
    return found


def _waiting(session: Session) -> Iterator[Metric]:
    names = {one.id: (one.account, one.region, one.name) for one in session.scalars(select(Watch))}
    meanings: dict[Any, tuple[str, str]] = {
        Arrival: ("walkaround_watch_arrivals", "What arrived and is not done: due, running, dead."),
        Delivery: ("walkaround_watch_deliveries", "Results that are not where they shall go: due, running, dead."),
    }
    for table, (name, meaning) in meanings.items():
        gauge = GaugeMetricFamily(name, meaning, labels=("account", "region", "watch", "state"))
        counts = select(table.watch_id, table.state, func.count()).group_by(table.watch_id, table.state)
        found = {
            (watch, state): count
            for watch, state, count in session.execute(counts.where(table.watch_id.in_(names), table.state.in_(_STATES)))
        }
        for watch, labels in names.items():
            for state in _STATES:
                gauge.add_metric((*labels, state), found.get((watch, state), 0))
        yield gauge
