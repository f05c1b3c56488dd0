from __future__ import annotations

from time import process_time

import numpy as np
import pytest
from scipy.special import ndtr
from scipy.stats import binomtest
from sklearn.metrics import average_precision_score, roc_auc_score

from walkaround.evaluation.intervals import f1_interval, macro_f1_interval, newcombe, ranking_intervals, wilson


@pytest.mark.parametrize(("successes", "trials"), [(0, 1), (1, 1), (0, 30), (7, 30), (30, 30), (950, 1000)])
def test_wilson_is_that_of_scipy(successes: int, trials: int) -> None:
    expected = binomtest(successes, trials).proportion_ci(method="wilson")
    assert wilson(successes, trials) == pytest.approx((expected.low, expected.high), abs=1e-9)


@pytest.mark.parametrize("share", [0.5, 0.9, 0.97])
def test_wilson_holds_the_true_share_about_95_times_of_100(share: float) -> None:
    n = 40
    drawn = np.random.default_rng(3).binomial(n, share, size=2000)
    held = np.mean([low <= share <= high for low, high in (wilson(int(hits), n) for hits in drawn)])
    assert 0.92 <= held <= 0.985


def test_ranking_and_f1_intervals_hold_the_truth_in_small_sets() -> None:
    rng, apart, positives, negatives, runs = np.random.default_rng(4), 2.5, 25, 20, 80
    damaged = np.repeat([True, False], [positives, negatives])
    recall, specificity = ndtr(apart / 2), ndtr(apart / 2)
    true_f1 = 2 * positives * recall / (positives + positives * recall + negatives * (1 - specificity))
    held = {"auroc": 0, "f1": 0}
    for run in range(runs):
        probability = ndtr(rng.normal(np.where(damaged, apart / 2, -apart / 2)))
        low, high = ranking_intervals(damaged, probability, seed=run).auroc
        held["auroc"] += bool(low <= ndtr(apart / np.sqrt(2)) <= high)
        alarm = probability >= 0.5
        hits, false = int((damaged & alarm).sum()), int((~damaged & alarm).sum())
        low, high = f1_interval(np.array([[negatives - false, false], [positives - hits, hits]]), seed=run)
        held["f1"] += bool(low <= true_f1 <= high)
    assert all(count / runs >= 0.92 for count in held.values()), held


def test_a_set_without_errors_does_not_claim_certainty() -> None:
    damaged = np.repeat([True, False], 6)
    intervals = ranking_intervals(damaged, np.where(damaged, 0.9, 0.1), seed=0)
    for low, high in (
        intervals.auroc,
        intervals.average_precision,
        f1_interval(np.array([[6, 0], [0, 6]]), seed=0),
        macro_f1_interval(np.diag([4, 4, 4]), seed=0),
    ):
        assert 0.4 < low < 0.9
        assert high == pytest.approx(1.0)


def test_intervals_narrow_with_more_pictures_and_hold_the_score() -> None:
    rng, widths = np.random.default_rng(5), []
    for n in (40, 400, 4000):
        damaged = rng.random(n) < 0.4
        probability = ndtr(rng.normal(np.where(damaged, 1, -1)))
        found = ranking_intervals(damaged, probability, seed=1)
        assert found.auroc[0] < roc_auc_score(damaged, probability) < found.auroc[1]
        assert found.average_precision[0] < average_precision_score(damaged, probability) < found.average_precision[1]
        widths.append(found.auroc[1] - found.auroc[0])
    assert widths == sorted(widths, reverse=True)


def test_newcombe_matches_hand_solved_ends_and_is_symmetric() -> None:
    low, high = newcombe(0.5, 10, 10)
    assert low + high == pytest.approx(1.0, abs=2e-4)
    theta, spread = low, 1 + 9 * ((1 - low) / (2 - low) + low / (1 + low))
    assert (0.5 - theta) / np.sqrt(theta * (1 - theta) * spread / 100) == pytest.approx(1.96, abs=0.01)


def test_macro_interval_ignores_classes_that_never_occur() -> None:
    with_gap = np.array([[8, 0, 2], [0, 0, 0], [1, 0, 9]])
    assert macro_f1_interval(with_gap, seed=2) == macro_f1_interval(with_gap[np.ix_([0, 2], [0, 2])], seed=2)


def test_the_seed_decides_and_1839_pictures_take_under_3_seconds() -> None:
    rng = np.random.default_rng(6)
    damaged, probability = rng.random(1839) < 0.5, rng.random(1839)
    started = process_time()
    first = ranking_intervals(damaged, probability, seed=7)
    assert process_time() - started < 3
    assert first == ranking_intervals(damaged, probability, seed=7)
    assert first != ranking_intervals(damaged, probability, seed=8)
