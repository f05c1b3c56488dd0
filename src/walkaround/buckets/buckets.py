"""The door to buckets: a name and a key come in, bytes or a file go out, wherever the operator says that the bucket is."""

from __future__ import annotations

import logging
import os
import re
import threading
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

from walkaround.buckets.cache import Download, Trimming
from walkaround.buckets.folder import Folder
from walkaround.buckets.names import Fetched, ObjectInfo, checked_bucket, checked_key, checked_prefix, is_folder_bucket
from walkaround.buckets.passed import PassedOver
from walkaround.buckets.remote import Patience, Remote, S3Access, cloud_place, s3_place
from walkaround.errors import BucketError
from walkaround.settings import BUCKET_NAME, Limit, Settings

_KEPT = 256
"""Connections to so many buckets are kept; hostile names could be without end."""
_CACHE_BYTES = 20 * 2**30
_logger = logging.getLogger(__name__)

_OWN_KEY = re.compile(r"keyless|WALK[A-Z2-7]{16}")
"""What `walkaround aws env` sets for clients, and a server in the same shell finds."""
_ROLES = (
    "AWS_WEB_IDENTITY_TOKEN_FILE",
    "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI",
    "AWS_CONTAINER_CREDENTIALS_FULL_URI",
)


class Buckets:
    """All buckets that there are; safe to use from many threads.

    Every method raises BucketError (not found, not configured, not permitted, not a possible name), UnavailableError (the
    server of the bucket does not answer) and, where it writes, StorageError.
    """

    def __init__(
        self,
        places: Mapping[str, str | Path],
        *,
        root: Path | None = None,
        s3: S3Access | None = None,
        patience: Patience | None = None,
        cache_bytes: int = _CACHE_BYTES,
    ) -> None:
        """Nothing is opened or asked for yet.

        Args:
            places: bucket name to folder, s3://BUCKET[/PREFIX], gs://BUCKET[/PREFIX] or az://CONTAINER[/PREFIX].
            root: a folder whose folders are buckets too.
            s3: where the buckets are that are neither mapped nor in `root`; None: there are no such buckets.
            patience: with servers, the usual one where None.
            cache_bytes: that the folder of `local` should not exceed.
        """
        self._places = {checked_bucket(name): str(place) for name, place in places.items()}
        self._watched: dict[str, Path] = {}  # apart: a watch must not stand before a bucket of the same name
        self._root, self._s3, self._patience = root, s3, patience or Patience()
        self._opened: dict[str, Remote] = {}
        self._lock = threading.Lock()
        self._trimming = Trimming(cache_bytes)

    def mapped(self, bucket: str) -> bool:
        """Whether the operator said where this very bucket is."""
        return bucket in self._places or (self._root is not None and _is_folder(self._root, bucket))

    def names(self) -> list[str]:
        """The buckets that are mapped, and those that are folders of the data folder, by name."""
        below = [one.name for one in self._root.iterdir()] if self._root is not None and self._root.is_dir() else []
        return sorted({*self._places, *(name for name in below if self.mapped(name))})

    def folder(self, bucket: str) -> Path | None:
        """The folder of this machine that the bucket is; None where it is elsewhere."""
        place = self._place(bucket)
        return place.root if isinstance(place, Folder) else None

    @property
    def others(self) -> bool:
        """Whether buckets that are not mapped are asked for at S3."""
        return self._s3 is not None

    def check(self, bucket: str) -> None:
        """Return if the bucket exists and can be reached."""
        self._place(bucket).check()

    def info(self, bucket: str, key: str) -> ObjectInfo:
        """What a listing would say of an object."""
        return self._place(bucket).info(checked_key(bucket, key))

    def size(self, bucket: str, key: str) -> int:
        """Bytes of an object."""
        return self._place(bucket).size(checked_key(bucket, key))

    def read(self, bucket: str, key: str, *, version: str | None = None, at_most: int) -> bytes:
        """The content of an object of at most `at_most` bytes; the version by the server's name for it, None for the newest."""
        return self._place(bucket).read(checked_key(bucket, key), version=version, at_most=at_most)

    def start(self, bucket: str, key: str, *, length: int) -> bytes:
        """The first `length` bytes of an object, or all that it has."""
        return self._place(bucket).start(checked_key(bucket, key), length)

    def fetch(
        self,
        bucket: str,
        key: str,
        *,
        version: str | None = None,
        at_most: int,
        in_memory: int,
        folder: Path,
        within: Callable[[int], Limit],
    ) -> Fetched:
        """An object with its content, to be looked at once: in memory, or as a file.

        Args:
            bucket: its name.
            key: of the object.
            version: the server's name of a version, None for the newest.
            at_most: bytes that the object may have.
            in_memory: larger ones come as a file.
            folder: where copies go.
            within: how long an object of so many bytes may take to come; one in a folder of this machine is there.
        """
        place, key = self._place(bucket), checked_key(bucket, key)
        if isinstance(place, Folder):
            return place.fetch(key, version=version, at_most=at_most)
        return place.fetch(key, version=version, at_most=at_most, in_memory=in_memory, folder=folder, within=within)

    def map(self, bucket: str, folder: Path) -> None:
        """Have a folder that is watched as a bucket from now on; `bucket` comes from `folder_bucket`.

        Raises:
            BucketError: the name could be given by a caller, or is that of another folder.
        """
        if not is_folder_bucket(bucket):
            raise BucketError(f"A watched folder cannot be the bucket {bucket!r}, which others can name: use `folder_bucket`.")
        if self._watched.setdefault(bucket, folder) != folder:
            raise BucketError(
                f"The name {bucket!r} is that of another folder, {str(self._watched[bucket])!r}: give the watch another name."
            )

    def write(self, bucket: str, key: str, content: bytes) -> None:
        """Put an object there; whoever reads it meanwhile sees all of the old content or all of the new."""
        self._place(bucket).write(checked_key(bucket, key), content)

    def create(self, bucket: str, key: str, content: bytes) -> bool:
        """Put an object there unless there is one; whether it was put. Of several who do so at once, one has put it.

        A server that passes over conditions without a word replaces what is there.

        Raises:
            NotExclusiveError: the place says that it cannot: its disk has no hard links, its server no conditional writes.
        """
        return self._place(bucket).create(checked_key(bucket, key), content)

    def remove(self, bucket: str, key: str) -> None:
        """Take an object away; one that is not there is no fault."""
        self._place(bucket).remove(checked_key(bucket, key))

    def list(
        self, bucket: str, prefix: str = "", *, passed: PassedOver | None = None, at_most: int | None = None
    ) -> Iterator[ObjectInfo]:
        """The objects whose keys begin with `prefix`, in the order of their keys where the server keeps one.

        Args:
            bucket: its name.
            prefix: of their keys.
            passed: is told of what lies in a folder and is no object.
            at_most: so many objects are looked through, those with other keys beside them included; None: however many.

        Raises:
            TooManyObjectsError: there are more.
        """
        place, prefix = self._place(bucket), checked_prefix(bucket, prefix)
        if isinstance(place, Folder):
            return place.list(prefix, passed=passed, at_most=at_most)
        return place.list(prefix, at_most=at_most)

    def local(self, bucket: str, key: str, *, folder: Path, at_most: int, version: str | None = None) -> Path:
        """A file with the object's content: the file itself in a folder, else a copy, which is used again while it is current.

        Args:
            bucket: its name.
            key: of the object.
            folder: where copies go; old ones are deleted when there is too much in it.
            at_most: bytes that the object may have.
            version: the server's name of a version, None for the newest.
        """
        place, key = self._place(bucket), checked_key(bucket, key)
        if isinstance(place, Folder):
            return place.local(key, version=version, at_most=at_most)
        to = Download(folder, f"{place.identity}\n{key}\n{version or ''}", key.rpartition("/")[2])
        path, fresh = place.download(key, version=version, at_most=at_most, to=to)
        if fresh:
            self._trimming.added(folder, path.stat().st_size)
        return path

    def _place(self, bucket: str) -> Folder | Remote:
        if bucket in self._watched:
            return Folder(bucket, self._watched[bucket])
        place = self._places.get(checked_bucket(bucket))
        if place is not None and "://" not in place:
            return Folder(bucket, Path(place).expanduser())
        if place is None and self._root is not None and _is_folder(self._root, bucket):
            return Folder(bucket, self._root / bucket)
        with self._lock:
            if bucket not in self._opened:
                if len(self._opened) >= _KEPT:
                    self._opened.clear()
                self._opened[bucket] = self._remote(bucket, place)
            return self._opened[bucket]

    def _remote(self, bucket: str, place: str | None) -> Remote:
        if place is None and self._s3 is None:
            raise BucketError(
                f"There is no bucket {bucket!r}: whoever runs walkaround can map it to a folder or an address"
                f" (--bucket {bucket}=PLACE), or configure S3."
            )
        scheme, _, rest = (place or f"s3://{bucket}").partition("://")
        name, _, prefix = rest.partition("/")
        if scheme not in ("s3", "gs", "az") or not BUCKET_NAME.fullmatch(name):
            raise BucketError(f"The bucket {bucket!r} is mapped to {place!r}: map it to a folder, s3://, gs:// or az://.")
        if scheme == "s3":
            access = self._s3 or S3Access()
            return s3_place(name, name=bucket, prefix=prefix.strip("/"), access=access, patience=self._patience)
        return cloud_place(scheme, name, name=bucket, prefix=prefix.strip("/"), patience=self._patience)


def _is_folder(root: Path, bucket: str) -> bool:
    return BUCKET_NAME.fullmatch(bucket) is not None and (root / bucket).is_dir()


def buckets_of(settings: Settings, *, environment: Mapping[str, str] = os.environ) -> Buckets:
    """The buckets that an operator configured, in the settings or in the usual variables of AWS."""
    return Buckets(settings.buckets, root=settings.data / "buckets", s3=s3_access(settings, environment=environment))


def s3_access(settings: Settings, *, environment: Mapping[str, str] = os.environ) -> S3Access | None:
    """How S3 is reached, or None where neither the settings nor the variables of AWS say anything of it."""
    secret = settings.s3_secret_key.get_secret_value() if settings.s3_secret_key else None
    own = settings.s3_access_key is not None
    access = S3Access(
        endpoint=settings.s3_endpoint or environment.get("AWS_ENDPOINT_URL_S3") or environment.get("AWS_ENDPOINT_URL") or None,
        region=settings.s3_region or environment.get("AWS_REGION") or environment.get("AWS_DEFAULT_REGION") or settings.region,
        access_key=settings.s3_access_key or environment.get("AWS_ACCESS_KEY_ID") or None,
        secret_key=secret or environment.get("AWS_SECRET_ACCESS_KEY") or None,
        session_token=None if own else environment.get("AWS_SESSION_TOKEN") or None,
        role=not own and any(environment.get(variable) for variable in _ROLES),
    )
    if access.endpoint is None and _OWN_KEY.fullmatch(access.access_key or ""):
        _logger.warning(
            "The access key in AWS_ACCESS_KEY_ID is walkaround's own, which AWS's S3 does not know: S3 is not asked."
        )
        return None
    return access if access.endpoint or access.access_key or access.role else None
