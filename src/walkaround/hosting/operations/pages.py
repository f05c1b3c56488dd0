"""Pages of a listing: where the next one begins is in an opaque token, which is good for the same listing alone.

A token holds the last row that was shown (a keyset), so a page costs the same wherever it is, and rows that come or go between
two pages neither repeat nor hide others. A token grants nothing: whoever forged one would see rows of his own listing.
"""

from __future__ import annotations

import hashlib
import struct
from base64 import b64decode, b64encode
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

from sqlalchemy import Select
from sqlalchemy.orm import InstrumentedAttribute, Session

from walkaround.errors import ValidationError

Row = TypeVar("Row")

MOST = 100
"""Rows of a page; the default too, as in the service."""

_CHECK = 16


@dataclass(frozen=True, kw_only=True)
class Page:
    """What to show of a listing.

    Attributes:
        size: rows at most.
        after: the position of the last row shown before; None: begin at the beginning.
        listing: a hash of everything that tells this listing from others.
    """

    size: int
    after: tuple[int, ...] | None
    listing: bytes

    def token_after(self, *position: int) -> str:
        """The token with which the listing goes on behind `position`."""
        packed = struct.pack(f">{len(position)}q", *position)
        return b64encode(packed + _check(self.listing, packed)).decode("ascii")

    def of(
        self, session: Session, query: Select[Row], column: InstrumentedAttribute[int], *, falling: bool = False
    ) -> tuple[Sequence[Row], str | None]:
        """The rows of this page, and the token of the next, if there is one; `column` is their unique order."""
        query = query.order_by(column.desc() if falling else column).limit(self.size + 1)
        if self.after:
            query = query.where(column < self.after[0] if falling else column > self.after[0])
        found = session.scalars(query).all()
        shown = found[: self.size]
        return shown, self.token_after(getattr(shown[-1], column.key)) if len(found) > self.size else None


def open_page(*listing: object, next_token: str | None, max_results: int | None, parts: int = 1) -> Page:
    """The page of a listing that a request asks for.

    Args:
        listing: the operation, the owner, and the filters: what tells this listing from others.
        next_token: from the page before; None for the first page.
        max_results: rows at most; None for 100.
        parts: numbers in a position.

    Raises:
        ValidationError: the token is of another listing or was altered, or `max_results` is not 1 to 100.
    """
    if max_results is not None and not 1 <= max_results <= MOST:
        raise ValidationError(f"MaxResults is {max_results}; it must be 1 to {MOST}.")
    digest = hashlib.sha256(repr(listing).encode()).digest()
    after = None if next_token is None else _position(next_token, digest, parts=parts)
    return Page(size=max_results or MOST, after=after, listing=digest)


def paged(key: str, items: Sequence[object], token: str | None) -> dict[str, Any]:
    """The reply: NextToken is left out of the last page."""
    shown = {key: list(items)}
    return shown if token is None else {**shown, "NextToken": token}


def _position(token: str, listing: bytes, *, parts: int) -> tuple[int, ...]:
    try:
        raw = b64decode(token, validate=True)
    except ValueError:
        raw = b""
    packed, check = raw[:-_CHECK], raw[-_CHECK:]
    if len(packed) != 8 * parts or check != _check(listing, packed):
        raise ValidationError(
            "The token of the page is not of this listing (nextToken): repeat the request that it came from with the same"
            " filters, or begin without it."
        )
    return struct.unpack(f">{parts}q", packed)


def _check(listing: bytes, packed: bytes) -> bytes:
    return hashlib.sha256(listing + packed).digest()[:_CHECK]
