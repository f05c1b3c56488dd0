"""The shipped weights are the ones that packages and caches were made with; what is no model is refused."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from walkaround.errors import PackageError
from walkaround.models.backbone import FEATURE_COUNT, fingerprint
from walkaround.models.classify import write_features
from walkaround.models.names import FEATURES
from walkaround.models.network import Network
from walkaround.models.preparation import network_pixels


def test_the_backbone_gives_the_numbers_it_always_gave() -> None:
    """Caches and packages of earlier versions count on these."""
    assert fingerprint().startswith("fe242aa4aeb216b5")
    pixels = np.random.default_rng(0).integers(0, 256, (1, 3, 320, 320)).astype(np.float32)
    features = Network(write_features()).run(pixels, [FEATURES])[0]
    assert features.shape == (1, FEATURE_COUNT)
    assert features.min() >= 0
    assert features.max() <= 6
    means = [float(part.mean()) for part in np.array_split(features[0], 7)]
    assert means == pytest.approx([0.4737, 0.2053, 0.1592, 0.168, 0.2296, 0.4805, 0.1495], abs=1e-3)


def test_a_batch_gives_what_its_pictures_give_alone() -> None:
    pixels = np.random.default_rng(1).uniform(0, 255, (2, 3, 320, 320)).astype(np.float32)
    network = Network(write_features())
    together = network.run(pixels, [FEATURES])[0]
    assert together[1] == pytest.approx(network.run(pixels[1:], [FEATURES])[0][0], abs=1e-4)


@pytest.mark.parametrize("content", [b"", b"not a model", b"\x08\x07" * 500])
def test_garbage_is_no_model(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "model.onnx"
    path.write_bytes(content)
    with pytest.raises(PackageError, match=r"model\.onnx' is not a model .* train it again\.$"):
        Network(path)
    with pytest.raises(PackageError, match="in memory is not a model"):
        Network(content)


@pytest.mark.parametrize("shape", [(320, 320), (50, 900), (1, 1), (2000, 10)])
def test_pixels_are_stretched_and_reordered(shape: tuple[int, int]) -> None:
    pixels = np.zeros((*shape, 3), dtype=np.uint8)
    pixels[..., 0], pixels[..., 2] = 200, 7
    prepared = network_pixels(pixels)
    assert prepared.shape == (3, 320, 320)
    assert prepared.dtype == np.float32
    assert [float(channel.mean()) for channel in prepared] == [200, 0, 7]
