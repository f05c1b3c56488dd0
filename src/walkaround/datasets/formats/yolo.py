"""YOLO text: for each picture a file of lines `class cx cy w h` (boxes) or `class x1 y1 x2 y2 ...` (polygons), as fractions.

Where there is a `data.yaml`, a picture without a file shows nothing, as Ultralytics has it; elsewhere nobody was asked to draw.
Source: https://docs.ultralytics.com/datasets/detect/ and /segment/.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path, PurePosixPath

from walkaround.datasets.faults import Faults, LineError, shown
from walkaround.datasets.formats.marks import Drawn, Mark, numbers, polygons_of
from walkaround.datasets.formats.references import BucketPath, Row
from walkaround.datasets.formats.shelves import Parts, Shelf, split_of
from walkaround.datasets.formats.text_lines import text_lines
from walkaround.datasets.formats.yolo_names import YoloNames, names_above
from walkaround.datasets.sample import Split

_TRIED = 50
"""Files with anything in them, of which one looks like labels where a folder holds labels."""
_HEAD = 1 << 16


@dataclass(frozen=True, kw_only=True)
class YoloSet:
    """Label files that share their class names.

    Attributes:
        names: of the classes.
        files: of labels, with the picture of each.
    """

    names: YoloNames
    files: Mapping[Parts, Path | BucketPath]


def yolo_sets(shelf: Shelf, faults: Faults) -> list[YoloSet]:
    """The sets of label files below a folder; text files that are none are passed over."""
    folders: defaultdict[Parts, list[Parts]] = defaultdict(list)
    for parts in shelf.files(".txt"):
        folders[parts[:-1]].append(parts)
    sets: dict[Parts, YoloSet] = {}
    for folder, files in folders.items():
        pictures, missing = _pictures(files, shelf)
        if not holds_labels(pictures, shelf):
            continue
        for parts, error in missing.items():
            if _is_label(_first_words(shelf.file(*parts))):
                faults.add_error("/".join(parts), error)
        names = names_above(folder, shelf, faults)
        known = sets.get(names.file or folder)
        sets[names.file or folder] = YoloSet(names=names, files={**(known.files if known else {}), **pictures})
    return list(sets.values())


def read_yolo(one: YoloSet, shelf: Shelf, faults: Faults) -> Iterator[Row]:
    """Yield the pictures of a set; wrong lines go to `faults`."""
    for parts, picture in one.files.items():
        path, name = shelf.file(*parts), "/".join(parts)
        if path is None:
            continue
        drawn = _drawn(name, path, one.names.names, faults)
        yield Row(reference=picture, label=None, split=_split(shelf.parts_of(picture), one.names), where=name, drawn=drawn)
    for parts in _without_file(one, shelf):
        picture = shelf.tree.folder.joinpath(*parts)
        yield Row(reference=picture, label=None, split=_split(parts, one.names), where="/".join(parts), drawn=Drawn())


def holds_labels(files: Iterable[Parts], shelf: Shelf) -> bool:
    """Whether one of the first text files that are not blank looks like labels."""
    starts = (words for parts in files if (words := _first_words(shelf.file(*parts))))
    return any(map(_is_label, islice(starts, _TRIED)))


def _without_file(one: YoloSet, shelf: Shelf) -> Iterator[Parts]:
    """The pictures that show nothing because no file says otherwise: those in the splits of a `data.yaml`, if it has any."""
    if not one.names.complete or one.names.file is None:
        return
    top = one.names.file[:-1]
    photos = [parts for parts in shelf.photos if parts[: len(top)] == top]
    in_splits = [parts for parts in photos if one.names.split(parts)[0]]
    named = set(map(str, one.files.values()))
    yield from (parts for parts in in_splits or photos if str(shelf.tree.folder.joinpath(*parts)) not in named)


def _pictures(files: Sequence[Parts], shelf: Shelf) -> tuple[dict[Parts, Path | BucketPath], dict[Parts, LineError]]:
    """The picture of each file, and why some have none."""
    pictures: dict[Parts, Path | BucketPath] = {}
    missing: dict[Parts, LineError] = {}
    for parts in files:
        try:
            pictures[parts] = shelf.picture_of_stem(PurePosixPath(parts[-1]).stem, beside=parts[:-1])
        except LineError as error:
            missing[parts] = error
    return pictures, missing


def _first_words(path: Path | None) -> list[str]:
    """Of the first line that is not blank."""
    if path is None:
        return []
    with path.open("rb") as file:
        start = file.read(_HEAD).decode("utf-8-sig", "replace")
    return next((words for line in start.splitlines() if (words := line.split())), [])


def _is_label(words: Sequence[str]) -> bool:
    """Whether the words of a line are a class number and four fractions or more."""
    try:
        return len(words) >= 5 and _class_number(words[0]) >= 0 and len([float(word) for word in words[1:5]]) == 4
    except ValueError:
        return False


def _class_number(word: str) -> int:
    """A whole number; some tools write it as 3.0."""
    number = float(word)
    if not number.is_integer():
        raise ValueError(f"{word} is no class number")
    return int(number)


def _drawn(name: str, path: Path, names: Sequence[str], faults: Faults) -> Drawn | None:
    try:
        lines = [(number, line.split()) for number, line in enumerate(text_lines(path), start=1) if line.strip()]
    except LineError as error:
        faults.add("bad-place", name, error.what)
        return None
    outlined, before = any(len(words) > 6 for _, words in lines), faults.count
    marks: list[Mark] = []
    for number, words in lines:
        where = f"{name}, line {number}"
        try:
            marks.append(_mark(words, names, where=where, outlined=outlined))
        except LineError as error:
            faults.add_error(where, error)
    return Drawn(marks=tuple(marks), unit="fractions", unread=faults.count > before)


def _mark(words: Sequence[str], names: Sequence[str], *, where: str, outlined: bool) -> Mark:
    try:
        number, values = _class_number(words[0]), [float(word) for word in words[1:]]
    except ValueError:
        raise LineError("bad-place", f"{shown(' '.join(words), longest=60)} is no class number and fractions") from None
    if not 0 <= number < len(names):
        raise LineError("unknown-class", f"its class {number} has no name; {len(names)} classes are named")
    if len(values) == 4 and not outlined:
        x, y, width, height = numbers(values, what="box")
        box = (x - width / 2, y - height / 2, x + width / 2, y + height / 2)
        if width <= 0 or height <= 0:
            raise LineError("bad-place", "its box has no area")
        return Mark(where=where, label=names[number], box=box)
    if len(values) < 4:
        raise LineError("bad-place", f"it has {len(values)} numbers after the class, and a box has 4")
    return Mark(where=where, label=names[number], outline=polygons_of([values]))


def _split(parts: Parts, names: YoloNames) -> Split | None:
    known, split = names.split(parts)
    return split if known else split_of(parts[:-1])
