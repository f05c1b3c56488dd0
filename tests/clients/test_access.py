"""Who may call the service: requests signed by botocore itself, then altered, presigned, or signed by somebody else."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import NamedTuple

import botocore.auth
import botocore.awsrequest
import botocore.credentials
import httpx
import pytest

from served import REGION, Key, Served

BODY = b'{"ProjectName": "signed"}'


class Signed(NamedTuple):
    """A request, ready to be sent, or to be altered first."""

    method: str
    url: str
    headers: dict[str, str]
    body: bytes

    def send(self) -> httpx.Response:
        """Over a connection of its own."""
        return httpx.request(self.method, self.url, headers=self.headers, content=self.body)


def sign(
    served: Served, method: str = "POST", *, body: bytes = BODY, key: Key | None = None, service: str = "lookoutvision"
) -> Signed:
    """POST or GET the projects, signed by botocore in the headers."""
    key = key or served.key
    request = botocore.awsrequest.AWSRequest(method, f"{served.url}/2020-11-20/projects", data=body)
    if body:
        request.headers["Content-Type"] = "application/json"
    credentials = botocore.credentials.Credentials(key.key_id, key.secret)
    botocore.auth.SigV4Auth(credentials, service, REGION).add_auth(request)
    return Signed(method, request.url, dict(request.headers), body)


def presign(served: Served, *, seconds: int = 60, age: timedelta = timedelta(0)) -> str:
    """A URL that lists the projects for whoever has it."""
    request = botocore.awsrequest.AWSRequest("GET", f"{served.url}/2020-11-20/projects?maxResults=5")
    credentials = botocore.credentials.Credentials(served.key.key_id, served.key.secret)
    signer = botocore.auth.SigV4QueryAuth(credentials, "lookoutvision", REGION, expires=seconds)
    request.context["timestamp"] = (datetime.now(UTC) - age).strftime("%Y%m%dT%H%M%SZ")
    signer._modify_request_before_signing(request)  # the steps of add_auth, at another time than now
    text = signer.string_to_sign(request, signer.canonical_request(request))
    signer._inject_signature_to_request(request, signer.signature(text, request))
    url: str = request.url
    return url


def error_of(response: httpx.Response) -> str:
    """The error's name; nothing of the service may have been done or told."""
    assert 400 <= response.status_code < 500, response.text
    assert "Projects" not in response.json()
    return response.headers["x-amzn-ErrorType"].partition(":")[0]


def test_what_botocore_signs_is_answered(server: Served) -> None:
    assert sign(server, "GET", body=b"").send().json()["Projects"] is not None


def _other_end(signed: Signed) -> str:
    """A signature of the right form, with another last digit."""
    header = signed.headers["Authorization"]
    return header[:-1] + ("0" if header[-1] != "0" else "1")


ALTERED: dict[str, Callable[[Signed], Signed]] = {
    "body": lambda signed: signed._replace(body=b'{"ProjectName": "forged"}'),
    "path": lambda signed: signed._replace(url=signed.url + "/x/datasets"),
    "query": lambda signed: signed._replace(url=signed.url + "?maxResults=1"),
    "method": lambda signed: signed._replace(method="GET"),
    "signed header": lambda signed: signed._replace(headers={**signed.headers, "Content-Type": "text/plain"}),
    "signature": lambda signed: signed._replace(headers={**signed.headers, "Authorization": _other_end(signed)}),
    "date": lambda signed: signed._replace(headers={**signed.headers, "X-Amz-Date": "20250101T000000Z"}),
}


@pytest.mark.parametrize("part", ALTERED)
def test_a_request_that_was_altered_after_signing_is_refused(server: Served, part: str) -> None:
    response = ALTERED[part](sign(server)).send()
    assert error_of(response) == "InvalidSignatureException"
    assert response.status_code == 403
    names = [one["ProjectName"] for one in sign(server, "GET", body=b"").send().json()["Projects"]]
    assert "forged" not in names


def test_a_request_without_a_signature_is_refused(server: Served) -> None:
    response = httpx.get(f"{server.url}/2020-11-20/projects")
    assert error_of(response) in ("MissingAuthenticationTokenException", "AccessDeniedException")
    assert response.status_code == 403


def test_keys_that_are_not_known_here_are_refused(server: Served) -> None:
    stranger = Key("AKIAIOSFODNN7EXAMPLE", "s" * 40)
    assert error_of(sign(server, key=stranger).send()) == "UnrecognizedClientException"
    liar = Key(server.key.key_id, "s" * 40)
    assert error_of(sign(server, key=liar).send()) == "InvalidSignatureException"
    assert error_of(sign(server, service="s3").send()) == "InvalidSignatureException"


def test_a_presigned_address_works_until_it_expires_and_only_as_it_is(server: Served) -> None:
    address = presign(server)
    assert httpx.get(address).json()["Projects"] is not None
    assert error_of(httpx.get(address.replace("maxResults=5", "maxResults=50"))) == "InvalidSignatureException"
    assert error_of(httpx.post(address)) == "InvalidSignatureException"
    expired = httpx.get(presign(server, seconds=30, age=timedelta(seconds=60)))
    assert error_of(expired) in ("InvalidSignatureException", "AccessDeniedException")
    future = httpx.get(presign(server, age=timedelta(minutes=-20)))
    assert error_of(future) == "InvalidSignatureException"


@pytest.mark.parametrize(("role", "method", "status"), [("read", "GET", 200), ("read", "POST", 403), ("detect", "POST", 403)])
def test_a_role_may_do_what_it_says_and_no_more(server: Served, role: str, method: str, status: int) -> None:
    key = server.make_key(role)
    body = BODY if method == "POST" else b""
    response = until_known(lambda: sign(server, method, body=body, key=key).send())
    assert response.status_code == status, response.text
    if status == 403:
        assert error_of(response) == "AccessDeniedException"


def test_a_revoked_key_opens_nothing(server: Served) -> None:
    key = server.make_key("read")
    assert until_known(lambda: sign(server, "GET", body=b"", key=key).send()).status_code == 200
    server.walkaround("keys", "revoke", key.key_id)
    for _ in range(100):
        response = sign(server, "GET", body=b"", key=key).send()
        if response.status_code == 403:
            break
    assert error_of(response) == "UnrecognizedClientException"


def test_another_account_sees_nothing_of_this_one(server: Served) -> None:
    key = server.make_key("manage", "--account", "123456789012")
    assert sign(server, body=b'{"ProjectName": "mine"}').send().status_code == 200
    assert until_known(lambda: sign(server, "GET", body=b"", key=key).send()).json()["Projects"] == []


def until_known(send: Callable[[], httpx.Response]) -> httpx.Response:
    """A server knows a new key within a second."""
    for _ in range(200):
        response = send()
        if response.headers.get("x-amzn-ErrorType", "") != "UnrecognizedClientException":
            break
    return response
