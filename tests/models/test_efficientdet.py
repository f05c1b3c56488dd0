"""The network that finds boxes: what its anchors, targets, losses and suppression do, in numbers known beforehand."""

from __future__ import annotations

import math

import pytest
import torch
from torch import Tensor

from walkaround.models.gradient.anchors import cells, decode, encode, make_anchors
from walkaround.models.gradient.assignment import Assignment, assign
from walkaround.models.gradient.efficientdet import EfficientDet
from walkaround.models.gradient.losses import LossSettings, detection_losses, focal_loss, generalised_iou
from walkaround.models.gradient.sizes import SIZES, AnchorShapes, Size
from walkaround.models.gradient.suppression import detections, suppressed

SMALL = Size(side=96, channels=16, fusions=2, layers=1)
NOTHING = torch.zeros(0, 4)


def levels_of(size: Size) -> tuple[int, ...]:
    return tuple(count * count * size.anchors.count for count in cells(size.side))


@pytest.mark.parametrize("name", SIZES)
def test_every_size_has_an_anchor_for_each_cell_of_five_levels(name: str) -> None:
    size = SIZES[name]
    anchors = make_anchors(size.side, size.anchors)
    assert cells(size.side)[0] == size.side // 8
    assert len(anchors) == sum(levels_of(size)) == 9 * sum(count**2 for count in cells(size.side))
    centres = (anchors[:, :2] + anchors[:, 2:]) / 2
    assert centres.min() > 0
    assert centres.max() < 1


def test_anchors_have_the_scale_octaves_and_ratios_of_the_paper() -> None:
    sides = 320 * (make_anchors(320, AnchorShapes())[:9, 2:] - make_anchors(320, AnchorShapes())[:9, :2])
    assert sides.prod(dim=1).sqrt().tolist() == pytest.approx([32] * 3 + [40.32] * 3 + [50.8] * 3, abs=0.01)
    assert (sides[:, 0] / sides[:, 1]).tolist() == pytest.approx([1, 2, 0.5] * 3)


def test_the_network_says_something_of_every_anchor() -> None:
    network = EfficientDet(SMALL, classes=3).eval()
    with torch.no_grad():
        logits, shifts = network(torch.zeros(2, 3, 96, 96, dtype=torch.uint8))
    assert logits.shape == (2, len(network.anchors), 3)
    assert shifts.shape == (2, len(network.anchors), 4)
    assert logits.sigmoid().mean() == pytest.approx(0.01, abs=0.01)


def test_what_is_encoded_is_decoded() -> None:
    anchors = make_anchors(96, AnchorShapes())[::7]
    boxes = torch.rand(len(anchors), 2, generator=torch.Generator().manual_seed(1)) * 0.5
    boxes = torch.cat([boxes, boxes + 0.3], dim=1)
    assert torch.allclose(decode(encode(boxes, anchors), anchors), boxes, atol=1e-5)
    assert torch.isfinite(decode(torch.full((1, 4), 1e4), anchors[:1])).all()


def test_shifts_have_the_order_of_published_weights() -> None:
    anchor = torch.tensor([[0.2, 0.4, 0.4, 0.8]])
    down_and_wide = torch.tensor([[0.5, 0.0, 0.0, math.log(2)]])
    assert decode(down_and_wide, anchor)[0].tolist() == pytest.approx([0.1, 0.6, 0.5, 1.0])


@pytest.mark.parametrize("assignment", ["overlap", "adaptive"])
@pytest.mark.parametrize(
    "box", [(0.4, 0.4, 0.6, 0.6), (0.5, 0.5, 0.51, 0.52), (0.0, 0.0, 1.0, 1.0), (0.1, 0.45, 0.9, 0.5)], ids=str
)
def test_every_box_is_some_anchors_task_however_small_or_long(assignment: Assignment, box: tuple[float, ...]) -> None:
    size = SIZES["lite0"]
    targets = assign(make_anchors(320, size.anchors), levels_of(size), torch.tensor([box]), NOTHING, assignment)
    assert 1 <= int(targets.found.sum()) < 200
    assert targets.known.all()


def test_an_anchor_between_two_boxes_finds_the_nearer_one() -> None:
    anchors = torch.tensor([[0.0, 0.0, 0.4, 0.4], [0.5, 0.5, 0.9, 0.9]])
    boxes = torch.tensor([[0.02, 0.0, 0.42, 0.4], [0.1, 0.0, 0.5, 0.4], [0.5, 0.5, 0.9, 0.9]])
    assert assign(anchors, (2,), boxes, NOTHING, "overlap").box.tolist() == [0, 2]


def test_nothing_is_learnt_inside_ignored_areas() -> None:
    anchors = torch.tensor([[0.0, 0.0, 0.4, 0.4], [0.5, 0.5, 0.9, 0.9], [0.0, 0.1, 0.4, 0.5]])
    ignored = torch.tensor([[0.0, 0.0, 0.5, 0.5]])
    targets = assign(anchors, (3,), anchors[:1], ignored, "overlap")
    assert targets.box.tolist() == [0, -1, 0]
    assert assign(anchors, (3,), NOTHING, ignored, "overlap").box.tolist() == [-2, -1, -2]


def test_focal_loss_counts_what_is_right_already_less() -> None:
    logits, wanted = torch.tensor([2.0, 2.0, -2.0]), torch.tensor([1.0, 0.0, 0.0])
    p = 1 / (1 + math.exp(-2))
    expected = [0.25 * (1 - p) ** 1.5 * -math.log(p), 0.75 * p**1.5 * -math.log(1 - p), 0.75 * (1 - p) ** 1.5 * -math.log(p)]
    assert focal_loss(logits, wanted, LossSettings()).tolist() == pytest.approx(expected, rel=1e-5)


@pytest.mark.parametrize(
    ("box", "value"),
    [((0.0, 0.0, 1.0, 1.0), 1.0), ((0.5, 0.0, 1.5, 1.0), 1 / 3), ((3.0, 0.0, 4.0, 1.0), -0.5), ((0.0, 0.0, 0.0, 0.0), 0.0)],
)
def test_generalised_iou(box: tuple[float, ...], value: float) -> None:
    assert generalised_iou(torch.tensor([box]), torch.tensor([[0.0, 0.0, 1.0, 1.0]])).item() == pytest.approx(value, abs=1e-5)


@pytest.mark.parametrize("settings", [LossSettings(), LossSettings(box="giou", box_weight=2.0, assignment="adaptive")])
def test_the_right_answer_costs_nothing_and_any_other_something(settings: LossSettings) -> None:
    size = SIZES["lite0"]
    anchors, boxes = make_anchors(320, size.anchors), torch.tensor([[0.2, 0.3, 0.5, 0.5], [0.6, 0.1, 0.7, 0.3]])
    kinds = torch.tensor([1, 0])
    target = assign(anchors, levels_of(size), boxes, NOTHING, settings.assignment).box
    logits = torch.full((len(anchors), 2), -20.0)
    logits[target >= 0, kinds[target[target >= 0]]] = 20.0
    shifts = encode(boxes[target.clamp(min=0)], anchors)

    def losses(logits: Tensor, shifts: Tensor) -> dict[str, float]:
        found = detection_losses(
            logits[None], shifts[None], anchors, levels=levels_of(size), places=[(boxes, kinds, NOTHING)], settings=settings
        )
        return {name: float(value.detach()) for name, value in found.items()}

    assert sum(losses(logits, shifts).values()) == pytest.approx(0, abs=1e-4)
    assert losses(logits.flip(1), shifts)["class"] > 1
    assert losses(logits, shifts + 0.3)["box"] > 0.2


def test_a_picture_without_boxes_can_be_learnt_from() -> None:
    network = EfficientDet(SMALL, classes=2)
    logits, shifts = network(torch.zeros(2, 3, 96, 96, dtype=torch.uint8))
    places = [(NOTHING, torch.zeros(0, dtype=torch.int64), NOTHING)] * 2
    losses = detection_losses(
        logits, shifts, network.anchors, levels=levels_of(SMALL), places=places, settings=LossSettings(box="giou")
    )
    torch.autograd.backward(torch.stack(list(losses.values())).sum())
    assert losses["box"].detach() == 0
    assert all(torch.isfinite(one.grad).all() for one in network.parameters() if one.grad is not None)


def test_whole_cars_alone_count_about_as_much_as_cars_with_one_damage() -> None:
    size = SIZES["lite0"]
    anchors = make_anchors(320, size.anchors)
    settings = LossSettings(box="giou", assignment="adaptive")

    def loss(places: tuple[Tensor, Tensor, Tensor]) -> float:
        logits, shifts = torch.full((2, len(anchors), 2), -3.0), torch.zeros(2, len(anchors), 4)
        found = detection_losses(logits, shifts, anchors, levels=levels_of(size), places=[places] * 2, settings=settings)
        return float(found["class"])

    whole = loss((NOTHING, torch.zeros(0, dtype=torch.int64), NOTHING))
    damaged = loss((torch.tensor([[0.2, 0.3, 0.5, 0.5]]), torch.tensor([1]), NOTHING))
    assert 0.5 < whole / damaged < 2


def test_of_boxes_on_one_damage_the_surest_is_told() -> None:
    boxes = torch.tensor([[0.0, 0.0, 0.4, 0.4], [0.01, 0.0, 0.4, 0.4], [0.01, 0.0, 0.4, 0.4], [0.5, 0.5, 0.9, 0.9]])
    assert suppressed(boxes, torch.tensor([0, 0, 1, 0])).tolist() == [0, 2, 3]


def test_what_is_told_lies_inside_the_picture_surest_first() -> None:
    generator = torch.Generator().manual_seed(0)
    anchors = make_anchors(96, AnchorShapes())
    logits, shifts = torch.randn(len(anchors), 3, generator=generator), torch.randn(len(anchors), 4, generator=generator)
    found = detections(logits, shifts, anchors)
    assert 1 < len(found.boxes) <= 100
    assert (found.scores.diff() <= 0).all()
    assert found.boxes.min() >= 0
    assert found.boxes.max() <= 1
