"""Durable jobs: what was accepted is done, whatever happens to the process that does it.

A job is a row that is written in the transaction of the status it serves. One thread takes rows that are due, one thread works
on each; see `leases` for what keeps two servers apart, and `work` for what a kind of job is.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from datetime import timedelta
from time import monotonic

from walkaround.buckets.buckets import Buckets
from walkaround.errors import UnavailableError, WalkaroundError
from walkaround.hosting.jobs import leases
from walkaround.hosting.jobs.datasets.check_job import CheckWork
from walkaround.hosting.jobs.datasets.export_job import ExportWork
from walkaround.hosting.jobs.datasets.importing import dataset_work
from walkaround.hosting.jobs.lease_guard import LeaseGuard
from walkaround.hosting.jobs.leases import Lease, LeaseLostError
from walkaround.hosting.jobs.looking.draft_job import DraftWork
from walkaround.hosting.jobs.looking.trial_job import TrialWork
from walkaround.hosting.jobs.packaging import PackageWork
from walkaround.hosting.jobs.presence import Presence
from walkaround.hosting.jobs.removing import DeleteProjectWork
from walkaround.hosting.jobs.sample_job import SampleWork
from walkaround.hosting.jobs.serving import model_work
from walkaround.hosting.jobs.training.training_job import TrainWork
from walkaround.hosting.jobs.work import InterruptedJobError, LaterError, Outcome, Task, Work
from walkaround.hosting.operations.samples import KIND
from walkaround.hosting.pool.pool import Pool
from walkaround.settings import Settings
from walkaround.store.database import Database
from walkaround.store.tables import now

_logger = logging.getLogger(__name__)

_AT_ONCE = 4
"""Jobs of one server at the same time, trainings aside; most of them wait for a bucket."""
_RENEW_SECONDS = 5.0
_LONGEST_SLEEP = 2.0
_FORGET_SECONDS = 3600.0
_MOST_ATTEMPTS = 12
"""About eight minutes, with the pauses: for a bucket that does not answer, or a process that keeps dying."""
_MOST_DEATHS = 5
"""Servers in a row that died with a job in work: a power cut may be one of them, but five are the job's doing."""
_LONGEST_PAUSE = 60.0
_INSIST_SECONDS = 600.0


class Jobs:
    """Takes jobs that are due and does them, on threads of its own."""

    def __init__(self, database: Database, buckets: Buckets, settings: Settings, pool: Pool) -> None:
        """Prepare without starting anything."""
        self._database = database
        self._settings = settings
        self._work = all_work(database, buckets, settings, pool)
        self._presence: Presence | None = None
        self._guard: LeaseGuard | None = None
        self._running: dict[int, tuple[Task, threading.Thread]] = {}
        self._lock = threading.Lock()
        self._awake = threading.Event()
        self._stopping = False
        self._thread: threading.Thread | None = None
        self._renewed = self._forgot = 0.0

    def start(self) -> None:
        """Begin to take jobs, first of all those that a server which was killed has left.

        Raises:
            StorageError: the data folder cannot be written.
        """
        self._presence = Presence(self._settings.data / "work" / "servers")
        self._guard = LeaseGuard(self._presence, self._tasks)
        self._thread = threading.Thread(target=self._run, name="jobs", daemon=True)
        self._thread.start()

    def wake(self) -> None:
        """Look for jobs at once: one was added or cancelled."""
        self._awake.set()

    def stop(self, timeout: float = 10.0) -> None:
        """Take no more jobs; let short ones end, and give long ones back to be taken again."""
        self._stopping = True
        self._awake.set()
        if self._thread is not None:
            self._thread.join(timeout)
        with self._lock:
            running = list(self._running.values())
        if self._guard is not None:
            self._guard.stop()
        for task, _ in running:
            task.interrupt("stopping")
        deadline = monotonic() + timeout
        for _, thread in running:
            thread.join(max(0.0, deadline - monotonic()))
        if self._presence is not None:
            with suppress(WalkaroundError), self._database.transaction() as session:  # else their leases lapse
                leases.leave_jobs_of(session, self._presence.name)
            self._presence.leave()
            self._presence = None

    @property
    def _owner(self) -> str:
        return self._presence.name if self._presence is not None else ""

    def _tasks(self) -> list[Task]:
        with self._lock:
            return [task for task, _ in self._running.values()]

    def _run(self) -> None:
        pause = 0.0
        while not self._stopping:
            self._awake.wait(pause)
            self._awake.clear()
            try:
                self._look_after_running()
                self._bury_dead()
                pause = self._take()
            except UnavailableError as problem:
                _logger.warning("Jobs cannot be looked up: %s", problem)
                pause = _LONGEST_SLEEP
            except Exception:  # a loop that ended would leave every job undone
                _logger.exception("Looking for jobs failed.")
                pause = _LONGEST_SLEEP

    def _take(self) -> float:
        """Start what is due; seconds until there may be more."""
        with self._database.reading() as session:
            due = leases.next_due(session)
        if due is None:
            return _LONGEST_SLEEP
        wait = (due - now()) / timedelta(seconds=1)
        if wait > 0:
            return min(wait + 0.001, _LONGEST_SLEEP)
        with self._lock:
            room = _AT_ONCE - sum(task.lease.kind != leases.TRAIN for task, _ in self._running.values())
            busy = list(self._running)
            alone = any(task.lease.deaths >= leases.ALONE_FROM for task, _ in self._running.values())
        if alone:
            return _LONGEST_SLEEP
        began = monotonic()
        with self._database.transaction() as session:
            taken = leases.claim(
                session, owner=self._owner, room=room, trainings_at_once=self._settings.trainings_at_once, busy=busy
            )
        for lease in taken:
            self._begin(lease, began)
        return 0.0 if len(taken) > 1 else 0.5  # what is due and was not taken waits for its turn

    def _begin(self, lease: Lease, leased: float) -> None:
        task = Task(lease, self._database, owner=self._owner)
        task.renewed = leased
        thread = threading.Thread(target=self._do, args=(task,), name=f"job-{lease.job_id}", daemon=True)
        with self._lock:
            self._running[lease.job_id] = (task, thread)
        thread.start()

    def _look_after_running(self) -> None:
        tasks = {task.lease.job_id: task for task in self._tasks()}
        began = monotonic()  # a lease lasts from within the transaction
        if tasks and began - self._renewed > _RENEW_SECONDS:
            with self._database.transaction() as session:
                leases.renew(session, owner=self._owner, job_ids=tasks)
            self._renewed = began
            for task in tasks.values():
                task.renewed = began
        if tasks:
            with self._database.reading() as session:
                own, cancelled = leases.look(session, owner=self._owner, job_ids=tasks)
            for number, task in tasks.items():
                if number in cancelled:
                    task.interrupt("cancelled")
                elif number not in own and number in self._running:
                    task.interrupt("lost")

    def _bury_dead(self) -> None:
        """Free the jobs of servers that were killed, and now and then forget old jobs."""
        presence = self._presence
        with self._database.reading() as session:
            dead = [name for name in leases.owners(session) if presence is not None and presence.is_dead(name)]
        for name in dead:
            with self._database.transaction() as session:
                leases.free_jobs_of(session, name)
            if presence is not None:
                presence.forget(name)
        if monotonic() - self._forgot > _FORGET_SECONDS:
            self._forgot = monotonic()
            with self._database.transaction() as session:
                leases.forget_old(session)

    def _do(self, task: Task) -> None:
        try:
            self._do_and_finish(task)
        except (LeaseLostError, InterruptedJobError):
            _logger.info("Job %d is left to another server.", task.lease.job_id)
        except UnavailableError as problem:  # the lease lapses, and the job is taken again
            _logger.warning("What came of job %d cannot be written: %s", task.lease.job_id, problem)
        finally:
            with self._lock:
                self._running.pop(task.lease.job_id, None)
            self._awake.set()

    def _do_and_finish(self, task: Task) -> None:
        lease = task.lease
        work = self._work[lease.kind]
        if lease.deaths >= _MOST_DEATHS:
            reason = f"{lease.deaths} servers in a row ended before their time while they worked on it; is there enough memory?"
            self._finish(task, work.give_up(lease.subject, reason))
            return
        try:
            self._finish(task, work.run(task))
        except LaterError as later:
            self._release(lease, seconds=later.seconds)
        except InterruptedJobError:
            self._insist(lambda: self._release(lease, seconds=0.0))  # it was not its fault
        except LeaseLostError:
            raise
        except Exception as problem:
            expected = isinstance(problem, WalkaroundError)
            reason = str(problem) if expected else f"{type(problem).__name__}: {problem}"
            if lease.attempts + 1 >= _MOST_ATTEMPTS:
                self._finish(task, work.give_up(lease.subject, reason), trace=not expected)
                return
            pause = min(_LONGEST_PAUSE, 2.0**lease.attempts)
            self._release(lease, seconds=pause, failed=reason)
            told = "Job %d (%s) will be tried again in %.0f s: %s"
            _logger.warning(told, lease.job_id, lease.kind, pause, reason, exc_info=not expected)

    def _finish(self, task: Task, outcome: Outcome, *, trace: bool = False) -> None:
        """Write what came of a job; while the database is away, the work is not thrown away."""
        lease = task.lease

        def write() -> None:
            with self._database.transaction() as session:
                leases.finish(session, lease, owner=self._owner, error=outcome.error)
                outcome.write(session)

        self._insist(write)
        if outcome.error is not None:
            level = logging.INFO if task.interrupted == "cancelled" else logging.ERROR
            _logger.log(level, "Job %d (%s) failed: %s", lease.job_id, lease.kind, outcome.error, exc_info=trace)
        outcome.after()

    def _insist(self, write: Callable[[], None]) -> None:
        """Try again while the database is away, for some minutes."""
        given_up = monotonic() + _INSIST_SECONDS
        while True:
            try:
                return write()
            except UnavailableError:
                if self._stopping or monotonic() > given_up:
                    raise
                time.sleep(_LONGEST_SLEEP)

    def _release(self, lease: Lease, *, seconds: float, failed: str | None = None) -> None:
        with self._database.transaction() as session:
            leases.release(session, lease, owner=self._owner, seconds=seconds, failed=failed)


def all_work(database: Database, buckets: Buckets, settings: Settings, pool: Pool) -> Mapping[str, Work]:
    """Every kind of job by its name."""
    return {
        **dataset_work(database, buckets, settings),
        **model_work(database, settings, pool),
        leases.TRAIN: TrainWork(database, settings),
        "check": CheckWork(database, settings),
        "export": ExportWork(database, settings),
        "package": PackageWork(database, buckets, settings),
        "draft": DraftWork(database, buckets, settings),
        "trial": TrialWork(database, buckets, settings),
        "delete_project": DeleteProjectWork(database),
        KIND: SampleWork(database, buckets, settings),
    }
