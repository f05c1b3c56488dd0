"""How sure a score is: 95 % intervals, honest for small sets and for sets without a single error.

Resampling alone is blind to errors that a small set happened not to show: 12 right answers of 12 give [1, 1], and of intervals
for the AUROC of 30 damaged and 30 whole pictures only 87 % hold the truth. So every interval reaches at least as far as one
made from Wilson's or, for AUROC, Newcombe's; simulated, all then hold the truth at least 92 % of the time from 12 pictures on.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from statistics import NormalDist

import numpy as np
from numpy.typing import NDArray

from walkaround.evaluation.ranking import auroc, average_precision, ranking_scores

Interval = tuple[float, float]
"""Lower and upper end of a 95 % interval, both within 0 to 1."""

RESAMPLES = 2000
_NORMAL = NormalDist()
_Z = _NORMAL.inv_cdf(0.975)
_CELLS_AT_ONCE = 1 << 20  # keeps the working memory of a bootstrap near 50 MB, whatever the number of pictures


def wilson(successes: float, trials: float) -> Interval:
    """The interval of a proportion; `trials` is above 0.

    Source: Wilson (1927), Probable inference, the law of succession, and statistical inference, JASA 22, 209-212.
    """
    share, z2 = successes / trials, _Z**2
    centre = (share + z2 / (2 * trials)) / (1 + z2 / trials)
    half = _Z / (1 + z2 / trials) * float(np.sqrt(share * (1 - share) / trials + z2 / (4 * trials**2)))
    return (0.0 if successes == 0 else centre - half, 1.0 if successes == trials else centre + half)


def over_pictures(value: float, samples: NDArray[np.float64], *, pictures: int) -> Interval:
    """The interval of a score that is counted over whole pictures, such as intersection over union or average precision.

    Percentiles of resamples are too narrow for small sets, as a normal distribution is in Student's place; the percentiles that
    are taken lie as much further out. Source: Hesterberg (2015), What teachers should know about the bootstrap, section 5.3.
    And the interval reaches as far as if every picture were either right or wrong: none differ more than that.

    Args:
        value: the score, 0 to 1.
        samples: float64 [resamples], the same of pictures drawn again; NaN where it could not be told.
        pictures: how many had a say in it, at least one.
    """
    from scipy.special import stdtrit  # here, because a server rarely needs it

    ends = wilson(value * pictures, pictures)
    known = samples[~np.isnan(samples)]
    if pictures < 2 or not len(known):
        return ends
    tail = _NORMAL.cdf(math.sqrt(pictures / (pictures - 1)) * float(stdtrit(pictures - 1, 0.025)))
    low, high = np.quantile(known, [tail, 1 - tail])
    return _wider((float(low), float(high)), ends)


def f1_interval(confusion: NDArray[np.int64], *, seed: int) -> Interval:
    """The interval of F1 of the second class of a 2x2 confusion matrix (rows truth, columns predicted)."""
    (_, false_alarms), (misses, hits) = confusion.tolist()
    return _wider(
        _percentiles(f1_per_class(_resampled_confusions(confusion, seed))[:, 1]), _wilson_f1(hits, false_alarms + misses)
    )


def macro_f1_interval(confusion: NDArray[np.int64], *, seed: int) -> Interval:
    """The interval of the mean F1 over every class that was shown or named, from a square confusion matrix.

    The score-test part adds up the classes' Wilson intervals by MOVER: Zou and Donner (2008), Construction of confidence limits
    about effect measures, Statistics in Medicine 27, 1693-1702.
    """
    used = (confusion.sum(0) + confusion.sum(1)) > 0
    confusion = confusion[np.ix_(used, used)]
    hits = np.diag(confusion)
    errors = confusion.sum(0) + confusion.sum(1) - 2 * hits
    f1 = f1_per_class(confusion)
    limits = np.array([_wilson_f1(hit, error) for hit, error in zip(hits.tolist(), errors.tolist(), strict=True)])
    reach = np.sqrt(np.square(limits - f1[:, None]).sum(0)) / len(f1)
    macro = float(f1.mean())
    by_score_test = (max(0.0, macro - float(reach[0])), min(1.0, macro + float(reach[1])))
    return _wider(_percentiles(f1_per_class(_resampled_confusions(confusion, seed)).mean(1)), by_score_test)


@dataclass(frozen=True, kw_only=True)
class RankingIntervals:
    """Intervals of the scores that come from the probabilities rather than from the verdicts."""

    auroc: Interval
    average_precision: Interval
    brier: Interval


def ranking_intervals(damaged: NDArray[np.bool_], probability: NDArray[np.float64], *, seed: int) -> RankingIntervals:
    """Intervals from 2,000 resamples, stratified by the truth; both kinds of picture must occur.

    Average precision also gets the interval of a proportion of the damaged pictures: Boyd, Eng and Page (2013), Area under the
    precision-recall curve: point estimates and confidence intervals, ECML PKDD; here in Wilson's form.

    Args:
        damaged: bool [n], the truth.
        probability: float64 [n], probability of damage.
        seed: of the resampling.
    """
    samples = np.concatenate(list(_resampled_rankings(damaged, probability, seed)), axis=1)
    positives, negatives = int(damaged.sum()), int((~damaged).sum())
    of_auroc, of_precision, of_brier = (_percentiles(row) for row in samples)
    hits = average_precision(damaged, probability) * positives
    return RankingIntervals(
        auroc=_wider(of_auroc, newcombe(auroc(damaged, probability), positives, negatives)),
        average_precision=_wider(of_precision, wilson(hits, positives)),
        brier=of_brier,
    )


def newcombe(auroc: float, positives: int, negatives: int) -> Interval:
    """The score interval of an AUROC, which stays open where the ranking has no error.

    Source: Newcombe (2006), Confidence intervals for an effect size measure based on the Mann-Whitney statistic, part 2,
    method 5, Statistics in Medicine 25, 559-573. Solved on a grid of 1/10,000.
    """
    theta = np.linspace(0.0, 1.0, 10_001)
    spread = 1 + ((positives + negatives) / 2 - 1) * ((1 - theta) / (2 - theta) + theta / (1 + theta))
    variance = theta * (1 - theta) * spread / (positives * negatives)
    within = theta[np.square(auroc - theta) <= _Z**2 * variance]
    return (min(auroc, float(within[0])), max(auroc, float(within[-1]))) if len(within) else (auroc, auroc)


def _resampled_confusions(confusion: NDArray[np.int64], seed: int) -> NDArray[np.int64]:
    """int64 [resamples, classes, classes]: drawing pictures again within each true class is drawing each row's cells again."""
    rng = np.random.default_rng(seed)
    rows = [rng.multinomial(row.sum(), row / max(1, row.sum()), size=RESAMPLES) for row in confusion]
    return np.stack(rows, axis=1)


def f1_per_class(confusions: NDArray[np.int64]) -> NDArray[np.float64]:
    """F1 of each class [..., classes]; a class that a resample neither shows nor names counts as 0."""
    hits = np.diagonal(confusions, axis1=-2, axis2=-1)
    involved = confusions.sum(-1) + confusions.sum(-2)
    return np.asarray(2 * hits / np.maximum(involved, 1), dtype=np.float64)


def _wilson_f1(hits: int, errors: int) -> Interval:
    """F1 = 2J / (1 + J) grows with J = hits / (hits + errors), a proportion: its Wilson limits carry over."""
    low, high = wilson(hits, hits + errors) if hits + errors else (0.0, 1.0)
    return 2 * low / (1 + low), 2 * high / (1 + high)


def _resampled_rankings(
    damaged: NDArray[np.bool_], probability: NDArray[np.float64], seed: int
) -> Iterator[NDArray[np.float64]]:
    """Chunks float64 [3, resamples of the chunk]: AUROC, average precision and Brier score of each resample.

    Every resample is a count of damaged and of whole pictures at each distinct probability, highest first, so one cumulative
    sum gives all its confusion matrices at once.
    """
    rng = np.random.default_rng(seed)
    levels, level_of = np.unique(-probability, return_inverse=True)
    levels = -levels
    chunk = max(1, _CELLS_AT_ONCE // len(probability))
    for start in range(0, RESAMPLES, chunk):
        rows = min(chunk, RESAMPLES - start)
        hits, alarms = (_drawn(level_of[kind], rows, len(levels), rng) for kind in (damaged, ~damaged))
        yield np.stack([*ranking_scores(hits, alarms), (hits @ (1 - levels) ** 2 + alarms @ levels**2) / len(probability)])


def _drawn(levels: NDArray[np.int64], rows: int, count: int, rng: np.random.Generator) -> NDArray[np.int64]:
    """int64 [rows, count]: how often each of `count` levels is drawn when as many as there are, are drawn with replacement."""
    drawn = levels[rng.integers(0, len(levels), (rows, len(levels)))] + np.arange(rows)[:, None] * count
    return np.bincount(drawn.ravel(), minlength=rows * count).reshape(rows, count)


def _percentiles(samples: NDArray[np.float64]) -> Interval:
    low, high = np.percentile(samples, [2.5, 97.5])
    return float(low), float(high)


def _wider(one: Interval, other: Interval) -> Interval:
    return min(one[0], other[0]), max(one[1], other[1])
