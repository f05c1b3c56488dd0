"""What a line of a Ground Truth manifest says of places: boxes (object detection) and masks (semantic segmentation).

Boxes: `<job>`: {"annotations": [{"class_id", "left", "top", "width", "height"}], "image_size": [{"width", "height"}]}, with
the names in the `class-map` of `<job>-metadata`. Masks: `<name>-ref`, a PNG, with the `internal-color-map` of
`<name>-ref-metadata`. Real manifests break the written rules of masks: no background in the map, keys from 0, colours in
either case, a dummy mask with nothing but background. So every colour that the map does not give to a class is background, and
nothing else is demanded.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

from walkaround.datasets.faults import Faults, LineError, shown
from walkaround.datasets.formats.marks import Drawn, Mark, PaintedMarks, class_name, numbers

METADATA = "-metadata"
DETECTION = "groundtruth/object-detection"
SEGMENTATION = "groundtruth/semantic-segmentation"
COLOUR_MAP = "internal-color-map"

_REF = "-ref"
_BACKGROUND = "background"
_HEX = re.compile(r"#?([0-9a-fA-F]{6})")
_EDGES = ("left", "top", "width", "height")


def drawn_on(line: Mapping[str, object], faults: Faults, *, where: str) -> Drawn | None:
    """All boxes and masks of a line; None where nobody was asked to draw any. What cannot be used goes to `faults`."""
    marks: list[Mark] = []
    painted: list[PaintedMarks] = []
    size, asked, before = (0, 0), False, faults.count
    for key, value in line.items():
        metadata = line.get(f"{key}{METADATA}")
        if not isinstance(metadata, dict):
            continue
        if isinstance(value, dict) and metadata.get("type", DETECTION) == DETECTION and "annotations" in value:
            asked, size = True, _size(value) or size
            marks += _boxes(key, value, metadata, faults, where=where)
        elif _is_mask(key, metadata):
            asked = True
            try:
                painted.append(PaintedMarks(where=where, reference=value, colours=_colours(metadata)))
            except LineError as error:
                faults.add_error(where, error)
    unread = faults.count > before
    return Drawn(marks=tuple(marks), painted=tuple(painted), size=size, unread=unread) if asked else None


def _is_mask(key: str, metadata: Mapping[str, object]) -> bool:
    return key.endswith(_REF) and (metadata.get("type") == SEGMENTATION or COLOUR_MAP in metadata)


def _colours(metadata: Mapping[str, object]) -> dict[str, str]:
    given = metadata.get(COLOUR_MAP)
    if not isinstance(given, dict):
        raise LineError("bad-place", f"its mask has no {COLOUR_MAP}")
    colours: dict[str, str] = {}
    for key, entry in given.items():
        name = entry.get("class-name") if isinstance(entry, dict) else None
        if isinstance(name, str) and name.strip().casefold() == _BACKGROUND:
            continue
        colour = _HEX.fullmatch(str(entry.get("hex-color")).strip()) if isinstance(entry, dict) else None
        if colour is None:
            raise LineError("bad-place", f"entry {shown(key, longest=20)} of its {COLOUR_MAP} has no hex-color #RRGGBB")
        label = class_name(name)
        if colours.setdefault(f"#{colour[1].lower()}", label) != label:
            raise LineError("bad-place", f"its {COLOUR_MAP} gives {colour[0]} to two classes")
    return colours


def _boxes(
    key: str, value: Mapping[str, object], metadata: Mapping[str, object], faults: Faults, *, where: str
) -> Iterator[Mark]:
    names, annotations = metadata.get("class-map"), value["annotations"]
    for number, one in enumerate(annotations if isinstance(annotations, list) else [annotations], start=1):
        place = f"{where}, box {number} of {shown(key, longest=60)}"
        try:
            if not isinstance(one, dict):
                raise LineError("bad-place", f"it is {shown(one, longest=60)}, no box")
            name = names.get(str(one.get("class_id"))) if isinstance(names, dict) else None
            if name is None:
                raise LineError(
                    "unknown-class", f"its class_id {shown(one.get('class_id'), longest=20)} is not in the class-map"
                )
            left, top, width, height = numbers([one.get(edge) for edge in _EDGES], what="box")
            yield Mark(where=place, label=class_name(name), box=(left, top, left + width, top + height))
        except LineError as error:
            faults.add_error(place, error)


def _size(value: Mapping[str, object]) -> tuple[int, int] | None:
    sizes = value.get("image_size")
    first = sizes[0] if isinstance(sizes, list) and sizes and isinstance(sizes[0], dict) else {}
    width, height = first.get("width"), first.get("height")
    return (width, height) if type(width) is int and type(height) is int else None
