"""Two models on the same pictures: how much they differ, and whether that is more than chance.

Since both saw the same pictures, only those on which they differ say which is better. Shares get Newcombe's interval for paired
proportions (method 10) and McNemar's exact test; scores that are no shares get the percentiles of a paired bootstrap: pictures
are drawn again within each true kind, the same ones for both models.

Sources: Newcombe (1998), Improved confidence intervals for the difference between binomial proportions based on paired data,
Statistics in Medicine 17, 2635-2650; McNemar (1947), Psychometrika 12, 153-157.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from walkaround.errors import InputError
from walkaround.evaluation.intervals import RESAMPLES, Interval, wilson
from walkaround.evaluation.ranking import auroc, average_precision, ranking_scores

_CELLS_AT_ONCE = 1 << 20


@dataclass(frozen=True, kw_only=True, eq=False)
class Answers:
    """What one model said of the pictures.

    Attributes:
        alarm: bool [n], its verdict "damaged".
        damage: float64 [n], its probability of damage.
        named: its label for each picture.
    """

    alarm: NDArray[np.bool_]
    damage: NDArray[np.float64]
    named: Sequence[str]


@dataclass(frozen=True, kw_only=True)
class Difference:
    """One score of both models; a difference above 0 means that the second is better.

    Attributes:
        first, second: the scores; None where they are undefined.
        difference: second less first.
        interval: 95 %, of the difference; None where no picture that could be drawn again makes one.
        p_value: McNemar's exact test, two-sided; None for scores that are no shares of pictures.
    """

    first: float | None
    second: float | None
    difference: float | None = None
    interval: Interval | None = None
    p_value: float | None = None


@dataclass(frozen=True, kw_only=True)
class Comparison:
    """Two models on the same pictures.

    Attributes:
        n: pictures that both saw and that have a label.
        damaged, whole: of these, by the truth.
        both_right, only_first, only_second, both_wrong: pictures by whose verdict is right.
        scores: by name, as in `Scores`.
        per_class: label to the difference of the share of its pictures that are given that label; by labels of the truth that
            both models know, and only where either tells kinds of damage apart.
    """

    n: int
    damaged: int
    whole: int
    both_right: int
    only_first: int
    only_second: int
    both_wrong: int
    scores: Mapping[str, Difference]
    per_class: Mapping[str, Difference]


def compare(
    truth: Sequence[str], damaged: NDArray[np.bool_], first: Answers, second: Answers, *, classes: Sequence[str], seed: int = 0
) -> Comparison:
    """Compare two models.

    Args:
        truth: label of each picture.
        damaged: bool [n], which labels mean damage.
        first: what one model said, in the order of `truth`.
        second: what the other said.
        classes: names of damage that both tell apart; empty: only the verdicts are compared.
        seed: of the resampling.

    Raises:
        InputError: there is no picture.
    """
    if not len(truth):
        raise InputError("The models have no labelled test picture in common, so that they cannot be compared.")
    right_first, right_second = first.alarm == damaged, second.alarm == damaged
    scores = {
        "damage_accuracy": share_difference(right_first, right_second),
        "recall": share_difference(right_first[damaged], right_second[damaged]),
        "specificity": share_difference(right_first[~damaged], right_second[~damaged]),
        **_resampled(damaged, first, second, seed),
    }
    labels = np.array(truth, dtype=object)
    named = [np.array(one.named, dtype=object) for one in (first, second)]
    return Comparison(
        n=len(truth),
        damaged=int(damaged.sum()),
        whole=int((~damaged).sum()),
        both_right=int((right_first & right_second).sum()),
        only_first=int((right_first & ~right_second).sum()),
        only_second=int((~right_first & right_second).sum()),
        both_wrong=int((~right_first & ~right_second).sum()),
        scores=scores,
        per_class={
            name: share_difference(named[0][labels == name] == name, named[1][labels == name] == name) for name in classes
        },
    )


def share_difference(first: NDArray[np.bool_], second: NDArray[np.bool_]) -> Difference:
    """How much more often the second is right, from bool [n] of each."""
    n = len(first)
    if n == 0:
        return Difference(first=None, second=None)
    only_first, only_second = int((first & ~second).sum()), int((~first & second).sum())
    difference = (only_second - only_first) / n
    return Difference(
        first=float(first.mean()),
        second=float(second.mean()),
        difference=difference,
        interval=newcombe_paired(int((first & second).sum()), only_first, only_second, n),
        p_value=mcnemar(only_first, only_second),
    )


def mean_difference(first: NDArray[np.float64], second: NDArray[np.float64], *, seed: int = 0) -> Difference:
    """How much higher the second's mean is, from float64 [n] of each, such as overlaps; with a paired bootstrap's interval."""
    n = len(first)
    if n == 0:
        return Difference(first=None, second=None)
    rng = np.random.default_rng(seed)
    less = second - first
    chunk = max(1, _CELLS_AT_ONCE // n)
    parts = [less[rng.integers(0, n, (min(chunk, RESAMPLES - start), n))].mean(axis=1) for start in range(0, RESAMPLES, chunk)]
    low, high = (float(end) for end in np.percentile(np.concatenate(parts), [2.5, 97.5]))
    return Difference(
        first=float(first.mean()),
        second=float(second.mean()),
        difference=float(less.mean()),
        interval=(low, high) if low < high else None,
    )


def mcnemar(only_first: int, only_second: int) -> float:
    """The chance that as many pictures or more fall to one side, if both models were equally good: exact, two-sided."""
    differing = only_first + only_second
    ways = exactly = 1  # that none of them falls to the rarer side; whole numbers, since few have too many digits for a float
    for rarer in range(min(only_first, only_second)):
        exactly = exactly * (differing - rarer) // (rarer + 1)
        ways += exactly
    return min(1.0, ways / (1 << differing) * 2)


def newcombe_paired(both: int, only_first: int, only_second: int, n: int) -> Interval:
    """The 95 % interval of the second share less the first, each of the same `n` pictures; Newcombe's method 10."""
    neither = n - both - only_first - only_second
    hits_second, hits_first = both + only_second, both + only_first
    share_second, share_first = hits_second / n, hits_first / n
    low_second, high_second = wilson(hits_second, n)
    low_first, high_first = wilson(hits_first, n)
    correlation = _correlation(both, only_first, only_second, neither)
    down = (share_second - low_second, high_first - share_first)
    up = (high_second - share_second, share_first - low_first)
    difference = share_second - share_first
    return difference - _length(down, correlation), difference + _length(up, correlation)


def _correlation(both: int, only_first: int, only_second: int, neither: int) -> float:
    """The correlation phi of the two verdicts, with Newcombe's correction for continuity where it is above 0."""
    margins = (both + only_first) * (only_second + neither) * (both + only_second) * (only_first + neither)
    if margins == 0:
        return 0.0
    cross, n = both * neither - only_first * only_second, both + only_first + only_second + neither
    corrected = max(cross - n / 2, 0.0) if cross > 0 else float(cross)
    return corrected / math.sqrt(margins)


def _length(legs: tuple[float, float], correlation: float) -> float:
    one, other = legs
    return math.sqrt(max(0.0, one**2 - 2 * correlation * one * other + other**2))


def _resampled(damaged: NDArray[np.bool_], first: Answers, second: Answers, seed: int) -> dict[str, Difference]:
    """The scores that are no shares of given pictures: precision, F1, AUROC and average precision."""
    names = ("precision", "f1", "auroc", "average_precision")
    if not damaged.any() or damaged.all():
        return {name: Difference(first=None, second=None) for name in names}
    own = [_scores(damaged, one) for one in (first, second)]
    samples = np.concatenate(list(_samples(damaged, (first, second), seed)), axis=1)
    told = {}
    for number, name in enumerate(names):
        values = (own[0][number], own[1][number])
        drawn = samples[number]
        drawn = drawn[~np.isnan(drawn)]
        if None in values or not len(drawn):
            told[name] = Difference(first=values[0], second=values[1])
            continue
        difference = float(values[1] or 0.0) - float(values[0] or 0.0)
        low, high = (float(end) for end in np.percentile(drawn, [2.5, 97.5]))
        interval = (
            (min(low, difference), max(high, difference)) if low < high else None
        )  # drawing cannot tell how much is chance
        told[name] = Difference(first=values[0], second=values[1], difference=difference, interval=interval)
    return told


def _scores(damaged: NDArray[np.bool_], one: Answers) -> tuple[float | None, ...]:
    hits, alarms = int((damaged & one.alarm).sum()), int(one.alarm.sum())
    return (
        hits / alarms if alarms else None,
        2 * hits / (int(damaged.sum()) + alarms),
        auroc(damaged, one.damage),
        average_precision(damaged, one.damage),
    )


def _samples(damaged: NDArray[np.bool_], models: tuple[Answers, Answers], seed: int) -> Iterator[NDArray[np.float64]]:
    """Chunks float64 [4, resamples]: second less first of the four scores, of pictures drawn again within each true kind."""
    rng = np.random.default_rng(seed)
    kinds = [np.flatnonzero(damaged), np.flatnonzero(~damaged)]
    levels = [np.unique(-one.damage, return_inverse=True)[1] for one in models]
    chunk = max(1, _CELLS_AT_ONCE // len(damaged))
    for start in range(0, RESAMPLES, chunk):
        rows = min(chunk, RESAMPLES - start)
        drawn = [kind[rng.integers(0, len(kind), (rows, len(kind)))] for kind in kinds]
        scores = [np.stack(_drawn_scores(drawn, one, level)) for one, level in zip(models, levels, strict=True)]
        yield scores[1] - scores[0]


def _drawn_scores(
    drawn: Sequence[NDArray[np.int64]], one: Answers, level: NDArray[np.int64]
) -> tuple[NDArray[np.float64], ...]:
    """Precision, F1, AUROC and average precision [resamples]; a precision of no alarm is not a number."""
    found, false = (one.alarm[pictures].sum(axis=1) for pictures in drawn)
    with np.errstate(invalid="ignore"):
        precision = found / (found + false)
    counts = [_counted(level[pictures], int(level.max()) + 1) for pictures in drawn]
    auroc, average_precision = ranking_scores(counts[0], counts[1])
    return precision, 2 * found / (drawn[0].shape[1] + found + false), auroc, average_precision


def _counted(levels: NDArray[np.int64], count: int) -> NDArray[np.int64]:
    """int64 [rows, count]: how often each level occurs in a row."""
    rows = len(levels)
    apart = levels + np.arange(rows)[:, None] * count
    return np.bincount(apart.ravel(), minlength=rows * count).reshape(rows, count)
