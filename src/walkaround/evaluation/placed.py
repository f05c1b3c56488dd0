"""Boxes and masks of many pictures measured as they come: what each picture needs is counted, and its masks are let go."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from walkaround.damage.findings import Findings
from walkaround.damage.places import Place
from walkaround.datasets.outlines import box_of
from walkaround.evaluation.detect import BoxRow, TrueBox, matched, score_boxes, unknown_note
from walkaround.evaluation.place_scores import PlacedRow, PlaceEvaluation
from walkaround.evaluation.segment import MaskTally, renumbered, truth_of


class PlaceTally:
    """Pictures in, one after the other, scores out."""

    def __init__(self, *, box_thresholds: Mapping[str, float], mask_classes: Sequence[str]) -> None:
        """Begin without pictures.

        Args:
            box_thresholds: class name to the score from which the model tells of a box; empty: it finds none.
            mask_classes: names of its masks; empty: it finds none.
        """
        self._thresholds = box_thresholds
        self._masks = MaskTally(mask_classes)
        self._boxes: list[BoxRow] = []
        self._rows: list[PlacedRow] = []
        self._unknown: Counter[str] = Counter()  # outlines that no mask of the model can be compared with

    @property
    def pictures(self) -> int:
        """How many there were."""
        return len(self._rows)

    def add(
        self, path: Path, *, for_boxes: Sequence[Place] | None, for_masks: Sequence[Place] | None, findings: Findings
    ) -> None:
        """Compare one picture.

        Args:
            path: of the picture.
            for_boxes: what was drawn, where every place has a box; None: boxes cannot be judged.
            for_masks: what was drawn, where every place has an outline; None: masks cannot be judged.
            findings: with every box that the model thinks of, however unsure.

        Raises:
            PictureError: a mask file cannot be read, or is of another size than the picture.
        """
        missed = false_alarms = 0
        badness, overlap = 0.0, None
        if for_masks is not None and findings.masks is not None and self._masks.classes:
            self._unknown.update(place.label for place in for_masks if place.label not in self._masks.classes)
            truth, ignored = truth_of(for_masks, self._masks.classes, width=findings.width, height=findings.height)
            overlap = _overlap(self._masks.add(truth, renumbered(findings.masks, self._masks.classes), ignored=ignored))
            badness += 0.0 if overlap is None else 1 - overlap
        told = self.told(findings)
        if for_boxes is not None and findings.boxes is not None and self._thresholds:
            row = BoxRow(truth=_true_boxes(for_boxes, findings), found=findings.boxes)
            self._boxes.append(row)
            missed, false_alarms, sure = self._mistakes(replace(row, found=told.boxes or ()))
            badness += missed + sure
        self._rows.append(
            PlacedRow(
                path=path,
                truth=tuple(for_boxes or for_masks or ()),
                findings=told,
                missed=missed,
                false_alarms=false_alarms,
                overlap=overlap,
                badness=badness,
            )
        )

    def told(self, findings: Findings) -> Findings:
        """The findings with the boxes alone that the model tells of, and without masks."""
        boxes = findings.boxes and tuple(box for box in findings.boxes if box.score >= self._thresholds[box.label])
        return replace(findings, boxes=boxes, masks=None)

    def outcome(self, *, seed: int = 0) -> PlaceEvaluation:
        """The scores of all pictures so far; `seed` is of the resampling behind the intervals."""
        boxes = (
            score_boxes(self._boxes, classes=tuple(self._thresholds), thresholds=self._thresholds, seed=seed)
            if self._boxes
            else None
        )
        masks = replace(self._masks.scores(seed=seed), notes=self._mask_notes())
        return PlaceEvaluation(boxes=boxes, masks=masks if masks.n else None, rows=tuple(self._rows))

    def _mask_notes(self) -> tuple[str, ...]:
        count = self._unknown.total()
        return (unknown_note(sorted(self._unknown), f"{count:,} outline{'s' if count > 1 else ''}"),) if count else ()

    def _mistakes(self, row: BoxRow) -> tuple[int, int, float]:
        """How many boxes are missed, how many are false alarms, and the scores of these added up."""
        matches = [matched(row, name) for name in self._thresholds]
        wrong = np.concatenate([match.scores[~match.right] for match in matches])
        missed = sum(match.there - int(match.right.sum()) for match in matches)
        return missed, len(wrong), float(wrong.sum())


def _true_boxes(places: Sequence[Place], findings: Findings) -> tuple[TrueBox, ...]:
    boxes = [(place, box_of(place, findings.width, findings.height)) for place in places]
    return tuple(TrueBox(label=place.label, box=box, crowd=place.crowd) for place, box in boxes if box is not None)


def _overlap(confusion: NDArray[np.int64]) -> float | None:
    """Mean intersection over union of the classes of one picture, background not counted."""
    right = np.diag(confusion)[1:]
    either = confusion.sum(axis=0)[1:] + confusion.sum(axis=1)[1:] - right
    involved = either > 0
    return float((right[involved] / either[involved]).mean()) if involved.any() else None
