"""The picture or video of a result, as long as it can still be read: kept with the result, or where it arrived from."""

from __future__ import annotations

import logging
import secrets
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import delete, exists, select
from sqlalchemy.orm import Session

from walkaround.buckets.buckets import Buckets
from walkaround.buckets.names import bare_etag, is_folder_bucket, split_address
from walkaround.errors import BucketError
from walkaround.hosting.operations.own_buckets import require_own_bucket
from walkaround.hosting.owner import Owner
from walkaround.media.containers import LONG_VIDEO_LIMITS
from walkaround.media.pictures import PICTURE_LIMITS
from walkaround.store.database import Database
from walkaround.store.pipeline import Arrival, Watch
from walkaround.store.results import Result, ResultPicture

_logger = logging.getLogger(__name__)

KEPT_BELOW = "results/"
"""What keys of kept pictures begin with, in the bucket of an account's uploads."""
_AT_ONCE = 500


@dataclass(frozen=True, kw_only=True)
class Original:
    """Where the picture or video of a result is.

    Attributes:
        bucket, key: of it.
        version: the bucket's name for what was looked at; None: of a bucket without versions.
        etag: of what was looked at, as far as the source told.
        folder: that is watched, where `bucket` is the name of one.
        video: whether it is a video.
    """

    bucket: str
    key: str
    version: str | None = None
    etag: str | None = None
    folder: str | None = None
    video: bool = False

    @property
    def address(self) -> str:
        """s3://BUCKET/KEY, or folder:WATCH/KEY of a watched folder."""
        return f"{self.bucket}/{self.key}" if is_folder_bucket(self.bucket) else f"s3://{self.bucket}/{self.key}"


def original_of(session: Session, owner: Owner, result: Result) -> Original | None:
    """Where the picture or video of a result of this owner is; None where nobody kept it, as when it was only sent.

    Raises:
        AccessDeniedError: it is in the bucket of another account.
    """
    video = "duration" in result.findings
    if result.picture is not None:
        bucket, key = split_address(result.picture)
        return Original(bucket=bucket, key=key, video=video)
    arrival = None if result.arrival_id is None else session.get(Arrival, result.arrival_id)
    if arrival is None:
        return None
    folder = None
    if is_folder_bucket(arrival.bucket):
        watch = session.get(Watch, arrival.watch_id)
        if watch is None:
            return None
        folder = str(watch.spec["source"])
    else:
        require_own_bucket(owner, arrival.bucket)
    return Original(
        bucket=arrival.bucket, key=arrival.key, version=arrival.version, etag=arrival.etag, folder=folder, video=video
    )


def is_newest(original: Original, buckets: Buckets) -> bool:
    """Whether what was looked at is what lies under its address now; else only a version of the bucket may have it.

    Raises:
        BucketError: nothing is there, or it may not be read.
        UnavailableError: the bucket does not answer.
    """
    if original.folder is not None:
        buckets.map(original.bucket, Path(original.folder))
    if original.etag is None:
        return original.version is None
    return bare_etag(buckets.info(original.bucket, original.key).etag) == bare_etag(original.etag)


def opened_original(original: Original, buckets: Buckets, *, copies: Path) -> Path:
    """A file with what was looked at.

    Args:
        original: where it is.
        buckets: all that there are.
        copies: where copies of what lies elsewhere are kept for a while.

    Raises:
        BucketError: it is gone, was replaced, or may not be read.
        UnavailableError: the bucket does not answer.
        StorageError: there is no room for a copy.
    """
    version = None
    if not is_newest(original, buckets):
        version = original.version
        if version is None:
            raise BucketError("What lies there now is not what was looked at: it was replaced since, and has its own result.")
    most = LONG_VIDEO_LIMITS.max_bytes if original.video else PICTURE_LIMITS.max_bytes
    return buckets.local(original.bucket, original.key, folder=copies, at_most=most, version=version)


def keep_picture(buckets: Buckets, bucket: str, content: bytes, *, ending: str) -> str:
    """Keep a picture for a result that is about to be written; its address.

    Raises:
        StorageError: it cannot be written.
    """
    digits = secrets.token_hex(16)
    key = f"{KEPT_BELOW}{digits[:2]}/{digits}.{ending}"
    buckets.write(bucket, key, content)
    return f"s3://{bucket}/{key}"


def sweep_pictures(database: Database, buckets: Buckets) -> int:
    """Delete kept pictures whose results are gone; how many there were.

    Raises:
        UnavailableError: the database does not answer.
    """
    named = exists().where(Result.id == ResultPicture.result_id, Result.picture == ResultPicture.name)
    orphans = select(ResultPicture.name).where(~named).limit(_AT_ONCE)
    swept = 0
    while True:
        with database.reading() as session:
            names = session.scalars(orphans).all()
        for name in names:
            try:
                buckets.remove(*split_address(name))
            except BucketError as problem:  # it will not be better the next time
                _logger.warning("A picture that was kept with a result is left where it is. %s", problem)
        if names:
            with database.transaction() as session:
                session.execute(delete(ResultPicture).where(ResultPicture.name.in_(names)))
        swept += len(names)
        if len(names) < _AT_ONCE:
            return swept
