"""The classifier: pooled features, a head, calibrated probabilities, and where it looked, as one ONNX graph."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass

import numpy as np
import onnx
from numpy.typing import NDArray
from scipy.special import expit, softmax

from walkaround.models.backbone import FEATURE_COUNT, POOLED_LAYERS, Layer
from walkaround.models.graph import Graph
from walkaround.models.heads import Head
from walkaround.models.names import FEATURES, HEAT, PROBABILITIES
from walkaround.models.projection import Projection

_HEAT_GRID = 20  # of stride 16 at 320 pixels


@dataclass(frozen=True, kw_only=True, eq=False)
class PooledModel(ABC):
    """What turns pooled features into probabilities, whichever way these go together.

    Attributes:
        damaged: for each class, whether it is damage; decides what the heat map shows.
        heat_scale: the heat map is divided by it.
        backbone: a fine-tuned one, ONNX without outputs; None: the shipped one.
    """

    projection: Projection
    head: Head
    damaged: tuple[bool, ...]
    heat_scale: float = 1.0
    backbone: bytes | None = None

    def probabilities(self, features: NDArray[np.float32]) -> NDArray[np.float64]:
        """float64 [n, classes] of pooled features, float32 [n, features]: what the graph computes, in numpy."""
        return self.probabilities_of_scores(self.head.scores(self.projection.coordinates(features)).astype(np.float64))

    @abstractmethod
    def probabilities_of_scores(self, scores: NDArray[np.float64]) -> NDArray[np.float64]:
        """float64 [n, classes] of the head's scores, float64 [n, scores]."""

    def write(self) -> bytes:
        """The model as ONNX, with outputs `PROBABILITIES` and `HEAT`."""
        graph = Graph(None if self.backbone is None else onnx.load_model_from_string(self.backbone))
        pooled = _write_pooled(graph)
        rows = self.projection.write(graph, pooled)
        scores, gradient = self.head.write(graph, rows, lambda name: self._write_chosen(graph, name))
        self._write_probabilities(graph, scores)
        self._write_heat(graph, self.projection.write_gradient(graph, pooled, gradient))
        return graph.finish({PROBABILITIES: [len(self.damaged)], HEAT: [_HEAT_GRID, _HEAT_GRID]})

    @abstractmethod
    def _write_chosen(self, graph: Graph, scores: str) -> str:
        """Weights of the scores that the heat map explains."""

    @abstractmethod
    def _write_probabilities(self, graph: Graph, scores: str) -> None:
        """The output `PROBABILITIES`, [n, classes]."""

    def _write_damage(self, graph: Graph) -> str:
        """[n, 1]: the probability of damage."""
        return graph.node("MatMul", [PROBABILITIES, graph.constant(np.array(self.damaged, dtype=np.float32)[:, None])])

    def _write_heat(self, graph: Graph, gradient: str) -> None:
        """Gradient times activation (Grad-CAM, Selvaraju et al. (2017)), times the probability of damage."""
        total = ""
        start = 0
        for layer in POOLED_LAYERS:
            end = start + layer.channels
            if layer.stride >= 16:  # finer layers show texture, not damage
                part = graph.node("Slice", [gradient, graph.shape(start), graph.shape(end), graph.shape(1)])
                part = _write_heat_of(graph, layer, part)
                total = graph.node("Add", [total, part]) if total else part
            start = end
        positive = graph.node("Relu", [total])
        scaled = graph.node("Mul", [positive, graph.scalar(1.0 / self.heat_scale)])
        # What speaks for damage in a picture that is surely whole is nothing to point at.
        graph.node("Mul", [scaled, graph.node("Unsqueeze", [self._write_damage(graph), graph.shape(2)])], HEAT)


@dataclass(frozen=True, kw_only=True, eq=False)
class Classifier(PooledModel):
    """Classes of which a picture shows one.

    Attributes:
        slope, offset: calibration. Two classes: P(second) = sigmoid(slope * score + offset). More: softmax(slope * scores).
    """

    slope: float
    offset: float

    def probabilities_of_scores(self, scores: NDArray[np.float64]) -> NDArray[np.float64]:
        """float64 [n, classes] of the head's scores, float64 [n, 1] or [n, classes]."""
        if scores.shape[1] == 1:
            second = expit(self.slope * scores[:, 0] + self.offset)
            return np.stack([1 - second, second], axis=1)
        return np.asarray(softmax(self.slope * scores, axis=1), dtype=np.float64)

    def _write_chosen(self, graph: Graph, scores: str) -> str:
        """That of damage, or of the damage type that leads."""
        zeros = graph.node("Mul", [scores, graph.scalar(0.0)])
        if len(self.damaged) == 2:
            return graph.node("Add", [zeros, graph.scalar(1.0 if self.damaged[1] else -1.0)])
        barred = graph.constant(np.where(self.damaged, 0.0, -1e9).astype(np.float32))
        candidates = graph.node("Add", [scores, barred]) if any(self.damaged) else scores
        return write_leading(graph, candidates)

    def _write_probabilities(self, graph: Graph, scores: str) -> None:
        scaled = graph.node("Mul", [scores, graph.scalar(self.slope)])
        if len(self.damaged) > 2:
            graph.node("Softmax", [scaled], PROBABILITIES, attributes={"axis": 1})
            return
        second = graph.node("Sigmoid", [graph.node("Add", [scaled, graph.scalar(self.offset)])])
        first = graph.node("Sub", [graph.scalar(1.0), second])
        graph.node("Concat", [first, second], PROBABILITIES, attributes={"axis": 1})


def write_leading(graph: Graph, scores: str) -> str:
    """[n, scores]: 1 for the highest score of each row, 0 for the others."""
    best = graph.node("ReduceMax", [scores], attributes={"axes": [1], "keepdims": 1})
    return graph.node("Cast", [graph.node("Equal", [scores, best])], attributes={"to": 1})


def write_features(backbone: bytes | None = None) -> bytes:
    """The backbone, as in `Classifier`, as ONNX with the pooled features as its one output, `FEATURES`."""
    graph = Graph(None if backbone is None else onnx.load_model_from_string(backbone))
    graph.node("Identity", [_write_pooled(graph)], FEATURES)
    return graph.finish({FEATURES: [FEATURE_COUNT]})


def _write_pooled(graph: Graph) -> str:
    pooled = [graph.mean_over_places(layer) for layer in POOLED_LAYERS]
    return graph.node("Concat", pooled, attributes={"axis": 1})


def _write_heat_of(graph: Graph, layer: Layer, gradient: str) -> str:
    """[n, grid, grid]: what each place of one layer adds to the score, on the common grid."""
    weights = graph.node("Unsqueeze", [gradient, graph.shape(1)])
    flat = graph.node("Reshape", [layer.name, graph.shape(0, layer.channels, -1)])
    places = graph.node("MatMul", [weights, flat])
    side = _HEAT_GRID * 16 // layer.stride
    square = graph.node("Reshape", [places, graph.shape(0, 1, side, side)])
    if side != _HEAT_GRID:
        scales = graph.constant(np.array([1, 1, layer.stride / 16, layer.stride / 16], dtype=np.float32))
        square = graph.node("Resize", [square, "", scales], attributes={"mode": "linear"})
        square = graph.node("Mul", [square, graph.scalar((16 / layer.stride) ** 2)])
    return graph.node("Squeeze", [square, graph.shape(1)])
