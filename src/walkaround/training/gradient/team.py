"""Who else trains the same network at the same time: nobody, or the other processes of a cluster."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from torch import Tensor


class Team(Protocol):
    """The processes that train one network together, each on its own share of every batch.

    The first one measures, tells and writes.
    """

    @property
    def rank(self) -> int:
        """Number of this process, from 0."""

    @property
    def size(self) -> int:
        """How many processes there are."""

    def average(self, tensors: Sequence[Tensor]) -> None:
        """Replace each tensor with its mean over all processes."""

    def share(self, tensors: Sequence[Tensor]) -> None:
        """Replace each tensor with that of the first process."""

    def agree(self, numbers: Sequence[float]) -> list[float]:
        """The numbers of the first process, in every process."""


class Alone:
    """A team of one."""

    rank = 0
    size = 1

    def average(self, tensors: Sequence[Tensor]) -> None:
        """Change nothing: the mean over one process is its own."""
        del tensors

    def share(self, tensors: Sequence[Tensor]) -> None:
        """Change nothing: this process is the first."""
        del tensors

    def agree(self, numbers: Sequence[float]) -> list[float]:
        """The numbers themselves."""
        return list(numbers)
