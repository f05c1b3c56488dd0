"""Limits of one request: how large its body may be, how slowly it may come, and how many are worked on at once."""

from __future__ import annotations

import asyncio
import json
import re
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from walkaround.settings import Settings
from walkaround.web.requests import record_of

AWS_PREFIX = b"/2020-11-20/"
SAGEMAKER_PREFIX = b"/endpoints/"
_OF_AWS = (AWS_PREFIX, SAGEMAKER_PREFIX)
_UPLOADS = re.compile(r"/api/v1/projects/[^/]+/((datasets|trials)/[^/]+/pictures|datasets/[^/]+/manifest)/?")
_DETECTION = re.compile(r"/api/v1/projects/[^/]+/models/[^/]+/detect/?")
_OF_ANYBODY = frozenset({"/api/v1/session", "/api/v1/setup"})
_ANYBODYS_BYTES = 8_000  # a name and a password, from whom nobody knows yet
_JSON_BYTES = 8_000_000  # labels of 5,000 pictures with the longest addresses
_AT_ONCE = 400
_LEAST_BYTES_PER_SECOND = 64_000
_DRAINED_BYTES = 16_000_000
_DRAIN_SECONDS = 2.0
_RETRY_AFTER = 2


@dataclass(frozen=True, kw_only=True)
class _Refusal:
    status: int
    code: str
    sentence: str
    retry_after: int | None = None


class Limits:
    """ASGI layer that refuses what is too large, too slow or too much, before and while it arrives."""

    def __init__(self, app: ASGIApp, settings: Settings) -> None:
        self._app = app
        self._settings = settings
        self._working = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on, with its body measured."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        body = _Body(scope, receive, send, settings=self._settings)
        if self._working >= _AT_ONCE:
            sentence = "The server works on as many requests as it can; try again in a moment."
            body.refusal = _Refusal(status=503, code="ThrottlingException", sentence=sentence, retry_after=_RETRY_AFTER)
        if body.refusal is not None:
            await body.refuse()
            return
        self._working += 1
        try:
            await self._app(scope, body.receive, body.send)
        except Exception:
            if body.refusal is None:
                raise
        finally:
            self._working -= 1
        await body.refuse()


class _Body:
    """The body of one request as it arrives, and the reply to it, which is a refusal once a limit is passed."""

    def __init__(self, scope: Scope, receive: Receive, send: Send, *, settings: Settings) -> None:
        headers = dict(scope["headers"])
        upload = _UPLOADS.fullmatch(scope["path"]) is not None
        self._scope, self._receive, self._send = scope, receive, send
        self._most = settings.max_upload if upload else _most_bytes(scope, settings)
        self._pace = _LEAST_BYTES_PER_SECOND if upload else None
        self._seconds = settings.request_seconds
        self._began = asyncio.get_running_loop().time()
        self._size = 0
        self._complete = not (b"transfer-encoding" in headers or headers.get(b"content-length", b"0").strip(b"0"))
        self._waits = b"expect" in headers  # for our consent, before it sends anything
        self._started = False
        self.refusal: _Refusal | None = None
        if _number(headers.get(b"content-length", b"0")) > self._most:
            self._refuse_size()

    async def receive(self) -> Message:
        """The next part; where a limit is passed, the client looks gone to the application."""
        if self._complete:
            return await self._receive()
        try:
            async with asyncio.timeout_at(self._deadline()):
                message = await self._receive()
        except TimeoutError:
            sentence = f"The body of a request has to arrive within {self._seconds:g} seconds."
            if self._pace is not None:
                sentence = f"An upload has to arrive with at least {self._pace // 1000} kB a second."
            self.refusal = _Refusal(status=408, code="RequestTimeoutException", sentence=sentence)
            return {"type": "http.disconnect"}
        self._measure(message)
        return {"type": "http.disconnect"} if self.refusal is not None else message

    async def send(self, message: Message) -> None:
        """Pass a part of the reply on; none of it where the request is refused."""
        if self.refusal is not None and not self._started:
            return
        if message["type"] == "http.response.start":
            self._started = True
            if not self._complete:
                message = {**message, "headers": [*message.get("headers", ()), (b"connection", b"close")]}
        elif not message.get("more_body", False) and not self._complete:
            # A connection that is closed while the client still sends is reset, and the client never reads the reply.
            await self._send({**message, "more_body": True})
            await self._drain()
            message = {"type": "http.response.body", "body": b"", "more_body": False}
        await self._send(message)

    async def refuse(self) -> None:
        """Send the refusal, if there is one and nothing else was sent."""
        refusal = self.refusal
        if refusal is None or self._started:
            return
        record_of(self._scope).problem = refusal.sentence
        kind, document = _document(refusal, self._scope)
        content = json.dumps(document).encode()
        headers = [(b"content-type", kind), (b"content-length", str(len(content)).encode())]
        if self._scope["raw_path"].startswith(_OF_AWS):
            headers.append((b"x-amzn-errortype", refusal.code.encode()))
        if refusal.retry_after is not None:
            headers.append((b"retry-after", str(refusal.retry_after).encode()))
        self.refusal = None
        await self.send({"type": "http.response.start", "status": refusal.status, "headers": headers})
        await self.send({"type": "http.response.body", "body": content})

    def _deadline(self) -> float:
        return self._began + self._seconds + (self._size / self._pace if self._pace else 0.0)

    def _measure(self, message: Message) -> None:
        self._size += len(message.get("body", b""))
        self._complete = message["type"] == "http.disconnect" or not message.get("more_body", False)
        if self._size > self._most:
            self._refuse_size()

    def _refuse_size(self) -> None:
        sentence = f"The body of this request may have {self._most:,} bytes at most."
        self.refusal = _Refusal(status=413, code="RequestEntityTooLargeException", sentence=sentence)

    async def _drain(self) -> None:
        if self._waits:
            return
        drained = 0
        try:
            async with asyncio.timeout(_DRAIN_SECONDS):
                while not self._complete and drained < _DRAINED_BYTES:
                    message = await self._receive()
                    drained += len(message.get("body", b""))
                    self._complete = message["type"] == "http.disconnect" or not message.get("more_body", False)
        except TimeoutError:
            return


def _most_bytes(scope: Scope, settings: Settings) -> int:
    """Bytes that a body may have which is no upload: JSON is parsed as a whole, and takes far more memory than its size."""
    if scope["path"] in _OF_ANYBODY:
        return _ANYBODYS_BYTES
    picture = scope["raw_path"].startswith(_OF_AWS) or _DETECTION.fullmatch(scope["path"]) is not None
    return settings.max_body if picture else min(settings.max_body, _JSON_BYTES)


def _number(text: bytes) -> int:
    return int(text) if text.isdigit() and len(text) < 19 else 0


def _document(refusal: _Refusal, scope: Scope) -> tuple[bytes, dict[str, Any]]:
    if scope["raw_path"].startswith(_OF_AWS):
        return b"application/json", {"Message": refusal.sentence}
    document = {"title": HTTPStatus(refusal.status).phrase, "status": refusal.status, "detail": refusal.sentence}
    return b"application/problem+json", {"type": "about:blank", **document, "request_id": record_of(scope).request_id}
