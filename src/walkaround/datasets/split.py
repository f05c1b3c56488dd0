"""Splits and folds: seeded, stratified by label, with near-duplicates always on the same side."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from walkaround.errors import DatasetError

Labels = Sequence[str] | Sequence[Sequence[str]]
"""The class name of each sample, or all of them where samples have several."""


def folds_by_group(labels: Labels, groups: NDArray[np.int64], *, folds: int, seed: int) -> NDArray[np.int64]:
    """Fold number, 0 to `folds` - 1, of every sample, for cross-validation.

    Raises:
        DatasetError: there are fewer groups than folds.
    """
    return split_by_group(labels, groups, fractions=[1 / folds] * folds, seed=seed)


def split_by_group(labels: Labels, groups: NDArray[np.int64], *, fractions: Sequence[float], seed: int) -> NDArray[np.int64]:
    """Part number of every sample, such that part i holds about `fractions[i]` of every class.

    The groups are dealt out one by one, the largest first, each to the part that lacks most of what the group holds. No group
    is cut, and a class with at least as many groups as there are parts stands in every part (certain where groups do not mix
    classes, nearly so where they do). Samples of several classes count for each of them, as in Sechidis et al. (2011), On the
    stratification of multi-label data.

    Args:
        labels: class name of each sample, or its class names.
        groups: int64 [samples], samples of one group stay together; see `duplicate_groups`.
        fractions: positive, adding up to 1.
        seed: the same seed gives the same parts.

    Returns:
        int64 [samples], 0 to len(fractions) - 1.

    Raises:
        DatasetError: there are fewer groups than parts.
    """
    if min(fractions) <= 0 or not np.isclose(sum(fractions), 1):
        raise ValueError(f"the fractions {list(fractions)} are not all positive, or do not add up to 1")
    _, group_of = np.unique(groups, return_inverse=True)
    if len(labels) == 0 or group_of.max() + 1 < len(fractions):
        raise DatasetError(
            f"{len(labels)} samples with fewer than {len(fractions)} different pictures cannot be dealt out in"
            f" {len(fractions)} parts: add pictures."
        )
    sets = [(names,) if isinstance(names, str) else names for names in labels]
    _, class_of = np.unique([name for names in sets for name in names], return_inverse=True)
    content = np.zeros((group_of.max() + 1, class_of.max(initial=-1) + 1))
    np.add.at(content, (np.repeat(group_of, [len(names) for names in sets]), class_of), 1)
    content = np.column_stack((content, np.bincount(group_of)))  # "any class" counts as a class: no part stays empty
    several = any(len(names) > 1 for names in sets)
    part_of_group = _dealt(content, np.asarray(fractions), np.random.default_rng(seed), several=several)
    return part_of_group[group_of]


def _dealt(
    content: NDArray[np.float64], fractions: NDArray[np.float64], rng: np.random.Generator, *, several: bool
) -> NDArray[np.int64]:
    """Part of each group; `content` [groups, classes + 1] counts the samples of each class, and of all, in each group.

    Where samples have `several` classes, a part lacks what is still missing of its share, and not so many samples: a common
    class, most of which is still to be dealt out, would draw the rare ones beside it to the largest part.
    """
    totals = content.sum(axis=0)
    wanted = fractions[:, None] * totals  # [parts, classes], in samples
    lack = wanted.copy()
    empty = np.ones_like(lack, dtype=bool)  # no sample of that class is in that part yet
    groups_left = (content > 0).sum(axis=0)
    weights = np.append(np.ones(content.shape[1] - 1), 1e-3)  # the classes matter, their sum breaks ties
    shuffled = rng.permutation(len(content))
    # Large groups first, while every part still has room; among equals the rarest class first, while choice is widest.
    rarest = np.where(content > 0, totals, np.inf).min(axis=1)
    order = shuffled[np.lexsort((rarest[shuffled], -content.sum(axis=1)[shuffled]))]
    part_of = np.empty(len(content), dtype=np.int64)
    for group in order:
        held = content[group] > 0
        gain = lack / wanted @ (held * weights) if several else lack @ (content[group] / totals * weights)
        # A class with no more groups left than parts without it must go where it is missing.
        pressing = held & (groups_left <= empty.sum(axis=0)) & empty.any(axis=0)
        gain += 1e6 * (empty & pressing).sum(axis=1)
        part = int(gain.argmax())
        part_of[group] = part
        lack[part] -= content[group]
        empty[part] &= ~held
        groups_left -= held
    return part_of
