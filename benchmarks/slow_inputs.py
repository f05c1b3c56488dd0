"""Inputs that are trouble: a video that is quick to write and slow to decode, and S3 servers that stop, dawdle or are old."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Literal

import av
import numpy as np
from av.video.frame import VideoFrame

from walkaround.buckets.remote import S3Access

_RATE = 30
_SIDE = 16


def write_slow_video(path: Path, *, seconds: int = 120) -> None:
    """Write an MP4 of 1280 x 720 pixels: one second that is encoded, again and again, each frame of which has to be decoded."""
    rough = np.random.default_rng(0).integers(0, 256, (720 // _SIDE, 1280 // _SIDE, 3), np.uint8)
    picture = rough.repeat(_SIDE, 0).repeat(_SIDE, 1)
    with av.open(str(path), "w", format="mp4") as container:
        stream = container.add_stream("libx264", rate=_RATE, options={"crf": "30", "preset": "ultrafast", "bf": "0"})
        stream.width, stream.height, stream.pix_fmt = 1280, 720, "yuv420p"
        packets = []
        for number in range(_RATE):
            frame = VideoFrame.from_ndarray(np.roll(picture, 4 * number, 1), format="rgb24")
            frame.pts = number
            packets += stream.encode(frame)
        packets += stream.encode()
        for number in range(seconds * _RATE):
            packet = packets[number % _RATE]
            again = av.Packet(bytes(packet))
            again.stream, again.time_base, again.is_keyframe = stream, packet.time_base, packet.is_keyframe
            again.pts = again.dts = number
            container.mux(again)


@contextmanager
def stalling_s3(objects: Mapping[str, bytes], *, stalls: str, trickles: float | None = None) -> Iterator[S3Access]:
    """A server of one bucket, `photos`, that sends half of an object and then nothing more; all others it sends whole.

    Args:
        objects: key to content.
        stalls: the key of that object.
        trickles: seconds after which it sends another byte of it, and so on; None: never.
    """
    ended = threading.Event()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            key = self.path.partition("?")[0].removeprefix("/photos/")
            content = objects.get(key)
            body = b"<Error><Code>NoSuchKey</Code></Error>" if content is None else content
            self.send_response(404 if content is None else 200)
            self.send_header("Content-Length", str(len(body)))
            self.send_header("ETag", '"1"')
            self.send_header("Last-Modified", "Mon, 04 May 2026 03:02:01 GMT")
            self.end_headers()
            if key == stalls:
                self.wfile.write(body[: len(body) // 2])
                for sent in range(len(body) // 2, len(body)):
                    self.wfile.flush()
                    if ended.wait(trickles):
                        break
                    self.wfile.write(body[sent : sent + 1])
            else:
                self.wfile.write(body)

        def handle(self) -> None:
            with suppress(ConnectionError):  # whoever waited has gone
                super().handle()

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    with _serving(Handler) as s3:
        try:
            yield s3
        finally:
            ended.set()


@contextmanager
def old_s3(kept: dict[str, bytes], *, conditions: Literal["refused", "ignored"] = "refused") -> Iterator[S3Access]:
    """A server of one bucket, `photos`, that keeps objects by key, and knows no conditional writes.

    Args:
        kept: gets the objects.
        conditions: what it does with a write that is conditional: says that it cannot, or writes all the same.
    """

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            content = kept.get(self._key)
            self._answer(404 if content is None else 200, content or b"<Error><Code>NoSuchKey</Code></Error>")

        def do_PUT(self) -> None:
            content = self.rfile.read(int(self.headers["Content-Length"]))
            if "If-None-Match" in self.headers and conditions == "refused":
                self._answer(501, b"<Error><Code>NotImplemented</Code></Error>")
                return
            kept[self._key] = content
            self._answer(200, b"")

        @property
        def _key(self) -> str:
            return self.path.partition("?")[0].removeprefix("/photos/")

        def _answer(self, status: int, body: bytes) -> None:
            self.send_response(status)
            self.send_header("Content-Length", str(len(body)))
            self.send_header("ETag", '"1"')
            self.send_header("Last-Modified", "Mon, 04 May 2026 03:02:01 GMT")
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    with _serving(Handler) as s3:
        yield s3


@contextmanager
def _serving(handler: type[BaseHTTPRequestHandler]) -> Iterator[S3Access]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        port = server.server_address[1]
        yield S3Access(endpoint=f"http://127.0.0.1:{port}", region="us-east-1", access_key="key", secret_key="any")  # noqa: S106
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
