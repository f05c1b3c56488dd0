from __future__ import annotations

from collections import Counter

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from walkaround.datasets.split import folds_by_group, split_by_group
from walkaround.errors import DatasetError

# Groups of one class each, as (class, size).
PURE = st.lists(st.tuples(st.sampled_from("abc"), st.integers(1, 6)), min_size=5, max_size=60)
# Samples with any label in any group.
MIXED = st.lists(st.tuples(st.sampled_from("abc"), st.integers(0, 20)), min_size=1, max_size=80)


def spread_out(groups: list[tuple[str, int]]) -> tuple[list[str], np.ndarray[tuple[int], np.dtype[np.int64]]]:
    labels = [label for label, size in groups for _ in range(size)]
    return labels, np.repeat(np.arange(len(groups)), [size for _, size in groups])


@given(groups=PURE, folds=st.integers(2, 5), seed=st.integers(0, 3))
@settings(max_examples=60, deadline=None)
def test_a_class_with_enough_groups_stands_in_every_fold(groups: list[tuple[str, int]], folds: int, seed: int) -> None:
    labels, group_of = spread_out(groups)
    fold = folds_by_group(labels, group_of, folds=folds, seed=seed)
    assert set(fold.tolist()) == set(range(folds))
    for label, count in Counter(label for label, _ in groups).items():
        if count >= folds:
            assert len(set(fold[np.array(labels) == label].tolist())) == folds


@given(samples=MIXED, seed=st.integers(0, 3))
@settings(max_examples=60, deadline=None)
def test_no_group_straddles_and_the_seed_decides(samples: list[tuple[str, int]], seed: int) -> None:
    labels, groups = [label for label, _ in samples], np.array([group for _, group in samples])
    if len(set(groups.tolist())) < 2:
        return
    part = split_by_group(labels, groups, fractions=(0.7, 0.3), seed=seed)
    assert all(len(set(part[groups == group].tolist())) == 1 for group in set(groups.tolist()))
    assert set(part.tolist()) == {0, 1}
    assert np.array_equal(part, split_by_group(labels, groups, fractions=(0.7, 0.3), seed=seed))


def test_parts_hold_their_fraction_of_every_class() -> None:
    labels = ["common"] * 800 + ["rare"] * 40
    groups = np.concatenate([np.arange(400).repeat(2), np.arange(400, 440)])
    part = split_by_group(labels, groups, fractions=(0.7, 0.15, 0.15), seed=1)
    assert Counter(zip(labels, part.tolist(), strict=True)) == {
        ("common", 0): 560, ("common", 1): 120, ("common", 2): 120, ("rare", 0): 28, ("rare", 1): 6, ("rare", 2): 6,
    }  # fmt: skip


def test_another_seed_gives_another_split() -> None:
    labels, groups = ["a"] * 100, np.arange(100)
    one, other = (folds_by_group(labels, groups, folds=5, seed=seed) for seed in (0, 1))
    assert not np.array_equal(one, other)


def test_fewer_pictures_than_folds_are_refused() -> None:
    with pytest.raises(DatasetError, match="add pictures"):
        folds_by_group(["a", "a", "b"], np.array([0, 0, 0]), folds=2, seed=0)


def test_fractions_must_add_up() -> None:
    with pytest.raises(ValueError, match="add up to 1"):
        split_by_group(["a", "b"], np.arange(2), fractions=(0.5, 0.4), seed=0)
