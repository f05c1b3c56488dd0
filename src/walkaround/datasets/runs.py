"""COCO's run lengths: a mask as the lengths of its runs down the columns, plain or packed into text.

Source: pycocotools, common/maskApi.c (`rleToString`, `rleFrString`). What comes from strangers is checked here.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from walkaround.damage.places import Box, Runs

Mask = NDArray[np.bool_]

_ZERO = 48  # the character "0", from which COCO counts
_SIGN, _MORE, _FIVE = 0x10, 0x20, 0x1F
_LONGEST = 10  # characters of one length: 50 bits, more than any picture has pixels


def runs_of(mask: Mask) -> Runs:
    """The run lengths of a mask bool [h, w]."""
    return Runs(counts=tuple(run_lengths(mask)), height=mask.shape[0], width=mask.shape[1])


def run_lengths(mask: np.ndarray[tuple[int, ...], np.dtype[np.bool_]]) -> list[int]:
    """COCO's uncompressed RLE of a mask bool [h, w]: lengths of runs down the columns, beginning with a run of zeros."""
    flat = mask.ravel(order="F")
    changes = np.flatnonzero(flat[1:] != flat[:-1]) + 1
    ends = np.concatenate([[0] if flat.size and flat[0] else [], [0], changes, [flat.size]]).astype(np.int64)
    return [int(length) for length in np.diff(ends)]


def mask_of_runs(runs: Runs) -> Mask:
    """The mask bool [h, w] that run lengths stand for."""
    inside = np.arange(len(runs.counts)) % 2 == 1
    return np.repeat(inside, runs.counts).reshape(runs.height, runs.width, order="F")


def box_of_runs(runs: Runs) -> Box | None:
    """The smallest box around the mask, without building it; None around nothing."""
    ends = np.cumsum(np.asarray(runs.counts, dtype=np.int64))
    starts, stops = ends[0::2][: len(ends) // 2], ends[1::2]
    starts, stops = starts[stops > starts], stops[stops > starts] - 1
    if not len(starts):
        return None
    first, last = starts // runs.height, stops // runs.height
    tops, bottoms = starts % runs.height, stops % runs.height
    whole = first != last  # a run over the end of a column touches the lower edge and the upper one
    top = 0 if whole.any() else tops.min()
    bottom = runs.height - 1 if whole.any() else bottoms.max()
    return (float(first.min()), float(top), float(last.max() + 1), float(bottom + 1))


def packed(runs: Runs) -> str:
    """Run lengths as COCO's compressed text: each length less the one two before it, in characters of five bits."""
    text = bytearray()
    for number, count in enumerate(runs.counts):
        rest = count - runs.counts[number - 2] if number > 2 else count
        more = True
        while more:
            bits = rest & _FIVE
            rest >>= 5
            more = rest != (-1 if bits & _SIGN else 0)
            text.append(_ZERO + (bits | _MORE if more else bits))
    return text.decode("ascii")


def unpacked(text: str, *, height: int, width: int) -> Runs:
    """Run lengths from COCO's compressed text.

    Raises:
        ValueError: it is no such text, or its lengths do not add up to height * width.
    """
    counts: list[int] = []
    value = shift = 0
    for letter in text:
        bits = ord(letter) - _ZERO
        if not 0 <= bits < 2 * _MORE or shift >= 5 * _LONGEST:
            raise ValueError("it is no text of run lengths")
        value |= (bits & _FIVE) << shift
        shift += 5
        if not bits & _MORE:
            value -= (1 << shift) if bits & _SIGN else 0
            counts.append(value + (counts[-2] if len(counts) > 2 else 0))
            value = shift = 0
    if shift:
        raise ValueError("its last run length is cut off")
    return checked_runs(counts, height=height, width=width)


def checked_runs(counts: list[int], *, height: int, width: int) -> Runs:
    """Run lengths that fill a picture.

    Raises:
        ValueError: a length is negative, or they do not add up to height * width.
    """
    if min(counts, default=0) < 0:
        raise ValueError("it has a negative run length")
    if sum(counts) != height * width:
        raise ValueError(f"its run lengths add up to {sum(counts):,} pixels, and {width} x {height} has {height * width:,}")
    return Runs(counts=tuple(counts), height=height, width=width)
