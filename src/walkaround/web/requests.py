"""Every request gets an id, a line in the log and a place in the metrics; the outermost layer of the application."""

from __future__ import annotations

import logging
import re
import time
import uuid
from collections.abc import MutableMapping
from dataclasses import dataclass
from typing import Any

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from walkaround.web.metrics import Metrics

_WELL_FORMED = re.compile(rb"[0-9A-Za-z][0-9A-Za-z_-]{7,63}")
_ID_HEADERS = (b"x-request-id", b"x-amzn-requestid")
_METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
_RECORD = "walkaround"
_NO_REPLY = 499
_API = "/api/v1"
_logger = logging.getLogger("walkaround.requests")


@dataclass(kw_only=True)
class Record:
    """What is told of one request, in the log and in the metrics.

    Attributes:
        request_id: of the reply's headers.
        status: of the reply; 499 where the client went away before there was one.
        key_id, account: of the caller, once known.
        problem: why the request was refused, in a sentence.
    """

    request_id: str
    status: int = _NO_REPLY
    key_id: str | None = None
    account: str | None = None
    problem: str | None = None


def record_of(scope: MutableMapping[str, Any]) -> Record:
    """The record of the request that this scope belongs to; a new one where none was begun."""
    state = scope.setdefault("state", {})
    record = state.get(_RECORD)
    if not isinstance(record, Record):
        record = state[_RECORD] = Record(request_id=_request_id(scope))
    return record


class Requests:
    """ASGI layer: request id in and out, one line of log, one observation of the duration."""

    def __init__(self, app: ASGIApp, metrics: Metrics) -> None:
        self._app = app
        self._metrics = metrics

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on and tell of it when it has been answered."""
        record = record_of(scope)
        scope["state"]["request_id"] = record.request_id
        began = time.perf_counter()

        async def tell(message: Message) -> None:
            if message["type"] == "http.response.start":
                record.status = message["status"]
                headers = [pair for pair in message.get("headers", ()) if bytes(pair[0]).lower() not in _ID_HEADERS]
                own_id = record.request_id.encode()
                message = {**message, "headers": [*headers, *((name, own_id) for name in _ID_HEADERS)]}
            await send(message)

        try:
            await self._app(scope, receive, tell)
        except Exception:
            if record.status == _NO_REPLY:
                _logger.exception("request %s failed", record.request_id)
                await tell({"type": "http.response.start", "status": 500, "headers": [(b"content-length", b"0")]})
                await tell({"type": "http.response.body", "body": b""})
        finally:
            self._told(record, scope, seconds=time.perf_counter() - began)

    def _told(self, record: Record, scope: Scope, *, seconds: float) -> None:
        state, route = scope["state"], _route_of(scope)
        self._metrics.answered(_method_of(scope), route, status=record.status, seconds=seconds)
        line = {
            "request_id": record.request_id,
            "method": _method_of(scope),
            "route": route,
            "status": record.status,
            "ms": round(seconds * 1000, 1),
            "key_id": record.key_id or state.get("key_id"),
            "account": record.account or state.get("account"),
            "problem": record.problem or state.get("error"),
        }
        _logger.info("request", extra={"fields": {name: value for name, value in line.items() if value is not None}})


def _request_id(scope: MutableMapping[str, Any]) -> str:
    given = next((value for name, value in scope.get("headers", ()) if name in _ID_HEADERS), b"")
    return given.decode() if _WELL_FORMED.fullmatch(given) else str(uuid.uuid4())


def _route_of(scope: Scope) -> str:
    """The operation of the AWS API, or the route's template; never the path itself, of which there can be any number."""
    operation = scope["state"].get("operation")
    if operation is not None:
        return str(operation)
    template = getattr(scope.get("route"), "path", None)
    if template is None:
        return "none"
    inner = scope["path"].startswith(_API) and not template.startswith(_API)  # FastAPI leaves the outer prefix out
    return _API + template if inner else str(template)


def _method_of(scope: Scope) -> str:
    return scope["method"] if scope["method"] in _METHODS else "OTHER"
