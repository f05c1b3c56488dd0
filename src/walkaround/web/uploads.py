"""Uploaded pictures: each is decoded in a process of its own kind, and kept under the name that its content gives it."""

from __future__ import annotations

import hashlib
import json
import os
import selectors
import subprocess
import sys
import threading
import unicodedata
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from tempfile import NamedTemporaryFile

from walkaround.buckets.buckets import Buckets
from walkaround.errors import UnavailableError, ValidationError, writing
from walkaround.hosting.pool.answers import MOST_BYTES

_SECONDS = 30.0
_SUFFIXES = {"JPEG": "jpg", "PNG": "png"}
_LONGEST_NAME = 200
_TOLD = 3
"""Reasons in one sentence of an error."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Upload:
    """One file of an upload, before it was looked at.

    Attributes:
        name: as the sender calls it; only told, never used as a path.
        content: at most one byte more than a picture may have.
        label: of the folder that it lies in, if that is called normal or anomaly.
    """

    name: str
    content: bytes
    label: str | None = None


@dataclass(frozen=True, kw_only=True)
class Kept:
    """A picture that was checked and kept."""

    name: str
    bucket: str
    key: str
    width: int
    height: int
    label: str | None

    @property
    def picture(self) -> str:
        """Its address."""
        return f"s3://{self.bucket}/{self.key}"


@dataclass(frozen=True, kw_only=True)
class Refused:
    """A file that is no picture that can be used, and why."""

    name: str
    reason: str


class NothingUsableError(ValidationError):
    """None of the files of an upload is a picture that can be used."""

    def __init__(self, refused: Sequence[Refused]) -> None:
        """Say of the first ones in a sentence, and keep all.

        Args:
            refused: the files with the reasons.
        """
        self.refused = tuple(refused)
        more = f" And {len(refused) - _TOLD:,} more, all listed in `refused`." if len(refused) > _TOLD else ""
        reasons = " ".join(one.reason for one in refused[:_TOLD]) or "It holds no file."
        super().__init__(f"There is no picture in the upload that can be used, and nothing was kept. {reasons}{more}")


def managed_bucket(account: str) -> str:
    """The bucket below the data folder that holds what an account uploads."""
    return f"walkaround-{account}"


class PictureStore:
    """Checks pictures in one process, started when the first one comes and again when one has killed it.

    A thread of its own starts it, because the process ends with the thread that did; those of the web server come and go.
    """

    def __init__(self, data: Path, buckets: Buckets) -> None:
        self._data = data
        self._buckets = buckets
        self._turn = threading.Lock()
        self._starter = ThreadPoolExecutor(1, thread_name_prefix="checker")
        self._process: subprocess.Popen[bytes] | None = None

    def keep(self, account: str, uploads: Iterable[Upload]) -> Iterator[Kept | Refused]:
        """Check each picture, and write those that are good into the account's bucket, one after the other.

        Raises:
            StorageError: the data folder cannot be written.
            UnavailableError: pictures cannot be checked at the moment.
        """
        bucket = managed_bucket(account)
        folder = self._data / "buckets" / bucket
        with writing(folder):
            folder.mkdir(parents=True, exist_ok=True)
        for upload in uploads:
            name = told_name(upload.name)
            found = self._checked(name, upload.content)
            if "reason" in found:
                yield Refused(name=name, reason=str(found["reason"]))
                continue
            digest = hashlib.sha256(upload.content).hexdigest()
            key = f"pictures/{digest[:2]}/{digest}.{_SUFFIXES[str(found['format'])]}"
            self._buckets.write(bucket, key, upload.content)
            width, height = int(str(found["width"])), int(str(found["height"]))
            yield Kept(name=name, bucket=bucket, key=key, width=width, height=height, label=upload.label)

    def size_of(self, content: bytes, *, name: str) -> tuple[int, int]:
        """Width and height of a picture in pixels, upright.

        Raises:
            ValidationError: it is no picture that can be used.
            UnavailableError: pictures cannot be checked at the moment.
        """
        found = self._checked(told_name(name), content)
        if "reason" in found:
            raise ValidationError(str(found["reason"]))
        return int(str(found["width"])), int(str(found["height"]))

    def close(self) -> None:
        """End the process."""
        with self._turn:
            self._end()
            self._starter.shutdown()

    def _checked(self, name: str, content: bytes) -> dict[str, object]:
        if len(content) > MOST_BYTES:
            return {"reason": f"{name!r} has more than {MOST_BYTES:,} bytes: make it smaller."}
        work = self._data / "work"
        with writing(work):
            work.mkdir(parents=True, exist_ok=True)
        with writing(work), NamedTemporaryFile(dir=work, prefix="upload-") as file:
            file.write(content)
            file.flush()
            with self._turn:
                return self._answer(file.name, name)

    def _answer(self, path: str, name: str) -> dict[str, object]:
        question = json.dumps([path, name]).encode() + b"\n"
        try:
            line = self._line(question) or self._line(question)  # the first may have died of something else
        except TimeoutError:
            self._end()
            line = b""
        except (OSError, RuntimeError) as problem:  # RuntimeError: the store was closed, so no thread starts any more
            self._end()
            raise UnavailableError("Pictures cannot be checked at the moment; try again.", retry_after=5) from problem
        if not line:
            return {"reason": f"{name!r} takes more time or memory to decode than a picture may: save it again, as plain JPEG."}
        answer: dict[str, object] = json.loads(line)
        return answer

    def _line(self, question: bytes) -> bytes:
        """The answer to a question; nothing where the process died."""
        try:
            line = _asked(self._running(), question)
        except BrokenPipeError:
            line = b""
        if line.endswith(b"\n"):
            return line
        self._end()
        return b""

    def _running(self) -> subprocess.Popen[bytes]:
        if self._process is None or self._process.poll() is not None:
            self._end()
            self._process = self._starter.submit(_started).result()
        return self._process

    def _end(self) -> None:
        process, self._process = self._process, None
        if process is not None:
            process.kill()
            process.communicate()


def _started() -> subprocess.Popen[bytes]:
    arguments = [sys.executable, "-m", "walkaround.web.checker", str(os.getpid())]
    return subprocess.Popen(arguments, stdin=subprocess.PIPE, stdout=subprocess.PIPE)  # noqa: S603


def _asked(process: subprocess.Popen[bytes], question: bytes) -> bytes:
    """The answer to a line; without its end where the process died.

    Raises:
        BrokenPipeError: it had died before.
        TimeoutError: it takes too long.
    """
    if process.stdin is None or process.stdout is None:
        raise BrokenPipeError
    process.stdin.write(question)
    process.stdin.flush()
    with selectors.DefaultSelector() as ready:
        ready.register(process.stdout, selectors.EVENT_READ)
        if not ready.select(_SECONDS):
            raise TimeoutError
        return process.stdout.readline()


def told_name(name: str) -> str:
    """A sender's name for a file, fit to be shown: its last part, without what would steer a terminal."""
    last = name.replace("\\", "/").rpartition("/")[2]
    shown = "".join(letter if letter.isprintable() else "?" for letter in unicodedata.normalize("NFC", last))
    return shown.encode("utf-8", "replace").decode()[:_LONGEST_NAME] or "picture"
