"""Where pictures come from and results go to: a prefix of a bucket, or a folder, spoken to in the same way."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from walkaround.buckets.buckets import Buckets, s3_access
from walkaround.buckets.names import ObjectInfo, split_address
from walkaround.buckets.passed import PassedOver
from walkaround.buckets.remote import Patience, S3Access
from walkaround.errors import BucketError
from walkaround.settings import Settings


@dataclass(frozen=True, kw_only=True)
class Reach:
    """How buckets are reached; unlike them it can travel to another machine. Its keys are in no `repr`.

    Attributes:
        places: bucket name to folder or address, as in the settings.
        root: a folder whose folders are buckets too.
        s3: for the buckets that are neither.
        patience: with servers, the usual one where None.
    """

    places: Mapping[str, str]
    root: Path | None = None
    s3: S3Access | None = None
    patience: Patience | None = None

    def buckets(self, *places: Place) -> Buckets:
        """The buckets; the folders among `places` are some too."""
        own = {place.bucket: str(place.folder) for place in places if place.folder is not None}
        return Buckets({**self.places, **own}, root=self.root, s3=self.s3, patience=self.patience)


def reach_of(settings: Settings) -> Reach:
    """How the buckets of an operator's settings, or of the usual variables of AWS, are reached."""
    return Reach(places=settings.buckets, root=settings.data / "buckets", s3=s3_access(settings))


@dataclass(frozen=True, kw_only=True)
class Place:
    """A folder, or the keys of a bucket below a prefix.

    Attributes:
        address: s3://BUCKET/PREFIX or an absolute path, as it is shown.
        bucket: what the bucket is called; that of a folder has no other use.
        prefix: empty, or ending with a slash.
        folder: where it is a folder.
    """

    address: str
    bucket: str
    prefix: str = ""
    folder: Path | None = None

    def source(self, key: str) -> str:
        """What an object is called in results and messages."""
        return str(self.folder / key) if self.folder is not None else f"s3://{self.bucket}/{key}"

    def readable(self, sentence: str) -> str:
        """A sentence of the buckets with the folder's own path in it, instead of a bucket's name that nobody gave."""
        return sentence if self.folder is None else sentence.replace(f"s3://{self.bucket}", str(self.folder))


def place_of(address: str, *, name: str) -> Place:
    """The place that a user means by s3://BUCKET[/PREFIX] or by a folder; a prefix is meant as one, with all below it.

    Args:
        address: what the user gave.
        name: for the bucket that a folder becomes.

    Raises:
        BucketError: it is an address of another kind.
    """
    if "://" in address:
        bucket, prefix = split_address(address)
        prefix = prefix.strip("/")
        return Place(address=f"s3://{bucket}/{prefix}".rstrip("/"), bucket=bucket, prefix=f"{prefix}/" if prefix else "")
    folder = Path(address).expanduser().absolute()
    return Place(address=str(folder), bucket=name, folder=folder)


@dataclass(frozen=True)
class Store:
    """The objects of one place by their keys below it."""

    buckets: Buckets
    place: Place

    def list(self, below: str = "", *, passed: PassedOver | None = None) -> Iterator[ObjectInfo]:
        """The objects below a prefix; their keys are those of the bucket. `passed` is told of what cannot be one."""
        return self.buckets.list(self.place.bucket, self.place.prefix + below, passed=passed)

    def read(self, key: str, *, at_most: int = 1 << 30) -> bytes:
        """The content of an object."""
        return self.buckets.read(self.place.bucket, self.place.prefix + key, at_most=at_most)

    def found(self, key: str) -> bytes | None:
        """The content of an object, or None where there is none of this name.

        Raises:
            BucketError: the bucket itself is not there, or not permitted.
        """
        try:
            return self.read(key)
        except BucketError as problem:
            if str(problem).startswith("There is no object"):
                return None
            raise

    def create(self, key: str, content: bytes) -> bool:
        """Put an object there unless there is one; whether it was put.

        Raises:
            NotExclusiveError: the place cannot do that.
        """
        return self.buckets.create(self.place.bucket, self.place.prefix + key, content)

    def remove(self, key: str) -> None:
        """Take an object away; one that is not there is no fault."""
        self.buckets.remove(self.place.bucket, self.place.prefix + key)

    def write(self, key: str, content: bytes) -> None:
        """Put an object there, whole or not at all."""
        self.buckets.write(self.place.bucket, self.place.prefix + key, content)
