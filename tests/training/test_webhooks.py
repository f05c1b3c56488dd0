"""Telling a server of a rule, on a real socket."""

from __future__ import annotations

import json
import logging
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest

from walkaround.errors import InputError
from walkaround.pipeline.sinks.signing import HEADER, verify
from walkaround.training.webhooks import Webhook

RECEIVERS_WORD = "shared with the receiver"
TOLD = {"event": "rule", "rule": "Overfit", "step": 12}


class Receiver:
    """Answers with the given statuses, one after the other, and keeps what it got."""

    def __init__(self, *statuses: int) -> None:
        self.got: list[tuple[dict[str, str], bytes]] = []
        got, left = self.got, list(statuses)

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                got.append((dict(self.headers.items()), body))
                self.send_response(left.pop(0))
                self.send_header("Location", "/elsewhere")
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, *_: object) -> None:
                pass

        self._server = HTTPServer(("127.0.0.1", 0), Handler)
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.02})
        self._thread.start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._server.server_port}/hook"

    def close(self) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()


@pytest.fixture
def receiver() -> Iterator[Callable[..., Receiver]]:
    opened: list[Receiver] = []

    def opening(*statuses: int) -> Receiver:
        opened.append(Receiver(*statuses))
        return opened[-1]

    yield opening
    for one in opened:
        one.close()


def test_it_is_posted_and_signed_as_the_pipeline_signs(receiver: Callable[..., Receiver]) -> None:
    server = receiver(204)
    hook = Webhook(url=server.url, secret=RECEIVERS_WORD)
    hook.send(TOLD)
    hook.wait()
    [(headers, body)] = server.got
    assert json.loads(body) == TOLD
    time = int(headers[HEADER].split(",")[0].removeprefix("t="))
    assert verify(RECEIVERS_WORD, headers[HEADER], body, now=time)
    assert not verify("other", headers[HEADER], body, now=time)


def test_it_is_tried_again_until_it_is_heard(receiver: Callable[..., Receiver]) -> None:
    server = receiver(500, 503, 200)
    hook = Webhook(url=server.url, pause=0.01)
    hook.send(TOLD)
    hook.wait()
    assert len(server.got) == 3
    assert HEADER not in server.got[0][0]


@pytest.mark.parametrize("status", [302, 404, 500])
def test_it_is_given_up_and_told(receiver: Callable[..., Receiver], caplog: pytest.LogCaptureFixture, status: int) -> None:
    server = receiver(status, status)
    hook = Webhook(url=server.url, tries=2, pause=0.01)
    with caplog.at_level(logging.WARNING):
        hook.send(TOLD)
        hook.wait()
    assert len(server.got) == 2
    assert f"it answered {status}, after 2 tries" in caplog.text


def test_nobody_there_is_told_too(caplog: pytest.LogCaptureFixture) -> None:
    hook = Webhook(url="http://127.0.0.1:9/hook", tries=1)
    hook.send(TOLD)
    hook.wait()
    assert "refused" in caplog.text


@pytest.mark.parametrize("url", ["file:///etc/passwd", "ftp://host/x", "example.com", "http://"])
def test_only_addresses_of_the_web(url: str) -> None:
    with pytest.raises(InputError, match="no address"):
        Webhook(url=url)
