"""The multi-label classifier: one score for damage and one for each damage type, calibrated each for itself, as one graph.

A damage type is never more probable than damage at all: where the head of damage is the less sure, its probability counts.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit

from walkaround.models.classify import PooledModel, write_leading
from walkaround.models.graph import Graph
from walkaround.models.names import PROBABILITIES


@dataclass(frozen=True, kw_only=True, eq=False)
class MultiLabelClassifier(PooledModel):
    """Damage types of which a picture may show several, or none.

    The head has a score for each class. That of the first class, where it means a whole car, is of damage: its probability is
    told as that of the contrary, so that the probabilities of damage and of a whole car add up to 1. The others do not.

    Attributes:
        slopes, offsets: calibration of each score: probability = sigmoid(slope * score + offset).
    """

    slopes: tuple[float, ...]
    offsets: tuple[float, ...]

    @property
    def knows_whole(self) -> bool:
        """Whether there were whole cars to learn from; without, every picture counts as damaged."""
        return not self.damaged[0]

    def probabilities_of_scores(self, scores: NDArray[np.float64]) -> NDArray[np.float64]:
        """float64 [n, classes] of the head's scores, float64 [n, classes]."""
        sure: NDArray[np.float64] = expit(scores * np.array(self.slopes) + np.array(self.offsets))
        if not self.knows_whole:
            return sure
        damage = sure[:, :1]
        return np.concatenate([1 - damage, np.minimum(sure[:, 1:], damage)], axis=1)

    def _write_chosen(self, graph: Graph, scores: str) -> str:
        """That of damage; without whole cars to tell it from, that of the damage type that leads."""
        if not self.knows_whole:
            return write_leading(graph, scores)
        first = np.zeros(len(self.damaged), dtype=np.float32)
        first[0] = 1
        return graph.node("Add", [graph.node("Mul", [scores, graph.scalar(0.0)]), graph.constant(first)])

    def _write_probabilities(self, graph: Graph, scores: str) -> None:
        scaled = graph.node("Mul", [scores, graph.constant(np.array(self.slopes, dtype=np.float32))])
        moved = graph.node("Add", [scaled, graph.constant(np.array(self.offsets, dtype=np.float32))])
        if not self.knows_whole:
            graph.node("Sigmoid", [moved], PROBABILITIES)
            return
        sure = graph.node("Sigmoid", [moved])
        damage = graph.node("Slice", [sure, graph.shape(0), graph.shape(1), graph.shape(1)])
        kinds = graph.node("Slice", [sure, graph.shape(1), graph.shape(len(self.damaged)), graph.shape(1)])
        whole = graph.node("Sub", [graph.scalar(1.0), damage])
        graph.node("Concat", [whole, graph.node("Min", [kinds, damage])], PROBABILITIES, attributes={"axis": 1})

    def _write_damage(self, graph: Graph) -> str:
        if self.knows_whole:
            whole = graph.node("Slice", [PROBABILITIES, graph.shape(0), graph.shape(1), graph.shape(1)])
            return graph.node("Sub", [graph.scalar(1.0), whole])
        nothing = graph.node("ReduceMax", [PROBABILITIES], attributes={"axes": [1], "keepdims": 1})
        return graph.node("Add", [graph.node("Mul", [nothing, graph.scalar(0.0)]), graph.scalar(1.0)])


def damage_of(probabilities: NDArray[np.float64], damaged: Sequence[bool] | NDArray[np.bool_]) -> NDArray[np.float64]:
    """Probability of damage, float64 [...], of those of a multi-label model's classes, float64 [..., classes]."""
    whole = ~np.asarray(damaged, dtype=np.bool_)
    return np.asarray(np.clip(1 - probabilities[..., whole].sum(axis=-1), 0.0, 1.0), dtype=np.float64)
