from __future__ import annotations

import numpy as np
import onnx
import pytest

from walkaround.models.names import MASK_PIXELS, MASKS
from walkaround.models.network import Network

torch = pytest.importorskip("torch")
from walkaround.models.gradient.segmenter import UNKNOWN, Segmenter, class_weights, mask_losses  # noqa: E402


def lived_in(classes: int) -> Segmenter:
    """A segmenter whose normalisations are not those it begins with."""
    torch.manual_seed(0)
    network = Segmenter(classes)
    for module in network.modules():
        if isinstance(module, torch.nn.BatchNorm2d):
            assert module.running_mean is not None
            assert module.running_var is not None
            module.running_mean.normal_(0, 0.3)
            module.running_var.uniform_(0.5, 2)
            module.weight.data.uniform_(0.5, 2)
            module.bias.data.normal_()
    return network.eval()


@pytest.mark.parametrize(("classes", "side"), [(1, 64), (7, 96)])
def test_the_exported_graph_gives_what_the_network_gives(classes: int, side: int) -> None:
    network = lived_in(classes)
    pixels = np.random.default_rng(0).uniform(0, 255, (2, 3, side, side)).astype(np.float32)
    [found] = Network(network.write(side), parts=(MASK_PIXELS,)).run(pixels, [MASKS], part=MASK_PIXELS)
    with torch.no_grad():
        expected = network.probabilities(torch.from_numpy(pixels)).numpy()
    assert found.shape == (2, classes + 1, side // 2, side // 2)
    np.testing.assert_allclose(found, expected, atol=2e-6)
    np.testing.assert_allclose(found.sum(axis=1), 1, atol=1e-5)


def test_the_graph_is_that_of_the_trained_backbone_and_tells_its_shapes() -> None:
    network = lived_in(3)
    before = network.write(64)
    with torch.no_grad():
        next(parameter for name, parameter in network.named_parameters() if "_blocks.12." in name).add_(1)
    assert network.write(64) != before
    graph = onnx.load_from_string(before).graph
    assert [tensor.name for tensor in (*graph.input, *graph.output)] == [MASK_PIXELS, MASKS]
    assert [size.dim_value or size.dim_param for size in graph.output[0].type.tensor_type.shape.dim] == ["n", 4, 32, 32]


def test_the_losses_are_those_of_the_formulas_and_skip_what_is_unknown() -> None:
    masks = torch.zeros(1, 16, 16, dtype=torch.uint8)
    masks[:, :, 8:] = 1
    scores = torch.zeros(1, 3, 4, 4)
    scores[:, 1, :, 2:] = np.log(2)  # probabilities 1/4, 1/2, 1/4 on the right, thirds on the left
    weights = torch.tensor([1.0, 3.0, 1.0])
    losses = mask_losses(scores, masks, weights)
    assert losses["entropy"].item() == pytest.approx((np.log(3) + 3 * np.log(2)) / 4, abs=1e-5)
    background = 1 - (2 * 8 / 3 + 1) / (8 / 3 + 2 + 8 + 1)
    first = 1 - (2 * 8 / 2 + 1) / (8 / 2 + 8 / 3 + 8 + 1)
    assert losses["overlap"].item() == pytest.approx((background + first) / 2, abs=1e-5)
    half = masks.clone()
    half[:, :, 8:] = UNKNOWN
    assert mask_losses(scores, half, weights)["entropy"].item() == pytest.approx(np.log(3), abs=1e-5)
    nothing = torch.full_like(masks, UNKNOWN)
    assert {name: value.item() for name, value in mask_losses(scores, nothing, weights).items()} == {"entropy": 0, "overlap": 0}


def test_of_a_cell_on_an_edge_the_shares_are_wanted() -> None:
    masks = torch.zeros(1, 4, 4, dtype=torch.uint8)
    masks[:, :, 1:] = 1
    masks[:, 0] = UNKNOWN
    scores = torch.tensor([0.25, 0.75]).log().view(1, 2, 1, 1)
    entropy = mask_losses(scores, masks, torch.ones(2))["entropy"].item()
    assert entropy == pytest.approx(-(0.25 * np.log(0.25) + 0.75 * np.log(0.75)), abs=1e-5)
    for other in (0.15, 0.35):
        shares = torch.tensor([other, 1 - other]).log().view(1, 2, 1, 1)
        assert mask_losses(shares, masks, torch.ones(2))["entropy"].item() > entropy


def test_the_loss_falls_when_a_picture_is_learnt_by_heart() -> None:
    torch.manual_seed(0)
    network = Segmenter(1)
    network.backbone.freeze(7)
    pixels = torch.randint(0, 255, (2, 3, 64, 64), dtype=torch.uint8)
    masks = torch.zeros(2, 64, 64, dtype=torch.uint8)
    masks[:, 16:48, 16:48] = 1
    pixels[:, 0, 16:48, 16:48] = 250
    trained = [parameter for parameter in network.parameters() if parameter.requires_grad]
    assert not any(name.startswith("backbone") for name, one in network.named_parameters() if one.requires_grad)
    optimiser = torch.optim.Adam(trained, lr=0.01)
    told = []
    for _ in range(25):
        loss = torch.stack([*mask_losses(network(pixels), masks, torch.ones(2)).values()]).sum()
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        told.append(loss.item())
    assert told[-1] < 0.3 * told[0]


@pytest.mark.parametrize(("power", "expected"), [(0.0, [1, 1, 1, 1]), (0.5, [0.33, 1, 1, 5])])
def test_rare_classes_weigh_more_and_absent_ones_not_endlessly(power: float, expected: list[float]) -> None:
    weights = class_weights(np.array([900, 100, 100, 0]), power=power)
    np.testing.assert_allclose(weights, expected, atol=0.01)
