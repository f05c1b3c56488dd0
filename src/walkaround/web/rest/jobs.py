"""Jobs over REST: how far accepted work is, asked for or told as it goes on (server-sent events)."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from typing import Annotated

from fastapi import APIRouter, Header, Path
from fastapi.responses import StreamingResponse

from walkaround.errors import NotFoundError, ThrottledError, UnavailableError
from walkaround.store.tables import Job as JobRow
from walkaround.web.rest.access import Reader, Visit
from walkaround.web.rest.handles import job_of
from walkaround.web.rest.shapes import Job

router = APIRouter(prefix="/jobs", tags=["jobs"])

_LOOK_SECONDS = 0.5
_HEARTBEAT_SECONDS = 15.0
_RETRY_MILLISECONDS = 2000
_STREAMS = 100
_ENDED = ("done", "failed")
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
    first = await asyncio.to_thread(_job, visit, job)
    service = visit.service
    if service.streams >= _STREAMS:
        raise ThrottledError(f"{_STREAMS} jobs are being watched already: ask for this one by GET.", retry_after=5)
    return StreamingResponse(
        _events(visit, job, first=first, known=last_event_id),
        media_type="text/event-stream",
        headers={"Cache-Control": "no-store", "X-Accel-Buffering": "no"},
    )


async def _events(visit: Visit, handle: str, *, first: Job, known: str | None) -> AsyncIterator[str]:
    service, job, quiet = visit.service, first, 0.0
    service.streams += 1
    try:
        yield f"retry: {_RETRY_MILLISECONDS}\n\n"
        while not service.stopping.is_set():
            name = _event_id(job)
            if name != known:
                known, quiet = name, 0.0
                yield f"event: progress\nid: {name}\ndata: {job.model_dump_json(exclude_none=True)}\n\n"
            if job.state in _ENDED:
                yield f"event: end\nid: {name}\ndata: {json.dumps({'state': job.state})}\n\n"
                return
            if quiet >= _HEARTBEAT_SECONDS:
                quiet = 0.0
                yield ": still there\n\n"
            await asyncio.sleep(_LOOK_SECONDS)
            quiet += _LOOK_SECONDS
            try:
                job = await asyncio.to_thread(_job, visit, handle)
            except UnavailableError:  # for a moment; the client need not come again for that
                continue
    finally:
        service.streams -= 1


def _event_id(job: Job) -> str:
    """The same for the same progress, in this server and in the next one."""
    return f"{job.attempts}.{job.state}.{(job.doing or '').replace(' ', '_')}.{job.done or 0}.{job.of or 0}"


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
