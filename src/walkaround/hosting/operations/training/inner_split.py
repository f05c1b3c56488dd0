"""A test set out of a project's only dataset, by the old service's least numbers."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from walkaround.damage.kinds import ANOMALY, NORMAL
from walkaround.datasets.sample import Sample, Split
from walkaround.datasets.split import split_by_group
from walkaround.errors import TrainingError
from walkaround.hosting.operations.training.training_sets import LEAST_BOXED

LEAST_TESTED = 10
"""Pictures of each kind that every test set gets."""
TEST_SHARE = 0.2
FEWEST_LEARNT = 5
"""Anomalies below which nothing can be learnt from them: all are tested then, and training knows normal pictures only."""


def for_training_and_test(samples: Sequence[Sample], groups: NDArray[np.int64], *, single: bool, left_out: int) -> list[Sample]:
    """The samples that can be used, each for training or for the test.

    Args:
        samples: with the split of their dataset, labelled normal, anomaly, or with damage types.
        groups: int64 [samples], near-copies share a number.
        single: there is no test dataset, and a part of the training dataset is kept back.
        left_out: how many samples cannot be used, for the message.

    Raises:
        TrainingError: there are too few of a kind.
    """
    boxed = sum(any(place.outline is None for place in sample.places or ()) for sample in samples) >= LEAST_BOXED
    if boxed:
        return with_test(samples, groups) if single else list(samples)
    if single:
        check_minimums(samples, normal=20, anomaly=10, left_out=left_out)
        return with_test(samples, groups)
    splits: tuple[Split, ...] = ("train", "test")
    by_split = {split: [sample for sample in samples if sample.split == split] for split in splits}
    check_minimums(by_split["train"], normal=10, anomaly=0, left_out=left_out, of="train ")
    check_minimums(by_split["test"], normal=10, anomaly=10, left_out=left_out, of="test ")
    return list(samples)


def check_minimums(samples: Sequence[Sample], *, normal: int, anomaly: int, left_out: int, of: str = "") -> None:
    """Check that enough pictures are left.

    Args:
        samples: those that can be used.
        normal: least number of pictures labelled normal.
        anomaly: least number of those labelled anomaly.
        left_out: how many cannot be used, for the message.
        of: which dataset they are of, such as "test ", for the message.

    Raises:
        TrainingError: there are too few.
    """
    counts = Counter(map(verdict_of, samples))
    if counts[NORMAL] >= normal and counts[ANOMALY] >= anomaly:
        return
    raise TrainingError(
        f"There are {counts[NORMAL]:,} usable {of}pictures labelled normal and {counts[ANOMALY]:,} labelled anomaly, and at"
        f" least {normal} and {anomaly} are needed; {left_out:,} pictures of the datasets are missing, cannot be read, or bear"
        " two labels. Add pictures, or repair those."
    )


def verdict_of(sample: Sample) -> str | None:
    """Normal or anomaly, whatever damage types a sample is labelled with; None: unlabelled."""
    return sample.label if sample.label in (None, NORMAL) else ANOMALY


def with_test(samples: Sequence[Sample], groups: NDArray[np.int64], *, seed: int = 0) -> list[Sample]:
    """The samples, each with the split "train" or "test".

    At least ten pictures of each kind are tested, a fifth where that is more. Near-copies stay together, so that the numbers
    may be missed by the size of a group. Where damage types are named, about as large a part of each of them is tested, and
    the numbers may be missed by a few.

    Args:
        samples: labelled normal, anomaly, or with damage types.
        groups: int64 [samples], near-copies share a number.
        seed: of the choice.
    """
    counts = Counter(map(verdict_of, samples))
    wanted = {label: max(LEAST_TESTED, round(TEST_SHARE * counts[label])) for label in (NORMAL, ANOMALY)}
    if counts[ANOMALY] - wanted[ANOMALY] < FEWEST_LEARNT:
        wanted[ANOMALY] = counts[ANOMALY]
    elif any(sample.label not in (None, NORMAL, ANOMALY) for sample in samples):
        tested = _dealt(samples, groups, {label: wanted[label] / max(1, counts[label]) for label in wanted}, seed)
        return [replace(sample, split="test" if number in tested else "train") for number, sample in enumerate(samples)]
    members: defaultdict[int, list[int]] = defaultdict(list)
    for number, group in enumerate(groups.tolist()):
        members[group].append(number)
    numbers = list(members)
    shuffled = [numbers[at] for at in np.random.default_rng(seed).permutation(len(numbers))]
    tested = set()
    for group in sorted(shuffled, key=lambda group: len(members[group])):  # small ones first: they hit the number exactly
        held = Counter(verdict_of(samples[number]) for number in members[group])
        if all(wanted[str(label)] > 0 for label in held):
            tested |= set(members[group])
            for label, count in held.items():
                wanted[str(label)] -= count
    return [replace(sample, split="test" if number in tested else "train") for number, sample in enumerate(samples)]


def _dealt(samples: Sequence[Sample], groups: NDArray[np.int64], shares: Mapping[str, float], seed: int) -> set[int]:
    """Numbers of the samples that are tested: the share that is asked for of whole and damaged cars, and of each damage type.

    Near-copies of which one is whole and another is not are learnt from.
    """
    sides: defaultdict[int, set[str | None]] = defaultdict(set)
    for sample, group in zip(samples, groups.tolist(), strict=True):
        sides[group].add(verdict_of(sample))
    tested: set[int] = set()
    for label, share in shares.items():
        own = [number for number, group in enumerate(groups.tolist()) if sides[group] == {label}]
        if share >= 1:
            tested |= set(own)
        if share >= 1 or len({groups[number] for number in own}) < 2:
            continue
        labels = [samples[number].labels for number in own]
        parts = split_by_group(labels, groups[own], fractions=[1 - share, share], seed=seed)
        tested |= {number for number, part in zip(own, parts.tolist(), strict=True) if part == 1}
    return tested
