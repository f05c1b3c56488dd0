"""Laying one thumbnail over another: is this the same photo, perhaps cropped, brightened or compressed anew?"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]

_WIDEST_STEP = 0.1
_SCALES = (0.75, 1.33)  # a crop of a quarter and more leaves another picture
_SHIFTS = (-0.3, 0.3)


@dataclass(frozen=True, kw_only=True, eq=False)
class Alignment:
    """How well pairs of thumbnails agree once laid over each other.

    Attributes:
        difference: float32 [pairs], 1 - correlation of their edges (steps between neighbours, which smooth light and a
            common background do not make alike): 0 for copies, about 1 for strangers.
        overlap: float32 [pairs], share of the first that the second covers.
    """

    difference: Floats
    overlap: Floats


def align(first: Floats, second: Floats, *, steps: int = 10) -> Alignment:
    """Shift and stretch each second thumbnail along both axes until it fits the first, and compare what overlaps.

    Lucas and Kanade's method (1981) with a gain and an offset of brightness, for all pairs at once.

    Args:
        first: float32 [pairs, n, n], grey.
        second: float32 [pairs, n, n], grey.
        steps: of the search; four are enough to tell what will never fit.
    """
    first, second = _standardised(first), _standardised(second)
    pairs, side, _ = first.shape
    across, down = (np.gradient(second, axis=axis) * (side / 2) for axis in (2, 1))
    damping = np.diag(np.array([2e-5, 2e-5, 2e-5, 2e-5, 1e-6, 1e-6], np.float32)) * side**2  # blank pictures have no slopes
    place = _places(side)
    fit = np.tile(np.array([1, 0, 1, 0], np.float32), (pairs, 1))  # scale and shift along x, along y; the picture spans -1 to 1
    for _ in range(steps):
        columns, rows, seen = _sampling(fit, side)
        warped, by_x, by_y = (rows @ values @ columns for values in (second, across, down))
        slopes = np.stack([by_x * place, by_x, by_y * place[:, None], by_y, np.ones_like(first), -first], axis=-1)
        slopes = (slopes * seen[..., None]).reshape(pairs, side * side, 6)
        turned = slopes.transpose(0, 2, 1)
        step = np.linalg.solve(turned @ slopes + damping, turned @ -(warped * seen).reshape(pairs, side * side, 1))[:, :4, 0]
        fit += np.clip(step, -_WIDEST_STEP, _WIDEST_STEP)
        fit[:, ::2] = np.clip(fit[:, ::2], *_SCALES)
        fit[:, 1::2] = np.clip(fit[:, 1::2], *_SHIFTS)
    columns, rows, seen = _sampling(fit, side)
    return _compared(first, (rows @ second @ columns).astype(np.float32), seen)


def _standardised(thumbnails: Floats) -> Floats:
    centred: Floats = thumbnails - thumbnails.mean(axis=(1, 2), keepdims=True)
    spread: Floats = np.maximum(centred.std(axis=(1, 2), keepdims=True), 1e-3)
    return centred / spread


def _places(side: int) -> Floats:
    return (((np.arange(side) + 0.5) / side) * 2 - 1).astype(np.float32)


def _sampling(fit: Floats, side: int) -> tuple[Floats, Floats, Floats]:
    """Matrices that sample columns [pairs, n, n] and rows [pairs, n, n] linearly, and 1 where both lie in the picture."""
    matrices: list[Floats] = []
    inside: list[NDArray[np.bool_]] = []
    for scale, shift in ((fit[:, 0], fit[:, 1]), (fit[:, 2], fit[:, 3])):
        at = (scale[:, None] * _places(side) + shift[:, None] + 1) / 2 * side - 0.5
        matrices.append(np.maximum(1 - np.abs(at[:, :, None] - np.arange(side)), 0).astype(np.float32))
        inside.append((at >= 0) & (at <= side - 1))
    seen = (inside[1][:, :, None] & inside[0][:, None, :]).astype(np.float32)
    return matrices[0].transpose(0, 2, 1), matrices[1], seen


def _compared(first: Floats, second: Floats, seen: Floats) -> Alignment:
    shared, first_squared, second_squared = (np.zeros(len(first), dtype=np.float32) for _ in range(3))
    for axis in (1, 2):
        both = np.diff(seen, axis=axis) == 0
        inside = both * seen[:, 1:] if axis == 1 else both * seen[:, :, 1:]
        one, other = np.diff(first, axis=axis) * inside, np.diff(second, axis=axis) * inside
        shared += (one * other).sum(axis=(1, 2))
        first_squared += (one**2).sum(axis=(1, 2))
        second_squared += (other**2).sum(axis=(1, 2))
    correlation = shared / np.maximum(np.sqrt(first_squared * second_squared), 1e-6)
    return Alignment(difference=1 - correlation, overlap=seen.mean(axis=(1, 2)))
