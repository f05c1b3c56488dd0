"""Signatures: those that AWS published hold, those that botocore makes hold, and whatever was changed afterwards does not."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlsplit

import pytest
from botocore.auth import SigV4Auth, SigV4QueryAuth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
from hypothesis import given, settings
from hypothesis import strategies as st

from walkaround.aws.canonical import SignedRequest
from walkaround.aws.faults import WireError
from walkaround.aws.signing import Verified, read_claim, unknown_key, unverified, verify

SUITE = json.loads((Path(__file__).parent / "signature_vectors.json").read_text(encoding="utf-8"))
SUITE_NOW = datetime.fromisoformat(SUITE["now"])
SECRET: str = SUITE["secret"]


def request_of(method: str, target: str, headers: list[tuple[str, str]]) -> SignedRequest:
    path, _, query = target.encode("utf-8").decode("latin-1").partition("?")
    return SignedRequest(method=method, path=path, query=query, headers=[(name.lower(), value) for name, value in headers])


def checked(request: SignedRequest, *, now: datetime, service: str = "lookoutvision", secret: str = SECRET) -> Verified:
    claim = read_claim(request)
    if claim.key_id != SUITE["key_id"]:
        raise unknown_key(claim.key_id)
    return verify(request, claim, secret=secret.encode(), now=now, service=service)


def signed(method: str, url: str, body: bytes, headers: dict[str, str], *, expires: int | None = None) -> SignedRequest:
    """What botocore makes of a request."""
    request = AWSRequest(method, url, data=body, headers={"Host": "example.com:8080", **headers})
    credentials = Credentials("AKIDEXAMPLE", SECRET)
    if expires is None:
        SigV4Auth(credentials, "lookoutvision", "eu-west-1").add_auth(request)
    else:
        SigV4QueryAuth(credentials, "lookoutvision", "eu-west-1", expires=expires).add_auth(request)
    parts = urlsplit(request.url)
    return request_of(method, f"{parts.path}?{parts.query}", list(request.headers.items()))


def vanilla(**headers: str) -> SignedRequest:
    return signed("POST", "http://example.com:8080/2020-11-20/projects", b"{}", headers)


@pytest.mark.parametrize("vector", SUITE["vectors"], ids=lambda vector: vector["name"])
def test_a_published_request_holds_and_not_with_another_body_or_secret(vector: dict[str, Any]) -> None:
    request = request_of(vector["method"], vector["target"], [(name, value) for name, value in vector["headers"]])
    body = vector["body"].encode()
    found = checked(request, now=SUITE_NOW, service=SUITE["service"], secret=SUITE["secret"])
    assert (found.key_id, found.region) == (SUITE["key_id"], "us-east-1")
    assert found.open_body(body) == body
    with pytest.raises(WireError, match=r"does not match|tells of"):
        found.open_body(body + b"x")
    with pytest.raises(WireError, match="does not match"):
        checked(request, now=SUITE_NOW, service=SUITE["service"], secret=SUITE["secret"][1:]).open_body(body)


SAFE = st.text("abcXYZ019-_.~/ %+&=ü€", max_size=12)
SEGMENTS = st.lists(SAFE.filter(lambda text: text not in ("", ".", "..")), min_size=1, max_size=4)
QUERIES = st.lists(st.tuples(SAFE, SAFE), max_size=4)
HEADERS = st.dictionaries(
    st.sampled_from(["X-Amzn-Client-Token", "Content-Type", "X-Other"]), st.text("ab  c/;=,1", max_size=10), max_size=3
)
BODIES = st.binary(max_size=40)


@st.composite
def sent_requests(draw: st.DrawFn) -> tuple[SignedRequest, bytes]:
    path = "/".join(quote(segment, safe="-_.~") for segment in draw(SEGMENTS))
    query = "&".join(f"{quote(name, safe='-_.~')}={quote(value, safe='-_.~')}" for name, value in draw(QUERIES))
    expires = draw(st.none() | st.integers(1, 604_800))
    body = b"" if expires else draw(BODIES)  # botocore moves the body of a presigned request into the query
    url = f"http://example.com:8080/{path}" + (f"?{query}" if query else "")
    return signed(draw(st.sampled_from(["GET", "POST", "PATCH"])), url, body, draw(HEADERS), expires=expires), body


@given(sent=sent_requests())
@settings(max_examples=80, deadline=None)
def test_what_botocore_signs_holds(sent: tuple[SignedRequest, bytes]) -> None:
    request, body = sent
    found = checked(request, now=datetime.now(UTC))
    assert (found.key_id, found.region, found.open_body(body)) == ("AKIDEXAMPLE", "eu-west-1", body)


def altered(text: str, place: int) -> str | None:
    """`text` with one letter or digit replaced by another, which never means the same; None where it has none."""
    spots = [found.start() for found in re.finditer("[0-9a-zA-Z]", text)]
    if not spots:
        return None
    spot = spots[place % len(spots)]
    return f"{text[:spot]}{'Q' if text[spot] in 'zZ' else 'z'}{text[spot + 1 :]}"


@given(sent=sent_requests(), part=st.sampled_from(["path", "query", "header", "body"]), place=st.integers(0, 10**6))
@settings(max_examples=150, deadline=None)
def test_one_altered_byte_anywhere_is_refused(sent: tuple[SignedRequest, bytes], part: str, place: int) -> None:
    request, body = sent
    if part == "body":
        body = body[: place % (len(body) + 1)] + bytes([place % 256]) + body[place % (len(body) + 1) :]
    elif part == "header":
        number = place % len(request.headers)
        name, value = request.headers[number]
        other = altered(value, place) or "z"
        request = replace(request, headers=[*request.headers[:number], (name, other), *request.headers[number + 1 :]])
    else:
        other = altered(getattr(request, part), place) or "z"
        request = replace(request, path=other) if part == "path" else replace(request, query=other)
    with pytest.raises(WireError):
        checked(request, now=datetime.now(UTC)).open_body(body)


@pytest.mark.parametrize(
    ("minutes", "expires", "said"),
    [
        (14, None, None),
        (16, None, "Signature expired"),
        (-14, None, None),
        (-16, None, "not yet current"),
        (9, 600, None),
        (11, 600, "Signature expired"),
        (-16, 600, "not yet current"),
    ],
)
def test_a_signature_holds_for_a_time(minutes: int, expires: int | None, said: str | None) -> None:
    request = signed("GET", "http://example.com/2020-11-20/projects", b"", {}, expires=expires)
    now = datetime.now(UTC) + timedelta(minutes=minutes)
    if said is None:
        assert checked(request, now=now).open_body(b"") == b""
        return
    with pytest.raises(WireError, match=said) as caught:
        checked(request, now=now)
    assert (caught.value.code, caught.value.status) == ("InvalidSignatureException", 403)


def with_authorization(pattern: str, replacement: str) -> SignedRequest:
    request = vanilla()
    return replace(
        request,
        headers=[
            (name, re.sub(pattern, replacement, value) if name == "authorization" else value) for name, value in request.headers
        ],
    )


def dated(date: str) -> SignedRequest:
    """A request whose date and scope are changed alike, to the last day of all or the first."""
    changed = with_authorization("/20[0-9]{6}/", f"/{date[:8]}/")
    return replace(changed, headers=[(name, date if name == "x-amz-date" else value) for name, value in changed.headers])


@pytest.mark.parametrize(
    ("request_", "code", "said"),
    [
        (request_of("GET", "/", [("host", "a")]), "MissingAuthenticationTokenException", "not signed"),
        (with_authorization("^", "Bearer "), "IncompleteSignatureException", "begin with AWS4-HMAC-SHA256"),
        (with_authorization("AWS4-HMAC-SHA256", "AWS4-ECDSA-P256-SHA256"), "IncompleteSignatureException", "begin with"),
        (with_authorization("Signature=.*", ""), "IncompleteSignatureException", "once each"),
        (with_authorization(", Signature=.*", ""), "IncompleteSignatureException", "'Signature'"),
        (with_authorization("Signature=", "Signature=0"), "IncompleteSignatureException", "64 hexadecimal"),
        (with_authorization("Credential=[^,]*", "Credential=a/b"), "IncompleteSignatureException", "KEY/YYYYMMDD"),
        (with_authorization("$", ", Signature=1"), "IncompleteSignatureException", "once each"),
        (with_authorization("/lookoutvision/", "/rekognition/"), "InvalidSignatureException", "correct service"),
        (with_authorization("/20[0-9]{6}/", "/20200101/"), "InvalidSignatureException", "YYYYMMDD"),
        (with_authorization("/eu-west-1/", "/us-east-1/"), "InvalidSignatureException", "does not match"),
        (with_authorization("host;", ""), "InvalidSignatureException", "have to be signed: host"),
        (with_authorization(";x-amz-date", ""), "InvalidSignatureException", "have to be signed: x-amz-date"),
        (with_authorization("host;", "host;x-gone;"), "InvalidSignatureException", "missing: x-gone"),
        (with_authorization("host;", "host;host;"), "IncompleteSignatureException", "twice"),
        (dated("99991231T235959Z"), "InvalidSignatureException", "not yet current"),
        (dated("00010101T000000Z"), "InvalidSignatureException", "does not match YYYYMMDD|expired"),
        (replace(vanilla(), query="X-Amz-Signature=1"), "IncompleteSignatureException", "one signature"),
        (replace(vanilla(), headers=[*vanilla().headers] * 2), "IncompleteSignatureException", "one signature"),
        (request_of("GET", "/?X-Amz-Algorithm=AWS4-HMAC-SHA256", []), "IncompleteSignatureException", "X-Amz-Credential"),
        (vanilla(**{"X-Amz-Security-Token": "t"}), "UnrecognizedClientException", "no session token"),
        (vanilla(**{"X-Amz-Content-SHA256": "what"}), "IncompleteSignatureException", "SHA-256 in hexadecimal"),
        (
            replace(vanilla(), headers=[*vanilla().headers, ("x-amz-content-sha256", "UNSIGNED-PAYLOAD")]),
            "InvalidSignatureException",
            "have to be signed: x-amz-content-sha256",
        ),
        (replace(vanilla(), headers=[*vanilla().headers, ("host", "b")]), "InvalidSignatureException", "does not match"),
        (replace(vanilla(), headers=[*vanilla().headers, ("x-amz-date", "b")]), "IncompleteSignatureException", "20201120T"),
        (replace(vanilla(), method="GET"), "InvalidSignatureException", "does not match"),
    ],
)
def test_a_wrong_signature_is_told_by_awss_name(request_: SignedRequest, code: str, said: str) -> None:
    with pytest.raises(WireError, match=said) as caught:
        checked(request_, now=datetime.now(UTC)).open_body(b"{}")
    assert caught.value.code == code
    assert caught.value.status == (400 if code.startswith("Incomplete") else 403)


@pytest.mark.parametrize(("name", "expires", "said"), [("0", 0, "1 to 604800"), ("week", 604_801, "1 to 604800")])
def test_a_presigned_url_holds_for_a_week_at_most(name: str, expires: int, said: str) -> None:
    request = signed("GET", "http://example.com/2020-11-20/projects", b"", {}, expires=expires)
    with pytest.raises(WireError, match=said):
        checked(request, now=datetime.now(UTC))


def test_a_date_header_does_where_there_is_no_other() -> None:
    request = vanilla(Date="now")  # botocore then signs the plain header, in the form of RFC 5322
    assert not any(name == "x-amz-date" for name, _ in request.headers)
    assert checked(request, now=datetime.now(UTC)).open_body(b"{}") == b"{}"


def test_a_body_may_be_unsigned_or_told_by_its_hash() -> None:
    unsigned = vanilla(**{"X-Amz-Content-SHA256": "UNSIGNED-PAYLOAD"})
    assert checked(unsigned, now=datetime.now(UTC)).open_body(b"anything") == b"anything"
    empty = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
    hashed = checked(vanilla(**{"X-Amz-Content-SHA256": empty}), now=datetime.now(UTC))
    assert hashed.open_body(b"") == b""
    with pytest.raises(WireError, match="not the one that x-amz-content-sha256 tells of"):
        hashed.open_body(b"anything")


def test_a_server_without_keys_reads_the_region_and_proves_nothing() -> None:
    found = unverified(replace(vanilla(), method="PUT"))
    assert (found.key_id, found.region, found.open_body(b"x")) == ("AKIDEXAMPLE", "eu-west-1", b"x")
    presigned = signed("GET", "http://example.com/", b"", {}, expires=60)
    assert unverified(presigned).region == "eu-west-1"
    assert unverified(request_of("GET", "/", [("authorization", "Bearer x")])).region == ""
