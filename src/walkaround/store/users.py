"""Users: people who sign in with a name and a password, and what they may do."""

from __future__ import annotations

import re

from sqlalchemy import delete, func, select, update
from sqlalchemy.orm import Session

from walkaround.errors import ConflictError, InputError, NotFoundError
from walkaround.store.access import AccessKey, SignedIn, User
from walkaround.store.keys import ROLES, Role, check_account, role_of
from walkaround.store.locks import lock_account
from walkaround.store.passwords import check_password, digest_of
from walkaround.store.tables import now

NAME_PATTERN = r"^[A-Za-z0-9][A-Za-z0-9._@+-]{0,63}$"
_NAME = re.compile(NAME_PATTERN.replace("$", r"\Z"))
_PREFIX = "user:"
_LOCK = "users"


def key_id_of(name: str) -> str:
    """What stands for a signed-in user where a key's id would: in the log, and beside what was done."""
    return _PREFIX + name


def user_of(key_id: str) -> str | None:
    """The name of the user whom a key's id stands for; None where it is a key's."""
    return key_id.removeprefix(_PREFIX) if key_id.startswith(_PREFIX) else None


def has_users(session: Session) -> bool:
    """Whether there is any user, of whatever account."""
    return session.scalar(select(User.id).limit(1)) is not None


def make_user(session: Session, *, name: str, digest: str, role: str, account: str) -> User:
    """Make a user; hash the password before, outside of the transaction, see `new_digest`.

    Raises:
        InputError: the name, the role or the account is not of a form that is kept.
        ConflictError: there is a user of this name.
    """
    known, plain = role_of(role), plain_name(name)
    check_account(account)
    lock_account(session, _LOCK)
    if session.scalar(select(User.id).filter_by(name=plain)) is not None:
        raise ConflictError(f"There is a user {plain!r} already: choose another name.", resource_id=plain, resource_type="USER")
    user = User(name=plain, password=digest, role=known, account=account)
    session.add(user)
    session.flush()
    return user


def make_first_user(session: Session, *, name: str, digest: str, account: str) -> User:
    """Make the administrator of a service that has no user.

    Raises:
        InputError: the name is not of a form that is kept.
        ConflictError: there is a user by now.
    """
    lock_account(session, _LOCK)
    if has_users(session):
        raise ConflictError(
            "The service is set up already: sign in, or ask its administrator for a user.",
            resource_id="setup",
            resource_type="USER",
        )
    return make_user(session, name=name, digest=digest, role="admin", account=account)


def list_users(session: Session, account: str | None = None) -> list[User]:
    """The users of an account, or all, by name."""
    query = select(User).order_by(User.name)
    return list(session.scalars(query if account is None else query.filter_by(account=account)))


def find_user(session: Session, name: str, account: str | None = None) -> User:
    """The user of a name.

    Raises:
        NotFoundError: there is none, or none in this account.
    """
    user = session.scalars(select(User).filter_by(name=name.casefold())).one_or_none()
    if user is None or account not in (None, user.account):
        raise NotFoundError(f"There is no user {name[:64]!r}: see who there is.", resource_id=name[:64], resource_type="USER")
    return user


def set_password(session: Session, user: User, digest: str) -> None:
    """Give a user another password: all of the user's sessions end."""
    user.password = digest
    session.execute(delete(SignedIn).where(SignedIn.user_id == user.id))
    session.flush()


def set_role(session: Session, user: User, role: str) -> None:
    """Let a user do more or less; access keys that the user made, and that may do more than the user, are revoked.

    Raises:
        InputError: there is no such role.
        ConflictError: it is the last administrator, who would be none.
    """
    known = role_of(role)
    if known != "admin":
        _require_another_admin(session, user)
    user.role = known
    too_much = ROLES[ROLES.index(known) + 1 :]
    _revoke_keys(session, user, too_much)
    session.flush()


def remove_user(session: Session, user: User) -> int:
    """Remove a user: the user's sessions end, and the access keys that the user made are revoked.

    Returns:
        How many keys were revoked.

    Raises:
        ConflictError: it is the last administrator.
    """
    _require_another_admin(session, user)
    session.execute(delete(SignedIn).where(SignedIn.user_id == user.id))
    revoked = _revoke_keys(session, user, ROLES)
    session.delete(user)
    session.flush()
    return revoked


def new_digest(password: str, *, name: str) -> str:
    """Check a new password and make of it what is kept; takes a quarter of a second.

    Raises:
        InputError: the password is too short, too long, or guessed at once.
    """
    check_password(password, name=name)
    return digest_of(password)


def plain_name(name: str) -> str:
    """A user's name as it is kept, in small letters.

    Raises:
        InputError: it cannot be a name.
    """
    if not _NAME.match(name):
        raise InputError(
            f"{name[:80]!r} cannot be the name of a user: write up to 64 letters, digits and ._@+-, such as an address."
        )
    return name.casefold()


def _require_another_admin(session: Session, user: User) -> None:
    lock_account(session, _LOCK)
    others = select(func.count()).select_from(User).where(User.account == user.account, User.role == "admin")
    if user.role == "admin" and session.scalars(others.where(User.id != user.id)).one() == 0:
        raise ConflictError(
            f"{user.name!r} is the last administrator: make another one first.", resource_id=user.name, resource_type="USER"
        )


def _revoke_keys(session: Session, user: User, roles: tuple[Role, ...]) -> int:
    made = update(AccessKey).where(
        AccessKey.made_by == key_id_of(user.name), AccessKey.revoked.is_(None), AccessKey.role.in_(roles)
    )
    revoked = session.execute(made.values(revoked=now()).returning(AccessKey.id)).all()
    return len(revoked)
