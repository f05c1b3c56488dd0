"""Telling a server of a rule that fired: one signed POST with JSON, tried again a few times, beside the training.

The address is the operator's own, given on the command line, and so no list of allowed hosts applies.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import logging
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Mapping
from dataclasses import dataclass, field
from urllib.parse import urlsplit

from walkaround.errors import InputError

_LOG = logging.getLogger(__name__)


class _NoRedirects(urllib.request.HTTPRedirectHandler):
    """A redirect would send what is told to another place than the operator named."""

    def redirect_request(self, *_: object) -> None:
        """Follow none."""


@dataclass(frozen=True, kw_only=True)
class Webhook:
    """Where to tell of rules.

    Attributes:
        url: http or https.
        secret: shared with the receiver, to sign with; None: not signed. The header is that of the pipeline's webhooks,
            `X-Walkaround-Signature: t=UNIX_SECONDS,v1=HMAC-SHA256 of "UNIX_SECONDS.BODY"`.
        seconds: for one try.
        tries: in all.
        pause: seconds after the first try; doubled after each further one.
    """

    url: str
    secret: str | None = None
    seconds: float = 10.0
    tries: int = 4
    pause: float = 1.0
    _sending: list[threading.Thread] = field(default_factory=list, compare=False)

    def __post_init__(self) -> None:
        if urlsplit(self.url).scheme not in ("http", "https") or not urlsplit(self.url).hostname:
            raise InputError(f"The webhook {self.url!r} is no address; write for example https://example.com/hook.")

    def send(self, told: Mapping[str, object]) -> None:
        """Begin to send; the training goes on meanwhile, and a failure is logged only."""
        body = json.dumps(told, ensure_ascii=False).encode("utf-8", "backslashreplace")
        thread = threading.Thread(target=self._deliver, args=(body,), name="webhook", daemon=True)
        self._sending.append(thread)
        thread.start()

    def wait(self, seconds: float = 30.0) -> None:
        """Wait until everything is sent or given up, but no longer than this."""
        end = time.monotonic() + seconds
        for thread in self._sending:
            thread.join(max(0.0, end - time.monotonic()))
        self._sending[:] = [thread for thread in self._sending if thread.is_alive()]

    def _deliver(self, body: bytes) -> None:
        pause = self.pause
        for number in range(1, self.tries + 1):
            problem = self._problem(body)
            if problem is None:
                return
            if number < self.tries:
                time.sleep(pause)
                pause *= 2
        _LOG.warning("The webhook %s was not told of a rule: %s, after %d tries.", self.url, problem, self.tries)

    def _problem(self, body: bytes) -> str | None:
        """What went wrong in one try, or None."""
        headers = {"Content-Type": "application/json", "User-Agent": "walkaround"}
        if self.secret is not None:
            at = str(int(time.time()))
            digest = hmac.new(self.secret.encode("utf-8"), at.encode("ascii") + b"." + body, hashlib.sha256).hexdigest()
            headers["X-Walkaround-Signature"] = f"t={at},v1={digest}"
        request = urllib.request.Request(self.url, data=body, headers=headers, method="POST")  # noqa: S310 - checked above
        opener = urllib.request.build_opener(_NoRedirects)
        try:
            with opener.open(request, timeout=self.seconds):
                return None
        except urllib.error.HTTPError as answer:
            with answer:
                return f"it answered {answer.code}"
        except OSError as problem:
            return str(getattr(problem, "reason", problem))
