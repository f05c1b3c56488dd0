"""What numbers in YOLO labels are called, and in which split pictures are.

Both are told by `data.yaml` (Ultralytics, Roboflow), the names alone by `classes.txt` and `obj.names` (labelImg, Darknet), in
the folder of the labels or above it.
Source: https://docs.ultralytics.com/datasets/detect/.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath

import yaml

from walkaround.datasets.faults import Faults, LineError, shown
from walkaround.datasets.formats.marks import class_name
from walkaround.datasets.formats.shelves import Parts, Shelf
from walkaround.datasets.formats.text_lines import text_lines
from walkaround.datasets.sample import Split, split_named

_NAME_FILES = ("classes.txt", "obj.names", "classes.names", "_darknet.labels")
_YAML = (".yaml", ".yml")
_LARGEST_YAML = 1 << 18


@dataclass(frozen=True, kw_only=True)
class YoloNames:
    """What a file of class names tells.

    Attributes:
        file: that tells it; None where there is none.
        names: in the order of the class numbers.
        splits: folders, or single pictures, that `data.yaml` puts into splits.
        complete: whether a picture without a file of labels shows nothing.
    """

    file: Parts | None = None
    names: tuple[str, ...] = ()
    splits: Mapping[Parts, Split | None] = field(default_factory=dict)
    complete: bool = False

    def split(self, parts: Parts) -> tuple[bool, Split | None]:
        """Whether a picture is in a split's folder or list, and in that of which; None where it is in several."""
        for depth in range(len(parts), -1, -1):
            if parts[:depth] in self.splits:
                return True, self.splits[parts[:depth]]
        return False, None


def names_above(folder: Parts, shelf: Shelf, faults: Faults) -> YoloNames:
    """The class names nearest to a folder of labels, in it or above it."""
    before = faults.count
    for depth in range(len(folder), -1, -1):
        at = folder[:depth]
        plain = next((parts for name in _NAME_FILES if shelf.file(*(parts := (*at, name)))), None)
        tables = [parts for parts in shelf.tree.others if parts[:-1] == at and parts[-1].casefold().endswith(_YAML)]
        found = next((one for parts in tables if (one := _of_yaml(parts, shelf, faults)) is not None), None)
        listed = None if plain is None else _of_list(plain, shelf, faults)
        if found is not None and listed is not None and found.names != listed.names:
            faults.add(
                "disagreeing",
                "/".join(plain or ()),
                f"its classes {shown(list(listed.names), longest=80)} are not those of {'/'.join(found.file or ())}",
            )
        if nearest := found or listed:
            return nearest
    if faults.count == before:
        where = "/".join(folder) or str(shelf.tree.folder)
        faults.add("unknown-class", where, "nothing names its classes: classes.txt is missing")
    return YoloNames()


def _of_list(parts: Parts, shelf: Shelf, faults: Faults) -> YoloNames | None:
    """Of a file with a name in each line; a blank one in the midst would shift all after it, and so is an error."""
    path = shelf.file(*parts)
    if path is None:
        return None
    where = "/".join(parts)
    try:
        names = []
        for number, line in enumerate("\n".join(text_lines(path)).rstrip().splitlines(), start=1):
            where = f"{'/'.join(parts)}, line {number}"
            names.append(class_name(line))
    except LineError as error:
        faults.add_error(where, error)
        return None
    return YoloNames(file=parts, names=tuple(names))


def _of_yaml(parts: Parts, shelf: Shelf, faults: Faults) -> YoloNames | None:
    path = shelf.file(*parts)
    stored = None if path is None else _stored(path)
    listed = stored.get("names") if isinstance(stored, dict) else None
    if not isinstance(stored, dict) or not isinstance(listed, dict | list):
        return None
    try:
        names = tuple(_numbered(listed) if isinstance(listed, dict) else map(_name, listed))
    except LineError as error:
        faults.add_error("/".join(parts), error)
        return None
    return YoloNames(file=parts, names=names, splits=_splits(stored, parts, shelf, faults), complete=True)


def _stored(path: Path) -> object:
    """What a YAML file holds; None where it is of somebody else, or of a kind that no list of names is."""
    if path.stat().st_size > _LARGEST_YAML:
        return None
    text = path.read_bytes()
    try:
        if any(isinstance(token, yaml.AliasToken) for token in yaml.scan(text)):
            return None  # aliases of aliases could stand for more than any memory holds
        return yaml.safe_load(text)
    except (yaml.YAMLError, RecursionError, ValueError):
        return None


def _numbered(listed: Mapping[object, object]) -> Iterator[str]:
    names = {int(key): name for key, name in listed.items() if isinstance(key, int | str) and str(key).isdecimal()}
    if sorted(names) != list(range(len(listed))):
        raise LineError("unknown-class", f"its names have the numbers {shown(list(listed), longest=60)}, not 0, 1, 2 and so on")
    yield from (_name(names[number]) for number in range(len(names)))


def _name(value: object) -> str:
    """The name of a class, which may be a number; but not what YAML takes for true, false or nothing unless it is quoted."""
    return class_name(str(value) if isinstance(value, int | float) and not isinstance(value, bool) else value)


def _splits(stored: Mapping[object, object], parts: Parts, shelf: Shelf, faults: Faults) -> dict[Parts, Split | None]:
    """What the keys train, val and test name: folders, or lists of pictures, relative to the file or to its `path`."""
    bases = dict.fromkeys([parts[:-1], (*parts[:-1], *_plain(stored.get("path")))])
    splits: dict[Parts, Split | None] = {}
    for key, value in stored.items():
        split = split_named(key) if isinstance(key, str) else None
        if split is None:
            continue
        for entry in value if isinstance(value, list) else [value]:
            for base in bases if isinstance(entry, str) else ():
                for name in _entries((*base, *_plain(entry)), base, shelf, faults):
                    shared = splits.get(name, split) != split  # as Ultralytics is given what has no splits: nothing is known
                    splits[name] = None if shared else split
    return splits


def _entries(named: Parts, base: Parts, shelf: Shelf, faults: Faults) -> list[Parts]:
    """A folder itself, or the pictures of a list."""
    listing = shelf.file(*named) if named and named[-1].casefold().endswith(".txt") else None
    if listing is None:
        return [named]
    try:
        return [(*base, *_plain(line)) for line in text_lines(listing) if line.strip()]
    except LineError as error:
        faults.add_error("/".join(named), error)
        return []


def _plain(path: object) -> Parts:
    """A relative path without its dots: exporters write ../train/images where train/images is meant."""
    text = path.strip().replace("\\", "/") if isinstance(path, str) else ""
    return tuple(part for part in PurePosixPath(text).parts if part not in ("..", ".", "/"))
