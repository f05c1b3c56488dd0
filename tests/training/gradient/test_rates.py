"""The rates at which the shipped network is trained on do not kill it."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional

from walkaround.models.gradient.backbone import SameConvolution, load_backbone
from walkaround.training.gradient.box_recipes import RECIPES
from walkaround.training.gradient.masks import MaskRecipe

RANGE = 6.0
"""Of a ReLU6."""


@pytest.fixture(scope="module")
def reach() -> float:
    """How far a step in which every weight moves by 1, as its input has it, moves the input of some ReLU6 on average."""
    found: list[float] = []

    def see(module: nn.Module, inputs: tuple[Tensor], output: Tensor) -> None:
        assert isinstance(module, SameConvolution)
        if module.relu6:
            maps = functional.pad(inputs[0], module.margins * 2) if module.uneven else inputs[0]
            ones = torch.ones_like(module.weight)
            moved = functional.conv2d(maps.abs(), ones, None, module.stride, module.padding, 1, module.groups)
            found.append(float(moved.mean()) + 1)

    network = load_backbone()
    for module in network.modules():
        if isinstance(module, SameConvolution):
            module.register_forward_hook(see)
    with torch.no_grad():
        network(torch.randint(0, 256, (2, 3, 160, 160), generator=torch.Generator().manual_seed(0)))
    return max(found)


RATES = {
    **{name: recipe.rate * recipe.backbone for name, recipe in RECIPES.items() if not recipe.sgd},
    "masks": MaskRecipe().rate * MaskRecipe().backbone,
}


@pytest.mark.parametrize("name", RATES)
def test_no_step_goes_far_through_the_range_of_a_relu(name: str, reach: float) -> None:
    """AdamW moves each weight by its rate. A fiftieth of the range was too much: within 100 steps most ReLUs were dead."""
    assert RATES[name] * reach < RANGE / 100
