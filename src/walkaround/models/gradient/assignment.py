"""Which anchor is to find which box: the targets that the losses are measured against."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor

Assignment = Literal["overlap", "adaptive"]

MATCHED = 0.5
"""Intersection over union from which an anchor is to find a box, with "overlap"."""

NEAREST = 27
"""Anchors of each level that are asked for a box, with "adaptive"."""

IGNORED = 0.5
"""Share of an anchor inside an ignored area from which nothing is learnt from it."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Targets:
    """What the anchors of one picture are to say.

    Attributes:
        box: int64 [anchors], index of the box that the anchor is to find; -1: there is nothing; -2: nobody knows.
    """

    box: Tensor

    @property
    def found(self) -> Tensor:
        """Bool [anchors]: those that are to find a box."""
        return self.box >= 0

    @property
    def known(self) -> Tensor:
        """Bool [anchors]: those that something is learnt from."""
        return self.box > -2


def assign(anchors: Tensor, levels: tuple[int, ...], boxes: Tensor, ignored: Tensor, assignment: Assignment) -> Targets:
    """Match the boxes of one picture with anchors.

    Args:
        anchors: float32 [anchors, 4], left, top, right, bottom.
        levels: how many anchors each level has.
        boxes: float32 [boxes, 4], in the same unit.
        ignored: float32 [areas, 4]: anchors mostly inside of one, which find no box, learn nothing.
        assignment: "overlap": EfficientDet's: all that overlap by half, and for each box the anchor that overlaps most.
            "adaptive" (ATSS, Zhang et al. 2020): of the nearest anchors of each level those that overlap more than most of
            them do, so that a box smaller than any anchor is learnt as well as others.
    """
    found = torch.full((len(anchors),), -1, dtype=torch.int64, device=anchors.device)
    if len(ignored):
        found[(_share_inside(anchors, ignored) > IGNORED).any(dim=1)] = -2
    if len(boxes):
        overlaps = intersection_over_union(anchors[:, None], boxes[None])
        chosen = _overlapping(overlaps) if assignment == "overlap" else _adaptive(anchors, levels, boxes, overlaps)
        best = torch.where(chosen, overlaps + 1, 0.0).max(dim=1)  # an anchor that several boxes want finds the nearest
        found = torch.where(best.values > 0, best.indices, found)
    return Targets(box=found)


def intersection_over_union(first: Tensor, second: Tensor) -> Tensor:
    """Of boxes float32 [..., 4], left, top, right, bottom; shapes are broadcast."""
    shared = _shared(first, second)
    return shared / (area(first) + area(second) - shared).clamp(min=1e-12)


def area(boxes: Tensor) -> Tensor:
    """float32 [...] of boxes [..., 4]."""
    return (boxes[..., 2] - boxes[..., 0]) * (boxes[..., 3] - boxes[..., 1])


def _shared(first: Tensor, second: Tensor) -> Tensor:
    sides = (torch.minimum(first[..., 2:], second[..., 2:]) - torch.maximum(first[..., :2], second[..., :2])).clamp(min=0)
    return sides[..., 0] * sides[..., 1]


def _share_inside(anchors: Tensor, areas: Tensor) -> Tensor:
    """float32 [anchors, areas]."""
    return _shared(anchors[:, None], areas[None]) / area(anchors)[:, None]


def _overlapping(overlaps: Tensor) -> Tensor:
    """Bool [anchors, boxes]."""
    chosen = overlaps >= MATCHED
    best = overlaps.max(dim=0)
    # only the best one is a must, and only where it touches the box at all
    chosen[best.indices[best.values > 0], torch.nonzero(best.values > 0)[:, 0]] = True
    return chosen


def _adaptive(anchors: Tensor, levels: tuple[int, ...], boxes: Tensor, overlaps: Tensor) -> Tensor:
    """Bool [anchors, boxes]."""
    middles = (anchors[:, :2] + anchors[:, 2:]) / 2
    wanted = (boxes[:, :2] + boxes[:, 2:]) / 2
    distance = ((middles[:, None] - wanted[None]) ** 2).sum(dim=2)
    near = torch.zeros_like(overlaps, dtype=torch.bool)
    start = 0
    for count in levels:
        # anchors of one cell are equally far; those that overlap more come first
        order = distance[start : start + count] - 1e-6 * overlaps[start : start + count]
        nearest = order.topk(min(NEAREST, count), dim=0, largest=False).indices + start
        near.scatter_(0, nearest, value=True)
        start += count
    count_near = near.sum(dim=0)
    mean = torch.where(near, overlaps, 0.0).sum(dim=0) / count_near
    deviation = (torch.where(near, (overlaps - mean) ** 2, 0.0).sum(dim=0) / (count_near - 1)).sqrt()
    return near & (overlaps >= mean + deviation) & (overlaps > 0)
