"""What the doors of AWS' clients have in common: the request as it was signed, its body within limits, and the reply."""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

from walkaround.aws.access import Caller
from walkaround.aws.bodies import Body, Send
from walkaround.aws.canonical import SignedRequest
from walkaround.aws.replies import Reply

Scope = MutableMapping[str, Any]
ReadBody = Callable[..., Awaitable[Body]]
"""`walkaround.aws.bodies.read_body` of one request."""
InThread = Callable[[Callable[[bytes], bytes], bytes], Awaitable[bytes]]

LARGE = 256 * 1024
"""Bytes from which a body is hashed and read in a thread, so that no other request waits for it."""

_CHUNKS_PART = 8
"""A body in signed chunks may be larger than what it holds, by this part of it and a kilobyte."""


def signed_request(scope: Scope) -> SignedRequest:
    """A request as its signature covers it."""
    path: bytes = scope.get("raw_path") or scope["path"].encode("utf-8")
    return SignedRequest(
        method=scope["method"].upper(),
        path=path.decode("latin-1"),
        query=scope["query_string"].decode("latin-1"),
        headers=[(name.decode("latin-1").lower(), value.decode("latin-1")) for name, value in scope["headers"]],
    )


async def received_body(
    request: SignedRequest, caller: Caller, read: ReadBody, *, limit: int, seconds: float, in_thread: InThread
) -> bytes | None:
    """The body without its transfer form, held against its signature; None where it is larger than `limit` bytes.

    Raises:
        WireError: it does not come in time, is malformed, or is not what was signed.
        ThrottledError: other requests hold too much.
    """
    length = request.header("content-length") or ""
    chunked = (request.header("x-amz-content-sha256") or "").startswith("STREAMING-")
    body = await read(
        limit=limit + limit // _CHUNKS_PART + 1024 if chunked else limit,
        declared=int(length) if re.fullmatch(r"[0-9]{1,18}", length) else None,
        seconds=seconds,
    )
    if body.too_large:
        return None
    small = len(body.content) < LARGE
    content = caller.open_body(body.content) if small else await in_thread(caller.open_body, body.content)
    return content if len(content) <= limit else None


async def send_reply(send: Send, reply: Reply, request_id: str) -> None:
    """Send a reply with the id under which the log tells of the request."""
    headers = [*reply.headers, ("x-amzn-RequestId", request_id)]
    encoded = [(name.encode("latin-1"), value.encode("latin-1", "replace")) for name, value in headers]
    await send({"type": "http.response.start", "status": reply.status, "headers": encoded})
    await send({"type": "http.response.body", "body": reply.body})
