"""What rules look at, and rules on facts that no small training makes at will."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from walkaround.training.monitor import ActivationFacts, RunFacts, StepFacts, TensorFacts
from walkaround.training.rules.activations import dead_relu
from walkaround.training.rules.history import History
from walkaround.training.rules.losses import loss_not_decreasing
from walkaround.training.rules.profiler import step_outlier
from walkaround.training.rules.tensors import all_zero, exploding_tensor

STEP = StepFacts(step=1, epoch=1, losses={"loss": 1.0}, rates={"all": 0.1}, waiting=0.0, computing=0.1, pictures=4)
NOTHING = TensorFacts(
    mean=0.0, variance=1.0, magnitude=1.0, norm=1.0, zeros=0.0, finite=1.0, low=-1.0, high=1.0, sample=np.zeros(0, np.float32)
)


def history_of(losses: list[float], *, rates: list[float] | None = None) -> History:
    """A look after every step."""
    history = History(run=RunFacts(name="boxes", peak_rate=0.1))
    for number, loss in enumerate(losses):
        rate = 0.1 if rates is None else rates[number]
        history.take_step(replace(STEP, step=number + 1, losses={"loss": loss}, rates={"all": rate}))
        history.observe()
    return history


def test_means_are_over_pictures_and_labels_are_added() -> None:
    history = History(run=RunFacts(name="boxes"))
    history.take_step(replace(STEP, inputs=(0.0,), pictures=3, labels=(1, 2)))
    history.take_step(replace(STEP, inputs=(0.4,), pictures=1, labels=(3, 0)))
    assert history.inputs == pytest.approx((0.1,))
    assert (history.pictures, history.labels) == (4, (4, 2))


@pytest.mark.parametrize(("slow", "fires"), [(0, False), (8, False), (14, True)])
def test_steady_steps_are_no_outliers(slow: int, fires: bool) -> None:
    history = History(run=RunFacts(name="boxes"))
    history.computing.extend(np.random.default_rng(0).normal(0.1, 0.005, size=900))
    history.computing.extend([1.0] * slow)
    history.waiting.extend([0.0] * (900 + slow))
    assert (step_outlier(history) is not None) is fires


@pytest.mark.parametrize(
    ("losses", "fires"),
    [
        ([1.0] * 20, True),
        ([1.0] * 10 + [0.5] * 10, False),
        ([1.0] * 10 + [0.5] * 20, False),  # a plateau after learning is for Overtraining
        ([1.0] * 10 + [0.5] * 10 + [0.7] * 10, True),
        ([1.0] * 10 + [1.04] * 10, True),
        ([1.0] * 19, False),
    ],
    ids=["level", "falling", "plateau", "rising", "level and rising a little", "too early"],
)
def test_a_loss_that_does_not_fall(losses: list[float], fires: bool) -> None:
    assert (loss_not_decreasing(history_of(losses)) is not None) is fires


def test_at_the_end_of_a_schedule_the_loss_need_not_fall() -> None:
    rates = list(np.linspace(0.1, 0.005, 20))
    assert loss_not_decreasing(history_of([1.0] * 20, rates=rates)) is None


def test_a_rate_that_still_rises_is_not_the_end_of_a_schedule() -> None:
    history = history_of([1.0] * 6, rates=[0.001 * number for number in range(1, 7)])
    assert not history.settling


def test_a_step_that_mixed_precision_threw_away_may_explode() -> None:
    history = History(run=RunFacts(name="boxes"))
    history.take_step(replace(STEP, gradient_norm=float("inf"), skipped=True))
    assert exploding_tensor(history) is None
    history.take_step(replace(STEP, gradient_norm=float("inf")))
    assert "norm of the gradients is inf" in str(exploding_tensor(history))


def looked(history: History, *, activity: float, zeros: float) -> None:
    """Look at one layer of ReLUs, all of which pass a share of their inputs, a share of which is exactly 0."""
    number = (history.last.step if history.last is not None else history.run.first_step) + 1
    inputs = replace(NOTHING, zeros=zeros)
    relus = ActivationFacts(name="backbone.relu", kind="relu", activity=np.full(8, activity, np.float32), inputs=inputs)
    history.take_step(replace(STEP, step=number, activations=(relus,)))
    history.observe()


@pytest.mark.parametrize(("first_step", "fires"), [(0, False), (400, True)])
def test_what_a_pretrained_layer_does_not_use_is_not_dead_unless_training_killed_it(first_step: int, fires: bool) -> None:
    """A training that goes on after an interruption cannot tell the two apart, and says so."""
    history = History(run=RunFacts(name="boxes", pretrained=("backbone.",), first_step=first_step))
    for _ in range(3):
        looked(history, activity=0.0, zeros=0.0)
    assert (dead_relu(history) is not None) is fires


@pytest.mark.parametrize(("zeros", "fires"), [(1.0, True), (0.99, False)])
def test_inputs_of_an_activation_that_are_all_zero(zeros: float, fires: bool) -> None:
    history = History(run=RunFacts(name="boxes"))
    for _ in range(3):
        looked(history, activity=1.0, zeros=zeros)
    assert (all_zero(history) is not None) is fires
