"""Our own manifest: JSON lines of {"image": path relative to the manifest, "label": name or null, "split", "places"}.

The last two are optional. A picture that shows several damage types has `labels`, a list, in place of `label`; an empty one is
that of a whole car. `places` is a list, empty where there was nothing to draw; each place has a `label`, and what was
drawn of `box` [left, top, right, bottom], `polygons` [[[x, y], ...], ...], `runs` (COCO's, compressed) and `mask` {"file",
"colour"}, all in pixels of the upright picture; `crowd` is there where it is true. Nothing that is read from any other format
is lost in it.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

from walkaround.damage.places import MaskFile, Place, Polygons, Runs
from walkaround.datasets.faults import Faults, LineError, checked_label, shown
from walkaround.datasets.formats.json_lines import objects_in
from walkaround.datasets.formats.marks import (
    Drawn,
    Mark,
    PaintedMarks,
    box_of_numbers,
    class_name,
    polygons_of,
    runs_of_json,
)
from walkaround.datasets.formats.references import Row
from walkaround.datasets.labels import First, labels_of
from walkaround.datasets.runs import packed
from walkaround.datasets.sample import Sample, Split, split_named
from walkaround.errors import writing

IMAGE_KEY = "image"

_COLOUR = re.compile(r"#[0-9a-fA-F]{6}")


def write_manifest(path: Path, samples: Iterable[Sample]) -> None:
    """Write `samples` as a manifest; a reader never sees half of it.

    Raises:
        StorageError: it cannot be written.
    """
    unfinished = path.with_name(f".{path.name}.{os.getpid()}")
    with writing(path):
        try:
            with unfinished.open("w", encoding="utf-8", newline="\n") as lines:
                lines.writelines(json.dumps(_as_object(sample, path.parent)) + "\n" for sample in samples)
            unfinished.replace(path)
        finally:
            unfinished.unlink(missing_ok=True)


def read_manifest(path: Path, faults: Faults) -> Iterator[Row]:
    """Yield the lines of a manifest; those that cannot be used go to `faults`."""
    for where, line in objects_in(path, faults):
        try:
            label, also = _labels(line)
            yield Row(
                reference=line.get(IMAGE_KEY),
                label=label,
                also=also,
                split=_split(line.get("split")),
                where=where,
                drawn=_drawn(line.get("places"), faults, where=where),
            )
        except LineError as error:
            faults.add_error(where, error)


def checked_split(text: str) -> Split | None:
    """The split that `text` from outside names, None for an empty one.

    Raises:
        LineError: it is something else, and guessing could put a test picture into training.
    """
    split = split_named(text)
    if split is None and text.strip():
        raise LineError("bad-split", f"the split {shown(text.strip(), longest=60)} is unknown")
    return split


def _as_object(sample: Sample, folder: Path) -> dict[str, object]:
    line: dict[str, object] = {"image": _relative(sample.path, folder)}
    line |= {"labels": list(sample.labels)} if sample.also else {"label": sample.label}
    if sample.split is not None:
        line["split"] = sample.split
    if sample.places is not None:
        line["places"] = [_place_as_object(place, folder) for place in sample.places]
    return line


def _place_as_object(place: Place, folder: Path) -> dict[str, object]:
    told: dict[str, object] = {"label": place.label}
    if place.box is not None:
        told["box"] = list(place.box)
    if isinstance(place.outline, Polygons):
        told["polygons"] = [[list(point) for point in ring] for ring in place.outline.rings]
    elif isinstance(place.outline, Runs):
        told["runs"] = {"size": [place.outline.height, place.outline.width], "counts": packed(place.outline)}
    elif isinstance(place.outline, MaskFile):
        told["mask"] = {"file": _relative(place.outline.path, folder), "colour": place.outline.colour}
    return {**told, "crowd": True} if place.crowd else told


def _relative(path: Path, folder: Path) -> str:
    return Path(os.path.relpath(path, folder)).as_posix()


def _drawn(value: object, faults: Faults, *, where: str) -> Drawn | None:
    if value is None:
        return None
    if not isinstance(value, list):
        raise LineError("bad-place", f"its places are {shown(value, longest=60)}, no list")
    marks: list[Mark] = []
    painted: list[PaintedMarks] = []
    before = faults.count
    for number, one in enumerate(value, start=1):
        place = f"{where}, place {number}"
        try:
            if not isinstance(one, dict):
                raise LineError("bad-place", f"it is {shown(one, longest=60)}, no JSON object")
            if "mask" in one:
                painted.append(_painted(one, where=place))
            else:
                marks.append(_mark(one, where=place))
        except LineError as error:
            faults.add_error(place, error)
    return Drawn(marks=tuple(marks), painted=tuple(painted), unread=faults.count > before)


def _mark(one: Mapping[str, object], *, where: str) -> Mark:
    box, polygons, runs = one.get("box"), one.get("polygons"), one.get("runs")
    outline: Polygons | Runs | None = None
    if isinstance(runs, dict):
        outline = runs_of_json(runs)
    elif isinstance(polygons, list) and polygons:
        outline = polygons_of([_flat(ring) for ring in polygons])
    if box is None and outline is None:
        raise LineError("bad-place", "it has neither a box nor polygons, runs or a mask")
    return Mark(
        where=where,
        label=class_name(one.get("label")),
        box=None if box is None else box_of_numbers(box),
        outline=outline,
        crowd=one.get("crowd") is True,
    )


def _flat(ring: object) -> list[object]:
    if not isinstance(ring, list) or not all(isinstance(point, list) and len(point) == 2 for point in ring):
        raise LineError("bad-place", f"its polygon {shown(ring, longest=60)} is no list of [x, y]")
    return [edge for point in ring for edge in point]


def _painted(one: Mapping[str, object], *, where: str) -> PaintedMarks:
    mask = one["mask"]
    colour = mask.get("colour") if isinstance(mask, dict) else None
    if not isinstance(mask, dict) or not isinstance(colour, str) or not _COLOUR.fullmatch(colour):
        raise LineError("bad-place", f"its mask is {shown(mask, longest=60)}, and a file and a colour #rrggbb are meant")
    return PaintedMarks(
        where=where,
        reference=mask.get("file"),
        colours={colour.lower(): class_name(one.get("label"))},
        box=None if one.get("box") is None else box_of_numbers(one["box"]),
        crowd=one.get("crowd") is True,
    )


def _labels(line: Mapping[str, object]) -> First:
    label, several = _label(line.get("label")), line.get("labels")
    if several is None:
        return label, ()
    if not isinstance(several, list):
        raise LineError("bad-label", f"the labels {shown(several, longest=60)} are no list")
    found = labels_of(several)
    if label is not None and label not in (found[0], *found[1]):
        raise LineError("bad-label", f"the label {label!r} is none of its labels {shown(several, longest=60)}")
    return found


def _label(value: object) -> str | None:
    if value is not None and not isinstance(value, str):
        raise LineError("bad-label", f"the label {shown(value, longest=60)} is no text")
    return checked_label(value or "")


def _split(value: object) -> Split | None:
    if value is not None and not isinstance(value, str):
        raise LineError("bad-split", f"the split {shown(value, longest=60)} is no text")
    return checked_split(value or "")
