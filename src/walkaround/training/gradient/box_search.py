"""How a network for boxes is best used: in tiles or not, and from which score on; decided on pictures it was not trained on."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from walkaround.damage.colours import colours_of
from walkaround.damage.findings import FoundBox
from walkaround.damage.places import Box
from walkaround.evaluation.box_thresholds import average_precision, best_threshold
from walkaround.evaluation.detect import BoxRow, Match, TrueBox, matched
from walkaround.inspection.places import Candidates
from walkaround.inspection.tiles import reading_side, search
from walkaround.media.marks import draw_marks
from walkaround.media.pictures import read_picture
from walkaround.models.gradient.suppression import Detections
from walkaround.models.names import BOX_PIXELS
from walkaround.models.network import Network
from walkaround.models.package import BoxPart
from walkaround.training.gradient.loader import Loader
from walkaround.training.monitor import Monitor

_WORTH_TILES = 0.01  # average precision by which tiles have to be better: they take many times as long
_UNCHOSEN = 0.3  # threshold of a class that the validation has nothing of
_SHOWN = 8  # pictures


@dataclass(frozen=True, kw_only=True, eq=False)
class Chosen:
    """How the network is used.

    Attributes:
        part: with thresholds, and the overlap of tiles, 0 for none.
        precision: mean average precision at an overlap of one half, by the way to search.
        f1: of each class, with its threshold.
        rows: what was found in each picture beside what is there, in fractions of it.
    """

    part: BoxPart
    precision: Mapping[str, float]
    f1: Mapping[str, float]
    rows: tuple[BoxRow, ...]


def choose_search(model: bytes, pictures: Loader, part: BoxPart, *, overlap: float) -> Chosen:
    """Decide from the pictures of a validation, searched as the product does, whether tiles help, and what is told.

    Args:
        model: as it is exported.
        pictures: to decide on.
        part: classes and side.
        overlap: of the tiles; 0: none are tried.
    """
    network = Network(model, parts=[BOX_PIXELS])
    ways = [replace(part, overlap=0.0), *([replace(part, overlap=overlap)] if overlap else [])]
    found = [_searched(network, pictures, way) for way in ways]
    matches = [matches_of(rows, part.classes) for rows in found]
    scores = [mean_precision(of_way) for of_way in matches]
    best = int(scores[-1] > scores[0] + _WORTH_TILES)
    limits = [best_threshold(of_class, otherwise=_UNCHOSEN) for of_class in matches[best].values()]
    return Chosen(
        part=replace(ways[best], thresholds=tuple(round(threshold, 4) for threshold, _ in limits)),
        precision={f"overlap {way.overlap:g}": round(score, 4) for way, score in zip(ways, scores, strict=True)},
        f1={name: round(f1, 4) for name, (_, f1) in zip(part.classes, limits, strict=True)},
        rows=tuple(found[best]),
    )


def show_boxes(chosen: Chosen, pictures: Loader, monitor: Monitor, *, step: int) -> None:
    """Show a monitor pictures with what is there on the left and what was found on the right, and a curve for each class."""
    part = chosen.part
    drawn: list[NDArray[np.uint8]] = []
    told = dict(zip(part.classes, part.thresholds, strict=True))
    for picture, row in zip(pictures.decoded.pictures, chosen.rows, strict=True):
        if row.truth and len(drawn) < _SHOWN:
            pixels = read_picture(picture.sample.path, side=part.side).pixels
            there = [FoundBox(label=one.label, score=1.0, box=one.box) for one in row.truth if not one.crowd]
            sure = [one for one in row.found if one.score >= told[one.label]]
            drawn.append(np.concatenate([_drawn(pixels, boxes, part, sure=boxes is sure) for boxes in (there, sure)], axis=1))
    monitor.pictures(step, "boxes: labelled and found", drawn)
    for name, matches in matches_of(chosen.rows, part.classes).items():
        right = np.concatenate([match.right for match in matches])
        missed = sum(match.there for match in matches) - int(right.sum())
        scores = np.concatenate([*(match.scores for match in matches), np.zeros(missed)])
        monitor.curve(step, f"boxes/{name}", np.append(right, np.ones(missed, dtype=np.bool_)), scores)


def _drawn(pixels: NDArray[np.uint8], boxes: Sequence[FoundBox], part: BoxPart, *, sure: bool) -> NDArray[np.uint8]:
    height, width = pixels.shape[:2]
    scaled = [
        replace(one, box=(one.box[0] * width, one.box[1] * height, one.box[2] * width, one.box[3] * height)) for one in boxes
    ]
    return draw_marks(pixels, boxes=scaled, colours=colours_of(part.classes), sure=sure)


def _searched(network: Network, pictures: Loader, part: BoxPart) -> list[BoxRow]:
    """What is found in pictures beside what is there."""
    rows = []
    for number, picture in enumerate(pictures.decoded.pictures):
        scene = pictures.decoded.scene(number)
        pixels = read_picture(picture.sample.path, side=reading_side(part)).pixels
        rows.append(row_of(search(network, pixels, part), scene.boxes, scene.classes, scene.ignored, part.classes))
    return rows


def row_of(
    found: Candidates | Detections,
    boxes: NDArray[np.float32],
    kinds: NDArray[np.int64],
    ignored: NDArray[np.float32],
    classes: Sequence[str],
) -> BoxRow:
    """One picture, in fractions of it. What is ignored is a crowd of every class."""
    ids = found.class_ids if isinstance(found, Candidates) else found.classes.tolist()
    truth = [TrueBox(label=classes[kind], box=_box(box)) for kind, box in zip(kinds, boxes, strict=True)]
    crowds = [TrueBox(label=name, box=_box(box), crowd=True) for name in classes for box in ignored]
    told = zip(found.boxes.tolist(), found.scores.tolist(), ids, strict=True)
    return BoxRow(
        truth=(*truth, *crowds),
        found=tuple(FoundBox(label=classes[kind], score=score, box=_box(box)) for box, score, kind in told),
    )


def _box(edges: Sequence[float] | NDArray[np.float32]) -> Box:
    left, top, right, bottom = edges
    return (float(left), float(top), float(right), float(bottom))


def matches_of(rows: Sequence[BoxRow], classes: Sequence[str]) -> dict[str, list[Match]]:
    """Of each class how found and labelled boxes go together, picture by picture."""
    return {name: [matched(row, name) for row in rows] for name in classes}


def mean_precision(matches: Mapping[str, Sequence[Match]]) -> float:
    """Mean over the classes that are there."""
    known = [score for of_class in matches.values() if (score := average_precision(of_class)) is not None]
    return float(np.mean(known)) if known else 0.0
