"""How a training is done: the few numbers behind the one button, all with defaults that were measured."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

import platformdirs


def default_cache() -> Path:
    """Where features are kept between trainings."""
    return Path(platformdirs.user_cache_dir("walkaround"))


@dataclass(frozen=True, kw_only=True)
class Recipe:
    """Settings of a training.

    Attributes:
        seed: of the split, the folds and the choice of patches; the same seed and pictures give the same package.
        minutes: time budget, counted from the start; None: none. When it would not suffice, disturbed views are left out
            first, then candidates; every picture is read once and the first candidate is trained, however short the time.
        views: how many views each training picture is learnt from: itself and views - 1 disturbances of it.
        folds: of the cross-validation on the training pictures.
        test_share: share of the pictures kept back to measure on when no test pictures are given.
        normal: further class names that mean a whole car.
        threads: pictures read at the same time; None takes all cores.
        cache: folder of the features.
    """

    seed: int = 0
    minutes: float | None = None
    views: int = 3
    folds: int = 5
    test_share: float = 0.2
    normal: tuple[str, ...] = ()
    threads: int | None = None
    cache: Path = field(default_factory=default_cache)
