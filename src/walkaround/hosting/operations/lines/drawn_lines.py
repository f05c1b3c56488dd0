"""Lines of pictures on which somebody drew here: boxes as Ground Truth writes them, outlines as a mask of Lookout for Vision.

So every client lists what was drawn as if it came of a manifest. Outlines are kept as they were drawn too, in a document beside
the mask, because a mask does not tell where one of two neighbours ends.
"""

from __future__ import annotations

import hashlib
import io
import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from PIL import Image

from walkaround.damage.colours import colours_of
from walkaround.damage.kinds import ANOMALY, NORMAL, shows_damage
from walkaround.damage.places import Place, Polygons, Runs, labels_of
from walkaround.datasets.outlines import label_map
from walkaround.datasets.runs import packed
from walkaround.errors import ValidationError
from walkaround.hosting.operations.lines.label_lines import provenance
from walkaround.hosting.operations.lines.manifest_lines import LONGEST_LINE
from walkaround.hosting.operations.lines.place_lines import (
    BACKGROUND,
    DETECTION,
    METADATA,
    MOST_LABELS_OF_A_MASK,
    SEGMENTATION,
    box_keys,
    mask_keys,
)

DRAWING_KEY = "walkaround-drawing-ref"
"""The key of a line that leads to what was drawn, as it was drawn."""
_MASK_KEY, _BOX_KEY = "anomaly-mask-ref", "anomaly-boxes"
_OUTSIDE = 1.0


@dataclass(frozen=True, kw_only=True)
class Drawing:
    """What somebody drew on a picture, ready to be kept.

    Attributes:
        mask: a PNG of the picture's size; None where there is no outline.
        colours: "#RRGGBB" of each label in the mask.
        shown: the labels that the mask shows, sorted; one that others lie over is not among them.
        document: the places as they were drawn, JSON.
    """

    mask: bytes | None
    colours: Mapping[str, str]
    shown: tuple[str, ...]
    document: bytes

    @property
    def mask_name(self) -> str:
        """By content, so that what is kept never changes."""
        return _name(self.mask or b"", "masks", "png")

    @property
    def document_name(self) -> str:
        """By content too."""
        return _name(self.document, "drawings", "json")


def version_of(line: str) -> str:
    """What tells one state of an entry from every other."""
    return hashlib.sha256(line.encode("utf-8")).hexdigest()[:32]


def drawing_of(places: Sequence[Place], *, width: int, height: int) -> Drawing:
    """Check what was drawn on a picture of a size in pixels.

    Raises:
        ValidationError: a place is not in the picture, has no area, or there are too many labels.
    """
    for number, place in enumerate(places, start=1):
        _check(place, number, width=width, height=height)
    outlined = [place for place in places if place.outline is not None]
    labels = labels_of(outlined)
    if len(labels) > MOST_LABELS_OF_A_MASK:
        raise ValidationError(
            f"The outlines have {len(labels)} labels, and {MOST_LABELS_OF_A_MASK} are allowed on one picture."
        )
    colours = colours_of(labels)
    document = {"width": width, "height": height, "places": [drawn_object(place) for place in places]}
    mask, shown = _mask(outlined, colours, width=width, height=height) if outlined else (None, ())
    return Drawing(
        mask=mask,
        colours=colours,
        shown=shown,
        document=json.dumps(document, ensure_ascii=False).encode(),
    )


def drawn_object(place: Place) -> dict[str, Any]:
    """A place as JSON keeps it: its label, its box, and its rings or run lengths where it has an outline."""
    rings = place.outline.rings if isinstance(place.outline, Polygons) else None
    polygons = None if rings is None else [[list(point) for point in ring] for ring in rings]
    runs = place.outline if isinstance(place.outline, Runs) else None
    painted = {} if runs is None else {"runs": {"size": [runs.height, runs.width], "counts": packed(runs)}}
    return {"label": place.label, "box": None if place.box is None else list(place.box), "polygons": polygons, **painted}


def drawn_line(
    line: Mapping[str, Any], drawing: Drawing, places: Sequence[Place], *, bucket: str, worker: str | None = None
) -> dict[str, Any]:
    """The line with this drawing instead of what was drawn before; everything else in it stays.

    Args:
        line: of a manifest.
        drawing: of the places.
        places: as they were drawn.
        bucket: where the drawing is kept.
        worker: who drew.

    Raises:
        ValidationError: there are more boxes than a line holds.
    """
    dropped = {*mask_keys(line), *box_keys(line), DRAWING_KEY}
    kept = {key: value for key, value in line.items() if key not in dropped}
    size = {name: json.loads(drawing.document)[name] for name in ("width", "height")}
    about = provenance(worker)
    if drawing.mask is not None:
        names = {"0": {"class-name": BACKGROUND, "hex-color": "#ffffff", "confidence": 0.0}}
        for number, (label, colour) in enumerate(drawing.colours.items(), start=1):
            names[str(number)] = {"class-name": label, "hex-color": colour, "confidence": 1.0}
        kept[_MASK_KEY] = f"s3://{bucket}/{drawing.mask_name}"
        kept[_MASK_KEY + METADATA] = {"internal-color-map": names, "type": SEGMENTATION, **about}
    boxes = [place for place in places if place.outline is None]
    if boxes or drawing.mask is None:
        labels = labels_of(boxes)
        kept[_BOX_KEY] = {
            "annotations": [_annotation(place, labels.index(place.label)) for place in boxes],
            "image_size": [{**size, "depth": 3}],
        }
        names_by_id = {str(number): label for number, label in enumerate(labels)}
        kept[_BOX_KEY + METADATA] = {"class-map": names_by_id, "type": DETECTION, "objects": [{}] * len(boxes), **about}
    kept[DRAWING_KEY] = f"s3://{bucket}/{drawing.document_name}"
    if len(json.dumps(kept)) > LONGEST_LINE:
        raise ValidationError(
            f"There are too many boxes for an entry, which has {LONGEST_LINE:,} characters at most: about ninety. Draw fewer."
        )
    return kept


def agreed_label(label: str | None, places: Sequence[Place], *, wanted: str | None) -> str | None:
    """The label of a picture on which these places were drawn.

    Args:
        label: that it has.
        places: drawn on it.
        wanted: what the person says now; None: nothing.

    Raises:
        ValidationError: it would be normal, and damage is drawn on it.
    """
    told = wanted or label
    damaged = [place.label for place in places if shows_damage(place.label)]
    if damaged and told == NORMAL:
        raise ValidationError(f"The picture is labelled normal, and {damaged[0]!r} is drawn on it: say anomaly with it.")
    return told or (ANOMALY if damaged else None)


def _check(place: Place, number: int, *, width: int, height: int) -> None:
    where = f"Place {number} ({place.label!r})"
    if place.label.strip() != place.label or not place.label.isprintable() or place.label.upper() == BACKGROUND:
        raise ValidationError(f"{where} has a label that cannot be one: give printable characters, not {BACKGROUND}.")
    rings = place.outline.rings if isinstance(place.outline, Polygons) else ()
    points = [point for ring in rings for point in ring]
    if place.box is not None:
        points += [place.box[:2], place.box[2:]]
    if any(not math.isfinite(edge) for point in points for edge in point):
        raise ValidationError(f"{where} has a coordinate that is no number.")
    if any(not (-_OUTSIDE <= x <= width + _OUTSIDE and -_OUTSIDE <= y <= height + _OUTSIDE) for x, y in points):
        raise ValidationError(f"{where} reaches out of the picture, which has {width:,} x {height:,} pixels.")
    if place.box is not None and (place.box[2] <= place.box[0] or place.box[3] <= place.box[1]):
        raise ValidationError(f"{where} has a box without area: give left, top, right and bottom edge.")
    if isinstance(place.outline, Runs) and (place.outline.width, place.outline.height) != (width, height):
        raise ValidationError(
            f"{where} is painted on {place.outline.width:,} x {place.outline.height:,} pixels, and the picture has"
            f" {width:,} x {height:,}: paint on the picture as it is."
        )
    if place.outline is not None and not label_map([place], [place.label], width=width, height=height).any():
        raise ValidationError(f"{where} has an outline that encloses no pixel.")


def _mask(places: Sequence[Place], colours: Mapping[str, str], *, width: int, height: int) -> tuple[bytes, tuple[str, ...]]:
    """A palette PNG, and the labels that it shows."""
    labels = label_map(places, list(colours), width=width, height=height)
    image = Image.frombytes("P", (width, height), labels.tobytes())
    image.putpalette(b"".join(bytes.fromhex(colour[1:]) for colour in ("#FFFFFF", *colours.values())))
    file = io.BytesIO()
    image.save(file, "PNG")
    seen = np.bincount(labels.ravel(), minlength=len(colours) + 1)[1:] > 0
    return file.getvalue(), tuple(label for label, there in zip(colours, seen, strict=True) if there)


def _annotation(place: Place, class_id: int) -> dict[str, float]:
    left, top, right, bottom = place.box or (0.0, 0.0, 0.0, 0.0)
    edges = {"left": left, "top": top, "width": right - left, "height": bottom - top}
    return {"class_id": class_id, **{name: round(value, 2) for name, value in edges.items()}}


def _name(content: bytes, folder: str, suffix: str) -> str:
    digest = hashlib.sha256(content).hexdigest()
    return f"{folder}/{digest[:2]}/{digest}.{suffix}"
