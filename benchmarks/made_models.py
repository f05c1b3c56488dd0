"""Packages that find boxes and masks without any training: small ONNX graphs that look for bright and for blue pixels."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from onnx import TensorProto, helper, numpy_helper

from walkaround.models.joined import OPSET, joined
from walkaround.models.names import BOX_CLASSES, BOX_PIXELS, BOX_SCORES, BOXES, HEAT, MASK_PIXELS, MASKS, PIXELS, PROBABILITIES
from walkaround.models.package import BoxPart, Card, MaskPart, Package, write_package

BRIGHT = 200.0
"""What is brighter than this, 0 to 255, is the damage that these models look for."""


class _Graph:
    """Nodes with one output each, named by number."""

    def __init__(self, source: str, side: int) -> None:
        self.source, self.side = source, side
        self.nodes: list[Any] = []
        self.stored: list[Any] = []

    def node(self, kind: str, *inputs: object, name: str | None = None, **attributes: Any) -> str:
        names = [one if isinstance(one, str) else self._constant(one) for one in inputs]
        output = name or f"value{len(self.nodes)}"
        self.nodes.append(helper.make_node(kind, names, [output], **attributes))
        return output

    def _constant(self, value: object) -> str:
        array = np.asarray(value)
        array = array.astype(np.float32) if array.dtype == np.float64 else array
        self.stored.append(numpy_helper.from_array(array, f"constant{len(self.stored)}"))
        return str(self.stored[-1].name)

    def finish(self, outputs: dict[str, tuple[int, list[str | int | None]]]) -> bytes:
        graph = helper.make_graph(
            self.nodes,
            "made",
            [helper.make_tensor_value_info(self.source, TensorProto.FLOAT, ["n", 3, self.side, self.side])],
            [helper.make_tensor_value_info(name, kind, shape) for name, (kind, shape) in outputs.items()],
            self.stored,
        )
        model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", OPSET)], ir_version=8)
        return bytes(model.SerializeToString())


def verdict_part(damage: float, *, side: int = 32) -> bytes:
    """A part for the classes ("normal", "anomaly") that says the same of every picture; its heat map is a hot corner."""
    graph = _Graph(PIXELS, side)
    nothing = graph.node("Mul", graph.node("ReduceMean", PIXELS, axes=[1, 2, 3], keepdims=0), 0.0)
    rows = graph.node("Unsqueeze", nothing, np.array([1]))
    graph.node("Add", rows, np.array([[1 - damage, damage]]), name=PROBABILITIES)
    heat = np.zeros((1, 4, 4))
    heat[0, 0, 0] = 1.5
    graph.node("Add", graph.node("Unsqueeze", rows, np.array([2])), heat, name=HEAT)
    shapes: dict[str, tuple[int, list[str | int | None]]] = {
        PROBABILITIES: (TensorProto.FLOAT, ["n", 2]),
        HEAT: (TensorProto.FLOAT, ["n", 4, 4]),
    }
    return graph.finish(shapes)


def bright_finder(*, side: int = 64, score: float = 0.9, kind: int = 0) -> bytes:
    """A part that finds one box, around all that is bright, and no box where nothing is."""
    graph = _Graph(BOX_PIXELS, side)
    bright = graph.node("Greater", graph.node("ReduceMean", BOX_PIXELS, axes=[1], keepdims=0), BRIGHT)
    seen = graph.node("Cast", bright, to=TensorProto.FLOAT)
    begins, ends = np.arange(side) / side, (np.arange(side) + 1) / side
    edges = []
    for across in (True, False):
        line = graph.node("ReduceMax", seen, axes=[1 if across else 2], keepdims=0)
        there = graph.node("Greater", line, 0.5)
        first = graph.node("ReduceMin", graph.node("Where", there, begins, 1.0), axes=[1], keepdims=1)
        last = graph.node("ReduceMax", graph.node("Where", there, ends, 0.0), axes=[1], keepdims=1)
        edges.append((first, last))
    (left, right), (top, bottom) = edges
    graph.node("Unsqueeze", graph.node("Concat", left, top, right, bottom, axis=1), np.array([1]), name=BOXES)
    found = graph.node("ReduceMax", seen, axes=[1, 2], keepdims=0)
    scores = graph.node("Unsqueeze", graph.node("Mul", found, score), np.array([1]), name=BOX_SCORES)
    zeros = graph.node("Cast", graph.node("Mul", scores, 0.0), to=TensorProto.INT64)
    graph.node("Add", zeros, np.array(kind, np.int64), name=BOX_CLASSES)
    shapes: dict[str, tuple[int, list[str | int | None]]] = {
        BOXES: (TensorProto.FLOAT, ["n", 1, 4]),
        BOX_SCORES: (TensorProto.FLOAT, ["n", 1]),
        BOX_CLASSES: (TensorProto.INT64, ["n", 1]),
    }
    return graph.finish(shapes)


def bright_segmenter(*, side: int = 32) -> bytes:
    """A part with two classes: 90 % of the first where it is bright, 90 % of the second where it is blue."""
    graph = _Graph(MASK_PIXELS, side)
    red, _, blue = (graph.node("Slice", MASK_PIXELS, np.array([n]), np.array([n + 1]), np.array([1])) for n in range(3))
    bright = graph.node("Cast", graph.node("Greater", red, BRIGHT), to=TensorProto.FLOAT)
    is_blue = graph.node("Cast", graph.node("Greater", graph.node("Sub", blue, red), 100.0), to=TensorProto.FLOAT)
    first = graph.node("Add", graph.node("Mul", bright, 0.85), 0.05)
    second = graph.node("Add", graph.node("Mul", is_blue, 0.85), 0.05)
    background = graph.node("Sub", 1.0, graph.node("Add", first, second))
    graph.node("Concat", background, first, second, axis=1, name=MASKS)
    return graph.finish({MASKS: (TensorProto.FLOAT, ["n", 3, side, side])})


BOX_PART = BoxPart(classes=("scratch", "dent"), side=64, thresholds=(0.6, 0.3))
MASK_PART = MaskPart(classes=("scratch", "dent"), side=32, colours=("#E69F00", "#0072B2"), smallest=0.002)


def made_package(
    folder: Path,
    *,
    damage: float | None = None,
    boxes: BoxPart | None = None,
    masks: MaskPart | None = None,
    score: float = 0.9,
    kind: int = 0,
) -> Package:
    """Write a package: with a verdict part if `damage` is given, else it goes by boxes and masks."""
    parts: Sequence[bytes] = [
        *([] if damage is None else [verdict_part(damage)]),
        *([] if boxes is None else [bright_finder(side=boxes.side, score=score, kind=kind)]),
        *([] if masks is None else [bright_segmenter(side=masks.side)]),
    ]
    model = joined(parts)
    card = Card(
        name=folder.name,
        task="places" if damage is None else "classes",
        classes=("normal", "anomaly"),
        normal=("normal",),
        threshold=0.5,
        side=32,
        model_sha256=hashlib.sha256(model).hexdigest(),
        created="2025-01-01T00:00:00Z",
        walkaround="0",
        boxes=boxes,
        masks=masks,
    )
    return write_package(folder, model, card)


def picture_with(*spots: tuple[int, int, int, int], width: int = 256, height: int = 192, blue: bool = False) -> Any:
    """uint8 [height, width, 3]: dark grey with a bright, or blue, rectangle at each left, top, right, bottom."""
    pixels = np.full((height, width, 3), 60, np.uint8)
    for left, top, right, bottom in spots:
        pixels[top:bottom, left:right] = (20, 40, 250) if blue else (250, 250, 250)
    return pixels
