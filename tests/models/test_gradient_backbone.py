"""The network that is trained on is the one that ships, and can be written back."""

from __future__ import annotations

import numpy as np
import onnx
import onnxruntime
import pytest
import torch
from numpy.typing import NDArray

from walkaround.models.backbone import load_backbone as load_graph
from walkaround.models.gradient.backbone import CHANNELS, load_backbone

OUTPUTS = {8: "stride8", 16: "stride16", 32: "stride32", "head": "head32"}


def run(model: onnx.ModelProto, pixels: NDArray[np.float32]) -> list[NDArray[np.float32]]:
    for name in OUTPUTS.values():
        model.graph.output.append(onnx.helper.make_tensor_value_info(name, onnx.TensorProto.FLOAT, None))
    session = onnxruntime.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
    return [np.asarray(found) for found in session.run(list(OUTPUTS.values()), {"pixels": pixels})]


@pytest.fixture
def pixels() -> NDArray[np.float32]:
    return np.random.default_rng(3).integers(0, 256, (2, 3, 96, 160)).astype(np.float32)


def test_features_are_those_of_the_shipped_graph(pixels: NDArray[np.float32]) -> None:
    network = load_backbone()
    with torch.inference_mode():
        maps = network(torch.from_numpy(pixels))
        found = [maps[8], maps[16], maps[32], network.head(maps[32])]
    for mine, shipped in zip(found, run(load_graph(), pixels), strict=True):
        assert mine.shape == shipped.shape
        assert np.abs(mine.numpy() - shipped).max() < 1e-3 * np.abs(shipped).max()
    assert {stride: features.shape[1:] for stride, features in maps.items()} == {
        stride: (channels, 96 // stride, 160 // stride) for stride, channels in CHANNELS.items()
    }


def test_trained_weights_are_written_into_the_graph(pixels: NDArray[np.float32]) -> None:
    network = load_backbone()
    with torch.no_grad():
        for weights in network.parameters():
            weights.mul_(1.05)
        maps = network(torch.from_numpy(pixels))
    written = run(network.write(), pixels)
    assert np.abs(maps[32].numpy() - written[2]).max() < 1e-3 * np.abs(written[2]).max()
    assert np.abs(written[2] - run(load_graph(), pixels)[2]).max() > 0.1


@pytest.mark.parametrize(("stages", "trained"), [(0, 49), (1, 46), (3, 34), (7, 1)])
def test_early_stages_can_be_frozen(stages: int, trained: int) -> None:
    network = load_backbone()
    network.freeze(stages)
    assert sum(name.endswith("weight") and weights.requires_grad for name, weights in network.named_parameters()) == trained
    network.freeze(0)
    assert all(weights.requires_grad for weights in network.parameters())
