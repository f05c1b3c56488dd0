"""Sessions of people in the console: begun with a password, known by a cookie, ended by time, at sign-out or by others."""

from __future__ import annotations

import asyncio
import hmac
import secrets
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import select

from walkaround.errors import ThrottledError, UnavailableError
from walkaround.hosting.owner import Owner
from walkaround.settings import Settings
from walkaround.store.access import User
from walkaround.store.attempts import begin_try, counts_of, succeeded
from walkaround.store.database import Database
from walkaround.store.keys import KeyRing
from walkaround.store.passwords import digest_of, fits, is_dated
from walkaround.store.sessions import Seat, begin_session, end_session, find_session, session_digest, use_session
from walkaround.store.tables import now
from walkaround.store.users import key_id_of
from walkaround.web.audit import tell
from walkaround.web.callers import Caller, UnknownCallerError

_REMEMBERED_SECONDS = 0.5
_MOST_REMEMBERED = 5_000
_WRITTEN_EVERY = timedelta(minutes=1)
_HASHES_AT_ONCE, _MOST_WAITING = 2, 12
_BUSY_RETRY = 3
_LONGEST_NAME = 64


@dataclass(frozen=True, kw_only=True)
class Begun:
    """A session that was just begun; both values are told this once, to the browser.

    Attributes:
        token: of the session's cookie.
        device: of the cookie by which this browser is known when it signs in again.
    """

    token: str
    device: str


class Sessions:
    """Begins, finds and ends sessions. What the database said is believed for half a second, as it is of access keys."""

    def __init__(self, database: Database, ring: KeyRing, settings: Settings) -> None:
        self._database = database
        self._ring = ring
        self._settings = settings
        self._known: dict[str, tuple[float, Seat]] = {}
        self._hashing = threading.BoundedSemaphore(_HASHES_AT_ONCE)
        self._waiting = threading.BoundedSemaphore(_MOST_WAITING)

    @property
    def idle(self) -> timedelta:
        """After which a session that is not used ends."""
        return timedelta(minutes=self._settings.session_idle_minutes)

    @property
    def longest(self) -> timedelta:
        """After which any session ends."""
        return timedelta(hours=self._settings.session_hours)

    async def caller(self, token: str) -> Caller:
        """Who uses the session with this cookie.

        Raises:
            UnknownCallerError: it has ended, or never was.
            UnavailableError: the database does not answer.
        """
        seat = self._remembered(token)
        return self._caller(seat) if seat is not None else await asyncio.to_thread(self.seated, token)

    def seated(self, token: str) -> Caller:
        """The same, by asking the database.

        Raises:
            UnknownCallerError: it has ended, or never was.
            UnavailableError: the database does not answer.
        """
        return self._caller(self._looked_up(token))

    def ends(self, token: str) -> datetime | None:
        """When a session ends at the latest; None where it has ended."""
        with self._database.reading() as session:
            seat = find_session(session, token)
        return None if seat is None else seat.created + self.longest

    def begin(self, *, name: str, password: str, address: str, device: str | None, former: str | None) -> Begun:
        """Begin a session of a user.

        Args:
            name: whom somebody says to be.
            password: the password for that.
            address: where the request comes from.
            device: cookie of a browser that has signed in before, if there is one.
            former: the session that the browser had, which ends.

        Raises:
            UnknownCallerError: name and password do not belong together; which of them is wrong is not told.
            ThrottledError: too many tries failed of late.
        """
        plain = name.casefold()[:_LONGEST_NAME]
        with self._database.reading() as session:
            user = session.scalars(select(User).filter_by(name=plain)).one_or_none()
        known = user is not None and device is not None and self._is_device_of(user, device)
        counts = counts_of(plain, address, device=device if known else None)
        with self._database.transaction() as session:
            wait = begin_try(session, counts)
        if wait is not None:
            seconds = max(1, int(wait.total_seconds()) + 1)
            raise ThrottledError(
                f"Too many tries to sign in failed: wait {_worded(seconds)}, and try again.", retry_after=seconds
            )
        with self.turn():
            right = fits(password, user.password if user else None)
            renewed = digest_of(password) if user and right and is_dated(user.password) else None
        if user is None or not right:
            tell("A sign-in failed.", user=user.name if user else None, address=address)  # a name may be a mistyped password
            raise UnknownCallerError("The name or the password is wrong.")
        with self._database.transaction() as session:
            present = session.get(User, user.id, with_for_update=True)
            if present is None or present.password != user.password:  # changed while it was compared
                raise UnknownCallerError("The name or the password is wrong.")
            present.password = renewed or present.password
            succeeded(session, counts)
            if former is not None:
                end_session(session, session_digest(former))
            token = begin_session(session, present, longest=self.longest)
            made = Begun(token=token, device=self._device_of(present))
        if former is not None:
            self.forget(former)
        tell("A user signed in.", user=user.name, address=address)
        return made

    def begin_again(self, name: str) -> Begun:
        """Begin a session of a user who was made, or proved to know the password, just now.

        Raises:
            UnknownCallerError: there is no such user any more.
        """
        with self._database.transaction() as session:
            user = session.scalars(select(User).filter_by(name=name)).one_or_none()
            if user is None:
                raise UnknownCallerError("There is no such user any more.")
            token = begin_session(session, user, longest=self.longest)
            return Begun(token=token, device=self._device_of(user))

    def is_password_of(self, name: str, password: str, *, address: str) -> bool:
        """Whether a signed-in user knows the password; tries are counted as those to sign in are.

        Raises:
            ThrottledError: too many tries failed of late.
        """
        with self._database.transaction() as session:
            user = session.scalars(select(User).filter_by(name=name)).one_or_none()
            counts = counts_of(name, address, device=f"signed in {name}")
            wait = begin_try(session, counts)
        if wait is not None:
            seconds = max(1, int(wait.total_seconds()) + 1)
            raise ThrottledError(f"Too many tries failed: wait {_worded(seconds)}, and try again.", retry_after=seconds)
        with self.turn():
            right = fits(password, user.password if user else None)
        if right:
            with self._database.transaction() as session:
                succeeded(session, counts)
        return right

    def end(self, token: str) -> None:
        """End a session."""
        with self._database.transaction() as session:
            end_session(session, session_digest(token))
        self.forget(token)

    def forget(self, token: str | None = None) -> None:
        """Ask the database anew about a session, or about all, because something was changed."""
        if token is None:
            self._known = {}
        else:
            self._known.pop(session_digest(token), None)

    @contextmanager
    def turn(self) -> Iterator[None]:
        """The right to hash a password: each takes 32 MiB and a quarter of a second of a core.

        Raises:
            ThrottledError: too many others wait for it.
        """
        if not self._waiting.acquire(blocking=False):
            raise ThrottledError("Too many people sign in at this moment: try again.", retry_after=_BUSY_RETRY)
        try:
            with self._hashing:
                yield
        finally:
            self._waiting.release()

    def _remembered(self, token: str) -> Seat | None:
        known = self._known.get(session_digest(token))
        if known is None or known[0] < time.monotonic() - _REMEMBERED_SECONDS:
            return None
        return known[1]

    def _looked_up(self, token: str) -> Seat:
        began = time.monotonic()
        with self._database.reading() as session:
            seat = find_session(session, token)
        if seat is None or seat.ends(idle=self.idle, longest=self.longest) <= now():
            if seat is not None:
                with suppress(UnavailableError), self._database.transaction() as session:
                    end_session(session, seat.digest)
            raise UnknownCallerError("Your session has ended: sign in again.")
        if now() - seat.seen > min(_WRITTEN_EVERY, self.idle / 4):
            with suppress(UnavailableError), self._database.transaction() as session:  # the next request may write it
                use_session(session, seat.digest)
        if len(self._known) >= _MOST_REMEMBERED:
            self._known = {}
        self._known[seat.digest] = (began, seat)
        return seat

    def _caller(self, seat: Seat) -> Caller:
        return Caller(owner=Owner(seat.account, self._settings.region), key_id=key_id_of(seat.name), role=seat.role)

    def _device_of(self, user: User) -> str:
        nonce = secrets.token_hex(16)
        return f"{nonce}-{self._device_mark(user, nonce)}"

    def _is_device_of(self, user: User, device: str) -> bool:
        nonce, _, mark = device.partition("-")
        return hmac.compare_digest(mark.encode(), self._device_mark(user, nonce).encode())

    def _device_mark(self, user: User, nonce: str) -> str:
        """Made of the password's digest too, so that a stolen cookie is worth nothing when the password was changed."""
        return self._ring.mark(f"device {user.id} {nonce} {user.password}")


def _worded(seconds: int) -> str:
    return f"{seconds} seconds" if seconds < 120 else f"{round(seconds / 60)} minutes"
