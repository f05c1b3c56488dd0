"""From what the parts of a model put out to boxes, masks, and how much they speak for damage."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from walkaround.damage.findings import FoundBox, FoundMasks
from walkaround.damage.kinds import shows_damage
from walkaround.models.package import BoxPart, MaskPart

TOLD = 0.5
"""The sureness from which a box is told; see `sureness`."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Candidates:
    """What a network takes for boxes, the surest first, whatever its score.

    Attributes:
        boxes: float32 [k, 4], left, top, right and bottom edge as fractions of the picture.
        scores: float32 [k], above 0 and up to 1.
        class_ids: int64 [k].
        cut: bool [k], whether the box ends at an edge of a tile that is no edge of the picture: maybe it goes on there.
    """

    boxes: NDArray[np.float32]
    scores: NDArray[np.float32]
    class_ids: NDArray[np.int64]
    cut: NDArray[np.bool_]

    def chosen(self, which: NDArray[Any]) -> Candidates:
        """Some of them, by a mask or by their numbers."""
        return Candidates(
            boxes=self.boxes[which], scores=self.scores[which], class_ids=self.class_ids[which], cut=self.cut[which]
        )


def sureness(scores: NDArray[np.floating[Any]], thresholds: NDArray[np.floating[Any]]) -> NDArray[np.float64]:
    """Scores on a scale on which every class has the same threshold: 0 stays 0, the class's threshold becomes 0.5, 1 stays 1.

    Args:
        scores: float [k], 0 to 1.
        thresholds: float [k], 0 to 1, each of the score's class.
    """
    limits = np.clip(thresholds, 1e-6, 1 - 1e-6).astype(np.float64)
    below, above = scores / limits / 2, 0.5 + (scores - limits) / (1 - limits) / 2
    sure = np.where(scores >= limits, np.maximum(above, 0.5), below)
    return np.asarray(np.clip(sure, 0.0, 1.0), dtype=np.float64)


def score_limits(part: BoxPart, least: float = TOLD) -> NDArray[np.float64]:
    """float64 [classes]: of each class the score whose sureness is `least`; from this score on a box is told."""
    limits = np.clip(part.thresholds, 1e-6, 1 - 1e-6)
    return np.asarray(np.where(least < TOLD, 2 * least * limits, limits + (2 * least - 1) * (1 - limits)), dtype=np.float64)


def told_boxes(found: Candidates, part: BoxPart, *, size: tuple[int, int], limits: NDArray[np.float64]) -> tuple[FoundBox, ...]:
    """The boxes that are sure enough, the surest first.

    Args:
        found: what the network takes for boxes.
        part: whose classes they are.
        size: width and height in pixels of the upright original.
        limits: see `score_limits`.
    """
    kept = np.flatnonzero(found.scores >= limits[found.class_ids])
    edges = np.clip(found.boxes.astype(np.float64), 0, 1) * [size[0], size[1], size[0], size[1]]
    return tuple(
        FoundBox(label=part.classes[found.class_ids[i]], score=float(found.scores[i]), box=_box(edges[i]))
        for i in kept[np.argsort(-found.scores[kept], kind="stable")].tolist()
    )


def _box(edges: NDArray[np.float64]) -> tuple[float, float, float, float]:
    left, top, right, bottom = edges.tolist()
    return (left, top, max(left, right), max(top, bottom))


def box_evidence(found: Candidates, part: BoxPart) -> float:
    """How much boxes speak for damage, 0 to 1: the sureness of the surest one that is of a class of damage."""
    damage = np.array([shows_damage(name) for name in part.classes])[found.class_ids]
    sure = sureness(found.scores, np.array(part.thresholds)[found.class_ids])[damage]
    return float(sure.max(initial=0.0))


def found_masks(probabilities: NDArray[np.float32], part: MaskPart) -> FoundMasks:
    """The most probable class of each cell; a class with less area than the part's smallest is taken for background.

    Args:
        probabilities: float32 [1 + classes, rows, columns], background first.
        part: classes, colours and the smallest area.
    """
    labels = probabilities.argmax(axis=0).astype(np.uint8)
    counts = np.bincount(labels.ravel(), minlength=len(part.classes) + 1)
    labels[(counts < _least_cells(part, labels.size))[labels]] = 0
    colours: Mapping[str, str] = dict(zip(part.classes, part.colours, strict=True))
    return FoundMasks(names=part.classes, labels=labels, colours=colours)


def mask_evidence(probabilities: NDArray[np.float32], part: MaskPart) -> float:
    """How much masks speak for damage, 0 to 1; 0.5 and more just where `found_masks` finds a class of damage.

    Of each class it is how far it leads over all others, background too, in the cell where it leads least of the smallest area
    that would be told. With one class this is its probability there.
    """
    rows = probabilities.reshape(len(probabilities), -1)
    best_two = np.partition(rows, -2, axis=0)[-2:]
    cells = _least_cells(part, rows.shape[1])
    evidence = 0.0
    for number, name in enumerate(part.classes, start=1):
        if shows_damage(name):
            leads = rows[number] - np.where(rows[number] >= best_two[1], best_two[0], best_two[1])
            least = float(np.partition(leads, -cells)[-cells])
            evidence = max(evidence, (1 + least) / 2)
    return min(1.0, evidence)


def _least_cells(part: MaskPart, cells: int) -> int:
    return min(cells, max(1, math.ceil(part.smallest * cells)))
