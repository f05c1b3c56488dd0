"""The table of rules, and what a user may change in it."""

from __future__ import annotations

import pytest

from walkaround.errors import InputError
from walkaround.training.monitor import RunFacts
from walkaround.training.rules.history import History
from walkaround.training.rules.table import RULES, choose_rules

SERVICE = {
    "VanishingGradient": {"threshold": 1e-7},
    "ExplodingTensor": {"only_nan": False},
    "WeightUpdateRatio": {"large_threshold": 10.0, "small_threshold": 1e-8, "epsilon": 1e-9},
    "AllZero": {"threshold": 100.0},
    "UnchangedTensor": {"num_steps": 3, "rtol": 1e-5, "atol": 1e-8, "equal_nan": False},
    "TensorVariance": {"max_threshold": None, "min_threshold": None},
    "DeadRelu": {"threshold_inactivity": 1.0, "threshold_layer": 50.0},
    "SaturatedActivation": {"threshold_inactivity": 1.0, "threshold_layer": 50.0},
    "PoorWeightInitialization": {"threshold": 10.0, "distribution_range": 0.001, "patience": 5, "steps": 10},
    "LossNotDecreasing": {"num_steps": 10, "diff_percent": 0.1, "increase_threshold_percent": 5.0},
    "Overfit": {"start_step": 0, "patience": 1, "ratio_threshold": 0.1},
    "Overtraining": {"patience_train": 5, "patience_validation": 10, "delta": 0.01},
    "StalledTraining": {"threshold": 1800.0},
    "ClassImbalance": {"threshold_imbalance": 10.0, "threshold_misprediction": 0.7, "samples": 500},
    "Confusion": {"min_diag": 0.9, "max_off_diag": 0.1},
    "CheckInputImages": {"threshold_mean": 0.2, "threshold_samples": 500},
    "CPUBottleneck": {"threshold": 50.0, "gpu_threshold": 10.0, "cpu_threshold": 90.0, "patience": 1000},
    "StepOutlier": {"stddev": 3.0, "n_outliers": 10},
    "GPUMemoryIncrease": {"increase": 5.0, "patience": 1000, "window": 10},
    "LowGPUUtilization": {"threshold_p95": 70.0, "threshold_p5": 10.0, "patience": 1000, "window": 500},
    "MaxInitializationTime": {"threshold": 20.0},
}
"""As SageMaker Debugger documents them."""


@pytest.mark.parametrize("name", SERVICE)
def test_thresholds_are_the_services(name: str) -> None:
    [rule] = [rule for rule in RULES if rule.name == name]
    assert rule.parameters == SERVICE[name]


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.name)
def test_before_anything_happened_every_rule_is_silent(rule: object) -> None:
    [one] = [known for known in RULES if known is rule]
    assert one.check(History(run=RunFacts(name="boxes"))) is None


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.name)
def test_a_rule_is_documented_where_it_stands(rule: object) -> None:
    [one] = [known for known in RULES if known is rule]
    assert (one.check.__doc__ or "").startswith(f"{one.name}: ")
    assert one.advice.endswith(".")


def test_a_rule_is_switched_off_and_a_threshold_set() -> None:
    chosen = {
        rule.name: rule for rule in choose_rules(["Overfit=off", "Overtraining.delta=0.5", "Overtraining.patience_train=7"])
    }
    assert "Overfit" not in chosen
    assert chosen["Overtraining"].parameters == {"patience_train": 7, "patience_validation": 10, "delta": 0.5}


@pytest.mark.parametrize(
    ("setting", "message"),
    [
        ("Overfitt=off", "no rule 'Overfitt'.*VanishingGradient"),
        ("Overfit.limit=3", "no threshold 'limit'.*ratio_threshold"),
        ("Overfit.patience=long", "no number"),
        ("Overfit=maybe", "no threshold ''"),
    ],
)
def test_what_cannot_be_set_is_told(setting: str, message: str) -> None:
    with pytest.raises(InputError, match=message):
        choose_rules([setting])
