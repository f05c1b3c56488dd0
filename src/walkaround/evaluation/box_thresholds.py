"""From which score on a box is best told, and how well a class does, from boxes that were matched already.

For choosing checkpoints and thresholds while training; what is published is measured with COCO's own code, see
`walkaround.evaluation.detect`.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from walkaround.evaluation.detect import Match

_RECALLS = np.linspace(0.0, 1.0, 101)  # at which COCO reads precision


def average_precision(matches: Sequence[Match]) -> float | None:
    """Mean over 101 recalls of the best precision from there on, as COCO has it; None where nothing is to be found."""
    there, _, right = _joined(matches)
    if not there:
        return None
    hits = np.cumsum(right)
    precision = hits / np.arange(1, len(right) + 1)
    best = np.append(np.maximum.accumulate(precision[::-1])[::-1], 0.0)
    return float(best[np.searchsorted(hits / there, _RECALLS - 1e-12)].mean())


def best_threshold(matches: Sequence[Match], *, otherwise: float) -> tuple[float, float]:
    """The score from which boxes of a class are best told, and F1 there.

    Args:
        matches: of the class, one for each picture.
        otherwise: the threshold where no box is right.

    Returns:
        threshold, half way between the least sure box that is told and the next one; and F1, which is highest there.
    """
    there, scores, right = _joined(matches)
    if not right.any():
        return otherwise, 0.0
    f1 = 2 * np.cumsum(right) / (np.arange(1, len(right) + 1) + there)
    last = int(np.argmax(f1))
    below = scores[last + 1] if last + 1 < len(scores) else 0.0
    return float((scores[last] + below) / 2), float(f1[last])


def _joined(matches: Sequence[Match]) -> tuple[int, NDArray[np.float64], NDArray[np.bool_]]:
    """How many are there, and the boxes of all pictures: scores, falling, and whether each is right."""
    scores = np.concatenate([np.zeros(0), *(match.scores for match in matches)])
    right = np.concatenate([np.zeros(0, np.bool_), *(match.right for match in matches)])
    order = np.argsort(-scores, kind="stable")
    return sum(match.there for match in matches), scores[order], right[order]
