"""The canonical request of Signature Version 4: the one text that client and server both make of an HTTP request."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from urllib.parse import quote, unquote_to_bytes

_SPACES = re.compile(r"[ \t\f\v]+")
_FOLD = re.compile(r"\r?\n[ \t]+")
"""A header that goes on in the next line counts as one with several values."""


@dataclass(frozen=True, kw_only=True)
class SignedRequest:
    """A request as it came over the wire.

    Attributes:
        path: before percent-decoding. Characters beyond ASCII are the bytes of the request line, as Latin-1.
        query: as it came, without the question mark.
        headers: names in lower case, in their order; a name may come more than once.
    """

    method: str
    path: str
    query: str
    headers: Sequence[tuple[str, str]]

    def header(self, name: str) -> str | None:
        """The value of a header, all of them joined by commas if there are several; None when there is none."""
        values = [value for key, value in self.headers if key == name]
        return ",".join(values) if values else None


def canonical_request(request: SignedRequest, *, signed_headers: str, payload: str, presigned: bool) -> bytes:
    """The text that a signature covers.

    Args:
        request: as it came.
        signed_headers: names in lower case with semicolons between them; in the text they are sorted.
        payload: what the text says of the body: its SHA-256, or the word that stands for it.
        presigned: whether the signature is in the query, which then is covered without it.
    """
    headers = [
        f"{name}:{','.join(_canonical_value(value) for key, value in request.headers if key == name)}\n"
        for name in sorted(signed_headers.split(";"))
    ]
    lines = (
        request.method,
        _canonical_path(request.path),
        _canonical_query(request.query, presigned=presigned),
        "".join(headers),
        signed_headers,
        payload,
    )
    return "\n".join(lines).encode("latin-1")


def _canonical_value(value: str) -> str:
    return ",".join(_SPACES.sub(" ", line).strip(" ") for line in _FOLD.split(value))


def _canonical_path(path: str) -> str:
    kept: list[str] = []
    for segment in path.split("/"):
        if segment == "..":
            del kept[-1:]
        elif segment not in ("", "."):
            kept.append(segment)
    end = "/" if kept and path.endswith(("/", "/.", "/..")) else ""
    return quote(f"/{'/'.join(kept)}{end}".encode("latin-1"), safe="/~")


def _canonical_query(query: str, *, presigned: bool) -> str:
    pairs = [
        (quote(name, safe="~"), quote(value, safe="~"))
        for name, value in query_pairs(query)
        if not (presigned and name == b"X-Amz-Signature")
    ]
    return "&".join(f"{name}={value}" for name, value in sorted(pairs))


def query_pairs(query: str) -> list[tuple[bytes, bytes]]:
    """Names and values of a query, percent-decoded; a plus sign is a plus sign."""
    parts = [part.partition("=") for part in query.split("&") if part]
    return [(unquote_to_bytes(name.encode("latin-1")), unquote_to_bytes(value.encode("latin-1"))) for name, _, value in parts]
