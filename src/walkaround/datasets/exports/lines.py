"""Manifests of SageMaker Ground Truth and Lookout for Vision: JSON lines, and PNG masks for the latter."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
from PIL import Image

from walkaround.damage.colours import colours_of, rgb_of
from walkaround.damage.kinds import ANOMALY, NORMAL, means_normal
from walkaround.damage.places import MaskFile
from walkaround.datasets.exports.notes import crowds, note, single_boxes
from walkaround.datasets.exports.pictures import ExportedPicture, write_text
from walkaround.datasets.formats.ground_truth import COLOUR_MAP, DETECTION, METADATA, SEGMENTATION
from walkaround.datasets.formats.lookout import CLASSIFICATION, MULTILABEL, SOURCE_KEY
from walkaround.datasets.outlines import label_map
from walkaround.datasets.sample import Problem
from walkaround.errors import writing

_JOB = "walkaround/export"
_BACKGROUND = "#ffffff"
_BOXES, _LABEL, _MASK, _TYPES = "bounding-box", "anomaly-label", "anomaly-mask-ref", "damage-types"

_Line = dict[str, object]


def write_ground_truth(
    pictures: Sequence[ExportedPicture], out: Path, *, classes: Sequence[str], address: str | None
) -> list[Problem]:
    """Write boxes as an object detection job does, in a manifest for each split, with normal or anomaly for the picture.

    Where any picture has several labels, all have them as a multi-label job gives them as well.

    Args:
        pictures: of the export.
        out: its folder.
        classes: names in the order of their ids.
        address: s3://bucket/prefix where the folder will be put; None: paths are relative to the manifest.
    """
    stamp = _stamp()
    types = _types(pictures)
    _write_lines(
        pictures,
        out,
        lambda picture: {
            **_line(picture, address, stamp),
            **(_several(picture, types, stamp) if types else {}),
            **_boxes(picture, classes, stamp),
        },
    )
    outlined = [picture.file for picture in pictures for place in picture.places if place.outline is not None]
    return [
        *(_other_labels(pictures) if not types else []),
        *single_boxes(pictures),
        *crowds(pictures, "were written as boxes like all others"),
        *note(
            "no-outlines", f"Of {len(outlined):,} outlines only the boxes were written: export to lookout for masks.", outlined
        ),
    ]


def write_lookout(
    pictures: Sequence[ExportedPicture], out: Path, *, classes: Sequence[str], address: str | None
) -> list[Problem]:
    """Write normal or anomaly for each picture, and a mask for each on which somebody drew outlines; see the other one.

    Where masks of the dataset show a class in one colour throughout, it stays; other classes get one of ours.
    """
    stamp, colours = _stamp(), _colours(pictures, classes)
    masked = [picture for picture in pictures if any(place.outline is not None and not place.crowd for place in picture.places)]
    shown = {picture.file: _write_mask(picture, out, classes, colours) for picture in masked}
    _write_lines(
        pictures,
        out,
        lambda picture: {
            **_line(picture, address, stamp),
            **_mask(picture, [classes[number - 1] for number in shown.get(picture.file, [])], colours, (address, stamp)),
        },
    )
    bare = [picture.file for picture in pictures for place in picture.places if place.outline is None]
    return [
        *_other_labels(pictures),
        *crowds(pictures, "were left out"),
        *note("no-outlines", f"{len(bare):,} places have only a box and were left out: export these to ground-truth.", bare),
    ]


def _write_lines(pictures: Sequence[ExportedPicture], out: Path, line: Callable[[ExportedPicture], _Line]) -> None:
    for split in sorted({picture.sample.split for picture in pictures}, key=str):
        lines = [json.dumps(line(picture)) + "\n" for picture in pictures if picture.sample.split == split]
        write_text(out / f"{split or 'output'}.manifest", "".join(lines))


def _line(picture: ExportedPicture, address: str | None, stamp: str) -> _Line:
    line: _Line = {SOURCE_KEY: _address(picture.file, address)}
    label = picture.sample.label
    if label is None:
        return line
    anomalous = not means_normal(label)
    told = {"class-name": ANOMALY if anomalous else NORMAL, "confidence": 1, "type": CLASSIFICATION}
    return {**line, _LABEL: int(anomalous), f"{_LABEL}{METADATA}": {**told, **_provenance(stamp)}}


def _types(pictures: Sequence[ExportedPicture]) -> list[str]:
    """The names of all labels but normal and anomaly, in the order of their numbers, where a picture has several."""
    if not any(picture.sample.also for picture in pictures):
        return []
    return sorted({label for picture in pictures for label in picture.sample.labels} - {NORMAL, ANOMALY})


def _several(picture: ExportedPicture, types: Sequence[str], stamp: str) -> _Line:
    """The labels of one picture; of damage that nobody named, only the verdict is known."""
    labels = [label for label in picture.sample.labels if label != NORMAL]
    if picture.sample.label is None or labels == [ANOMALY]:
        return {}
    numbers = [types.index(label) for label in labels]
    told = {
        "class-map": {str(number): types[number] for number in numbers},
        "confidence-map": {str(number): 1 for number in numbers},
        "type": MULTILABEL,
    }
    return {_TYPES: numbers, f"{_TYPES}{METADATA}": {**told, **_provenance(stamp)}}


def _boxes(picture: ExportedPicture, classes: Sequence[str], stamp: str) -> _Line:
    if picture.sample.places is None:
        return {}
    boxes = [(place.label, box) for place in picture.places if (box := picture.box(place)) is not None]
    annotations = [
        {"class_id": classes.index(label), "left": x1, "top": y1, "width": x2 - x1, "height": y2 - y1}
        for label, (x1, y1, x2, y2) in boxes
    ]
    return {
        _BOXES: {
            "annotations": annotations,
            "image_size": [{"width": picture.width, "height": picture.height, "depth": 3}],
        },
        f"{_BOXES}{METADATA}": {
            "class-map": {str(classes.index(label)): label for label, _ in boxes},
            "objects": [{"confidence": 1} for _ in boxes],
            "type": DETECTION,
            **_provenance(stamp),
        },
    }


def _colours(pictures: Sequence[ExportedPicture], classes: Sequence[str]) -> dict[str, str]:
    """A colour for each class, "#rrggbb", no two the same and none that of the background."""
    drawn: dict[str, set[str]] = {}
    for picture in pictures:
        for place in picture.places:
            if isinstance(place.outline, MaskFile):
                drawn.setdefault(place.label, set()).add(place.outline.colour.lower())
    kept = {label: next(iter(colours)) for label, colours in drawn.items() if len(colours) == 1}
    ours = {label: colour.lower() for label, colour in colours_of(classes).items()}
    colours = {label: kept.get(label, ours[label]) for label in classes}
    return colours if len({_BACKGROUND, *colours.values()}) == len(classes) + 1 else ours


def _write_mask(picture: ExportedPicture, out: Path, classes: Sequence[str], colours: Mapping[str, str]) -> list[int]:
    """Write a palette PNG; returns the numbers of the classes that it shows."""
    numbers = label_map(picture.places, classes, width=picture.width, height=picture.height)
    image = Image.fromarray(numbers)  # of mode "L", which a palette turns into "P"
    image.putpalette([part for colour in (_BACKGROUND, *(colours[label] for label in classes)) for part in rgb_of(colour)])
    path = out / _mask_file(picture)
    with writing(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        image.save(path, format="PNG", optimize=True)
    return [int(number) for number in np.unique(numbers) if number]


def _mask(picture: ExportedPicture, labels: Sequence[str], colours: Mapping[str, str], to: tuple[str | None, str]) -> _Line:
    if not labels:
        return {}
    address, stamp = to
    named = [("BACKGROUND", _BACKGROUND), *((label, colours[label]) for label in labels)]
    colour_map = {
        str(number): {"class-name": name, "hex-color": colour, "confidence": float(number > 0)}
        for number, (name, colour) in enumerate(named)
    }
    return {
        _MASK: _address(_mask_file(picture), address),
        f"{_MASK}{METADATA}": {COLOUR_MAP: colour_map, "type": SEGMENTATION, **_provenance(stamp)},
    }


def _mask_file(picture: ExportedPicture) -> str:
    return f"masks/{picture.stem}.png"


def _address(file: str, address: str | None) -> str:
    return file if address is None else f"{address.rstrip('/')}/{file}"


def _provenance(stamp: str) -> _Line:
    return {"human-annotated": "yes", "creation-date": stamp, "job-name": _JOB}


def _stamp() -> str:
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%S.%f")


def _other_labels(pictures: Sequence[ExportedPicture]) -> list[Problem]:
    others = [picture.file for picture in pictures if picture.sample.label not in (None, NORMAL, ANOMALY)]
    return note(
        "other-labels", f"The labels of {len(others):,} pictures became normal or anomaly: there is nothing else.", others
    )
