"""How well scores put positive pictures before negative ones: AUROC, average precision, and the counts behind both.

Numpy alone, so that a server can tell scores without the libraries that models are fitted with.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray


def auroc(positive: NDArray[np.bool_], score: NDArray[np.float64]) -> float:
    """The chance that a positive picture has a higher score than a negative one, ties counted half.

    Args:
        positive: bool [n], the truth; both kinds must occur.
        score: float64 [n], such as a probability.
    """
    _, hits, alarms = counts_by_level(positive, score)
    return float(ranking_scores(hits[None], alarms[None])[0][0])


def average_precision(positive: NDArray[np.bool_], score: NDArray[np.float64]) -> float:
    """Mean precision over the positive pictures, each taken at its own score; equal scores count together.

    Args:
        positive: bool [n], the truth; a positive picture must occur.
        score: float64 [n], such as a probability.
    """
    _, hits, alarms = counts_by_level(positive, score)
    found, named = hits.cumsum(), (hits + alarms).cumsum()
    return float((hits * found / named).sum() / found[-1])


def counts_by_level(
    positive: NDArray[np.bool_], score: NDArray[np.float64]
) -> tuple[NDArray[np.float64], NDArray[np.int64], NDArray[np.int64]]:
    """The distinct scores, highest first, and how many positive and negative pictures have each; three arrays [levels]."""
    negated, level_of = np.unique(-score, return_inverse=True)
    hits, alarms = (np.bincount(level_of[kind], minlength=len(negated)) for kind in (positive, ~positive))
    return -negated, hits, alarms


def ranking_scores(hits: NDArray[np.int64], alarms: NDArray[np.int64]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """AUROC and average precision [rows] from counts [rows, levels], highest level first; ties count half in AUROC."""
    found, false = hits.cumsum(1), alarms.cumsum(1)
    positives, negatives = found[:, -1], false[:, -1]
    areas = (hits * (negatives[:, None] - false + alarms / 2)).sum(1) / (positives * negatives)
    precisions = (hits * found / np.maximum(found + false, 1)).sum(1) / positives
    return areas, precisions
