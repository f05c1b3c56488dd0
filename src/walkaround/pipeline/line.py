"""The line: arrivals are taken, fetched and looked at by several threads, and what is found is written.

One transaction ends a group of arrivals and writes their results (see `writing`). Whatever happens before it, another process
takes the arrivals again; after it, they are done. So nothing is lost and nothing is there twice.
"""

from __future__ import annotations

import logging
import threading
import time
from collections import Counter
from collections.abc import Callable, Collection, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from time import monotonic
from typing import cast

from walkaround.buckets.buckets import Buckets
from walkaround.buckets.names import ImpossibleKeyError
from walkaround.errors import BucketError, PackageError, StorageError, UnavailableError, WalkaroundError
from walkaround.models.network import cores
from walkaround.pipeline import arrivals
from walkaround.pipeline.apart import Apart
from walkaround.pipeline.limits import limits_of
from walkaround.pipeline.looking import VIDEO_SUFFIXES, ChangedError, Models, StalledError, as_file, fetched, kind_of
from walkaround.pipeline.presence import Contact, Owners
from walkaround.pipeline.sights import PictureLook, Sight, VideoLook
from walkaround.pipeline.spec import BucketSink
from walkaround.pipeline.writing import Outcome, Told, Work, Writer
from walkaround.settings import Settings
from walkaround.store.database import Database

_logger = logging.getLogger(__name__)

_FETCHERS = 8
_IDLE_SECONDS = 1.0
_STOP_LOOK_SECONDS = 0.05
_CARE_SECONDS = 2.0
_MOST_ATTEMPTS = 4
"""For what may be the object's fault or not: it is gone, it is not permitted, the model is missing."""
_MOST_DEATHS = 3
_LONGEST_PAUSE = 60.0
_VIDEOS = 2
_VIDEO_SECONDS = 15.0
_VIDEO_IDLE_SECONDS = 60.0
_MOST_STALLS = 4
"""Of an object that does not come although its bucket answers."""
_LET_GO_SECONDS = 3.0
_FOLDER = "arrivals"
_EYE = "walkaround.pipeline.eye"


class Line:
    """Fetches what has arrived on threads of its own, and looks at it in processes of its own.

    Attributes:
        cut_off: after `stop`, whether something was in work that did not end in time.
    """

    cut_off = False

    def __init__(
        self,
        database: Database,
        buckets: Buckets,
        settings: Settings,
        *,
        owners: Owners,
        wrote: Callable[[], None] = lambda: None,
        tell: Told | None = None,
    ) -> None:
        """Prepare without starting anything.

        Args:
            database: where arrivals and results are.
            buckets: where what has arrived is.
            settings: of the service.
            owners: which processes live, and the watches that this one works for.
            wrote: is called when there are new results.
            tell: is told what came of each arrival, once it is written; None: dead letters are logged.
        """
        self._database, self._buckets, self._owners = database, buckets, owners
        self._wrote = wrote
        self._models = Models(database, settings)
        self._folder = owners.folder(_FOLDER)
        self._threads = settings.threads_per_unit or cores()
        self._held: dict[int, Work] = {}
        self._lock = threading.Lock()
        self._awake = threading.Event()
        self._stopping = False
        self._renewed = self._cared = 0.0
        self._contact = Contact(arrivals.LEASE_SECONDS)
        self._draining = False
        self._active = 0
        self._video_room = _VIDEOS
        self._fetchers = ThreadPoolExecutor(_FETCHERS, thread_name_prefix="fetch")
        # Videos apart, so that a picture that has to be ended takes no hour of work with it.
        self._pictures = Apart(_EYE, settings, threads=self._threads)
        self._videos = Apart(_EYE, settings, threads=1)
        self._limits = limits_of(settings)
        self._stalls: Counter[int] = Counter()
        self._taker = threading.Thread(target=self._run, name="line", daemon=True)
        self._writer = Writer(database, owner=owners.name, let_go=self._let_go, told=tell)

    def start(self) -> None:
        """Begin to take arrivals."""
        self._owners.sweep(_FOLDER)
        self._writer.start()
        self._taker.start()

    def wake(self) -> None:
        """Look for arrivals at once."""
        self._awake.set()

    @property
    def busy(self) -> bool:
        """Whether anything is in work."""
        with self._lock:
            return bool(self._held)

    @property
    def looking(self) -> bool:
        """Whether a thread is at work; one that waits for a bucket may be so for some time after `stop`."""
        with self._lock:
            return self._active > 0

    def stop(self, timeout: float = 10.0) -> None:
        """Take no more; what is in work ends, and what does not end in time is left for the next process."""
        self._stopping = True
        self._awake.set()
        self._taker.join(timeout)
        self._fetchers.shutdown(wait=False, cancel_futures=True)  # what is fetched is still looked at
        until = monotonic() + timeout
        while self.looking and monotonic() < until:
            time.sleep(_STOP_LOOK_SECONDS)
        self.cut_off = self.looking
        for apart in (self._pictures, self._videos):
            apart.close()
        until = monotonic() + _LET_GO_SECONDS
        while self.looking and monotonic() < until:
            time.sleep(_STOP_LOOK_SECONDS)
        self._writer.stop(timeout)
        with suppress(WalkaroundError), self._database.transaction() as session:  # else their leases lapse
            arrivals.leave_of(session, self._owners.name)

    def _run(self) -> None:
        pause = 0.0
        while not self._stopping:
            self._awake.wait(pause)
            self._awake.clear()
            try:
                self._care()
                pause = 0.0 if self._take() else _IDLE_SECONDS
                if self._room() <= 0:
                    pause = _IDLE_SECONDS  # woken by whatever ends
            except UnavailableError as problem:
                _logger.warning("Arrivals cannot be looked up: %s", problem)
                pause = _IDLE_SECONDS
            except Exception:  # a loop that ended would leave every arrival undone
                _logger.exception("Looking for arrivals failed.")
                pause = _IDLE_SECONDS

    def _room(self) -> int:
        with self._lock:
            return _FETCHERS + 6 * self._threads - len(self._held)

    def _care(self) -> None:
        """Keep the leases, and free what dead processes held."""
        if monotonic() - self._cared < _CARE_SECONDS:
            return
        self._cared = monotonic()
        self._videos.end_idle(_VIDEO_IDLE_SECONDS)
        with self._lock:
            held = list(self._held)
        with self._database.reading() as session:
            holders, lapsed = arrivals.holders(session, busy=held)
            self._draining = arrivals.dangerous_due(session, self._owners.watch_ids)
        lapsed = self._contact.sure() and lapsed
        dead = self._owners.dead(holders)
        if held or dead or lapsed:
            with self._database.transaction() as session:
                if held:
                    arrivals.renew(session, owner=self._owners.name, ids=held)
                for name in dead:
                    arrivals.free_of(session, name)
                if lapsed:
                    arrivals.free_lapsed(session, busy=held)
        self._contact.made()

    def _take(self) -> int:
        """Claim what there is room for; how many those are."""
        room = self._room()
        specs = {watch.id: spec for watch, spec in self._owners.watches}
        owner, watch_ids = self._owners.name, list(specs)
        if room <= 0 or not watch_ids or (self._draining and self.busy) or not self._any_due(watch_ids):
            return 0
        with self._database.transaction() as session:
            if self._draining:
                taken = arrivals.claim_dangerous(session, owner=owner, watch_ids=watch_ids)
                self._draining = bool(taken)
            else:
                taken = arrivals.claim(session, owner=owner, watch_ids=watch_ids, most=room)
        for arrival in taken:
            work = Work(arrival=arrival, spec=specs[arrival.watch_id])
            with self._lock:
                self._held[arrival.id] = work
            self._fetchers.submit(self._do, work)
        return len(taken)

    def _any_due(self, watch_ids: Collection[int]) -> bool:
        """Whether there is something to take; asked first, because on SQLite a transaction waits for every other writer."""
        with self._database.reading() as session:
            return arrivals.any_due(session, watch_ids)

    def _fetch_and_look(self, work: Work) -> Sight:
        """Fetch, then look where there is room for that kind of thing; waits, so that the file stays for as long.

        Raises:
            _LaterError: other videos are in work.
        """
        if work.arrival.key.lower().endswith(VIDEO_SUFFIXES) and self._video_room <= 0:
            raise _LaterError  # before it is fetched
        model = self._models.model(work.arrival.project_id, work.arrival.model_version)
        with fetched(work.arrival, self._buckets, self._folder, limits=self._limits) as found:
            self._stalls.pop(work.arrival.id, None)
            if kind_of(found, work.address) == "picture":
                heat = any(isinstance(sink, BucketSink) and sink.drawn for sink in work.spec.sinks)
                picture = PictureLook(model=model, found=found, name=work.address, heat=heat)
                return cast("Sight", self._pictures.ask(picture, name=work.address, limit=self._limits.picture))
            with self._room_for_video(), as_file(found, self._folder) as path:
                video = VideoLook(model=model, path=path, name=work.address, frames=work.spec.frames, key=work.arrival.key)
                return cast("Sight", self._videos.ask(video, name=work.address, limit=self._limits.video))

    @contextmanager
    def _room_for_video(self) -> Iterator[None]:
        """One video is looked at, one is fetched meanwhile; more would leave no thread for pictures."""
        with self._lock:
            if self._video_room <= 0:
                raise _LaterError
            self._video_room -= 1
        try:
            yield
        finally:
            with self._lock:
                self._video_room += 1

    def _outcome(self, work: Work) -> Outcome:
        """What comes of an arrival, whatever happens."""
        arrival = work.arrival
        if arrival.deaths >= _MOST_DEATHS:
            return Outcome(
                work=work,
                problem=f"{arrival.deaths} processes ended before their time while they looked at {work.address!r};"
                " is there enough memory?",
            )
        try:
            return Outcome(work=work, sight=self._fetch_and_look(work))
        except _LaterError:
            return Outcome(work=work, again=_VIDEO_SECONDS, counts=False)
        except StalledError as problem:
            self._stalls[arrival.id] += 1
            final = self._stalls[arrival.id] >= _MOST_STALLS
            if final:
                del self._stalls[arrival.id]
            return Outcome(work=work, problem=str(problem), again=None if final else _pause(arrival.attempts))
        except (UnavailableError, StorageError) as problem:  # of the bucket or the disk, not of the object
            return Outcome(work=work, problem=str(problem), again=_pause(arrival.attempts))
        except (BucketError, PackageError) as problem:
            final = isinstance(problem, (ChangedError, ImpossibleKeyError)) or arrival.attempts + 1 >= _MOST_ATTEMPTS
            return Outcome(work=work, problem=str(problem), again=None if final else _pause(arrival.attempts))
        except WalkaroundError as problem:  # the object's own fault
            return Outcome(work=work, problem=str(problem))
        except Exception as problem:  # whatever one object does to a library, the others go on
            if not self._stopping:  # else the threads that were to look are gone
                _logger.exception("Looking at %r failed.", work.address)
            final = arrival.attempts + 1 >= _MOST_ATTEMPTS  # memory may have been short
            again = None if final else _pause(arrival.attempts)
            return Outcome(work=work, problem=f"{type(problem).__name__}: {problem}", again=again)

    def _do(self, work: Work) -> None:
        with self._lock:
            self._active += 1
        try:
            outcome = self._outcome(work)
        finally:
            with self._lock:
                self._active -= 1
        if outcome.sight is not None or not self._stopping:  # what stopping broke is left for the next process
            self._writer.put(outcome)

    def _let_go(self, ids: Collection[int]) -> None:
        with self._lock:
            for number in ids:
                self._held.pop(number, None)
        self._awake.set()
        self._wrote()


class _LaterError(Exception):
    """There is no room for this kind of thing at the moment."""


def _pause(attempts: int) -> float:
    return float(min(_LONGEST_PAUSE, 2.0 ** (attempts + 1)))
