"""What the verdict learns of a picture's labels: damaged or whole, or each damage type for itself as well.

The labels decide, unless a person does: as soon as a picture to learn from shows several damage types, and one of them is on
enough pictures, a multi-label model is trained.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from walkaround.damage.kinds import ANOMALY, NORMAL, means_normal
from walkaround.datasets.gathering import named_by_places
from walkaround.datasets.labels import agreed
from walkaround.datasets.sample import Sample
from walkaround.errors import TrainingError
from walkaround.hosting.operations.training.inner_split import for_training_and_test
from walkaround.training.kinds import learnable_kinds
from walkaround.training.plan import FEWEST


@dataclass(frozen=True, kw_only=True)
class VerdictLabels:
    """What was decided, and why.

    Attributes:
        multi_label: whether each damage type is learnt for itself.
        by: who decided.
        why: in a sentence.
        several: pictures to learn from or to test on that show several damage types, as people named them.
        kinds: of each damage type that people named, the number of its pictures.
    """

    multi_label: bool
    by: Literal["labels", "person"]
    why: str
    several: int
    kinds: Mapping[str, int]


def with_verdict_labels(
    samples: Sequence[Sample],
    kinds: Sequence[Sequence[str]],
    groups: NDArray[np.int64],
    *,
    wanted: bool | None,
    single: bool,
    left_out: int,
) -> tuple[list[Sample], VerdictLabels]:
    """The samples, each for training or for the test, with the labels that the verdict learns.

    Args:
        samples: labelled normal or anomaly, with the split of their dataset and what was drawn on them.
        kinds: damage types that people named on each.
        groups: int64 [samples], near-copies share a number.
        wanted: whether a person wants a multi-label model; None: the labels decide.
        single: there is no test dataset, and a part of the training dataset is kept back.
        left_out: how many samples cannot be used, for messages.

    Raises:
        TrainingError: there are too few pictures of a kind, or none names a damage type where a person wants to learn them.
    """
    learnt = [own for sample, own in zip(samples, kinds, strict=True) if sample.split == "train"]
    several = sum(len(own) > 1 for own in learnt)
    counts = dict(sorted(Counter(name for own in learnt for name in own).items()))

    def decided(*, multi_label: bool) -> VerdictLabels:
        by: Literal["labels", "person"] = "labels" if wanted is None else "person"
        why = _why(multi_label=multi_label, by=by, several=several, named=sum(map(bool, learnt)))
        return VerdictLabels(multi_label=multi_label, by=by, why=why, several=several, kinds=counts)

    if wanted or (wanted is None and several):
        named = [_named(sample, own) for sample, own in zip(samples, kinds, strict=True)]
        split = for_training_and_test(named, groups, single=single, left_out=left_out)
        if wanted or _can_be_learnt(split, groups):
            if not any(_names(sample) for sample in split if sample.split == "train"):
                raise TrainingError(
                    "No picture to learn from names a damage type: name the types that are seen on damaged cars, or let the"
                    " labels decide what is learnt."
                )
            return split, decided(multi_label=True)
    return for_training_and_test(samples, groups, single=single, left_out=left_out), decided(multi_label=False)


def _named(sample: Sample, kinds: Sequence[str]) -> Sample:
    """The sample with the damage types that people named on it; where nobody did, with those that they drew."""
    if sample.label != ANOMALY:
        return sample
    if not kinds:
        return named_by_places(sample, means_normal)
    label, also = agreed(kinds)
    return replace(sample, label=label, also=also)


def _names(sample: Sample) -> bool:
    return sample.label not in (None, NORMAL, ANOMALY)


def _can_be_learnt(split: Sequence[Sample], groups: NDArray[np.int64]) -> bool:
    """Whether whole cars and one damage type at least are on enough different pictures to learn from."""
    learnt = [(sample, group) for sample, group in zip(split, groups.tolist(), strict=True) if sample.split == "train"]
    if len({group for sample, group in learnt if sample.label == NORMAL}) < FEWEST:
        return False
    known = [(sample.labels, group) for sample, group in learnt if sample.label == NORMAL or _names(sample)]
    try:
        learnable_kinds(known, {name for labels, _ in known for name in labels} - {NORMAL}, fewest=FEWEST)
    except TrainingError:
        return False
    return True


def _why(*, multi_label: bool, by: Literal["labels", "person"], several: int, named: int) -> str:
    if by == "person":
        return (
            "You chose that each damage type is told for itself, beside whether the car is damaged."
            if multi_label
            else "You chose that only damaged and whole are told, and no damage types."
        )
    show = "picture shows" if several == 1 else "pictures show"
    if multi_label:
        return f"{several:,} {show} several damage types, so each type is told for itself, with a threshold of its own."
    if several:
        return (
            f"{several:,} {show} several damage types, but no type, or no whole cars, are on {FEWEST} different pictures to"
            " learn from: only damaged and whole are told."
        )
    if named:
        names = "picture names" if named == 1 else "pictures name"
        return f"No picture shows several damage types, so only damaged and whole are told; {named:,} {names} one type each."
    return "No picture names a damage type, so only damaged and whole are told."
