"""Pictures with places in two parts: those to learn from, and those to choose on; are there enough of each class?"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence

import numpy as np

from walkaround.datasets.split import split_by_group
from walkaround.errors import TrainingError
from walkaround.training.plan import Picture


def names_on(picture: Picture) -> set[str]:
    """Classes of what was drawn on a picture and can be learnt: crowds cannot."""
    return {place.label for place in picture.sample.places or () if not place.crowd}


def keep_back(pictures: Sequence[Picture], share: float, *, seed: int) -> tuple[list[Picture], list[Picture]]:
    """A part to learn from, and a share to choose on; copies on one side, each picture's rarest class spread over both."""
    often = Counter(name for picture in pictures for name in names_on(picture))
    rarest = [min(names_on(picture), key=lambda name: (often[name], name), default="") for picture in pictures]
    parts = split_by_group(
        rarest,
        np.array([picture.group for picture in pictures], dtype=np.int64),
        fractions=[1 - share, share],
        seed=seed,
    )
    train, kept = ([p for p, part in zip(pictures, parts, strict=True) if part == number] for number in (0, 1))
    return train, kept


def check_enough(
    pictures: Sequence[Picture],
    classes: Sequence[str],
    *,
    fewest: int,
    what: str,
    shown: Callable[[Picture], set[str]] = names_on,
) -> None:
    """Refuse to learn a class from next to nothing; copies of a picture count once.

    Args:
        pictures: to learn from.
        classes: to learn.
        fewest: different pictures that each class needs.
        what: is learnt, to begin a sentence with: "Boxes".
        shown: classes that a picture shows in a way that this can be learnt from.

    Raises:
        TrainingError: there are too few of some class, or no class at all.
    """
    groups = {name: len({picture.group for picture in pictures if name in shown(picture)}) for name in classes}
    few = {name: count for name, count in groups.items() if count < fewest}
    if few or not groups:
        told = ", ".join(f"{name} in {count}" for name, count in few.items()) or "none in any"
        raise TrainingError(
            f"{what} need at least {fewest} different pictures of each class to learn from, and there are too few ({told}):"
            " draw more, or give the class another's name with --rename."
        )
