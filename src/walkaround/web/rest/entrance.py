"""The entrance of the REST API: nobody's body is read, let alone parsed, before it is known who sends it."""

from __future__ import annotations

from starlette.requests import Request
from starlette.types import ASGIApp, Receive, Scope, Send

from walkaround.errors import WalkaroundError
from walkaround.web.auth import Caller, Door
from walkaround.web.problems import reply_to
from walkaround.web.requests import record_of

PREFIX = "/api/v1"
OPENAPI, DOCS = f"{PREFIX}/openapi.json", f"{PREFIX}/docs"
EVENTS = f"{PREFIX}/events"
_CALLER = "caller"
_CHALLENGE = 'Basic realm="walkaround", Bearer'
"""SNS sends its password only to a server that asks for one in this way."""


class Entrance:
    """ASGI layer that lets known callers alone into everything below the prefix but the description.

    FastAPI parses a JSON body before it asks any dependency, so a dependency would be too late.
    """

    def __init__(self, app: ASGIApp, door: Door) -> None:
        self._app = app
        self._door = door

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request of a known caller on, and answer any other."""
        if scope["type"] == "http" and scope["path"].startswith(PREFIX) and scope["path"] not in (OPENAPI, DOCS):
            try:
                await self._let_in(scope)
            except WalkaroundError as problem:
                reply = reply_to(Request(scope), problem)
                if scope["path"] == EVENTS and "www-authenticate" in reply.headers:
                    reply.headers["www-authenticate"] = _CHALLENGE
                await reply(scope, receive, send)
                return
        await self._app(scope, receive, send)

    async def _let_in(self, scope: Scope) -> None:
        record = record_of(scope)
        known = self._door.sender if scope["path"] == EVENTS else self._door.caller
        caller = await known(scope["headers"])
        record.key_id, record.account = caller.key_id, caller.owner.account
        scope["state"][_CALLER] = caller


def caller_of(request: Request) -> Caller:
    """The caller whom the entrance let in."""
    caller: Caller = request.scope["state"][_CALLER]
    return caller
