"""Rules about the course of the losses, and whether there is any course.

Source of names and defaults: Amazon SageMaker Debugger, "List of Debugger built-in rules", of each rule the parameter table
(docs.aws.amazon.com/sagemaker/latest/dg/debugger-built-in-rules.html).
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import takewhile

import numpy as np

from walkaround.training.rules.history import History

_CHANCE = 3.0  # standard errors that a loss rises beyond before it is said to rise


def loss_not_decreasing(
    history: History, *, num_steps: int = 10, diff_percent: float = 0.1, increase_threshold_percent: float = 5.0
) -> str | None:
    """LossNotDecreasing: the mean loss over `num_steps` looks is not lower by `diff_percent` than over those before.

    Asked every `num_steps` looks, of means, since the service's two single losses differ by chance. A loss that is level, up to
    a rise of `increase_threshold_percent`, is told only as long as nothing was learnt: while it is not that much below the loss
    of the first looks. A plateau after that is the end of learning, which Overtraining tells; the service would fire here as
    well. A rise has to be beyond chance, three standard errors. Not asked at the end of a schedule, when the learning rate is
    below a tenth of its peak.
    Source: section "LossNotDecreasing".
    """
    losses = history.losses
    if len(losses) < 2 * num_steps or len(losses) % num_steps or history.settling:
        return None
    first, before, now = (
        float(np.mean(part)) for part in (losses[:num_steps], losses[-2 * num_steps : -num_steps], losses[-num_steps:])
    )
    band = increase_threshold_percent / 100
    if now > before + abs(before) * band and now > before + _CHANCE * _error(losses, num_steps):
        return f"the mean loss rose from {before:.4g} to {now:.4g} over the last {num_steps} looks"
    learnt = now < first - abs(first) * band
    if learnt or now < before - abs(before) * diff_percent / 100:
        return None
    return f"the mean loss was {first:.4g} at first, and is {now:.4g} over the last {num_steps} looks"


def overfit(history: History, *, start_step: int = 0, patience: int = 1, ratio_threshold: float = 0.1) -> str | None:
    """Overfit: the validation loss is above the training loss by more than `ratio_threshold` of it, `patience` times.

    Source: section "Overfit".
    """
    pairs = [
        (epoch.losses["loss"], epoch.validation["loss"])
        for epoch in history.epochs
        if epoch.step >= start_step and "loss" in epoch.validation and epoch.losses.get("loss", 0.0) > 0
    ]
    over = list(takewhile(lambda pair: (pair[1] - pair[0]) / pair[0] > ratio_threshold, reversed(pairs)))
    if not over or len(over) < patience:
        return None
    train, validation = over[0]
    return (
        f"the loss is {validation:.4g} on validation pictures and {train:.4g} on training pictures,"
        f" {(validation - train) / train:.0%} more; {ratio_threshold:.0%} would be fine"
    )


def overtraining(
    history: History, *, patience_train: int = 5, patience_validation: int = 10, delta: float = 0.01
) -> str | None:
    """Overtraining: the validation loss has not improved by `delta` for `patience_validation` epochs.

    Without validation pictures it is the training loss, and `patience_train`. Of losses below 1, `delta` is that share of
    them: the service's absolute 0.01 is much for a loss of 0.05.
    Source: section "Overtraining".
    """
    validation = [epoch.validation["loss"] for epoch in history.epochs if "loss" in epoch.validation]
    train = [epoch.losses["loss"] for epoch in history.epochs if "loss" in epoch.losses]
    losses, patience = (validation, patience_validation) if validation else (train, patience_train)
    since = _since_best(losses, delta)
    if since < patience:
        return None
    kind = "validation" if validation else "training"
    return f"the {kind} loss has not improved by {delta:g} for {since} epochs; it was {min(losses):.4g} at best"


def stalled_training(history: History, *, threshold: float = 1800.0) -> str | None:
    """StalledTraining: there was no sign of life for `threshold` seconds. The service calls it StalledTrainingRule.

    Source: section "StalledTrainingRule".
    """
    if history.idle <= threshold:
        return None
    return f"nothing has been heard of the training for {history.idle:.0f} s, longer than {threshold:g} s"


def similar_across_runs(history: History, *, rtol: float = 1e-05, atol: float = 1e-08) -> str | None:
    """SimilarAcrossRuns: the losses are not those of another run that should have gone the same way.

    Which run, `Watch` is told (`--compare`); without one the rule is silent. As the service leaves the comparison open, it is
    `numpy.allclose` as in UnchangedTensor.
    Source: section "SimilarAcrossRuns".
    """
    last = history.last
    if last is None or last.step not in history.other:
        return None
    own, other = last.losses.get("loss", 0.0), history.other[last.step]
    if np.isclose(own, other, rtol=rtol, atol=atol):
        return None
    return f"the loss of this step is {own:.8g}, in the other run it was {other:.8g}"


def _error(losses: Sequence[float], num_steps: int) -> float:
    """Standard error of the difference between the means of the last looks and of those before."""
    parts = np.array(losses[-2 * num_steps :]).reshape(2, num_steps)
    return float(np.sqrt(parts.var(axis=1, ddof=1).sum() / num_steps)) if num_steps > 1 else 0.0


def _since_best(losses: Sequence[float], delta: float) -> int:
    """How many losses came after the last that was a new optimum."""
    best, since = float("inf"), 0
    for loss in losses:
        if loss < best - delta * min(1.0, abs(best)):
            best, since = loss, 0
        else:
            since += 1
    return since
