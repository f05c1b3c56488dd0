"""One writer at a time for the data of one account, so that quotas and names are checked against what stays true."""

from __future__ import annotations

import hashlib

from sqlalchemy import text
from sqlalchemy.orm import Session


def lock_account(session: Session, account: str) -> None:
    """Wait for, and hold until the end of the transaction, the right to change what one account has.

    On SQLite a transaction that may write has it from its beginning.
    """
    if session.get_bind().dialect.name == "postgresql":
        digest = hashlib.sha256(account.encode()).digest()
        number = int.from_bytes(digest[:8], "big", signed=True)
        session.execute(text("SELECT pg_advisory_xact_lock(:number)"), {"number": number})
