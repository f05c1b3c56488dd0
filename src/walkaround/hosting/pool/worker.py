"""One inference unit: a process that holds a model and answers pictures until its socket closes.

Run as `python -m walkaround.hosting.pool.worker SOCKET PACKAGE THREADS PARENT`. Pictures from strangers are decoded here, never
in the server: what a picture breaks is one worker, and another takes its place.
"""

from __future__ import annotations

import os
import signal
import socket
import sys
from pathlib import Path
from queue import SimpleQueue
from threading import Lock, Thread

import numpy as np

from walkaround.damage.findings import Findings
from walkaround.errors import PackageError, PictureError
from walkaround.hosting.pool.answers import LEAST_SIDE, MOST_BYTES, MOST_SIDE, NAMELESS, PICTURE_FORMATS, encode
from walkaround.hosting.pool.frames import Frame, Kind, head, question_of, received
from walkaround.hosting.pool.parent import follow_parent
from walkaround.inspection.detector import Detector
from walkaround.media.pictures import PictureLimits, read_picture

_LIMITS = PictureLimits(max_bytes=MOST_BYTES, max_pixels=MOST_SIDE * MOST_SIDE)
_NAME = "picture"


class _Worker:
    def __init__(self, connection: socket.socket, detector: Detector) -> None:
        self._connection = connection
        self._detector = detector
        self._waiting: SimpleQueue[Frame] = SimpleQueue()
        self._sending = Lock()

    def serve(self, threads: int) -> None:
        """Answer until the server goes away."""
        for _ in range(threads):
            Thread(target=self._work, daemon=True).start()
        self.send(0, Kind.READY, b"")
        for frame in received(self._connection):
            self._waiting.put(frame)

    def send(self, number: int, kind: Kind, body: bytes) -> None:
        with self._sending:
            self._connection.sendall(head(number, kind, len(body)) + body)

    def _work(self) -> None:
        while True:
            frame = self._waiting.get()
            number, question = frame.number, question_of(frame)
            try:
                detector = self._detector if question.threshold is None else self._detector.at_threshold(question.threshold)
                findings = look(detector, question.picture, heat=question.heat)
                self.send(number, Kind.FOUND, encode(findings))
            except PictureError as problem:
                self.send(number, Kind.REFUSED, str(problem).encode())
            except ConnectionError:
                return
            except Exception as problem:  # noqa: BLE001 - whatever one picture does to a library, the others are answered
                self.send(number, Kind.BROKEN, f"{type(problem).__name__}: {problem}".encode())


def look(detector: Detector, data: bytes, *, heat: bool = False) -> Findings:
    """What is in a picture that somebody sent.

    Raises:
        PictureError: it is no JPEG or PNG, it is damaged, or it is smaller or larger than what may be sent.
    """
    try:
        picture = read_picture(data, name=_NAME, side=detector.side, limits=_LIMITS, formats=PICTURE_FORMATS)
    except PictureError as problem:
        raise PictureError(NAMELESS + str(problem).removeprefix(repr(_NAME))) from problem
    width, height = picture.width, picture.height
    if min(width, height) < LEAST_SIDE or max(width, height) > MOST_SIDE:
        raise PictureError(
            f"{NAMELESS} is {width:,} x {height:,} pixels; send one of {LEAST_SIDE} to {MOST_SIDE:,} pixels a side."
        )
    return detector.inspect(picture.pixels, source="direct", heat=heat, size=(width, height))


def main(arguments: list[str]) -> None:
    """Serve one socket: SOCKET (its number), PACKAGE, THREADS, PARENT (process id of the server)."""
    number, package, threads, parent = arguments
    follow_parent(int(parent))
    signal.signal(
        signal.SIGINT, signal.SIG_IGN
    )  # an interrupt from the keyboard is for the server, which then closes the socket
    connection = socket.socket(fileno=int(number))
    try:
        detector = Detector(Path(package), threads=1)
        detector.inspect(np.zeros((64, 64, 3), np.uint8), source="")  # the first picture would pay for the allocations
    except PackageError as problem:
        told = str(problem).encode()
        connection.sendall(head(0, Kind.CANNOT_LOAD, len(told)) + told)
        return
    _Worker(connection, detector).serve(int(threads))
    os._exit(0)  # threads that still compute have nobody to answer


if __name__ == "__main__":
    main(sys.argv[1:])
