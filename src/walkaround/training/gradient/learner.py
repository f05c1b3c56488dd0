"""What the training loop asks of a network that is to be trained: a loss, and a score that says which checkpoint is best."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Protocol

from torch import Tensor, nn

from walkaround.training.gradient.batches import Batch


class Learner(Protocol):
    """A network with what it is trained for. Boxes, masks and fine-tuning each bring one.

    Attributes:
        network: on the device it is trained on; the loop moves it there before the first step.
    """

    network: nn.Module

    def loss(self, batch: Batch) -> dict[str, Tensor]:
        """Scalar losses by name, none of them "loss", of `network` in training mode; their sum is minimised."""

    def validate(self, network: nn.Module, batches: Iterable[Batch]) -> dict[str, float]:
        """Measure a network of the same shape, averaged over steps, in evaluation mode, without gradients.

        Returns:
            "score", higher when it is better, chooses the checkpoint that is kept; names that begin with "loss" are losses, all
            others further scores.
        """
