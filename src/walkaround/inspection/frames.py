"""Which frames of a video are looked at: sharp, distinct ones over its whole length, chosen in a single pass."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from walkaround.errors import InputError
from walkaround.media.videos import VIDEO_LIMITS, Frame, VideoLimits, read_frames

_Look = NDArray[np.float32]

_THUMBNAIL_SIDE = 24
_SHARPNESS_SIDE = 320
_SAME = 0.012  # mean difference of two thumbnails, values 0 to 1: above what compression does to a still scene
_CUT_LEAST, _CUT_TIMES = 0.06, 4.0  # a cut changes a thumbnail by at least so much, and by so many times the usual change
_CUT_COST = 100.0
_UNLIKE = 0.1  # root mean square difference from the stretch's mean that halves the worth of a frame's sharpness


def choose_frames(
    path: Path,
    *,
    at_most: int = 24,
    rate: float | None = None,
    side: int | None = 720,
    limits: VideoLimits = VIDEO_LIMITS,
    incomplete: Callable[[str], None] | None = None,
) -> list[Frame]:
    """Choose the frames of a video that are worth looking at, in order of time.

    The video is cut into at most `at_most` stretches that are alike within, and a sharp frame of each is taken that looks like
    it. The cutting is Ward's clustering of neighbours in time (Grimm 1987, CONISS) on thumbnails; it goes along with the
    decoding, which happens once, and holds `2 * at_most` frames. Scenes that a hard cut sets apart are put together last, so
    that a short one is not lost; a scene that stands still gets one frame.

    Args:
        path: the video.
        at_most: how many frames at most; fewer come when fewer differ.
        rate: take this many frames a second instead, whatever they show and however many they are; see `frames_at_rate`.
        side: frames come reduced to this many pixels on the shorter side. None: full size.
        limits: what the video may cost.
        incomplete: see `read_frames`.

    Raises:
        InputError: `at_most` or `rate` is not positive.
        VideoError: the video cannot be read.
    """
    if rate is not None:
        return list(frames_at_rate(path, rate=rate, side=side, limits=limits, incomplete=incomplete))
    if at_most < 1:
        raise InputError(f"{at_most} frames cannot be chosen from {str(path)!r}; ask for at least 1.")
    stretches: list[_Stretch] = []
    for stretch in _single_frames(read_frames(path, side=side, limits=limits, incomplete=incomplete)):
        stretches.append(stretch)
        if len(stretches) > 2 * at_most:
            _join(stretches, _most_alike(stretches))
    while len(stretches) > 1:
        twins = _first_twins(stretches)
        if twins is None and len(stretches) <= at_most:
            break
        _join(stretches, twins if twins is not None else _most_alike(stretches))
    return [stretch.best for stretch in stretches]


def frames_at_rate(
    path: Path,
    *,
    rate: float,
    side: int | None = 720,
    limits: VideoLimits = VIDEO_LIMITS,
    incomplete: Callable[[str], None] | None = None,
) -> Iterator[Frame]:
    """Yield the first frame of every 1 / `rate` seconds, one at a time; `incomplete` as in `read_frames`.

    Raises:
        InputError: `rate` is not positive.
        VideoError: the video cannot be read.
    """
    if not rate > 0:
        raise InputError(f"{rate:g} frames a second cannot be taken from {str(path)!r}; ask for more than 0.")
    due = 0
    for frame in read_frames(path, side=side, limits=limits, incomplete=incomplete):
        tick = int(frame.time * rate + 1e-6)  # 1e-6: times are sums of fractions that binary numbers cannot hold
        if tick >= due:
            due = tick + 1
            yield frame


@dataclass(frozen=True, kw_only=True, eq=False)
class _Stretch:
    """Frames that follow one another.

    Attributes:
        best: the sharpest of them.
        sharpness: its sharpness.
        look: its thumbnail, float32 [24, 24, 3], 0 to 1.
        mean: mean of all their thumbnails.
        length: how many they are.
        cut: whether a hard cut comes before them.
    """

    best: Frame
    sharpness: float
    look: _Look
    mean: _Look
    length: int
    cut: bool


def _single_frames(frames: Iterable[Frame]) -> Iterator[_Stretch]:
    """Each frame as a stretch of its own. A cut is a change much larger than the changes before it, so that shaking is none."""
    before: _Look | None = None
    usual = 0.0
    for frame in frames:
        image = Image.fromarray(frame.pixels)
        small = image.reduce(max(1, min(image.size) // _SHARPNESS_SIDE))
        thumbnail = small.resize((_THUMBNAIL_SIDE, _THUMBNAIL_SIDE), Image.Resampling.BOX)
        look = np.asarray(thumbnail, np.float32) / np.float32(255)
        change = 0.0 if before is None else float(np.abs(look - before).mean())
        cut = change > max(_CUT_LEAST, _CUT_TIMES * usual)
        if not cut:
            usual += (change - usual) / 8
        before = look
        yield _Stretch(best=frame, sharpness=_sharpness(small), look=look, mean=look, length=1, cut=cut)


def _sharpness(image: Image.Image) -> float:
    """Mean squared step between neighbouring pixels: motion blur and bad focus lower it."""
    values = np.asarray(image.getchannel("G"), np.float32)
    return float(sum(np.square(np.diff(values, axis=axis)).mean() for axis in (0, 1) if values.shape[axis] > 1))


def _most_alike(stretches: list[_Stretch]) -> int:
    """Index of the first of the two neighbours whose joining adds least variance (Ward's criterion), a cut counting extra."""
    return int(np.argmin([_added(first, second) for first, second in pairwise(stretches)]))


def _added(first: _Stretch, second: _Stretch) -> float:
    weight = first.length * second.length / (first.length + second.length) * (_CUT_COST if second.cut else 1)
    return weight * float(np.square(first.mean - second.mean).mean())


def _first_twins(stretches: list[_Stretch]) -> int | None:
    """Index of the first of two neighbours whose best frames show the same, or None."""
    return next((i for i, (a, b) in enumerate(pairwise(stretches)) if np.abs(a.look - b.look).mean() < _SAME), None)


def _join(stretches: list[_Stretch], index: int) -> None:
    """Put a stretch and the one after it together, in place."""
    first, second = stretches[index : index + 2]
    length = first.length + second.length
    mean = np.average([first.mean, second.mean], axis=0, weights=[first.length, second.length]).astype(np.float32)
    better = max(first, second, key=lambda stretch: _merit(stretch, mean))
    joined = _Stretch(best=better.best, sharpness=better.sharpness, look=better.look, mean=mean, length=length, cut=first.cut)
    stretches[index : index + 2] = [joined]


def _merit(stretch: _Stretch, mean: _Look) -> float:
    """Sharpness, lowered for a frame unlike its stretch, so that two stretches are not both shown by their common border."""
    return stretch.sharpness / (1 + float(np.sqrt(np.square(stretch.look - mean).mean())) / _UNLIKE)
