"""The rows of deliveries: a result for a sink, taken for a while, deleted when it is there, dead when it never gets there.

A process takes some of one sink at a time. What it held when it was killed is taken again, by the same ids, so that a sink has
it once. It counts as several attempts, and is from then on taken alone: the delivery itself may have been what killed it.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Update, and_, case, delete, func, or_, select, tuple_, update
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Session, aliased

from walkaround.pipeline.sinks.delivered import Delivered
from walkaround.pipeline.spec import Sink, WatchSpec
from walkaround.pipeline.watches import spec_of
from walkaround.store.pipeline import Arrival, Delivery, Watch
from walkaround.store.results import Result
from walkaround.store.tables import Project, now

LEASE_SECONDS = 20.0
MOST_ATTEMPTS = 150
"""With pauses that grow from 2 seconds to 10 minutes, 24 hours."""
_DEATH = 10
"""Attempts that the death of a process counts as; from so many on, a delivery is taken alone."""
_AT_ONCE = 500  # rows of one statement: SQLite has a limit on parameters

SinkKey = tuple[int, str]
"""Id of a watch, and `Sink.name` of one of its sinks."""


@dataclass(frozen=True, kw_only=True)
class Taken:
    """A delivery that this process works on."""

    id: int
    result_id: int
    attempts: int
    created: datetime


@dataclass(frozen=True, kw_only=True)
class Failure:
    """What becomes of a delivery that failed: tried again after some seconds, or dead where `seconds` is None."""

    error: str
    seconds: float | None


@dataclass(frozen=True, kw_only=True)
class SinkState:
    """How a sink of a watch is.

    Attributes:
        sink: as `Sink.name` gives it.
        waiting: results that are not there yet.
        dead: results that never got there.
        error: what the last failure of those that wait was; None where none failed.
        next_try: when one of those that failed is tried again.
    """

    sink: str
    waiting: int
    dead: int
    error: str | None
    next_try: datetime | None


def add_deliveries(session: Session, *, watch_id: int, sinks: Sequence[Sink], result_ids: Sequence[int]) -> None:
    """Have results delivered to sinks, in the transaction that writes the results; what is there already stays."""
    moment = now()
    rows = [
        {"result_id": number, "watch_id": watch_id, "sink": sink.name, "due": moment, "created": moment}
        for number in result_ids
        for sink in sinks
    ]
    make = postgresql.insert if session.get_bind().dialect.name == "postgresql" else sqlite.insert
    for start in range(0, len(rows), _AT_ONCE):
        new = make(Delivery).values(rows[start : start + _AT_ONCE])
        session.execute(new.on_conflict_do_nothing(index_elements=["result_id", "sink"]))


def look(session: Session) -> tuple[bool, bool, list[str]]:
    """Whether anything is due; whether a lease has lapsed; and the processes that hold deliveries. One query."""
    moment = now()
    held = select(Delivery.leased_by).where(Delivery.state == "running").distinct().subquery()
    due = select(Delivery.id).where(Delivery.state == "due", Delivery.due <= moment).limit(1).exists()
    lapsed = select(Delivery.id).where(Delivery.state == "running", Delivery.leased_until < moment).limit(1).exists()
    rows = session.execute(
        select(due, lapsed, held.c.leased_by).select_from(select(1).subquery().outerjoin(held, held.c.leased_by.is_not(None)))
    ).all()
    return bool(rows[0][0]), bool(rows[0][1]), [row[2] for row in rows if row[2] is not None]


def sinks_with_rows(session: Session) -> list[SinkKey]:
    """Every sink that has deliveries in whatever state; costs as much as there are sinks, however many rows they have."""
    found: list[SinkKey] = []
    after: SinkKey = (0, "")
    while True:
        beyond = tuple_(Delivery.watch_id, Delivery.sink) > tuple_(*after)
        row = session.execute(
            select(Delivery.watch_id, Delivery.sink).where(beyond).order_by(Delivery.watch_id, Delivery.sink).limit(1)
        ).one_or_none()
        if row is None:
            return found
        after = (row[0], row[1])
        found.append(after)


def sinks_due(session: Session, watch_ids: Collection[int]) -> list[SinkKey]:
    """The sinks of these watches that have something to be delivered now."""
    moment = now()
    return [
        (watch_id, sink)
        for watch_id, sink in sinks_with_rows(session)
        if watch_id in watch_ids
        and session.scalar(select(Delivery.id).where(*_of(watch_id, sink, "due"), Delivery.due <= moment).limit(1)) is not None
    ]


def claim(session: Session, key: SinkKey, *, owner: str, most: int) -> list[Taken]:
    """Take deliveries of a sink that are due, the oldest first; one alone that has failed often or outlived its process."""
    query = (
        select(Delivery.id, Delivery.result_id, Delivery.attempts, Delivery.created)
        .where(*_of(*key, "due"), Delivery.due <= now())
        .order_by(Delivery.due, Delivery.id)
        .limit(most)
        .with_for_update(skip_locked=True)
    )
    rows = [Taken(id=row[0], result_id=row[1], attempts=row[2], created=row[3]) for row in session.execute(query)]
    alone = next((index for index, row in enumerate(rows) if row.attempts >= _DEATH), len(rows))
    taken = rows[: max(1, alone)]
    if taken:
        until = now() + timedelta(seconds=LEASE_SECONDS)
        leased = update(Delivery).where(Delivery.id.in_([row.id for row in taken]))
        _run(session, leased.values(state="running", leased_by=owner, leased_until=until))
    return taken


def renew(session: Session, *, owner: str, ids: Collection[int]) -> None:
    """Keep the leases of deliveries that are still this process's."""
    _run(session, _own(owner, ids).values(leased_until=now() + timedelta(seconds=LEASE_SECONDS)))


def settle(
    session: Session,
    *,
    owner: str,
    delivered: Collection[int],
    failed: Mapping[int, Failure],
    untried: Collection[int] = (),
) -> None:
    """Say what came of deliveries; those that are not this process's any more stay as they are.

    Args:
        session: of a transaction.
        owner: this process.
        delivered: are there, and forgotten.
        failed: what becomes of each that failed; it counts as an attempt.
        untried: are given back as they were.
    """
    if delivered:
        gone = delete(Delivery).where(Delivery.id.in_(delivered), Delivery.leased_by == owner, Delivery.state == "running")
        session.execute(gone.execution_options(synchronize_session=False))
    for number, failure in failed.items():
        free: dict[str, Any] = {
            "leased_by": None,
            "leased_until": None,
            "error": failure.error,
            "attempts": Delivery.attempts + 1,
        }
        if failure.seconds is None:
            free |= {"state": "dead"}
        else:
            free |= {"state": "due", "due": now() + timedelta(seconds=failure.seconds)}
        _run(session, _own(owner, [number]).values(free))
    if untried:
        _run(session, _own(owner, untried).values(state="due", leased_by=None, leased_until=None))


def free_lapsed(session: Session, *, busy: Collection[int]) -> None:
    """Let deliveries be taken again whose process has not renewed them; `busy` are those that this process works on."""
    _lost(session, and_(Delivery.leased_until < now(), Delivery.id.not_in(busy)))


def free_of(session: Session, owner: str) -> None:
    """Let what a process held that is known to be dead be taken at once."""
    _lost(session, Delivery.leased_by == owner)


def leave_of(session: Session, owner: str) -> None:
    """Let what this process holds be taken at once, because it stops in good order."""
    own = update(Delivery).where(Delivery.leased_by == owner, Delivery.state == "running")
    _run(session, own.values(state="due", leased_by=None, leased_until=None))


def count(session: Session, watch_ids: Collection[int]) -> int:
    """How many deliveries of these watches wait, whatever was tried."""
    own = (Delivery.watch_id.in_(watch_ids), Delivery.state.in_(("due", "running")))
    return session.scalar(select(func.count()).select_from(Delivery).where(*own)) or 0


def waiting(session: Session, watch_ids: Collection[int], *, beside: Collection[SinkKey] = ()) -> bool:
    """Whether anything of these watches is still to be delivered for the first time; what failed may wait for a day.

    Args:
        session: any.
        watch_ids: the watches.
        beside: sinks that take nothing at the moment, whose results wait as those do that failed.
    """
    first = Delivery.state.in_(("due", "running")) & (Delivery.attempts == 0)
    others = [or_(Delivery.watch_id != watch_id, Delivery.sink != sink) for watch_id, sink in beside]
    query = select(Delivery.id).where(Delivery.watch_id.in_(watch_ids), first, *others).limit(1)
    return session.scalar(query) is not None


def sink_states(session: Session, watch_id: int) -> list[SinkState]:
    """How each sink of a watch is that has results waiting or dead, by name; a sink that has everything is not in it."""
    own = Delivery.watch_id == watch_id
    counted = session.execute(
        select(Delivery.sink, func.sum(case((Delivery.state == "dead", 0), else_=1)), func.count())
        .where(own)
        .group_by(Delivery.sink)
        .order_by(Delivery.sink)
    ).all()
    failed = (own, Delivery.state.in_(("due", "running")), Delivery.error.is_not(None))
    states = []
    for sink, waiting, rows in counted:
        latest = (
            select(Delivery.error, Delivery.due)
            .where(*failed, Delivery.sink == sink)
            .order_by(Delivery.due, Delivery.id)
            .limit(1)
        )
        error, due = session.execute(latest).one_or_none() or (None, None)
        states.append(SinkState(sink=sink, waiting=waiting, dead=rows - waiting, error=error, next_try=due))
    return states


def load(session: Session, result_ids: Collection[int], watch_id: int) -> tuple[WatchSpec, dict[int, Delivered]]:
    """The watch as it is now, and results by id as a sink is given them."""
    spec = spec_of(session.get_one(Watch, watch_id))
    rows = session.execute(
        select(Result, Arrival, Project.name)
        .join(Project, Project.id == Result.project_id)
        .outerjoin(Arrival, Arrival.id == Result.arrival_id)
        .where(Result.id.in_(result_ids))
    ).all()
    newer = _newer(session, [result.id for result, arrival, _ in rows if arrival is not None])
    return spec, {
        result.id: _delivered(spec, result, arrival, project, newer.get(result.id, set())) for result, arrival, project in rows
    }


def _delivered(spec: WatchSpec, result: Result, arrival: Arrival | None, project: str, newer: set[int]) -> Delivered:
    key = arrival.key if arrival is not None else result.source
    several = len(spec.models(key)) > 1
    findings: dict[str, Any] = {**result.findings, "source": result.source}
    return Delivered(
        identity=arrival.identity if arrival is not None else f"result:{result.id}",
        watch=spec.name,
        source=result.source,
        bucket=arrival.bucket if arrival is not None else "",
        key=key,
        version=arrival.version if arrival is not None else None,
        etag=arrival.etag if arrival is not None else None,
        happened=arrival.happened if arrival is not None else result.created,
        project=project,
        model_version=result.model_version,
        findings=findings,
        created=result.created,
        several=several,
        superseded=bool(newer & {result.model_version} if several else newer),
    )


def _newer(session: Session, result_ids: Sequence[int]) -> dict[int, set[int]]:
    """Of results whose object was put there again since and looked at: the versions of the models that looked at it."""
    old, new, came, again = aliased(Result), aliased(Result), aliased(Arrival), aliased(Arrival)
    later = or_(again.happened > came.happened, and_(again.happened == came.happened, new.id > old.id))
    rows = session.execute(
        select(old.id, new.model_version)
        .join(came, came.id == old.arrival_id)
        .join(new, and_(new.project_id == old.project_id, new.source == old.source, new.watch_id == old.watch_id))
        .join(again, again.id == new.arrival_id)
        .where(old.id.in_(result_ids), new.id != old.id, later)
        .distinct()
    )
    found: dict[int, set[int]] = {}
    for number, version in rows:
        found.setdefault(number, set()).add(version)
    return found


def _of(watch_id: int, sink: str, *states: str) -> tuple[Any, ...]:
    return Delivery.watch_id == watch_id, Delivery.sink == sink, Delivery.state.in_(states)


def _own(owner: str, ids: Collection[int]) -> Update:
    return update(Delivery).where(Delivery.id.in_(ids), Delivery.leased_by == owner, Delivery.state == "running")


def _lost(session: Session, which: Any) -> None:
    """Deliveries whose process ended with them in work."""
    attempts = Delivery.attempts + _DEATH
    told = "Several processes ended before their time while they delivered it; is there enough memory?"
    lost = update(Delivery).where(Delivery.state == "running", which)
    _run(
        session,
        lost.values(
            state=case((attempts >= MOST_ATTEMPTS, "dead"), else_="due"),
            error=case((attempts >= MOST_ATTEMPTS, told), else_=Delivery.error),
            attempts=attempts,
            leased_by=None,
            leased_until=None,
        ),
    )


def _run(session: Session, change: Update) -> None:
    session.execute(change.execution_options(synchronize_session=False))
