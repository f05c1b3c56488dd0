from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from scipy.special import expit

from walkaround.errors import InputError
from walkaround.evaluation.thresholds import best_accuracy, for_cost, for_recall


def drawn(n: int, seed: int, apart: float = 2.0) -> tuple[NDArray[np.bool_], NDArray[np.float64]]:
    """Calibrated probabilities: with these two normal logits, the logit is the log odds of damage itself."""
    rng = np.random.default_rng(seed)
    damaged = rng.random(n) < 0.5
    return damaged, expit(rng.normal(np.where(damaged, apart, -apart), np.sqrt(2 * apart)))


def test_a_clear_gap_is_cut_in_its_middle() -> None:
    damaged = np.repeat([False, True], 50)
    probability = expit(np.where(damaged, 4.0, -2.0) + np.linspace(-0.5, 0.5, 100))
    assert best_accuracy(damaged, probability) == pytest.approx(expit(1.0), abs=0.06)


@pytest.mark.parametrize("seed", range(5))
def test_calibrated_probabilities_are_cut_where_theory_says(seed: int) -> None:
    damaged, probability = drawn(3000, seed)
    assert best_accuracy(damaged, probability) == pytest.approx(0.5, abs=0.12)
    assert for_cost(damaged, probability, miss=4, false_alarm=1) == pytest.approx(0.2, abs=0.1)


@pytest.mark.parametrize("seed", range(3))
def test_accuracy_is_near_the_best_there_is(seed: int) -> None:
    damaged, probability = drawn(400, seed)
    best = max(((probability >= t) == damaged).mean() for t in np.unique(probability))
    assert ((probability >= best_accuracy(damaged, probability)) == damaged).mean() >= best - 0.025


def test_no_single_picture_moves_the_threshold() -> None:
    damaged, probability = drawn(300, seed=9)
    for choose in (best_accuracy, lambda d, p: for_recall(d, p, target=0.95)):
        whole_set = choose(damaged, probability)
        moved = [abs(choose(np.delete(damaged, i), np.delete(probability, i)) - whole_set) for i in range(0, 300, 10)]
        assert max(moved) < 0.03


def test_a_dearer_miss_lowers_the_threshold() -> None:
    damaged, probability = drawn(500, seed=3)
    chosen = [for_cost(damaged, probability, miss=miss, false_alarm=1) for miss in (0.2, 1, 5, 25)]
    assert chosen == sorted(chosen, reverse=True)


@settings(max_examples=40, deadline=None)
@given(
    st.lists(st.tuples(st.booleans(), st.floats(0, 1)), min_size=2, max_size=60).filter(
        lambda rows: len({d for d, _ in rows}) == 2
    ),
    st.floats(0.05, 1),
)
def test_the_asked_recall_is_reached_and_thresholds_are_probabilities(rows: list[tuple[bool, float]], target: float) -> None:
    damaged, probability = np.array([d for d, _ in rows]), np.array([p for _, p in rows])
    threshold = for_recall(damaged, probability, target=target)
    assert (probability[damaged] >= threshold).mean() >= target - 1e-9
    assert 0 <= threshold < 1
    assert 0 < best_accuracy(damaged, probability) < 1


@pytest.mark.parametrize("truth", [[True, True], [False, False]])
def test_one_kind_of_picture_cannot_set_a_threshold(truth: list[bool]) -> None:
    with pytest.raises(InputError, match="damaged and whole"):
        best_accuracy(np.array(truth), np.array([0.2, 0.8]))


@pytest.mark.parametrize(("probability", "told"), [([0.1, np.nan], "calibrate"), ([-1.0, 2.0], "calibrate")])
def test_scores_that_are_no_probabilities_are_refused(probability: list[float], told: str) -> None:
    with pytest.raises(InputError, match=told):
        best_accuracy(np.array([True, False]), np.array(probability))


def test_impossible_aims_are_refused() -> None:
    damaged, probability = drawn(20, seed=1)
    with pytest.raises(InputError, match=r"recall of 1\.5"):
        for_recall(damaged, probability, target=1.5)
    with pytest.raises(InputError, match="no costs"):
        for_cost(damaged, probability, miss=0, false_alarm=1)


def test_many_pictures_need_no_more_memory_or_time() -> None:
    damaged, probability = drawn(200_000, seed=2)
    assert best_accuracy(damaged, probability) == pytest.approx(0.5, abs=0.05)
