"""The threads that look at sources: one for each watch that has something to look at, and one that sees which there are.

Of the processes on one database one at a time lists a folder or bucket; a queue may be read by all of them. What is wrong with
a source stands in the status of its watch, and holds up no other.
"""

from __future__ import annotations

import logging
import threading
from abc import ABC, abstractmethod
from collections.abc import Callable, Collection, Mapping, Sequence
from contextlib import suppress
from datetime import datetime, timedelta
from pathlib import Path
from time import monotonic, thread_time
from typing import Protocol

from sqlalchemy import or_, update

from walkaround.buckets.buckets import Buckets
from walkaround.errors import BucketError, UnavailableError, WalkaroundError
from walkaround.pipeline.arrivals import LookedAtBy, ObjectCreated, bury_event
from walkaround.pipeline.noticing import Room, is_for, missing_model, models_of, not_known, notice
from walkaround.pipeline.sources.listing import Listing, bucket_listing, source_of_folder
from walkaround.pipeline.sources.sqs import Queue, Refused
from walkaround.pipeline.spec import EVENTS, WatchSpec
from walkaround.pipeline.watches import map_folder
from walkaround.settings import Settings
from walkaround.store.database import Database
from walkaround.store.pipeline import Watch
from walkaround.store.tables import now

LEASE_SECONDS = 10.0
_RENEW_SECONDS = 3.0
_LOOK_AROUND_SECONDS = 1.0
_STOP_SECONDS = 6.0
_LONGEST_PAUSE = 30.0
_FULL_PAUSE = 1.0
_WAITING_PAUSE = 10.0
"""Between two looks at a queue of which nothing but messages that wait for a model comes."""
_IDLE_SHARE = 4.0
"""A folder of a hundred thousand files takes more than a second to list: at most a fifth of a core goes into that."""
_FULL = "As many arrivals wait as events_backlog allows: more are noticed when these have been looked at."

_logger = logging.getLogger(__name__)


class _Worker(threading.Thread, ABC):
    """Looks at the source of one watch again and again, until it is told to end."""

    def __init__(self, parts: _Parts, watch: Watch, spec: WatchSpec) -> None:
        super().__init__(name=f"source-{spec.name}", daemon=True)
        self.watch, self.spec = watch, spec
        self.complete = False  # a whole look has found nothing that waits
        self._parts = parts
        self._ended = threading.Event()
        self._failures = 0
        self._status = watch.status  # what the row says, as far as is known
        self.problem = self._told = ""

    @property
    def ended(self) -> bool:
        return self._ended.is_set()

    def end(self) -> None:
        self._ended.set()

    def run(self) -> None:
        while not self.ended:
            try:
                self._look()
            except WalkaroundError as problem:
                self._tell(str(problem), passing=isinstance(problem, UnavailableError))
            except Exception as problem:  # a thread that ended would let a watch go blind
                _logger.exception("Looking at the source of the watch %s failed.", self.spec.name)
                self._tell(f"Looking at it failed ({type(problem).__name__}: {problem}): see the log.")
            self.complete = False
            self._failures += 1
            self._ended.wait(min(_LONGEST_PAUSE, 2.0 ** min(self._failures, 10) / 2))

    @abstractmethod
    def _look(self) -> None:
        """Look until it is told to end; returns only then."""

    def _room(self) -> int:
        return self._parts.room(self.watch.id)

    def _well(self, but: str = "", *, passing: bool = False) -> None:
        """The source answers; `but` is what is wrong all the same."""
        self._failures = 0
        self._tell(but, passing=passing)

    def _tell(self, problem: str, *, passing: bool = False) -> None:
        """Have what is wrong, or nothing, in the watch's row, and each new thing in the log; `passing` mends itself."""
        if problem and problem != self._told:
            _logger.warning("The watch %s: %s", self.spec.name, problem)
        self._told = problem
        self.problem = "" if passing else problem
        if problem != self._status:
            with suppress(UnavailableError), self._parts.database.transaction() as session:
                session.execute(update(Watch).where(Watch.id == self.watch.id).values(status=problem))
                self._status = problem


class _Lister(_Worker):
    """Lists a folder or a bucket, as long as no other process does."""

    def __init__(self, parts: _Parts, watch: Watch, spec: WatchSpec) -> None:
        super().__init__(parts, watch, spec)
        self._renewed = -_RENEW_SECONDS
        self._holds = False
        self._listing: Listing | None = None
        self._whole: datetime | None = None
        self._passed_over = watch.passed_over
        self._models: dict[str, LookedAtBy | None] = {}

    def run(self) -> None:
        super().run()
        with suppress(WalkaroundError):
            self._release()

    def _look(self) -> None:
        if self._listing is None:  # else it still knows what was announced before something failed
            self._listing = listing_of(self.spec, buckets=self._parts.buckets, room=self._room)
        listing = self._listing
        while not self.ended:
            if not self._hold():
                self.complete = False
                self._ended.wait(_LOOK_AROUND_SECONDS)
                continue
            self._check_models(listing)
            began = thread_time()
            progress = listing.look(self._announce)
            while progress == "more" and not self.ended and self._hold():
                progress = listing.look(self._announce)
            if progress == "more":
                continue
            if progress == "complete":
                self._whole = now()
                self._tell_passed_over(listing.passed_over)
            self.complete = progress == "complete" and not listing.waiting
            missing = _missing(self._models)
            self._well(" ".join([*missing, *([_FULL] if progress == "later" else [])]), passing=not missing)
            pause = self.spec.poll_seconds if progress == "complete" else _FULL_PAUSE
            self._ended.wait(max(pause, _IDLE_SHARE * (thread_time() - began)))

    def _announce(self, objects: Sequence[ObjectCreated]) -> None:
        database = self._parts.database
        with database.reading() as session:  # asking needs no turn to write, and after a start everything has to be asked
            fresh = not_known(session, self.watch, self.spec, objects)
        if fresh:
            with database.transaction() as session:
                noticed = notice(session, self.watch, self.spec, fresh)
            self._parts.noticed(self.watch.id, noticed.new)

    def _check_models(self, listing: Listing) -> None:
        """Look at everything again when a model that was missing is there."""
        with self._parts.database.reading() as session:
            models = models_of(session, self.watch, self.spec)
        if self._models and any(found is not None and self._models[model] is None for model, found in models.items()):
            listing.forget()
        self._models = models

    def _tell_passed_over(self, sentence: str) -> None:
        """Have what is passed over in the watch's row, and each new thing in the log."""
        if sentence == self._passed_over:
            return
        if sentence:
            _logger.warning("The watch %s: %s", self.spec.name, sentence)
        with self._parts.database.transaction() as session:
            session.execute(update(Watch).where(Watch.id == self.watch.id).values(passed_over=sentence))
        self._passed_over = sentence

    def _hold(self) -> bool:
        """Take the lease, or keep it; False while another process has it."""
        if self._holds and monotonic() - self._renewed < _RENEW_SECONDS:
            return True
        asked, moment = monotonic(), now()
        free = or_(Watch.leased_by.is_(None), Watch.leased_by == self._parts.owner, Watch.leased_until < moment)
        values = {"leased_by": self._parts.owner, "leased_until": moment + timedelta(seconds=LEASE_SECONDS)}
        if self._whole is not None:
            values["looked"] = self._whole
        with self._parts.database.transaction() as session:
            taken = update(Watch).where(Watch.id == self.watch.id, free).values(values).returning(Watch.status)
            status = session.scalars(taken).one_or_none()
        self._holds, self._renewed = status is not None, asked
        if status is not None:
            self._status = status  # another process may have told something
        return self._holds

    def _release(self) -> None:
        if self._holds:
            own = update(Watch).where(Watch.id == self.watch.id, Watch.leased_by == self._parts.owner)
            last = {} if self._whole is None else {"looked": self._whole}
            with self._parts.database.transaction() as session:
                session.execute(own.values(leased_by=None, leased_until=None, **last))


class _Reader(_Worker):
    """Reads a queue; other processes may read it too."""

    def __init__(self, parts: _Parts, watch: Watch, spec: WatchSpec) -> None:
        super().__init__(parts, watch, spec)
        self._left = False  # the last look left messages in the queue

    def _look(self) -> None:
        queue = Queue(self.spec.source, self._parts.settings)
        marked = -_RENEW_SECONDS
        try:
            while not self.ended:
                if self._room() <= 0:
                    self.complete = False
                    self._well(_FULL, passing=True)
                    self._ended.wait(_FULL_PAUSE)
                    continue
                self._left = False
                found = queue.look(self._announce)
                with self._parts.database.reading() as session:
                    models = models_of(session, self.watch, self.spec)
                self._well(" ".join(_missing(models)))
                self.complete = found == 0
                if self._left and not found:
                    self._ended.wait(_WAITING_PAUSE)
                if monotonic() - marked >= _RENEW_SECONDS:
                    marked = monotonic()
                    with self._parts.database.transaction() as session:
                        session.execute(update(Watch).where(Watch.id == self.watch.id).values(looked=now()))
        finally:
            queue.close()

    def _announce(self, objects: Sequence[ObjectCreated], refused: Sequence[Refused]) -> Collection[ObjectCreated]:
        with self._parts.database.transaction() as session:
            noticed = notice(session, self.watch, self.spec, objects)
            for body, reason in refused:
                bury_event(session, self.watch, body=body, reason=reason)
        self._parts.noticed(self.watch.id, noticed.new)
        self._left = bool(noticed.waiting)
        return noticed.waiting


class _Parts:
    """What all workers share."""

    def __init__(
        self, database: Database, buckets: Buckets, settings: Settings, *, owner: str, wake: Callable[[], None]
    ) -> None:
        self.database, self.buckets, self.settings, self.owner = database, buckets, settings, owner
        self.room = Room(database, settings.events_backlog)
        self._wake = wake

    def noticed(self, watch_id: int, new: int) -> None:
        """Arrivals were written down."""
        if new:
            self.room.taken(watch_id, new)
            self._wake()


class Watches(Protocol):
    """Which watches there are, and under which name this process works for them; see `Owners`."""

    @property
    def name(self) -> str:
        """Of this process, for leases."""

    @property
    def watches(self) -> Sequence[tuple[Watch, WatchSpec]]:
        """The watches at the moment."""


class Sources:
    """Looks at the sources of all watches, on threads of its own."""

    def __init__(
        self,
        database: Database,
        buckets: Buckets,
        settings: Settings,
        *,
        owners: Watches,
        wake: Callable[[], None] = lambda: None,
    ) -> None:
        """Prepare without starting anything.

        Args:
            database: gets the arrivals.
            buckets: that are listed.
            settings: of the service.
            owners: the watches, and the name of this process.
            wake: is called when there are new arrivals.
        """
        self._owners = owners
        self._parts = _Parts(database, buckets, settings, owner=owners.name, wake=wake)
        self._workers: dict[int, _Worker] = {}
        self._ending: list[_Worker] = []
        self._lock = threading.Lock()
        self._ended = threading.Event()
        self._seen = False
        self._thread = threading.Thread(target=self._run, name="sources", daemon=True)

    def start(self) -> None:
        """Begin to look."""
        self._thread.start()

    def stop(self, timeout: float = _STOP_SECONDS) -> None:
        """End within some seconds; what is being looked at is looked at again at the next start."""
        self._ended.set()
        until = monotonic() + timeout
        if self._thread.ident is not None:
            self._thread.join(timeout)
        with self._lock:
            workers = [*self._workers.values(), *self._ending]
        for worker in workers:
            worker.end()
        for worker in workers:
            worker.join(max(0.0, until - monotonic()))

    @property
    def complete(self) -> bool:
        """Whether every source was looked at in full the last time, and nothing there waits to become whole."""
        with self._lock:
            return self._seen and all(worker.complete for worker in self._workers.values())

    @property
    def problems(self) -> list[str]:
        """What is wrong with sources at the moment, and does not mend itself."""
        with self._lock:
            return [worker.problem for worker in self._workers.values() if worker.problem]

    def _run(self) -> None:
        while not self._ended.is_set():
            try:
                self._look_around()
            except UnavailableError as problem:
                _logger.warning("The watches cannot be looked up: %s", problem)
            except Exception:  # a thread that ended would let new watches go unseen
                _logger.exception("Looking up the watches failed.")
            self._ended.wait(_LOOK_AROUND_SECONDS)

    def _look_around(self) -> None:
        """Have a worker for each watch whose source is to be looked at, with its present spec."""
        wanted = {watch.id: (watch, spec) for watch, spec in self._owners.watches if _has_source(spec)}
        with self._lock:
            for number, worker in list(self._workers.items()):
                if number not in wanted or worker.spec != wanted[number][1]:
                    worker.end()
                    self._ending.append(self._workers.pop(number))
            self._ending = [worker for worker in self._ending if worker.is_alive()]
            leaving = {worker.watch.id for worker in self._ending}
            for number, (watch, spec) in wanted.items():
                if number not in self._workers and number not in leaving:
                    kind = _Reader if is_queue(spec) else _Lister
                    self._workers[number] = worker = kind(self._parts, watch, spec)
                    worker.start()
            self._seen = True


def _missing(models: Mapping[str, LookedAtBy | None]) -> list[str]:
    """A sentence for each model that does not exist."""
    return [missing_model(model) for model, found in models.items() if found is None]


def is_queue(spec: WatchSpec) -> bool:
    """Whether the source of a watch is a queue."""
    return spec.source.startswith(("sqs://", "https://", "http://"))


def listing_of(spec: WatchSpec, *, buckets: Buckets, room: Callable[[], int]) -> Listing:
    """The source of a watch on a folder or bucket.

    Raises:
        BucketError: nobody configured where it is.
    """

    def wanted(created: ObjectCreated) -> bool:
        return is_for(spec, created) and bool(spec.models(created.key))

    if spec.folder_bucket is not None:
        folder = Path(spec.source)
        map_folder(buckets, spec)
        return source_of_folder(spec.folder_bucket, folder, "", wanted=wanted, room=room)
    scheme, _, rest = spec.source.partition("://")
    bucket, _, prefix = rest.partition("/")
    if scheme != "s3" and not buckets.mapped(bucket):
        raise BucketError(
            f"The bucket {bucket!r} is not configured: say where it is with --bucket {bucket}={scheme}://{bucket}."
        )
    place = buckets.folder(bucket)
    if place is not None:
        return source_of_folder(bucket, place, prefix, wanted=wanted, room=room)
    return Listing(bucket, lambda: bucket_listing(buckets, bucket, prefix), wanted=wanted, room=room, settle=False)


def _has_source(spec: WatchSpec) -> bool:
    return spec.source != EVENTS and not spec.paused
