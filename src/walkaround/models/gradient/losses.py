"""What EfficientDet is trained by: focal loss for the classes; smooth L1, or generalised IoU, for the boxes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor
from torch.nn import functional

from walkaround.models.gradient.anchors import decode, encode
from walkaround.models.gradient.assignment import Assignment, area, assign, intersection_over_union

BoxLoss = Literal["smooth_l1", "giou"]

_USUAL = 16
"""Anchors that "adaptive" asks for a box, as a rule."""


@dataclass(frozen=True, kw_only=True)
class LossSettings:
    """How right and wrong answers count.

    Attributes:
        gamma: how much less an anchor counts that is right already (Lin et al. 2017).
        alpha: weight of anchors with a box against those without.
        box: "smooth_l1" of the shifts, quadratic below `delta`; "giou" of the boxes (Rezatofighi et al. 2019).
        box_weight: of the box loss beside the class loss.
        delta: see `box`.
        assignment: which anchors are to find a box.
        smoothing: share that is taken from sure targets and given to the other answers.
    """

    gamma: float = 1.5
    alpha: float = 0.25
    box: BoxLoss = "smooth_l1"
    box_weight: float = 50.0
    delta: float = 0.1
    assignment: Assignment = "overlap"
    smoothing: float = 0.0


def detection_losses(
    logits: Tensor,
    shifts: Tensor,
    anchors: Tensor,
    *,
    levels: tuple[int, ...],
    places: Sequence[tuple[Tensor, Tensor, Tensor]],
    settings: LossSettings,
) -> dict[str, Tensor]:
    """The losses of a batch, over the number of anchors that are to find a box.

    With "adaptive" that is at least as many as one box in each picture would have: divided by next to nothing, a batch of whole
    cars would count a hundred times as much as one of damaged ones.

    Args:
        logits: float32 [n, anchors, classes].
        shifts: float32 [n, anchors, 4].
        anchors: float32 [anchors, 4].
        levels: how many anchors each level has.
        places: for each picture boxes float32 [k, 4], their classes int64 [k], and ignored areas float32 [i, 4].
        settings: which losses.

    Returns:
        "class" and "box", scalars whose sum is to be minimised.
    """
    targets = [assign(anchors, levels, boxes, ignored, settings.assignment) for boxes, _, ignored in places]
    found = torch.stack([one.found for one in targets])
    known = torch.stack([one.known for one in targets])
    wanted = torch.zeros_like(logits)
    picture, anchor = torch.nonzero(found, as_tuple=True)
    chosen = torch.cat([one.box[one.found] for one in targets])
    per_picture = torch.split(chosen, [int(one.found.sum()) for one in targets])
    classes = torch.cat([ids[index] for (_, ids, _), index in zip(places, per_picture, strict=True)])
    boxes = torch.cat([corners[index] for (corners, _, _), index in zip(places, per_picture, strict=True)])
    wanted[picture, anchor, classes] = 1.0
    fewest = 1 if settings.assignment == "overlap" else _USUAL * len(places)
    count = max(fewest, len(picture))
    class_loss = (focal_loss(logits, wanted, settings) * known[..., None]).sum() / count
    box_loss = _box_loss(shifts[picture, anchor], boxes.to(shifts.dtype), anchors[anchor], settings) / count
    return {"class": class_loss, "box": settings.box_weight * box_loss}


def focal_loss(logits: Tensor, wanted: Tensor, settings: LossSettings) -> Tensor:
    """Cross-entropy that counts less where the answer is right already; `wanted` is 0 or 1, same shape as `logits`."""
    p = logits.sigmoid()
    missed = torch.where(wanted > 0, 1 - p, p)
    weight = torch.where(wanted > 0, settings.alpha, 1 - settings.alpha) * missed**settings.gamma
    soft = wanted * (1 - settings.smoothing) + settings.smoothing / 2
    return weight * functional.binary_cross_entropy_with_logits(logits, soft, reduction="none")


def _box_loss(shifts: Tensor, boxes: Tensor, anchors: Tensor, settings: LossSettings) -> Tensor:
    """Summed over anchors; without any, 0 that still reaches the network."""
    if settings.box == "smooth_l1":
        wanted = encode(boxes, anchors)
        return functional.huber_loss(shifts, wanted, delta=settings.delta, reduction="sum") / 4
    return (1 - generalised_iou(decode(shifts, anchors), boxes)).sum()


def generalised_iou(found: Tensor, boxes: Tensor) -> Tensor:
    """float32 [...], 1 where boxes [..., 4] agree, down to -1 where they are far apart."""
    sides = torch.maximum(found[..., 2:], boxes[..., 2:]) - torch.minimum(found[..., :2], boxes[..., :2])
    around = (sides[..., 0] * sides[..., 1]).clamp(min=1e-12)
    overlap = intersection_over_union(found, boxes)
    union = (area(found) + area(boxes)) / (1 + overlap)
    return overlap - (around - union) / around
