"""Coordinates keep what tells pictures apart."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from walkaround.models.projection import fit_projection


def rows(count: int, features: int, seed: int = 1) -> NDArray[np.float32]:
    return np.random.default_rng(seed).uniform(0, 6, (count, features)).astype(np.float32)


def test_distances_between_the_fitted_rows_are_kept() -> None:
    given = rows(15, 200)
    coordinates = fit_projection(given).coordinates(given)
    roots = np.sqrt(given)
    standard = (roots - roots.mean(axis=0)) / roots.std(axis=0)
    expected = np.linalg.norm(standard[0] - standard[1]) / np.sqrt(200)
    assert np.linalg.norm(coordinates[0] - coordinates[1]) == pytest.approx(expected, rel=1e-4)


def test_components_are_orthogonal_and_as_many_as_the_rows_hold() -> None:
    projection = fit_projection(rows(15, 200))
    gram = projection.components.T @ projection.components * 200
    assert gram == pytest.approx(np.eye(14), abs=1e-3)


def test_no_more_than_384_coordinates_are_kept() -> None:
    assert fit_projection(rows(450, 500)).components.shape == (500, 384)


def test_a_channel_that_never_fires_brings_no_infinity() -> None:
    given = rows(10, 50)
    given[:, 3] = 0
    fresh = rows(4, 50, seed=2)
    assert np.isfinite(fit_projection(given).coordinates(fresh)).all()
