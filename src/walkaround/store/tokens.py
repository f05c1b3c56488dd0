"""Client tokens: a request that comes again within eight hours gets the answer of the first, and the work is done once.

Both functions belong into the transaction that does the work. The first one waits for whoever works for the same account and
region, so that of two same requests at once the second finds the answer of the first.
"""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any, Protocol

from sqlalchemy import delete
from sqlalchemy.orm import Session

from walkaround.errors import ConflictError
from walkaround.store.locks import lock_account
from walkaround.store.tables import ClientToken, now

REMEMBERED = timedelta(hours=8)


class HasOwner(Protocol):
    """Whose data a request is about."""

    @property
    def account(self) -> str:
        """Twelve digits."""

    @property
    def region(self) -> str:
        """Such as us-east-1."""


def replayed(session: Session, owner: HasOwner, operation: str, token: str, digest: str) -> dict[str, Any] | None:
    """What was answered to the same request, or None when it is new.

    Args:
        session: of the transaction that will do the work.
        owner: whose token it is.
        operation: the operation's name; the same token may be used for another operation.
        token: the client token.
        digest: a hash of the request's parameters.

    Raises:
        ConflictError: the token came before with other parameters.
    """
    lock_account(session, owner.account)
    row = session.get(ClientToken, (owner.account, owner.region, operation, token), with_for_update=True)
    if row is None:
        return None
    if row.created < now() - REMEMBERED:
        session.delete(row)
        session.flush()
        return None
    if row.digest != digest:
        raise ConflictError(
            "The client token or Idempotency-Key was used for another request within eight hours: use a new one.",
            resource_id=token,
            resource_type="PROJECT",
        )
    reply: dict[str, Any] = json.loads(row.reply)
    return reply


def remember(session: Session, owner: HasOwner, operation: str, token: str, digest: str, reply: dict[str, Any]) -> None:
    """Keep what is answered to a request, which must be JSON; tokens that are too old are forgotten on the way."""
    moment = now()
    session.execute(delete(ClientToken).where(ClientToken.created < moment - REMEMBERED))
    session.add(
        ClientToken(
            account=owner.account,
            region=owner.region,
            operation=operation,
            token=token,
            digest=digest,
            reply=json.dumps(reply),
            created=moment,
        )
    )
    session.flush()
