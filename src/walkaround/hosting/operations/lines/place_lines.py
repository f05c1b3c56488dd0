"""What a line of a manifest says of places: masks of Lookout for Vision, boxes of Ground Truth's object detection.

Masks are `<name>-ref`, the address of a PNG, with `<name>-ref-metadata`, whose `internal-color-map` names the colours. Real
manifests break the written rules: no background in the map, numbers from 0, upper and lower case, dummy masks of pictures
without damage. So nothing is demanded but a name and a colour for what is no background.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from walkaround.damage.places import Place
from walkaround.datasets.faults import shown
from walkaround.datasets.formats.lookout import SOURCE_KEY
from walkaround.settings import BUCKET_NAME

MOST_LABELS_OF_A_MASK = 20
"""Anomaly labels that one mask may show, as in the old service."""
MOST_LABELS = 100
"""Anomaly labels of a project, as in the old service."""
SEGMENTATION = "groundtruth/semantic-segmentation"
DETECTION = "groundtruth/object-detection"
BACKGROUND = "BACKGROUND"
METADATA = "-metadata"

_S3 = "s3://"
_REF = "-ref"
_MAP = "internal-color-map"
_LONGEST_NAME = 100
_MOST_BOXES = 1_000
_LONGEST_KEY = 1024
_OUTSIDE = 1.0  # pixels that a box may reach out of its picture, because people's tools round
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")
_HEX = re.compile(r"#?([0-9a-fA-F]{6})")


class LineFault(Exception):  # noqa: N818 - never leaves the reading of lines
    """What is wrong with a line, as the end of a sentence that begins with its number."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Mask:
    """A mask that a line names.

    Attributes:
        ref: s3://bucket/key of a PNG.
        colours: "#rrggbb" in lower case to the name of the anomaly label; every other colour is background.
        background: the colours that the line calls so.
    """

    ref: str
    colours: Mapping[str, str]
    background: frozenset[str] = frozenset()

    @property
    def bucket(self) -> str:
        """The bucket that holds it."""
        return self.ref.removeprefix(_S3).partition("/")[0]


def masks_of(members: Mapping[str, Any]) -> tuple[Mask, ...]:
    """The masks of a line; none where nobody drew one.

    Raises:
        LineFault: a mask or its map of colours cannot be used.
    """
    return tuple(_mask(key, members) for key in _mask_keys(members))


def mask_keys(members: Mapping[str, Any]) -> list[str]:
    """The keys of a line that hold masks and their metadata."""
    return [name for key in _mask_keys(members) for name in (key, key + METADATA)]


def boxes_of(members: Mapping[str, Any]) -> tuple[Place, ...] | None:
    """The boxes of a line; None where nobody was asked to draw any.

    Raises:
        LineFault: a box is not in its picture, has no area, or is of a class that the line does not name.
    """
    keys = list(_box_keys(members))
    if not keys:
        return None
    return tuple(place for key in keys for place in _boxes(key, members[key], members[key + METADATA]))


def box_keys(members: Mapping[str, Any]) -> list[str]:
    """The keys of a line that hold boxes and their metadata."""
    return [name for key in _box_keys(members) for name in (key, key + METADATA)]


def checked_ref(key: str, value: object) -> str:
    """An address that stands under `key` of a line.

    Raises:
        LineFault: it is not s3://bucket/key, or no possible key.
    """
    if not isinstance(value, str):
        raise LineFault(f"it has no {key}")
    bucket, _, name = value.removeprefix(_S3).partition("/")
    if not value.startswith(_S3) or not BUCKET_NAME.fullmatch(bucket) or not name:
        raise LineFault(f"its {key} {shown(value)} is not s3://bucket/key")
    try:
        length = len(name.encode("utf-8"))
    except UnicodeEncodeError:  # half of a surrogate pair
        length = 0
    if not 0 < length <= _LONGEST_KEY or _CONTROL.search(name):
        raise LineFault(
            f"its {key} {shown(value)} is no key of 1 to {_LONGEST_KEY:,} bytes of UTF-8 without control characters"
        )
    return value


def checked_name(value: object, *, of: str) -> str:
    """The name of an anomaly label.

    Raises:
        LineFault: it is no text that can be a class name.
    """
    name = value.strip() if isinstance(value, str) else ""
    if not 0 < len(name) <= _LONGEST_NAME or not name.isprintable():
        raise LineFault(
            f"{of} has the class-name {shown(value, longest=60)}, and 1 to {_LONGEST_NAME} printable characters are allowed"
        )
    return name


def _mask_keys(members: Mapping[str, Any]) -> Iterator[str]:
    for key in members:
        metadata = members.get(key + METADATA)
        if key.endswith(_REF) and key != SOURCE_KEY and isinstance(metadata, dict):
            kind = metadata.get("type")
            if kind == SEGMENTATION or (kind is None and _MAP in metadata):
                yield key


def _mask(key: str, members: Mapping[str, Any]) -> Mask:
    ref = checked_ref(key, members[key])
    given = members[key + METADATA].get(_MAP)
    if not isinstance(given, dict) or not given:
        raise LineFault(f"{key}{METADATA} has no {_MAP}")
    colours: dict[str, str] = {}
    background: set[str] = set()
    for number, one in given.items():
        where = f"entry {shown(number, longest=20)} of the {_MAP}"
        if not isinstance(one, dict):
            raise LineFault(f"{where} is no JSON object")
        name = checked_name(one.get("class-name"), of=where)
        colour = _HEX.fullmatch(str(one.get("hex-color", "")).strip())
        if name.upper() == BACKGROUND:
            background |= set() if colour is None else {f"#{colour[1].lower()}"}
            continue
        if colour is None:
            raise LineFault(f"{where} ({name!r}) has the hex-color {shown(one.get('hex-color'), longest=60)}; #RRGGBB is meant")
        other = colours.setdefault(f"#{colour[1].lower()}", name)
        if other != name:
            raise LineFault(f"the {_MAP} gives {name!r} and {other!r} the same colour")
    if len(set(colours.values())) > MOST_LABELS:
        raise LineFault(f"the {_MAP} has {len(set(colours.values())):,} anomaly labels, and a project may have {MOST_LABELS}")
    return Mask(ref=ref, colours=colours, background=frozenset(background))


def _box_keys(members: Mapping[str, Any]) -> Iterator[str]:
    for key, value in members.items():
        metadata = members.get(key + METADATA)
        if (
            isinstance(value, dict)
            and isinstance(metadata, dict)
            and metadata.get("type") == DETECTION
            and "annotations" in value
        ):
            yield key


def _boxes(key: str, value: Mapping[str, Any], metadata: Mapping[str, Any]) -> Iterator[Place]:
    names, annotations = metadata.get("class-map"), value["annotations"]
    if not isinstance(annotations, list) or len(annotations) > _MOST_BOXES:
        raise LineFault(f"{key} has annotations that are no list of at most {_MOST_BOXES:,}")
    size = _size(value.get("image_size"))
    for number, one in enumerate(annotations, start=1):
        where = f"box {number} of {key}"
        if not isinstance(one, dict):
            raise LineFault(f"{where} is no JSON object")
        name = names.get(str(one.get("class_id"))) if isinstance(names, dict) else None
        if name is None:
            raise LineFault(
                f"{where} has the class_id {shown(one.get('class_id'), longest=20)}, which the class-map does not name"
            )
        left, top, width, height = (_number(where, edge, one.get(edge)) for edge in ("left", "top", "width", "height"))
        if width <= 0 or height <= 0:
            raise LineFault(f"{where} has no area")
        if size is not None and not _is_inside((left, top, left + width, top + height), size):
            raise LineFault(f"{where} reaches out of its picture of {size[0]:g} x {size[1]:g} pixels")
        yield Place(label=checked_name(name, of=where), box=(left, top, left + width, top + height))


def _number(where: str, edge: str, value: object) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value) or abs(value) > 1e6:
        raise LineFault(f"{where} has {shown(value, longest=20)} for {edge}, and a number of pixels is meant")
    return float(value)


def _size(value: object) -> tuple[float, float] | None:
    """Width and height of the picture, where the line has them."""
    first = value[0] if isinstance(value, list) and value else None
    if not isinstance(first, dict):
        return None
    sides = [first.get(name) for name in ("width", "height")]
    numbers = [float(side) for side in sides if isinstance(side, int | float) and not isinstance(side, bool) and side > 0]
    return (numbers[0], numbers[1]) if len(numbers) == 2 else None


def _is_inside(box: tuple[float, float, float, float], size: tuple[float, float]) -> bool:
    return min(box[:2]) >= -_OUTSIDE and box[2] <= size[0] + _OUTSIDE and box[3] <= size[1] + _OUTSIDE
