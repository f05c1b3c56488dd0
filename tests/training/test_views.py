"""A picture has the same views in every training."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from walkaround.models.preparation import SIDE, network_pixels
from walkaround.training.views import view


@pytest.fixture(scope="module")
def pixels() -> NDArray[np.uint8]:
    return np.random.default_rng(0).integers(0, 256, (90, 120, 3), dtype=np.uint8)


def test_the_first_view_is_what_detection_sees(pixels: NDArray[np.uint8]) -> None:
    assert np.array_equal(view(pixels, number=0, seed=4), network_pixels(pixels))


@pytest.mark.parametrize("number", [1, 2, 7])
def test_seed_and_number_decide_a_view(pixels: NDArray[np.uint8], number: int) -> None:
    first = view(pixels, number=number, seed=4)
    assert first.shape == (3, SIDE, SIDE)
    assert first.dtype == np.float32
    assert np.array_equal(first, view(pixels, number=number, seed=4))
    assert not np.allclose(first, view(pixels, number=number, seed=5))
    assert not np.allclose(first, view(pixels, number=number + 1, seed=4))


@pytest.mark.parametrize("shape", [(1, 1, 3), (1, 400, 3), (400, 2, 3), (700, 900, 3)])
def test_pictures_of_any_shape_have_views(shape: tuple[int, int, int]) -> None:
    for number in range(1, 6):
        seen = view(np.full(shape, 90, dtype=np.uint8), number=number, seed=number)
        assert seen.shape == (3, SIDE, SIDE)
        assert 0 <= seen.min() <= seen.max() <= 255


def test_a_disturbed_view_is_still_the_same_picture() -> None:
    """A bright half stays brighter than a dark one, on whichever side."""
    pixels = np.full((200, 300, 3), 40, dtype=np.uint8)
    pixels[:, 150:] = 220
    for seed in range(8):
        seen = view(pixels, number=1, seed=seed)
        assert abs(float(seen[:, :, 40:80].mean() - seen[:, :, -80:-40].mean())) > 80
