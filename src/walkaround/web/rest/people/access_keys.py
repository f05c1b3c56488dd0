"""Access keys over REST: each caller makes those that may do no more than the caller, and administrators see all."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any

from fastapi import APIRouter, Path, Response, status
from pydantic import BaseModel, Field
from sqlalchemy.orm import Session

from walkaround.errors import AccessDeniedError, NotFoundError, QuotaError
from walkaround.store.access import AccessKey as KeyRow
from walkaround.store.keys import Role, list_keys, revoke_key
from walkaround.web.audit import tell
from walkaround.web.callers import Caller
from walkaround.web.rest.access import Reader, Visit
from walkaround.web.rest.shapes import Strict

router = APIRouter(prefix="/access-keys", tags=["access keys"])

KeyInPath = Annotated[str, Path(pattern=r"^[A-Z0-9]{16,32}$", description="Id of an access key.")]


class NewAccessKey(Strict):
    """An access key to make."""

    role: Annotated[Role, Field(description="What it may do: read, detect, manage or admin; no more than the caller.")]
    note: Annotated[str, Field(max_length=200, description="What it is for, in one line.")] = ""


class AccessKey(BaseModel):
    """An access key, without its secrets."""

    id: str = Field(description="Its id; programs that sign requests call it the access key id.")
    role: Role = Field(description="What it may do.")
    note: str = Field(description="What it is for.")
    created: datetime = Field(description="When it was made.")
    made_by: str | None = Field(description="Who made it: user:NAME, or another key; null: on the command line.")
    revoked: datetime | None = Field(description="When it was revoked; null while it may be used.")


class MadeAccessKey(AccessKey):
    """An access key that was just made; its secrets are told this once."""

    secret: str = Field(description="Signs requests of AWS' clients: their secret access key.")
    token: str = Field(description="Opens the REST API: Authorization: Bearer TOKEN.")


class AccessKeys(BaseModel):
    """Access keys."""

    keys: list[AccessKey] = Field(description="The keys, revoked ones too, the newest first.")


@router.get("")
def list_all(visit: Reader, response: Response) -> AccessKeys:
    """List the access keys of the account; who is no administrator sees those that they made themselves."""
    response.headers["Cache-Control"] = "no-store"
    made_by = None if visit.caller.may("admin") else visit.caller.key_id
    with visit.service.database.reading() as session:
        rows = list_keys(session, account=visit.owner.account, made_by=made_by)
    return AccessKeys(keys=[AccessKey(**_members(row)) for row in reversed(rows)])


@router.post("", status_code=status.HTTP_201_CREATED)
def create(visit: Reader, response: Response, new: NewAccessKey) -> MadeAccessKey:
    """Make an access key that may do no more than the caller; its secret and its token are told this once.

    Signed-in people may, and keys with the role admin. A user's keys are revoked when the user is removed.
    """
    response.headers["Cache-Control"] = "no-store"
    _check_may_make(visit.caller, new.role)
    with visit.service.database.transaction() as session:
        _check_room(session, visit)
        made = visit.service.ring.make(
            session, account=visit.owner.account, role=new.role, note=new.note, made_by=visit.caller.key_id
        )
        session.flush()
        told = MadeAccessKey(**_members(session.get_one(KeyRow, made.key_id)), secret=made.secret, token=made.bearer)
    tell("An access key was made.", by=visit.caller.key_id, key=told.id, role=told.role)
    return told


@router.delete("/{key}")
def revoke(visit: Reader, key: KeyInPath) -> AccessKey:
    """Revoke an access key for ever: one that the caller made, or as an administrator any of the account."""
    with visit.service.database.transaction() as session:
        row = session.get(KeyRow, key)
        own = row is not None and row.made_by == visit.caller.key_id
        if row is None or row.account != visit.owner.account or not (own or visit.caller.may("admin")):
            raise NotFoundError(
                f"There is no access key {key!r} that you may revoke: list the access keys to see those there are.",
                resource_id=key,
                resource_type="ACCESS_KEY",
            )
        revoke_key(session, key)
        told = AccessKey(**_members(row))
    visit.service.keys.read()
    tell("An access key was revoked.", by=visit.caller.key_id, key=key)
    return told


def _check_may_make(caller: Caller, role: Role) -> None:
    if caller.user is None and not caller.may("admin"):
        raise AccessDeniedError(
            f"The access key {caller.key_id} has the role {caller.role}; only keys with the role admin, and people who are "
            "signed in, make others: sign in, or run `walkaround keys make`."
        )
    if not caller.may(role):
        raise AccessDeniedError(f"You have the role {caller.role}, so you cannot make a key with the role {role}: choose less.")


def _check_room(session: Session, visit: Visit) -> None:
    """Return if the caller may have one key more: all servers know all keys by heart."""
    most = visit.service.settings.keys_per_maker
    made = list_keys(session, account=visit.owner.account, made_by=visit.caller.key_id)
    if sum(row.revoked is None for row in made) >= most:
        raise QuotaError(
            f"{visit.caller.key_id} has made {most:,} access keys that are in force, as many as may be: revoke one, or have the"
            " setting keys_per_maker raised.",
            quota_code="keys_per_maker",
            resource_id=visit.caller.key_id,
            resource_type="ACCESS_KEY",
        )


def _members(row: KeyRow) -> dict[str, Any]:
    return {
        "id": row.id,
        "role": row.role,
        "note": row.note,
        "created": row.created,
        "made_by": row.made_by,
        "revoked": row.revoked,
    }
