"""The memory of normal patches: distances, probabilities and the choice of what is remembered."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from walkaround.models.memory import CHANNELS, GRID, PATCHES, SCORES, WORST_PLACES, PatchMemory, remember, write_patches
from walkaround.models.names import HEAT, PROBABILITIES
from walkaround.models.network import Network

Rows = NDArray[np.float32]


@pytest.fixture(scope="module")
def places(batch: Rows) -> Rows:
    """float32 [2, places, channels]: the described places of two pictures."""
    found = Network(write_patches()).run(batch[:2], [PATCHES])[0]
    assert found.shape == (2, CHANNELS, GRID, GRID)
    return np.ascontiguousarray(found.reshape(2, CHANNELS, -1).transpose(0, 2, 1))


@pytest.fixture(scope="module")
def memory(places: Rows) -> PatchMemory:
    return remember(places[0], patches=50, seed=0)


def distances(memory: PatchMemory, rows: Rows) -> NDArray[np.float64]:
    """Of each row to the nearest remembered patch, by brute force."""
    standard = ((rows - memory.mean) / memory.scale).astype(np.float64)
    return np.array(np.sqrt([np.square(row - memory.patches).sum(axis=1).min() for row in standard]))


def test_the_graph_measures_the_distance_to_the_nearest_patch(memory: PatchMemory, places: Rows, batch: Rows) -> None:
    heat, probabilities = Network(memory.write(limit=4.0, spread=0.5)).run(batch[:2], [HEAT, PROBABILITIES])
    for number in range(2):
        expected = distances(memory, places[number])
        found = heat[number].ravel() * 4.0
        far = expected > 1  # a distance near 0 is a difference of large numbers
        assert found[far] == pytest.approx(expected[far], rel=1e-3)
        assert found[~far].max(initial=0) < 1.1
        score = np.sort(expected)[-WORST_PLACES:].mean()
        assert probabilities[number, 1] == pytest.approx(1 / (1 + (score / 4.0) ** (-1 / 0.5)), abs=1e-3)
    assert probabilities.sum(axis=1) == pytest.approx([1, 1])


def test_what_is_remembered_is_nearer_than_what_is_new(memory: PatchMemory, places: Rows, batch: Rows) -> None:
    scores = Network(memory.write_scores()).run(batch[:2], [SCORES])[0][:, 0]
    assert scores == pytest.approx([np.sort(distances(memory, rows))[-WORST_PLACES:].mean() for rows in places], rel=1e-3)
    assert scores[0] < scores[1]


def test_remember_picks_the_farthest_each_time() -> None:
    """Four tight clumps: four choices take one of each, wherever the first fell."""
    rng = np.random.default_rng(1)
    corners = np.array([[0, 0], [0, 9], [9, 0], [9, 9]])
    clumps = (corners[np.arange(80) % 4] + rng.normal(0, 0.1, (80, 2))).astype(np.float32)
    for seed in range(5):
        memory = remember(clumps, patches=4, seed=seed)
        chosen = memory.patches * memory.scale + memory.mean
        assert sorted(np.rint(chosen / 9).astype(int).tolist()) == [[0, 0], [0, 1], [1, 0], [1, 1]]


def test_remember_keeps_all_when_there_are_few_and_depends_on_the_seed_alone() -> None:
    rows = np.random.default_rng(0).normal(size=(6, 3)).astype(np.float32)
    assert len(remember(rows, patches=100, seed=0).patches) == 6
    first, again = remember(rows, patches=3, seed=4), remember(rows, patches=3, seed=4)
    assert np.array_equal(first.patches, again.patches)
