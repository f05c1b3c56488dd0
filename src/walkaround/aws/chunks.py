"""The transfer form aws-chunked: a body in chunks, each of which may carry its own signature, and trailers after the last.

Source: AWS, "Signature calculations for the Authorization header: transferring payload in multiple chunks", with and without
trailing headers.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import re
import zlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType

from walkaround.aws.faults import WireError

_HEAD = re.compile(rb"([0-9a-fA-F]{1,8})(?:;chunk-signature=([0-9a-f]{64}))?")
_LONGEST_HEAD = 256
_LONGEST_TRAILERS = 4096
_EMPTY = hashlib.sha256(b"").hexdigest()
_TRAILER_SIGNATURE = "x-amz-trailer-signature"
_CHECKSUMS: Mapping[str, Callable[[bytes], bytes]] = MappingProxyType(
    {
        "x-amz-checksum-crc32": lambda body: zlib.crc32(body).to_bytes(4, "big"),
        "x-amz-checksum-sha1": lambda body: hashlib.sha1(body, usedforsecurity=False).digest(),
        "x-amz-checksum-sha256": lambda body: hashlib.sha256(body).digest(),
    }
)
"""Those that the standard library knows; others, such as CRC-32C, are not held against the body."""


@dataclass
class Chain:
    """The chain of signatures through the chunks: each covers the one before it, the first the request's own.

    Attributes:
        key: the signing key of the request.
        prefix: date and scope, as they stand in the text that is signed.
        signature: the one before the next chunk's.
    """

    key: bytes
    prefix: str
    signature: str

    def check(self, sent: str | None, what: str, *hashes: str) -> None:
        """Hold a signature against the next link of the chain.

        Raises:
            WireError: it is another.
        """
        text = "\n".join((f"AWS4-HMAC-SHA256-{what}", self.prefix, self.signature, *hashes))
        expected = hmac.digest(self.key, text.encode("ascii"), "sha256").hex()
        if not hmac.compare_digest(expected, sent or ""):
            raise WireError("InvalidSignatureException", "The signature of a chunk of the body does not match it.", status=403)
        self.signature = expected


def decode_chunks(body: bytes, *, length: int, chain: Chain | None, trailers: tuple[str, ...] = ()) -> bytes:
    """Give a body without its chunks.

    Args:
        body: as it came, whole.
        length: of what it holds, as the client said.
        chain: to check signatures against; None for chunks that have none, or whose signatures do not matter.
        trailers: names of the headers that come after the last chunk, as the client said.

    Raises:
        WireError: it is malformed, cut off, of another length, or not what was signed.
    """
    pieces: list[bytes] = []
    place = 0
    while True:
        size, signature, place = _head(body, place)
        piece = body[place : place + size]
        if len(piece) != size:
            raise _malformed("it ends inside a chunk")
        if chain is not None:
            chain.check(signature, "PAYLOAD", _EMPTY, hashlib.sha256(piece).hexdigest())
        place += size
        if size == 0:
            break
        if body[place : place + 2] != b"\r\n":
            raise _malformed("a chunk does not end where its size says")
        place += 2
        pieces.append(piece)
    content = b"".join(pieces)
    if len(content) != length:
        raise _malformed(f"it holds {len(content)} bytes, and x-amz-decoded-content-length says {length}")
    _check_trailers(body[place:], content, chain=chain, announced=trailers)
    return content


def _head(body: bytes, place: int) -> tuple[int, str | None, int]:
    """Size and signature of the chunk that begins at `place`, and where its content begins."""
    end = body.find(b"\r\n", place, place + _LONGEST_HEAD)
    match = _HEAD.fullmatch(body, place, end) if end >= 0 else None
    if match is None:
        raise _malformed("a chunk does not begin with its size")
    return int(match[1], 16), match[2].decode("ascii") if match[2] else None, end + 2


def _check_trailers(rest: bytes, content: bytes, *, chain: Chain | None, announced: tuple[str, ...]) -> None:
    if len(rest) > _LONGEST_TRAILERS:
        raise _malformed("there is too much after the last chunk")
    sent = {}
    for line in rest.split(b"\r\n"):
        name, colon, value = line.decode("latin-1").partition(":")
        if line and (not colon or name.strip().lower() in sent):
            raise _malformed("there is something other than headers after the last chunk")
        if line:
            sent[name.strip().lower()] = value.strip()
    signature = sent.pop(_TRAILER_SIGNATURE, None)
    if sorted(sent) != sorted(announced) and (chain is not None or announced):
        raise _malformed("the trailers are not those that x-amz-trailer names")
    if chain is not None and announced:
        text = "".join(f"{name}:{sent[name]}\n" for name in sorted(sent))
        chain.check(signature, "TRAILER", hashlib.sha256(text.encode("latin-1")).hexdigest())
    for name, value in sent.items():
        digest = _CHECKSUMS.get(name)
        if digest is not None and base64.b64encode(digest(content)).decode("ascii") != value:
            raise _malformed(f"it does not have the {name} that was sent")


def _malformed(why: str) -> WireError:
    return WireError("IncompleteSignatureException", f"The body is not in aws-chunked form: {why}.", status=400)
