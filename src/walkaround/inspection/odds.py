"""Log-odds: what several frames say of one damage is added up in them, as evidence is."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

CERTAIN = 1e-6
"""Probabilities are kept so far from 0 and 1, where log-odds have no end."""


def log_odds(probability: ArrayLike) -> NDArray[np.float64]:
    """The natural logarithm of p / (1 - p), of the shape of what is given."""
    inside = np.clip(np.asarray(probability, dtype=np.float64), CERTAIN, 1 - CERTAIN)
    return np.asarray(np.log(inside) - np.log1p(-inside))


def probability_of(odds: float) -> float:
    """The probability that has these log-odds."""
    return float(1 / (1 + np.exp(-odds)))
