"""Who calls, and what they may do: a verified signature becomes a caller with a role."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass
from datetime import UTC, datetime

from walkaround.aws.canonical import SignedRequest
from walkaround.aws.service_model import SERVICE
from walkaround.aws.signing import read_claim, unknown_key, unverified, verify
from walkaround.errors import AccessDeniedError
from walkaround.hosting.owner import Owner
from walkaround.settings import Settings
from walkaround.store.keys import ROLES, Role, StoredKey

Authenticate = Callable[[str], Awaitable[StoredKey | None]]
"""Gives the access key of an id; None when there is none. It is called for every request, so it should answer from memory."""

_LOCAL_NAMES = frozenset({"localhost", "127.0.0.1", "[::1]", "::1"})


@dataclass(frozen=True, kw_only=True)
class Caller:
    """Who sent a request.

    Attributes:
        open_body: see `walkaround.aws.signing.Verified`.
        service: that the signature is for.
    """

    owner: Owner
    key_id: str
    role: Role
    open_body: Callable[[bytes], bytes]
    service: str = SERVICE

    def require(self, role: Role, action: str) -> None:
        """Refuse an action for which this role is too small.

        Raises:
            AccessDeniedError: saying which role is needed.
        """
        if ROLES.index(self.role) < ROLES.index(role):
            raise AccessDeniedError(
                f"The access key {self.key_id} has the role {self.role!r} and is not authorized to perform "
                f"{self.service}:{action}; that needs {role!r}."
            )


async def find_caller(
    request: SignedRequest, authenticate: Authenticate, settings: Settings, *, service: str = SERVICE
) -> Caller:
    """Tell who sent a request by its signature.

    A server without keys takes every request that comes from this machine's own programs; the region is that of the signature,
    if there is one.

    Raises:
        SignatureError: the signature does not hold.
        AccessDeniedError: a web page of a stranger asks a server without keys.
    """
    if settings.keyless:
        if not is_from_here(request.headers):
            raise AccessDeniedError(
                "A server without keys answers programs of its own machine alone, and its own pages: "
                "call it as localhost, or make a key with `walkaround keys`."
            )
        claimed = unverified(request)
        owner = Owner(account=settings.account, region=claimed.region or settings.region)
        return Caller(owner=owner, key_id=claimed.key_id, role="manage", open_body=claimed.open_body, service=service)
    claim = read_claim(request)
    key = await authenticate(claim.key_id)
    if key is None or key.revoked is not None:
        raise unknown_key(claim.key_id)
    verified = verify(request, claim, secret=key.secret, now=datetime.now(UTC), service=service)
    owner = Owner(account=key.account, region=verified.region)
    return Caller(owner=owner, key_id=key.key_id, role=key.role, open_body=verified.open_body, service=service)


def is_from_here(headers: Iterable[tuple[str, str]]) -> bool:
    """Whether a request to a server without keys is from this machine's own programs, or from a page of the server itself.

    A browser on this machine may be made to send requests here by the page of a stranger; it then names a host that is no
    loopback address, or an origin that is not this server. All doors of the server ask this.

    Args:
        headers: names in lower case.
    """
    told = [(name, value) for name, value in headers if name in ("host", "origin")]
    hosts = {value for name, value in told if name == "host"}
    if len(hosts) != 1:
        return False
    host = hosts.pop()
    name, _, port = host.rpartition(":")
    local = (name if port.isdigit() else host).lower() in _LOCAL_NAMES
    return local and all(value == f"http://{host}" for name, value in told if name == "origin")
