"""The door for labelled pictures: a folder, a table or a manifest comes in, told apart by content, a dataset goes out."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path

from walkaround.datasets.faults import Faults
from walkaround.datasets.formats.folders import list_tree, read_folders
from walkaround.datasets.formats.json_lines import objects_in
from walkaround.datasets.formats.lookout import SOURCE_KEY, read_lookout
from walkaround.datasets.formats.table import is_table, read_table
from walkaround.datasets.manifest import IMAGE_KEY, read_manifest
from walkaround.datasets.sample import Dataset, Sample
from walkaround.errors import DatasetError
from walkaround.media.sniff import media_kind

_Reader = Callable[..., Iterator[Sample]]

_LISTINGS = (".csv", ".tsv", ".manifest", ".jsonl")
_WANTED = (
    "a folder with a folder of pictures for each class (normal and anomaly, say), a CSV file with the columns image and label,"
    " or a JSON-lines manifest"
)
_PEEK = 200
"""Lines. A manifest that begins with so many broken ones is none."""


def read_dataset(source: Path | str, *, buckets: Mapping[str, Path] = {}) -> Dataset:
    """Read the names and labels of a dataset's pictures; the pictures themselves are not opened.

    Args:
        source: a folder with a folder for each class, a CSV file, a manifest of Lookout for Vision, or one of our own; a
            folder that holds one such file and no class folders stands for the file.
        buckets: for references s3://bucket/key: bucket name to the folder that holds its copy.

    Raises:
        DatasetError: there is nothing there, or no picture of it can be used.
    """
    source, faults = Path(source).expanduser(), Faults()
    try:
        if source.is_dir():
            samples = _samples_of_folder(source, faults, buckets)
        elif source.is_file():
            samples = list(_reader_for(source)(source, faults, buckets=buckets))
        else:
            raise DatasetError(f"There is no dataset at {str(source)!r}: give {_WANTED}.")
    except OSError as error:
        raise DatasetError(f"Cannot read {str(source)!r} ({error.strerror}): check the path and its permissions.") from error
    samples = _without_repeats(samples, faults)
    problems = faults.problems()
    if not samples:
        reason = f" The first problem: {problems[0].message}" if problems else ""
        raise DatasetError(f"No picture in {str(source)!r} can be used: give {_WANTED}.{reason}")
    return Dataset(origin=source, samples=tuple(samples), problems=problems)


def _samples_of_folder(folder: Path, faults: Faults, buckets: Mapping[str, Path]) -> list[Sample]:
    """Labels from the one table or manifest in the folder, or else from the names of the folders."""
    listing, tree = _only_listing(folder), list_tree(folder, faults)
    if listing is None:
        return list(read_folders(tree, faults))
    if tree.names_classes:
        faults.add("unused-labels", str(listing), "labels were taken from the folders' names, not from this file")
        return list(read_folders(tree, faults))
    return list(_reader_for(listing)(listing, faults, buckets=buckets))


def _only_listing(folder: Path) -> Path | None:
    found = [path for path in sorted(folder.iterdir()) if path.suffix.casefold() in _LISTINGS and path.is_file()]
    usable = [path for path in found if (_json_reader(path) if _is_json(path) else is_table(path))]
    return usable[0] if len(usable) == 1 else None


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
