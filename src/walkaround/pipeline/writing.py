"""What came of arrivals is written in groups: the results, what has to be delivered, and the sums, in one transaction."""

from __future__ import annotations

import logging
import queue
import threading
import time
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from time import monotonic
from typing import Protocol

from sqlalchemy import select
from sqlalchemy.orm import Session

from walkaround.errors import UnavailableError
from walkaround.pipeline import arrivals
from walkaround.pipeline.outbox import add_deliveries
from walkaround.pipeline.sights import Sight
from walkaround.pipeline.spec import WatchSpec
from walkaround.pipeline.totals import Looked, add_totals
from walkaround.pipeline.watches import address_of
from walkaround.store.database import Database
from walkaround.store.pipeline import Arrival
from walkaround.store.results import Result
from walkaround.store.tables import now

_logger = logging.getLogger(__name__)

_GROUP = 64
_GROUP_SECONDS = 0.2
_PAUSE_SECONDS = 1.0


class Told(Protocol):
    """Who wants to know what came of each arrival."""

    def __call__(self, address: str, findings: Mapping[str, object] | None, problem: str | None) -> None:
        """`findings` or `problem` is None."""


@dataclass(frozen=True, kw_only=True)
class Work:
    """An arrival that this process looks at, for a watch."""

    arrival: Arrival
    spec: WatchSpec

    @property
    def address(self) -> str:
        """How a person calls it."""
        return address_of(self.spec, self.arrival.bucket, self.arrival.key)


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """What came of an arrival.

    Attributes:
        work: the arrival.
        sight: what was seen; None where there is a problem.
        problem: one sentence.
        again: seconds after which it is tried again; None: never.
        counts: whether that was an attempt; else there was no room for it.
    """

    work: Work
    sight: Sight | None = None
    problem: str = ""
    again: float | None = None
    counts: bool = True


class Writer:
    """Writes outcomes on a thread of its own, as many at once as there are."""

    def __init__(
        self, database: Database, *, owner: str, let_go: Callable[[Collection[int]], None], told: Told | None = None
    ) -> None:
        """Prepare without starting anything.

        Args:
            database: gets the rows.
            owner: name of this process.
            let_go: is called with the ids of arrivals that are written, or lost to another process.
            told: is told what came of each arrival, once it is written; None: dead letters are logged.
        """
        self._database, self._owner, self._let_go = database, owner, let_go
        self._told = told or _log_dead
        self._found: queue.SimpleQueue[Outcome | None] = queue.SimpleQueue()
        self._stopping = False
        self._thread = threading.Thread(target=self._run, name="line-writer", daemon=True)

    def start(self) -> None:
        """Begin to write."""
        self._thread.start()

    def put(self, outcome: Outcome) -> None:
        """Have an outcome written."""
        self._found.put(outcome)

    def stop(self, timeout: float) -> None:
        """Write what was put so far, and end."""
        self._stopping = True
        self._found.put(None)
        self._thread.join(timeout)

    def _run(self) -> None:
        more = True
        while more:
            group, more = self._next_group()
            self._settle(group)

    def _settle(self, group: Sequence[Outcome]) -> None:
        """Write what came of arrivals, waiting while the database is away; each by itself where one breaks the others."""
        kept: set[int] | None = None
        while kept is None and group:
            try:
                kept = self._write_group(group)
            except UnavailableError as problem:
                _logger.warning("What was found waits to be written: %s", problem)
                if self._stopping:  # it is found again at the next start
                    return
                time.sleep(_PAUSE_SECONDS)
            except Exception as problem:  # a thread that ended would leave every arrival undone
                _logger.exception("Writing %d results failed.", len(group))
                if len(group) == 1 and group[0].sight is None:
                    kept = set()  # its lease lapses
                elif len(group) == 1:
                    reason = f"What was found cannot be written: {type(problem).__name__}."
                    group = [Outcome(work=group[0].work, problem=reason)]
                else:
                    for one in group:
                        self._settle([one])
                    return
        if kept is not None:
            self._tell(group, kept)

    def _next_group(self) -> tuple[list[Outcome], bool]:
        first = self._found.get()
        if first is None:
            return [], False
        group, until = [first], monotonic() + _GROUP_SECONDS
        while len(group) < _GROUP:
            try:
                one = self._found.get(timeout=max(0.0, until - monotonic()))
            except queue.Empty:
                break
            if one is None:
                return group, False
            group.append(one)
        return group, True

    def _write_group(self, group: Sequence[Outcome]) -> set[int]:
        """Write what came of arrivals in one transaction; the ids of those that were still this process's."""
        seen = {outcome.work.arrival.id: outcome for outcome in group if outcome.sight is not None}
        with self._database.transaction() as session:
            kept = arrivals.end(session, owner=self._owner, ids=seen) if seen else set()
            there = set(session.scalars(select(Result.arrival_id).where(Result.arrival_id.in_(kept))))
            _write_results(session, [seen[number] for number in sorted(kept - there)])
            for outcome in group:
                if outcome.sight is None:
                    kept |= self._write_problem(session, outcome)
        return kept

    def _write_problem(self, session: Session, outcome: Outcome) -> set[int]:
        number, name = outcome.work.arrival.id, self._owner
        if outcome.again is None:
            held = arrivals.bury(session, number, owner=name, reason=outcome.problem)
        else:
            failed = outcome.problem if outcome.counts else None
            held = arrivals.release(session, number, owner=name, seconds=outcome.again, failed=failed)
        return {number} if held else set()

    def _tell(self, group: Sequence[Outcome], kept: set[int]) -> None:
        self._let_go([outcome.work.arrival.id for outcome in group])
        for outcome in group:
            if outcome.work.arrival.id not in kept:
                _logger.info("%r was looked at by another process meanwhile.", outcome.work.address)
            elif outcome.sight is not None:
                self._told(outcome.work.address, outcome.sight.findings, None)
            elif outcome.again is None:
                self._told(outcome.work.address, None, outcome.problem)
            elif outcome.counts:
                _logger.info("%r is tried again in %.0f s: %s", outcome.work.address, outcome.again, outcome.problem)


def _write_results(session: Session, outcomes: Sequence[Outcome]) -> None:
    moment = now()
    rows: list[tuple[Result, Outcome]] = []
    looked: list[Looked] = []
    for outcome in outcomes:
        arrival, sight = outcome.work.arrival, outcome.sight
        if sight is None:
            continue
        result = Result(
            project_id=arrival.project_id,
            model_version=arrival.model_version,
            source=outcome.work.address,
            anomalous=bool(sight.findings["anomalous"]),
            confidence=float(sight.findings["confidence"]),
            label=str(sight.findings["label"]),
            findings=dict(sight.findings),
            created=moment,
            arrival_id=arrival.id,
            watch_id=arrival.watch_id,
        )
        rows.append((result, outcome))
        looked.append(
            Looked(
                project_id=result.project_id,
                model_version=result.model_version,
                created=moment,
                anomalous=result.anomalous,
                damage=sight.damage,
                measures=sight.measures,
            )
        )
    session.add_all([result for result, _ in rows])
    session.flush()
    for watch_id in {result.watch_id for result, _ in rows}:
        own = [(result.id, outcome) for result, outcome in rows if result.watch_id == watch_id]
        spec = own[0][1].work.spec
        if spec.sinks and watch_id is not None:
            add_deliveries(session, watch_id=watch_id, sinks=spec.sinks, result_ids=[number for number, _ in own])
    if looked:
        add_totals(session, looked)


def _log_dead(address: str, findings: Mapping[str, object] | None, problem: str | None) -> None:  # noqa: ARG001 - see `Told`
    if problem is not None:
        _logger.warning("%r is a dead letter: %s", address, problem)
