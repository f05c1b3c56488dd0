"""Bodies in signed chunks: AWS's published examples, and what is refused."""

from __future__ import annotations

import base64
import hashlib
import zlib
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from walkaround.aws.canonical import SignedRequest
from walkaround.aws.chunks import decode_chunks
from walkaround.aws.faults import WireError
from walkaround.aws.signing import Verified, read_claim, verify

NOW = datetime(2013, 5, 24, tzinfo=UTC)
CONTENT = [b"a" * 65536, b"a" * 1024, b""]
PLAIN = (
    "ad80c730a21e5b8d04586a2213dd63b9a0e99e0e2307b0ade35a65485a288648",
    "0055627c9e194cb4542bae2aa5492e3c1575bbb81b612b7d234b86a503ef5497",
    "b6c6ea8a5354eaf15b3cb7646744f4275b71ea724fed81ceb9323e279d449df9",
)
TRAILED = (
    "b474d8862b1487a5145d686f57f013e54db672cee1c953b3010fb58501ef5aa2",
    "1c1344b170168f8e65b41376b44b20fe354e373826ccbbe2c1d40a8cae51e5c7",
    "2ca2aba2005185cf7159c6277faf83795951dd77a3a99e6e65d5c9f85863f992",
)
TRAILER = (
    b"x-amz-checksum-crc32c:sOO8/Q==\r\n"
    b"x-amz-trailer-signature:d81f82fc3505edab99d459891051a732e8730629a2e4a59689829ca17fe2e435\r\n\r\n"
)


def body_of(signatures: tuple[str, ...], tail: bytes = b"\r\n") -> bytes:
    parts = [
        b"%x;chunk-signature=%s\r\n%s" % (len(content), signature.encode(), content + b"\r\n" if content else b"")
        for content, signature in zip(CONTENT, signatures, strict=True)
    ]
    return b"".join(parts) + tail


def example(mode: str, signature: str, **headers: str) -> Verified:
    """The request of AWS's documentation, in its two variants."""
    sent = {
        "content-encoding": "aws-chunked",
        "host": "s3.amazonaws.com",
        "x-amz-content-sha256": mode,
        "x-amz-date": "20130524T000000Z",
        "x-amz-decoded-content-length": "66560",
        "x-amz-storage-class": "REDUCED_REDUNDANCY",
        **{name.replace("_", "-"): value for name, value in headers.items()},
    }
    authorization = (
        "AWS4-HMAC-SHA256 Credential=AKIAIOSFODNN7EXAMPLE/20130524/us-east-1/s3/aws4_request,"
        f"SignedHeaders={';'.join(sorted(sent))},Signature={signature}"
    )
    request = SignedRequest(
        method="PUT",
        path="/examplebucket/chunkObject.txt",
        query="",
        headers=[*sent.items(), ("authorization", authorization)],
    )
    secret = b"wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"
    return verify(request, read_claim(request), secret=secret, now=NOW, service="s3")


def plain_example() -> Verified:
    signature = "4f232c4386841ef735655705268965c44a0e4690baa4adea153f7db9fa80a0a9"
    return example("STREAMING-AWS4-HMAC-SHA256-PAYLOAD", signature, content_length="66824")


def trailed_example() -> Verified:
    signature = "106e2a8a18243abcf37539882f36619c00e2dfc72633413f02d3b74544bfeb8e"
    return example("STREAMING-AWS4-HMAC-SHA256-PAYLOAD-TRAILER", signature, x_amz_trailer="x-amz-checksum-crc32c")


def test_the_published_chunks_hold() -> None:
    assert plain_example().open_body(body_of(PLAIN)) == b"".join(CONTENT)


def test_the_published_chunks_with_a_trailer_hold() -> None:
    assert trailed_example().open_body(body_of(TRAILED, TRAILER)) == b"".join(CONTENT)


@pytest.mark.parametrize("place", [0, 4, 30, 86, 90, 5000, 65620, 65700, -10, -60, -100])
def test_one_altered_byte_in_a_chunk_is_refused(place: int) -> None:
    for opened, body in ((plain_example(), body_of(PLAIN)), (trailed_example(), body_of(TRAILED, TRAILER))):
        wrong = bytearray(body)
        wrong[place] ^= 1
        with pytest.raises(WireError):
            opened.open_body(bytes(wrong))


@pytest.mark.parametrize(
    ("body", "said"),
    [
        (b"", "begin with its size"),
        (body_of(PLAIN)[:-86], "begin with its size"),
        (body_of(PLAIN)[:30_000], "inside a chunk"),
        (body_of(PLAIN) + b"x" * 5000, "too much after"),
        (b"5\r\nhello\r\n0\r\n\r\n", "signature of a chunk"),
    ],
)
def test_a_body_that_is_cut_off_or_unsigned_is_refused(body: bytes, said: str) -> None:
    with pytest.raises(WireError, match=said):
        plain_example().open_body(body)


def test_a_trailer_that_was_not_announced_is_refused() -> None:
    with pytest.raises(WireError, match="trailers"):
        trailed_example().open_body(body_of(TRAILED, b"x-amz-more:1\r\n" + TRAILER))


@given(pieces=st.lists(st.binary(min_size=1, max_size=30), max_size=4))
def test_unsigned_chunks_hold_their_checksum(pieces: list[bytes]) -> None:
    content = b"".join(pieces)
    start = b"".join(b"%x\r\n%s\r\n" % (len(piece), piece) for piece in pieces) + b"0\r\n"
    sums = {
        "x-amz-checksum-crc32": zlib.crc32(content).to_bytes(4, "big"),
        "x-amz-checksum-sha256": hashlib.sha256(content).digest(),
    }
    for name, digest in sums.items():
        body = start + f"{name}:{base64.b64encode(digest).decode()}\r\n\r\n".encode()
        assert decode_chunks(body, length=len(content), chain=None, trailers=(name,)) == content
        with pytest.raises(WireError, match="does not have the x-amz-checksum"):
            decode_chunks(start + f"{name}:AAAA\r\n\r\n".encode(), length=len(content), chain=None, trailers=(name,))
    with pytest.raises(WireError, match="x-amz-decoded-content-length says"):
        decode_chunks(start + b"\r\n", length=len(content) + 1, chain=None)


@given(body=st.binary(max_size=60))
def test_whatever_comes_is_decoded_or_refused(body: bytes) -> None:
    try:
        content = decode_chunks(body, length=3, chain=None)
    except WireError:
        return
    assert len(content) == 3
