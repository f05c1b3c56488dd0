"""Scores into probabilities that can be believed: Platt scaling for a verdict, temperature scaling for several classes."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize, minimize_scalar
from scipy.special import expit, log_softmax, softmax

from walkaround.errors import InputError

_TEMPERATURES = (0.02, 50.0)


@dataclass(frozen=True, kw_only=True)
class Platt:
    """Probability of damage = sigmoid(slope * logit + offset)."""

    slope: float
    offset: float

    def probabilities(self, logits: NDArray[np.float64]) -> NDArray[np.float64]:
        """Calibrated probabilities of damage, of the shape of `logits`."""
        return np.asarray(expit(self.slope * logits + self.offset), dtype=np.float64)


def fit_platt(logits: NDArray[np.float64], damaged: NDArray[np.bool_]) -> Platt:
    """Fit slope and offset by maximum likelihood on out-of-fold logits.

    The targets are not 0 and 1 but a little inside, so that a set without errors gives no boundless slope.
    Source: Platt (1999), Probabilistic outputs for support vector machines, section 2.2; the loss is convex, see Lin, Lin and
    Weng (2007), A note on Platt's probabilistic outputs.

    Args:
        logits: float [n], any score that rises with damage.
        damaged: bool [n], the truth; both kinds must occur.

    Raises:
        InputError: when only one kind of picture is there, or a logit is not finite.
    """
    if damaged.all() or not damaged.any():
        raise InputError(
            f"Calibration needs damaged and whole pictures; of {len(damaged)} pictures {int(damaged.sum())} are damaged."
        )
    _check_finite(logits)
    positives, negatives = int(damaged.sum()), int((~damaged).sum())
    target = np.where(damaged, (positives + 1) / (positives + 2), 1 / (negatives + 2))
    centre, scale = float(logits.mean()), float(logits.std()) or 1.0
    inputs = np.stack([(logits - centre) / scale, np.ones(len(logits))], axis=1)  # standardised, so that any unit converges

    def loss(weights: NDArray[np.float64]) -> tuple[float, NDArray[np.float64]]:
        z = inputs @ weights
        value = (np.logaddexp(0, z) - target * z).mean()
        return float(value), inputs.T @ (expit(z) - target) / len(z)

    slope, offset = minimize(loss, np.zeros(2), jac=True, method="BFGS", options={"gtol": 1e-9}).x
    return Platt(slope=float(slope / scale), offset=float(offset - slope * centre / scale))


def fit_temperature(logits: NDArray[np.float64], class_ids: NDArray[np.int64]) -> float:
    """The temperature, 0.02 to 50, that makes softmax(logits / temperature) most likely.

    It changes no label, only how sure the model says it is.
    Source: Guo, Pleiss, Sun and Weinberger (2017), On calibration of modern neural networks, ICML.

    Args:
        logits: float [n, classes], out of fold.
        class_ids: int [n], the true class of each row.

    Raises:
        InputError: when there is no picture, or a logit is not finite.
    """
    if not len(logits):
        raise InputError("Calibration needs at least one labelled picture; there is none.")
    _check_finite(logits)

    def loss(log_temperature: float) -> float:
        likelihood = log_softmax(logits / np.exp(log_temperature), axis=1)
        return -float(likelihood[np.arange(len(class_ids)), class_ids].mean())

    low, high = np.log(_TEMPERATURES)
    return float(np.exp(minimize_scalar(loss, bounds=(low, high), method="bounded", options={"xatol": 1e-6}).x))


def scaled_softmax(logits: NDArray[np.float64], temperature: float) -> NDArray[np.float64]:
    """Probabilities [n, classes] of logits [n, classes] at a temperature."""
    return np.asarray(softmax(logits / temperature, axis=1), dtype=np.float64)


def _check_finite(logits: NDArray[np.float64]) -> None:
    if not np.isfinite(logits).all():
        raise InputError(f"{int((~np.isfinite(logits)).sum())} logits are not finite numbers; train the model again.")
