"""Results as signed POST requests to a server of somebody's; nothing but the status of its answer is believed."""

from __future__ import annotations

import http.client
import math
import socket
import ssl
import threading
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from importlib.metadata import version
from urllib.parse import SplitResult, quote, urlsplit

from walkaround.errors import InputError, UnavailableError, ValidationError, WalkaroundError
from walkaround.pipeline.sinks.delivered import Delivered, RefusedError, document_bytes, result_document
from walkaround.pipeline.sinks.signing import HEADER, sign
from walkaround.pipeline.spec import WebhookSink
from walkaround.settings import Settings

SECONDS = 10.0
"""For one request, from the connection to the answer."""
_RETRY_AFTER = 1
_LONGEST_RETRY_AFTER = 600
_READ_BYTES = 8192  # of an answer; enough to say what is wrong
_SHOWN = 200
_IN_PATH = "/%:@!$&'()*+,;=~-._"
_REFUSED = frozenset({400, 406, 409, 410, 411, 413, 414, 415, 416, 417, 418, 421, 422, 426, 428, 431, 451})
"""The server has read the request and will say the same again."""
_LATER = frozenset({408, 425, 429, 502, 503, 504})
_MISDIRECTED = frozenset({401, 402, 403, 404, 405, 407})
"""The address or the rights are wrong, whatever the result is: somebody can mend that."""


class FailedError(WalkaroundError):
    """The server failed at this request; others may succeed."""


@dataclass(frozen=True, kw_only=True)
class _Answer:
    status: int
    retry_after: int | None
    text: str


class WebhookSender:
    """POSTs one result after the other over one connection; each has an id by which the receiver knows it again."""

    def __init__(self, sink: WebhookSink, *, settings: Settings, seconds: float = SECONDS) -> None:
        """Nothing is opened yet.

        Args:
            sink: the address.
            settings: with the secret.
            seconds: for one request.

        Raises:
            InputError: there is no secret to sign with.
        """
        if settings.webhook_secret is None:
            raise InputError(
                "A webhook is signed, and there is no secret for it: set webhook_secret and give it to the receiver."
            )
        self._secret = settings.webhook_secret.get_secret_value()
        self._sink, self._url, self._seconds = sink, urlsplit(sink.url), seconds
        self._host = f"{self._url.hostname}{f':{self._url.port}' if self._url.port else ''}"
        self._tls = ssl.create_default_context() if self._url.scheme == "https" else None

    def send(self, given: Sequence[Delivered]) -> list[WalkaroundError | None]:
        """POST them in turn, up to the first that shows that the server cannot be used at the moment."""
        errors: list[WalkaroundError | None] = []
        line = _Line(self._url, tls=self._tls, seconds=self._seconds)
        try:
            for one in given:
                errors.append(self._sent(line, one))
                if isinstance(errors[-1], UnavailableError):
                    break
        finally:
            line.close()
        return [*errors, *[errors[-1]] * (len(given) - len(errors))] if errors else []

    def _sent(self, line: _Line, given: Delivered) -> WalkaroundError | None:
        body = document_bytes(result_document(given))
        number = given.part_id(self._sink.name)
        headers = {
            "Content-Type": "application/json",
            "User-Agent": f"walkaround/{version('walkaround')}",
            "X-Walkaround-Delivery": number,
            "Idempotency-Key": number,
            HEADER: sign(self._secret, body, at=time.time()),
        }
        try:
            answer = line.post(body, headers)
        except (OSError, http.client.HTTPException, ValueError) as problem:
            reason = "no answer in time" if isinstance(problem, TimeoutError) else str(problem) or type(problem).__name__
            return self._unavailable(f"does not answer ({reason}): check its address, or wait", None)
        return self._judged(answer)

    def _judged(self, answer: _Answer) -> WalkaroundError | None:
        told = f"answered {answer.status}{f' ({answer.text})' if answer.text else ''}"
        if 200 <= answer.status < 300:
            return None
        if answer.status in _REFUSED:
            return RefusedError(f"The webhook at {self._host} {told}: it will not take this result.")
        if 300 <= answer.status < 400:
            return self._unavailable(f"{told}, and redirects are not followed: give its present address", None)
        if answer.status in _MISDIRECTED:
            return self._unavailable(f"{told}: correct the address, or let it in by its signature", None)
        if answer.status in _LATER:
            return self._unavailable(told, answer.retry_after)
        return FailedError(f"The webhook at {self._host} {told}: look into its log.")

    def _unavailable(self, what: str, retry_after: int | None) -> UnavailableError:
        return UnavailableError(f"The webhook at {self._host} {what}.", retry_after=retry_after or _RETRY_AFTER)


class _Line:
    """One connection that is used again as long as the server keeps it."""

    def __init__(self, url: SplitResult, *, tls: ssl.SSLContext | None, seconds: float) -> None:
        path, query = quote(url.path or "/", safe=_IN_PATH), quote(url.query, safe=_IN_PATH + "?")
        self._target = f"{path}?{query}" if query else path
        self._seconds = seconds
        host = url.hostname or ""
        self._connection = (
            http.client.HTTPConnection(host, url.port, timeout=seconds)
            if tls is None
            else http.client.HTTPSConnection(host, url.port, timeout=seconds, context=tls)
        )

    def post(self, body: bytes, headers: Mapping[str, str]) -> _Answer:
        """Send a request and read the answer; once more on a new connection where the old one was closed meanwhile."""
        used = self._connection.sock is not None
        try:
            return self._posted(body, headers)
        except (ConnectionError, http.client.RemoteDisconnected):
            if not used:
                raise
        self._connection.close()
        return self._posted(body, headers)

    def close(self) -> None:
        """Let the server go."""
        self._connection.close()

    def _posted(self, body: bytes, headers: Mapping[str, str]) -> _Answer:
        late = threading.Event()
        try:
            if self._connection.sock is None:
                self._connection.connect()
            # The connection's own limit is for each byte; this one is for the whole, however slowly bytes trickle.
            with _Alarm(self._seconds, self._connection.sock, late):
                self._connection.request("POST", self._target, body=body, headers=dict(headers))
                return self._answer()
        except (OSError, http.client.HTTPException) as problem:
            self._connection.close()
            if late.is_set():
                raise TimeoutError from problem
            raise

    def _answer(self) -> _Answer:
        response = self._connection.getresponse()
        text = response.read(_READ_BYTES)
        if not response.isclosed():  # there is more, and nobody wants it
            self._connection.close()
        return _Answer(
            status=response.status,
            retry_after=_seconds_of(response.headers.get("Retry-After")),
            text=_shown(text) if response.status >= 300 else "",
        )


class _Alarm:
    """Cuts a connection when its time is up."""

    def __init__(self, seconds: float, connection: socket.socket, late: threading.Event) -> None:
        self._connection, self._late = connection, late
        self._timer = threading.Timer(seconds, self._cut)
        self._timer.daemon = True

    def __enter__(self) -> None:
        self._timer.start()

    def __exit__(self, *_: object) -> None:
        self._timer.cancel()

    def _cut(self) -> None:
        self._late.set()
        with suppress(OSError):
            self._connection.shutdown(socket.SHUT_RDWR)


def check_host(url: str, settings: Settings) -> None:
    """Return if a caller of the REST API may have results sent to this address.

    Raises:
        ValidationError: its host is not among those that the operator allows.
    """
    parts = urlsplit(url)
    host = (parts.hostname or "").lower()
    allowed = [one.strip().lower() for one in (settings.webhook_hosts or "").split(",")]
    port = parts.port or (443 if parts.scheme == "https" else 80)
    named = f"[{host}]" if ":" in host else host
    if f"{named}:{port}" in allowed or (parts.scheme == "https" and parts.port in (None, 443) and named in allowed):
        return
    wanted = named if parts.scheme == "https" and port == 443 else f"{named}:{port}"
    raise ValidationError(
        f"Webhooks to {wanted!r} are not allowed: whoever runs the server can add it to the setting webhook_hosts."
    )


def _seconds_of(retry_after: str | None) -> int | None:
    """Seconds, from a number of them or an HTTP date; within bounds, and None for what is neither."""
    if retry_after is None:
        return None
    text = retry_after.strip()
    try:
        seconds = float(text) if text.isascii() and text.isdigit() else parsedate_to_datetime(text).timestamp() - time.time()
    except (ValueError, OverflowError):
        return None
    return min(_LONGEST_RETRY_AFTER, max(1, math.ceil(seconds)))


def _shown(content: bytes) -> str:
    """The beginning of an answer, fit for a log."""
    text = " ".join(content[: 4 * _SHOWN].decode("utf-8", "replace").split())
    return "".join(letter for letter in text if letter.isprintable())[:_SHOWN]
