"""How many units a load needs."""

from __future__ import annotations

import numpy as np
import pytest

from walkaround.hosting.pool.scaling import DOWN_SECONDS, Load, UnitLimits, desired_units

LIMITS = UnitLimits(least=1, most=4, threads=2)


def steady(pictures: float, seconds: int = DOWN_SECONDS, *, throttled: int = 0) -> list[Load]:
    return [Load(pictures=pictures, throttled=throttled)] * seconds


@pytest.mark.parametrize(
    ("loads", "units", "wanted"),
    [
        (steady(0.0), 1, 1),
        (steady(4.0), 1, 1),
        (steady(8.0, 3), 1, 2),
        (steady(8.0, 2), 1, 1),  # not for long enough
        (steady(13.0, 3), 1, 4),
        (steady(900.0), 2, 4),
        (steady(0.0, 1, throttled=1), 2, 3),
        (steady(0.0, 1, throttled=1), 4, 4),
        (steady(0.0), 3, 2),
        (steady(0.0, DOWN_SECONDS - 1), 3, 3),
        ([*steady(0.0, 30), *steady(12.0, 2), *steady(0.0, 28)], 3, 3),  # a busy moment in the last minute
        (steady(7.0), 2, 2),
    ],
)
def test_units_follow_the_load(loads: list[Load], units: int, wanted: int) -> None:
    assert desired_units(loads, units=units, limits=LIMITS) == wanted


def test_units_never_leave_their_limits_and_settle_under_any_steady_load() -> None:
    rng = np.random.default_rng(0)
    for _ in range(200):
        limits = UnitLimits(least=int(rng.integers(1, 3)), most=int(rng.integers(3, 6)), threads=int(rng.integers(1, 5)))
        units, pictures, seen = limits.least, float(rng.uniform(0, 60)), []
        for _ in range(8):
            units = desired_units(steady(pictures), units=units, limits=limits)
            assert limits.least <= units <= limits.most
            seen.append(units)
        assert len(set(seen[4:])) == 1
