"""Access keys: who may call the service. A key signs requests with its secret, or opens the REST API with its bearer token.

Signature Version 4 needs the secret itself, so it is kept encrypted (AES-256-GCM, NIST SP 800-38D) under a key that lies in the
data folder and never in the database; of the bearer token only its SHA-256 is kept. Both are shown once, when a key is made.
"""

from __future__ import annotations

import contextlib
import hashlib
import hmac
import logging
import os
import secrets
import string
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Literal

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from sqlalchemy import select
from sqlalchemy.orm import Session

from walkaround.errors import InputError, writing
from walkaround.store.access import AccessKey
from walkaround.store.tables import now

_log = logging.getLogger(__name__)

Role = Literal["read", "detect", "manage", "admin"]
ROLES: tuple[Role, ...] = ("read", "detect", "manage", "admin")
"""Each role may do what those before it may: look, inspect pictures, change things, decide who may what."""

_ID_LETTERS = string.ascii_uppercase + "234567"
_SECRET_LETTERS = string.ascii_letters + string.digits
_ID_PREFIX, _ID_LENGTH, _SECRET_LENGTH = "WALK", 20, 40
_BEARER_PREFIX = "walkaround_"
_NONCE_BYTES, _KEY_BYTES = 12, 32
_LONGEST_NOTE = 200
_MARK_DIGITS = 16
_ACCOUNT_DIGITS = 12


@dataclass(frozen=True, kw_only=True)
class NewKey:
    """A key that was just made; its secret and its bearer token are told this once."""

    key_id: str
    secret: str
    bearer: str
    account: str
    role: Role


@dataclass(frozen=True, kw_only=True)
class StoredKey:
    """A key as the server knows it.

    Attributes:
        key_id: 20 letters and digits, starting with WALK.
        secret: signs requests; never logged, and left out of `repr`.
        bearer_digest: SHA-256 of the bearer token, in hexadecimal.
        account: whose projects it opens.
        role: what it may do.
        note: what it is for, in words of whoever made it.
        created, revoked: when; `revoked` is None while it may be used.
    """

    key_id: str
    secret: bytes
    bearer_digest: str
    account: str
    role: Role
    note: str
    created: datetime
    revoked: datetime | None

    def __repr__(self) -> str:
        return f"StoredKey({self.key_id}, account {self.account}, {self.role})"


class KeyRing:
    """Makes, finds and revokes keys; it holds the secret of the data folder under which theirs are encrypted."""

    def __init__(self, data: Path) -> None:
        """Read `secret.key` of the data folder, or write it with a new secret where there is none yet.

        Raises:
            StorageError: the file cannot be written.
            InputError: the file is not what this class wrote.
        """
        self._path = data / "secret.key"
        self._told: set[str] = set()
        secret = _folder_secret(self._path)
        self._cipher = AESGCM(secret)
        self._marker = hashlib.sha256(b"walkaround marks" + secret).digest()

    def make(self, session: Session, *, account: str, role: str, note: str = "", made_by: str | None = None) -> NewKey:
        """Make a key.

        Args:
            session: of a transaction.
            account: whose projects it opens.
            role: what it may do.
            note: what it is for.
            made_by: user:NAME, or the id of another key; None on the command line.

        Raises:
            InputError: the account, the role or the note is not of a form that is kept, or no key that may be used was
                made with this folder's `secret.key`, so that the server has another one and could not open the new key.
        """
        check_account(account)
        _check_note(note)
        known = role_of(role)
        self._check_folder(session)
        key_id = _ID_PREFIX + _random(_ID_LETTERS, _ID_LENGTH - len(_ID_PREFIX))
        secret = _random(_SECRET_LETTERS, _SECRET_LENGTH)
        bearer = _BEARER_PREFIX + _random(_SECRET_LETTERS, _SECRET_LENGTH)
        nonce = secrets.token_bytes(_NONCE_BYTES)
        sealed = nonce + self._cipher.encrypt(nonce, secret.encode(), key_id.encode())
        session.add(
            AccessKey(
                id=key_id,
                secret=sealed,
                bearer=bearer_digest(bearer),
                account=account,
                role=known,
                note=note,
                made_by=made_by,
            )
        )
        return NewKey(key_id=key_id, secret=secret, bearer=bearer, account=account, role=known)

    def find(self, session: Session, key_id: str) -> StoredKey | None:
        """The key of this id, revoked or not; None where there is none.

        Raises:
            InputError: its secret was encrypted under another `secret.key`.
        """
        row = session.get(AccessKey, key_id)
        return None if row is None else self._opened(row)

    def usable(self, session: Session) -> list[StoredKey]:
        """All keys that are not revoked; those that this `secret.key` does not open are left out, and logged once."""
        found = []
        for row in session.scalars(select(AccessKey).where(AccessKey.revoked.is_(None))):
            try:
                found.append(self._opened(row))
            except InputError as problem:
                if row.id not in self._told:
                    self._told.add(row.id)
                    _log.warning("The access key %s is passed over. %s", row.id, problem)
        return found

    def mark(self, text: str) -> str:
        """16 hexadecimal digits that nobody without this secret can work out: HMAC-SHA-256 (RFC 2104), cut off."""
        return hmac.new(self._marker, text.encode(), hashlib.sha256).hexdigest()[:_MARK_DIGITS]

    def is_marked(self, given: str, marked: str) -> bool:
        """Whether both are the same, told in a time that does not depend on where they differ."""
        return hmac.compare_digest(given.encode(), marked.encode())

    def _check_folder(self, session: Session) -> None:
        rows = session.scalars(select(AccessKey).where(AccessKey.revoked.is_(None))).all()
        if rows and not any(self._opens(row) for row in rows):
            raise InputError(
                f"None of the access keys in the database ({len(rows)}) opens with {str(self._path)!r}, so the server has "
                "another secret.key: give its data folder with --data, or, where that file is lost, revoke those keys first."
            )

    def _opens(self, row: AccessKey) -> bool:
        try:
            self._opened(row)
        except InputError:
            return False
        return True

    def _opened(self, row: AccessKey) -> StoredKey:
        try:
            secret = self._cipher.decrypt(row.secret[:_NONCE_BYTES], row.secret[_NONCE_BYTES:], row.id.encode())
        except (InvalidTag, ValueError) as problem:
            raise InputError(
                f"The access key {row.id} was encrypted under another secret.key: "
                "put back the file that was in the data folder when the key was made."
            ) from problem
        return StoredKey(
            key_id=row.id,
            secret=secret,
            bearer_digest=row.bearer,
            account=row.account,
            role=role_of(row.role),
            note=row.note,
            created=row.created,
            revoked=row.revoked,
        )


def list_keys(session: Session, *, account: str | None = None, made_by: str | None = None) -> list[AccessKey]:
    """The rows of all keys, or those of an account or made by somebody; revoked ones too, oldest first."""
    query = select(AccessKey).order_by(AccessKey.created, AccessKey.id)
    if account is not None:
        query = query.filter_by(account=account)
    if made_by is not None:
        query = query.filter_by(made_by=made_by)
    return list(session.scalars(query))


def revoke_key(session: Session, key_id: str) -> None:
    """Revoke a key for ever; a second time changes nothing.

    Raises:
        InputError: there is no such key.
    """
    row = session.get(AccessKey, key_id)
    if row is None:
        raise InputError(f"There is no access key {key_id!r}: see `walkaround keys list`.")
    row.revoked = row.revoked or now()


def bearer_digest(token: str) -> str:
    """What is kept of a bearer token: its SHA-256; it is random and long, so that a slow hash would add nothing."""
    return hashlib.sha256(token.encode("utf-8", "surrogateescape")).hexdigest()


def check_account(account: str) -> None:
    """Refuse what is no account.

    Raises:
        InputError: it is not of twelve digits.
    """
    if len(account) != _ACCOUNT_DIGITS or not set(account) <= set(string.digits):
        raise InputError(f"{account!r} is no account: give {_ACCOUNT_DIGITS} digits.")


def _check_note(note: str) -> None:
    if len(note) > _LONGEST_NOTE or not note.isprintable():
        raise InputError(f"A note is one line of at most {_LONGEST_NOTE} characters: {note[:40]!r} is not.")


def role_of(text: str) -> Role:
    """The role of a name.

    Raises:
        InputError: there is none.
    """
    for role in ROLES:
        if role == text:
            return role
    raise InputError(f"{text!r} is no role: give one of {', '.join(ROLES)}.")


def _random(letters: str, length: int) -> str:
    return "".join(secrets.choice(letters) for _ in range(length))


def _folder_secret(path: Path) -> bytes:
    with writing(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        if not path.exists():
            _write_once(path, secrets.token_bytes(_KEY_BYTES))
    with writing(path):
        content = path.read_bytes()
    if len(content) != _KEY_BYTES:
        raise InputError(
            f"{str(path)!r} holds {len(content)} bytes, not {_KEY_BYTES}: "
            "put back the file that was there when the first key was made."
        )
    return content


def _write_once(path: Path, content: bytes) -> None:
    """Write the file whole and for its owner alone; where another process was faster, its file stays."""
    draft = path.with_name(f"{path.name}.{secrets.token_hex(8)}")
    try:
        with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        with contextlib.suppress(FileExistsError):
            os.link(draft, path)
    finally:
        draft.unlink(missing_ok=True)
