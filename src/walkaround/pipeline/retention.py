"""Old results go: those of a watch after its `keep_days`, the others after the setting `keep_results_days`; the sums stay.

An arrival that is done is what a duplicate is known by. A listing announces an object for as long as it is there, so arrivals
of listings stay for ever. A queue or the server's own door repeats an event for some days only: SQS keeps messages for 14 days
at most, and a queue of dead letters as long again; their arrivals go 30 days after they were done, or with the results if those
are kept longer.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import ColumnElement, delete, select
from sqlalchemy.orm import Session

from walkaround.hosting.operations.results.results import delete_results
from walkaround.pipeline.spec import EVENTS
from walkaround.settings import Settings
from walkaround.store.database import Database
from walkaround.store.pipeline import Arrival, Watch
from walkaround.store.results import Result
from walkaround.store.tables import now

_logger = logging.getLogger(__name__)

ARRIVALS_DAYS = 30
"""For at least so long after it was done, an arrival by an event is known again."""

_AT_ONCE = 500
_REPEATING = ("sqs://", "http://", "https://")
"""Sources, beside the server's own door, that tell of an object when it is put there and then no more: queues."""


@dataclass(frozen=True, kw_only=True)
class Forgotten:
    """How many rows were deleted."""

    results: int = 0
    arrivals: int = 0


def forget_old(database: Database, settings: Settings) -> Forgotten:
    """Delete what is older than it has to be, in many short transactions; several processes may do it at once.

    Raises:
        UnavailableError: the database does not answer.
    """
    with database.reading() as session:
        watches = {watch.id: watch for watch in session.scalars(select(Watch))}
        origins = _origins(session)
    results = arrivals = 0
    for watch_id in (None, *sorted({*origins, *watches})):
        watch = None if watch_id is None else watches.get(watch_id)
        days = _days(watch, settings)
        if days is None:
            continue
        results += _forget_results(database, watch_id, now() - timedelta(days=days))
        if watch is not None and _tells_once(watch):
            arrivals += _forget_arrivals(database, watch.id, now() - timedelta(days=max(days, ARRIVALS_DAYS)))
    if results or arrivals:
        _logger.info("%d old results and %d arrivals were deleted.", results, arrivals)
    return Forgotten(results=results, arrivals=arrivals)


def _origins(session: Session) -> list[int]:
    """The watches that results came by, those that were deleted since included; one step along the index for each."""
    found: list[int] = []
    query = select(Result.watch_id).where(Result.watch_id.is_not(None)).order_by(Result.watch_id).limit(1)
    following = session.scalar(query)
    while following is not None:
        found.append(following)
        following = session.scalar(query.where(Result.watch_id > following))
    return found


def _days(watch: Watch | None, settings: Settings) -> int | None:
    own = None if watch is None else watch.spec.get("keep_days")
    return settings.keep_results_days if own is None else int(own)


def _tells_once(watch: Watch) -> bool:
    source = str(watch.spec.get("source", ""))
    return source == EVENTS or source.startswith(_REPEATING)


def _forget_results(database: Database, watch_id: int | None, before: datetime) -> int:
    own: ColumnElement[bool] = Result.watch_id.is_(None) if watch_id is None else Result.watch_id == watch_id
    old = select(Result.id).where(own, Result.created < before).order_by(Result.created, Result.id).limit(_AT_ONCE)
    forgotten = 0
    while True:
        with database.transaction() as session:
            ids = session.scalars(old.with_for_update(skip_locked=True)).all()
            delete_results(session, ids)
        forgotten += len(ids)
        if len(ids) < _AT_ONCE:
            return forgotten


def _forget_arrivals(database: Database, watch_id: int, before: datetime) -> int:
    """Numbers rise with time: behind the first that came too late, there is nothing to delete."""
    last = forgotten = 0
    while True:
        with database.transaction() as session:
            query = select(Arrival.id, Arrival.ended).where(
                Arrival.watch_id == watch_id, Arrival.state == "done", Arrival.id > last, Arrival.created < before
            )
            some = session.execute(query.order_by(Arrival.id).limit(_AT_ONCE).with_for_update(skip_locked=True)).all()
            ids = [number for number, ended in some if ended is not None and ended < before]
            session.execute(delete(Arrival).where(Arrival.id.in_(ids)).execution_options(synchronize_session=False))
        forgotten += len(ids)
        if len(some) < _AT_ONCE:
            return forgotten
        last = some[-1][0]
