"""Which annotation files a folder holds: COCO, YOLO or Pascal VOC, told apart by content."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import PurePosixPath

from walkaround.datasets.faults import Faults
from walkaround.datasets.formats.coco import is_coco, read_coco
from walkaround.datasets.formats.references import Row
from walkaround.datasets.formats.shelves import Parts, Shelf
from walkaround.datasets.formats.voc import read_voc, voc_files
from walkaround.datasets.formats.yolo import YoloSet, holds_labels, read_yolo, yolo_sets

_INSTANCES = "instances"
_WORDS = (_INSTANCES, "coco", "annotation", "label")
"""Of the name of a JSON file that, though it holds nothing, was meant to hold annotations."""


@dataclass(frozen=True, kw_only=True)
class AnnotationSet:
    """Annotation files that belong together.

    Attributes:
        name: what a message calls it.
        rows: reads them.
    """

    name: str
    rows: Callable[[], Iterator[Row]]


def annotation_sets(shelf: Shelf, faults: Faults) -> list[AnnotationSet]:
    """All sets of annotation files of a shelf; more than one may be about the same pictures."""
    sets = []
    if found := coco_files(shelf):
        sets.append(AnnotationSet(name=", ".join(map("/".join, found)), rows=lambda: _rows_of_coco(found, shelf, faults)))
    if files := voc_files(shelf):
        sets.append(AnnotationSet(name="/".join(files[0][:-1]) or "XML", rows=lambda: read_voc(files, shelf, faults)))
    return [*sets, *(_of_yolo(one, shelf, faults) for one in yolo_sets(shelf, faults))]


def holds_annotations(shelf: Shelf) -> bool:
    """Whether there are annotation files at all, judged by the first of each kind."""
    return bool(coco_files(shelf) or holds_labels(shelf.files(".txt"), shelf) or voc_files(shelf))


def coco_files(shelf: Shelf) -> list[Parts]:
    """The COCO files of a shelf; beside `instances_*.json` those with captions and key points are passed over."""
    found = [
        parts
        for parts in shelf.files(".json")
        if (path := shelf.file(*parts)) is not None
        and is_coco(path, hollow=any(word in PurePosixPath(parts[-1]).stem.casefold() for word in _WORDS))
    ]
    instances = [parts for parts in found if parts[-1].casefold().startswith(_INSTANCES)]
    return instances or found


def _rows_of_coco(files: list[Parts], shelf: Shelf, faults: Faults) -> Iterator[Row]:
    for parts in files:
        path = shelf.file(*parts)
        if path is not None:
            yield from read_coco(path, parts, shelf, faults)


def _of_yolo(one: YoloSet, shelf: Shelf, faults: Faults) -> AnnotationSet:
    folders = sorted({"/".join(parts[:-1]) for parts in one.files})
    return AnnotationSet(name=", ".join(folders), rows=lambda: read_yolo(one, shelf, faults))
