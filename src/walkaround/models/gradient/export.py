"""EfficientDet as an ONNX graph: pixels to boxes, with normalisation, decoding and suppression in it.

Written node by node, not traced: batch normalisation and the weights of fusions become part of the convolutions, the anchors a
constant, and only boxes that may be told are decoded.
"""

from __future__ import annotations

import functools
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from walkaround.models.gradient.anchors import LONGEST, cells
from walkaround.models.gradient.bifpn import BiFpn, Combine, Layer, Separable
from walkaround.models.gradient.efficientdet import STRIDES, EfficientDet, Head
from walkaround.models.gradient.sizes import LEVELS, Activation
from walkaround.models.gradient.suppression import CANDIDATES, MOST, OVERLAP
from walkaround.models.graph import Attribute, Graph
from walkaround.models.joined import part_of
from walkaround.models.names import BOX_CLASSES, BOX_PIXELS, BOX_SCORES, BOXES

Array = NDArray[np.float32]
_APART = 2.0  # boxes of different classes are moved so far apart that none covers another


def write_detector(network: EfficientDet) -> bytes:
    """The model, with the outputs that `walkaround.models.names` tells of boxes; `network` is on any device."""
    writer = _Writer(network)
    levels = writer.pyramid(network.fpn)
    logits = writer.head(network.class_net, levels)
    shifts = writer.head(network.box_net, levels)
    writer.tell(logits, shifts)
    shapes = {BOXES: [MOST, 4], BOX_SCORES: [MOST], BOX_CLASSES: [MOST]}
    model = writer.graph.finish(shapes, whole=[BOX_CLASSES], pixels=BOX_PIXELS, side=network.size.side)
    return part_of(model, BOX_PIXELS)  # without what the backbone has for others


class _Map:
    """A feature map in the graph: the name of the value, and its height and width in cells."""

    def __init__(self, name: str, count: int) -> None:
        self.name, self.count = name, count


class _Writer:
    """The graph, grown from the backbone's maps to the outputs."""

    def __init__(self, network: EfficientDet) -> None:
        self.network = network
        self.graph = Graph(network.backbone.write())
        self.sizes = cells(network.size.side)
        self._arrays: dict[int, Array] = {}

    def pyramid(self, fpn: BiFpn) -> list[_Map]:
        """What comes out of the BiFPN."""
        maps = [_Map(f"stride{stride}", count) for stride, count in zip(STRIDES, self.sizes, strict=False)]
        narrowed = self._narrowed(fpn.resample["3"], maps[-1])
        maps.append(self._halved(narrowed))
        maps.append(self._halved(maps[-1]))
        for layer in fpn.layers():
            maps = self._layer(layer, maps)
        return maps

    def head(self, head: Head, levels: list[_Map]) -> str:
        """float32 [n, anchors, outputs]: what a head says of all anchors."""
        found = []
        for number, flow in enumerate(levels):
            for convolution, norm in head.layers(number):
                flow = self._activated(self._separable(convolution, flow, norm), head.activation)
            said = self._separable(head.predict, flow, None)
            rows = self.graph.node("Transpose", [said.name], attributes={"perm": [0, 2, 3, 1]})
            found.append(self.graph.node("Reshape", [rows, self.graph.shape(0, -1, head.outputs)]))
        return self.graph.node("Concat", found, attributes={"axis": 1})

    def tell(self, logits: str, shifts: str) -> None:
        """Choose, decode, suppress: the three outputs."""
        graph, classes = self.graph, self.network.classes
        flat = graph.node("Reshape", [logits, graph.shape(0, -1)])
        count = min(CANDIDATES, len(self.network.anchors) * classes)
        best = graph.node("TopK", [flat, graph.shape(count)], unused_outputs=1, attributes={"axis": 1})
        index = f"{best}.unused0"
        divisor = graph.constant(np.array(classes, dtype=np.int64))
        anchor, kind = graph.node("Div", [index, divisor]), graph.node("Mod", [index, divisor])
        scores = graph.node("Sigmoid", [best])
        boxes = self._decoded(shifts, anchor)
        kept = self._kept(boxes, kind, scores, count)
        told = min(MOST, count)
        graph.node("TopK", [kept, graph.shape(told)], BOX_SCORES, unused_outputs=1, attributes={"axis": 1})
        order = f"{BOX_SCORES}.unused0"
        graph.node("GatherElements", [kind, order], BOX_CLASSES, attributes={"axis": 1})
        rows = graph.node("Expand", [graph.node("Unsqueeze", [order, graph.shape(2)]), graph.shape(1, 1, 4)])
        graph.node("GatherElements", [boxes, rows], BOXES, attributes={"axis": 1})

    def _decoded(self, shifts: str, anchor: str) -> str:
        """float32 [n, candidates, 4], left, top, right, bottom of the anchors chosen; see `anchors.decode`."""
        graph = self.graph
        corners = _array(self.network.anchors)
        middle: Array = np.asarray((corners[:, :2] + corners[:, 2:]) / 2, dtype=np.float32)
        size: Array = corners[:, 2:] - corners[:, :2]
        rows = graph.node("Expand", [graph.node("Unsqueeze", [anchor, graph.shape(2)]), graph.shape(1, 1, 4)])
        chosen = graph.node("GatherElements", [shifts, rows], attributes={"axis": 1})
        ordered = graph.node("Gather", [chosen, graph.shape(1, 0, 3, 2)], attributes={"axis": 2})
        move, stretch = self._halves(ordered)
        middles = graph.node("Gather", [graph.constant(middle), anchor], attributes={"axis": 0})
        sizes = graph.node("Gather", [graph.constant(size), anchor], attributes={"axis": 0})
        moved = graph.node("Add", [middles, graph.node("Mul", [move, sizes])])
        growth = graph.node("Exp", [graph.node("Min", [stretch, graph.scalar(LONGEST)])])
        half = graph.node("Mul", [graph.node("Mul", [sizes, growth]), graph.scalar(0.5)])
        sides = [graph.node("Sub", [moved, half]), graph.node("Add", [moved, half])]
        boxes = graph.node("Concat", sides, attributes={"axis": 2})
        return graph.node("Clip", [boxes, graph.scalar(0.0), graph.scalar(1.0)])

    def _halves(self, rows: str) -> tuple[str, str]:
        """The first two columns and the last two of float32 [n, candidates, 4]."""
        graph = self.graph
        first = graph.node("Gather", [rows, graph.shape(0, 1)], attributes={"axis": 2})
        return first, graph.node("Gather", [rows, graph.shape(2, 3)], attributes={"axis": 2})

    def _kept(self, boxes: str, kind: str, scores: str, count: int) -> str:
        """float32 [n, candidates]: the scores, 0 for those that a surer box of the class stands for."""
        graph = self.graph
        apart = graph.node("Mul", [graph.node("Cast", [kind], attributes={"to": 1}), graph.scalar(_APART)])
        spread = graph.node("Add", [boxes, graph.node("Unsqueeze", [apart, graph.shape(2)])])
        most = graph.constant(np.array([count], dtype=np.int64))
        limits = [most, graph.constant(np.array([OVERLAP], dtype=np.float32)), graph.constant(np.zeros(1, dtype=np.float32))]
        chosen = graph.node("NonMaxSuppression", [spread, graph.node("Unsqueeze", [scores, graph.shape(1)]), *limits])
        places = graph.node("Gather", [chosen, graph.shape(0, 2)], attributes={"axis": 1})
        rows = graph.node("Shape", [chosen], attributes={"start": 0, "end": 1})
        ones = graph.node("Expand", [graph.constant(np.ones(1, dtype=np.float32)), rows])
        nothing = graph.node("Mul", [scores, graph.scalar(0.0)])
        return graph.node("Mul", [scores, graph.node("ScatterND", [nothing, places, ones])])

    def _layer(self, layer: Layer, maps: list[_Map]) -> list[_Map]:
        flow = list(maps)
        for node in layer.nodes():
            fused = self._combined(node.combine, flow, self.sizes[node.level - LEVELS[0]])
            active = self._activated(fused, layer.activation)
            convolution = node.after_combine.conv
            flow.append(self._separable(convolution, active, convolution.bn))
        return flow[-len(LEVELS) :]

    def _combined(self, combine: Combine, maps: list[_Map], count: int) -> _Map:
        weighted, narrowed = [], dict(combine.resample.items())
        for share, offset in zip(_array(combine.shares()).tolist(), combine.offsets, strict=True):
            narrow = narrowed.get(str(offset))
            if narrow is None:
                name = self._resized(maps[offset], count).name
                weighted.append(self.graph.node("Mul", [name, self.graph.scalar(share)]))
            else:
                weighted.append(self._resized(self._narrowed(narrow, maps[offset], times=share), count).name)
        return _Map(functools.reduce(lambda one, other: self.graph.node("Add", [one, other]), weighted), count)

    def _narrowed(self, module: Any, source: _Map, times: float = 1.0) -> _Map:
        weight, bias = _folded(module.conv.conv, module.conv.bn)
        return _Map(self._convolution(source.name, weight * np.float32(times), bias * np.float32(times)), source.count)

    def _separable(self, module: Separable, source: _Map, norm: nn.BatchNorm2d | None) -> _Map:
        weight, bias = _folded(module.conv_pw, norm)
        each = self._kept_array(module.conv_dw.weight)
        filtered = self._convolution(source.name, each, None, groups=len(each))
        return _Map(self._convolution(filtered, weight, bias), source.count)

    def _convolution(self, source: str, weight: Array, bias: Array | None, groups: int = 1) -> str:
        kernel = weight.shape[2]
        inputs = [source, self.graph.constant(weight)] + ([] if bias is None else [self.graph.constant(bias)])
        shape: dict[str, Attribute] = {"kernel_shape": [kernel, kernel], "pads": [kernel // 2] * 4, "group": groups}
        return self.graph.node("Conv", inputs, attributes=shape)

    def _activated(self, source: _Map, activation: Activation) -> _Map:
        graph = self.graph
        if activation == "relu6":
            return _Map(graph.node("Clip", [source.name, "zero", "six"]), source.count)  # constants of the backbone
        return _Map(graph.node("Mul", [source.name, graph.node("Sigmoid", [source.name])]), source.count)

    def _resized(self, source: _Map, count: int) -> _Map:
        if source.count == count:
            return source
        if source.count > count:
            return self._halved(source)
        size = self.graph.shape(count, count)
        sizes = self.graph.node("Concat", [self._batch_and_channels(source.name), size], attributes={"axis": 0})
        way: dict[str, Attribute] = {"mode": "nearest", "coordinate_transformation_mode": "asymmetric", "nearest_mode": "floor"}
        return _Map(self.graph.node("Resize", [source.name, "", "", sizes], attributes=way), count)

    def _batch_and_channels(self, name: str) -> str:
        return self.graph.node("Shape", [name], attributes={"start": 0, "end": 2})

    def _halved(self, source: _Map) -> _Map:
        before = source.count % 2
        shape: dict[str, Attribute] = {"kernel_shape": [3, 3], "strides": [2, 2], "pads": [before, before, 1, 1]}
        return _Map(self.graph.node("MaxPool", [source.name], attributes=shape), -(-source.count // 2))

    def _kept_array(self, weights: Tensor) -> Array:
        """The same array for the same weights, so that the graph holds once what levels share."""
        return self._arrays.setdefault(id(weights), _array(weights))


def _folded(convolution: nn.Conv2d, norm: Any) -> tuple[Array, Array]:
    """Weight and bias of a convolution with the batch normalisation after it, as one convolution."""
    weight = convolution.weight.detach().double()
    bias = torch.zeros(len(weight), dtype=torch.float64) if convolution.bias is None else convolution.bias.detach().double()
    if norm is not None:
        gain = norm.weight.detach().double() / (norm.running_var.double() + norm.eps).sqrt()
        weight = weight * gain[:, None, None, None]
        bias = (bias.to(gain) - norm.running_mean.double()) * gain + norm.bias.detach().double()
    return _array(weight), _array(bias)


def _array(values: Tensor) -> Array:
    """float32, on the CPU."""
    return np.asarray(values.detach().float().cpu().numpy(), dtype=np.float32)
