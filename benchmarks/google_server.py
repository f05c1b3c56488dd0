"""What stands for Google's storage: a real S3 server, whose XML is the same for what walkaround asks, behind a bearer token."""

from __future__ import annotations

import secrets
from dataclasses import dataclass, field
from http.client import HTTPConnection
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

from s3_server import S3Server

_REFUSED = b"<?xml version='1.0' encoding='UTF-8'?><Error><Code>AuthenticationRequired</Code><Message>No.</Message></Error>"
_GENERATION = "x-goog-if-generation-match"
_OF_THE_CONNECTION = ("connection", "transfer-encoding", "keep-alive", "content-length", "host", "authorization")


@dataclass(kw_only=True)
class GoogleServer:
    """Buckets behind a bearer token.

    Attributes:
        folder: of its data.
        buckets: that the token opens; one that was never written to is not there.
        closed: a bucket that is there, and that the token does not open.
        token: of the one caller that it knows.
        url: where it answers, once it was started.
    """

    folder: Path
    buckets: tuple[str, ...]
    closed: str = "closed-photos"
    token: str = field(default_factory=lambda: secrets.token_urlsafe(24))
    url: str = ""
    _server: ThreadingHTTPServer | None = None

    @property
    def variables(self) -> dict[str, str]:
        """By which a program finds it and is let in."""
        return {"GOOGLE_BASE_URL": self.url, "GOOGLE_BEARER_TOKEN": self.token}

    def start(self) -> None:
        """Start it, and wait until it answers."""
        secret = secrets.token_urlsafe(24)
        self._objects = S3Server(folder=self.folder, key_id="owner", secret=secret, open_buckets=self.buckets)
        self._objects.start()
        (self.folder / "empty").mkdir()
        self.upload(self.folder / "empty", bucket=self.closed)
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), _door(self._objects.url.rpartition("/")[2], self.token))
        self._server.daemon_threads = True
        Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()
        self.url = f"http://127.0.0.1:{self._server.server_port}"

    def upload(self, folder: Path, *, bucket: str) -> None:
        """Make a bucket, and put all files below a folder into it."""
        self._objects.upload(folder, bucket=bucket)

    def stop(self) -> None:
        """End it."""
        assert self._server is not None
        self._server.shutdown()
        self._server.server_close()
        self._objects.stop()


def _door(behind: str, token: str) -> type[BaseHTTPRequestHandler]:
    class Door(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def pass_on(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            if self.headers.get("Authorization") != f"Bearer {token}":
                self.answer(401, {"Content-Type": "application/xml"}, _REFUSED)
                return
            kept = {name: value for name, value in self.headers.items() if name.lower() not in _OF_THE_CONNECTION}
            if kept.pop(_GENERATION, None) == "0":  # Google's words for "unless there is one"
                kept["If-None-Match"] = "*"
            connection = HTTPConnection(behind)
            connection.request(self.command, self.path, body=body, headers=kept)
            reply = connection.getresponse()
            content = reply.read()
            told = {name: value for name, value in reply.getheaders() if name.lower() not in _OF_THE_CONNECTION}
            length = reply.getheader("Content-Length") if self.command == "HEAD" else None
            connection.close()
            self.answer(reply.status, told, content, length=length)

        do_GET = do_HEAD = do_PUT = do_POST = do_DELETE = pass_on  # noqa: N815 - the names that http.server looks for

        def answer(self, status: int, headers: dict[str, str], content: bytes, *, length: str | None = None) -> None:
            self.send_response_only(status)
            for name, value in headers.items():
                self.send_header(name, value)
            self.send_header("Content-Length", length or str(len(content)))
            self.end_headers()
            if self.command != "HEAD":
                self.wfile.write(content)

        def log_message(self, *_: object) -> None:
            pass

    return Door
