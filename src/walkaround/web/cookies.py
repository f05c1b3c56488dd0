"""The cookies of the console, and how a request that brings one shows that a page of this server sent it.

A browser sends cookies along whoever asks it to. SameSite=Strict keeps other sites away, but not another port of the same
machine; so a request that changes something also needs the token that only pages of this server could read, and a request that
says it was made by a page of elsewhere is refused, whatever it asks for.
"""

from __future__ import annotations

import hmac
from collections.abc import Mapping
from datetime import timedelta
from urllib.parse import urlsplit

from starlette.requests import cookie_parser
from starlette.responses import Response

from walkaround.errors import AccessDeniedError
from walkaround.store.sessions import csrf_of

Headers = Mapping[bytes, str]
"""Names in lower case."""

CSRF_HEADER = "X-CSRF-Token"
_CSRF = CSRF_HEADER.lower().encode()
_SAFE = frozenset({"GET", "HEAD", "OPTIONS"})
_SESSION, _DEVICE = "walkaround", "walkaround-browser"
_HOST_ONLY = "__Host-"
_OWN_PAGES = frozenset({"same-origin", "none"})
_DEFAULT_PORTS = {"http": ":80", "https": ":443"}
_DEVICE_REMEMBERED = timedelta(days=365)


def session_token(headers: Headers) -> str | None:
    """What the session's cookie holds; None where there is none."""
    return _cookie(headers, _SESSION)


def device_token(headers: Headers) -> str | None:
    """What the cookie of a browser that has signed in before holds; None where there is none."""
    return _cookie(headers, _DEVICE)


def set_session(response: Response, headers: Headers, token: str, *, longest: timedelta) -> None:
    """Have the browser keep a session's cookie, out of reach of scripts."""
    _set(response, headers, _SESSION, token, seconds=int(longest.total_seconds()))


def set_device(response: Response, headers: Headers, token: str) -> None:
    """Have the browser remember that it has signed in."""
    _set(response, headers, _DEVICE, token, seconds=int(_DEVICE_REMEMBERED.total_seconds()))


def drop_session(response: Response, headers: Headers) -> None:
    """Have the browser forget the session's cookie."""
    _set(response, headers, _SESSION, "", seconds=0)


def check_own_page(headers: Headers) -> None:
    """Refuse a request that a page of elsewhere made a browser send.

    Raises:
        AccessDeniedError: its Origin is another one than the Host that it is addressed to, or the browser says so.
    """
    fetched = headers.get(b"sec-fetch-site", "none").strip().lower()
    origin = headers.get(b"origin")
    if fetched not in _OWN_PAGES or (origin is not None and not _is_own(origin, headers.get(b"host", ""))):
        raise AccessDeniedError("A page of another site asked for this; only the console's own pages are answered.")


def check_session_use(headers: Headers, token: str, *, method: str) -> None:
    """Refuse a request with a session's cookie that no page of this session has sent.

    Raises:
        AccessDeniedError: a page of elsewhere sent it, or it changes something and does not bring the session's token.
    """
    check_own_page(headers)
    if method in _SAFE:
        return
    given = headers.get(_CSRF, "")
    if not hmac.compare_digest(given.encode("utf-8", "replace"), csrf_of(token).encode()):
        raise AccessDeniedError(
            f"A change made in a session needs the header {CSRF_HEADER}, with the token that GET /api/v1/session tells: "
            "load the page again."
        )


def _is_own(origin: str, host: str) -> bool:
    try:
        parts = urlsplit(origin)
    except ValueError:  # a bracket that is not closed
        return False
    default = _DEFAULT_PORTS.get(parts.scheme)
    if default is None or not parts.netloc:
        return False
    return parts.netloc.lower().removesuffix(default) == host.strip().lower().removesuffix(default)


def _is_secure(headers: Headers) -> bool:
    """Whether the browser speaks https, to a proxy before this server; who lies about that hurts but himself."""
    forwarded = headers.get(b"x-forwarded-proto", "").partition(",")[0].strip().lower()
    return forwarded == "https" or headers.get(b"origin", "").lower().startswith("https://")


def _cookie(headers: Headers, name: str) -> str | None:
    given = cookie_parser(headers.get(b"cookie", ""))
    plain = _named(headers, name)
    return given.get(_HOST_ONLY + plain) or given.get(plain) or None


def _set(response: Response, headers: Headers, name: str, value: str, *, seconds: int) -> None:
    secure = _is_secure(headers)
    response.set_cookie(
        (_HOST_ONLY if secure else "") + _named(headers, name),
        value,
        max_age=seconds,
        path="/",
        secure=secure,
        httponly=True,
        samesite="strict",
    )


def _named(headers: Headers, name: str) -> str:
    """The cookie's name at this port: browsers mix up what servers on several ports of one machine set."""
    _, _, port = headers.get(b"host", "").rpartition(":")
    return f"{name}-{port}" if port.isdigit() else name
