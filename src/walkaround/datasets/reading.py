"""The door for labelled pictures: a folder, a table or a manifest comes in, told apart by content, a dataset goes out.

All of these may be in a bucket too; pictures in buckets are copied to this machine, several at once.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

import platformdirs

from walkaround.buckets.buckets import Buckets
from walkaround.buckets.names import split_address
from walkaround.datasets.faults import Faults, LineError
from walkaround.datasets.formats.folders import Tree, list_bucket, list_tree, read_folders
from walkaround.datasets.formats.json_lines import objects_in
from walkaround.datasets.formats.lookout import SOURCE_KEY, read_lookout
from walkaround.datasets.formats.references import BucketPath, Progress, References, Row
from walkaround.datasets.formats.table import is_table, read_table
from walkaround.datasets.manifest import IMAGE_KEY, read_manifest
from walkaround.datasets.sample import Dataset, Sample
from walkaround.errors import BucketError, DatasetError
from walkaround.media.sniff import media_kind

_Reader = Callable[[Path, Faults], Iterator[Row]]

_LISTINGS = (".csv", ".tsv", ".manifest", ".jsonl")
_WANTED = (
    "a folder with a folder of pictures for each class (normal and anomaly, say), a CSV file with the columns image and label,"
    " or a JSON-lines manifest"
)
_PEEK = 200
"""Lines. A manifest that begins with so many broken ones is none."""
_LONGEST_LISTING = 2**30
"""Bytes. The limit of Lookout for Vision."""
_ADDRESS = re.compile(r"s3:/+(?=[^/])")  # a path object makes s3:/bucket of s3://bucket


def read_dataset(
    source: Path | str, *, buckets: Buckets | None = None, cache: Path | None = None, progress: Progress | None = None
) -> Dataset:
    """Read the names and labels of a dataset's pictures; the pictures themselves are not opened, but copied from buckets.

    Args:
        source: a folder with a folder for each class, a CSV file, a manifest of Lookout for Vision, or one of our own; a
            folder that holds one such file and no class folders stands for the file. All of these on this machine, or as
            s3://bucket/key in a bucket.
        buckets: where buckets are; None: there are none.
        cache: folder for copies of pictures in buckets; the user's own where None.
        progress: called while pictures are copied.

    Raises:
        DatasetError: there is nothing there, or no picture of it can be used.
        BucketError: the bucket of `source` is not there, or what it names in it.
        UnavailableError: a bucket does not answer.
    """
    faults, reading = Faults(), _Reading(buckets or Buckets({}), _copies(cache))
    origin = _address_or_path(source)
    try:
        rows, folder = reading.of_bucket(origin, faults) if isinstance(origin, BucketPath) else reading.of_disk(origin, faults)
    except OSError as error:
        raise DatasetError(f"Cannot read {str(origin)!r} ({error.strerror}): check the path and its permissions.") from error
    references = References(folder=folder, buckets=reading.buckets, cache=reading.cache)
    samples = _without_repeats(_samples(rows, references, faults, progress), faults)
    problems = faults.problems()
    if not samples:
        reason = f" The first problem: {problems[0].message}" if problems else ""
        raise DatasetError(f"No picture in {str(origin)!r} can be used: give {_WANTED}.{reason}")
    return Dataset(origin=origin if isinstance(origin, Path) else str(origin), samples=tuple(samples), problems=problems)


class _Reading:
    """From a source to its rows, and to what their relative paths are relative to."""

    def __init__(self, buckets: Buckets, cache: Path) -> None:
        self.buckets = buckets
        self.cache = cache

    def of_disk(self, source: Path, faults: Faults) -> tuple[list[Row], Path]:
        if source.is_file():
            return list(_reader_for(source)(source, faults)), source.parent
        if not source.is_dir():
            raise DatasetError(f"There is no dataset at {str(source)!r}: give {_WANTED}.")
        found = [path for path in sorted(source.iterdir()) if path.suffix.casefold() in _LISTINGS and path.is_file()]
        rows = _rows_of_folder(list_tree(source, faults), [(str(path), path) for path in found], faults)
        return rows, source

    def of_bucket(self, source: BucketPath, faults: Faults) -> tuple[list[Row], BucketPath]:
        listing = None if source.key.endswith("/") or not source.key else self._object(source)
        if listing is not None:
            return list(_reader_for(listing)(listing, faults)), source.parent
        source = BucketPath(source.bucket, source.key.rstrip("/"))
        tree = list_bucket(source, self.buckets)
        if not tree.pictures and not tree.others:
            raise DatasetError(f"There is no dataset at {str(source)!r}: give {_WANTED}.")
        names = [parts[0] for parts in tree.others if len(parts) == 1 and parts[0].casefold().endswith(_LISTINGS)]
        found = [(str(source.joinpath(name)), self._copy(source.joinpath(name))) for name in names]
        return _rows_of_folder(tree, found, faults), source

    def _object(self, path: BucketPath) -> Path | None:
        """A copy of the object of exactly this key, if there is one."""
        try:
            self.buckets.size(path.bucket, path.key)
        except BucketError:
            return None
        return self._copy(path)

    def _copy(self, path: BucketPath) -> Path:
        return self.buckets.local(path.bucket, path.key, folder=self.cache, at_most=_LONGEST_LISTING)


def _copies(cache: Path | None) -> Path:
    return (cache or Path(platformdirs.user_cache_dir("walkaround"))) / "objects"


def _address_or_path(source: Path | str) -> Path | BucketPath:
    text, found = _ADDRESS.subn("s3://", str(source), count=1)
    return BucketPath(*split_address(text)) if found and text.startswith("s3://") else Path(source).expanduser()


def _rows_of_folder(tree: Tree, listings: list[tuple[str, Path]], faults: Faults) -> list[Row]:
    """Labels from the one table or manifest in the folder, or else from the names of the folders."""
    usable = [(name, path) for name, path in listings if (_json_reader(path) if _is_json(path) else is_table(path))]
    if len(usable) != 1:
        return list(read_folders(tree, faults))
    [(name, path)] = usable
    if tree.names_classes:
        faults.add("unused-labels", name, "labels were taken from the folders' names, not from this file")
        return list(read_folders(tree, faults))
    return list(_reader_for(path)(path, faults))


def _samples(rows: list[Row], references: References, faults: Faults, progress: Progress | None) -> Iterator[Sample]:
    references.fetch((row.reference for row in rows), progress)
    for row in rows:
        try:
            yield Sample(path=references.file(row.reference), label=row.label, split=row.split, where=row.where)
        except LineError as error:
            faults.add_error(row.where, error)


def _reader_for(path: Path) -> _Reader:
    kind = media_kind(path)
    if kind is not None:
        raise DatasetError(f"{str(path)!r} is a {kind}, not a dataset: give {_WANTED}.")
    if not _is_json(path):
        return read_table
    reader = _json_reader(path)
    if reader is None:
        raise DatasetError(
            f"{str(path)!r} is JSON, but its lines hold no {SOURCE_KEY!r} or {IMAGE_KEY!r}: give {_WANTED}; other JSON (COCO's,"
            " say) is not read."
        )
    return reader


def _is_json(path: Path) -> bool:
    with path.open("rb") as file:
        return file.read(1000).lstrip(b"\xef\xbb\xbf \t\r\n").startswith(b"{")


def _json_reader(path: Path) -> _Reader | None:
    """The reader for the first object with a key that only one kind of manifest has, None where none of the lines has."""
    for _, line in itertools.islice(objects_in(path, Faults()), _PEEK):
        if SOURCE_KEY in line:
            return read_lookout
        if IMAGE_KEY in line:
            return read_manifest
    return None


def _without_repeats(samples: Iterable[Sample], faults: Faults) -> list[Sample]:
    """One of the samples that say the same of the same file; those that disagree all stay, for the check to tell."""
    first: dict[tuple[Path, str | None, str | None], Sample] = {}
    for sample in samples:
        key = (sample.path, sample.label, sample.split)
        if first.setdefault(key, sample) is not sample:
            faults.add("repeated", sample.where, f"{str(sample.path)!r} was named before")
    return list(first.values())
