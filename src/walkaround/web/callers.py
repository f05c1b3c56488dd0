"""Who sent a request, and what they may do."""

from __future__ import annotations

from dataclasses import dataclass

from walkaround.errors import AccessDeniedError
from walkaround.hosting.owner import Owner
from walkaround.store.keys import ROLES, Role
from walkaround.store.users import user_of


@dataclass(frozen=True, kw_only=True)
class Caller:
    """Who sent a request: whose data it is about, by which key, and what that key may do.

    Attributes:
        key_id: of an access key, or user:NAME of a person who is signed in.
    """

    owner: Owner
    key_id: str
    role: Role

    @property
    def user(self) -> str | None:
        """The name of the person; None where it is a program with a key, or nobody was asked for one."""
        return user_of(self.key_id)

    def may(self, role: Role) -> bool:
        """Whether it may do what needs a role."""
        return ROLES.index(self.role) >= ROLES.index(role)


class UnknownCallerError(AccessDeniedError):
    """The request does not say who sends it, or the key is not one that may be used."""


def check_role(caller: Caller, needed: Role) -> None:
    """Refuse a caller who may not do this.

    Raises:
        AccessDeniedError: its role is below the one that is needed.
    """
    if caller.may(needed):
        return
    if caller.user is not None:
        raise AccessDeniedError(
            f"The user {caller.user} has the role {caller.role}, and this needs {needed}: ask an administrator for it."
        )
    raise AccessDeniedError(
        f"The access key {caller.key_id} has the role {caller.role}, and this needs {needed}: use another key."
    )
