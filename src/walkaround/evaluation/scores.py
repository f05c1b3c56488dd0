"""The nouns of evaluation: scores of a classifier, its confusion matrix, and the scores of one class."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from walkaround.evaluation.curves import PrecisionRecallCurve, ReliabilityBin, RocCurve
from walkaround.evaluation.intervals import Interval


@dataclass(frozen=True, kw_only=True, eq=False)
class Confusion:
    """How often each class (rows) was given each name (columns).

    Attributes:
        classes: the names of the rows, and of the columns.
        counts: int64 [classes, classes].
    """

    classes: tuple[str, ...]
    counts: NDArray[np.int64]


@dataclass(frozen=True, kw_only=True)
class ClassScores:
    """Scores of one class against all others; None where the pictures cannot tell.

    Attributes:
        support: how many pictures of the class there are.
    """

    precision: float | None
    recall: float | None
    f1: float | None
    support: int
    auroc: float | None
    average_precision: float | None


@dataclass(frozen=True, kw_only=True, eq=False)
class Scores:
    """What a set of pictures says about a classifier. Damage is the positive class.

    Every score is None where it is undefined, and then `notes` has the reason.

    Attributes:
        n, damaged, whole: how many pictures, and how many of each kind, by the truth.
        hits, false_alarms: how many damaged, and how many whole pictures were called damaged.
        of_labels: True when `accuracy` and `confusion` are about class names, False when about the verdict damaged or whole.
        accuracy: share of right labels, or of right verdicts.
        damage_accuracy: share of right verdicts.
        precision: share of alarms (verdict damaged) that are real.
        recall: share of damaged pictures that are found.
        specificity: share of whole pictures that raise no alarm.
        f1: harmonic mean of precision and recall.
        auroc: chance that a damaged picture gets a higher probability than a whole one.
        average_precision: mean precision over all thresholds, weighted by the recall that each adds.
        macro_f1: mean F1 of the classes that are shown or named; only `of_labels`.
        brier: mean squared error of the probability of damage, 0 is best.
        calibration_error: expected calibration error of the probability of damage in ten bins, 0 is best.
        per_class: by class name.
        intervals: score name to the ends of its 95 % interval.
    """

    n: int
    damaged: int
    whole: int
    hits: int
    false_alarms: int
    of_labels: bool
    threshold: float
    accuracy: float | None = None
    damage_accuracy: float | None = None
    precision: float | None = None
    recall: float | None = None
    specificity: float | None = None
    f1: float | None = None
    auroc: float | None = None
    average_precision: float | None = None
    macro_f1: float | None = None
    brier: float | None = None
    calibration_error: float | None = None
    confusion: Confusion
    per_class: Mapping[str, ClassScores]
    intervals: Mapping[str, Interval]
    reliability: tuple[ReliabilityBin, ...] = ()
    precision_recall: PrecisionRecallCurve | None = None
    roc: RocCurve | None = None
    notes: tuple[str, ...] = ()
