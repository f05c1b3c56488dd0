"""The webhook sink against a real server: signed, known again by its id, and judged by what the server answers."""

from __future__ import annotations

import json
import socket
import ssl
import subprocess
import threading
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import pytest

from walkaround.errors import InputError, UnavailableError, ValidationError
from walkaround.pipeline.sinks.delivered import Delivered, RefusedError
from walkaround.pipeline.sinks.signing import verify
from walkaround.pipeline.sinks.webhook import FailedError, WebhookSender, check_host
from walkaround.pipeline.spec import WebhookSink
from walkaround.settings import Settings

Make = Callable[..., Delivered]
SETTINGS = Settings.model_validate({"webhook_secret": "secret of both"})


def sender(url: str, *, seconds: float = 5.0) -> WebhookSender:
    return WebhookSender(WebhookSink(url=url), settings=SETTINGS, seconds=seconds)


def test_a_result_is_posted_as_signed_json(receiver: Any, delivered: Make) -> None:
    assert sender(receiver.url).send([delivered(key="ä/b.jpg")]) == [None]
    ((headers, body),) = receiver.got
    assert headers["Content-Type"] == "application/json"
    assert verify("secret of both", headers["X-Walkaround-Signature"], body, now=time.time())
    document = json.loads(body)
    assert (document["key"], document["project"], document["model_version"]) == ("ä/b.jpg", "cars", 3)
    assert document["DetectAnomalyResult"] == {"Source": {"Type": "direct"}, "IsAnomalous": True, "Confidence": 0.9731}


def test_a_retry_has_the_same_id_and_another_result_has_not(receiver: Any, delivered: Make) -> None:
    for _ in range(2):
        sender(receiver.url).send([delivered(), delivered(key="c.jpg")])
    ids = [headers["X-Walkaround-Delivery"] for headers, _ in receiver.got]
    assert ids[:2] == ids[2:]
    assert ids[0] != ids[1]
    assert ids == [headers["Idempotency-Key"] for headers, _ in receiver.got]


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        *[(status, type(None)) for status in (200, 201, 202, 204)],
        *[(status, RefusedError) for status in (400, 410, 413, 415, 422)],
        *[(status, UnavailableError) for status in (301, 302, 307, 401, 403, 404, 408, 425, 429, 502, 503, 504)],
        *[(status, FailedError) for status in (500, 501, 599, 304 + 130)],
    ],
)
def test_the_status_says_what_becomes_of_it(receiver: Any, delivered: Make, status: int, kind: type[Exception]) -> None:
    receiver.answers = lambda number, body: (status, {"Location": receiver.url}, 0)
    (error,) = sender(receiver.url).send([delivered()])
    assert type(error) is kind
    assert len(receiver.got) == 1  # a redirect is not followed
    if error is not None:
        assert f"answered {status} (number 1)" in str(error)


@pytest.mark.parametrize(
    ("given", "seconds"),
    [
        ("7", 7),
        ("100000", 600),
        ("0", 1),
        ("-5", 1),
        ("soon", 1),
        (format_datetime(datetime.now(UTC) + timedelta(hours=9), usegmt=True), 600),
    ],
    ids=["seconds", "many", "none", "negative", "words", "date"],
)
def test_the_server_says_when_to_come_again(receiver: Any, delivered: Make, given: str, seconds: int) -> None:
    receiver.answers = lambda number, body: (429, {"Retry-After": given}, 0)
    (error,) = sender(receiver.url).send([delivered()])
    assert isinstance(error, UnavailableError)
    assert error.retry_after == seconds


def test_the_rest_waits_when_the_server_is_away(receiver: Any, delivered: Make) -> None:
    receiver.answers = lambda number, body: (200 if number == 1 else 503, {}, 0)
    errors = sender(receiver.url).send([delivered(key=f"{number}.jpg") for number in range(4)])
    assert errors[0] is None
    assert errors[1] is errors[2] is errors[3]
    assert len(receiver.got) == 2


def test_one_bad_result_holds_up_no_other(receiver: Any, delivered: Make) -> None:
    receiver.answers = lambda number, body: (422 if b'"key": "bad"' in body else 500 if b'"key": "odd"' in body else 200, {}, 0)
    errors = sender(receiver.url).send([delivered(key=key) for key in ("1", "bad", "2", "odd", "3")])
    assert [type(error) for error in errors] == [type(None), RefusedError, type(None), FailedError, type(None)]


def test_a_slow_server_is_given_up(receiver: Any, delivered: Make) -> None:
    receiver.answers = lambda number, body: (200, {}, 3)
    (error,) = sender(receiver.url, seconds=0.3).send([delivered()])
    assert "does not answer (no answer in time)" in str(error)


def _serving(talk: Callable[[socket.socket], None]) -> str:
    """The URL of a server that says one odd thing."""
    listener = socket.create_server(("127.0.0.1", 0))

    def serve() -> None:
        connection, _ = listener.accept()
        with connection, listener:
            try:
                talk(connection)
            except OSError:
                return

    threading.Thread(target=serve, daemon=True).start()
    return f"http://127.0.0.1:{listener.getsockname()[1]}/"


def test_a_server_that_trickles_is_given_up(delivered: Make) -> None:
    def trickle(connection: socket.socket) -> None:
        for byte in b"HTTP/1.1 200 OK\r\n" + b"x: y\r\n" * 100:
            connection.sendall(bytes([byte]))
            time.sleep(0.05)

    began = time.monotonic()
    (error,) = sender(_serving(trickle), seconds=0.5).send([delivered()])
    assert time.monotonic() - began < 20, "all of it would take half a minute"
    assert "no answer in time" in str(error)


@pytest.mark.parametrize("said", [b"", b"SSH-2.0-hello\r\n", b"HTTP/1.1 abc\r\n\r\n", b"\0" * 99])
def test_nonsense_is_no_answer(delivered: Make, said: bytes) -> None:
    def say(connection: socket.socket) -> None:
        connection.recv(100_000)
        connection.sendall(said)

    (error,) = sender(_serving(say)).send([delivered()])
    assert isinstance(error, UnavailableError)


def test_an_endless_answer_is_not_read() -> None:
    poured: list[int] = []

    def pour(connection: socket.socket) -> None:
        connection.recv(100_000)
        connection.sendall(b"HTTP/1.1 200 OK\r\n\r\n")
        while True:
            connection.sendall(b"x" * 1_000_000)
            poured.append(1_000_000)

    url = _serving(pour)
    moment = datetime.now(UTC)
    given = Delivered(
        identity="1",
        watch="w",
        source="s",
        bucket="b",
        key="k",
        happened=moment,
        project="p",
        model_version=1,
        findings={"anomalous": False, "confidence": 1},
        created=moment,
    )
    assert sender(url).send([given]) == [None]
    assert sum(poured) < 50_000_000, "more than the buffers of the connection was read"


@pytest.mark.parametrize("url", ["http://127.0.0.1:1/", "http://nobody.invalid/", "http://127.0.0.1:1/a b\u00e9\u2028"])
def test_nobody_there_is_away(delivered: Make, url: str) -> None:
    (error,) = sender(url).send([delivered()])
    assert isinstance(error, UnavailableError)


def test_a_certificate_must_be_of_the_host_and_known(delivered: Make, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    made = ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2"]
    made += ["-keyout", "key.pem", "-out", "cert.pem", "-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost"]
    subprocess.run(made, cwd=tmp_path, check=True, capture_output=True)

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            self.rfile.read(int(self.headers["Content-Length"]))
            self.send_response(204)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    class Server(HTTPServer):
        def handle_error(self, request: object, client_address: object) -> None:
            """A caller that does not trust it hangs up."""

    server = Server(("127.0.0.1", 0), Handler)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(tmp_path / "cert.pem", tmp_path / "key.pem")
    server.socket = context.wrap_socket(server.socket, server_side=True, do_handshake_on_connect=False)
    threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
    port = server.server_address[1]
    (error,) = sender(f"https://localhost:{port}/").send([delivered()])
    assert "self-signed certificate" in str(error)
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "cert.pem"))
    assert sender(f"https://localhost:{port}/").send([delivered()]) == [None]
    (error,) = sender(f"https://127.0.0.1:{port}/").send([delivered()])
    assert "IP address mismatch" in str(error)
    server.shutdown()
    server.server_close()


def test_without_a_secret_nothing_is_sent() -> None:
    with pytest.raises(InputError, match="set webhook_secret"):
        WebhookSender(WebhookSink(url="https://claims.example.com"), settings=Settings())


@pytest.mark.parametrize(
    ("url", "allowed"),
    [
        ("https://claims.example.com/hook", True),
        ("https://CLAIMS.example.com:443/hook", True),
        ("http://claims.example.com/hook", False),
        ("https://claims.example.com:8443/hook", False),
        ("https://hooks.example.com:8443/", True),
        ("https://hooks.example.com/", False),
        ("http://10.0.0.7:80/", True),
        ("http://[::1]:8080/", True),
        ("https://claims.example.com.evil.org/", False),
        ("https://evil.org/?claims.example.com", False),
        ("http://169.254.169.254/latest", False),
    ],
)
def test_from_outside_only_allowed_hosts_are_sent_to(url: str, allowed: bool) -> None:
    hosts = "claims.example.com, hooks.example.com:8443,10.0.0.7:80,[::1]:8080"
    settings = Settings.model_validate({"webhook_hosts": hosts})
    if allowed:
        check_host(url, settings)
    else:
        with pytest.raises(ValidationError, match="can add it to the setting webhook_hosts"):
            check_host(url, settings)
    with pytest.raises(ValidationError):
        check_host(url, Settings())
