"""Who works on which job: rows of the table `jobs`, taken for a while, kept by a heartbeat, and given back or finished.

A lease that is not renewed lapses, and another server takes the job; how often that happened in a row is counted, because it
may be the job that kills them. When a server dies, all that it worked on is counted: after two deaths each is worked on alone,
so that only the one that kills goes on to be counted. What a job changes in the end is written in the transaction that finishes
it, which a server that has lost the lease cannot do: nothing is ever applied twice or by half.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, and_, delete, func, or_, select, text, true, update
from sqlalchemy.orm import InstrumentedAttribute, Session

from walkaround.store.tables import Job, now

TRAIN = "train"
LEASE_SECONDS = 20.0
ALONE_FROM = 2
"""Deaths of servers from which on a job is worked on alone."""
_KEPT_DAYS = 30
_CLAIMING = 7_201_945_511_310_087
"""Number of the lock under which PostgreSQL lets one server after the other claim jobs; any constant will do."""


@dataclass(frozen=True, kw_only=True)
class Lease:
    """A job that this server works on.

    Attributes:
        attempts: how often it could not be done.
        deaths: servers in a row that ended, other than in good order, while they worked on it.
    """

    job_id: int
    kind: str
    subject: int
    attempts: int
    deaths: int = 0


class LeaseLostError(Exception):
    """Another server works on the job now; whatever this one found out must not be written."""


def claim(session: Session, *, owner: str, room: int, trainings_at_once: int, busy: Collection[int] = ()) -> list[Lease]:
    """Take jobs that are due, or whose server has lost them.

    One that may be killing servers is taken alone: a server that is not idle takes nothing then, so that it will be.

    Args:
        session: of a transaction.
        owner: name of this server.
        room: how many jobs it can take, trainings aside.
        trainings_at_once: how many trainings may run on all servers together.
        busy: ids of jobs that it works on; their leases may have lapsed while the database was away.
    """
    if session.get_bind().dialect.name == "postgresql":
        session.execute(text("SELECT pg_advisory_xact_lock(:number)"), {"number": _CLAIMING})
    moment = now()
    training = select(func.count()).where(Job.kind == TRAIN, Job.state == "running", Job.leased_until >= moment)
    other, fresh = Job.kind != TRAIN, Job.id.not_in(busy)
    free = max(0, trainings_at_once - (session.scalar(training) or 0))
    suspect = or_(Job.deaths >= ALONE_FROM, and_(Job.state == "running", Job.deaths + 1 >= ALONE_FROM))
    jobs = _due(session, suspect & fresh & (other if free == 0 else true()), 1, moment, Job.deaths)
    if not jobs:
        jobs = [*_due(session, other & fresh, room, moment), *_due(session, ~other & fresh, free, moment)]
    elif busy:
        return []
    for job in jobs:
        job.deaths += job.state == "running"  # its lease has lapsed
        job.state, job.leased_by, job.leased_until = "running", owner, _until(moment)
    return [Lease(job_id=job.id, kind=job.kind, subject=job.subject, attempts=job.attempts, deaths=job.deaths) for job in jobs]


def next_due(session: Session) -> datetime | None:
    """When the next job is due, or the next lease lapses; None where there is no job."""
    due = session.scalar(select(func.min(Job.due)).where(Job.state == "due"))
    lapsing = session.scalar(select(func.min(Job.leased_until)).where(Job.state == "running"))
    return min((moment for moment in (due, lapsing) if moment is not None), default=None)


def renew(session: Session, *, owner: str, job_ids: Collection[int]) -> None:
    """Keep the leases of jobs that are still this server's."""
    own = update(Job).where(Job.id.in_(job_ids), Job.leased_by == owner, Job.state == "running")
    session.execute(own.values(leased_until=_until(now())).execution_options(synchronize_session=False))


def look(session: Session, *, owner: str, job_ids: Collection[int]) -> tuple[set[int], set[int]]:
    """Which of these jobs are still this server's, and which of those shall be cancelled."""
    rows = session.execute(
        select(Job.id, Job.cancelled).where(Job.id.in_(job_ids), Job.leased_by == owner, Job.state == "running")
    ).all()
    return {number for number, _ in rows}, {number for number, cancelled in rows if cancelled}


def finish(session: Session, lease: Lease, *, owner: str, error: str | None) -> None:
    """Say that a job is done, or has failed, in the transaction that writes what came of it.

    Raises:
        LeaseLostError: the job is not this server's any more.
    """
    job = _held(session, lease, owner)
    job.state, job.error, job.ended = "failed" if error else "done", error, now()
    job.leased_by = job.leased_until = None


def release(session: Session, lease: Lease, *, owner: str, seconds: float, failed: str | None) -> None:
    """Give a job back, to be taken again after some seconds; `failed` says why it could not be done, and counts as an attempt.

    Raises:
        LeaseLostError: the job is not this server's any more.
    """
    job = _held(session, lease, owner)
    job.state, job.due = "due", now() + timedelta(seconds=seconds)
    job.leased_by = job.leased_until = None
    job.error, job.deaths = failed, 0
    job.attempts = job.attempts + 1 if failed else job.attempts


def report(session: Session, lease: Lease, *, owner: str, progress: dict[str, Any]) -> None:
    """Write down how far a job is."""
    own = update(Job).where(Job.id == lease.job_id, Job.leased_by == owner)
    session.execute(own.values(progress=progress).execution_options(synchronize_session=False))


def require_held(session: Session, lease: Lease, *, owner: str) -> None:
    """Return, with the job locked, if it is still this server's.

    Raises:
        LeaseLostError: it is not.
    """
    _held(session, lease, owner)


def owners(session: Session) -> Sequence[str]:
    """The servers that jobs are leased to."""
    found = session.scalars(select(Job.leased_by).where(Job.state == "running").distinct())
    return [name for name in found if name is not None]


def free_jobs_of(session: Session, owner: str) -> None:
    """Let the jobs of a server that is known to be dead be taken at once."""
    _free(session, owner, deaths=Job.deaths + 1)


def leave_jobs_of(session: Session, owner: str) -> None:
    """Let the jobs be taken at once that a server cannot end or give back before it stops in good order."""
    _free(session, owner, deaths=0)


def forget_old(session: Session) -> None:
    """Delete jobs that ended long ago."""
    ended = now() - timedelta(days=_KEPT_DAYS)
    session.execute(delete(Job).where(Job.ended < ended).execution_options(synchronize_session=False))


def _due(
    session: Session, which: ColumnElement[bool], most: int, moment: datetime, *first: InstrumentedAttribute[int]
) -> Sequence[Job]:
    ready = or_(and_(Job.state == "due", Job.due <= moment), and_(Job.state == "running", Job.leased_until < moment))
    query = select(Job).where(which, ready).order_by(*first, Job.due, Job.id).limit(most)
    return session.scalars(query.with_for_update(skip_locked=True)).all() if most > 0 else []


def _free(session: Session, owner: str, *, deaths: ColumnElement[int] | int) -> None:
    lost = update(Job).where(Job.leased_by == owner, Job.state == "running")
    freed = lost.values(state="due", leased_by=None, leased_until=None, deaths=deaths)
    session.execute(freed.execution_options(synchronize_session=False))


def _held(session: Session, lease: Lease, owner: str) -> Job:
    job = session.scalars(select(Job).where(Job.id == lease.job_id).with_for_update()).one_or_none()
    if job is None or job.state != "running" or job.leased_by != owner:
        raise LeaseLostError
    return job


def _until(moment: datetime) -> datetime:
    return moment + timedelta(seconds=LEASE_SECONDS)
