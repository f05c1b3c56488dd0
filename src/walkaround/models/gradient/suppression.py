"""From scores and shifts to the boxes that are told: the surest first, each damage once."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from walkaround.models.gradient.anchors import decode
from walkaround.models.gradient.assignment import intersection_over_union

CANDIDATES = 400
"""Scores of a picture that are looked at; less sure ones cannot be among the boxes that are told, as a rule."""

MOST = 100
"""Boxes told of a picture, as COCO's measure counts."""

OVERLAP = 0.5
"""Intersection over union from which two boxes of one class are the same damage, of which the surer one is told."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Detections:
    """Boxes of one picture, the surest first.

    Attributes:
        boxes: float32 [found, 4], left, top, right, bottom as fractions of the input.
        scores: float32 [found], 0 to 1.
        classes: int64 [found].
    """

    boxes: Tensor
    scores: Tensor
    classes: Tensor


@torch.no_grad()
def detections(logits: Tensor, shifts: Tensor, anchors: Tensor) -> Detections:
    """The boxes of one picture: what the exported graph computes, for measuring while a training runs.

    Args:
        logits: float32 [anchors, classes].
        shifts: float32 [anchors, 4].
        anchors: float32 [anchors, 4].
    """
    scores, index = logits.float().sigmoid().flatten().topk(min(CANDIDATES, logits.numel()))
    anchor, classes = index // logits.shape[1], index % logits.shape[1]
    boxes = decode(shifts[anchor].float(), anchors[anchor]).clamp(0, 1)
    kept = suppressed(boxes, classes)[:MOST]
    return Detections(boxes=boxes[kept], scores=scores[kept], classes=classes[kept])


def suppressed(boxes: Tensor, classes: Tensor) -> Tensor:
    """Indices, int64 [kept], of the boxes that no surer one of their class stands for; `boxes` [n, 4] are the surest first."""
    same = (intersection_over_union(boxes[:, None], boxes[None]) > OVERLAP) & (classes[:, None] == classes[None])
    same = same.cpu()
    left = torch.ones(len(boxes), dtype=torch.bool)
    kept = []
    for number in range(len(boxes)):
        if left[number]:
            kept.append(number)
            left &= ~same[number]
    return torch.tensor(kept, dtype=torch.int64, device=boxes.device)
