"""Jobs over REST: how far accepted work is, asked for or told as it goes on (server-sent events)."""

from __future__ import annotations

import asyncio
from typing import Annotated

from fastapi import APIRouter, Header, Path
from fastapi.responses import StreamingResponse

from walkaround.errors import NotFoundError
from walkaround.store.tables import Job as JobRow
from walkaround.web.rest.access import Reader, Visit
from walkaround.web.rest.handles import job_of
from walkaround.web.rest.shapes import Job
from walkaround.web.rest.streaming import Standing, Watched, progress_stream

router = APIRouter(prefix="/jobs", tags=["jobs"])

_LOOK_SECONDS = 0.5
JobHandle = Annotated[str, Path(description="The handle of a job, from the answer that began it.")]
LastEvent = Annotated[
    str | None, Header(alias="Last-Event-ID", max_length=200, description="Id of the last event that the client knows.")
]


@router.get("/{job}", response_model_exclude_none=True)
def describe_job(visit: Reader, job: JobHandle) -> Job:
    """Tell how far a job is."""
    return _job(visit, job)


@router.get(
    "/{job}/events",
    response_class=StreamingResponse,
    responses={200: {"content": {"text/event-stream": {}}, "description": "Events progress, each a job, and one end."}},
)
async def job_events(visit: Reader, job: JobHandle, last_event_id: LastEvent = None) -> StreamingResponse:
    """Tell how far a job is whenever that changes, until it has ended; each event holds all that a GET would give.

    A client that comes again with Last-Event-ID is not told twice what it knows.
    """
    first = _standing(await asyncio.to_thread(_job, visit, job))
    watched = Watched(event="progress", first=first, look=lambda: _standing(_job(visit, job)), pause=_LOOK_SECONDS)
    return progress_stream(visit.service, watched, known=last_event_id)


def _standing(job: Job) -> Standing:
    name = f"{job.attempts}.{job.state}.{(job.doing or '').replace(' ', '_')}.{job.done or 0}.{job.of or 0}"
    return Standing(id=name, data=job.model_dump_json(exclude_none=True), state=job.state)


def _job(visit: Visit, handle: str) -> Job:
    number = job_of(visit.service.ring, visit.owner, handle)
    with visit.service.database.reading() as session:
        row = session.get(JobRow, number)
        if row is None:
            raise NotFoundError(
                f"The job {handle!r} ended long ago, and nothing is kept of it.", resource_id=handle, resource_type="PROJECT"
            )
        progress = row.progress or {}
        return Job.model_validate(
            {
                "job": handle,
                "kind": row.kind,
                "state": row.state,
                "attempts": row.attempts,
                "next_try": row.due if row.state == "due" and row.attempts else None,
                "created": row.created,
                "ended": row.ended,
                "doing": progress.get("doing"),
                "done": progress.get("done"),
                "of": progress.get("of"),
                "error": row.error,
            }
        )
