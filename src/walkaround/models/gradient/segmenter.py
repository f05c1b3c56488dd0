"""The network that finds masks: EfficientNet-Lite0 with a light decoder, its loss, and its graph for ONNX Runtime.

The decoder goes from coarse to fine, as a feature pyramid does (Lin et al. 2017, https://arxiv.org/abs/1612.03144), with
convolutions that are separable like the backbone's, and ends at stride 4: a mirror or a scratch is a few pixels wide. What the
whole picture shows (ParseNet's global context, Liu et al. 2015, https://arxiv.org/abs/1506.04579) is added at the coarsest
level, because a dent in a door and one in a bumper look alike from near.
"""

from __future__ import annotations

from typing import cast

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional

from walkaround.models.gradient.backbone import CHANNELS, load_backbone
from walkaround.models.graph import Graph
from walkaround.models.names import MASK_PIXELS, MASKS

UNKNOWN = 255
"""In a label map of training: nothing is to be learnt here."""

STRIDE = 2
"""Pixels of the input for each cell of the exported masks: the decoder's cells of 4 pixels, interpolated once."""

_DECODER_STRIDE = 4
_FINEST = 48
_WIDTH = 96
_DROPPED = 0.1
_SMOOTH = 1.0  # pixels; keeps the overlap of a class of which there is nothing a number


class Reduction(nn.Sequential):
    """A convolution of single pixels with batch normalisation: it brings feature maps to the decoder's width."""

    def __init__(self, channels: int, to: int) -> None:
        super().__init__(nn.Conv2d(channels, to, 1, bias=False), nn.BatchNorm2d(to))

    def write(self, graph: Graph, source: str) -> str:
        """The same in ONNX, batch normalisation folded in."""
        return _convolution(graph, source, *_folded(cast("nn.Conv2d", self[0]), cast("nn.BatchNorm2d", self[1])))


class Filter(nn.Sequential):
    """A separable convolution with batch normalisation and ReLU6: each channel is filtered, then channels are mixed."""

    def __init__(self, channels: int, *, kernel: int) -> None:
        super().__init__(
            nn.Conv2d(channels, channels, kernel, padding=kernel // 2, groups=channels, bias=False),
            nn.Conv2d(channels, channels, 1, bias=False),
            nn.BatchNorm2d(channels),
            nn.ReLU6(),
        )

    def write(self, graph: Graph, source: str) -> str:
        """The same in ONNX, batch normalisation folded in."""
        filtered = cast("nn.Conv2d", self[0])
        flow = _convolution(graph, source, _array(filtered.weight), None, groups=filtered.groups)
        flow = _convolution(graph, flow, *_folded(cast("nn.Conv2d", self[1]), cast("nn.BatchNorm2d", self[2])))
        return _relu6(graph, flow)


class Segmenter(nn.Module):
    """Pixels to one score for background and for each class in every cell of 4 by 4 pixels."""

    def __init__(self, classes: int) -> None:
        """The backbone has the shipped weights, the decoder begins at random; background is not among the `classes`.

        Raises:
            PackageError: the installation lacks the backbone's weights.
        """
        super().__init__()
        self.classes = classes
        self.backbone = load_backbone()
        del self.backbone._conv_head  # the classifier's; nothing here reads it
        self.context = nn.Conv2d(CHANNELS[32], _WIDTH, 1)
        self.reduce32, self.reduce16, self.reduce8 = (Reduction(CHANNELS[stride], _WIDTH) for stride in (32, 16, 8))
        self.filter32, self.filter16, self.filter8 = (Filter(_WIDTH, kernel=5) for _ in range(3))
        self.gather = Reduction(2 * _WIDTH, _WIDTH)
        self.narrow = Reduction(_WIDTH, _FINEST)
        self.reduce4 = Reduction(CHANNELS[4], _FINEST)
        self.filter4, self.smooth4 = Filter(_FINEST, kernel=3), Filter(_FINEST, kernel=5)
        self.drop = nn.Dropout2d(_DROPPED)
        self.score = nn.Conv2d(_FINEST, classes + 1, 1)

    def forward(self, pixels: Tensor) -> Tensor:
        """Scores before the softmax.

        Args:
            pixels: uint8 or float32 [n, 3, h, w], RGB, 0 to 255; h and w are multiples of 32.

        Returns:
            float32 [n, 1 + classes, h / 4, w / 4].
        """
        maps = self.backbone(pixels.float().contiguous(memory_format=torch.channels_last))  # a third faster on a processor
        whole = self.context(maps[32].mean((2, 3), keepdim=True))
        coarse = self.filter32(functional.relu6(self.reduce32(maps[32]) + whole))
        middle = self.filter16(functional.relu6(self.reduce16(maps[16]) + _enlarged(coarse, 2)))
        fine = self.filter8(functional.relu6(self.reduce8(maps[8]) + _enlarged(middle, 2)))
        gathered = self.gather(torch.cat([_enlarged(coarse, 4), _enlarged(middle, 2)], dim=1))
        fine = functional.relu6(fine + gathered)
        finest = functional.relu6(self.reduce4(maps[4]) + _enlarged(self.narrow(fine), 2))
        scores: Tensor = self.score(self.drop(self.smooth4(self.filter4(finest))))
        return scores

    def probabilities(self, pixels: Tensor) -> Tensor:
        """What the exported graph gives: float32 [n, 1 + classes, h / 2, w / 2], adding up to 1 in each cell."""
        return _enlarged(self(pixels), _DECODER_STRIDE // STRIDE).softmax(dim=1)

    def write(self, side: int) -> bytes:
        """The network as ONNX, input `MASK_PIXELS` and output `MASKS`; it has to be in evaluation mode.

        Args:
            side: height and width of the pictures that it takes.
        """
        graph = Graph(self.backbone.write())
        whole = graph.node("GlobalAveragePool", ["stride32"])
        whole = _convolution(graph, whole, _array(self.context.weight), _array(cast("Tensor", self.context.bias)))
        flow = graph.node("Add", [self.reduce32.write(graph, "stride32"), whole])
        coarse = self.filter32.write(graph, _relu6(graph, flow))
        flow = graph.node("Add", [self.reduce16.write(graph, "stride16"), _written_enlarged(graph, coarse, 2)])
        middle = self.filter16.write(graph, _relu6(graph, flow))
        flow = graph.node("Add", [self.reduce8.write(graph, "stride8"), _written_enlarged(graph, middle, 2)])
        fine = self.filter8.write(graph, _relu6(graph, flow))
        both = [_written_enlarged(graph, coarse, 4), _written_enlarged(graph, middle, 2)]
        gathered = self.gather.write(graph, graph.node("Concat", both, attributes={"axis": 1}))
        fine = _relu6(graph, graph.node("Add", [fine, gathered]))
        narrow = _written_enlarged(graph, self.narrow.write(graph, fine), 2)
        flow = _relu6(graph, graph.node("Add", [self.reduce4.write(graph, "b2"), narrow]))
        flow = self.smooth4.write(graph, self.filter4.write(graph, flow))
        flow = _convolution(graph, flow, _array(self.score.weight), _array(cast("Tensor", self.score.bias)))
        flow = _written_enlarged(graph, flow, _DECODER_STRIDE // STRIDE)
        graph.node("Softmax", [flow], MASKS, attributes={"axis": 1})
        return graph.finish({MASKS: (self.classes + 1, side // STRIDE, side // STRIDE)}, pixels=MASK_PIXELS, side=side)


def mask_losses(scores: Tensor, masks: Tensor, weights: Tensor) -> dict[str, Tensor]:
    """How far scores are from label maps: cross entropy, cell by cell, and the overlap that is missing, class by class.

    What is wanted of a cell is the share that each class has of its pixels. The second loss counts a class of a few cells as
    much as a large one: soft Dice (Milletari et al. 2016, https://arxiv.org/abs/1606.04797), over the classes in the batch.

    Args:
        scores: float32 [n, 1 + classes, h / 4, w / 4], before the softmax.
        masks: uint8 [n, h, w], 0 is background, n is class n - 1, 255 is unknown.
        weights: float32 [1 + classes], of the cross entropy.
    """
    wanted = _class_shares(masks, scores.shape[1])
    known = wanted.sum(dim=1, keepdim=True)
    weighted = wanted * weights[:, None, None]
    entropy = -(weighted * scores.float().log_softmax(dim=1)).sum() / weighted.sum().clamp(min=1e-6)
    found = scores.float().softmax(dim=1) * known
    overlap, both = (found * wanted).sum((0, 2, 3)), (found + wanted).sum((0, 2, 3))
    there = wanted.sum((0, 2, 3)) > 0
    missing = 1 - (2 * overlap + _SMOOTH) / (both + _SMOOTH)
    return {"entropy": entropy, "overlap": (missing * there).sum() / there.sum().clamp(min=1)}


def class_weights(pixels: NDArray[np.int64], *, power: float = 0.25) -> NDArray[np.float32]:
    """Weights of background and classes in the cross entropy: the rarer, the heavier, within 0.2 to 5.

    Args:
        pixels: int64 [1 + classes], how many pixels of the training pictures each has.
        power: 0 weighs all the same, 1 makes all classes weigh the same together (Eigen and Fergus 2015's median frequency).
    """
    share = pixels / max(1, pixels.sum())
    usual = float(np.median(share[share > 0])) if (share > 0).any() else 1.0
    return np.asarray(np.clip((usual / np.maximum(share, 1e-6)) ** power, 0.2, 5.0), dtype=np.float32)


def _class_shares(masks: Tensor, labels: int) -> Tensor:
    """The share of each cell that each label has, float32 [n, labels, h / 4, w / 4]; what is unknown has none.

    One pixel of each cell in place of shares would move edges by half a pixel: with all cells right, the 18 parts of
    `car-parts` then reach a mean intersection over union of 0.91 instead of 0.94.
    """
    n, height, width = masks.shape
    cells = masks.view(n, height // _DECODER_STRIDE, _DECODER_STRIDE, width // _DECODER_STRIDE, _DECODER_STRIDE)
    pixels = cells.permute(0, 1, 3, 2, 4).reshape(-1, _DECODER_STRIDE**2).long().clamp(max=labels)
    counts = torch.zeros(len(pixels), labels + 1, device=masks.device)
    counts.scatter_add_(1, pixels, torch.full_like(pixels, 1, dtype=torch.float32))
    shares = counts[:, :labels] / _DECODER_STRIDE**2
    return shares.view(n, height // _DECODER_STRIDE, width // _DECODER_STRIDE, labels).permute(0, 3, 1, 2)


def _enlarged(maps: Tensor, times: int) -> Tensor:
    return functional.interpolate(maps, scale_factor=times, mode="bilinear", align_corners=False)


def _written_enlarged(graph: Graph, source: str, times: int) -> str:
    scales = graph.constant(np.array([1, 1, times, times], dtype=np.float32))
    return graph.node("Resize", [source, "", scales], attributes={"mode": "linear"})


def _convolution(
    graph: Graph, source: str, weight: NDArray[np.float32], bias: NDArray[np.float32] | None, *, groups: int = 1
) -> str:
    half = weight.shape[2] // 2
    inputs = [source, graph.constant(weight), *([] if bias is None else [graph.constant(bias)])]
    return graph.node("Conv", inputs, attributes={"pads": [half] * 4, "group": groups})


def _relu6(graph: Graph, source: str) -> str:
    return graph.node("Clip", [source, "zero", "six"])  # constants of the backbone


def _folded(convolution: nn.Conv2d, norm: nn.BatchNorm2d) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Weights and biases of a convolution that does what it and its batch normalisation do."""
    mean, variance = (_array(cast("Tensor", value)) for value in (norm.running_mean, norm.running_var))
    gain = _array(norm.weight) / np.sqrt(variance + norm.eps)
    return _array(convolution.weight) * gain[:, None, None, None], _array(norm.bias) - mean * gain


def _array(tensor: Tensor) -> NDArray[np.float32]:
    return np.asarray(tensor.detach().float().cpu().numpy())
