"""Why accepted work is not done yet, for the messages beside a status: what the last attempt of its job ran into."""

from __future__ import annotations

import math
from datetime import timedelta

from sqlalchemy import Select, select
from sqlalchemy.orm import Session

from walkaround.hosting.operations.rows import JobKind
from walkaround.store.tables import Job, now


def with_attempts(session: Session, message: str, *, kind: JobKind, subject: int | Select[int]) -> str:
    """The message of a status, and what the job that will change it waits for, if an attempt of it failed.

    Args:
        session: any.
        message: what the status means.
        kind: of the job.
        subject: id of the row that the job is about, or a query for it.
    """
    of = Job.subject == subject if isinstance(subject, int) else Job.subject.in_(subject)
    job = session.scalars(select(Job).where(Job.kind == kind, of, Job.ended.is_(None)).limit(1)).one_or_none()
    if job is None or job.error is None:
        return message
    tried = "once" if job.attempts == 1 else f"{job.attempts} times"
    if job.state == "running":
        coming = "being tried again"
    else:
        coming = f"next try in {max(1, math.ceil((job.due - now()) / timedelta(seconds=1)))} s"
    return f"{message} Tried {tried}, {coming}: {job.error}"
