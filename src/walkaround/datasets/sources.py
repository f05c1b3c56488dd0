"""From a source to the rows of its tables, manifests, folders and annotation files, told apart by content."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

from walkaround.buckets.buckets import Buckets
from walkaround.datasets.faults import Faults
from walkaround.datasets.formats.annotations import AnnotationSet, annotation_sets, holds_annotations
from walkaround.datasets.formats.coco import is_coco
from walkaround.datasets.formats.folders import Tree, list_bucket, list_tree, read_folders, unwrapped
from walkaround.datasets.formats.json_lines import objects_in
from walkaround.datasets.formats.lookout import SOURCE_KEY, read_lookout
from walkaround.datasets.formats.references import BucketPath, Row
from walkaround.datasets.formats.shelves import Parts, Shelf, split_of
from walkaround.datasets.formats.table import is_table, read_table
from walkaround.datasets.manifest import IMAGE_KEY, read_manifest
from walkaround.errors import BucketError, DatasetError
from walkaround.media.sniff import media_kind

_Reader = Callable[[Path, Faults], Iterator[Row]]

_LISTINGS = (".csv", ".tsv", ".manifest", ".jsonl")
WANTED = (
    "a folder with a folder of pictures for each class (normal and anomaly, say), a CSV file with the columns image and label,"
    " a JSON-lines manifest, or COCO, YOLO or Pascal VOC annotations with their pictures"
)
"""What a source may be, as messages name it."""
_JSON = ".json"
_YAML = (".yaml", ".yml")
_CLIMBS = 2
"""Folders. So far above a folder of labels its pictures may lie."""
_PEEK = 200
"""Lines. A manifest that begins with so many broken ones is none."""
_LONGEST_LISTING = 2**30
"""Bytes. The limit of Lookout for Vision."""


@dataclass(frozen=True, kw_only=True)
class Told:
    """What a source says.

    Attributes:
        labelled: rows of a table, a manifest or class folders.
        drawn: rows of annotation files.
        folder: what relative paths are relative to.
    """

    labelled: list[Row]
    drawn: list[Row]
    folder: Path | BucketPath


class Source:
    """Where rows are read from.

    Attributes:
        buckets: where buckets are.
        cache: folder for copies of objects.
    """

    def __init__(self, buckets: Buckets, cache: Path) -> None:
        self.buckets = buckets
        self.cache = cache

    def of_disk(self, source: Path, faults: Faults) -> Told:
        """What a file or folder of this machine says.

        Raises:
            DatasetError: it is none, or no dataset.
        """
        if source.is_file():
            if not _is_annotations(source):
                return Told(labelled=list(_reader_for(source)(source, faults)), drawn=[], folder=source.parent)
            return _of_file(_shelf_of(source.resolve(), faults), faults)
        if not source.is_dir():
            raise DatasetError(f"There is no dataset at {str(source)!r}: give {WANTED}.")
        shelf, around = _shelf(list_tree(source, faults)), source.resolve()
        for _ in range(_CLIMBS):
            if shelf.tree.pictures or not holds_annotations(shelf) or _is_too_high(around.parent):
                break
            around = around.parent  # labels in a folder of their own, with the pictures beside it
            within = source.resolve().relative_to(around).parts
            shelf = _shelf(list_tree(around, faults), within=within)
        return _of_shelf(shelf, faults)

    def of_bucket(self, source: BucketPath, faults: Faults) -> Told:
        """What an object, or a folder of them, in a bucket says.

        Raises:
            DatasetError: it is none, or no dataset.
            BucketError: there is no such bucket, or it may not be listed.
            UnavailableError: it does not answer.
        """
        listing = None if source.key.endswith("/") or not source.key else self._object(source)
        if listing is not None and not _is_annotations(listing):
            return Told(labelled=list(_reader_for(listing)(listing, faults)), drawn=[], folder=source.parent)
        name = (source.key.rpartition("/")[2],) if listing is not None else None
        source = source.parent if listing is not None else BucketPath(source.bucket, source.key.rstrip("/"))
        tree = list_bucket(source, self.buckets)
        if not tree.pictures and not tree.others:
            raise DatasetError(f"There is no dataset at {str(source)!r}: give {WANTED}.")
        if name is None:
            return _of_shelf(Shelf(tree, self._local(tree)), faults)
        return _of_file(Shelf(_only(tree, name), self._local(tree)), faults)

    def _local(self, tree: Tree) -> Callable[[Parts], Path | None]:
        copies: dict[Parts, Path | None] = {}

        def local(parts: Parts) -> Path | None:
            if parts not in copies:
                path = tree.folder.joinpath(*parts)
                copies[parts] = self._object(path) if isinstance(path, BucketPath) else None
            return copies[parts]

        return local

    def _object(self, path: BucketPath) -> Path | None:
        """A copy of the object of exactly this key, if there is one."""
        try:
            self.buckets.size(path.bucket, path.key)
        except BucketError:
            return None
        return self.buckets.local(path.bucket, path.key, folder=self.cache, at_most=_LONGEST_LISTING)


def _shelf(tree: Tree, *, within: Parts = ()) -> Shelf:
    def local(parts: Parts) -> Path | None:
        path = tree.folder.joinpath(*parts)
        return path if isinstance(path, Path) and path.is_file() else None

    return Shelf(tree, local, within=within)


def _shelf_of(source: Path, faults: Faults) -> Shelf:
    """One annotation file, with the pictures beside it or beside its folder."""
    around = source.parent
    tree = list_tree(around, faults)
    if not tree.pictures and not _is_too_high(around.parent):
        around = around.parent
        tree = list_tree(around, faults)
    own = source.relative_to(around).parts
    return _shelf(_only(tree, own), within=own[:-1])


def _is_too_high(folder: Path) -> bool:
    """Whether a folder holds so much else that nobody means to have all of it listed."""
    return folder == Path.home() or folder.parent == folder


def _only(tree: Tree, file: Parts) -> Tree:
    """The tree with no other annotations than those of this file; `data.yaml` goes with the text files."""
    texts = (".txt", ".names", ".labels") if file[-1].casefold().endswith(_YAML) else ()
    others = (parts for parts in tree.others if parts == file or parts[-1].casefold().endswith(texts))
    return replace(tree, others=tuple(others))


def _of_file(shelf: Shelf, faults: Faults) -> Told:
    return Told(labelled=[], drawn=_drawn(annotation_sets(shelf, faults), shelf, faults), folder=shelf.tree.folder)


def _of_shelf(shelf: Shelf, faults: Faults) -> Told:
    """Places from the annotation files in the folder; labels from its one table or manifest, or else from its folders."""
    tops = [parts for parts in shelf.tree.others if len(parts) == 1 and parts[0].casefold().endswith(_LISTINGS)]
    listings = [(path, "/".join(parts)) for parts in tops if (path := shelf.file(*parts)) is not None]
    usable = [one for one in listings if (_json_reader(one[0]) if _is_json(one[0]) else is_table(one[0]))]
    sets = annotation_sets(shelf, faults)
    folders = unwrapped(shelf.tree)
    drawn = _drawn(sets, shelf, faults, only=not usable and not folders.names_classes)
    if drawn:
        folders = replace(folders, others=())  # annotation files are no pictures that went astray
    splits = [split_of((), name) for _, name in usable]
    if len(usable) == 1 or (usable and len(set(splits) - {None}) == len(usable)):  # train.manifest and test.manifest, say
        if not folders.names_classes:
            parts = [(_reader_for(path)(path, faults), split) for (path, _), split in zip(usable, splits, strict=True)]
            several = len(usable) > 1
            rows = [replace(row, split=row.split or split) if several else row for part, split in parts for row in part]
            return Told(labelled=rows, drawn=drawn, folder=shelf.tree.folder)
        for _, name in usable:
            faults.add("unused-labels", name, "labels were taken from the folders' names, not from this file")
    labelled = list(read_folders(folders, faults)) if folders.names_classes or not drawn else []
    return Told(labelled=labelled, drawn=drawn, folder=shelf.tree.folder)


def _drawn(sets: list[AnnotationSet], shelf: Shelf, faults: Faults, *, only: bool = True) -> list[Row]:
    """The rows of the one set of annotation files; of several none can be chosen.

    Args:
        sets: all there are.
        shelf: where.
        faults: takes what cannot be used.
        only: whether nothing else labels the pictures.

    Raises:
        DatasetError: there are several, and nothing else to go by.
    """
    if len(sets) < 2:
        return [row for one in sets for row in one.rows()]
    names = "; ".join(one.name for one in sets)
    if only:
        raise DatasetError(f"{str(shelf.tree.folder)!r} holds {len(sets)} sets of annotations ({names}): give one of them.")
    faults.add(
        "unused-places", str(shelf.tree.folder), f"it holds {len(sets)} sets of annotations ({names}), none of them used"
    )
    return []


def _is_annotations(path: Path) -> bool:
    """Whether a file alone stands for a dataset of boxes and masks."""
    if path.suffix.casefold() in _YAML:
        return True
    return media_kind(path) is None and path.suffix.casefold() == _JSON and is_coco(path)


def _reader_for(path: Path) -> _Reader:
    kind = media_kind(path)
    if kind is not None:
        raise DatasetError(f"{str(path)!r} is a {kind}, not a dataset: give {WANTED}.")
    if not _is_json(path):
        return read_table
    reader = _json_reader(path)
    if reader is None:
        raise DatasetError(
            f"{str(path)!r} is JSON, but its lines hold no {SOURCE_KEY!r} or {IMAGE_KEY!r}, nor is it COCO's: give {WANTED}."
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
