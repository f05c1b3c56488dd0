"""Deliveries: results go to their sinks, each sink on a thread of its own, so that one that is away or slow holds up no other.

What a sink has is deleted, what it refuses is kept as dead, and what fails is tried again after growing pauses. A sink that is
away rests as a whole: only the one delivery that found it so has an attempt less.
"""

from __future__ import annotations

import logging
import random
import threading
import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import timedelta
from time import monotonic

from walkaround.buckets.buckets import Buckets
from walkaround.errors import UnavailableError, WalkaroundError
from walkaround.pipeline import outbox
from walkaround.pipeline.outbox import Failure, SinkKey, Taken
from walkaround.pipeline.presence import Contact, Owners
from walkaround.pipeline.sinks.delivered import Delivered, RefusedError, Sender
from walkaround.pipeline.sinks.drawn import Drawings
from walkaround.pipeline.sinks.senders import sender_of
from walkaround.pipeline.spec import Sink
from walkaround.settings import Settings
from walkaround.store.database import Database
from walkaround.store.tables import now

_logger = logging.getLogger(__name__)

BATCH = 25
_PROBE = 5
"""Deliveries of a batch to a sink that failed last time; so many that all fail are the sink's fault."""
_MOST_THREADS = 64
_IDLE_SECONDS = 1.0
_RENEW_SECONDS = 5.0
_TURN_SECONDS = 60.0
"""A sink gives its thread back after so long, for others that wait for one."""
_KEPT_SECONDS = 3600.0
_INSIST_SECONDS = 60.0
_LET_GO_SECONDS = 3.0
_FOLDER = "drawings"
_AWAY = timedelta(days=7)
"""So long at least what waits for a sink that is away is no dead letter: a weekend, and a few days to notice."""


@dataclass(frozen=True, kw_only=True)
class Pace:
    """How fast failures are tried again.

    Attributes:
        first: seconds after the first failure; each pause is twice the one before.
        longest: seconds, at most.
        failing: seconds, at most, for which a sink rests that answers, but takes nothing.
        attempts: of one delivery.
    """

    first: float = 2.0
    longest: float = 600.0
    failing: float = 60.0
    attempts: int = outbox.MOST_ATTEMPTS

    def pause(self, failures: int) -> float:
        """Seconds to wait after so many failures before; a little more or less, so that not all come back at once."""
        return min(self.longest, self.first * 2.0 ** min(failures, 30)) * random.uniform(0.8, 1.0)


@dataclass(eq=False)
class _Lane:
    """One sink of one watch, as this process knows it; used by one thread at a time."""

    key: SinkKey
    thread: threading.Thread | None = None
    failures: int = 0  # batches in a row of which nothing got there
    resting_until: float = 0.0
    ran: float = 0.0
    made: tuple[Sink, Sender] | None = None
    told: str = ""

    @property
    def free(self) -> bool:
        return (self.thread is None or not self.thread.is_alive()) and monotonic() >= self.resting_until


@dataclass(frozen=True, kw_only=True)
class _Came:
    """What came of a batch."""

    delivered: list[int] = field(default_factory=list)
    failed: dict[int, Failure] = field(default_factory=dict)
    untried: list[int] = field(default_factory=list)
    away: UnavailableError | None = None


class Deliveries:
    """Delivers what is due, on threads of its own; several processes may share a database.

    Attributes:
        given_up: how many results it has made dead letters.
    """

    given_up = 0

    def __init__(
        self, database: Database, buckets: Buckets, settings: Settings, *, owners: Owners, pace: Pace | None = None
    ) -> None:
        """Prepare without starting anything.

        Args:
            database: where the deliveries are.
            buckets: that results are written to, and inputs are read from.
            settings: of the service.
            owners: which processes live, and the watches that this one works for.
            pace: how fast failures are tried again; the usual one where None.
        """
        self._database, self._buckets, self._settings = database, buckets, settings
        self._owners, self._pace = owners, pace or Pace()
        self._drawings = Drawings(settings, folder=owners.folder(_FOLDER))
        self._lanes: dict[SinkKey, _Lane] = {}
        self._held: set[int] = set()
        self._lock = threading.Lock()
        self._awake = threading.Event()
        self._stopping = False
        self._renewed = 0.0
        self._contact = Contact(outbox.LEASE_SECONDS)
        self._thread = threading.Thread(target=self._run, name="deliveries", daemon=True)

    @property
    def failing(self) -> list[SinkKey]:
        """The sinks that took nothing when they were last tried: results may wait for them for days."""
        return [lane.key for lane in list(self._lanes.values()) if lane.failures]

    def start(self) -> None:
        """Begin to deliver."""
        self._owners.sweep(_FOLDER)
        self._thread.start()

    def wake(self) -> None:
        """Look for deliveries at once."""
        self._awake.set()

    def stop(self, timeout: float = 12.0) -> None:
        """Begin no more; what does not end in time is left to the next process, which delivers it again by the same id."""
        self._stopping = True
        self._awake.set()
        self._join(timeout)
        self._drawings.close()
        self._join(_LET_GO_SECONDS)
        with suppress(WalkaroundError), self._database.transaction() as session:  # else their leases lapse
            outbox.leave_of(session, self._owners.name)

    def _join(self, seconds: float) -> None:
        until = monotonic() + seconds
        for thread in [self._thread, *(lane.thread for lane in list(self._lanes.values()) if lane.thread is not None)]:
            if thread.ident is not None:
                thread.join(max(0.0, until - monotonic()))

    def _run(self) -> None:
        while not self._stopping:
            try:
                self._look()
            except UnavailableError as problem:
                _logger.warning("Deliveries cannot be looked up: %s", problem)
            except Exception:  # a loop that ended would leave every result undelivered
                _logger.exception("Looking for deliveries failed.")
            self._awake.wait(_IDLE_SECONDS)
            self._awake.clear()

    def _look(self) -> None:
        """Keep the leases, free what others lost, and start the sinks that have something to do."""
        self._drawings.end_idle()
        with self._lock:
            held = set(self._held)
        if held and monotonic() - self._renewed >= _RENEW_SECONDS:
            self._renewed = monotonic()
            with self._database.transaction() as session:
                outbox.renew(session, owner=self._owners.name, ids=held)
        with self._database.reading() as session:
            due, lapsed, holders = outbox.look(session)
        lapsed = self._contact.sure() and lapsed
        dead = self._owners.dead([name for name in holders if name != self._owners.name])
        if lapsed or dead:
            with self._database.transaction() as session:
                if lapsed:
                    outbox.free_lapsed(session, busy=held)
                for name in dead:
                    outbox.free_of(session, name)
        self._contact.made()
        if due or dead or lapsed:
            self._start_lanes()

    def _start_lanes(self) -> None:
        with self._database.reading() as session:
            keys = outbox.sinks_due(session, self._owners.watch_ids)
        for key in keys:
            self._lanes.setdefault(key, _Lane(key))
        old = monotonic() - _KEPT_SECONDS
        self._lanes = {key: lane for key, lane in self._lanes.items() if key in keys or not lane.free or lane.ran > old}
        room = _MOST_THREADS - sum(lane.thread is not None and lane.thread.is_alive() for lane in self._lanes.values())
        ready = sorted((self._lanes[key] for key in keys if self._lanes[key].free), key=lambda lane: lane.ran)
        for lane in ready[: max(0, room)]:
            lane.ran = monotonic()
            lane.thread = threading.Thread(target=self._serve, args=(lane,), name=f"sink-{lane.key[0]}", daemon=True)
            lane.thread.start()

    def _serve(self, lane: _Lane) -> None:
        """Deliver to a sink until nothing is due there, it fails, or its turn is over."""
        until = monotonic() + _TURN_SECONDS
        try:
            while not self._stopping and monotonic() < until and self._deliver(lane):
                pass
        except UnavailableError as problem:
            _logger.warning("What was delivered cannot be written down, and is delivered again: %s", problem)
            lane.resting_until = monotonic() + self._pace.first
        except Exception:  # the next round tries again
            _logger.exception("Delivering to %s failed.", lane.key[1])
            lane.resting_until = monotonic() + self._pace.failing
        finally:
            if monotonic() >= until:
                self._awake.set()

    def _deliver(self, lane: _Lane) -> bool:
        """Deliver a batch; whether to go on with the next one."""
        with self._database.transaction() as session:
            most = _PROBE if lane.failures else BATCH
            taken = outbox.claim(session, lane.key, owner=self._owners.name, most=most)
            with self._lock:  # before the commit, so that its own lapsed leases are never freed here
                self._held.update(row.id for row in taken)
        if not taken:
            return False
        try:
            came = self._tried(lane, taken)
            if self._stopping:  # which may be what they failed of
                later = {number for number, failure in came.failed.items() if failure.seconds is not None}
                failed = {number: failure for number, failure in came.failed.items() if number not in later}
                came = replace(came, failed=failed, untried=[*came.untried, *later])
            self._settle(came)
        finally:
            with self._lock:
                self._held.difference_update(row.id for row in taken)
        self._rest(lane, came)
        return lane.failures == 0

    def _tried(self, lane: _Lane, taken: Sequence[Taken]) -> _Came:
        """What comes of a batch, whatever happens."""
        try:
            return self._sent(lane, taken)
        except UnavailableError as problem:  # of the database
            return _Came(untried=[row.id for row in taken], away=problem)
        except Exception as problem:  # rows that stayed leased would look as if they had killed the process
            _logger.exception("Delivering to %s failed.", lane.key[1])
            return self._came(taken, [WalkaroundError(f"{type(problem).__name__}: {problem}")] * len(taken))

    def _sent(self, lane: _Lane, taken: Sequence[Taken]) -> _Came:
        with self._database.reading() as session:
            spec, results = outbox.load(session, [row.result_id for row in taken], lane.key[0])
        sink = next((one for one in spec.sinks if one.name == lane.key[1]), None)
        if sink is None:
            reason = f"The watch {spec.name!r} has this sink no more: give it back to the watch, and replay."
            return _Came(failed={row.id: Failure(error=reason, seconds=None) for row in taken})
        given = [results[row.result_id] for row in taken]
        try:
            if lane.made is None or lane.made[0] != sink:
                lane.made = sink, sender_of(sink, buckets=self._buckets, settings=self._settings, drawings=self._drawings)
        except WalkaroundError as problem:  # a setting or a library is missing: nothing can go there
            return self._came(taken, [UnavailableError(str(problem), retry_after=1)] * len(taken))
        return self._came(taken, _errors(lane.made[1], given))

    def _came(self, taken: Sequence[Taken], errors: Sequence[WalkaroundError | None]) -> _Came:
        delivered, failed, untried, away = [], {}, [], None
        for row, error in zip(taken, errors, strict=True):
            if error is None:
                delivered.append(row.id)
            elif isinstance(error, UnavailableError) and away is not None:
                untried.append(row.id)
            else:
                last = isinstance(error, RefusedError) or row.attempts + 1 >= self._pace.attempts
                if isinstance(error, UnavailableError):
                    last = last and now() - row.created > _AWAY
                failed[row.id] = Failure(error=str(error), seconds=None if last else self._pace.pause(row.attempts))
            if isinstance(error, UnavailableError):
                away = away or error
        return _Came(delivered=delivered, failed=failed, untried=untried, away=away)

    def _settle(self, came: _Came) -> None:
        """Write down what came of a batch; while the database is away, wait some time for it."""
        given_up = monotonic() + _INSIST_SECONDS
        while True:
            try:
                with self._database.transaction() as session:
                    outbox.settle(
                        session,
                        owner=self._owners.name,
                        delivered=came.delivered,
                        failed=came.failed,
                        untried=came.untried,
                    )
            except UnavailableError:
                if self._stopping or monotonic() > given_up:
                    raise
                time.sleep(_IDLE_SECONDS)
            else:
                with self._lock:
                    self.given_up += sum(failure.seconds is None for failure in came.failed.values())
                return

    def _rest(self, lane: _Lane, came: _Came) -> None:
        """Leave a sink alone for a while that takes nothing."""
        refused = sum(failure.seconds is None for failure in came.failed.values())
        failing = not came.delivered and not refused and len(came.failed) >= _PROBE
        lane.failures = 0 if came.delivered else lane.failures
        if came.away is not None:
            own = 0.0 if came.delivered else self._pace.pause(lane.failures)  # one that fails now and then is not away
            pause = min(self._pace.longest, max(own, came.away.retry_after))
            lane.resting_until = monotonic() + pause
            lane.failures = 0 if came.delivered else lane.failures + 1
        elif failing:
            pause = min(self._pace.failing, self._pace.pause(lane.failures))
            lane.resting_until, lane.failures = monotonic() + pause, lane.failures + 1
        else:
            lane.failures = 0
        self._tell(lane, came)

    def _tell(self, lane: _Lane, came: _Came) -> None:
        """Log what is wrong with a sink once, and that it is well again."""
        dead = [failure.error for failure in came.failed.values() if failure.seconds is None]
        if dead:
            _logger.warning("%d results for %s are dead letters: %s", len(dead), lane.key[1], dead[0])
        told = str(came.away) if came.away is not None else next((failure.error for failure in came.failed.values()), "")
        if told and told != lane.told and not dead:
            _logger.warning("%s is tried again later: %s", lane.key[1], told)
        elif lane.told and came.delivered and not told:
            _logger.info("%s takes results again.", lane.key[1])
        lane.told = told


def _errors(sender: Sender, given: Sequence[Delivered]) -> Sequence[WalkaroundError | None]:
    """What a sink says of a batch; where it breaks over one result, of each by itself."""
    try:
        return sender.send(given)
    except Exception as problem:  # whatever one result does to a library, the others are delivered
        _logger.exception("Delivering %d results failed.", len(given))
        if len(given) == 1:
            return [WalkaroundError(f"{type(problem).__name__}: {problem}")]
    return [error for one in given for error in _errors(sender, [one])]
