"""What every REST operation begins with: the caller, the parts of the server, and the way to change something once."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Any

from fastapi import Depends, Header, Request
from sqlalchemy import event
from sqlalchemy.orm import Session

from walkaround.errors import ValidationError
from walkaround.hosting.owner import Owner
from walkaround.store.keys import Role
from walkaround.store.tables import Job
from walkaround.store.tokens import remember, replayed
from walkaround.web.callers import Caller, check_role
from walkaround.web.rest.entrance import caller_of
from walkaround.web.rest.handles import job_handle
from walkaround.web.service import Service

_LONGEST_TOKEN = 255

IdempotencyKey = Annotated[
    str | None,
    Header(
        alias="Idempotency-Key",
        min_length=1,
        max_length=_LONGEST_TOKEN,
        description="Any text of yours: the same request with the same key within eight hours is done once and answered alike.",
    ),
]


@dataclass(frozen=True, kw_only=True)
class Visit:
    """One request of a caller who may make it."""

    service: Service
    caller: Caller

    @property
    def owner(self) -> Owner:
        """Whose data it is about."""
        return self.caller.owner

    def change(
        self, operation: str, act: Callable[[Session], dict[str, Any]], *, token: str | None = None, **parameters: object
    ) -> dict[str, Any]:
        """Do something in one transaction, once for each idempotency key, and wake the jobs that it made.

        Args:
            operation: its name; keys of different operations are different.
            act: does it; what it gives is the answer, to which "Job" is added where a job was made.
            token: the idempotency key.
            parameters: what tells this request from another with the same key.

        Raises:
            ConflictError: the key came before with other parameters.
        """
        known = _known_as(operation, token, parameters)
        with self.service.database.transaction() as session:
            former = None if known is None else replayed(session, self.owner, *known)
            if former is not None:
                return former
            reply = _as_remembered(self._done(session, act))
            if known is not None:
                remember(session, self.owner, *known, reply)
        self.service.jobs.wake()
        return reply

    def answered(self, operation: str, *, token: str | None, **parameters: object) -> dict[str, Any] | None:
        """What `change` answered to the same request before, for those that look at something first which it has changed.

        Raises:
            ConflictError: the key came before with other parameters.
        """
        known = _known_as(operation, token, parameters)
        if known is None:
            return None
        with self.service.database.transaction() as session:
            return replayed(session, self.owner, *known)

    def look(self, act: Callable[[Session], dict[str, Any]]) -> dict[str, Any]:
        """Read something."""
        with self.service.database.reading() as session:
            return act(session)

    def _done(self, session: Session, act: Callable[[Session], dict[str, Any]]) -> dict[str, Any]:
        made: list[Job] = []

        def notice(_: Session, one: object) -> None:
            if isinstance(one, Job):
                made.append(one)

        event.listen(session, "pending_to_persistent", notice)
        try:
            reply = act(session)
            session.flush()
        finally:
            event.remove(session, "pending_to_persistent", notice)
        return {**reply, "Job": job_handle(self.service.ring, self.owner, made[0].id)} if made else reply


def _known_as(operation: str, token: str | None, parameters: Mapping[str, object]) -> tuple[str, str, str] | None:
    """Operation, key and digest by which a request is remembered; None where it has no key."""
    if token is None:
        return None
    digest = hashlib.sha256(json.dumps(parameters, sort_keys=True, default=str).encode()).hexdigest()
    return f"rest:{operation}", hashlib.sha256(token.encode()).hexdigest(), digest


def _as_remembered(reply: dict[str, Any]) -> dict[str, Any]:
    """The reply as it is when it is remembered: times as text, so that the first answer and the later ones are alike."""
    plain: dict[str, Any] = json.loads(json.dumps(reply, default=datetime.isoformat))
    return plain


def _visit(role: Role) -> Callable[[Request], Any]:
    async def visit(request: Request) -> Visit:
        service: Service = request.app.state.service
        caller = caller_of(request)
        check_role(caller, role)
        return Visit(service=service, caller=caller)

    return visit


Reader = Annotated[Visit, Depends(_visit("read"))]
Inspector = Annotated[Visit, Depends(_visit("detect"))]
Changer = Annotated[Visit, Depends(_visit("manage"))]
Administrator = Annotated[Visit, Depends(_visit("admin"))]


def check_media_type(request: Request, *allowed: str) -> str:
    """The media type of a body, without its parameters.

    Raises:
        ValidationError: it is not one of those that are allowed.
    """
    given = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if given not in allowed:
        raise ValidationError(f"The content-type must be one of {', '.join(allowed)}, not {given[:100]!r}.")
    return given
