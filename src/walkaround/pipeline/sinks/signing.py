"""Signatures of webhooks: the receiver sees that a request comes from here, and that nobody sends an old one again.

The header is `t=UNIX_SECONDS,v1=HEX`, where HEX is HMAC-SHA256 of `UNIX_SECONDS.BODY` under the shared secret. Several `v1` may
stand in it, while a secret is being replaced by another.
"""

from __future__ import annotations

import hashlib
import hmac
import re

HEADER = "X-Walkaround-Signature"
_TIME = re.compile(r"[0-9]{1,15}", re.ASCII)
_LONGEST = 1000  # characters of a header that is worth reading


def sign(secret: str, body: bytes, *, at: float) -> str:
    """The value of the header for a body that is sent at a time, in seconds since 1970."""
    time = str(int(at))
    return f"t={time},v1={_digest(secret, time, body)}"


def verify(secret: str, header: str, body: bytes, *, now: float, tolerance: float = 300) -> bool:
    """Whether a request was signed with the secret, and not long ago; takes the same time whatever is wrong with the digest.

    Args:
        secret: that sender and receiver share.
        header: the value of `X-Walkaround-Signature`; may be anything.
        body: exactly as it came.
        now: seconds since 1970.
        tolerance: seconds that the clocks may differ and the request may have travelled.
    """
    pairs = [part.strip().partition("=") for part in header[:_LONGEST].split(",")]
    times = [value for name, _, value in pairs if name == "t"]
    if len(times) != 1 or not _TIME.fullmatch(times[0]) or abs(now - int(times[0])) > tolerance:
        return False
    expected = _digest(secret, times[0], body).encode("ascii")
    given = [value.encode("utf-8", "replace") for name, _, value in pairs if name == "v1"]
    return sum(hmac.compare_digest(expected, one) for one in given) > 0  # of all, so that the time tells nothing


def _digest(secret: str, time: str, body: bytes) -> str:
    return hmac.new(secret.encode("utf-8"), time.encode("ascii") + b"." + body, hashlib.sha256).hexdigest()
