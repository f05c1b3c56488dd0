"""Events over HTTP: stores tell what was put into them, and the answer comes when it is written down."""

from __future__ import annotations

import asyncio
import logging
import time
from typing import Annotated, Any

from fastapi import APIRouter, Query, Request
from pydantic import BaseModel, Field
from sqlalchemy.orm import Session
from starlette.exceptions import HTTPException

from walkaround.errors import NotFoundError, ThrottledError, UnavailableError
from walkaround.pipeline.arrivals import bury_event
from walkaround.pipeline.events import Event, EventError, read_event
from walkaround.pipeline.noticing import notice
from walkaround.pipeline.sinks.signing import HEADER, verify
from walkaround.pipeline.spec import EVENTS, WatchSpec
from walkaround.pipeline.watches import find_watch, list_watches, spec_of
from walkaround.store.pipeline import Watch
from walkaround.web.auth import SIGNED
from walkaround.web.callers import UnknownCallerError
from walkaround.web.rest.access import Inspector, Visit

router = APIRouter(prefix="/events", tags=["pipeline"])

_MOST_BYTES = 2_000_000
"""Twice the most that SNS, SQS and EventBridge carry."""
_RETRY_AFTER = 10
_WAITING_RETRY_AFTER = 60
_BODY: dict[str, Any] = {
    "requestBody": {
        "required": True,
        "description": "An event of S3, EventBridge, SNS, MinIO or SeaweedFS, as it comes.",
        "content": {"application/json": {"schema": {"type": "object"}}},
    }
}
_Told = tuple[Watch, WatchSpec]
_logger = logging.getLogger(__name__)


class Noticed(BaseModel):
    """What came of an event."""

    objects: int = Field(description="Objects that it says were put somewhere.")
    new: int = Field(description="What is to be looked at because of it, and was not known yet: objects times their models.")
    ignored: int = Field(description="What of it needs nothing: removals, folders, tests.")
    confirm: str | None = Field(
        default=None,
        description="The address that confirms a subscription of SNS: a person has to open it.",
    )


@router.post("", openapi_extra=_BODY)
async def tell(
    request: Request,
    visit: Inspector,
    watch: Annotated[
        str | None,
        Query(max_length=64, description="The watch that is told; without it, every one whose source is events."),
    ] = None,
) -> Noticed:
    """Tell what was put into a bucket, in an event of S3, EventBridge, SNS, MinIO or SeaweedFS.

    The answer comes when it is written down; the same event again changes nothing. Besides the bearer token, HTTP Basic with
    the token as password is taken, and a signature in `X-Walkaround-Signature` under `events_secret`.
    """
    body = await _body(request)
    if visit.caller.key_id == SIGNED:
        _check_signature(request, visit, body)
    return await asyncio.to_thread(_noticed, visit, watch, body)


async def _body(request: Request) -> bytes:
    content = bytearray()
    async for part in request.stream():
        content += part
        if len(content) > _MOST_BYTES:
            raise HTTPException(413, f"An event may have {_MOST_BYTES:,} bytes at most: send several.")
    return bytes(content)


def _check_signature(request: Request, visit: Visit, body: bytes) -> None:
    secret = visit.service.settings.events_secret
    given = request.headers.get(HEADER, "")
    if secret is None or not verify(secret.get_secret_value(), given, body, now=time.time()):
        raise UnknownCallerError(
            f"The signature in {HEADER} does not fit: sign UNIX_SECONDS.BODY with events_secret, with a clock that is right."
        )


def _noticed(visit: Visit, name: str | None, body: bytes) -> Noticed:
    database, room = visit.service.database, visit.service.room
    with database.reading() as session:
        told = _told(session, visit, name)
    if any(room(watch.id) <= 0 for watch, _ in told):
        raise ThrottledError(
            "As many arrivals wait to be looked at as events_backlog allows: send the event again later.",
            retry_after=_RETRY_AFTER,
        )
    event = _read(visit, told, body)
    new, missing = 0, []
    with database.transaction() as session:
        for watch, spec in told:
            if spec.paused:
                continue
            noticed = notice(session, watch, spec, event.objects)
            room.taken(watch.id, noticed.new)
            new += noticed.new
            missing += [noticed.missing] if noticed.missing else []
    if event.confirm:
        _logger.warning("SNS asks to confirm a subscription, which a person has to do: %s", event.confirm)
    if event.objects and any(spec.paused for _, spec in told):
        raise UnavailableError("The watch is paused: send the event again later.", retry_after=_WAITING_RETRY_AFTER)
    if missing:  # else the sender would forget an object that nobody has written down
        said = " ".join(dict.fromkeys(missing))
        raise UnavailableError(f"{said} Send the event again later.", retry_after=_WAITING_RETRY_AFTER)
    return Noticed(objects=len(event.objects), new=new, ignored=event.ignored, confirm=event.confirm)


def _told(session: Session, visit: Visit, name: str | None) -> list[_Told]:
    """The watches that an event is for: the one of a name, or those that wait for events."""
    if name is not None:
        watch = find_watch(session, visit.owner, name)
        return [(watch, spec_of(watch))]
    found = [(watch, spec_of(watch)) for watch in list_watches(session, visit.owner)]
    told = [(watch, spec) for watch, spec in found if spec.source == EVENTS]
    if not told:
        raise NotFoundError(
            "There is no watch whose source is events: make one, or name another as the parameter watch.",
            resource_id=EVENTS,
            resource_type="WATCH",
        )
    return told


def _read(visit: Visit, told: list[_Told], body: bytes) -> Event:
    """What the event says; one that cannot be understood is kept, so that an operator sees it."""
    try:
        return read_event(body)
    except EventError as problem:
        with visit.service.database.transaction() as session:
            for watch, _ in told:
                bury_event(session, watch, body=body, reason=str(problem))
        raise
