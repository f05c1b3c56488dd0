"""Heads that tell classes apart: a linear one and one with a Gaussian kernel, each with its gradient in closed form.

A head has one score a picture for two classes (above 0 speaks for the second), and one a class for more (one against the rest).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray
from sklearn.linear_model import LogisticRegression
from sklearn.svm import SVC

from walkaround.models.graph import Graph

Rows = NDArray[np.float32]
Choose = Callable[[str], str]
"""Gets the name of the scores in a graph, [n, scores]; gives the name of each score's weight in the gradient, [n, scores]."""


class Head(Protocol):
    """Scores of coordinates, in numpy and as part of a graph."""

    def scores(self, rows: Rows) -> Rows:
        """float32 [n, scores] of coordinates, float32 [n, coordinates]."""

    def write(self, graph: Graph, rows: str, choose: Choose) -> tuple[str, str]:
        """Append to a graph: names of the scores, and of d (sum of chosen scores) / d rows, [n, coordinates]."""


@dataclass(frozen=True, kw_only=True, eq=False)
class LinearHead:
    """Scores = rows @ weights + offsets; weights float32 [coordinates, scores], offsets float32 [scores]."""

    weights: Rows
    offsets: Rows

    def scores(self, rows: Rows) -> Rows:
        """See `Head`."""
        return np.asarray(rows @ self.weights + self.offsets, dtype=np.float32)

    def write(self, graph: Graph, rows: str, choose: Choose) -> tuple[str, str]:
        """See `Head`."""
        scores = graph.node("Add", [graph.node("MatMul", [rows, graph.constant(self.weights)]), graph.constant(self.offsets)])
        return scores, graph.transposed_product(choose(scores), graph.constant(self.weights))


@dataclass(frozen=True, kw_only=True, eq=False)
class KernelHead:
    """Scores = exp(-gamma * squared distance to each support) @ weights + offsets.

    Attributes:
        supports: float32 [supports, coordinates].
        weights: float32 [supports, scores].
        offsets: float32 [scores].
        gamma: of the Gaussian kernel.
    """

    supports: Rows
    weights: Rows
    offsets: Rows
    gamma: float

    def scores(self, rows: Rows) -> Rows:
        """See `Head`."""
        return np.asarray(gaussian_kernel(rows, self.supports, self.gamma) @ self.weights + self.offsets, dtype=np.float32)

    def write(self, graph: Graph, rows: str, choose: Choose) -> tuple[str, str]:
        """See `Head`."""
        supports = graph.constant(self.supports)
        lengths = graph.node("ReduceSumSquare", [rows], attributes={"axes": [1], "keepdims": 1})
        products = graph.transposed_product(rows, supports)
        own_lengths = graph.constant((self.supports**2).sum(axis=1))
        doubled = graph.node("Mul", [products, graph.scalar(2.0)])
        distance = graph.node("Sub", [graph.node("Add", [lengths, own_lengths]), doubled])
        kernel = graph.node("Exp", [graph.node("Mul", [distance, graph.scalar(-self.gamma)])])
        scores = graph.node("Add", [graph.node("MatMul", [kernel, graph.constant(self.weights)]), graph.constant(self.offsets)])
        # d exp(-g |r - s|^2) / d r = 2 g exp(...) (s - r)
        chosen = graph.transposed_product(choose(scores), graph.constant(self.weights))
        pull = graph.node("Mul", [kernel, chosen])
        towards = graph.node("MatMul", [pull, supports])
        away = graph.node("Mul", [rows, graph.node("ReduceSum", [pull, graph.shape(1)], attributes={"keepdims": 1})])
        return scores, graph.node("Mul", [graph.node("Sub", [towards, away]), graph.scalar(2.0 * self.gamma)])


def gaussian_kernel(rows: Rows, supports: Rows, gamma: float) -> Rows:
    """exp(-gamma * squared distance), float32 [rows, supports]."""
    kernel: Rows = rows @ supports.T  # changed in place: it is the largest array of a training
    kernel *= -2
    kernel += (rows**2).sum(axis=1)[:, None]
    kernel += (supports**2).sum(axis=1)
    np.maximum(kernel, 0, out=kernel)
    kernel *= -gamma
    np.exp(kernel, out=kernel)
    return kernel


def fit_linear(rows: Rows, class_ids: NDArray[np.int64], *, strength: float) -> LinearHead:
    """Logistic regression; `strength` is the inverse of the regularisation (scikit-learn's C), for rows about 1 long."""
    model = LogisticRegression(C=strength, class_weight="balanced", max_iter=300).fit(rows, class_ids)
    return LinearHead(weights=model.coef_.T.astype(np.float32), offsets=model.intercept_.astype(np.float32))


def fit_kernel(rows: Rows, class_ids: NDArray[np.int64], *, strength: float, gamma: float) -> KernelHead:
    """Support vector machines with a Gaussian kernel; one for two classes, one a class against the rest for more."""
    kernel = gaussian_kernel(rows, rows, gamma)
    classes = np.unique(class_ids)
    targets = [class_ids == classes[1]] if len(classes) == 2 else [class_ids == one for one in classes]
    weights = np.zeros((len(rows), len(targets)), dtype=np.float32)
    offsets = np.zeros(len(targets), dtype=np.float32)
    for column, target in enumerate(targets):
        model = SVC(C=strength, kernel="precomputed", class_weight="balanced", cache_size=100).fit(kernel, target)
        weights[model.support_, column] = model.dual_coef_[0]
        offsets[column] = model.intercept_[0]
    used = np.flatnonzero(weights.any(axis=1))
    return KernelHead(supports=rows[used], weights=weights[used], offsets=offsets, gamma=gamma)
