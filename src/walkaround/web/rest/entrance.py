"""The entrance of the REST API: nobody's body is read, let alone parsed, before it is known who sends it."""

from __future__ import annotations

from starlette.requests import Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from walkaround.errors import WalkaroundError
from walkaround.web.auth import Door
from walkaround.web.callers import Caller, UnknownCallerError
from walkaround.web.problems import reply_to
from walkaround.web.requests import record_of

PREFIX = "/api/v1"
OPENAPI, DOCS = f"{PREFIX}/openapi.json", f"{PREFIX}/docs"
EVENTS = f"{PREFIX}/events"
SESSION, SETUP = f"{PREFIX}/session", f"{PREFIX}/setup"
OPEN = frozenset({("GET", SESSION), ("POST", SESSION), ("POST", SETUP)})
"""Who begins a session is not known yet, and who asks for one may be told that there is none."""
_CALLER = "caller"
_CHALLENGE = 'Basic realm="walkaround", Bearer'
"""SNS sends its password only to a server that asks for one in this way."""
_SHOWN_ALONE = b"default-src 'none'; img-src 'self'; media-src 'self'; style-src 'unsafe-inline'; frame-ancestors 'none'"
_FOR_BROWSERS = (
    (b"x-content-type-options", b"nosniff"),
    (b"content-security-policy", _SHOWN_ALONE),
    (b"cross-origin-resource-policy", b"same-origin"),
    (b"referrer-policy", b"same-origin"),
)
"""An answer is what it says to be, runs nothing where it is shown by itself, and is of use to the server's own pages alone."""


class Entrance:
    """ASGI layer that lets known callers alone into everything below the prefix but the description.

    FastAPI parses a JSON body before it asks any dependency, so a dependency would be too late.
    """

    def __init__(self, app: ASGIApp, door: Door) -> None:
        self._app = app
        self._door = door

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request of a known caller on, and answer any other."""
        if scope["type"] != "http" or not scope["path"].startswith(PREFIX):
            await self._app(scope, receive, send)
            return
        send = _for_browsers(send)
        if scope["path"] not in (OPENAPI, DOCS):
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
        try:
            caller = await self._known(scope)
        except UnknownCallerError:
            if (scope["method"], scope["path"]) not in OPEN:
                raise
            return
        record.key_id, record.account = caller.key_id, caller.owner.account
        scope["state"][_CALLER] = caller

    async def _known(self, scope: Scope) -> Caller:
        if scope["path"] == EVENTS:
            return await self._door.sender(scope["headers"])
        if scope["method"] == "POST" and scope["path"] in (SESSION, SETUP):
            raise UnknownCallerError  # whoever it was until now; a page that forgot its token can sign in again
        return await self._door.caller(scope["headers"], method=scope["method"])


def _for_browsers(send: Send) -> Send:
    """Add what tells a browser to be careful; what an operation says itself stays."""

    async def carefully(message: Message) -> None:
        if message["type"] == "http.response.start":
            headers = list(message.get("headers", ()))
            said = {bytes(name).lower() for name, _ in headers}
            message = {**message, "headers": [*headers, *(one for one in _FOR_BROWSERS if one[0] not in said)]}
        await send(message)

    return carefully


def caller_of(request: Request) -> Caller:
    """The caller whom the entrance let in."""
    caller: Caller = request.scope["state"][_CALLER]
    return caller


def perhaps_caller_of(request: Request) -> Caller | None:
    """The caller of an operation that asks for none; None where nobody is known."""
    caller: Caller | None = request.scope["state"].get(_CALLER)
    return caller
