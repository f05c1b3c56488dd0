"""Dead letters: what could not be looked at, delivered or understood, with the reason, and the way to try it once more."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal, TypeVar

from sqlalchemy import Select, delete, func, select, update
from sqlalchemy.orm import Session

from walkaround.pipeline.arrivals import BODY_KEPT
from walkaround.pipeline.events import EventError, read_event
from walkaround.pipeline.noticing import notice
from walkaround.pipeline.watches import address_of, spec_of
from walkaround.store.pipeline import Arrival, DeadEvent, Delivery, Watch
from walkaround.store.results import Result
from walkaround.store.tables import now

_Query = TypeVar("_Query", bound=Select[Any])
Kind = Literal["arrival", "delivery", "event"]
KINDS: tuple[Kind, ...] = ("arrival", "delivery", "event")


@dataclass(frozen=True, kw_only=True)
class Letter:
    """A dead letter.

    Attributes:
        kind: an arrival that could not be looked at, a delivery that never got there, an event that was not understood.
        number: of its kind.
        about: the object's address, the sink, or the beginning of the event.
        reason: the error, one sentence.
        times: how often it was tried, or came.
        created: when it arrived.
    """

    kind: Kind
    number: int
    about: str
    reason: str
    times: int
    created: datetime


def dead_letters(
    session: Session, watch: Watch, *, kind: Kind = "arrival", before: int | None = None, at_most: int = 100
) -> list[Letter]:
    """Dead letters of a watch, the newest first.

    Args:
        session: any.
        watch: whose they are.
        kind: one of `KINDS`.
        before: only those with a smaller number, for the next page.
        at_most: how many.
    """
    if kind == "event":
        events = select(DeadEvent).where(DeadEvent.watch_id == watch.id)
        return [_event(one) for one in session.scalars(_page(events, DeadEvent, before, at_most))]
    if kind == "delivery":
        lost = select(Delivery).where(Delivery.watch_id == watch.id, Delivery.state == "dead")
        deliveries = session.scalars(_page(lost, Delivery, before, at_most)).all()
        results = select(Result.id, Result.source).where(Result.id.in_([one.result_id for one in deliveries]))
        sources = dict(session.execute(results).all())
        return [_delivery(one, sources.get(one.result_id, "")) for one in deliveries]
    dead = select(Arrival).where(Arrival.watch_id == watch.id, Arrival.state == "dead")
    spec = spec_of(watch)
    found = session.scalars(_page(dead, Arrival, before, at_most))
    return [_arrival(one, address_of(spec, one.bucket, one.key)) for one in found]


def count_letters(session: Session, watch: Watch) -> dict[Kind, int]:
    """How many dead letters of each kind a watch has."""
    arrivals = select(func.count()).where(Arrival.watch_id == watch.id, Arrival.state == "dead")
    deliveries = select(func.count()).where(Delivery.watch_id == watch.id, Delivery.state == "dead")
    events = select(func.count()).where(DeadEvent.watch_id == watch.id)
    queries: dict[Kind, Select[int]] = {"arrival": arrivals, "delivery": deliveries, "event": events}
    return {kind: session.scalar(query) or 0 for kind, query in queries.items()}


@dataclass(frozen=True, kw_only=True)
class Replayed:
    """What came of dead letters that were tried once more.

    Attributes:
        replayed: are tried again.
        left: events that stay dead letters: still not understood, kept in part only, or without the model of their rule.
    """

    replayed: int
    left: int = 0


def replay(session: Session, watch: Watch, *, kind: Kind, numbers: Sequence[int] | None = None) -> Replayed:
    """Try dead letters once more, from the beginning.

    Args:
        session: of a transaction.
        watch: whose they are.
        kind: one of `KINDS`.
        numbers: which; None: all of this kind.
    """
    if kind == "event":
        return _replay_events(session, watch, numbers)
    table = Arrival if kind == "arrival" else Delivery
    dead = update(table).where(table.watch_id == watch.id, table.state == "dead")
    if numbers is not None:
        dead = dead.where(table.id.in_(numbers))
    values = {"state": "due", "due": now(), "attempts": 0, "error": None}
    values |= {"deaths": 0, "ended": None} if kind == "arrival" else {}
    return Replayed(replayed=len(session.scalars(dead.values(values).returning(table.id)).all()))


def discard(session: Session, watch: Watch, *, kind: Kind, numbers: Sequence[int] | None = None) -> int:
    """Forget dead letters; an arrival stays known, so that the same object is not looked at when it is told of again.

    Args:
        session: of a transaction.
        watch: whose they are.
        kind: one of `KINDS`.
        numbers: which; None: all of this kind.

    Returns:
        How many there were.
    """
    tables: dict[Kind, type[Arrival | Delivery | DeadEvent]] = {"arrival": Arrival, "delivery": Delivery, "event": DeadEvent}
    table = tables[kind]
    own = [table.watch_id == watch.id, *([] if numbers is None else [table.id.in_(numbers)])]
    if kind == "arrival":
        gone = update(Arrival).where(Arrival.state == "dead", *own).values(state="done").returning(Arrival.id)
        return len(session.scalars(gone).all())
    dead = [Delivery.state == "dead"] if kind == "delivery" else []
    return len(session.scalars(delete(table).where(*dead, *own).returning(table.id)).all())


def _replay_events(session: Session, watch: Watch, numbers: Sequence[int] | None) -> Replayed:
    query = select(DeadEvent).where(DeadEvent.watch_id == watch.id)
    events = session.scalars(query if numbers is None else query.where(DeadEvent.id.in_(numbers))).all()
    replayed = 0
    for event in events:
        if len(event.body) >= BODY_KEPT:
            continue
        try:
            understood = read_event(event.body.encode("utf-8"))
        except EventError:
            continue
        if not notice(session, watch, spec_of(watch), understood.objects).waiting:
            session.delete(event)
            replayed += 1
    return Replayed(replayed=replayed, left=len(events) - replayed)


def _page(query: _Query, table: type[Arrival | Delivery | DeadEvent], before: int | None, at_most: int) -> _Query:
    query = query if before is None else query.where(table.id < before)
    return query.order_by(table.id.desc()).limit(at_most)


def _arrival(one: Arrival, address: str) -> Letter:
    reason = one.error or ""
    return Letter(kind="arrival", number=one.id, about=address, reason=reason, times=one.attempts + 1, created=one.created)


def _delivery(one: Delivery, source: str) -> Letter:
    about, reason = f"{source} to {one.sink}", one.error or ""
    return Letter(kind="delivery", number=one.id, about=about, reason=reason, times=one.attempts, created=one.created)


def _event(one: DeadEvent) -> Letter:
    return Letter(kind="event", number=one.id, about=one.body[:200], reason=one.error, times=one.times, created=one.created)
