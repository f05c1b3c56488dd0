"""What people drew, as something to learn from: which boxes, which masks, and what they say of the whole picture."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from walkaround.damage.kinds import shows_damage
from walkaround.damage.places import MaskFile, labels_of
from walkaround.datasets.sample import Problem, Sample

Kind = Literal["boxes", "masks"]
IsNormal = Callable[[str], bool]
"""Whether a class name means that nothing is wrong."""

FEWEST_WHOLE = 50
LEAST_WHOLE = 0.2
"""Pictures, and share of all pictures, below which those with nothing drawn on them may as well be forgotten ones."""


def may_be_forgotten(samples: Sequence[Sample], is_normal: IsNormal) -> bool:
    """Whether the whole cars are so few, and whole only in that nothing is drawn on them, that no verdict is to be learnt."""
    whole = [sample for sample in samples if sample.labels and all(map(is_normal, sample.labels))]
    few = len(whole) < FEWEST_WHOLE and len(whole) < LEAST_WHOLE * len(samples)
    return few and all(sample.places == () for sample in whole)


def only_damage(samples: Sequence[Sample]) -> bool:
    """Whether all that was drawn is damage, and no part of a car, which whole cars have as well."""
    return all(map(shows_damage, labels_of(place for sample in samples for place in sample.places or ())))


def learnable(sample: Sample, kind: Kind, *, shows_nothing: IsNormal) -> Sample | None:
    """The sample with places that boxes, or masks, can be learnt from; None where it is not known where something is.

    A picture with a label that `shows_nothing` has no places, even where nobody was asked to draw. Every place needs its box,
    or its outline.
    """
    if sample.places is None:
        return replace(sample, places=()) if sample.labels and all(map(shows_nothing, sample.labels)) else None
    lack = any(not place.crowd and (place.box is None if kind == "boxes" else place.outline is None) for place in sample.places)
    return None if lack else sample


def place_classes(
    samples: Sequence[Sample], groups: NDArray[np.int64], *, kind: Kind, fewest: int
) -> tuple[tuple[str, ...], list[Problem]]:
    """The classes of places that are drawn on enough different pictures, and what to say of the others.

    Args:
        samples: those that can be learnt from.
        groups: int64 [samples], near-duplicates share a number.
        kind: what is learnt.
        fewest: different pictures of a class, below which it is left out.
    """
    drawn: dict[str, set[int]] = {}
    for sample, group in zip(samples, groups.tolist(), strict=True):
        for place in sample.places or ():
            if not place.crowd:
                drawn.setdefault(place.label, set()).add(group)
    few = {name: len(found) for name, found in sorted(drawn.items()) if len(found) < fewest}
    if not few:
        return tuple(sorted(drawn)), []
    told = ", ".join(f"{name!r} is on {count}" for name, count in few.items())
    message = (
        f"To learn {kind} of a class takes at least {fewest} different pictures, better 50: {told}. These are left out, neither"
        " learnt nor taken for background; add pictures, or give them the name of another class with --rename."
    )
    return tuple(sorted(drawn.keys() - few.keys())), [Problem(kind=f"few-{kind}", severity="warning", message=message)]


def fingerprint_of(sample: Sample) -> str:
    """Twelve hexadecimal digits that change when anything that was drawn on a picture does; mask files go by their content."""
    told = hashlib.sha256()
    files: dict[Path, str] = {}
    for place in sample.places or ():
        outline = place.outline
        if isinstance(outline, MaskFile):
            if outline.path not in files:
                files[outline.path] = hashlib.sha256(outline.path.read_bytes()).hexdigest()
            told.update(f"{place.label} {outline.colour} {files[outline.path]}\n".encode("utf-8", "backslashreplace"))
        else:
            told.update(f"{place}\n".encode("utf-8", "backslashreplace"))
    return told.hexdigest()[:12]
