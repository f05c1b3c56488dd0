"""The tables of who may come in: access keys, users, their sessions, and their tries to sign in."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import ForeignKey, LargeBinary, String, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from walkaround.store.tables import NEVER_AGAIN, Id, Table, now


class AccessKey(Table):
    """A key of a caller: its secret signs requests (Signature Version 4), its bearer token opens the REST API."""

    __tablename__ = "access_keys"

    id: Mapped[str] = mapped_column(String(32), primary_key=True)
    secret: Mapped[bytes] = mapped_column(LargeBinary)  # encrypted: signatures cannot be checked against a hash
    bearer: Mapped[str] = mapped_column(String(64), unique=True)  # SHA-256
    account: Mapped[str] = mapped_column(String(64))
    role: Mapped[str] = mapped_column(String(8))  # read, detect, manage, admin
    note: Mapped[str] = mapped_column(String(200), default="")
    created: Mapped[datetime] = mapped_column(default=now)
    revoked: Mapped[datetime | None]
    made_by: Mapped[str | None] = mapped_column(String(80))  # user:NAME, or another key; None: on the command line


class User(Table):
    """A person who signs in with a password."""

    __tablename__ = "users"
    __table_args__ = (UniqueConstraint("name"), NEVER_AGAIN)

    id: Mapped[int] = mapped_column(Id, primary_key=True)
    name: Mapped[str] = mapped_column(String(64))  # in small letters
    password: Mapped[str] = mapped_column(String(200))  # what `passwords.digest_of` made of it
    account: Mapped[str] = mapped_column(String(64))
    role: Mapped[str] = mapped_column(String(8))  # read, detect, manage, admin
    created: Mapped[datetime] = mapped_column(default=now)
    signed_in: Mapped[datetime | None]  # the last time


class SignedIn(Table):
    """A session of a user in a browser."""

    __tablename__ = "sessions"

    digest: Mapped[str] = mapped_column(String(64), primary_key=True)  # SHA-256 of the cookie's value
    user_id: Mapped[int] = mapped_column(ForeignKey("users.id"), index=True)
    created: Mapped[datetime] = mapped_column(default=now, index=True)
    seen: Mapped[datetime] = mapped_column(default=now)


class SignInTries(Table):
    """How often somebody tried to sign in of late, and failed."""

    __tablename__ = "sign_in_tries"

    digest: Mapped[str] = mapped_column(String(64), primary_key=True)  # of a name, an address, or both
    tries: Mapped[int]
    until: Mapped[datetime] = mapped_column(index=True)  # when they are forgotten
