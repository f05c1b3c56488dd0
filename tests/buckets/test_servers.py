"""Servers that are away, slow, broken, or that lead elsewhere."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Event, Thread

import pytest

from slow_inputs import stalling_s3
from walkaround.buckets.buckets import Buckets, s3_access
from walkaround.buckets.names import ImpossibleKeyError
from walkaround.buckets.remote import Patience, S3Access
from walkaround.errors import BucketError, UnavailableError, WalkaroundError
from walkaround.settings import Limit, load_settings

Answer = Callable[[BaseHTTPRequestHandler], None]
QUICK = Patience(connect=0.5, silence=0.5, request=2, retries=1)
USES: dict[str, Callable[[Buckets, Path], object]] = {
    "read": lambda buckets, folder: buckets.read("photos", "a.jpg", at_most=100),
    "write": lambda buckets, folder: buckets.write("photos", "a.jpg", b"1"),
    "size": lambda buckets, folder: buckets.size("photos", "a.jpg"),
    "list": lambda buckets, folder: list(buckets.list("photos")),
    "local": lambda buckets, folder: buckets.local("photos", "a.jpg", folder=folder, at_most=100),
    "check": lambda buckets, folder: buckets.check("photos"),
}


@contextmanager
def serving(answer: Answer, *, host: str = "127.0.0.1") -> Iterator[tuple[str, list[str]]]:
    """A server on a free port that gives one answer; its URL, and the paths it was asked for."""
    asked: list[str] = []

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def respond(self) -> None:
            self.rfile.read(int(self.headers.get("Content-Length", 0)))
            asked.append(self.path)
            answer(self)

        do_GET = do_HEAD = do_PUT = respond  # noqa: N815 - the names that http.server looks for

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer((host, 0), Handler)
    thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield f"http://{host}:{server.server_port}", asked
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def status(code: int, body: bytes = b"", **headers: str) -> Answer:
    """An answer with a status, a body and headers."""

    def answer(handler: BaseHTTPRequestHandler) -> None:
        handler.send_response(code)
        for name, value in headers.items():
            handler.send_header(name.replace("_", "-"), value)
        handler.send_header("Content-Length", str(len(body)))
        handler.end_headers()
        if handler.command != "HEAD":
            handler.wfile.write(body)

    return answer


OBJECT = {"ETag": '"1"', "Last_Modified": "Sun, 22 Nov 2026 12:24:52 GMT"}


def at(endpoint: str) -> Buckets:
    """All buckets are at this server."""
    return Buckets({}, s3=S3Access(endpoint=endpoint), patience=QUICK)


@pytest.mark.parametrize("use", USES)
def test_a_server_that_is_away_is_told_soon(use: str, tmp_path: Path) -> None:
    began = time.monotonic()
    with pytest.raises(UnavailableError, match=r"'s3://photos.* does not answer at the moment \(no connection\)") as caught:
        USES[use](at("http://127.0.0.1:9"), tmp_path)
    assert caught.value.retry_after > 0
    assert time.monotonic() - began < 30, "the patience of a client that was not told to be quick is minutes"


@pytest.mark.parametrize("code", [500, 502, 503, 429])
def test_errors_of_the_server_may_pass(code: int, tmp_path: Path) -> None:
    with serving(status(code)) as (endpoint, asked):
        with pytest.raises(UnavailableError, match=f"status {code}"):
            at(endpoint).read("photos", "a.jpg", at_most=100)
        assert len(asked) <= 2, "retries are bounded"


@pytest.mark.parametrize(
    ("code", "error", "impossible"),
    [
        (400, "KeyTooLongError", True),
        (400, "InvalidURI", True),
        (414, "", True),
        (400, "ExpiredToken", False),
        (409, "", False),
    ],
)
def test_a_key_that_the_server_will_never_take_is_told_apart(code: int, error: str, impossible: bool) -> None:
    with serving(status(code, f"<Error><Code>{error}</Code></Error>".encode())) as (endpoint, _):
        with pytest.raises(BucketError, match=r"'s3://photos/a\.jpg'") as caught:
            at(endpoint).write("photos", "a.jpg", b"picture")
        assert isinstance(caught.value, ImpossibleKeyError) is impossible


def test_an_error_that_passes_is_not_noticed() -> None:
    answers = [status(503), status(200, b"picture", **OBJECT)]
    with serving(lambda handler: answers.pop(0)(handler)) as (endpoint, _):
        assert at(endpoint).read("photos", "a.jpg", at_most=100) == b"picture"


def test_a_server_that_says_nothing_is_not_waited_for() -> None:
    ended = Event()

    def say_nothing(_: BaseHTTPRequestHandler) -> None:
        ended.wait()

    with serving(say_nothing) as (endpoint, _):
        try:
            with pytest.raises(UnavailableError):
                at(endpoint).read("photos", "a.jpg", at_most=100)
        finally:
            ended.set()


@pytest.mark.parametrize("in_memory", [0, 10_000], ids=["file", "memory"])
def test_an_object_that_comes_byte_by_byte_is_given_up_in_its_time(tmp_path: Path, in_memory: int) -> None:
    sizes: list[int] = []

    def within(size: int) -> Limit:
        sizes.append(size)
        return Limit(seconds=1, setting="picture_seconds")

    with stalling_s3({"a.jpg": bytes(1000)}, stalls="a.jpg", trickles=0.1) as s3:
        buckets, began = Buckets({}, s3=s3), time.monotonic()
        with pytest.raises(UnavailableError, match=r"'s3://photos/a.jpg' had not come whole after 1 s: .* picture_seconds"):
            buckets.fetch("photos", "a.jpg", at_most=1000, in_memory=in_memory, folder=tmp_path, within=within)
        assert time.monotonic() - began < 50, "all of it would take a hundred seconds"
    assert sizes == [1000]
    assert list(tmp_path.iterdir()) == []


def test_an_object_may_take_longer_than_other_requests(tmp_path: Path) -> None:
    with stalling_s3({"a.mp4": bytes(60)}, stalls="a.mp4", trickles=0.1) as s3:
        buckets = Buckets({}, s3=s3, patience=QUICK)
        found = buckets.fetch(
            "photos", "a.mp4", at_most=60, in_memory=60, folder=tmp_path, within=lambda _: Limit(seconds=60, setting="any")
        )
        assert found.content == bytes(60)
        with pytest.raises(UnavailableError):
            buckets.read("photos", "a.mp4", at_most=60)


def test_half_an_object_is_no_object(tmp_path: Path) -> None:
    def cut_off(handler: BaseHTTPRequestHandler) -> None:
        handler.send_response(200)
        handler.send_header("ETag", '"1"')
        handler.send_header("Last-Modified", OBJECT["Last_Modified"])
        handler.send_header("Content-Length", "100")
        handler.end_headers()
        handler.wfile.write(b"half")
        handler.close_connection = True

    with serving(cut_off) as (endpoint, _):
        for use in ("read", "local"):
            with pytest.raises(UnavailableError):
                USES[use](at(endpoint), tmp_path)
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == []


def test_an_object_larger_than_allowed_is_not_fetched() -> None:
    def endless(handler: BaseHTTPRequestHandler) -> None:
        handler.send_response(200)
        handler.send_header("ETag", '"1"')
        handler.send_header("Last-Modified", OBJECT["Last_Modified"])
        handler.send_header("Content-Length", str(10**15))
        handler.end_headers()
        handler.wfile.write(b"x" * 1000)
        handler.close_connection = True

    with serving(endless) as (endpoint, _), pytest.raises(BucketError, match="has more than 100 bytes"):
        at(endpoint).read("photos", "a.jpg", at_most=100)


@pytest.mark.parametrize("code", [301, 302, 303, 307, 308])
@pytest.mark.parametrize("use", USES)
def test_nothing_is_fetched_from_another_host(use: str, code: int, tmp_path: Path) -> None:
    with ExitStack() as stack:
        inner, asked = stack.enter_context(serving(status(200, b"secret", **OBJECT), host="127.0.0.2"))
        outer, _ = stack.enter_context(serving(status(code, Location=f"{inner}/secret")))
        with pytest.raises(WalkaroundError):
            USES[use](at(outer), tmp_path)
        assert asked == []


@pytest.mark.parametrize("bucket", ["evil.com", "a.b.c", "127.0.0.2"])
@pytest.mark.parametrize("key", ["@evil.com/x", "http:/evil.com", "?host=evil.com", "#evil"])
def test_no_name_changes_the_host_that_is_asked(bucket: str, key: str) -> None:
    with serving(status(404)) as (endpoint, asked):
        with pytest.raises(BucketError):
            at(endpoint).read(bucket, key, at_most=100)
        assert [path.split("/")[1] for path in asked] == [bucket]


@pytest.mark.parametrize("place", ["ftp://x", "http://127.0.0.1/x", "file:///etc", "s3://", "az://pictures"])
def test_a_place_that_cannot_be_is_told_with_its_bucket(place: str) -> None:
    with pytest.raises(BucketError, match="'photos'"):
        Buckets({"photos": place}, patience=QUICK).read("photos", "a", at_most=1)


@pytest.mark.parametrize("key", ["keyless", "WALK234567ABCDEFGHIJ"])
def test_a_key_of_our_own_is_never_sent_to_aws(key: str, tmp_path: Path) -> None:
    settings = load_settings({"data": tmp_path}, environment={})
    variables = {"AWS_ACCESS_KEY_ID": key, "AWS_SECRET_ACCESS_KEY": "x", "AWS_REGION": "us-east-1"}
    assert s3_access(settings, environment=variables) is None
    assert s3_access(settings, environment={**variables, "AWS_ENDPOINT_URL_S3": "http://127.0.0.1:1"}) is not None
    assert s3_access(settings, environment={**variables, "AWS_ACCESS_KEY_ID": "AKIAIOSFODNN7EXAMPLE"}) is not None
