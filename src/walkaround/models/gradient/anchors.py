"""Anchors: the boxes that the network moves and stretches into place, and how its numbers say by how much.

Here alone boxes have the order of TensorFlow's detectors, y before x, so that published weights fit: centres and sizes in the
network's shifts. Everything that leaves this module is left, top, right, bottom as fractions of the input.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor

from walkaround.models.gradient.sizes import LEVELS, AnchorShapes

LONGEST = math.log(1000.0 / 16.0)
"""Largest logarithm of a stretching that is believed; more could only be noise, and would overflow."""


def cells(side: int) -> tuple[int, ...]:
    """How many cells a row of each level has; odd sizes are rounded up from level to level."""
    counts = [side // 2**level for level in LEVELS[:3]]
    while len(counts) < len(LEVELS):
        counts.append(-(-counts[-1] // 2))
    return tuple(counts)


def make_anchors(side: int, shapes: AnchorShapes) -> Tensor:
    """float32 [anchors, 4], left, top, right, bottom as fractions of the input, reaching out of it at the edges.

    Level after level, the finest first; in a level row after row, cell after cell, size after size, ratio after ratio.
    """
    levels = []
    for count in cells(side):
        width = 1.0 / count
        centres = (torch.arange(count, dtype=torch.float64) + 0.5) * width
        across, down = [], []
        for octave in range(shapes.octaves):
            for ratio in shapes.ratios:
                length = shapes.scale * width * 2 ** (octave / shapes.octaves)
                across.append(length * math.sqrt(ratio))
                down.append(length / math.sqrt(ratio))
        half = torch.tensor([across, down], dtype=torch.float64).T / 2  # [shapes, 2]
        y, x = torch.meshgrid(centres, centres, indexing="ij")
        middle = torch.stack([x, y], dim=-1)[:, :, None, :]
        levels.append(torch.cat([middle - half, middle + half], dim=-1).reshape(-1, 4))
    return torch.cat(levels).float()


def decode(shifts: Tensor, anchors: Tensor) -> Tensor:
    """What boxes the network means.

    Args:
        shifts: float32 [..., 4]: of the centre (y, x) in sizes of the anchor, and of the size (height, width) as a logarithm.
        anchors: float32 [..., 4], left, top, right, bottom.

    Returns:
        float32 [..., 4], left, top, right, bottom in the anchors' unit.
    """
    size = anchors[..., 2:] - anchors[..., :2]
    middle = (anchors[..., :2] + anchors[..., 2:]) / 2 + shifts[..., [1, 0]] * size
    half = size * shifts[..., [3, 2]].clamp(max=LONGEST).exp() / 2
    return torch.cat([middle - half, middle + half], dim=-1)


def encode(boxes: Tensor, anchors: Tensor) -> Tensor:
    """The shifts that `decode` makes `boxes` of."""
    size = anchors[..., 2:] - anchors[..., :2]
    wanted = (boxes[..., 2:] - boxes[..., :2]).clamp(min=1e-6)
    middle = ((boxes[..., :2] + boxes[..., 2:]) - (anchors[..., :2] + anchors[..., 2:])) / 2 / size
    stretch = (wanted / size).log()
    return torch.cat([middle[..., [1, 0]], stretch[..., [1, 0]]], dim=-1)
