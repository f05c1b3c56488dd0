"""The bidirectional feature pyramid of EfficientDet: levels that exchange what they see, each input with a weight it learns.

Source: Tan, Pang, Le: EfficientDet, CVPR 2020, section 3. Modules and parameters bear the names that the PyTorch port by
R. Wightman gave them (https://github.com/rwightman/efficientdet-pytorch), so that its checkpoints fit.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Sequence
from typing import cast

import torch
from torch import Tensor, nn
from torch.nn import functional

from walkaround.models.gradient.sizes import LEVELS, Activation

EPSILON = 1e-3
"""Of every batch normalisation."""

FUSION_EPSILON = 1e-4
NODES = ((6, (3, 4)), (5, (2, 5)), (4, (1, 6)), (3, (0, 7)), (4, (1, 7, 8)), (5, (2, 6, 9)), (6, (3, 5, 10)), (7, (4, 11)))
"""Level of each node of a layer, and the maps that it fuses: 0 to 4 are what comes in, 5 is the first node, and so on."""


def activate(maps: Tensor, activation: Activation) -> Tensor:
    """The non-linearity of a size."""
    return functional.relu6(maps) if activation == "relu6" else functional.silu(maps)


def batch_norm(channels: int) -> nn.BatchNorm2d:
    """As in EfficientDet, but following the data five times as fast: runs here are short."""
    return nn.BatchNorm2d(channels, eps=EPSILON, momentum=0.05)


class Separable(nn.Module):
    """A 3 x 3 convolution of each channel, then one that mixes the channels, then the normalisation where there is one."""

    def __init__(self, channels: int, to: int, *, normalised: bool = False, bias: bool = False) -> None:
        super().__init__()
        self.conv_dw = nn.Conv2d(channels, channels, 3, padding=1, groups=channels, bias=False)
        self.conv_pw = nn.Conv2d(channels, to, 1, bias=bias)
        self.bn = batch_norm(to) if normalised else None

    def forward(self, maps: Tensor) -> Tensor:
        """float32 [n, channels, h, w] to [n, to, h, w]."""
        flow: Tensor = self.conv_pw(self.conv_dw(maps))
        return flow if self.bn is None else self.bn(flow)


class Mixed(nn.Module):
    """A convolution that mixes the channels of each place, and its normalisation."""

    def __init__(self, channels: int, to: int) -> None:
        super().__init__()
        self.conv = nn.Conv2d(channels, to, 1, bias=False)
        self.bn = batch_norm(to)

    def forward(self, maps: Tensor) -> Tensor:
        """float32 [n, channels, h, w] to [n, to, h, w]."""
        result: Tensor = self.bn(self.conv(maps))
        return result


class Narrowed(nn.Module):
    """A map of the backbone brought to the channels of the pyramid."""

    def __init__(self, channels: int, to: int) -> None:
        super().__init__()
        self.conv = Mixed(channels, to)

    def forward(self, maps: Tensor) -> Tensor:
        """float32 [n, channels, h, w] to [n, to, h, w]."""
        result: Tensor = self.conv(maps)
        return result


class Combine(nn.Module):
    """The weighted mean of maps: fast normalised fusion."""

    def __init__(self, offsets: Sequence[int], narrowed: dict[str, nn.Module]) -> None:
        super().__init__()
        self.offsets = tuple(offsets)
        self.resample = nn.ModuleDict(narrowed)
        self.edge_weights = nn.Parameter(torch.ones(len(offsets)))

    def shares(self) -> Tensor:
        """The weight of each map, float32 [maps]; they add up to almost 1."""
        positive = functional.relu(self.edge_weights)
        return positive / (positive.sum() + FUSION_EPSILON)

    def forward(self, maps: Sequence[Tensor], size: tuple[int, int]) -> Tensor:
        """The mean at `size`, (h, w), of those of `maps` that this node fuses."""
        weighted = [share * self._fitted(maps, offset, size) for share, offset in zip(self.shares(), self.offsets, strict=True)]
        total: Tensor = functools.reduce(torch.add, weighted)
        return total

    def _fitted(self, maps: Sequence[Tensor], offset: int, size: tuple[int, int]) -> Tensor:
        one = self.resample[str(offset)](maps[offset]) if str(offset) in self.resample else maps[offset]
        return resized(one, size)


class After(nn.Module):
    """What follows where levels were fused and activated."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.conv = Separable(channels, channels, normalised=True)

    def forward(self, maps: Tensor) -> Tensor:
        """float32 [n, channels, h, w], the same shape."""
        result: Tensor = self.conv(maps)
        return result


class Node(nn.Module):
    """One place where levels meet: fuse, activate, filter."""

    def __init__(self, level: int, offsets: Sequence[int], channels: int, *, narrowed: dict[str, nn.Module]) -> None:
        super().__init__()
        self.level = level
        self.combine = Combine(offsets, narrowed)
        self.after_combine = After(channels)


class Layer(nn.Module):
    """One exchange: from the coarsest level down to the finest, and up again."""

    def __init__(self, channels: int, incoming: Sequence[int], activation: Activation) -> None:
        """`incoming`: channels of the five maps that come in."""
        super().__init__()
        self.activation: Activation = activation
        self.fnode = nn.ModuleList()
        for level, offsets in NODES:
            narrow: dict[str, nn.Module] = {
                str(offset): Narrowed(incoming[offset], channels)
                for offset in offsets
                if offset < len(incoming) and incoming[offset] != channels
            }
            self.fnode.append(Node(level, offsets, channels, narrowed=narrow))

    def nodes(self) -> list[Node]:
        """In the order in which they are computed."""
        return [cast("Node", node) for node in self.fnode]

    def forward(self, maps: Sequence[Tensor]) -> list[Tensor]:
        """Five maps to five maps, the finest first."""
        flow = list(maps)
        for node in self.nodes():
            source = maps[node.level - LEVELS[0]]
            fused = activate(node.combine(flow, (source.shape[2], source.shape[3])), self.activation)
            flow.append(node.after_combine(fused))
        return flow[-len(LEVELS) :]


class BiFpn(nn.Module):
    """From three maps of the backbone to five of one width that know of each other."""

    def __init__(self, backbone: Sequence[int], channels: int, *, fusions: int, activation: Activation) -> None:
        """`backbone`: channels of its maps, the finest first."""
        super().__init__()
        self.resample = nn.ModuleDict({"3": Narrowed(backbone[-1], channels)})
        incoming = (*backbone, channels, channels)
        self.cell = nn.ModuleList(
            Layer(channels, incoming if number == 0 else (channels,) * len(LEVELS), activation) for number in range(fusions)
        )
        self.apply(_initialise)

    def layers(self) -> list[Layer]:
        """In the order in which they are computed."""
        return [cast("Layer", layer) for layer in self.cell]

    def forward(self, maps: Sequence[Tensor]) -> list[Tensor]:
        """float32 [n, channels, h, w] of strides 8, 16 and 32 to maps of levels 3 to 7."""
        level6 = halved(self.resample["3"](maps[-1]))
        flow = [*maps, level6, halved(level6)]
        for layer in self.cell:
            flow = layer(flow)
        return flow


def resized(maps: Tensor, size: tuple[int, int]) -> Tensor:
    """Bring a map to the size of the next level: repeat its cells, or take the largest of three by three."""
    if tuple(maps.shape[2:]) == size:
        return maps
    return functional.interpolate(maps, size=size) if maps.shape[2] < size[0] else halved(maps)


def halved(maps: Tensor) -> Tensor:
    """Largest of three by three, every other one; padded as TensorFlow's SAME does it, so odd sizes are rounded up."""
    down, across = (1 - maps.shape[2] % 2, 1 - maps.shape[3] % 2)
    if down or across:  # an even size gets its pixel at the end alone, an odd one at both ends
        maps = functional.pad(maps, (1 - across, 1, 1 - down, 1), value=-math.inf)
        return functional.max_pool2d(maps, 3, 2)
    return functional.max_pool2d(maps, 3, 2, padding=1)


def _initialise(module: nn.Module) -> None:
    """TensorFlow's Glorot, each channel's own convolution by its own fan."""
    if isinstance(module, nn.Conv2d):
        area = module.kernel_size[0] * module.kernel_size[1]
        fans = module.weight.shape[1] * area + module.weight.shape[0] * area // module.groups
        limit = math.sqrt(6.0 / fans)
        nn.init.uniform_(module.weight, -limit, limit)
