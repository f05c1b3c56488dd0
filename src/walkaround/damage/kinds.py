"""The vocabulary of damage: which class names mean "nothing is wrong", and the damage types that claims desks use."""

from __future__ import annotations

DAMAGE_TYPES = (
    "glass_shatter",
    "door_dent",
    "bumper_dent",
    "tail_lamp",
    "head_lamp",
    "smash",
    "scratch",
)
"""The seven damage types that the product is made for. A dataset may bring any others."""

NORMAL = "normal"
ANOMALY = "anomaly"

_NORMAL_NAMES = frozenset(
    "normal good ok okay whole intact undamaged clean healthy pass passed fine none nodamage notdamaged withoutdamage nodefect"
    " defectfree noanomaly unknown other".split()
)


def simplified(name: str) -> str:
    """`name` in lower case without spaces, hyphens and underscores: "No damage" and "no_damage" are one name."""
    return "".join(letter for letter in name.casefold() if letter.isalnum())


def means_normal(name: str) -> bool:
    """Whether a class of this name is no evidence of damage ("normal", "whole", "no damage", "unknown", ...).

    `unknown` and `other` count here: whatever such a class mixes, a picture in it does not show a damage that anybody named.
    """
    return simplified(name) in _NORMAL_NAMES
