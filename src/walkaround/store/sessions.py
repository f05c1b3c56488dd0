"""Sessions of users: a random cookie in the browser, of which the database keeps the SHA-256 alone."""

from __future__ import annotations

import hashlib
import hmac
import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import delete, func, select, update
from sqlalchemy.orm import Session

from walkaround.store.access import SignedIn, User
from walkaround.store.keys import Role, role_of
from walkaround.store.tables import now

_TOKEN_BYTES = 32


@dataclass(frozen=True, kw_only=True)
class Seat:
    """A session as the server knows it: of whom, what they may do, and when it was begun and last used."""

    digest: str
    name: str
    account: str
    role: Role
    created: datetime
    seen: datetime

    def ends(self, *, idle: timedelta, longest: timedelta) -> datetime:
        """When it ends if it is not used again."""
        return min(self.seen + idle, self.created + longest)


def begin_session(session: Session, user: User, *, longest: timedelta) -> str:
    """Begin a session of a user and return the cookie's value; sessions of anybody that are too old are forgotten."""
    token = secrets.token_urlsafe(_TOKEN_BYTES)
    session.execute(delete(SignedIn).where(SignedIn.created < now() - longest))
    session.add(SignedIn(digest=session_digest(token), user_id=user.id))
    user.signed_in = now()
    session.flush()
    return token


def find_session(session: Session, token: str) -> Seat | None:
    """The session of a cookie, ended by time or not; None where it was ended by anybody."""
    digest = session_digest(token)
    query = select(SignedIn, User).join(User, User.id == SignedIn.user_id).where(SignedIn.digest == digest)
    found = session.execute(query).one_or_none()
    if found is None:
        return None
    row, user = found
    return Seat(
        digest=digest,
        name=user.name,
        account=user.account,
        role=role_of(user.role),
        created=row.created,
        seen=row.seen,
    )


def use_session(session: Session, digest: str) -> None:
    """Write down that a session was used just now."""
    session.execute(update(SignedIn).where(SignedIn.digest == digest).values(seen=now()))


def end_session(session: Session, digest: str) -> None:
    """End a session; one that is not there has ended."""
    session.execute(delete(SignedIn).where(SignedIn.digest == digest))


def count_sessions(session: Session, users: list[int], *, idle: timedelta, longest: timedelta) -> dict[int, int]:
    """How many sessions each of these users has that have not ended."""
    moment = now()
    query = select(SignedIn.user_id, func.count()).where(
        SignedIn.user_id.in_(users), SignedIn.seen > moment - idle, SignedIn.created > moment - longest
    )
    return dict(session.execute(query.group_by(SignedIn.user_id)).all())


def session_digest(token: str) -> str:
    """What is kept of a cookie."""
    return hashlib.sha256(b"session " + token.encode("utf-8", "surrogateescape")).hexdigest()


def csrf_of(token: str) -> str:
    """What a page has to send along with each change, to show that it could read an answer to this session (HMAC-SHA-256)."""
    return hmac.new(token.encode("utf-8", "surrogateescape"), b"walkaround csrf", hashlib.sha256).hexdigest()
