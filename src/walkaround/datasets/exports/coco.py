"""COCO instances: `instances_train.json` and its like, or `instances.json` where the dataset has no splits."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from walkaround.damage.places import MaskFile, Place, Polygons, Runs
from walkaround.datasets.exports.notes import note, single_boxes, undrawn
from walkaround.datasets.exports.pictures import ExportedPicture, write_text
from walkaround.datasets.formats.coco import OWN
from walkaround.datasets.outlines import mask_of
from walkaround.datasets.runs import packed, runs_of
from walkaround.datasets.sample import Problem

_AREA_ROUNDING = 3


def write_coco(pictures: Sequence[ExportedPicture], out: Path, *, classes: Sequence[str]) -> list[Problem]:
    """Write the JSON files; category ids count from 1 in the order of `classes`.

    What COCO has no word for stands in an image under "walkaround": its labels, and that nobody was asked to draw on it.
    Coordinates are those of the upright picture.
    """
    empty: list[str] = []
    for split in sorted({picture.sample.split for picture in pictures}, key=str):
        part = [picture for picture in pictures if picture.sample.split == split]
        name = f"instances_{split}.json" if split else "instances.json"
        write_text(out / name, json.dumps(_instances(part, classes, empty)))
    return [
        *single_boxes(pictures),
        *note("empty-outlines", f"{len(empty):,} masks without a pixel were left out.", empty),
        *undrawn(pictures, "; walkaround reads this in the file, to other tools these show nothing"),
    ]


def _instances(pictures: Sequence[ExportedPicture], classes: Sequence[str], empty: list[str]) -> dict[str, Any]:
    categories = [{"id": number, "name": name} for number, name in enumerate(classes, start=1)]
    images: list[dict[str, Any]] = []
    annotations: list[dict[str, Any]] = []
    for number, picture in enumerate(pictures, start=1):
        images.append(_image(picture, number))
        for annotation in _annotations(picture, classes, empty):
            annotations.append({"id": len(annotations) + 1, "image_id": number, **annotation})
    return {"images": images, "categories": categories, "annotations": annotations}


def _image(picture: ExportedPicture, number: int) -> dict[str, Any]:
    sample = picture.sample
    own: dict[str, Any] = {} if sample.label is None else {"label": sample.label}
    if sample.also:
        own = {"labels": list(sample.labels)}
    if not sample.places:
        own["drawn"] = sample.places is not None
    image = {"id": number, "file_name": picture.file, "width": picture.width, "height": picture.height}
    return {**image, OWN: own} if own else image


def _annotations(picture: ExportedPicture, classes: Sequence[str], empty: list[str]) -> Iterator[dict[str, Any]]:
    for place in picture.places:
        box = picture.box(place)
        if box is None:
            empty.append(picture.file)
            continue
        x1, y1, x2, y2 = box
        segmentation, area = _segmentation(place, picture)
        yield {
            "category_id": classes.index(place.label) + 1,
            "bbox": [x1, y1, x2 - x1, y2 - y1],
            "area": round((x2 - x1) * (y2 - y1) if area is None else area, _AREA_ROUNDING),
            "segmentation": segmentation,
            "iscrowd": int(place.crowd),
        }


def _segmentation(place: Place, picture: ExportedPicture) -> tuple[object, float | None]:
    """The outline in COCO's form, and its area; mask files become run lengths."""
    outline = place.outline
    if outline is None:
        return [], None
    if isinstance(outline, MaskFile):
        outline = runs_of(mask_of(outline, picture.width, picture.height))
    if isinstance(outline, Runs):
        return {"size": [outline.height, outline.width], "counts": packed(outline)}, float(sum(outline.counts[1::2]))
    return [[edge for point in ring for edge in point] for ring in outline.rings], _area(outline)


def _area(outline: Polygons) -> float:
    """By Gauss's formula; of rings that do not overlap."""
    rings = (zip(ring, [*ring[1:], ring[0]], strict=True) for ring in outline.rings)
    return sum(abs(sum(x1 * y2 - x2 * y1 for (x1, y1), (x2, y2) in ring)) / 2 for ring in rings)
