"""The files of a dataset's folder, here or in a bucket, and how annotation files find their pictures among them."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Sequence
from functools import cached_property
from pathlib import Path, PurePosixPath

from walkaround.datasets.faults import LineError, shown
from walkaround.datasets.formats.folders import Tree
from walkaround.datasets.formats.references import BucketPath
from walkaround.datasets.sample import Split, split_named

Parts = tuple[str, ...]
"""A path relative to the dataset's folder."""

_MASKS = frozenset(("segmentationclass", "segmentationobject", "masks", "mask"))


class Shelf:
    """The files of one dataset.

    Attributes:
        tree: their paths.
        within: the folder below which annotation files are looked for.
    """

    def __init__(self, tree: Tree, local: Callable[[Parts], Path | None], *, within: Parts = ()) -> None:
        self.tree = tree
        self.within = within
        self._local = local

    def file(self, *parts: str) -> Path | None:
        """A file that can be read on this machine; None where there is none."""
        return self._local(parts)

    def files(self, *endings: str) -> list[Parts]:
        """Where annotation files with these endings lie."""
        depth = len(self.within)
        return [parts for parts in self.tree.others if parts[-1].casefold().endswith(endings) and parts[:depth] == self.within]

    def picture(self, name: str, *, beside: Parts, split: Split | None = None) -> Path | BucketPath:
        """The picture that an annotation file in the folder `beside` calls `name`, with or without folders.

        Raises:
            LineError: there is none, or several may be meant.
        """
        wanted = tuple(part for part in PurePosixPath(name.replace("\\", "/")).parts if part not in ("/", ".", ".."))
        found = self._by_name.get(wanted[-1], []) if wanted else []
        return self._one_of(found, wanted, beside=beside, split=split, name=name)

    def picture_of_stem(self, stem: str, *, beside: Parts) -> Path | BucketPath:
        """The picture whose name without its ending is `stem`.

        Raises:
            LineError: there is none, or several may be meant.
        """
        folders = tuple("images" if part.casefold() in ("labels", "annotations") else part for part in beside)
        return self._one_of(self._by_stem.get(stem, []), (*folders, stem), beside=beside, split=None, name=stem)

    def parts_of(self, picture: Path | BucketPath) -> Parts:
        """The path of a picture of this shelf relative to the folder."""
        return self._parts[str(picture)]

    def holds(self, picture: Path | BucketPath) -> bool:
        """Whether there is a picture, or mask, at this path."""
        return str(picture) in self._parts

    def _one_of(
        self, found: Sequence[Parts], wanted: Parts, *, beside: Parts, split: Split | None, name: str
    ) -> Path | BucketPath:
        if not found:
            raise LineError("missing-file", f"there is no picture {shown(name)} below {str(self.tree.folder)!r}")

        def merit(parts: Parts) -> tuple[int, bool, int]:
            folders = parts[:-1]
            in_split = split is not None and any(split_named(part) == split for part in folders)
            return _shared(folders[::-1], wanted[-2::-1]), in_split, _shared(folders, beside)

        best = max(map(merit, found))
        chosen = [parts for parts in found if merit(parts) == best]
        if len(chosen) > 1:
            raise LineError("missing-file", f"the picture {shown(name)} may be {'/'.join(chosen[0])} or {'/'.join(chosen[1])}")
        return self.tree.folder.joinpath(*chosen[0])

    @cached_property
    def photos(self) -> list[Parts]:
        """The pictures that lie in no folder of masks."""
        return [parts for parts in self.tree.pictures if not _MASKS & {part.casefold() for part in parts[:-1]}]

    @cached_property
    def _by_name(self) -> dict[str, list[Parts]]:
        return _grouped(self.tree.pictures, lambda parts: parts[-1])

    @cached_property
    def _by_stem(self) -> dict[str, list[Parts]]:
        return _grouped(self.photos, lambda parts: PurePosixPath(parts[-1]).stem)

    @cached_property
    def _parts(self) -> dict[str, Parts]:
        return {str(self.tree.folder.joinpath(*parts)): parts for parts in self.tree.pictures}


def split_of(folders: Sequence[str], file: str = "") -> Split | None:
    """The split that a path names: a folder ("valid"), or else a word of the file's name ("instances_val2017.json")."""
    words = PurePosixPath(file).stem.replace("-", "_").replace(".", "_").split("_")
    named = map(split_named, (*folders[::-1], *(word.rstrip("0123456789") for word in words)))
    return next((split for split in named if split is not None), None)


def _shared(first: Sequence[str], second: Sequence[str]) -> int:
    """How many parts two paths begin with alike."""
    count = 0
    for one, other in zip(first, second, strict=False):
        if one != other:
            break
        count += 1
    return count


def _grouped(paths: Sequence[Parts], key: Callable[[Parts], str]) -> dict[str, list[Parts]]:
    groups: defaultdict[str, list[Parts]] = defaultdict(list)
    for parts in paths:
        groups[key(parts)].append(parts)
    return groups
