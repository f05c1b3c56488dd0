"""Heads that tell classes apart: a linear one and one with a Gaussian kernel, each with its slope in closed form.

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


PATH_STEPS = 3
"""Where on the way from the average picture the gradient of a kernel head is taken: the middles of so many equal parts."""


class Head(Protocol):
    """Scores of coordinates, in numpy and as part of a graph."""

    def scores(self, rows: Rows) -> Rows:
        """float32 [n, scores] of coordinates, float32 [n, coordinates]."""

    def write(self, graph: Graph, rows: str, choose: Choose) -> tuple[str, str]:
        """Append to a graph: names of the scores, and of the slope of the sum of chosen scores, [n, coordinates].

        The slope is the mean gradient along the way from the average picture, whose coordinates are 0, to the rows: integrated
        gradients, Sundararajan et al. (2017), Axiomatic attribution for deep networks. At the rows alone a kernel is flat just
        where it is surest.
        """


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
        kernel = self._write_kernel(graph, rows)
        scores = graph.node("Add", [graph.node("MatMul", [kernel, graph.constant(self.weights)]), graph.constant(self.offsets)])
        chosen = graph.transposed_product(choose(scores), graph.constant(self.weights))
        gradient = ""
        for step in range(PATH_STEPS):
            share = (step + 0.5) / PATH_STEPS
            part = self._write_slope(graph, graph.node("Mul", [rows, graph.scalar(share)]), chosen)
            gradient = graph.node("Add", [gradient, part]) if gradient else part
        return scores, graph.node("Mul", [gradient, graph.scalar(1 / PATH_STEPS)])

    def _write_kernel(self, graph: Graph, rows: str) -> str:
        """[n, supports]: `gaussian_kernel` of the rows and the supports."""
        lengths = graph.node("ReduceSumSquare", [rows], attributes={"axes": [1], "keepdims": 1})
        products = graph.transposed_product(rows, graph.constant(self.supports))
        both = graph.node("Add", [lengths, graph.constant((self.supports**2).sum(axis=1))])
        distance = graph.node("Sub", [both, graph.node("Mul", [products, graph.scalar(2.0)])])
        return graph.node("Exp", [graph.node("Mul", [distance, graph.scalar(-self.gamma)])])

    def _write_slope(self, graph: Graph, rows: str, chosen: str) -> str:
        """[n, coordinates]: gradient at the rows, from d exp(-g |r - s|^2) / d r = 2 g exp(-g |r - s|^2) (s - r)."""
        pull = graph.node("Mul", [self._write_kernel(graph, rows), chosen])
        towards = graph.node("MatMul", [pull, graph.constant(self.supports)])
        away = graph.node("Mul", [rows, graph.node("ReduceSum", [pull, graph.shape(1)], attributes={"keepdims": 1})])
        return graph.node("Mul", [graph.node("Sub", [towards, away]), graph.scalar(2.0 * self.gamma)])


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
