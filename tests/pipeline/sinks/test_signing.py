"""Signatures of webhooks: only the right secret, the same body and a recent time give one that holds."""

from __future__ import annotations

import hashlib
import hmac

import pytest
from hypothesis import given
from hypothesis import strategies as st

from walkaround.pipeline.sinks.signing import sign, verify

BODY, NOW = b'{"id": "1"}', 1_790_000_000.75
HEADER = sign("secret of both", BODY, at=NOW)


def test_the_signature_is_the_hmac_of_time_and_body() -> None:
    digest = hmac.new(b"secret of both", b'1790000000.{"id": "1"}', hashlib.sha256).hexdigest()
    assert f"t=1790000000,v1={digest}" == HEADER
    assert verify("secret of both", HEADER, BODY, now=NOW)


@pytest.mark.parametrize(
    ("secret", "header", "body", "now"),
    [
        ("another secret", HEADER, BODY, NOW),
        ("secret of both", HEADER, BODY + b" ", NOW),
        ("secret of both", HEADER, BODY, NOW + 302),
        ("secret of both", HEADER, BODY, NOW - 302),
        ("secret of both", HEADER.replace("t=179", "t=189"), BODY, NOW),
        ("secret of both", HEADER.replace("v1=", "v0="), BODY, NOW),
        ("secret of both", f"t=1,{HEADER}", BODY, NOW),
        ("secret of both", HEADER.split(",")[0], BODY, NOW),
        ("secret of both", "", BODY, NOW),
        ("secret of both", "t=²,v1=é", BODY, NOW),
    ],
)
def test_what_is_not_right_is_refused(secret: str, header: str, body: bytes, now: float) -> None:
    assert not verify(secret, header, body, now=now)


def test_a_secret_can_be_replaced_while_both_sign() -> None:
    both = f"{sign('old secret', BODY, at=NOW)},{sign('new secret', BODY, at=NOW).split(',')[1]}"
    assert verify("old secret", both, BODY, now=NOW + 299)
    assert verify("new secret", both, BODY, now=NOW - 299)


@given(header=st.text(), body=st.binary())
def test_no_header_from_outside_breaks_it(header: str, body: bytes) -> None:
    assert not verify("secret of both", header, body, now=NOW)


@given(secret=st.text(min_size=1), body=st.binary(), at=st.integers(0, 4_000_000_000))
def test_what_is_signed_holds(secret: str, body: bytes, at: int) -> None:
    assert verify(secret, sign(secret, body, at=at), body, now=at)
