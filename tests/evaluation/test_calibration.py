from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.special import expit
from sklearn.metrics import log_loss

from walkaround.errors import InputError
from walkaround.evaluation.calibration import Platt, fit_platt, fit_temperature, scaled_softmax


def test_platt_finds_the_slope_and_offset_that_made_the_labels() -> None:
    rng = np.random.default_rng(1)
    logits = rng.normal(0, 3, 20_000)
    fitted = fit_platt(logits, rng.random(20_000) < expit(0.5 * logits - 1))
    assert fitted.slope == pytest.approx(0.5, abs=0.03)
    assert fitted.offset == pytest.approx(-1, abs=0.06)


@settings(max_examples=30, deadline=None)
@given(st.floats(1e-3, 1e3), st.floats(-100, 100))
def test_platt_does_not_depend_on_the_unit_of_the_score(scale: float, shift: float) -> None:
    rng = np.random.default_rng(2)
    damaged = rng.random(200) < 0.5
    logits = rng.normal(np.where(damaged, 1, -1))
    plain, other = fit_platt(logits, damaged), fit_platt(scale * logits + shift, damaged)
    assert other.probabilities(scale * logits + shift) == pytest.approx(plain.probabilities(logits), abs=1e-4)


@pytest.mark.parametrize("n", [1, 10, 100])
def test_a_perfect_ranking_is_not_taken_for_certainty(n: int) -> None:
    damaged = np.repeat([True, False], n)
    probability = fit_platt(np.where(damaged, 5.0, -5.0), damaged).probabilities(np.array([5.0, -5.0]))
    assert probability == pytest.approx([(n + 1) / (n + 2), 1 / (n + 2)], abs=1e-4)


def test_platt_keeps_the_order() -> None:
    logits = np.linspace(-4, 4, 50)
    probability = Platt(slope=0.7, offset=0.2).probabilities(logits)
    assert (np.diff(probability) > 0).all()


def test_equal_scores_give_the_share_of_damage() -> None:
    fitted = fit_platt(np.full(8, 3.0), np.array([True] * 2 + [False] * 6))
    assert fitted.probabilities(np.array([3.0])) == pytest.approx([(2 * 3 / 4 + 6 / 8) / 8], abs=1e-4)


def test_temperature_undoes_boasting_and_lowers_the_loss() -> None:
    rng = np.random.default_rng(3)
    honest = rng.normal(0, 2, (5000, 4))
    cumulative = scaled_softmax(honest, 1.0).cumsum(1)
    class_ids = (rng.random(5000)[:, None] > cumulative).sum(1)
    temperature = fit_temperature(3 * honest, class_ids)
    assert temperature == pytest.approx(3, abs=0.2)
    scaled = scaled_softmax(3 * honest, temperature)
    assert (scaled.argmax(1) == honest.argmax(1)).all()
    assert log_loss(class_ids, scaled) < log_loss(class_ids, scaled_softmax(3 * honest, 1.0))


def test_what_cannot_be_calibrated_is_refused() -> None:
    with pytest.raises(InputError, match="damaged and whole"):
        fit_platt(np.zeros(3), np.ones(3, dtype=np.bool_))
    with pytest.raises(InputError, match="1 logits are not finite"):
        fit_platt(np.array([np.nan, 1.0]), np.array([True, False]))
    with pytest.raises(InputError, match="at least one"):
        fit_temperature(np.zeros((0, 3)), np.zeros(0, dtype=np.int64))
