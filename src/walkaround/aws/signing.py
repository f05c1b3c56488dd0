"""Signature Version 4, the server's side: who sent a request, and that nobody changed it on the way.

Source: AWS, "Signature Version 4 signing process", for every service but S3, which leaves paths as they are: the path
is encoded once more, and its empty and dot segments are left out.
"""

from __future__ import annotations

import hashlib
import hmac
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from functools import cached_property
from urllib.parse import unquote_to_bytes

from walkaround.aws.canonical import SignedRequest, canonical_request, query_pairs
from walkaround.aws.chunks import Chain, decode_chunks
from walkaround.aws.faults import WireError

ALGORITHM = "AWS4-HMAC-SHA256"
SKEW = timedelta(minutes=15)
LONGEST_VALIDITY = 7 * 24 * 3600
"""Seconds for which a presigned URL may hold."""

_UNSIGNED = "UNSIGNED-PAYLOAD"
_SIGNED_CHUNKS = f"STREAMING-{ALGORITHM}-PAYLOAD"
_SIGNED_CHUNKS_TRAILER = f"{_SIGNED_CHUNKS}-TRAILER"
_UNSIGNED_CHUNKS_TRAILER = "STREAMING-UNSIGNED-PAYLOAD-TRAILER"
_CHUNKED = (_SIGNED_CHUNKS, _SIGNED_CHUNKS_TRAILER, _UNSIGNED_CHUNKS_TRAILER)
_SIGNED_IF_SENT = (
    "x-amz-content-sha256",
    "x-amz-decoded-content-length",
    "x-amz-security-token",
    "x-amz-trailer",
)
"""Headers that mean something to the server, so that nobody may add or change them on the way."""

_BASIC_DATE = re.compile(r"(\d{4})(\d\d)(\d\d)T(\d\d)(\d\d)(\d\d)Z", re.ASCII)
_SHA256 = re.compile(r"[0-9a-f]{64}", re.ASCII)
_HEADER_LIST = re.compile(r"[!#$%&'*+.^_`|~0-9a-z-]+(;[!#$%&'*+.^_`|~0-9a-z-]+)*", re.ASCII)
_SCOPE = re.compile(r"[^/\s]{1,128}/\d{8}/[a-z0-9-]{1,32}/[a-z0-9.-]{1,64}/aws4_request", re.ASCII)
_QUERY_NAMES = ("Algorithm", "Credential", "Date", "Expires", "SignedHeaders", "Signature", "Security-Token")
_MISMATCH = (
    "The request signature we calculated does not match the signature you provided. Check your secret access key and "
    "signing method, and that no proxy changes the host, the path or the query."
)


class SignatureError(WireError):
    """The signature is missing, malformed, too old, or wrong."""


@dataclass(frozen=True, kw_only=True)
class Verified:
    """A request whose signature holds, or will be held against the body by `open_body`.

    Attributes:
        key_id: of the access key that signed.
        region: of the credential scope.
    """

    key_id: str
    region: str
    open_body: Callable[[bytes], bytes]
    """Checks the whole body as it came, and gives it without its chunks.

    Raises:
        SignatureError: the body is not the one that was signed.
        WireError: its chunks are malformed.
    """


@dataclass(frozen=True, kw_only=True)
class Claim:
    """What a signature says of itself.

    Attributes:
        key_id: of the access key.
        day, region, service: of the credential scope.
        signed_headers: names of the headers that it covers, with semicolons between them.
        signature: 64 hexadecimal digits.
        date: when it was made.
        expires: seconds for which a presigned URL holds; None where the signature is in a header.
    """

    key_id: str
    day: str
    region: str
    service: str
    signed_headers: str
    signature: str
    date: datetime
    expires: int | None = None

    @property
    def scope(self) -> str:
        """The credential scope, as it stands in the text that is signed."""
        return f"{self.day}/{self.region}/{self.service}/aws4_request"

    @cached_property
    def timestamp(self) -> str:
        """The date, as it stands in the text that is signed."""
        return self.date.strftime("%Y%m%dT%H%M%SZ")


def verify(request: SignedRequest, claim: Claim, *, secret: bytes, now: datetime, service: str) -> Verified:
    """Check a signature in the Authorization header, or in the query of a presigned URL.

    Args:
        request: as it came; its body is checked by `Verified.open_body` when it has come.
        claim: what `read_claim` found in it.
        secret: of the access key that it names.
        now: aware, to hold the signature's date against.
        service: the name that the credential scope has to hold.

    Raises:
        SignatureError: with AWS's name for what is wrong.
    """
    _check_scope(claim, service)
    _check_date(claim, now)
    _check_signed_headers(request, claim)
    key = _signing_key(secret, claim)
    payload = request.header("x-amz-content-sha256")
    if payload is None:
        return Verified(key_id=claim.key_id, region=claim.region, open_body=_Unhashed(request, claim, key))
    _check_signature(request, claim, key, payload)
    return Verified(key_id=claim.key_id, region=claim.region, open_body=_body_opener(request, payload, claim, key))


def unknown_key(key_id: str) -> SignatureError:
    """The refusal of a key that is not known, or was revoked."""
    message = f"The access key {key_id[:128]!r} is not known here, or was revoked; see `walkaround keys`."
    return SignatureError("UnrecognizedClientException", message, status=403)


def unverified(request: SignedRequest) -> Verified:
    """Take a request as it says it is, for a server that asks for no key: no signature, date or hash is looked at.

    Returns:
        key id and region of the credential scope; empty where there is none.
    """
    credential = re.search(r"(?:Credential=|X-Amz-Credential=)([^,&\s]+)", f"{request.header('authorization')} {request.query}")
    scope = unquote_to_bytes(credential[1]).decode("latin-1") if credential else ""
    key_id, _, region, *_ = scope.split("/") if _SCOPE.fullmatch(scope) else ("", "", "")
    payload = request.header("x-amz-content-sha256")

    def open_body(body: bytes) -> bytes:
        return decode_chunks(body, length=_decoded_length(request), chain=None) if payload in _CHUNKED else body

    return Verified(key_id=key_id, region=region, open_body=open_body)


@dataclass(frozen=True)
class _Unhashed:
    """Checks a signature that covers a body whose hash no header tells: it can be checked only when the body is there."""

    request: SignedRequest
    claim: Claim
    key: bytes

    def __call__(self, body: bytes) -> bytes:
        _check_signature(self.request, self.claim, self.key, hashlib.sha256(body).hexdigest())
        return body


def _body_opener(request: SignedRequest, payload: str, claim: Claim, key: bytes) -> Callable[[bytes], bytes]:
    if payload == _UNSIGNED:
        return lambda body: body
    if payload in _CHUNKED:
        length = _decoded_length(request)
        chain = None
        if payload != _UNSIGNED_CHUNKS_TRAILER:
            chain = Chain(key=key, prefix=f"{claim.timestamp}\n{claim.scope}", signature=claim.signature)
        trailers = (request.header("x-amz-trailer") or "") if payload.endswith("-TRAILER") else ""
        names = tuple(name.strip().lower() for name in trailers.split(",") if name.strip())
        return lambda body: decode_chunks(body, length=length, chain=chain, trailers=names)

    def open_hashed(body: bytes) -> bytes:
        if not hmac.compare_digest(hashlib.sha256(body).hexdigest(), payload):
            raise SignatureError(
                "InvalidSignatureException", "The body is not the one that x-amz-content-sha256 tells of.", status=403
            )
        return body

    if not _SHA256.fullmatch(payload):
        raise _incomplete(f"x-amz-content-sha256 has to be a SHA-256 in hexadecimal or {_UNSIGNED}, not {payload[:80]!r}.")
    return open_hashed


def _decoded_length(request: SignedRequest) -> int:
    text = request.header("x-amz-decoded-content-length") or ""
    if not re.fullmatch(r"\d{1,12}", text, re.ASCII):
        raise _incomplete("A body in chunks needs a header x-amz-decoded-content-length with its length in bytes.")
    return int(text)


def _incomplete(message: str) -> SignatureError:
    return SignatureError("IncompleteSignatureException", message, status=400)


def _invalid(message: str) -> SignatureError:
    return SignatureError("InvalidSignatureException", message, status=403)


def read_claim(request: SignedRequest) -> Claim:
    """Read who a request says signed it, and how; nothing is proven by it.

    Raises:
        SignatureError: there is no signature, or it is malformed.
    """
    headers = [value for name, value in request.headers if name == "authorization"]
    query = _presigned_parameters(request.query)
    if not headers and not query:
        raise SignatureError(
            "MissingAuthenticationTokenException",
            "The request is not signed; give the client an access key that `walkaround keys` made.",
            status=403,
        )
    if len(headers) + bool(query) > 1:
        raise _incomplete("A request carries one signature: in one Authorization header, or in the query.")
    if "Security-Token" in query or request.header("x-amz-security-token") is not None:
        raise SignatureError(
            "UnrecognizedClientException",
            "Access keys of this server have no session token; leave AWS_SESSION_TOKEN empty.",
            status=403,
        )
    return _query_claim(query) if query else _header_claim(headers[0], request)


def _presigned_parameters(query: str) -> Mapping[str, str]:
    """The parameters of a presigned URL, without `X-Amz-`; empty when the URL is not presigned."""
    found: dict[str, str] = {}
    for name, value in query_pairs(query):
        short = name.decode("latin-1").removeprefix("X-Amz-")
        if name.startswith(b"X-Amz-") and short in _QUERY_NAMES:
            if short in found:
                raise _incomplete(f"X-Amz-{short} is in the query twice.")
            found[short] = value.decode("latin-1")
    return found


def _query_claim(query: Mapping[str, str]) -> Claim:
    missing = [f"X-Amz-{name}" for name in _QUERY_NAMES[:-1] if name not in query]
    if missing:
        raise _incomplete(f"The query of a presigned URL needs {', '.join(missing)}.")
    if query["Algorithm"] != ALGORITHM:
        raise _incomplete(f"X-Amz-Algorithm has to be {ALGORITHM}, not {query['Algorithm'][:40]!r}.")
    if not re.fullmatch(r"\d{1,6}", query["Expires"], re.ASCII) or not 1 <= int(query["Expires"]) <= LONGEST_VALIDITY:
        raise _incomplete(f"X-Amz-Expires has to be 1 to {LONGEST_VALIDITY} seconds, not {query['Expires'][:20]!r}.")
    return _claim_of(
        query["Credential"],
        query["SignedHeaders"],
        query["Signature"],
        date=_basic_date(query["Date"], "X-Amz-Date"),
        expires=int(query["Expires"]),
    )


def _header_claim(authorization: str, request: SignedRequest) -> Claim:
    algorithm, _, rest = authorization.strip().partition(" ")
    if algorithm != ALGORITHM:
        raise _incomplete(f"The Authorization header has to begin with {ALGORITHM}, not with {algorithm[:40]!r}.")
    parts: dict[str, str] = {}
    for part in rest.split(","):
        name, equals, value = part.strip().partition("=")
        if not equals or name in parts or name not in ("Credential", "SignedHeaders", "Signature"):
            raise _incomplete("The Authorization header holds Credential=..., SignedHeaders=..., Signature=... once each.")
        parts[name] = value
    missing = [name for name in ("Credential", "SignedHeaders", "Signature") if name not in parts]
    if missing:
        raise _incomplete(f"Authorization header requires {' and '.join(repr(name) for name in missing)} parameter.")
    return _claim_of(parts["Credential"], parts["SignedHeaders"], parts["Signature"], date=_header_date(request))


def _claim_of(credential: str, signed_headers: str, signature: str, *, date: datetime, expires: int | None = None) -> Claim:
    if not _SCOPE.fullmatch(credential):
        raise _incomplete("Credential must be KEY/YYYYMMDD/REGION/SERVICE/aws4_request.")
    if not _HEADER_LIST.fullmatch(signed_headers):
        raise _incomplete("SignedHeaders must be names of headers in lower case, with semicolons between them.")
    if not _SHA256.fullmatch(signature):
        raise _incomplete("Signature must be 64 hexadecimal digits in lower case.")
    key_id, day, region, service, _ = credential.split("/")
    return Claim(
        key_id=key_id,
        day=day,
        region=region,
        service=service,
        signed_headers=signed_headers,
        signature=signature,
        date=date,
        expires=expires,
    )


def _header_date(request: SignedRequest) -> datetime:
    basic = request.header("x-amz-date")
    if basic is not None:
        return _basic_date(basic, "x-amz-date")
    plain = request.header("date")
    if plain is None:
        raise _incomplete("Authorization header requires existence of either an 'X-Amz-Date' or a 'Date' header.")
    if _BASIC_DATE.fullmatch(plain):
        return _basic_date(plain, "date")
    try:
        date = parsedate_to_datetime(plain)
        return (date if date.tzinfo else date.replace(tzinfo=UTC)).astimezone(UTC)
    except (ValueError, OverflowError) as problem:
        raise _incomplete(f"The Date header {plain[:40]!r} is no date of RFC 5322.") from problem


def _basic_date(text: str, where: str) -> datetime:
    try:
        found = _BASIC_DATE.fullmatch(text)
        if found is not None:
            year, month, day, hour, minute, second = map(int, found.groups())
            return datetime(year, month, day, hour, minute, second, tzinfo=UTC)
    except ValueError:
        pass  # there is no such day
    raise _incomplete(f"{where} must be a date such as 20201120T083000Z, not {text[:40]!r}.")


def _check_scope(claim: Claim, service: str) -> None:
    if claim.service != service:
        raise _invalid(f"Credential should be scoped to correct service: '{service}'.")
    if claim.day != claim.timestamp[:8]:
        raise _invalid("Date in Credential scope does not match YYYYMMDD from ISO-8601 version of date from HTTP.")


def _check_date(claim: Claim, now: datetime) -> None:
    if claim.date > now + SKEW:
        raise _invalid(
            f"Signature not yet current: {claim.timestamp} is later than {now:%Y%m%dT%H%M%SZ} + 15 min; check the clock."
        )
    span = SKEW if claim.expires is None else timedelta(seconds=claim.expires)
    if now - claim.date > span:
        end = claim.date + span
        raise _invalid(f"Signature expired: it held until {end:%Y%m%dT%H%M%SZ}, and it is {now:%Y%m%dT%H%M%SZ} here.")


def _check_signed_headers(request: SignedRequest, claim: Claim) -> None:
    signed = claim.signed_headers.split(";")
    names = {name for name, _ in request.headers}
    if len(set(signed)) != len(signed):
        raise _incomplete("SignedHeaders names a header twice.")
    needed = {"host", *(name for name in _SIGNED_IF_SENT if name in names)}
    if claim.expires is None:
        needed.add("x-amz-date" if "x-amz-date" in names else "date")
    unsigned = sorted(needed - set(signed))
    if unsigned:
        raise _invalid(f"These headers have to be signed: {', '.join(unsigned)}.")
    missing = sorted(set(signed) - names)
    if missing:
        raise _invalid(f"These headers were signed and are missing: {', '.join(missing)}.")


def _signing_key(secret: bytes, claim: Claim) -> bytes:
    key = b"AWS4" + secret
    for part in (claim.day, claim.region, claim.service, "aws4_request"):
        key = hmac.digest(key, part.encode("ascii"), "sha256")
    return key


def _check_signature(request: SignedRequest, claim: Claim, key: bytes, payload: str) -> None:
    canonical = canonical_request(
        request, signed_headers=claim.signed_headers, payload=payload, presigned=claim.expires is not None
    )
    text = f"{ALGORITHM}\n{claim.timestamp}\n{claim.scope}\n{hashlib.sha256(canonical).hexdigest()}"
    expected = hmac.digest(key, text.encode("ascii"), "sha256").hex()
    if not hmac.compare_digest(expected, claim.signature):
        raise _invalid(_MISMATCH)
