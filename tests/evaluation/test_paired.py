"""Two models on the same pictures: published intervals, exact tests, and coverage by simulation."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import binomtest

from walkaround.errors import InputError
from walkaround.evaluation.paired import Answers, compare, mcnemar, mean_difference, newcombe_paired, share_difference


def answers(damage: list[float], threshold: float = 0.5) -> Answers:
    values = np.array(damage)
    alarm = values >= threshold
    return Answers(alarm=alarm, damage=values, named=["anomaly" if one else "normal" for one in alarm])


@pytest.mark.parametrize(
    ("cells", "interval"),  # Newcombe (1998), table II, method 10: of the first less the second
    [((36, 12, 2, 0), (0.0569, 0.3404)), ((1, 97, 1, 1), (0.8737, 0.9850))],
)
def test_intervals_are_the_published_ones(cells: tuple[int, int, int, int], interval: tuple[float, float]) -> None:
    both, first, second, neither = cells
    low, high = newcombe_paired(both, first, second, both + first + second + neither)
    assert (-high, -low) == pytest.approx(interval, abs=2e-3)


@pytest.mark.parametrize(("first", "second"), [(0, 0), (1, 0), (3, 9), (40, 22)])
def test_mcnemar_is_the_exact_binomial_test(first: int, second: int) -> None:
    wanted = binomtest(first, first + second, 0.5).pvalue if first + second else 1.0
    assert mcnemar(first, second) == pytest.approx(wanted)


def test_only_differing_pictures_tell() -> None:
    truth = ["anomaly"] * 4 + ["normal"] * 4
    damaged = np.array([True] * 4 + [False] * 4)
    first = answers([0.9, 0.9, 0.2, 0.1, 0.1, 0.6, 0.2, 0.3])
    second = answers([0.9, 0.8, 0.7, 0.1, 0.1, 0.2, 0.2, 0.6])
    found = compare(truth, damaged, first, second, classes=[])
    assert (found.both_right, found.only_first, found.only_second, found.both_wrong) == (4, 1, 2, 1)
    assert (found.scores["recall"].first, found.scores["recall"].second) == (0.5, 0.75)
    assert found.scores["recall"].difference == 0.25
    assert found.scores["precision"].first == pytest.approx(2 / 3)
    low, high = found.scores["auroc"].interval or (1, 0)
    assert low <= (found.scores["auroc"].difference or 0) <= high


def test_a_model_does_not_differ_from_itself() -> None:
    rng = np.random.default_rng(1)
    damaged = rng.random(60) < 0.5
    same = answers(list(rng.random(60)))
    found = compare(["x" if one else "y" for one in damaged], damaged, same, same, classes=["x"])
    assert {value.difference for value in (*found.scores.values(), *found.per_class.values())} == {0.0}
    assert found.scores["damage_accuracy"].p_value == 1.0
    low, high = found.scores["damage_accuracy"].interval or (1, 0)
    assert low < 0 < high
    assert found.scores["auroc"].interval is None


def test_without_whole_pictures_only_what_is_defined_is_told() -> None:
    found = compare(["x"] * 3, np.array([True] * 3), answers([0.9, 0.1, 0.9]), answers([0.9, 0.9, 0.9]), classes=[])
    assert found.scores["specificity"].first is None
    assert found.scores["auroc"].difference is None
    assert found.scores["recall"].difference == pytest.approx(1 / 3)


def test_no_picture_in_common_is_an_error() -> None:
    with pytest.raises(InputError, match="no labelled test picture in common"):
        compare([], np.array([], dtype=np.bool_), answers([]), answers([]), classes=[])


def test_intervals_hold_the_true_difference() -> None:
    rng = np.random.default_rng(7)
    held = {"share": 0, "mean": 0}
    rounds = 300
    for _ in range(rounds):
        hard = rng.random(60)  # what is hard for one is hard for the other
        first, second = hard + rng.normal(0, 0.2, 60) < 0.7, hard + rng.normal(0, 0.2, 60) < 0.8
        low, high = share_difference(first, second).interval or (1, 0)
        held["share"] += low <= 0.0892 <= high  # by 10^7 pictures
        overlaps = np.clip(hard + 0.05 + rng.normal(0, 0.1, 60), 0, 1)
        low, high = mean_difference(hard, overlaps, seed=3).interval or (1, 0)
        held["mean"] += low <= 0.0458 <= high
    assert min(held.values()) >= 0.9 * rounds
