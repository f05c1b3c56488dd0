"""TFRecords as a dataset: each record is checked, its picture put into a folder, and what cannot be used is named."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from walkaround.datasets.faults import LineError, checked_label
from walkaround.datasets.labels import agreed
from walkaround.datasets.sample import Dataset, Problem, Sample, Split
from walkaround.datasets.tfrecords.encoding import DecodedPicture, decoded_picture
from walkaround.datasets.tfrecords.messages import decode_example, read_label_map
from walkaround.datasets.tfrecords.records import BadRecord, read_records
from walkaround.datasets.tfrecords.writing import LABEL_MAP, SPLITS
from walkaround.errors import DatasetError, PictureError, writing

_NAME = re.compile(r"(train|validation|test)\.records(?:-(\d{5})-of-(\d{5}))?")
_UNSAFE = re.compile(r"[^A-Za-z0-9_-]+")
_LONGEST_STEM = 60


def record_files(folder: Path) -> list[tuple[Split, Path]]:
    """The files of records in a folder with their splits, in the order of splits and shards; none where there are none."""
    found = [(path, _NAME.fullmatch(path.name)) for path in sorted(folder.iterdir()) if path.is_file()]
    named = {path: split for path, match in found if match is not None for split in SPLITS if split == match[1]}
    return sorted(((split, path) for path, split in named.items()), key=lambda one: (SPLITS.index(one[0]), one[1].name))


def holds_records(folder: Path) -> bool:
    """Whether a path is a folder of records."""
    return folder.is_dir() and bool(record_files(folder))


def cache_of(folder: Path, cache: Path) -> Path:
    """Where in a cache the pictures of a folder of records are put; another place once the records have changed."""
    facts = [(path.name, status.st_size, status.st_mtime_ns) for _, path in record_files(folder) for status in (path.stat(),)]
    return cache / "records" / hashlib.sha256(repr((str(folder.resolve()), facts)).encode()).hexdigest()[:32]


def read_tfrecords(folder: Path, *, pictures: Path, skip_bad: bool = False) -> Dataset:
    """Read the records of a folder.

    Args:
        folder: with `train.records` and the like, sharded or not, and `label_map.pbtxt`.
        pictures: folder that the pictures are written into, one below it for each split.
        skip_bad: whoever reads wants to use the rest: what is wrong is of severity "warning" instead of "error".

    Returns:
        The samples, in the order of the files; every record that cannot be used is a problem, which names the file and the
        record's number in it, and so is every shard that is not there.

    Raises:
        DatasetError: there are no records, or the label map is missing or none.
        StorageError: a picture cannot be written.
    """
    try:
        files = record_files(folder)
        label_map = (folder / LABEL_MAP).read_text(encoding="utf-8") if files else ""
    except (OSError, UnicodeDecodeError) as problem:
        raise DatasetError(
            f"Cannot read {LABEL_MAP} in {str(folder)!r} ({problem}): put the label map beside the records."
        ) from problem
    if not files:
        raise DatasetError(f"There are no records in {str(folder)!r}: give the folder of train.records.")
    classes = read_label_map(label_map, name=str(folder / LABEL_MAP))
    samples: list[Sample] = []
    problems = _missing(folder, files)
    for split, path in files:
        for number, record in _numbered(path):
            where = f"{path.name}, record {number}"
            if isinstance(record, BadRecord):
                problems.append(_bad(path, f"{where}: {record.reason}", "write or copy the file again", where=where))
                continue
            try:
                decoded = decoded_picture(decode_example(record), classes)
                label, also = agreed(name for text in decoded.labels if (name := checked_label(text)) is not None)
            except (ValueError, PictureError, LineError) as problem:
                problems.append(_bad(path, f"{where}: {str(problem).rstrip('.')}", "write the record again", where=where))
                continue
            kept = _kept(decoded, pictures / split, number=len(samples) + 1)
            samples.append(Sample(path=kept, label=label, also=also, split=split, where=where, places=decoded.places))
    if skip_bad:
        problems = [replace(problem, severity="warning") for problem in problems]
    return Dataset(origin=folder, samples=tuple(samples), problems=tuple(problems))


def _numbered(path: Path) -> Iterator[tuple[int, bytes | BadRecord]]:
    try:
        yield from enumerate(read_records(path), start=1)
    except OSError as problem:
        raise DatasetError(f"Cannot read {str(path)!r} ({problem.strerror}): check the path and its permissions.") from problem


def _kept(decoded: DecodedPicture, folder: Path, *, number: int) -> Path:
    """Write a picture under a name that no other has, and that nothing from outside can lead elsewhere."""
    stem = _UNSAFE.sub("_", Path(decoded.filename).stem)[:_LONGEST_STEM].strip("_")
    path = folder / f"{number:06d}{'_' if stem else ''}{stem}.{decoded.suffix}"
    with writing(path):
        folder.mkdir(parents=True, exist_ok=True)
        path.write_bytes(decoded.data)
    return path


def _missing(folder: Path, files: list[tuple[Split, Path]]) -> list[Problem]:
    """One problem for the shards that are not there, though the names of others say so."""
    present = {path.name for _, path in files}
    sharded = {(match[1], int(match[3])) for match in map(_NAME.fullmatch, present) if match is not None and match[3]}
    lacking = []
    for split, count in sorted(sharded):
        lacking += [
            name for name in (f"{split}.records-{number:05d}-of-{count:05d}" for number in range(count)) if name not in present
        ]
    if not lacking:
        return []
    more = f" and {len(lacking) - 1:,} more" if len(lacking) > 1 else ""
    return [_bad(folder, f"the shard {lacking[0]}{more} is missing", "copy all of them again")]


def _bad(path: Path, what: str, advice: str, *, where: str | None = None) -> Problem:
    return Problem(kind="bad-record", severity="error", message=f"{path}: {what}; {advice}.", files=(where or str(path),))
