"""The average of a network over its last steps: it scores better and steadier than the network of any one step."""

from __future__ import annotations

import copy

import torch
from torch import Tensor, nn


class Average:
    """Exponential moving average of a network's weights; counters and other integers are copied.

    Attributes:
        network: a copy of the network with the averaged weights, in evaluation mode.
        steps: how many steps it averages over so far.
    """

    def __init__(self, network: nn.Module, share: float) -> None:
        """Begin with the weights as they are.

        Args:
            network: what is trained.
            share: of the old weights that a step leaves; 0: the copy is always the network of the last step.
        """
        self.network = copy.deepcopy(network).eval().requires_grad_(False)
        self.share = share
        self.steps = 0

    @torch.no_grad()
    def update(self, network: nn.Module) -> None:
        """Take in the weights after one more step."""
        self.steps += 1
        share = min(self.share, (1 + self.steps) / (10 + self.steps))  # so that the beginning is soon forgotten
        old, new = self._floats(self.network), self._floats(network)
        torch._foreach_lerp_(old, new, 1 - share)  # as the optimisers do: all tensors at once
        for own, other in zip(self.network.buffers(), network.buffers(), strict=True):
            if not own.is_floating_point():
                own.copy_(other)

    @staticmethod
    def _floats(network: nn.Module) -> list[Tensor]:
        return [*network.parameters(), *(buffer for buffer in network.buffers() if buffer.is_floating_point())]
