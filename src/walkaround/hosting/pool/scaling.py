"""How many inference units a load needs: numbers in, a number out."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

UP_SECONDS = 3
"""A load must last this long before a unit is added: one starts in seconds and costs memory."""
DOWN_SECONDS = 60
"""A load must have been low for this long before a unit is taken away."""
PICTURES_PER_THREAD = 2.0
"""Pictures in work or waiting, for each computing thread, up to which a unit is not overloaded."""


@dataclass(frozen=True, kw_only=True)
class Load:
    """One second of a hosted model.

    Attributes:
        pictures: mean number of pictures in work or waiting.
        throttled: requests that were turned away.
    """

    pictures: float
    throttled: int = 0


@dataclass(frozen=True, kw_only=True)
class UnitLimits:
    """MinInferenceUnits and MaxInferenceUnits of a model, and the threads of one unit."""

    least: int
    most: int
    threads: int


def desired_units(loads: Sequence[Load], *, units: int, limits: UnitLimits) -> int:
    """Units that there should be now.

    Up: as many as the mean load of the last seconds fills, and one more than there are when anybody was turned away. Down: one
    at a time, when not even the busiest moment of the last minute needed all.

    Args:
        loads: one for each second, the latest last; those of the time with the present number of units.
        units: how many there are, or are being started.
        limits: never fewer and never more.
    """
    needed = units
    recent = loads[-UP_SECONDS:]
    if len(recent) == UP_SECONDS:
        needed = max(needed, _filled(sum(load.pictures for load in recent) / UP_SECONDS, limits))
    if any(load.throttled for load in recent):
        needed = max(needed, units + 1)
    if needed == units and len(loads) >= DOWN_SECONDS and not any(load.throttled for load in loads[-DOWN_SECONDS:]):
        busiest = max(_filled(_mean_of_two(loads, at), limits) for at in range(len(loads) - DOWN_SECONDS + 1, len(loads)))
        needed = units - 1 if busiest < units else units
    return max(limits.least, min(limits.most, needed))


def _filled(pictures: float, limits: UnitLimits) -> int:
    return math.ceil(pictures / (limits.threads * PICTURES_PER_THREAD))


def _mean_of_two(loads: Sequence[Load], at: int) -> float:
    return (loads[at - 1].pictures + loads[at].pictures) / 2
