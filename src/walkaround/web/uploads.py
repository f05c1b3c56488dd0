"""Uploaded pictures: each is decoded in a process of its own kind, and kept under the name that its content gives it."""

from __future__ import annotations

import hashlib
import unicodedata
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import NamedTemporaryFile

from walkaround.buckets.buckets import Buckets
from walkaround.errors import ValidationError, writing
from walkaround.hosting.operations.own_buckets import managed_bucket as managed_bucket
from walkaround.hosting.pool.answers import MOST_BYTES
from walkaround.web.children import Child

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
        label: of the folder that it lies in, if that is called like a label.
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


def made_bucket(data: Path, account: str) -> str:
    """The bucket of an account's uploads, which is there when this returns.

    Raises:
        StorageError: the data folder cannot be written.
    """
    bucket = managed_bucket(account)
    folder = data / "buckets" / bucket
    with writing(folder):
        folder.mkdir(parents=True, exist_ok=True)
    return bucket


class PictureStore:
    """Checks pictures in one process, started when the first one comes and again when one has killed it."""

    def __init__(self, data: Path, buckets: Buckets) -> None:
        self._data = data
        self._buckets = buckets
        self._checker = Child("walkaround.web.checker")

    def keep(self, account: str, uploads: Iterable[Upload]) -> Iterator[Kept | Refused]:
        """Check each picture, and write those that are good into the account's bucket, one after the other.

        Raises:
            StorageError: the data folder cannot be written.
            UnavailableError: pictures cannot be checked at the moment.
        """
        bucket = made_bucket(self._data, account)
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
        self._checker.close()

    def _checked(self, name: str, content: bytes) -> dict[str, object]:
        if len(content) > MOST_BYTES:
            return {"reason": f"{name!r} has more than {MOST_BYTES:,} bytes: make it smaller."}
        work = self._data / "work"
        with writing(work):
            work.mkdir(parents=True, exist_ok=True)
        with writing(work), NamedTemporaryFile(dir=work, prefix="upload-") as file:
            file.write(content)
            file.flush()
            return self._answer(file.name, name)

    def _answer(self, path: str, name: str) -> dict[str, object]:
        answer = self._checker.ask([path, name])
        if answer is None:
            return {"reason": f"{name!r} takes more time or memory to decode than a picture may: save it again, as plain JPEG."}
        return answer


def told_name(name: str) -> str:
    """A sender's name for a file, fit to be shown: its last part, without what would steer a terminal."""
    last = name.replace("\\", "/").rpartition("/")[2]
    shown = "".join(letter if letter.isprintable() else "?" for letter in unicodedata.normalize("NFC", last))
    return shown.encode("utf-8", "replace").decode()[:_LONGEST_NAME] or "picture"
