"""Splits and folds: seeded, stratified by label, with near-duplicates always on the same side."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from walkaround.errors import DatasetError


def folds_by_group(labels: Sequence[str], groups: NDArray[np.int64], *, folds: int, seed: int) -> NDArray[np.int64]:
    """Fold number, 0 to `folds` - 1, of every sample, for cross-validation.

    Raises:
        DatasetError: there are fewer groups than folds.
    """
    return split_by_group(labels, groups, fractions=[1 / folds] * folds, seed=seed)


def split_by_group(
    labels: Sequence[str], groups: NDArray[np.int64], *, fractions: Sequence[float], seed: int
) -> NDArray[np.int64]:
    """Part number of every sample, such that part i holds about `fractions[i]` of every class.

    The groups are dealt out one by one, the largest first, each to the part that lacks most of what the group holds. No group
    is cut, and a class with at least as many groups as there are parts stands in every part (certain where groups do not mix
    classes, nearly so where they do).

    Args:
        labels: class name of each sample.
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
    _, class_of = np.unique(np.asarray(labels), return_inverse=True)
    if len(labels) == 0 or group_of.max() + 1 < len(fractions):
        raise DatasetError(
            f"{len(labels)} samples with fewer than {len(fractions)} different pictures cannot be dealt out in"
            f" {len(fractions)} parts: add pictures."
        )
    content = np.zeros((group_of.max() + 1, class_of.max() + 1))
    np.add.at(content, (group_of, class_of), 1)
    content = np.column_stack((content, content.sum(axis=1)))  # "any class" counts as a class: no part stays empty
    part_of_group = _dealt(content, np.asarray(fractions), np.random.default_rng(seed))
    return part_of_group[group_of]


def _dealt(content: NDArray[np.float64], fractions: NDArray[np.float64], rng: np.random.Generator) -> NDArray[np.int64]:
    """Part of each group; `content` [groups, classes + 1] counts the samples of each class, and of all, in each group."""
    totals = content.sum(axis=0)
    lack = fractions[:, None] * totals  # [parts, classes], in samples
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
        gain = lack @ (content[group] / totals * weights)
        # A class with no more groups left than parts without it must go where it is missing.
        pressing = held & (groups_left <= empty.sum(axis=0)) & empty.any(axis=0)
        gain += 1e6 * (empty & pressing).sum(axis=1)
        part = int(gain.argmax())
        part_of[group] = part
        lack[part] -= content[group]
        empty[part] &= ~held
        groups_left -= held
    return part_of
