"""Tries to sign in: each is counted before the password is looked at, so that many at once are as few as many in a row.

What is counted are failures by name and address, by address, and by name. A browser that has signed in before counts alone
(OWASP's device cookies), so that nobody can lock the owner of a name out by failing in that name.
"""

from __future__ import annotations

import hashlib
import ipaddress
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta

from sqlalchemy import delete, select, update
from sqlalchemy.orm import Session

from walkaround.store.access import SignInTries
from walkaround.store.locks import lock_account
from walkaround.store.tables import now

_LOCK = "sign in"
_OF_NETWORK = 64
_IPV6 = 6


@dataclass(frozen=True)
class Count:
    """What is counted together, and how many failures it may have within a span of time."""

    subject: str
    most: int
    within: timedelta

    @property
    def digest(self) -> str:
        """Under which it is kept: names and addresses of those who only tried are nobody's business."""
        return hashlib.sha256(self.subject.encode("utf-8", "surrogateescape")).hexdigest()


def counts_of(name: str, address: str, *, device: str | None) -> tuple[Count, ...]:
    """What a try counts for.

    Args:
        name: whom somebody wants to sign in as.
        address: where the request comes from.
        device: of a browser that has signed in as this user before; None for all others.
    """
    if device is not None:
        return (Count(f"device {name} {device}", 10, timedelta(minutes=10)),)
    network = _network(address)
    return (
        Count(f"both {name} {network}", 10, timedelta(minutes=10)),
        Count(f"address {network}", 60, timedelta(minutes=10)),
        Count(f"name {name}", 100, timedelta(hours=1)),
    )


def begin_try(session: Session, counts: Sequence[Count]) -> timedelta | None:
    """Count a try as failed, which is taken back when it succeeds.

    Returns:
        None where it may go on; else how long to wait, and nothing is counted.
    """
    lock_account(session, _LOCK)
    moment = now()
    session.execute(delete(SignInTries).where(SignInTries.until <= moment))
    found = {
        row.digest: row
        for row in session.scalars(select(SignInTries).where(SignInTries.digest.in_([one.digest for one in counts])))
    }
    waits = [row.until - moment for one in counts if (row := found.get(one.digest)) is not None and row.tries >= one.most]
    if waits:
        return max(waits)
    for one in counts:
        row = found.get(one.digest)
        if row is None:
            session.add(SignInTries(digest=one.digest, tries=1, until=moment + one.within))
        else:
            row.tries += 1
    session.flush()
    return None


def succeeded(session: Session, counts: Sequence[Count]) -> None:
    """Take back what `begin_try` counted; of the name with this address, or of this browser, all failures are forgiven."""
    lock_account(session, _LOCK)
    own, others = counts[0].digest, [one.digest for one in counts[1:]]
    session.execute(delete(SignInTries).where(SignInTries.digest == own))
    session.execute(
        update(SignInTries).where(SignInTries.digest.in_(others), SignInTries.tries > 0).values(tries=SignInTries.tries - 1)
    )


def _network(address: str) -> str:
    """An address, or of IPv6 the network that a provider gives to one customer."""
    try:
        known = ipaddress.ip_address(address.partition("%")[0])
    except ValueError:
        return address
    if known.version == _IPV6:
        return str(ipaddress.ip_network((known, _OF_NETWORK), strict=False))
    return str(known)
