"""Pascal VOC: an XML file for each picture with boxes in pixels; splits in ImageSets; masks in SegmentationClass.

Of the devkit's own pictures (VOC2005 to VOC2012) positions count from 1, and the right and bottom edge belong to the box. What
tools have written since (labelImg, CVAT, Label Studio, Roboflow) counts from 0, and so does what is written here.
Source: The PASCAL Visual Object Classes Challenge 2012 development kit, sections 8.1 and 9; `labelmap.txt` is CVAT's.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from pathlib import Path, PurePosixPath
from xml.etree import ElementTree

from walkaround.damage.places import Box
from walkaround.datasets.faults import Faults, LineError, shown
from walkaround.datasets.formats.marks import Drawn, Mark, PaintedMarks, box_of_numbers, class_name
from walkaround.datasets.formats.references import BucketPath, Row
from walkaround.datasets.formats.shelves import Parts, Shelf, split_of
from walkaround.datasets.formats.text_lines import text_lines
from walkaround.datasets.sample import Split, split_named

_LARGEST = 4 << 20
_EDGES = ("xmin", "ymin", "xmax", "ymax")
_DEVKIT = re.compile(r"The VOC20\d\d Database|VOC20(0[5-9]|1[0-2])")
_LABEL_MAP = "labelmap.txt"


def voc_files(shelf: Shelf) -> list[Parts]:
    """The XML files below a folder that are annotations."""
    return [parts for parts in shelf.files(".xml") if _is_annotation(shelf.file(*parts))]


def read_voc(files: list[Parts], shelf: Shelf, faults: Faults) -> Iterator[Row]:
    """Yield the pictures that the files are about; those that cannot be used, and wrong objects, go to `faults`."""
    splits = _listed_splits(shelf, faults)
    colours = _colours(shelf, faults)
    for parts in files:
        name, path = "/".join(parts), shelf.file(*parts)
        if path is None:
            continue
        try:
            root = _parsed(path)
            picture = _picture(root, parts, shelf)
        except LineError as error:
            faults.add_error(name, error)
            continue
        stem, before = PurePosixPath(parts[-1]).stem, faults.count
        marks = tuple(_marks(root, name, faults))
        yield Row(
            reference=picture,
            label=None,
            split=splits.get(stem) or split_of(shelf.parts_of(picture)[:-1]),
            where=name,
            drawn=Drawn(
                marks=marks,
                painted=_painted(stem, name, shelf, colours),
                size=_size(root),
                unread=faults.count > before,
            ),
        )


def _is_annotation(path: Path | None) -> bool:
    if path is None:
        return False
    with path.open("rb") as file:
        return b"<annotation" in file.read(2000).replace(b"\0", b"")  # in UTF-16, too


def _parsed(path: Path) -> ElementTree.Element:
    if path.stat().st_size > _LARGEST:
        raise LineError("bad-place", f"it is larger than {_LARGEST >> 20} MiB, no annotation of one picture")
    try:
        return ElementTree.fromstring(path.read_bytes())  # noqa: S314 - expat 2.4.1 and later stops entities that explode
    except (ElementTree.ParseError, ValueError, LookupError) as error:  # LookupError: an encoding that nobody knows
        raise LineError("bad-place", f"it is no XML ({error})") from None


def _picture(root: ElementTree.Element, parts: Parts, shelf: Shelf) -> Path | BucketPath:
    """The picture that the XML names, or, where it says none or one without an ending, that of a name like this."""
    name = (root.findtext("filename") or "").strip()
    if PurePosixPath(name.replace("\\", "/")).suffix:
        return shelf.picture(name, beside=parts[:-1])
    return shelf.picture_of_stem(PurePosixPath(name.replace("\\", "/") or parts[-1]).stem, beside=parts[:-1])


def _marks(root: ElementTree.Element, name: str, faults: Faults) -> Iterator[Mark]:
    first = 1.0 if _DEVKIT.search(root.findtext("source/database") or "") else 0.0
    for number, found in enumerate(root.iterfind("object"), start=1):
        where = f"{name}, object {number}"
        try:
            left, top, right, bottom = _box(found)
            box = (left - first, top - first, right, bottom)
            crowd = (found.findtext("difficult") or "").strip() == "1"  # not counted in a measurement either
            yield Mark(where=where, label=class_name(found.findtext("name")), box=box, crowd=crowd)
        except LineError as error:
            faults.add_error(where, error)


def _box(found: ElementTree.Element) -> Box:
    texts = [found.findtext(f"bndbox/{edge}") for edge in _EDGES]
    try:
        return box_of_numbers([float(text) for text in texts if text is not None], what="bndbox")
    except ValueError:
        raise LineError("bad-place", f"its bndbox holds {shown(texts, longest=80)}, which are no numbers") from None


def _size(root: ElementTree.Element) -> tuple[int, int]:
    try:
        width, height = (int(float(root.findtext(f"size/{side}") or 0)) for side in ("width", "height"))
    except (ValueError, OverflowError):
        return (0, 0)
    return (width, height)


def _listed_splits(shelf: Shelf, faults: Faults) -> dict[str, Split]:
    """What ImageSets/Main/train.txt and its like say, by the names of the pictures without their ending."""
    splits: dict[str, Split] = {}
    for parts in shelf.files(".txt"):
        split = split_named(PurePosixPath(parts[-1]).stem)
        path = shelf.file(*parts)
        if split is None or path is None or "ImageSets" not in parts:
            continue
        try:
            splits |= {PurePosixPath(line.strip()).name: split for line in text_lines(path) if line.strip()}
        except LineError as error:
            faults.add_error("/".join(parts), error)
    return splits


def _colours(shelf: Shelf, faults: Faults) -> dict[str, str]:
    """Colour to class name, of CVAT's `label:red,green,blue:parts:actions`."""
    path = shelf.file(*shelf.within, _LABEL_MAP)
    colours: dict[str, str] = {}
    try:
        lines = [] if path is None else text_lines(path)
    except LineError as error:
        faults.add("bad-place", _LABEL_MAP, error.what)
        return colours
    for number, line in enumerate(lines, start=1):
        name, _, rest = line.partition(":")
        if line.startswith("#") or not line.strip() or name.strip().casefold() == "background":
            continue
        try:
            red, green, blue = bytes(int(part) for part in rest.split(":")[0].split(","))
            colours[f"#{red:02x}{green:02x}{blue:02x}"] = class_name(name)
        except (ValueError, LineError):
            faults.add("bad-line", f"{_LABEL_MAP}, line {number}", f"{shown(line, longest=60)} is no label:red,green,blue::")
    return colours


def _painted(stem: str, name: str, shelf: Shelf, colours: Mapping[str, str]) -> tuple[PaintedMarks, ...]:
    mask = shelf.tree.folder.joinpath(*shelf.within, "SegmentationClass", f"{stem}.png")
    if not colours or not shelf.holds(mask):
        return ()
    return (PaintedMarks(where=f"{name}, its mask", reference=mask, colours=colours),)
