"""Average precision and thresholds from matched boxes, by hand."""

from __future__ import annotations

import numpy as np
import pytest

from walkaround.damage.findings import FoundBox
from walkaround.evaluation.box_thresholds import average_precision, best_threshold
from walkaround.evaluation.detect import BoxRow, Match, TrueBox, matched, score_boxes


def matches(*found: tuple[float, bool], there: int) -> list[Match]:
    """Each box a picture of its own, and one with what is missed."""
    pictures = [
        Match(scores=np.array([score]), right=np.array([right]), of=np.array([0 if right else -1]), there=int(right))
        for score, right in found
    ]
    none = np.zeros(0)
    missed = there - sum(right for _, right in found)
    return [*pictures, Match(scores=none, right=none.astype(bool), of=none.astype(np.int64), there=missed)]


@pytest.mark.parametrize(
    ("found", "there", "threshold", "f1"),
    [
        ([(0.9, True), (0.5, True), (0.1, False)], 2, 0.3, 1.0),
        ([(0.2, False), (0.8, True), (0.6, False), (0.4, True)], 2, 0.3, 0.8),
        ([(0.9, False), (0.8, True)], 4, 0.4, 1 / 3),
        ([(0.9, False)], 1, 0.25, 0.0),
        ([], 3, 0.25, 0.0),
    ],
)
def test_boxes_are_told_from_where_f1_is_highest(
    found: list[tuple[float, bool]], there: int, threshold: float, f1: float
) -> None:
    assert best_threshold(matches(*found, there=there), otherwise=0.25) == pytest.approx((threshold, f1))


def test_a_class_that_is_not_there_has_no_precision() -> None:
    assert average_precision(matches((0.5, False), there=0)) is None
    assert average_precision(matches(there=2)) == 0


def test_average_precision_is_that_of_coco() -> None:
    rng = np.random.default_rng(4)
    rows = []
    for _ in range(20):
        corners = rng.uniform(0, 80, (4, 2))
        truth = [TrueBox(label="dent", box=(x, y, x + 20, y + 20)) for x, y in corners.tolist()]
        moved = [(corner + rng.normal(0, 4, 2)).tolist() for corner in corners]
        found = [FoundBox(label="dent", score=float(rng.random()), box=(x, y, x + 20, y + 20)) for x, y in moved]
        rows.append(BoxRow(truth=tuple(truth), found=tuple(found)))
    mine = average_precision([matched(row, "dent") for row in rows])
    assert mine == pytest.approx(score_boxes(rows, classes=["dent"], thresholds={"dent": 0.5}).average.ap50, abs=1e-6)
