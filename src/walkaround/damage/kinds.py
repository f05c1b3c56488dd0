"""The vocabulary of damage: which class names mean "nothing is wrong", and the damage types that claims desks use."""

from __future__ import annotations

import re

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

_PARTS = frozenset(
    "a back front left right rear middle upper lower inner outer side car vehicle body object"
    " antenna bonnet boot bumper door exhaust fender glass grill grille handle headlight headlights hood lamp license licence"
    " light lights logo mirror number panel pillar plate quarter rim rocker roof sill spoiler tail taillight taillights"
    " tailgate tire trunk tyre wheel window windscreen windshield wing".split()
)


def simplified(name: str) -> str:
    """`name` in lower case without spaces, hyphens and underscores: "No damage" and "no_damage" are one name."""
    return "".join(letter for letter in name.casefold() if letter.isalnum())


def means_normal(name: str) -> bool:
    """Whether a class of this name is no evidence of damage ("normal", "whole", "no damage", "unknown", ...).

    `unknown` and `other` count here: whatever such a class mixes, a picture in it does not show a damage that anybody named.
    """
    return simplified(name) in _NORMAL_NAMES


def means_part(name: str) -> bool:
    """Whether a class of this name is a part of a car and no damage to it ("front_left_door", "hood", "wheel")."""
    if simplified(name) in map(simplified, DAMAGE_TYPES):
        return False  # head_lamp and tail_lamp, the broken ones
    words = re.findall(r"[a-z]+", name.casefold())
    return bool(words) and _PARTS.issuperset(words)


def shows_damage(name: str) -> bool:
    """Whether a place of this class is damage: neither a part of the car nor something whole."""
    return not means_normal(name) and not means_part(name)
