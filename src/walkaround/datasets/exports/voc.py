"""Pascal VOC: JPEGImages, Annotations and ImageSets/Main; boxes only."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path, PurePosixPath
from xml.etree import ElementTree

from walkaround.damage.places import Box, Place
from walkaround.datasets.exports.notes import note, single_boxes, undrawn
from walkaround.datasets.exports.pictures import ExportedPicture, write_text
from walkaround.datasets.sample import Problem

_LISTS = {"train": "train", "validation": "val", "test": "test"}


def write_voc(pictures: Sequence[ExportedPicture], out: Path) -> list[Problem]:
    """Write an XML file for each picture that somebody drew on, and the lists of the splits. Positions count from 0."""
    for picture in pictures:
        if picture.sample.places is not None:
            root = _annotation(picture)
            ElementTree.indent(root)
            write_text(out / "Annotations" / f"{picture.stem}.xml", ElementTree.tostring(root, encoding="unicode") + "\n")
    for split, name in _LISTS.items():
        stems = [picture.stem for picture in pictures if picture.sample.split == split]
        if stems:
            write_text(out / "ImageSets" / "Main" / f"{name}.txt", "".join(f"{stem}\n" for stem in stems))
    outlined = [picture.file for picture in pictures for place in picture.places if place.outline is not None]
    return [
        *single_boxes(pictures),
        *note("no-outlines", f"Of {len(outlined):,} outlines only the boxes were written: VOC's files hold no more.", outlined),
        *undrawn(pictures, ", which got no file of annotations"),
    ]


def _annotation(picture: ExportedPicture) -> ElementTree.Element:
    root = ElementTree.Element("annotation")
    path = PurePosixPath(picture.file)
    for tag, text in (("folder", path.parent.name), ("filename", path.name), ("segmented", "0")):
        ElementTree.SubElement(root, tag).text = text
    size = ElementTree.SubElement(root, "size")
    for tag, number in (("width", picture.width), ("height", picture.height), ("depth", 3)):
        ElementTree.SubElement(size, tag).text = str(number)
    for place in picture.places:
        box = picture.box(place)
        if box is not None:
            _add_object(root, place, box)
    return root


def _add_object(root: ElementTree.Element, place: Place, box: Box) -> None:
    found = ElementTree.SubElement(root, "object")
    for tag, text in (("name", place.label), ("pose", "Unspecified"), ("truncated", "0"), ("difficult", str(int(place.crowd)))):
        ElementTree.SubElement(found, tag).text = text
    bounds = ElementTree.SubElement(found, "bndbox")
    for tag, edge in zip(("xmin", "ymin", "xmax", "ymax"), box, strict=True):
        ElementTree.SubElement(bounds, tag).text = f"{edge:.10g}"
