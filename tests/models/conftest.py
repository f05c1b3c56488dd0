"""A few made-up pictures and their features, enough to fit the heads to."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from walkaround.models.classify import write_features
from walkaround.models.names import FEATURES
from walkaround.models.network import Network
from walkaround.models.preparation import SIDE, network_pixels

PICTURES = 12


@pytest.fixture(scope="session")
def batch() -> NDArray[np.float32]:
    """float32 [12, 3, SIDE, SIDE]: blurred patches of colour, each from its own seed."""
    rng = np.random.default_rng(5)
    patches = [Image.fromarray(rng.integers(0, 256, (8, 8, 3), dtype=np.uint8)) for _ in range(PICTURES)]
    return np.stack([network_pixels(np.asarray(patch.resize((SIDE, SIDE)))) for patch in patches])


@pytest.fixture(scope="session")
def features(batch: NDArray[np.float32]) -> NDArray[np.float32]:
    """float32 [12, features]: what training reads of the pictures."""
    network = Network(write_features())
    return np.concatenate([network.run(pixels[None], [FEATURES])[0] for pixels in batch])
