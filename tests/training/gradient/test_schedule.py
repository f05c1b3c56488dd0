from __future__ import annotations

from dataclasses import replace

import pytest
from torch import nn

from walkaround.training.gradient.box_recipes import RECIPES
from walkaround.training.gradient.masks import MaskRecipe
from walkaround.training.gradient.schedule import Schedule, make_optimiser


@pytest.mark.parametrize("steps", [4, 40, 4000])
def test_the_rate_rises_to_its_height_and_falls_to_its_end_in_runs_of_any_length(steps: int) -> None:
    schedule = Schedule(epochs=1, rate=0.1, last=0.01, warm_up=0.1, fewest_warm_up=5)
    rates = [schedule.rate_at((step + 1) / steps, step=step, steps=steps) for step in range(steps)]
    top = rates.index(max(rates))
    assert rates[: top + 1] == sorted(rates[: top + 1])
    assert rates[top:] == sorted(rates[top:], reverse=True)
    assert max(rates) > 0.08
    assert rates[-1] == pytest.approx(0.001)
    assert top <= max(1, steps * 0.2)


def test_a_run_that_time_cuts_short_ends_at_the_lowest_rate_as_well() -> None:
    schedule = Schedule(epochs=1, rate=0.1, last=0.01)
    rates = [schedule.rate_at((step + 1) / 50, step=step, steps=100_000) for step in range(50)]
    assert rates[-1] == pytest.approx(0.001)
    assert max(rates) > 0.09


SCHEDULES = {
    **{name: recipe.schedule(240) for name, recipe in RECIPES.items() if not recipe.sgd},
    "lite0, few pictures": RECIPES["lite0"].schedule(10),
    "lite0, a short run": replace(RECIPES["lite0"], steps=200).schedule(240),
    "masks": MaskRecipe().schedule(400),
}


@pytest.mark.parametrize("name", SCHEDULES)
def test_the_shipped_network_does_not_travel_further_in_a_long_run(name: str) -> None:
    """Over a sum of rates of 0.04 and more most of the ReLUs of its last stages die."""
    schedule = SCHEDULES[name]
    steps = schedule.epochs * (10 if "few" in name else 50 if name == "masks" else 240)
    rates = [
        schedule.slower["backbone."] * schedule.rate_at((step + 1) / steps, step=step, steps=steps) for step in range(steps)
    ]
    assert max(rates) <= 1e-4
    assert (0.009 if "short" in name else 0.015) < sum(rates) <= 0.0205


def network() -> nn.Module:
    return nn.ModuleDict({"backbone": nn.Linear(2, 2), "head": nn.Linear(2, 2)})


def test_biases_do_not_decay_and_a_backbone_can_be_slower() -> None:
    optimiser = make_optimiser(network(), Schedule(epochs=1, weight_decay=0.1, slower={"backbone.": 0.2}))
    groups = {(group["factor"], group["weight_decay"]): len(group["params"]) for group in optimiser.param_groups}
    assert groups == {(0.2, 0.1): 1, (0.2, 0.0): 1, (1.0, 0.1): 1, (1.0, 0.0): 1}


@pytest.mark.parametrize("kind", ["adamw", "sgd"])
def test_a_factor_of_nought_freezes(kind: str) -> None:
    both = network()
    optimiser = make_optimiser(both, Schedule(epochs=1, optimiser="sgd" if kind == "sgd" else "adamw", slower={"backbone.": 0}))
    assert [name for name, one in both.named_parameters() if one.requires_grad] == ["head.weight", "head.bias"]
    assert sum(len(group["params"]) for group in optimiser.param_groups) == 2
