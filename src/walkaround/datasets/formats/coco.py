"""COCO instances: one JSON object with images, categories and annotations; boxes x y w h, polygons, run lengths, crowds.

Source: https://cocodataset.org/#format-data. Of what real files bend, this is taken: masks without boxes and boxes without
masks, iscrowd left out or true, sizes left out, pictures in another folder than `file_name` says.
"""

from __future__ import annotations

import json
import re
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from walkaround.damage.places import Box, Polygons, Runs
from walkaround.datasets.faults import Faults, LineError, checked_label, shown
from walkaround.datasets.formats.marks import Drawn, Mark, box_of_numbers, class_name, polygons_of, runs_of_json
from walkaround.datasets.formats.references import Row, is_plain_file
from walkaround.datasets.formats.shelves import Parts, Shelf, split_of
from walkaround.datasets.labels import First, labels_of
from walkaround.datasets.sample import Split
from walkaround.errors import DatasetError

OWN = "walkaround"
"""The key, in an image, of what COCO has no word for: the picture's own labels, and whether anybody was asked to draw."""

_PEEK = 1 << 20
_LARGEST = 512 << 20
"""Bytes; reading takes ten times the memory. The largest of COCO itself has 448 MB."""
_KEYS = re.compile(rb'"(images|annotations|categories)"\s*:\s*\[')


def is_coco(path: Path, *, hollow: bool = True) -> bool:
    """Whether a JSON file looks like COCO's, judged by its first megabyte.

    Args:
        path: of the file.
        hollow: what to say of a file of nothing.
    """
    with path.open("rb") as file:
        start = file.read(_PEEK).removeprefix(b"\xef\xbb\xbf")
    if len(start) < _PEEK and _is_hollow(start):
        return hollow
    return start.lstrip().startswith(b"{") and _KEYS.search(start) is not None


def read_coco(path: Path, parts: Parts, shelf: Shelf, faults: Faults) -> Iterator[Row]:
    """Yield the images of a file; those that cannot be used, and wrong annotations, go to `faults`.

    Raises:
        DatasetError: it is no JSON of this kind.
    """
    stored, file = _load(path), "/".join(parts)
    images, annotations = (_objects(stored, key, file, faults) for key in ("images", "annotations"))
    meant = bool(images) and all(OWN in image for image in images)  # whole cars alone, as exported by ourselves
    if not images or not (annotations or meant):
        what = "images" if not images else "annotations"
        faults.add("empty-labels", file, f"it is a COCO file that holds no {what}")
        if not images:
            return
    drawn = _drawn(annotations, _names(stored, file, faults), file, faults)
    split = split_of(parts[:-1], parts[-1])
    told: set[object] = set()
    for image in images:
        where = f"{file}, image {shown(image.get('id'), longest=40)}"
        found = _Found()
        try:
            number = _identity(image.get("id"))
            if number in told:
                raise LineError("disagreeing", "two images of this id are in it")
            told.add(number)
            found = drawn.pop(number, found)
            yield _row(image, found, where=where, beside=parts[:-1], split=split, shelf=shelf)
        except LineError as error:
            faults.add_error(where, error)
    for left in drawn.values():
        for mark in left.marks:
            faults.add("bad-place", mark.where, "its image_id is of no image")


@dataclass
class _Found:
    """What the annotations of one image hold: see `Drawn`."""

    marks: list[Mark] = field(default_factory=list)
    unread: bool = False


def _load(path: Path) -> Mapping[str, Any]:
    if path.stat().st_size > _LARGEST:
        raise DatasetError(f"{str(path)!r} is larger than {_LARGEST >> 20} MiB: split it into several files.")
    text = path.read_bytes().removeprefix(b"\xef\xbb\xbf")
    if _is_hollow(text):
        return {}
    try:
        stored = json.loads(text)
    except (ValueError, RecursionError) as error:  # RecursionError: brackets nested by the thousand
        raise DatasetError(f"{str(path)!r} is not JSON ({error}): export or copy it again.") from None
    if not isinstance(stored, dict):
        raise DatasetError(f"{str(path)!r} is JSON, but no COCO instances: give an object with images and annotations.")
    return stored


def _is_hollow(text: bytes) -> bool:
    return len(text) < _PEEK and b"".join(text.split()) in (b"", b"{}", b"[]")


def _objects(stored: Mapping[str, Any], key: str, file: str, faults: Faults) -> list[Mapping[str, Any]]:
    value = stored.get(key)
    listed = value if isinstance(value, list) else []
    for number, one in enumerate(listed, start=1):
        if not isinstance(one, dict):
            faults.add("bad-place", f"{file}, number {number} of its {key}", f"it is {shown(one, longest=40)}, no JSON object")
    return [one for one in listed if isinstance(one, dict)]


def _identity(value: object) -> int | str:
    if isinstance(value, bool) or not isinstance(value, int | str):
        raise LineError("bad-line", f"its id is {shown(value, longest=40)}, no whole number")
    return value


def _names(stored: Mapping[str, Any], file: str, faults: Faults) -> dict[object, str]:
    names: dict[object, str] = {}
    for category in _objects(stored, "categories", file, faults):
        where = f"{file}, category {shown(category.get('id'), longest=40)}"
        try:
            number, name = _identity(category.get("id")), class_name(category.get("name"))
            if names.setdefault(number, name) != name:
                raise LineError("disagreeing", f"it is named {names[number]!r} and {name!r}")
        except LineError as error:
            faults.add_error(where, error)
    return names


def _drawn(
    annotations: Sequence[Mapping[str, Any]], names: Mapping[object, str], file: str, faults: Faults
) -> dict[int | str, _Found]:
    """What is drawn on each image, by its id."""
    drawn: defaultdict[int | str, _Found] = defaultdict(_Found)
    for number, annotation in enumerate(annotations, start=1):
        known = shown(annotation["id"], longest=40) if "id" in annotation else f"number {number}"
        where, found = f"{file}, annotation {known}", _Found()
        try:
            found = drawn[_identity(annotation.get("image_id"))]
            found.marks.append(_mark(annotation, names, where=where))
        except LineError as error:
            found.unread = True
            faults.add_error(where, error)
    return dict(drawn)


def _mark(annotation: Mapping[str, Any], names: Mapping[object, str], *, where: str) -> Mark:
    category = annotation.get("category_id")
    if not isinstance(category, int | str) or category not in names:
        raise LineError("unknown-class", f"its category_id {shown(category, longest=40)} is of no category")
    box, outline = _box(annotation.get("bbox")), _outline(annotation.get("segmentation"))
    if box is None and outline is None:
        raise LineError("bad-place", "it has neither a bbox nor a segmentation")
    crowd = bool(annotation.get("iscrowd", False))
    return Mark(where=where, label=names[category], box=box, outline=outline, crowd=crowd)


def _box(value: object) -> Box | None:
    if value is None or value == []:
        return None
    x, y, width, height = box_of_numbers(value, what="bbox")
    return (x, y, x + width, y + height)


def _outline(value: object) -> Polygons | Runs | None:
    if not value:
        return None
    if isinstance(value, dict):
        return runs_of_json(value)
    if not isinstance(value, list):
        raise LineError("bad-place", f"its segmentation is {shown(value, longest=60)}, neither polygons nor run lengths")
    return polygons_of(value)


def _row(image: Mapping[str, Any], found: _Found, *, where: str, beside: Parts, split: Split | None, shelf: Shelf) -> Row:
    own: Mapping[str, Any] = told if isinstance(told := image.get(OWN), dict) else {}
    label, also = _labels(own)
    undrawn = own.get("drawn") is False and not found.marks
    return Row(
        reference=_picture(image, beside=beside, split=split, shelf=shelf),
        label=label,
        also=also,
        split=split,
        where=where,
        drawn=None if undrawn else Drawn(marks=tuple(found.marks), size=_size(image), unread=found.unread),
    )


def _labels(own: Mapping[str, Any]) -> First:
    label, several = own.get("label"), own.get("labels")
    if isinstance(several, list):
        return labels_of(several)
    return (checked_label(label), ()) if isinstance(label, str) else (None, ())


def _picture(image: Mapping[str, Any], *, beside: Parts, split: Split | None, shelf: Shelf) -> object:
    name = image.get("file_name")
    if not isinstance(name, str) or not name.strip():
        raise LineError("bad-line", f"its file_name is {shown(name, longest=60)}")
    if isinstance(shelf.tree.folder, Path) and Path(name).is_absolute() and is_plain_file(Path(name)):
        return name  # from a bucket it could be any file of this machine
    return shelf.picture(name, beside=beside, split=split)


def _size(image: Mapping[str, Any]) -> tuple[int, int]:
    width, height = (image.get(side) for side in ("width", "height"))
    if isinstance(width, int | float) and isinstance(height, int | float) and width == width // 1 and height == height // 1:
        return (int(width), int(height))
    return (0, 0)
