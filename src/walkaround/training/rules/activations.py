"""Rules about activations and how weights begin.

Source of names and defaults: Amazon SageMaker Debugger, "List of Debugger built-in rules", of each rule the parameter table
(docs.aws.amazon.com/sagemaker/latest/dg/debugger-built-in-rules.html).
"""

from __future__ import annotations

from collections.abc import Collection

import numpy as np
from numpy.typing import NDArray

from walkaround.training.monitor import Activation
from walkaround.training.rules.history import LASTING, History, Observation


def dead_relu(history: History, *, threshold_inactivity: float = 1.0, threshold_layer: float = 50.0) -> str | None:
    """DeadRelu: more than `threshold_layer` per cent of a layer's ReLUs pass less than `threshold_inactivity` per cent.

    In a pretrained layer what was silent before the first step is not counted: it has learnt to see what is in other pictures.
    Source: section "DeadRelu".
    """
    return _inactive(history, {"relu"}, threshold_inactivity, threshold_layer, "ReLUs of {name} are dead")


def saturated_activation(history: History, *, threshold_inactivity: float = 1.0, threshold_layer: float = 50.0) -> str | None:
    """SaturatedActivation: most of a layer's tanh or sigmoid functions get inputs at which they have no gradient.

    The limits of the inputs, -9.4999 to 9.4999 for tanh and -23 to 16.99999 for sigmoid, are in
    `walkaround.training.monitor.LIVE_INPUTS`.
    Source: section "SaturatedActivation".
    """
    kinds: set[Activation] = {"sigmoid", "tanh"}
    return _inactive(history, kinds, threshold_inactivity, threshold_layer, "functions of {name} are saturated")


def poor_weight_initialization(
    history: History,
    *,
    threshold: float = 10.0,
    distribution_range: float = 0.001,
    patience: int = 5,
    steps: int = 10,
) -> str | None:
    """PoorWeightInitialization: the first `steps` observations show weights that began too small, too large or all alike.

    The loss has not improved for `patience` observations, and either the variances of the activations' inputs differ between
    layers by more than `threshold` times, or a layer's gradients lie, from the 5th to the 95th percentile, within
    `distribution_range`. Both alone are common in networks that learn well. Pretrained layers are not asked.
    Source: section "PoorWeightInitialization".
    """
    if history.run.first_step or not patience < history.looks <= steps:
        return None
    if min(history.losses[-patience:]) < min(history.losses[:-patience]):
        return None
    seen = history.observations[-1]
    variances = [one.inputs.variance for one in seen.activations if not history.pretrained(one.name)]
    if len(variances) > 1 and max(variances) > threshold * min(variances):
        times = max(variances) / min(variances) if min(variances) > 0 else float("inf")
        return (
            f"the loss has not fallen in {patience} observations, and the variance of activations differs {times:.3g}"
            f" times between layers, more than {threshold:g}"
        )
    spans = [(one.gradients.high - one.gradients.low, one.name) for one in seen.layers if not history.pretrained(one.name)]
    if spans and min(spans)[0] < distribution_range:
        return (
            f"the loss has not fallen in {patience} observations, and the gradients of {min(spans)[1]} lie within"
            f" {min(spans)[0]:.2g}, closer than {distribution_range:g}"
        )
    return None


def _inactive(
    history: History, kinds: Collection[Activation], threshold_inactivity: float, threshold_layer: float, words: str
) -> str | None:
    seen = list(history.observations)[-LASTING:]
    if len(seen) < LASTING or history.first is None:
        return None
    for name in _activity(seen[-1], kinds):
        each = [_activity(one, kinds).get(name) for one in seen]
        known = [one for one in each if one is not None]
        if len(known) < LASTING or len({one.shape for one in known}) > 1:
            continue
        dead = 100 * np.max(known, axis=0) < threshold_inactivity
        if history.pretrained(name) and not history.run.first_step:  # what an interrupted training killed, it has killed
            from_the_start = _activity(history.first, kinds).get(name)
            dead &= True if from_the_start is None else 100 * from_the_start >= threshold_inactivity
        if 100 * dead.mean() > threshold_layer:
            told = words.format(name=name)
            return f"{dead.mean():.0%} of the {dead.size} {told}: less than {threshold_inactivity:g}% gets through"
    return None


def _activity(seen: Observation, kinds: Collection[Activation]) -> dict[str, NDArray[np.float32]]:
    return {one.name: one.activity for one in seen.activations if one.kind in kinds}
