"""Who is calling: signatures and bearer tokens against keys that are read again twice a second, and sessions of people."""

from __future__ import annotations

import asyncio
import base64
import hmac
import ipaddress
import logging
import time
from collections.abc import Iterable, Mapping

from walkaround.aws.access import is_from_here
from walkaround.errors import InputError, UnavailableError
from walkaround.hosting.owner import Owner
from walkaround.pipeline.sinks.signing import HEADER
from walkaround.settings import Settings
from walkaround.store.database import Database
from walkaround.store.keys import KeyRing, StoredKey, bearer_digest
from walkaround.web.callers import Caller, UnknownCallerError
from walkaround.web.cookies import check_session_use, session_token
from walkaround.web.sessions import Sessions

_log = logging.getLogger(__name__)

_REFRESH_SECONDS = 0.5
_LEAST_SECONDS_BETWEEN = 0.05
KEYLESS = "keyless"
"""The key id of callers without a key."""
SIGNED = "signed"
"""The key id of senders of events who sign them; whether the signature fits is known when the body is there."""
SIGNATURE = HEADER.lower().encode()


class Keys:
    """The usable keys, in memory, so that a request never waits for the database to know its caller.

    While the database does not answer, the keys that were known last go on being valid: nobody can revoke one then.
    """

    def __init__(self, database: Database, ring: KeyRing) -> None:
        self._database = database
        self._ring = ring
        self._by_id: Mapping[str, StoredKey] = {}
        self._by_bearer: Mapping[str, StoredKey] = {}
        self._read_at = 0.0
        self._reading = asyncio.Lock()

    async def of_id(self, key_id: str) -> StoredKey | None:
        """The usable key of this id.

        Raises:
            UnavailableError: it is not known yet, and the database does not answer.
        """
        if key_id not in self._by_id:
            await self._refresh()
        return self._by_id.get(key_id)

    async def of_bearer(self, token: str) -> StoredKey | None:
        """The usable key of this bearer token, which is looked up by its digest and compared in constant time.

        Raises:
            UnavailableError: it is not known yet, and the database does not answer.
        """
        digest = bearer_digest(token)
        if digest not in self._by_bearer:
            await self._refresh()
        key = self._by_bearer.get(digest)
        return key if key is not None and hmac.compare_digest(key.bearer_digest, digest) else None

    def read(self) -> None:
        """Read all usable keys.

        Raises:
            UnavailableError: the database does not answer.
        """
        with self._database.reading() as session:
            keys = self._ring.usable(session)
        self._by_id = {key.key_id: key for key in keys}
        self._by_bearer = {key.bearer_digest: key for key in keys}

    async def _refresh(self) -> None:
        """Read the keys again because one was not found; callers that come at once share one reading."""
        asked = time.monotonic()
        async with self._reading:
            if self._read_at > asked - _LEAST_SECONDS_BETWEEN:
                return
            await asyncio.to_thread(self.read)
            self._read_at = time.monotonic()

    async def keep_fresh(self) -> None:
        """Read the keys again and again, until cancelled; a failure is logged once, until a reading succeeds again."""
        told = False
        while True:
            await asyncio.sleep(_REFRESH_SECONDS)
            try:
                await asyncio.to_thread(self.read)
                told = False
            except UnavailableError:
                pass  # said by readiness and by every request that needs the database
            except Exception:  # noqa: BLE001 - whatever it was, without the next readings revoked keys would stay valid
                if not told:
                    _log.exception("The access keys could not be read again; those that were known last stay valid.")
                told = True


class Door:
    """Lets callers of the REST API in: by bearer token, by session, or by neither where the operator allows it."""

    def __init__(self, keys: Keys, sessions: Sessions, settings: Settings) -> None:
        """Check that keyless access was not asked for on an address that others can reach.

        Raises:
            InputError: it was.
        """
        if settings.keyless and not is_loopback(settings.host):
            raise InputError(
                f"Without keys the service may only listen on a loopback address, and {settings.host!r} is none: "
                "listen on 127.0.0.1, or leave --keyless out and make keys with `walkaround keys make`."
            )
        self._keys = keys
        self._sessions = sessions
        self._settings = settings

    async def caller(self, headers: Iterable[tuple[bytes, bytes]], *, method: str = "GET") -> Caller:
        """The caller of a request with these headers. A token counts before a session.

        Raises:
            UnknownCallerError: there is no token and no session, or the one belongs to no usable key, or the other has ended.
            AccessDeniedError: a session's cookie came along with what no page of this session has sent.
        """
        given = [(name, value.decode("latin-1")) for name, value in headers]
        authorization = next((value for name, value in given if name == b"authorization"), None)
        if authorization is None:
            return await self._without_token(dict(given), method)
        scheme, _, token = authorization.partition(" ")
        if scheme.lower() != "bearer" or not token.strip():
            raise UnknownCallerError("Send the header Authorization: Bearer TOKEN, with the token of an access key.")
        key = await self._keys.of_bearer(token.strip())
        if key is None:
            raise UnknownCallerError("No usable access key has this bearer token: it is mistyped, or the key was revoked.")
        return Caller(owner=Owner(key.account, self._settings.region), key_id=key.key_id, role=key.role)

    async def sender(self, headers: Iterable[tuple[bytes, bytes]]) -> Caller:
        """The sender of an event: any caller, with HTTP Basic too, whose password is the bearer token, or one who signs it.

        Raises:
            UnknownCallerError: there is no token and no signature, or the token belongs to no usable key.
        """
        given = dict(headers)
        scheme, _, credentials = given.get(b"authorization", b"").partition(b" ")
        if scheme.lower() == b"basic":
            try:
                _, _, token = base64.b64decode(credentials.strip(), validate=True).partition(b":")
            except ValueError:
                token = b""
            return await self.caller([(b"authorization", b"Bearer " + token)], method="POST")
        if not scheme and SIGNATURE in given and self._settings.events_secret is not None:
            owner = Owner(self._settings.account, self._settings.region)
            return Caller(owner=owner, key_id=SIGNED, role="detect")
        return await self.caller(given.items(), method="POST")

    async def _without_token(self, headers: Mapping[bytes, str], method: str) -> Caller:
        if self._settings.keyless:
            check_from_here(headers)
            return keyless_caller(self._settings, self._settings.region)
        session = session_token(headers)
        if session is None:
            raise UnknownCallerError("Send the header Authorization: Bearer TOKEN, with the token of an access key.")
        check_session_use(headers, session, method=method)
        return await self._sessions.caller(session)


def keyless_caller(settings: Settings, region: str) -> Caller:
    """Who a caller without a key is: the operator's own account, who may do everything but let others in.

    Keys and users would stay when the server asks for keys again, and any program of the machine could have made them.
    """
    return Caller(owner=Owner(settings.account, region), key_id=KEYLESS, role="manage")


def check_from_here(headers: Mapping[bytes, str]) -> None:
    """Refuse what a page of another site makes a browser send to a keyless server on the user's own machine.

    Raises:
        UnknownCallerError: the request is addressed to a name that is not this machine's, or comes from another site's page.
    """
    if not is_from_here((name.decode("latin-1"), value) for name, value in headers.items()):
        raise UnknownCallerError("Without a key only programs on this machine are answered, by a loopback address.")


def is_loopback(host: str) -> bool:
    """Whether an address to listen on can be reached from this machine alone."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
