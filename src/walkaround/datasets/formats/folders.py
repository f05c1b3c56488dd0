"""Folders of pictures: the folder of the first level gives the label, below train, validation and test the second."""

from __future__ import annotations

import os
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from walkaround.buckets.buckets import Buckets
from walkaround.buckets.names import ObjectInfo
from walkaround.damage.kinds import ANOMALY, DAMAGE_TYPES, means_normal, simplified
from walkaround.datasets.faults import Faults, LineError, checked_label
from walkaround.datasets.formats.references import BucketPath, Row
from walkaround.datasets.sample import split_named
from walkaround.errors import InputError
from walkaround.media.sniff import media_kind, picture_format

_PICTURES = frozenset(
    (".jpg", ".jpeg", ".jpe", ".jfif", ".png", ".webp", ".heic", ".heif", ".hif", ".avif", ".bmp", ".gif", ".tif", ".tiff")
)
"""Files with these endings are opened only when their picture is read; every other file is told by its content."""

_IGNORED = frozenset(
    (
        "thumbs.db",
        "ehthumbs.db",
        "desktop.ini",
        "labels.txt",
        "classes.txt",
        "readme.txt",
        "readme.md",
        "license",
        "__macosx",
        "@eadir",
    )
)
_DEEPEST = 50
_THREADS = 8
_HEAD_BYTES = 512
_NO_CLASSES = frozenset(("image", "images", "img", "imgs", "picture", "pictures", "photo", "photos", "jpegimages"))
_CLASSES = frozenset({ANOMALY, *map(simplified, DAMAGE_TYPES)})


@dataclass(frozen=True, kw_only=True)
class Tree:
    """The files below a folder: paths relative to it, in sorted order.

    Attributes:
        folder: the folder.
        pictures: the parts of the path of every picture.
        others: the parts of the path of every other file that is not known to go with pictures.
    """

    folder: Path | BucketPath
    pictures: tuple[tuple[str, ...], ...]
    others: tuple[tuple[str, ...], ...]

    @property
    def tops(self) -> set[str]:
        """The folders of the first level that hold pictures, at whatever depth."""
        return {parts[0] for parts in self.pictures if len(parts) > 1}

    @property
    def splits(self) -> set[str]:
        """The folders of the first level that are splits: nothing else stands there, or two of them hold the same class."""
        named = {top for top in self.tops if split_named(top)}
        classes = [{parts[1] for parts in self.pictures if parts[0] == top and len(parts) > 2} for top in named]
        shared = any(one & other for i, one in enumerate(classes) for other in classes[:i])
        return named if shared or named == self.tops else set()

    @property
    def names_classes(self) -> bool:
        """Whether the folders are splits or bear names that only classes have."""
        return bool(self.splits) or any(is_class_name(top) for top in self.tops)


def is_class_name(name: str) -> bool:
    """Whether a folder of this name holds a class and nothing else: normal, anomaly, or a damage type of ours."""
    return means_normal(name) or simplified(name) in _CLASSES


def list_tree(folder: Path, faults: Faults) -> Tree:
    """List the files below `folder`."""
    pictures: list[tuple[str, ...]] = []
    others: list[tuple[str, ...]] = []
    for parts in _files(folder, (), set(), faults=faults):
        (pictures if _is_picture(folder.joinpath(*parts)) else others).append(parts)
    return Tree(folder=folder, pictures=tuple(pictures), others=tuple(others))


def list_bucket(folder: BucketPath, buckets: Buckets) -> Tree:
    """List the objects below `folder`, which counts as a folder of files.

    Raises:
        BucketError: there is no such bucket, or it may not be listed.
        UnavailableError: it does not answer.
    """
    prefix = f"{folder.key}/" if folder.key else ""
    objects = [
        (tuple(found.key.removeprefix(prefix).split("/")), found)
        for found in buckets.list(folder.bucket, prefix)
        if not _is_hidden(found.key.removeprefix(prefix))
    ]
    with ThreadPoolExecutor(_THREADS) as pool:  # objects without an ending are looked into, which takes a request each
        are_pictures = list(pool.map(lambda named: _is_picture_in(buckets, folder.bucket, named[1]), objects))
    judged = list(zip(objects, are_pictures, strict=True))
    return Tree(
        folder=folder,
        pictures=tuple(parts for (parts, _), is_picture in judged if is_picture),
        others=tuple(parts for (parts, found), is_picture in judged if not is_picture and found.size),
    )


def read_folders(tree: Tree, faults: Faults) -> Iterator[Row]:
    """Yield the pictures of a tree; files that cannot be used go to `faults`."""
    splits = tree.splits
    for parts in tree.others:
        if len(parts) > 1:  # beside the class folders anything may lie
            faults.add("not-a-picture", str(tree.folder.joinpath(*parts)), "it is not a picture")
    for parts in tree.pictures:
        path = tree.folder.joinpath(*parts)
        if splits and len(parts) > 1 and parts[0] not in splits:
            faults.add("unused-folder", str(path), f"the folder {parts[0]!r} is not used", detail=parts[0])
            continue
        split = split_named(parts[0]) if splits and len(parts) > 1 else None
        folders = parts[1:-1] if split else parts[:-1]
        try:
            yield Row(reference=path, label=_label(folders), split=split, where="" if isinstance(path, Path) else str(path))
        except LineError as error:
            faults.add_error(str(path), error)


def _files(folder: Path, parts: tuple[str, ...], seen: set[tuple[int, int]], *, faults: Faults) -> Iterator[tuple[str, ...]]:
    """Yield the path of every plain file that is not hidden; `seen`: the folders listed so far, so that no link loops."""
    if len(parts) > _DEEPEST:
        faults.add("unreadable-folder", str(folder), f"it lies more than {_DEEPEST} folders deep")
        return
    try:
        status = folder.stat()
        entries = sorted(os.scandir(folder), key=lambda entry: entry.name)
    except OSError as error:
        faults.add("unreadable-folder", str(folder), f"the folder cannot be read ({error.strerror})")
        return
    identity = (status.st_dev, status.st_ino)
    if identity in seen:
        return
    seen.add(identity)
    for entry in entries:
        if entry.name.startswith(".") or entry.name.casefold() in _IGNORED:
            continue
        try:
            is_folder, is_file = entry.is_dir(), entry.is_file()
        except OSError:  # a link to itself
            continue
        if is_folder:
            yield from _files(Path(entry.path), (*parts, entry.name), seen, faults=faults)
        elif is_file:  # no pipes or devices: opening one could wait for ever
            yield (*parts, entry.name)


def _label(folders: tuple[str, ...]) -> str | None:
    return checked_label(folders[0]) if folders and folders[0].casefold() not in _NO_CLASSES else None


def _is_picture(path: Path) -> bool:
    if path.suffix.casefold() in _PICTURES:
        return True
    try:
        return media_kind(path) == "picture"
    except InputError:  # not permitted: told as "not a picture", with its name
        return False


def _is_picture_in(buckets: Buckets, bucket: str, found: ObjectInfo) -> bool:
    if PurePosixPath(found.key).suffix.casefold() in _PICTURES:
        return True
    try:
        return found.size > 0 and picture_format(buckets.start(bucket, found.key, length=_HEAD_BYTES)) is not None
    except InputError:  # not permitted: told as "not a picture", with its name
        return False


def _is_hidden(key: str) -> bool:
    return any(part.startswith(".") or part.casefold() in _IGNORED for part in key.split("/"))


def unwrapped(tree: Tree) -> Tree:
    """Step into the one folder of an unpacked archive when the folders in it, and not itself, are classes or splits."""
    tops = tree.tops
    if len(tops) != 1 or any(len(parts) < 3 for parts in tree.pictures) or is_class_name(top := next(iter(tops))):
        return tree
    inner = Tree(
        folder=tree.folder.joinpath(top),
        pictures=tuple(parts[1:] for parts in tree.pictures),
        others=tuple(parts[1:] for parts in tree.others if parts[0] == top),
    )
    return inner if inner.names_classes and not split_named(top) else tree
