"""Anomaly detection from normal pictures alone: a memory of normal patches, as one ONNX graph.

Every place of a picture is described by two layers of the backbone; what no remembered normal patch comes near is anomalous.
Source: Roth et al. (2022), Towards total recall in industrial anomaly detection (PatchCore), CVPR, with a random choice of
candidates before its greedy one.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from walkaround.models.backbone import PATCH_LAYERS
from walkaround.models.graph import Graph
from walkaround.models.names import HEAT, PROBABILITIES

PATCHES = "patches"
"""Output float32 [n, channels, rows, columns] of the graph that training reads normal pictures with."""

GRID = 40  # of stride 8 at 320 pixels
CHANNELS = sum(layer.channels for layer in PATCH_LAYERS)
WORST_PLACES = 8
"""A picture's score is the mean of its highest places: one place alone is too much a matter of chance."""


@dataclass(frozen=True, kw_only=True, eq=False)
class PatchMemory:
    """What normal pictures look like in small.

    Attributes:
        mean, scale: float32 [channels], of all candidates.
        patches: float32 [patches, channels], standardised.
    """

    mean: NDArray[np.float32]
    scale: NDArray[np.float32]
    patches: NDArray[np.float32]

    def write(self, *, limit: float, spread: float) -> bytes:
        """The model as ONNX, with the outputs of a classifier of the classes (normal, anomaly).

        Args:
            limit: score at which the probability of an anomaly is one half.
            spread: how much ln(score) differs between normal pictures; decides how fast the probability rises.
        """
        graph = Graph()
        distance = self._write_distance(graph)
        score = _write_score(graph, distance)
        rise = graph.node("Log", [graph.node("Div", [score, graph.scalar(limit)])])
        anomaly = graph.node("Sigmoid", [graph.node("Mul", [rise, graph.scalar(1.0 / spread)])])
        normal = graph.node("Sub", [graph.scalar(1.0), anomaly])
        graph.node("Concat", [normal, anomaly], PROBABILITIES, attributes={"axis": 1})
        square = graph.node("Reshape", [distance, graph.shape(0, GRID, GRID)])
        graph.node("Mul", [square, graph.scalar(1.0 / limit)], HEAT)
        return graph.finish({PROBABILITIES: [2], HEAT: [GRID, GRID]})

    def write_scores(self) -> bytes:
        """A graph whose one output, `SCORES`, is what `write` turns into probabilities."""
        graph = Graph()
        graph.node("Identity", [_write_score(graph, self._write_distance(graph))], SCORES)
        return graph.finish({SCORES: [1]})

    def _write_distance(self, graph: Graph) -> str:
        """[n, places]: distance of every place to the nearest remembered patch."""
        rows = graph.node("Reshape", [_write_patches(graph), graph.shape(0, CHANNELS, -1)])
        rows = graph.node("Transpose", [rows], attributes={"perm": [0, 2, 1]})
        rows = graph.node("Div", [graph.node("Sub", [rows, graph.constant(self.mean)]), graph.constant(self.scale)])
        lengths = graph.node("ReduceSumSquare", [rows], attributes={"axes": [2], "keepdims": 0})
        doubled = graph.node("MatMul", [rows, graph.constant(np.ascontiguousarray(2 * self.patches.T))])
        nearness = graph.node("Sub", [doubled, graph.constant((self.patches**2).sum(axis=1))])
        nearest = graph.node("ReduceMax", [nearness], attributes={"axes": [2], "keepdims": 0})
        squared = graph.node("Relu", [graph.node("Sub", [lengths, nearest])])
        return graph.node("Sqrt", [squared])


SCORES = "scores"
"""Output float32 [n, 1]: how far a picture is from everything remembered."""


def write_patches() -> bytes:
    """The backbone as ONNX with the description of every place as its one output, `PATCHES`."""
    graph = Graph()
    graph.node("Identity", [_write_patches(graph)], PATCHES)
    return graph.finish({PATCHES: [CHANNELS, GRID, GRID]})


def remember(candidates: NDArray[np.float32], *, patches: int, seed: int) -> PatchMemory:
    """Choose the patches to remember: greedily, each time the candidate that is farthest from all chosen ones.

    Args:
        candidates: float32 [n, channels], of normal pictures only.
        patches: how many to keep at most.
        seed: of the first choice.
    """
    mean = candidates.mean(axis=0)
    scale = np.maximum(candidates.std(axis=0), 1e-3)
    rows = (candidates - mean) / scale
    lengths = (rows**2).sum(axis=1)
    nearest = np.full(len(rows), np.inf, dtype=np.float32)
    chosen = [int(np.random.default_rng(seed).integers(len(rows)))]
    for _ in range(min(patches, len(rows)) - 1):
        last = rows[chosen[-1]]
        nearest = np.minimum(nearest, lengths - 2 * (rows @ last) + last @ last)
        chosen.append(int(nearest.argmax()))
    return PatchMemory(mean=mean, scale=scale, patches=rows[chosen])


def damage_of_scores(scores: NDArray[np.float64], *, limit: float, spread: float) -> NDArray[np.float64]:
    """Probability of an anomaly of scores, as the graph that `PatchMemory.write` makes gives it."""
    rise = np.log(np.maximum(scores, 1e-6) / limit)
    return np.asarray(1.0 / (1.0 + np.exp(-np.clip(rise / spread, -500, 500))))


def _write_patches(graph: Graph) -> str:
    """Every layer averaged over 3 x 3 places, brought to the finest grid, side by side."""
    parts = []
    for layer in PATCH_LAYERS:
        smooth = graph.node(
            "AveragePool", [layer.name], attributes={"kernel_shape": [3, 3], "pads": [1, 1, 1, 1], "count_include_pad": 0}
        )
        factor = layer.stride * GRID / 320
        if factor != 1:
            scales = graph.constant(np.array([1, 1, factor, factor], dtype=np.float32))
            smooth = graph.node("Resize", [smooth, "", scales], attributes={"mode": "linear"})
        parts.append(smooth)
    return graph.node("Concat", parts, attributes={"axis": 1})


def _write_score(graph: Graph, distance: str) -> str:
    worst = graph.node("TopK", [distance, graph.shape(WORST_PLACES)], attributes={"axis": 1}, unused_outputs=1)
    return graph.node("ReduceMean", [worst], attributes={"axes": [1], "keepdims": 1})
