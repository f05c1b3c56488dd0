"""The shipped backbone, EfficientNet-Lite0, as a network that can be trained on.

Its weights come from the shipped ONNX file, in which batch normalisation is folded into the convolutions. They are trained as
they are, biases included: batch statistics would need large batches and, on a processor, a quarter of the time.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from typing import cast

import numpy as np
import onnx
import torch
from onnx import numpy_helper
from torch import Tensor, nn
from torch.nn import functional

from walkaround.models.backbone import POOLED_LAYERS
from walkaround.models.backbone import load_backbone as load_graph

STAGES = (
    (1, 3, 1, 16, 1),
    (2, 3, 2, 24, 6),
    (2, 5, 2, 40, 6),
    (3, 3, 2, 80, 6),
    (3, 5, 1, 112, 6),
    (4, 5, 2, 192, 6),
    (1, 3, 1, 320, 6),
)
"""Blocks, kernel, stride of the first block, channels and widening of each stage: EfficientNet-B0's, which Lite0 keeps."""

CHANNELS = {2: 16, 4: 24, 8: 40, 16: 112, 32: 320}
"""Channels of the feature map at each stride."""

HEAD_CHANNELS = 1280
_PIXEL_MEAN, _PIXEL_SCALE = 0.498 * 255.0, 1.0 / (0.502 * 255.0)
_STEM_CHANNELS = 32
_POOLED = frozenset(layer.name for layer in POOLED_LAYERS)
_LAST_OF_STRIDE = {1: 2, 2: 4, 3: 8, 5: 16, 7: 32}  # number of stages done: stride of what they give


class SameConvolution(nn.Conv2d):
    """A convolution with bias, padded as TensorFlow's SAME does it: of stride 2, the odd pixel is right and below.

    Holds for sizes that the stride divides. `relu6`: what comes out is clipped to 0 to 6.
    """

    def __init__(
        self, channels: int, to: int, *, kernel: int = 1, stride: int = 1, groups: int = 1, relu6: bool = True
    ) -> None:
        total = kernel - stride if stride > 1 else kernel - 1
        self.margins = (total // 2, total - total // 2)
        even = self.margins[0] == self.margins[1]
        super().__init__(channels, to, kernel, stride=stride, padding=self.margins[0] if even else 0, groups=groups)
        self.uneven, self.relu6 = not even, relu6

    def forward(self, maps: Tensor) -> Tensor:
        """float32 [n, channels, h, w] to [n, to, h / stride, w / stride]."""
        if self.uneven:
            maps = functional.pad(maps, self.margins * 2)
        maps = super().forward(maps)
        return functional.relu6(maps) if self.relu6 else maps


class InvertedResidual(nn.Module):
    """One block: expand, filter each channel, project, and add what came in where the shapes agree."""

    def __init__(self, channels: int, to: int, *, kernel: int, stride: int, widening: int) -> None:
        super().__init__()
        wide = channels * widening
        if widening > 1:
            self._expand_conv = SameConvolution(channels, wide)
        self._depthwise_conv = SameConvolution(wide, wide, kernel=kernel, stride=stride, groups=wide)
        self._project_conv = SameConvolution(wide, to, relu6=False)
        self.joins = stride == 1 and channels == to

    def filtered(self, maps: Tensor) -> Tensor:
        """float32 [n, channels, h, w] to [n, channels * widening, h / stride, w / stride]: what is then projected."""
        flow = maps
        for name, convolution in self.named_children():
            if name != "_project_conv":
                flow = convolution(flow)
        return flow

    def projected(self, filtered: Tensor, maps: Tensor) -> Tensor:
        """The block's output, of what it made of `maps` on the way."""
        flow: Tensor = self._project_conv(filtered)
        return flow + maps if self.joins else flow

    def forward(self, maps: Tensor) -> Tensor:
        """float32 [n, channels, h, w] to [n, to, h / stride, w / stride]."""
        return self.projected(self.filtered(maps), maps)


class Lite0(nn.Module):
    """EfficientNet-Lite0 without its classifier; parameters bear the names that they have in the ONNX file."""

    def __init__(self) -> None:
        super().__init__()
        self._conv_stem = SameConvolution(3, _STEM_CHANNELS, kernel=3, stride=2)
        self._blocks = nn.ModuleList()
        channels = _STEM_CHANNELS
        for blocks, kernel, stride, to, widening in STAGES:
            for number in range(blocks):
                first = stride if number == 0 else 1
                self._blocks.append(InvertedResidual(channels, to, kernel=kernel, stride=first, widening=widening))
                channels = to
        self._conv_head = SameConvolution(channels, HEAD_CHANNELS)
        self.ends = tuple(itertools.accumulate(stage[0] for stage in STAGES))

    def forward(self, pixels: Tensor) -> dict[int, Tensor]:
        """Feature maps by stride.

        Args:
            pixels: uint8 or float32 [n, 3, h, w], RGB, 0 to 255; h and w are multiples of 32.

        Returns:
            2, 4, 8, 16 and 32: float32 [n, CHANNELS[stride], h / stride, w / stride], linear (no ReLU6 follows the last sum).
        """
        flow = self._begun(pixels)
        maps: dict[int, Tensor] = {}
        for number, block in enumerate(self._blocks, start=1):
            flow = block(flow)
            if number in self.ends and (stride := _LAST_OF_STRIDE.get(self.ends.index(number) + 1)):
                maps[stride] = flow
        return maps

    def pooled(self, pixels: Tensor) -> Tensor:
        """What the classifier's heads read: `POOLED_LAYERS` averaged over all places, float32 [n, FEATURE_COUNT]."""
        flow, rows = self._begun(pixels), []
        for number, block in enumerate(cast("Iterator[InvertedResidual]", self._blocks)):
            filtered = block.filtered(flow)
            if f"b{number}.depthwise" in _POOLED:
                rows.append(filtered.mean(dim=(2, 3)))
            flow = block.projected(filtered, flow)
        rows.append(self.head(flow).mean(dim=(2, 3)))
        return torch.cat(rows, dim=1)

    def _begun(self, pixels: Tensor) -> Tensor:
        stem: Tensor = self._conv_stem((pixels.float() - _PIXEL_MEAN) * _PIXEL_SCALE)
        return stem

    def head(self, maps: Tensor) -> Tensor:
        """The map of stride 32 to float32 [n, 1280, h / 32, w / 32], 0 to 6: what the classifier of ImageNet averages."""
        result: Tensor = self._conv_head(maps)
        return result

    def stages(self) -> Iterator[nn.Module]:
        """The stem, then the seven stages, each as one module; the head is not among them."""
        yield self._conv_stem
        for first, last in itertools.pairwise((0, *self.ends)):
            yield self._blocks[first:last]

    def freeze(self, stages: int) -> None:
        """Train all but the stem and the first `stages` of seven; 0 trains everything, the stem included.

        What is frozen costs a third of what it costs trained, as nothing is sent back through it.
        """
        self.requires_grad_(True)
        for module in itertools.islice(self.stages(), stages + 1 if stages else 0):
            module.requires_grad_(False)

    def write(self) -> onnx.ModelProto:
        """The shipped graph with this network's weights in it, without outputs; see `walkaround.models.graph.Graph`."""
        model = load_graph()
        trained = self.state_dict()
        for stored in model.graph.initializer:
            if stored.name in trained:
                stored.CopyFrom(numpy_helper.from_array(trained[stored.name].detach().float().cpu().numpy(), stored.name))
        return model


def load_backbone() -> Lite0:
    """The network with the weights that walkaround ships.

    Raises:
        PackageError: the installation lacks the weights.
    """
    network = Lite0()
    stored = {weights.name: numpy_helper.to_array(weights) for weights in load_graph().graph.initializer}
    names = network.state_dict().keys()
    network.load_state_dict({name: torch.from_numpy(np.array(stored[name])) for name in names})
    return network
