"""The door for labelled pictures: a folder, table, manifest or annotations come in, told apart by content, a dataset goes out.

All of these may be in a bucket too; pictures in buckets are copied to this machine, several at once.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import replace
from pathlib import Path

import platformdirs

from walkaround.buckets.buckets import Buckets
from walkaround.buckets.names import split_address
from walkaround.datasets.faults import Faults, LineError
from walkaround.datasets.formats.references import BucketPath, Progress, References, Row
from walkaround.datasets.merging import labelled_by_places, merged, without_repeats
from walkaround.datasets.placing import places_of
from walkaround.datasets.sample import Dataset, Sample
from walkaround.datasets.sources import WANTED, Source, Told
from walkaround.datasets.tfrecords.reading import cache_of, holds_records, read_tfrecords
from walkaround.errors import DatasetError

_ADDRESS = re.compile(r"s3:/+(?=[^/])")  # a path object makes s3:/bucket of s3://bucket


def read_dataset(
    source: Path | str,
    *,
    buckets: Buckets | None = None,
    cache: Path | None = None,
    progress: Progress | None = None,
    skip_bad_labels: bool = False,
) -> Dataset:
    """Read the labels of a dataset's pictures; of the pictures at most the sizes are read, but they are copied from buckets.

    A table, a manifest or class folders label whole pictures; COCO, YOLO and Pascal VOC files beside them add boxes and masks.
    Where nothing labels the pictures, what was drawn does: see `walkaround.datasets.merging.labelled_by_places`.

    Args:
        source: a folder with a folder for each class or with annotation files, a folder of annotation files with the pictures
            beside it, a COCO file, a `data.yaml`, a folder of TFRecords, a CSV file, a manifest of Ground Truth or Lookout for
            Vision, or one of our own. All but TFRecords on this machine, or as s3://bucket/key in a bucket.
        buckets: where buckets are; None: there are none.
        cache: folder for copies of pictures in buckets; the user's own where None.
        progress: called while pictures are copied.
        skip_bad_labels: boxes and masks that cannot be used are problems of severity "warning" instead of "error"; they are
            left out in any case. See `walkaround.datasets.faults.require_good_places`.

    Raises:
        DatasetError: there is nothing there, or no picture of it can be used.
        BucketError: the bucket of `source` is not there, or what it names in it.
        UnavailableError: a bucket does not answer.
    """
    faults, reading = Faults(skip_places=skip_bad_labels), Source(buckets or Buckets({}), _copies(cache))
    origin = _address_or_path(source)
    try:
        if isinstance(origin, Path) and holds_records(origin):
            return _of_records(origin, cache_of(origin, reading.cache.parent), skip_bad=skip_bad_labels)
        told = reading.of_bucket(origin, faults) if isinstance(origin, BucketPath) else reading.of_disk(origin, faults)
        samples = _samples(told, reading, faults, progress)
    except OSError as error:
        raise DatasetError(f"Cannot read {str(origin)!r} ({error.strerror}): check the path and its permissions.") from error
    problems = faults.problems()
    if not samples:
        reason = f" The first problem: {problems[0].message}" if problems else ""
        raise DatasetError(f"No picture in {str(origin)!r} can be used: give {WANTED}.{reason}")
    named = origin if isinstance(origin, Path) else str(origin)
    return Dataset(origin=named, samples=labelled_by_places(samples), problems=problems)


def _of_records(folder: Path, pictures: Path, *, skip_bad: bool) -> Dataset:
    found = read_tfrecords(folder, pictures=pictures, skip_bad=skip_bad)
    if not found.samples:
        raise DatasetError(f"No record in {str(folder)!r} can be used. The first problem: {found.problems[0].message}")
    return replace(found, samples=labelled_by_places(found.samples))


def _samples(told: Told, reading: Source, faults: Faults, progress: Progress | None) -> list[Sample]:
    references = References(folder=told.folder, buckets=reading.buckets, cache=reading.cache)
    rows = [*told.labelled, *told.drawn]
    masks = (painted.reference for row in rows if row.drawn is not None for painted in row.drawn.painted)
    references.fetch([*(row.reference for row in rows), *masks], progress)
    labelled, drawn = (list(_read(part, references, faults)) for part in (told.labelled, told.drawn))
    return without_repeats(merged(labelled, drawn), faults)


def _read(rows: Iterable[Row], references: References, faults: Faults) -> Iterator[Sample]:
    for row in rows:
        try:
            path = references.file(row.reference)
        except LineError as error:
            faults.add_error(row.where, error)
            continue
        places = None if row.drawn is None else places_of(row.drawn, path, references, faults, where=row.where)
        yield Sample(path=path, label=row.label, also=row.also, split=row.split, where=row.where, places=places)


def _copies(cache: Path | None) -> Path:
    return (cache or Path(platformdirs.user_cache_dir("walkaround"))) / "objects"


def _address_or_path(source: Path | str) -> Path | BucketPath:
    text, found = _ADDRESS.subn("s3://", str(source), count=1)
    return BucketPath(*split_address(text)) if found and text.startswith("s3://") else Path(source).expanduser()
