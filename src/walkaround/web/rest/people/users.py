"""Users over REST: administrators make them, give them roles and passwords, and remove them."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Annotated, Any

from fastapi import APIRouter, Path, Response, status
from pydantic import BaseModel, Field
from sqlalchemy.orm import Session as DatabaseSession

from walkaround.store.access import User as UserRow
from walkaround.store.keys import Role
from walkaround.store.passwords import LONGEST, SHORTEST
from walkaround.store.sessions import count_sessions
from walkaround.store.users import (
    NAME_PATTERN,
    find_user,
    list_users,
    make_user,
    new_digest,
    remove_user,
    set_password,
    set_role,
)
from walkaround.web.audit import tell
from walkaround.web.rest.access import Administrator, Visit
from walkaround.web.rest.shapes import Strict

router = APIRouter(prefix="/users", tags=["users"])

UserInPath = Annotated[str, Path(min_length=1, max_length=64, pattern=NAME_PATTERN, description="A user's name.")]
UserName = Annotated[
    str,
    Field(
        min_length=1,
        max_length=64,
        pattern=NAME_PATTERN,
        description="Letters, digits and ._@+-, such as an address; large and small letters are alike; new in the service.",
    ),
]
Password = Annotated[
    str,
    Field(
        min_length=1,
        max_length=LONGEST * 4,
        description=f"{SHORTEST} to {LONGEST} characters of any kind, not made of the name alone.",
    ),
]
RoleOf = Annotated[Role, Field(description="What the user may do: read, detect, manage or admin, each what those before may.")]


class NewPassword(Strict):
    """Another password."""

    password: Password


class NewUser(NewPassword):
    """A user to make."""

    name: UserName
    role: RoleOf


class NewRole(Strict):
    """Another role."""

    role: RoleOf


class User(BaseModel):
    """A user: a person who signs in."""

    name: str = Field(description="The user's name.")
    role: Role = Field(description="What the user may do.")
    created: datetime = Field(description="When the user was made.")
    signed_in: datetime | None = Field(description="When the user last signed in; null: never.")
    sessions: int = Field(description="In how many browsers the user is signed in.")


class Users(BaseModel):
    """The users of the account."""

    users: list[User] = Field(description="All of them, by name.")


class Removed(BaseModel):
    """A user who was removed."""

    revoked_keys: int = Field(description="Access keys that the user had made, and that were revoked.")


@router.get("")
def list_all(visit: Administrator, response: Response) -> Users:
    """List the users of the account."""
    response.headers["Cache-Control"] = "no-store"
    with visit.service.database.reading() as session:
        return Users(users=_users(visit, session, list_users(session, visit.owner.account)))


@router.post("", status_code=status.HTTP_201_CREATED)
def create(visit: Administrator, new: NewUser) -> User:
    """Make a user, who can sign in at once with the password that is given here and may change it then."""
    with visit.service.sessions.turn():
        digest = new_digest(new.password, name=new.name)
    made = _changed(
        visit,
        lambda session: make_user(session, name=new.name, digest=digest, role=new.role, account=visit.owner.account),
    )
    tell("A user was made.", by=visit.caller.key_id, user=made.name, role=made.role)
    return made


@router.get("/{user}")
def describe(visit: Administrator, response: Response, user: UserInPath) -> User:
    """Tell of a user."""
    response.headers["Cache-Control"] = "no-store"
    with visit.service.database.reading() as session:
        return _users(visit, session, [find_user(session, user, visit.owner.account)])[0]


@router.patch("/{user}")
def change_role(visit: Administrator, user: UserInPath, new: NewRole) -> User:
    """Give a user another role, at once, in all of the user's sessions; the user's keys that may do more are revoked.

    The last administrator stays one.
    """

    def act(session: DatabaseSession) -> UserRow:
        found = find_user(session, user, visit.owner.account)
        set_role(session, found, new.role)
        return found

    changed = _changed(visit, act)
    tell("A user has another role.", by=visit.caller.key_id, user=changed.name, role=changed.role)
    return changed


@router.put("/{user}/password")
def reset_password(visit: Administrator, user: UserInPath, new: NewPassword) -> User:
    """Give a user another password, such as when it was forgotten; all of the user's sessions end."""
    with visit.service.sessions.turn():
        digest = new_digest(new.password, name=user)

    def act(session: DatabaseSession) -> UserRow:
        found = find_user(session, user, visit.owner.account)
        set_password(session, found, digest)
        return found

    changed = _changed(visit, act)
    tell("A user was given another password.", by=visit.caller.key_id, user=changed.name)
    return changed


@router.delete("/{user}")
def delete(visit: Administrator, user: UserInPath) -> Removed:
    """Remove a user: all of the user's sessions end, and the access keys that the user made are revoked.

    The last administrator cannot be removed.
    """
    with visit.service.database.transaction() as session:
        revoked = remove_user(session, find_user(session, user, visit.owner.account))
    visit.service.sessions.forget()
    tell("A user was removed.", by=visit.caller.key_id, user=user.casefold())
    return Removed(revoked_keys=revoked)


def _changed(visit: Visit, act: Any) -> User:
    with visit.service.database.transaction() as session:
        row = act(session)
        told = _users(visit, session, [row])[0]
    visit.service.sessions.forget()
    return told


def _users(visit: Visit, session: DatabaseSession, rows: Sequence[UserRow]) -> list[User]:
    sessions = visit.service.sessions
    counts = count_sessions(session, [row.id for row in rows], idle=sessions.idle, longest=sessions.longest)
    return [
        User.model_validate(
            {
                "name": row.name,
                "role": row.role,
                "created": row.created,
                "signed_in": row.signed_in,
                "sessions": counts.get(row.id, 0),
            }
        )
        for row in rows
    ]
