"""The curves behind the scores: precision and recall against the threshold, ROC, and how far probabilities can be believed."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from walkaround.evaluation.intervals import Interval, wilson
from walkaround.evaluation.ranking import counts_by_level

MOST_POINTS = 200
BINS = 10


@dataclass(frozen=True, kw_only=True)
class PrecisionRecallCurve:
    """Precision and recall of the verdict "damage >= threshold", thresholds rising; three sequences of one length."""

    threshold: tuple[float, ...]
    precision: tuple[float, ...]
    recall: tuple[float, ...]


@dataclass(frozen=True, kw_only=True)
class RocCurve:
    """Share of whole pictures called damaged against share of damage found, from (0, 0) to (1, 1)."""

    false_alarms: tuple[float, ...]
    recall: tuple[float, ...]


@dataclass(frozen=True, kw_only=True)
class ReliabilityBin:
    """The pictures whose probability of damage lies in one tenth of the scale.

    Attributes:
        low, high: the ends of the tenth.
        n: how many pictures lie in it, at least 1.
        predicted: their mean probability of damage.
        observed: the share of them that is damaged.
        interval: 95 % Wilson interval of `observed`.
    """

    low: float
    high: float
    n: int
    predicted: float
    observed: float
    interval: Interval


def precision_recall_curve(damaged: NDArray[np.bool_], probability: NDArray[np.float64]) -> PrecisionRecallCurve:
    """At most 200 points of the curve; damage must occur."""
    levels, hits, alarms = counts_by_level(damaged, probability)
    found, named = hits.cumsum(), (hits + alarms).cumsum()
    threshold, precision, recall = levels[::-1], (found / named)[::-1], (found / found[-1])[::-1]
    even = np.searchsorted(threshold, np.linspace(threshold[0], threshold[-1], MOST_POINTS // 2))  # even along the axis too,
    kept = np.union1d(_thinned(len(threshold), MOST_POINTS // 2), even)  # since most probabilities lie near 0 and 1
    return PrecisionRecallCurve(
        threshold=tuple(threshold[kept].tolist()),
        precision=tuple(precision[kept].tolist()),
        recall=tuple(recall[kept].tolist()),
    )


def roc_curve(damaged: NDArray[np.bool_], probability: NDArray[np.float64]) -> RocCurve:
    """At most 200 points of the curve; damaged and whole pictures must both occur."""
    _, hits, alarms = counts_by_level(damaged, probability)
    steps = np.stack([alarms, hits])
    points = np.pad(steps.cumsum(axis=1), ((0, 0), (1, 0))) / steps.sum(axis=1, keepdims=True)
    bends = np.diff(steps).any(axis=0)  # elsewhere the curve is straight
    corners = points[:, np.pad(bends, 1, constant_values=True)]
    false_alarms, recall = corners[:, _thinned(corners.shape[1], MOST_POINTS)].tolist()
    return RocCurve(false_alarms=tuple(false_alarms), recall=tuple(recall))


def reliability_table(damaged: NDArray[np.bool_], probability: NDArray[np.float64]) -> tuple[ReliabilityBin, ...]:
    """The tenths of the probability scale that hold any picture, lowest first."""
    number = np.minimum((probability * BINS).astype(np.int64), BINS - 1)
    table = []
    for place in np.unique(number).tolist():
        here = number == place
        n, hits = int(here.sum()), int(damaged[here].sum())
        table.append(
            ReliabilityBin(
                low=place / BINS,
                high=(place + 1) / BINS,
                n=n,
                predicted=float(probability[here].mean()),
                observed=hits / n,
                interval=wilson(hits, n),
            )
        )
    return tuple(table)


def expected_calibration_error(table: tuple[ReliabilityBin, ...]) -> float:
    """Mean distance between predicted and observed share of damage, weighted by pictures.

    Chance alone moves it away from 0 in small sets, so a small value is good news and a large one of few pictures is none.
    Source: Naeini, Cooper and Hauskrecht (2015), Obtaining well calibrated probabilities using Bayesian binning, AAAI.
    """
    return sum(row.n * abs(row.predicted - row.observed) for row in table) / sum(row.n for row in table)


def _thinned(length: int, most: int) -> NDArray[np.int64]:
    return np.unique(np.linspace(0, length - 1, min(length, most)).round().astype(np.int64))
