"""The first visit: a link that the server prints makes its first user an administrator, and is then worth nothing."""

from __future__ import annotations

import hashlib
import hmac
import secrets

from walkaround.store.database import Database
from walkaround.store.users import has_users

_TOKEN_BYTES = 24


class Setup:
    """Whether the service waits for its first user, and by which token that is made.

    Of the token its SHA-256 is kept, in memory; each start makes a new one for as long as there is no user.
    """

    def __init__(self, database: Database) -> None:
        self._database = database
        self._digest: str | None = None
        self._done = False

    def offer(self) -> str | None:
        """A new token for the link, which is told this once; None where there is a user.

        Raises:
            UnavailableError: the database does not answer.
        """
        if not self.needed():
            return None
        token = secrets.token_urlsafe(_TOKEN_BYTES)
        self._digest = _digest(token)
        return token

    def needed(self) -> bool:
        """Whether there is no user yet.

        Raises:
            UnavailableError: the database does not answer.
        """
        if not self._done:
            with self._database.reading() as session:
                self._done = has_users(session)
        return not self._done

    def opens(self, token: str) -> bool:
        """Whether this is the token that was offered last, and was not used."""
        return self._digest is not None and hmac.compare_digest(_digest(token), self._digest)

    def finish(self) -> None:
        """The first user was made: the token opens nothing any more."""
        self._digest = None


def _digest(token: str) -> str:
    return hashlib.sha256(b"setup " + token.encode("utf-8", "surrogateescape")).hexdigest()
