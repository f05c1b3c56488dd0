"""The exported graph says what the network says, and checkpoints that people have find their place in it."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

from walkaround.errors import InputError
from walkaround.models.gradient.backbone import load_backbone
from walkaround.models.gradient.bifpn import Combine
from walkaround.models.gradient.efficientdet import EfficientDet
from walkaround.models.gradient.export import write_detector
from walkaround.models.gradient.sizes import Size
from walkaround.models.gradient.suppression import detections
from walkaround.models.gradient.weights import take_weights
from walkaround.models.names import BOX_CLASSES, BOX_PIXELS, BOX_SCORES, BOXES
from walkaround.models.network import Network

SMALL = Size(side=96, channels=16, fusions=2, layers=2)


def _draw(norm: nn.BatchNorm2d) -> None:
    assert norm.running_mean is not None
    assert norm.running_var is not None
    nn.init.uniform_(norm.weight, 0.5, 1.5)
    nn.init.normal_(norm.bias)
    nn.init.normal_(norm.running_mean, std=0.1)
    nn.init.uniform_(norm.running_var, 0.5, 1.5)


def network_of(size: Size, classes: int, seed: int = 0) -> EfficientDet:
    """A network whose normalisations, fusions and scores are nothing special, as after a training."""
    torch.manual_seed(seed)
    network = EfficientDet(size, classes)
    for module in network.modules():
        if isinstance(module, nn.BatchNorm2d):
            _draw(module)
        elif isinstance(module, Combine):
            nn.init.uniform_(module.edge_weights, -0.2, 1)
    assert network.class_net.predict.conv_pw.bias is not None
    nn.init.constant_(network.class_net.predict.conv_pw.bias, -1.0)
    return network.eval()


@pytest.mark.parametrize(
    ("size", "classes"),
    [(SMALL, 3), (replace(SMALL, activation="silu"), 1), (replace(SMALL, side=160, fusions=1), 7)],
    ids=["relu6", "silu, one class", "five cells rounded up to three"],
)
def test_the_graph_gives_the_boxes_of_the_network(size: Size, classes: int) -> None:
    network = network_of(size, classes)
    pixels = torch.randint(0, 256, (2, 3, size.side, size.side), generator=torch.Generator().manual_seed(1)).float()
    with torch.no_grad():
        logits, shifts = network(pixels)
    model = Network(write_detector(network), parts=[BOX_PIXELS])
    boxes, scores, kinds = model.run(pixels.numpy(), [BOXES, BOX_SCORES, BOX_CLASSES], part=BOX_PIXELS)
    assert (boxes.shape, scores.shape, kinds.shape) == ((2, 100, 4), (2, 100), (2, 100))
    for number in range(2):
        mine = detections(logits[number], shifts[number], network.anchors)
        count = len(mine.scores)
        assert np.abs(scores[number, :count] - mine.scores.numpy()).max() < 1e-5
        assert np.abs(boxes[number, :count] - mine.boxes.numpy()).max() < 1e-4
        assert kinds[number, :count].tolist() == mine.classes.tolist()
        assert not scores[number, count:].any()


def test_a_checkpoint_of_a_training_is_taken(tmp_path: Path) -> None:
    trained, fresh = network_of(SMALL, 3), network_of(SMALL, 3, seed=1)
    torch.save({"format": 1, "network": fresh.state_dict(), "best": trained.state_dict()}, tmp_path / "boxes.pt")
    told = take_weights(fresh, tmp_path / "boxes.pt")
    assert all(torch.equal(mine, fresh.state_dict()[name]) for name, mine in trained.state_dict().items())
    assert "backbone 96 of 96" in told


def test_what_does_not_fit_stays_and_is_told(tmp_path: Path) -> None:
    torch.save(network_of(SMALL, 3).state_dict(), tmp_path / "three.pt")
    other = network_of(SMALL, 5, seed=1)
    before = other.class_net.predict.conv_pw.weight.clone()
    told = take_weights(other, tmp_path / "three.pt")
    assert torch.equal(other.class_net.predict.conv_pw.weight, before)
    assert "of another shape: class_net.predict.conv_pw.weight" in told


def test_batch_normalisation_of_a_published_backbone_is_folded(tmp_path: Path) -> None:
    """The names of timm, and wrapped as other trainings wrap networks."""
    own = load_backbone().state_dict()
    generator = torch.Generator().manual_seed(2)
    gain = torch.rand(32, generator=generator) + 0.5
    mean, variance = torch.randn(32, generator=generator), torch.rand(32, generator=generator) + 0.5
    stored = {
        "model.backbone.conv_stem.weight": own["_conv_stem.weight"] / (gain / (variance + 1e-3).sqrt())[:, None, None, None],
        "model.backbone.bn1.weight": gain,
        "model.backbone.bn1.bias": own["_conv_stem.bias"] + mean * gain / (variance + 1e-3).sqrt(),
        "model.backbone.bn1.running_mean": mean,
        "model.backbone.bn1.running_var": variance,
    }
    torch.save({"state_dict": stored}, tmp_path / "published.pt")
    network = network_of(SMALL, 3)
    stem = network.backbone._conv_stem
    assert stem.bias is not None
    nn.init.zeros_(stem.weight)
    nn.init.zeros_(stem.bias)
    assert "backbone 2 of 96" in take_weights(network, tmp_path / "published.pt")
    assert torch.allclose(stem.weight, own["_conv_stem.weight"], atol=1e-5)
    assert torch.allclose(stem.bias, own["_conv_stem.bias"], atol=1e-5)


def test_of_a_package_the_backbone_is_taken(tmp_path: Path) -> None:
    trained, fresh = network_of(SMALL, 3), network_of(SMALL, 2, seed=1)
    with torch.no_grad():
        trained.backbone._conv_stem.weight.mul_(1.5)
    (tmp_path / "model.onnx").write_bytes(write_detector(trained))
    assert take_weights(fresh, tmp_path).startswith("weights taken: backbone 96 of 96, fpn 0 of")
    assert torch.equal(fresh.backbone._conv_stem.weight, trained.backbone._conv_stem.weight)


def test_a_bias_before_a_normalisation_becomes_a_part_of_it(tmp_path: Path) -> None:
    network, other = network_of(SMALL, 3), network_of(SMALL, 3)
    stored = network.state_dict()
    name = "fpn.cell.0.fnode.0.after_combine.conv"
    stored[f"{name}.conv_pw.bias"] = torch.arange(16.0)
    stored[f"{name}.bn.running_mean"] = stored[f"{name}.bn.running_mean"] + torch.arange(16.0)
    torch.save(stored, tmp_path / "biased.pt")
    take_weights(other, tmp_path / "biased.pt")
    taken, own = (one.state_dict()[f"{name}.bn.running_mean"] for one in (other, network))
    assert torch.allclose(taken, own, atol=1e-5)


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (None, "Cannot read the weights"),
        (b"none", "no checkpoint that can be read safely"),
        ([1, 2], "holds a list"),
        ({}, "fits"),
    ],
    ids=["missing", "garbage", "list", "empty"],
)
def test_what_is_no_checkpoint_is_refused(tmp_path: Path, content: object, said: str) -> None:
    path = tmp_path / "weights.pt"
    if isinstance(content, bytes):
        path.write_bytes(content)
    elif content is not None:
        torch.save(content, path)
    with pytest.raises(InputError, match=said):
        take_weights(network_of(SMALL, 2), path)
