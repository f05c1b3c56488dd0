"""Classes that a mirror exchanges: the left door of a mirrored car is its right door."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace

from walkaround.training.gradient.augment import Augmentation

_SIDE = re.compile(
    r"(?<![a-zA-Z])(?:left|right)(?![a-z])"  # left_door, door-left, leftDoor
    r"|(?<![A-Z])(?:Left|Right)(?![a-z])"  # Left door, frontLeftDoor
    r"|(?<![a-zA-Z])(?:LEFT|RIGHT)(?![a-zA-Z])"
)
_OTHER = {"left": "right", "right": "left", "Left": "Right", "Right": "Left", "LEFT": "RIGHT", "RIGHT": "LEFT"}


def suited(augmentation: Augmentation, classes: Sequence[str]) -> Augmentation:
    """The augmentation that knows which of these classes exchange their names in a mirror.

    Where a class of one side has no twin on the other, pictures are not mirrored at all: its twin is labelled nowhere.
    """
    names = list(classes)
    twins = [in_a_mirror(name) for name in names]
    if any(twin not in names for twin in twins):
        return replace(augmentation, flip=0.0, twins=())
    return replace(augmentation, twins=tuple(names.index(twin) for twin in twins) if twins != names else ())


def in_a_mirror(name: str) -> str:
    """The name with its sides exchanged: "front_left_door" is "front_right_door"; bright is no side."""
    return _SIDE.sub(lambda found: _OTHER[found.group()], name)
