"""EfficientDet on the shipped backbone: pixels to a score for every class, and a shift, of every anchor.

Source: Tan, Pang, Le: EfficientDet: Scalable and Efficient Object Detection, CVPR 2020, https://arxiv.org/abs/1911.09070.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any, cast

import torch
from torch import Tensor, nn

from walkaround.models.gradient.anchors import make_anchors
from walkaround.models.gradient.backbone import CHANNELS, load_backbone
from walkaround.models.gradient.bifpn import BiFpn, Separable, activate, batch_norm
from walkaround.models.gradient.sizes import LEVELS, Activation, Size

STRIDES = (8, 16, 32)
_PRIOR = 0.01  # what the scores begin with, so that the many anchors without damage do not drown the first steps


class Head(nn.Module):
    """Convolutions that all levels share, with normalisations of each level's own, since levels differ in what they hold."""

    def __init__(self, size: Size, outputs: int, *, bias: float = 0.0) -> None:
        """`outputs`: of each anchor; `bias`: what they begin with."""
        super().__init__()
        self.activation: Activation = size.activation
        self.outputs = outputs
        self.conv_rep = nn.ModuleList(Separable(size.channels, size.channels, bias=True) for _ in range(size.layers))
        self.bn_rep = nn.ModuleList(
            nn.ModuleList(nn.ModuleDict({"bn": batch_norm(size.channels)}) for _ in LEVELS) for _ in range(size.layers)
        )
        self.predict = Separable(size.channels, outputs * size.anchors.count, bias=True)
        self.apply(_initialise)
        self.predict.conv_pw.bias = nn.Parameter(torch.full((outputs * size.anchors.count,), bias))

    def layers(self, level: int) -> Iterator[tuple[Separable, nn.BatchNorm2d]]:
        """The convolutions that all levels share, with the normalisations of one level, 0 for the finest."""
        for convolution, norms in zip(self.conv_rep, self.bn_rep, strict=True):
            yield cast("Separable", convolution), cast("Any", norms)[level]["bn"]

    def forward(self, maps: list[Tensor]) -> Tensor:
        """Five maps, the finest first, to float32 [n, anchors, outputs], in the order of `make_anchors`."""
        found = []
        for level, flow in enumerate(maps):
            for convolution, norm in self.layers(level):
                flow = activate(norm(convolution(flow)), self.activation)
            found.append(self.predict(flow).permute(0, 2, 3, 1).reshape(len(flow), -1, self.outputs))
        return torch.cat(found, dim=1)


class EfficientDet(nn.Module):
    """The whole network.

    Attributes:
        size: how large it is.
        classes: how many there are.
        anchors: float32 [anchors, 4], see `make_anchors`.
    """

    anchors: Tensor

    def __init__(self, size: Size, classes: int) -> None:
        """The backbone has the shipped weights, everything else begins at random.

        Raises:
            PackageError: the installation lacks the backbone's weights.
        """
        super().__init__()
        self.size = size
        self.classes = classes
        self.backbone = load_backbone()
        del self.backbone._conv_head  # the classifier's; nothing here reads it
        self.fpn = BiFpn(
            [CHANNELS[stride] for stride in STRIDES], size.channels, fusions=size.fusions, activation=size.activation
        )
        self.class_net = Head(size, classes, bias=-math.log((1 - _PRIOR) / _PRIOR))
        self.box_net = Head(size, 4)
        self.register_buffer("anchors", make_anchors(size.side, size.anchors), persistent=False)

    def forward(self, pixels: Tensor) -> tuple[Tensor, Tensor]:
        """Look at pictures.

        Args:
            pixels: uint8 or float32 [n, 3, side, side], RGB, 0 to 255.

        Returns:
            logits float32 [n, anchors, classes], and shifts float32 [n, anchors, 4], see `decode`.
        """
        maps = self.backbone(pixels.float().contiguous(memory_format=torch.channels_last))
        levels = self.fpn([maps[stride] for stride in STRIDES])
        return self.class_net(levels), self.box_net(levels)


def _initialise(module: nn.Module) -> None:
    if isinstance(module, nn.Conv2d):
        fan = module.weight[0].numel()
        nn.init.normal_(module.weight, std=math.sqrt(1.0 / fan))
        if module.bias is not None:
            nn.init.zeros_(module.bias)
