"""Passwords: what is kept of one is slow to try, and a wrong name costs as much time as a wrong password.

The function is scrypt (RFC 7914) of Python's own `hashlib`: it needs as much memory as it is told, so that trying many at once
is dear, and it is another package less to trust than argon2 would be. Its cost stands beside each digest, so that it can be
raised; a password whose digest is dated is written anew when its user signs in.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import secrets
import unicodedata

from walkaround.errors import InputError

SHORTEST, LONGEST = 10, 200
"""Characters of a password. No letter or digit is demanded of it: length is what counts (NIST SP 800-63B, 5.1.1.2)."""

_COST, _BLOCK, _LANES = 2**15, 8, 3
"""32 MiB and about a quarter of a second; as strong as OWASP's first choice of scrypt, with a quarter of the memory."""
_SALT_BYTES, _KEY_BYTES = 16, 32
_ROOM = 1 << 20
_FEWEST_LETTERS = 4


def digest_of(password: str) -> str:
    """What is kept of a password: scrypt$COST$BLOCK$LANES$SALT$KEY, under a salt of its own."""
    salt = secrets.token_bytes(_SALT_BYTES)
    key = _scrypt(password, salt, cost=_COST, block=_BLOCK, lanes=_LANES)
    return "$".join(
        ["scrypt", str(_COST), str(_BLOCK), str(_LANES), *(base64.b64encode(part).decode() for part in (salt, key))]
    )


def fits(password: str, digest: str | None) -> bool:
    """Whether a password is the one that a digest was made of; without a digest never, and after the same time."""
    if digest is None:
        _scrypt(password, bytes(_SALT_BYTES), cost=_COST, block=_BLOCK, lanes=_LANES)
        return False
    cost, block, lanes, salt, key = _parts(digest)
    return hmac.compare_digest(_scrypt(password, salt, cost=cost, block=block, lanes=lanes), key)


def is_dated(digest: str) -> bool:
    """Whether the digest was made at another cost than it would be today."""
    return _parts(digest)[:3] != (_COST, _BLOCK, _LANES)


def check_password(password: str, *, name: str) -> None:
    """Refuse a password that is guessed at once.

    Args:
        password: that somebody chose.
        name: of the user.

    Raises:
        InputError: it is too short, too long, or made of the user's name or a few letters.
    """
    plain = _normal(password)
    if not SHORTEST <= len(plain) <= LONGEST:
        raise InputError(
            f"A password has {SHORTEST} to {LONGEST} characters, and this one has {len(plain)}: a few words in a row are good."
        )
    rest = plain.casefold().replace(name.casefold(), "").replace(name.casefold().partition("@")[0], "")
    if len(set(rest)) < _FEWEST_LETTERS:
        raise InputError("This password is hardly more than the user's name or a few letters: a few words in a row are better.")


def _parts(digest: str) -> tuple[int, int, int, bytes, bytes]:
    _, cost, block, lanes, salt, key = digest.split("$")
    return int(cost), int(block), int(lanes), base64.b64decode(salt), base64.b64decode(key)


def _scrypt(password: str, salt: bytes, *, cost: int, block: int, lanes: int) -> bytes:
    return hashlib.scrypt(
        _normal(password).encode("utf-8", "surrogatepass"),
        salt=salt,
        n=cost,
        r=block,
        p=lanes,
        maxmem=128 * block * (cost + lanes) + _ROOM,
        dklen=_KEY_BYTES,
    )


def _normal(password: str) -> str:
    """The same letters typed on another system are the same password."""
    return unicodedata.normalize("NFKC", password)
