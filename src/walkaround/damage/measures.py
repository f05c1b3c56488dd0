"""What the pictures that a model looks at are like, counted in fixed classes: by these counts drift is seen.

Training counts its own pictures in the same classes, so that what comes later can be compared with them.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Mapping
from types import MappingProxyType
from typing import Any

PROFILE_VERSION = 1
"""Rises when a measure or a class changes: counts of other versions cannot be compared."""

MEASURES: Mapping[str, tuple[float, ...]] = MappingProxyType(
    {
        "confidence": (0.5, 0.6, 0.7, 0.8, 0.9, 0.95, 0.98, 0.995),
        "damage": (0.02, 0.05, 0.1, 0.25, 0.5, 0.75, 0.9, 0.95, 0.98),
        "pixels": (0.03e6, 0.06e6, 0.12e6, 0.25e6, 0.5e6, 1e6, 2e6, 4e6, 8e6, 16e6),
        "aspect": (0.6, 0.72, 0.85, 0.97, 1.03, 1.2, 1.4, 1.55, 1.7, 1.9),
        "brightness": (0.15, 0.25, 0.32, 0.38, 0.44, 0.5, 0.56, 0.62, 0.7, 0.8),
        "contrast": (0.1, 0.14, 0.18, 0.21, 0.24, 0.27, 0.3, 0.34),
        "sharpness": (0.06, 0.09, 0.12, 0.15, 0.18, 0.22, 0.26, 0.31, 0.38),
        "saturation": (0.06, 0.1, 0.15, 0.2, 0.26, 0.33, 0.42, 0.55),
    }
)
"""Each measure with the edges between its classes; below the first and above the last is a class too.

`confidence` is the probability that the verdict is right, `damage` that there is damage; the others are those of
`walkaround.media.properties.measures_of`.
"""


def class_of(measure: str, value: float) -> int:
    """The class that a value falls into, from 0; an edge belongs to the class above it."""
    return bisect_right(MEASURES[measure], value)


def confidence_of(*, damage: float, anomalous: bool) -> float:
    """The probability that a verdict is right, from the probability of damage."""
    return damage if anomalous else 1.0 - damage


def profile_of(pictures: Iterable[Mapping[str, float]]) -> dict[str, Any]:
    """How many pictures fall into each class of each measure, as plain values; measures that no picture has are left out."""
    counts: dict[str, list[int]] = {}
    for measures in pictures:
        for name, value in measures.items():
            counts.setdefault(name, [0] * (len(MEASURES[name]) + 1))[class_of(name, value)] += 1
    return {"version": PROFILE_VERSION, "counts": dict(sorted(counts.items()))}
