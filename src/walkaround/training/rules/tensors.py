"""Rules about weights and gradients.

Source of names and defaults: Amazon SageMaker Debugger, "List of Debugger built-in rules", of each rule the parameter table
(docs.aws.amazon.com/sagemaker/latest/dg/debugger-built-in-rules.html).
"""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np

from walkaround.training.monitor import LayerFacts, TensorFacts
from walkaround.training.rules.history import LASTING, History


def vanishing_gradient(history: History, *, threshold: float = 0.0000001) -> str | None:
    """VanishingGradient: the mean absolute gradient of a layer falls below `threshold`.

    Source: section "VanishingGradient".
    """
    layer = _lasting(history, lambda one: one.gradients.magnitude < threshold)
    if layer is None:
        return None
    return f"the mean absolute gradient of {layer.name} is {layer.gradients.magnitude:.2g}, below {threshold:g}"


def exploding_tensor(history: History, *, only_nan: bool = False) -> str | None:
    """ExplodingTensor: a loss, gradient, weight or activation is not finite; with `only_nan`, infinity is let pass in losses.

    Steps that mixed precision threw away are expected to have such gradients.
    Source: section "ExplodingTensor".
    """
    last = history.last
    if last is None or last.skipped:
        return None
    for name, value in last.losses.items():
        if math.isnan(value) or (math.isinf(value) and not only_nan):
            return f"the loss {name!r} is {value}"
    if last.gradient_norm is not None and not math.isfinite(last.gradient_norm):
        return f"the norm of the gradients is {last.gradient_norm}"
    tensors = [(f"the {kind} of {one.name}", facts) for one in last.layers for kind, facts in _both(one)]
    tensors += [(f"the inputs of {one.name}", one.inputs) for one in last.activations]
    broken = [(name, facts.finite) for name, facts in tensors if facts.finite < 1]
    return f"{1 - broken[0][1]:.1%} of {broken[0][0]} are not finite" if broken else None


def weight_update_ratio(
    history: History,
    *,
    large_threshold: float = 10.0,
    small_threshold: float = 0.00000001,
    epsilon: float = 0.000000001,
) -> str | None:
    """WeightUpdateRatio: one step changes a layer by far too much or by nothing, compared with its weights.

    Weights that were all 0 before the step are left out: any change is infinitely large for them.
    Source: section "WeightUpdateRatio".
    """
    if not history.observations:
        return None
    for layer in history.observations[-1].layers:
        if layer.before > 0 and _ratio(layer, epsilon) > large_threshold:
            ratio = _ratio(layer, epsilon)
            return f"a step changed {layer.name} by {ratio:.3g} times its size, more than {large_threshold:g}"
    small = (
        None if history.settling else _lasting(history, lambda one: one.before > 0 and _ratio(one, epsilon) < small_threshold)
    )
    if small is None:
        return None
    return f"a step changes {small.name} by only {_ratio(small, epsilon):.2g} of its size, less than {small_threshold:g}"


def all_zero(history: History, *, threshold: float = 100.0) -> str | None:
    """AllZero: `threshold` per cent of the values of a weight tensor, its gradient or an activation's input are zero.

    Source: section "AllZero".
    """
    for kind in ("weights", "gradients"):
        layer = _lasting(history, _is_zero(kind, threshold))
        if layer is not None:
            return f"{dict(_both(layer))[kind].zeros:.0%} of the {kind} of {layer.name} are exactly 0"
    seen = list(history.observations)[-LASTING:]
    if len(seen) == LASTING:
        silent = [{one.name for one in each.activations if 100 * one.inputs.zeros >= threshold} for each in seen]
        for name in sorted(set.intersection(*silent)):
            return f"{threshold:g}% or more of the inputs of {name} are exactly 0"
    return None


def unchanged_tensor(
    history: History, *, num_steps: int = 3, rtol: float = 1e-05, atol: float = 1e-08, equal_nan: bool = False
) -> str | None:
    """UnchangedTensor: the weights of a layer are the same, as `numpy.allclose` has it, over `num_steps` observations.

    Not asked at the end of a schedule, when the learning rate is below a tenth of its peak.
    Source: section "UnchangedTensor".
    """
    seen = list(history.observations)[-num_steps:]
    if len(seen) < num_steps or history.settling:
        return None
    samples = [{layer.name: layer.weights.sample for layer in one.layers} for one in seen]
    for name, now in samples[-1].items():
        before = [one[name] for one in samples[:-1] if name in one and one[name].shape == now.shape]
        if len(before) == num_steps - 1 and all(
            np.allclose(now, one, rtol=rtol, atol=atol, equal_nan=equal_nan) for one in before
        ):
            return f"the weights of {name} have not changed from step {seen[0].step} to step {seen[-1].step}"
    return None


def tensor_variance(history: History, *, max_threshold: float | None = None, min_threshold: float | None = None) -> str | None:
    """TensorVariance: the variance of a layer's weights is above `max_threshold` or below `min_threshold`.

    The service has no default for either, and so the rule is silent until one is set; its example has 10 and 0.00001.
    Source: section "TensorVariance".
    """
    if not history.observations:
        return None
    for layer in history.observations[-1].layers:
        variance = layer.weights.variance
        if max_threshold is not None and variance > max_threshold:
            return f"the weights of {layer.name} have a variance of {variance:.3g}, above {max_threshold:g}"
        if min_threshold is not None and variance < min_threshold:
            return f"the weights of {layer.name} have a variance of {variance:.3g}, below {min_threshold:g}"
    return None


def _both(layer: LayerFacts) -> tuple[tuple[str, TensorFacts], tuple[str, TensorFacts]]:
    return ("weights", layer.weights), ("gradients", layer.gradients)


def _ratio(layer: LayerFacts, epsilon: float) -> float:
    return layer.change / (layer.before + epsilon)


def _is_zero(kind: str, threshold: float) -> Callable[[LayerFacts], bool]:
    return lambda layer: 100 * dict(_both(layer))[kind].zeros >= threshold


def _lasting(history: History, holds: Callable[[LayerFacts], bool]) -> LayerFacts | None:
    """The first layer of which something held in each of the last observations, as it was in the last."""
    seen = list(history.observations)[-LASTING:]
    if len(seen) < LASTING:
        return None
    names = [{layer.name for layer in one.layers if holds(layer)} for one in seen]
    everywhere = set.intersection(*names)
    return next((layer for layer in seen[-1].layers if layer.name in everywhere), None)
