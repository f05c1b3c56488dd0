"""One arrival, from its address to what its model can look at: fetched, and told apart by content."""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from time import monotonic

from sqlalchemy import select

from walkaround.buckets.buckets import Buckets
from walkaround.buckets.names import Fetched, bare_etag
from walkaround.errors import BucketError, InputError, PackageError, UnavailableError, WalkaroundError, writing
from walkaround.media.containers import LONG_VIDEO_LIMITS
from walkaround.media.sniff import content_kind, media_kind
from walkaround.pipeline.limits import Limits
from walkaround.pipeline.sights import ChosenModel
from walkaround.settings import Settings
from walkaround.store.database import Database
from walkaround.store.pipeline import Arrival
from walkaround.store.tables import Model

_IN_MEMORY = 8 << 20
"""Bytes. Larger objects are looked at as files, so that what is in flight stays small."""
THRESHOLD_SECONDS = 1.0
"""After which the threshold of a model is looked up again."""
_MISSING_SECONDS = 30
"""After which one may look again for a package that is not in the data folder."""
VIDEO_SUFFIXES = (".mp4", ".mov", ".mkv", ".webm", ".avi", ".m4v", ".mpg", ".mpeg", ".ts", ".3gp", ".wmv", ".flv")
"""Probably videos. What something is, its content tells; by this alone, videos are not fetched before their time."""


class ChangedError(BucketError):
    """The object is not any more what the event told of; what it is now arrives by itself."""


class StalledError(UnavailableError):
    """The object does not come to its end, although its bucket answers."""


class Models:
    """Packages and thresholds by project and version, as they were a second ago or later. Thread-safe."""

    def __init__(self, database: Database, settings: Settings) -> None:
        """Nothing is looked up yet."""
        self._database, self._data = database, settings.data
        self._known: dict[tuple[int, int], tuple[float, ChosenModel]] = {}

    def model(self, project_id: int, version: int) -> ChosenModel:
        """The package, and the threshold that counts for it.

        Raises:
            PackageError: it was deleted.
            UnavailableError: the database does not answer; or the package is not in the data folder of this process, but may be
                in that of another one.
        """
        known = self._known.get((project_id, version))
        if known is None or monotonic() - known[0] > THRESHOLD_SECONDS:
            known = self._known[project_id, version] = monotonic(), self._found(project_id, version)
        return known[1]

    def _found(self, project_id: int, version: int) -> ChosenModel:
        with self._database.reading() as session:
            query = select(Model.package, Model.threshold).filter_by(project_id=project_id, version=version)
            package, threshold = session.execute(query).one_or_none() or (None, None)
        if package is None:
            raise PackageError(f"The model's version {version} is not there any more: train it again, or change the watch.")
        if not (self._data / package).is_dir():
            raise UnavailableError(
                f"The model's version {version} has no package at {str(self._data / package)!r}: processes on one database"
                " share a data folder, or each imports the package.",
                retry_after=_MISSING_SECONDS,
            )
        return ChosenModel(package=self._data / package, threshold=threshold)


@contextmanager
def fetched(arrival: Arrival, buckets: Buckets, folder: Path, *, limits: Limits) -> Iterator[Fetched]:
    """What has arrived, for as long as it is looked at.

    Raises:
        ChangedError: there is something else now.
        BucketError: it is gone, too large, or not permitted.
        UnavailableError: the bucket does not answer; StalledError where it does, and only the object does not come.
    """
    found = _fetch(arrival, buckets, folder, limits)
    try:
        if arrival.version is None and arrival.etag and bare_etag(found.info.etag) != bare_etag(arrival.etag):
            raise ChangedError(
                f"The object {arrival.key!r} was replaced before it was looked at: its present content arrives by itself."
            )
        yield found
    finally:
        if found.temporary and isinstance(found.content, Path):
            found.content.unlink(missing_ok=True)


def _fetch(arrival: Arrival, buckets: Buckets, folder: Path, limits: Limits) -> Fetched:
    try:
        return buckets.fetch(
            arrival.bucket,
            arrival.key,
            version=arrival.version,
            at_most=LONG_VIDEO_LIMITS.max_bytes,
            in_memory=_IN_MEMORY,
            folder=folder,
            within=limits.of_size,
        )
    except UnavailableError as problem:
        try:
            buckets.check(arrival.bucket)
        except WalkaroundError:
            raise problem from None
        raise StalledError(
            f"The object {arrival.key!r} does not come, while its bucket answers: put it there again, or look at its server."
            f" ({problem})",
            retry_after=problem.retry_after,
        ) from problem


@contextmanager
def as_file(found: Fetched, folder: Path) -> Iterator[Path]:
    """The content as a file; videos are read from files only.

    Raises:
        StorageError: the disk is full.
    """
    if isinstance(found.content, Path):
        yield found.content
        return
    copy = folder / secrets.token_hex(16)
    try:
        with writing(copy):
            folder.mkdir(parents=True, exist_ok=True)
            copy.write_bytes(found.content)
        yield copy
    finally:
        copy.unlink(missing_ok=True)


def kind_of(found: Fetched, name: str) -> str:
    """Whether it is a picture or a video, by content.

    Raises:
        InputError: it is neither.
    """
    kind = media_kind(found.content) if isinstance(found.content, Path) else content_kind(found.content)
    if kind is None:
        what = "is neither a picture nor a video; put JPEG, PNG, WebP, HEIC, MP4, MOV or MKV there"
        raise InputError(f"{name!r} {what if found.info.size else 'is empty; put it there again'}.")
    return kind
