"""What a network learns from in one step: pictures with the places, masks and labels that belong to them."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor


@dataclass(frozen=True, kw_only=True, eq=False)
class Batch:
    """Pictures of one size with what is known of them.

    Attributes:
        pixels: uint8 [n, 3, side, side], RGB; networks take them as float 0 to 255, see `inputs`.
        boxes: for each picture float32 [k, 4]: left, top, right, bottom as fractions of the input, 0 to 1.
        classes: for each picture int64 [k], the class of each box, counted from 0.
        ignored: for each picture float32 [k, 4], areas in which nothing is to be learnt (COCO's crowds).
        masks: uint8 [n, side, side]: 0 is background, n is class n - 1, 255 is not learnt; None where none are asked for.
        labels: int64 [n], the class of each whole picture, -1 where nobody labelled it.
        indices: position of each picture in the sequence that the loader was given; of a mosaic the first of its pictures.
    """

    pixels: Tensor
    boxes: tuple[Tensor, ...]
    classes: tuple[Tensor, ...]
    ignored: tuple[Tensor, ...]
    masks: Tensor | None
    labels: Tensor
    indices: tuple[int, ...]

    def __len__(self) -> int:
        return len(self.pixels)

    @property
    def inputs(self) -> Tensor:
        """float32 [n, 3, side, side], RGB, 0 to 255."""
        return self.pixels.float()

    def to(self, device: torch.device) -> Batch:
        """The same batch in the memory of `device`."""
        if device.type == self.pixels.device.type == "cpu":
            return self

        def moved(tensors: tuple[Tensor, ...]) -> tuple[Tensor, ...]:
            return tuple(tensor.to(device, non_blocking=True) for tensor in tensors)

        return Batch(
            pixels=self.pixels.to(device, non_blocking=True),
            boxes=moved(self.boxes),
            classes=moved(self.classes),
            ignored=moved(self.ignored),
            masks=None if self.masks is None else self.masks.to(device, non_blocking=True),
            labels=self.labels.to(device, non_blocking=True),
            indices=self.indices,
        )
