"""Heads tell classes apart that a line, or only a curve, can."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import numpy as np
import pytest
from numpy.typing import NDArray

from walkaround.models.heads import Head, fit_kernel, fit_linear, gaussian_kernel

Rows = NDArray[np.float32]


def clusters(classes: int) -> tuple[Rows, NDArray[np.int64]]:
    """Twenty points around each corner of a polygon, far apart."""
    rng = np.random.default_rng(0)
    ids = np.arange(20 * classes) % classes
    angles = 2 * np.pi * ids / classes
    return (np.stack([np.cos(angles), np.sin(angles)], axis=1) + rng.normal(0, 0.1, (len(ids), 2))).astype(np.float32), ids


def ring() -> tuple[Rows, NDArray[np.int64]]:
    """One class in the middle, the other around it."""
    rng = np.random.default_rng(0)
    ids = np.arange(60) % 2
    angles, radius = rng.uniform(0, 2 * np.pi, 60), np.where(ids == 1, 1.5, 0.3)
    return np.stack([radius * np.cos(angles), radius * np.sin(angles)], axis=1).astype(np.float32), ids


def test_gaussian_kernel_is_that_of_the_distances() -> None:
    rows, _ = clusters(3)
    distance = np.linalg.norm(rows[:5, None] - rows[None, :7], axis=2)
    assert gaussian_kernel(rows[:5], rows[:7], 0.5) == pytest.approx(np.exp(-0.5 * distance**2), abs=1e-5)


@pytest.mark.parametrize("classes", [2, 3, 5])
def test_both_heads_find_clusters(classes: int) -> None:
    rows, ids = clusters(classes)
    for head in (fit_linear(rows, ids, strength=10.0), fit_kernel(rows, ids, strength=3.0, gamma=0.5)):
        scores = head.scores(rows)
        assert scores.shape == (len(rows), 1 if classes == 2 else classes)
        found = (scores[:, 0] > 0).astype(int) if classes == 2 else scores.argmax(axis=1)
        assert (found == ids).all()


def test_only_the_kernel_finds_a_ring() -> None:
    rows, ids = ring()
    kernel, linear = fit_kernel(rows, ids, strength=3.0, gamma=1.0), fit_linear(rows, ids, strength=10.0)
    assert ((kernel.scores(rows)[:, 0] > 0) == (ids == 1)).all()
    assert ((linear.scores(rows)[:, 0] > 0) == (ids == 1)).mean() < 0.8


def test_a_kernel_head_is_the_ridge_solution() -> None:
    """Two equally common classes: the weights solve (K + 1 / strength) w = target - offset, and add up to 0."""
    rows, ids = ring()
    head = fit_kernel(rows, ids, strength=4.0, gamma=1.0)
    left = gaussian_kernel(rows, rows, 1.0) @ head.weights[:, 0] + head.weights[:, 0] / 4.0
    assert left + head.offsets[0] == pytest.approx(2.0 * ids - 1, abs=1e-3)
    assert head.weights.sum() == pytest.approx(0.0, abs=1e-3)


def test_far_from_every_row_a_kernel_head_falls_back_to_its_offset() -> None:
    rows, ids = clusters(3)
    head = fit_kernel(rows, ids, strength=1.0, gamma=0.5)
    assert head.scores(rows[:1] + 100) == pytest.approx(head.offsets[None], abs=1e-6)


@pytest.mark.parametrize("fit", [partial(fit_linear, strength=2.0), partial(fit_kernel, strength=1.0, gamma=0.5)])
def test_a_rare_class_is_not_drowned(fit: Callable[[Rows, NDArray[np.int64]], Head]) -> None:
    rows, ids = clusters(2)
    kept = np.concatenate([np.flatnonzero(ids == 0), np.flatnonzero(ids == 1)[:2]])
    scores = fit(rows[kept], ids[kept]).scores(rows[ids == 1])
    assert (scores > 0).all()
