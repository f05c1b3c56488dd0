"""From pooled features to the few coordinates that the heads are fitted in."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from walkaround.models.graph import Graph

FITTED_ROWS = 3000
"""No more rows than this are needed to fit a projection; more change nothing that could be measured."""
_COORDINATES = 384
_SMALLEST_SCALE = 1e-3  # a channel that hardly ever fires must not be blown up


@dataclass(frozen=True, kw_only=True, eq=False)
class Projection:
    """Square root, standardisation, principal components.

    The square root evens out the few channels that fire strongly (Perronnin et al. (2010), Improving the Fisher kernel).

    Attributes:
        mean, scale: float32 [features], of the square roots.
        components: float32 [features, coordinates], orthonormal columns divided by the square root of `features`, so that two
            pictures are about a distance of 1 apart.
    """

    mean: NDArray[np.float32]
    scale: NDArray[np.float32]
    components: NDArray[np.float32]

    def coordinates(self, features: NDArray[np.float32]) -> NDArray[np.float32]:
        """float32 [n, coordinates] of pooled features, float32 [n, features], none below 0."""
        return np.asarray(((np.sqrt(features) - self.mean) / self.scale) @ self.components, dtype=np.float32)

    def write(self, graph: Graph, pooled: str) -> str:
        """Append the projection of `pooled`, [n, features], to a graph; returns the coordinates' name."""
        roots = graph.node("Sqrt", [pooled])
        centred = graph.node("Sub", [roots, graph.constant(self.mean)])
        standard = graph.node("Div", [centred, graph.constant(self.scale)])
        return graph.node("MatMul", [standard, graph.constant(self.components)])

    def write_gradient(self, graph: Graph, pooled: str, gradient: str) -> str:
        """Append the way back: from d score / d coordinates to d score / d pooled, [n, features]."""
        back = graph.transposed_product(gradient, graph.constant(self.components))
        standard = graph.node("Div", [back, graph.constant(self.scale)])
        roots = graph.node("Sqrt", [graph.node("Add", [pooled, graph.scalar(1e-4)])])  # a channel that is silent has no slope
        return graph.node("Div", [standard, graph.node("Mul", [roots, graph.scalar(2.0)])])


def fit_projection(features: NDArray[np.float32]) -> Projection:
    """Fit to pooled features, float32 [n, features], none below 0; n of up to `FITTED_ROWS` is enough."""
    roots = np.sqrt(features)
    mean = roots.mean(axis=0)
    scale = np.maximum(roots.std(axis=0), _SMALLEST_SCALE)
    rows = (roots - mean) / scale
    # The components of few rows with many features are found from the rows' products, which is the smaller matrix.
    values, vectors = np.linalg.eigh((rows @ rows.T).astype(np.float64))
    keep = min(_COORDINATES, int((values > values[-1] * 1e-9).sum()))
    components = rows.T @ (vectors[:, -keep:] / np.sqrt(values[-keep:])).astype(np.float32)
    return Projection(mean=mean, scale=scale, components=components / np.float32(np.sqrt(features.shape[1])))
