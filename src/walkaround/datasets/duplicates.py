"""Near-duplicates: the same photo twice, whether resized, recompressed, brightened, cropped a little or mirrored.

Every picture proposes the few others that look most like it (the lowest frequencies of its thumbnail, compared by matrix
product), and a pair counts only when the two thumbnails, laid over each other, agree everywhere: first coarsely, which few
strangers do, then finely. That keeps different cars of one layout apart: white vans on white ground, one forecourt, one stock
photographer.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import isqrt

import numpy as np
from numpy.typing import NDArray

from walkaround.datasets.alignment import align
from walkaround.media.facts import PictureFacts

_FREQUENCIES = 8
_PROPOSALS = 4
_LOOKS_ALIKE = 0.7
"""Cosine of two pictures' low frequencies. Of crops by 5 % a side all but 1 in 50 reach it, of pairs of strangers 1 in 110."""
_ROWS = 512
_PAIRS = 512
_COARSE_SIDE = 16
_FIRST_STEPS, _STEPS = 4, 10
_HOPELESS = 0.5
"""A pair that differs by more after the first steps of laying over is dropped, as nearly all strangers are."""

_DIFFERENCE = 0.14
"""Largest difference of a copy's edges. Measured on 1,839 car photos and copies of 150 of them: cropped by 3 % a side all are
found, by 5 % 99 %, by 7 % 89 %, by 6 and 8 % at a corner 96 %. Two vans of one layout differ by 0.17, the next cars by 0.22."""
_STRANGERS_DIFFER = 0.7
"""Where random pictures differ by less than this (one part on one table: 0.24, cars: 0.96), copies must agree better."""
_OVERLAP = 0.5
_SAMPLE = 200
_Sizes = tuple[NDArray[np.float32], NDArray[np.float32]]
"""The thumbnails of the same pictures, float32 [pictures, n, n], small and large."""


def duplicate_groups(facts: Sequence[PictureFacts]) -> NDArray[np.int64]:
    """Number every group of pictures that are the same file or the same photo.

    Returns:
        int64 [pictures]: the group of each, 0 upwards in order of first appearance. A picture like no other has a group alone.
    """
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import connected_components

    if not facts:
        return np.zeros(0, dtype=np.int64)
    _, firsts, file_of = np.unique([fact.sha256 for fact in facts], return_index=True, return_inverse=True)
    pairs = near_duplicates([facts[first] for first in firsts])
    links = coo_array((np.ones(len(pairs)), (pairs[:, 0], pairs[:, 1])), shape=(len(firsts), len(firsts)))
    _, group_of_file = connected_components(links, directed=False)
    _, first, group = np.unique(group_of_file[file_of], return_index=True, return_inverse=True)
    return np.argsort(np.argsort(first))[group].astype(np.int64)


def near_duplicates(facts: Sequence[PictureFacts]) -> NDArray[np.int64]:
    """The verified pairs, int64 [pairs, 2], of indices into `facts`; each once, the lower index first."""
    fine = _thumbnails([fact.thumbnail for fact in facts])
    coarse = _coarse(fine)
    limit = _limit(coarse)
    found = []
    for mirrored in (False, True):
        proposed = _proposals(coarse, coarse[:, :, :: -1 if mirrored else 1])
        found.append(_agreeing(proposed, (coarse, fine), (coarse, fine), mirrored=mirrored, limit=limit))
    return np.unique(np.concatenate(found), axis=0) if found else np.zeros((0, 2), dtype=np.int64)


def near_duplicates_between(new: Sequence[bytes], known: Sequence[bytes]) -> NDArray[np.int64]:
    """The verified pairs, int64 [pairs, 2], of an index into `new` and one into `known`, both thumbnails of `PictureFacts`.

    For each of `new` only the few of `known` are looked at that look most like it, so the cost grows with `new`.
    """
    if not new or not known:
        return np.zeros((0, 2), dtype=np.int64)
    fine, fine_known = _thumbnails(new), _thumbnails(known)
    coarse, coarse_known = _coarse(fine), _coarse(fine_known)
    limit = _limit(coarse_known)
    found = []
    for mirrored in (False, True):
        pairs = _nearest(coarse, coarse_known[:, :, :: -1 if mirrored else 1], _PROPOSALS)
        found.append(_agreeing(pairs, (coarse, fine), (coarse_known, fine_known), mirrored=mirrored, limit=limit))
    return np.unique(np.concatenate(found), axis=0)


def _thumbnails(stored: Sequence[bytes]) -> NDArray[np.float32]:
    """float32 [pictures, side, side]."""
    side = isqrt(len(stored[0])) if stored else 0
    return np.frombuffer(b"".join(stored), np.uint8).reshape(len(stored), side, side).astype(np.float32)


def _limit(coarse: NDArray[np.float32]) -> float:
    """The largest difference of copies among pictures like these."""
    return _DIFFERENCE * min(1.0, _difference_of_strangers(coarse) / _STRANGERS_DIFFER) ** 2


def _agreeing(
    proposed: NDArray[np.int64], firsts: _Sizes, seconds: _Sizes, *, mirrored: bool, limit: float
) -> NDArray[np.int64]:
    """Those of the proposed pairs whose thumbnails agree everywhere when they are laid over each other."""
    turn = -1 if mirrored else 1
    found = [np.zeros((0, 2), dtype=np.int64)]
    for start in range(0, len(proposed), _PAIRS):
        pairs = proposed[start : start + _PAIRS]
        for size, (steps, largest) in enumerate(((_FIRST_STEPS, _HOPELESS), (_STEPS, limit))):
            fit = align(firsts[size][pairs[:, 0]], seconds[size][pairs[:, 1], :, ::turn], steps=steps)
            pairs = pairs[(fit.difference <= largest) & (fit.overlap >= _OVERLAP)]
        found.append(pairs)
    return np.concatenate(found)


def _coarse(thumbnails: NDArray[np.float32]) -> NDArray[np.float32]:
    """The thumbnails, float32 [pictures, n, n], at 16 pixels a side."""
    pictures, side, _ = thumbnails.shape
    cells = thumbnails.reshape(pictures, _COARSE_SIDE, side // _COARSE_SIDE, _COARSE_SIDE, side // _COARSE_SIDE)
    return np.asarray(cells.mean(axis=(2, 4)), dtype=np.float32)


def _difference_of_strangers(thumbnails: NDArray[np.float32]) -> float:
    """What two random pictures of this set differ by, in the median."""
    if len(thumbnails) < 2 * _PROPOSALS:
        return 1.0
    rng = np.random.default_rng(0)
    first = rng.integers(len(thumbnails), size=_SAMPLE)
    second = (first + rng.integers(1, len(thumbnails), size=_SAMPLE)) % len(thumbnails)
    return float(np.median(align(thumbnails[first], thumbnails[second]).difference))


def _proposals(thumbnails: NDArray[np.float32], seconds: NDArray[np.float32]) -> NDArray[np.int64]:
    """Pairs worth verifying, int64 [pairs, 2]: each picture with the few of the `seconds` that look most like it."""
    pairs = np.sort(_nearest(thumbnails, seconds, _PROPOSALS + 1), axis=1)  # each is most like itself
    return np.unique(pairs[pairs[:, 0] != pairs[:, 1]], axis=0)


def _nearest(thumbnails: NDArray[np.float32], seconds: NDArray[np.float32], most: int) -> NDArray[np.int64]:
    """int64 [pairs, 2]: each picture with at most so many of the `seconds`, those that look most like it, if they do at all."""
    looks, turned = _looks(thumbnails), _looks(seconds)
    proposed = [np.zeros((0, 2), dtype=np.int64)]
    count = min(most, len(turned))
    for start in range(0, len(looks), _ROWS):
        alike = looks[start : start + _ROWS] @ turned.T
        nearest = np.argpartition(-alike, count - 1, axis=1)[:, :count]
        rows, column = np.nonzero(np.take_along_axis(alike, nearest, axis=1) >= _LOOKS_ALIKE)
        proposed.append(np.column_stack((rows + start, nearest[rows, column])))
    return np.concatenate(proposed)


def _looks(thumbnails: NDArray[np.float32]) -> NDArray[np.float32]:
    """float32 [pictures, 63] of length 1 (0 for blank pictures): the lowest frequencies without the mean."""
    from scipy.fft import dctn

    waves = dctn(thumbnails, axes=(1, 2), norm="ortho")[:, :_FREQUENCIES, :_FREQUENCIES].reshape(len(thumbnails), -1)[:, 1:]
    lengths = np.linalg.norm(waves, axis=1, keepdims=True)
    return np.where(lengths > 1, waves / np.maximum(lengths, 1), 0).astype(np.float32)
