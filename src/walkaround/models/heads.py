"""Heads that tell classes apart: a linear one and one with a Gaussian kernel, each with its slope in closed form.

A head has one score a picture for two classes (above 0 speaks for the second), and one a class for more (one against the rest).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import cho_factor, cho_solve
from sklearn.linear_model import LogisticRegression

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
        # The supports are the largest array of the graph: they are gone through twice, whatever the number of steps.
        products = graph.transposed_product(rows, graph.constant(self.supports))
        lengths = graph.node("ReduceSumSquare", [rows], attributes={"axes": [1], "keepdims": 1})
        squares = graph.constant((self.supports**2).sum(axis=1))

        def kernel(share: float) -> str:
            """[n, supports]: `gaussian_kernel` of the rows, shrunk to a share of them, and the supports."""
            both = graph.node("Add", [graph.node("Mul", [lengths, graph.scalar(share**2)]), squares])
            distance = graph.node("Sub", [both, graph.node("Mul", [products, graph.scalar(2 * share)])])
            return graph.node("Exp", [graph.node("Mul", [distance, graph.scalar(-self.gamma)])])

        weighted = graph.node("MatMul", [kernel(1.0), graph.constant(self.weights)])
        scores = graph.node("Add", [weighted, graph.constant(self.offsets)])
        chosen = graph.transposed_product(choose(scores), graph.constant(self.weights))
        return scores, self._write_slope(graph, rows, kernel, chosen)

    def _write_slope(self, graph: Graph, rows: str, kernel: Callable[[float], str], chosen: str) -> str:
        """[n, coordinates]: mean gradient on the way, from d exp(-g |r - s|^2) / d r = 2 g exp(-g |r - s|^2) (s - r)."""
        pulls, shares = "", ""
        for step in range(PATH_STEPS):
            share = (step + 0.5) / PATH_STEPS
            pull = graph.node("Mul", [kernel(share), chosen])
            shared = graph.node("Mul", [pull, graph.scalar(share)])
            pulls = graph.node("Add", [pulls, pull]) if pulls else pull
            shares = graph.node("Add", [shares, shared]) if shares else shared
        towards = graph.node("MatMul", [pulls, graph.constant(self.supports)])
        away = graph.node("Mul", [rows, graph.node("ReduceSum", [shares, graph.shape(1)], attributes={"keepdims": 1})])
        return graph.node("Mul", [graph.node("Sub", [towards, away]), graph.scalar(2.0 * self.gamma / PATH_STEPS)])


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
    """Regularised least squares with a Gaussian kernel towards 1 for a class and -1 for the rest, in closed form.

    Each class weighs the same, however many rows it has. Every row is a support.
    Source: Suykens and Vandewalle (1999), Least squares support vector machine classifiers, equation 18.

    Args:
        rows: float32 [n, coordinates].
        class_ids: int64 [n], two classes at least.
        strength: inverse of the regularisation, of a class that is neither rare nor common.
        gamma: of the kernel.
    """
    classes, positions, counts = np.unique(class_ids, return_inverse=True, return_counts=True)
    targets = (2 * np.eye(len(classes), dtype=np.float32) - 1)[positions][:, 1 if len(classes) == 2 else 0 :]
    ridge = (counts * (len(classes) / len(rows) / strength)).astype(np.float32)[positions]
    return solve_kernel(rows, targets, ridge=ridge, gamma=gamma)


def solve_kernel(rows: Rows, targets: Rows, *, ridge: Rows, gamma: float) -> KernelHead:
    """The head of `fit_kernel` for any targets.

    Args:
        rows: float32 [n, coordinates].
        targets: float32 [n, scores], 1 for what a row shows and -1 for what it does not.
        ridge: float32 [n], regularisation of each row: the less, the more the row weighs.
        gamma: of the kernel.
    """
    system = gaussian_kernel(rows, rows, gamma)
    system[np.diag_indices(len(rows))] += ridge
    factor = cho_factor(system.T, lower=True, overwrite_a=True, check_finite=False)  # its transpose can be factored in place
    solved = cho_solve(factor, np.column_stack([targets, np.ones(len(rows), dtype=np.float32)]), check_finite=False)
    offsets = solved[:, :-1].sum(axis=0) / solved[:, -1].sum()
    weights = solved[:, :-1] - offsets * solved[:, -1:]
    return KernelHead(supports=rows, weights=weights.astype(np.float32), offsets=offsets.astype(np.float32), gamma=gamma)
