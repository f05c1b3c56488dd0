"""YOLO text for Ultralytics: images/SPLIT, labels/SPLIT and data.yaml; boxes, or outlines as polygons."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from pathlib import Path

from walkaround.damage.places import Place, Point, Polygons
from walkaround.datasets.exports.notes import crowds, note, single_boxes, undrawn
from walkaround.datasets.exports.pictures import ExportedPicture, write_text
from walkaround.datasets.outlines import mask_of
from walkaround.datasets.sample import Problem, Split
from walkaround.datasets.tracing import polygons_of_mask

_FOLDERS = {"train": "train", "validation": "val", "test": "test", None: "all"}


def yolo_folder(split: Split | None) -> str:
    """Where the pictures of a split are put."""
    return f"images/{_FOLDERS[split]}"


def write_yolo(pictures: Sequence[ExportedPicture], out: Path, *, classes: Sequence[str], outlines: bool) -> list[Problem]:
    """Write a file of labels for each picture that somebody drew on, and data.yaml.

    Args:
        pictures: as `put_pictures` put them into the folders of `yolo_folder`.
        out: the export's folder.
        classes: names in the order of their numbers.
        outlines: polygons in place of boxes; a place without an outline cannot be written then.
    """
    bare: list[str] = []
    split_up: list[str] = []
    for picture in pictures:
        if picture.sample.places is not None:
            told = [_lines(place, picture, classes, outlines=outlines) for place in picture.places]
            path = out / picture.file.replace("images/", "labels/", 1)
            write_text(path.with_suffix(".txt"), "".join(f"{line}\n" for lines in told for line in lines))
            bare += [picture.file for place in picture.places if outlines and place.outline is None]
            split_up += [picture.file for lines in told if len(lines) > 1]
    write_text(out / "data.yaml", _data(pictures, classes))
    return [
        *([] if outlines else single_boxes(pictures)),
        *crowds(pictures, "were written as places like all others"),
        *note("no-outlines", f"{len(bare):,} places have only a box and were left out: export to yolo for boxes.", bare),
        *note("split-outlines", f"{len(split_up):,} outlines of several parts were written as several places.", split_up),
        *undrawn(pictures, "; to YOLO these show nothing"),
    ]


def _lines(place: Place, picture: ExportedPicture, classes: Sequence[str], *, outlines: bool) -> list[str]:
    number, across, down = classes.index(place.label), picture.width, picture.height
    if outlines:
        polygons = _polygons(place, picture)
        return [
            " ".join([str(number), *(f"{x:.10g} {y:.10g}" for x, y in _fractions(ring, across, down))])
            for ring in (polygons.rings if polygons else ())
        ]
    box = picture.box(place)
    if box is None:
        return []
    x1, y1, x2, y2 = box
    parts = ((x1 + x2) / 2 / across, (y1 + y2) / 2 / down, (x2 - x1) / across, (y2 - y1) / down)
    return [" ".join([str(number), *(f"{part:.10g}" for part in parts)])]


def _fractions(ring: Sequence[Point], width: int, height: int) -> Iterator[Point]:
    """Of the picture: Ultralytics passes over all labels of a picture where one of them is outside of 0 to 1."""
    for x, y in ring:
        yield (min(max(x / width, 0.0), 1.0), min(max(y / height, 0.0), 1.0))


def _polygons(place: Place, picture: ExportedPicture) -> Polygons | None:
    if place.outline is None or isinstance(place.outline, Polygons):
        return place.outline
    return polygons_of_mask(mask_of(place.outline, picture.width, picture.height))


def _data(pictures: Sequence[ExportedPicture], classes: Sequence[str]) -> str:
    """The file without `path`, so that folders are relative to it wherever the tool is started.

    Ultralytics demands train and val; where the dataset has none of one, the other stands for it. Pictures in no split train.
    """
    splits: set[Split | None] = {picture.sample.split for picture in pictures} or {None}
    training = [yolo_folder(split) for split in ("train", None, "validation", "test") if split in splits]
    both = {"train", None} <= splits
    train = f"[{', '.join(training[:2])}]" if both else training[0]
    lines = [f"train: {train}", f"val: {yolo_folder('validation') if 'validation' in splits else train}"]
    lines += [f"test: {yolo_folder('test')}"] if "test" in splits else []
    names = [f"  {number}: {json.dumps(name)}" for number, name in enumerate(classes)]  # JSON's strings are YAML's, too
    return "\n".join([*lines, "names:", *names]) + "\n"
