"""Which frames of a video are looked at: sharp, distinct ones over its whole length, chosen in a single pass."""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from walkaround.errors import InputError
from walkaround.media.containers import VIDEO_LIMITS, VideoLimits
from walkaround.media.videos import DecodedFrame, Frame, decode_frames

_Look = NDArray[np.float32]

_BETWEEN = 0.09  # seconds between two looks at least: enough for the shaking of a hand, and cheap beside decoding
_THUMBNAIL_SIDE = 24
_SHARPNESS_SIDE, _SHARPNESS_ROWS = 320, 32
_WAITING = 32_000_000  # bytes of frames kept as decoded: most give way to their neighbours and are never converted
_SAME = 0.012  # mean difference of two thumbnails, values 0 to 1: above what compression does to a still scene
_CUT = 0.45  # part of the colours that a cut changes: measured 0.59 to 0.92 at cuts, at most 0.32 in the fastest pans
_CUT_LEAST = 0.1  # mean difference of two thumbnails that it makes: measured 0.22 to 0.35, and below this by shaking alone
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

    About ten frames a second are looked at. The video is cut into at most `at_most` stretches that are alike within, and a
    sharp frame of each is taken that looks like it. The cutting is Ward's clustering of neighbours in time (Grimm 1987, CONISS)
    on thumbnails; it goes along with the decoding, which happens once, and holds `2 * at_most` frames. Scenes that a hard cut
    sets apart are put together last, so that a short one is not lost; a scene that stands still gets one frame.

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
    roll = _Roll(side)
    for stretch in _single_frames(decode_frames(path, limits=limits, incomplete=incomplete, sparing=True)):
        roll.append(stretch)
        if len(roll) > 2 * at_most:
            roll.join(roll.most_alike())
    while len(roll) > 1:
        twins = roll.first_twins()
        if twins is None and len(roll) <= at_most:
            break
        roll.join(twins if twins is not None else roll.most_alike())
    return roll.frames()


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
    for decoded in decode_frames(path, limits=limits, incomplete=incomplete):
        tick = int(decoded.time * rate + 1e-6)  # 1e-6: times are sums of fractions that binary numbers cannot hold
        if tick >= due:
            due = tick + 1
            yield decoded.frame(side)


class _Pick:
    """A frame that may be chosen. Its pixels are made when it has lasted for a while, and the decoded frame let go."""

    def __init__(self, decoded: DecodedFrame) -> None:
        self._decoded: DecodedFrame | None = decoded
        self._frame: Frame | None = None
        self.decoded_bytes = decoded.facts.width * decoded.facts.height * 3 // 2  # as nearly all are stored

    def frame(self, side: int | None) -> Frame:
        if self._decoded is not None:
            self._frame, self._decoded = self._decoded.frame(side), None
        assert self._frame is not None  # noqa: S101 - one of the two is always there
        return self._frame


@dataclass(frozen=True, kw_only=True, eq=False)
class _Stretch:
    """Frames that follow one another.

    Attributes:
        best: the sharpest of them.
        sharpness: its sharpness.
        look: its thumbnail, float32 [24 * 24 * 3], 0 to 1.
        mean: mean of all their thumbnails.
        length: how many they are.
        cut: whether a hard cut comes before them.
    """

    best: _Pick
    sharpness: float
    look: _Look
    mean: _Look
    length: int
    cut: bool


class _Roll:
    """The stretches of a video so far, and what joining each with the next would cost."""

    def __init__(self, side: int | None) -> None:
        self._side = side
        self._stretches: list[_Stretch] = []
        self._added: list[float] = []  # by joining a stretch with the next
        self._steps: list[float | None] = []  # from a stretch's look to the next one's; None: not asked for yet
        self._waiting: deque[_Pick] = deque()

    def __len__(self) -> int:
        return len(self._stretches)

    def append(self, stretch: _Stretch) -> None:
        self._stretches.append(stretch)
        self._waiting.append(stretch.best)
        if len(self) > 1:
            self._added.append(_added(*self._stretches[-2:]))
            self._steps.append(None)
        if len(self._waiting) > max(2, _WAITING // stretch.best.decoded_bytes):
            self._waiting.popleft().frame(self._side)

    def most_alike(self) -> int:
        """Index of the first of the two neighbours whose joining adds least variance (Ward's), a cut counting extra."""
        return self._added.index(min(self._added))

    def first_twins(self) -> int | None:
        """Index of the first of two neighbours whose best frames show the same, or None."""
        for index, known in enumerate(self._steps):
            step = known if known is not None else _step(*(stretch.look for stretch in self._stretches[index : index + 2]))
            self._steps[index] = step
            if step < _SAME:
                return index
        return None

    def join(self, index: int) -> None:
        """Put a stretch and the one after it together."""
        pair = self._stretches[index : index + 2]
        joined = _joined(*pair)
        self._stretches[index : index + 2] = [joined]
        with suppress(ValueError):  # it does not wait any more
            self._waiting.remove(next(stretch.best for stretch in pair if stretch.best is not joined.best))
        del self._added[index], self._steps[index]
        for place in (index - 1, index):
            if 0 <= place < len(self._added):
                self._added[place], self._steps[place] = _added(*self._stretches[place : place + 2]), None

    def frames(self) -> list[Frame]:
        return [stretch.best.frame(self._side) for stretch in self._stretches]


def _single_frames(frames: Iterable[DecodedFrame]) -> Iterator[_Stretch]:
    """Each frame as a stretch of its own, about ten a second."""
    last: float | None = None
    before: tuple[_Look, NDArray[np.uint8]] | None = None
    for frame in frames:
        if last is not None and frame.time < last + _BETWEEN:
            continue
        samples = frame.thumbnail(2 * _THUMBNAIL_SIDE)
        look = _look(samples)
        cut = before is not None and _is_cut(before, (look, samples))
        last, before = frame.time, (look, samples)
        yield _Stretch(best=_Pick(frame), sharpness=_sharpness(frame.luma()), look=look, mean=look, length=1, cut=cut)


def _look(samples: NDArray[np.uint8]) -> _Look:
    """A thumbnail, float32 [24 * 24 * 3], 0 to 1, from one twice as large."""
    rows = np.add(samples[::2], samples[1::2], dtype=np.uint16)
    look = np.add(rows[:, ::2], rows[:, 1::2], dtype=np.float32).ravel()
    look /= np.float32(4 * 255)
    return look


def _step(first: _Look, second: _Look) -> float:
    """Mean difference of two thumbnails."""
    difference = second - first
    return float(np.abs(difference, out=difference).sum()) / difference.size


def _colours(samples: NDArray[np.uint8]) -> _Look:
    """Share of each of 8 x 8 x 8 colours, float32 [512]."""
    places = (samples >> 5) @ np.array([64, 8, 1], np.uint16)
    return np.bincount(places.ravel(), minlength=512).astype(np.float32) / np.float32(places.size)


def _is_cut(before: tuple[_Look, NDArray[np.uint8]], after: tuple[_Look, NDArray[np.uint8]]) -> bool:
    """Whether another scene begins: its colours are others, where a camera that moves keeps most.

    Each frame comes as its thumbnail and the samples that it was made of. Colours are counted last: they are seldom asked for.
    """
    if _step(before[0], after[0]) <= _CUT_LEAST:
        return False
    return float(np.abs(_colours(after[1]) - _colours(before[1])).sum()) / 2 > _CUT


def _sharpness(luma: NDArray[np.uint8]) -> float:
    """Mean squared step of brightness along and across some rows: motion blur and bad focus lower it.

    Pixels are compared at the distance that neighbours have when the picture is reduced to 320 on the shorter side.
    """
    reach, between = max(1, min(luma.shape) // _SHARPNESS_SIDE), max(1, luma.shape[0] // _SHARPNESS_ROWS)
    if min(luma.shape) <= reach:
        return 0.0
    rows = luma[:-reach:between].astype(np.int16)
    steps = (rows[:, reach:] - rows[:, :-reach], luma[reach::between][: len(rows)] - rows)
    return sum(float(np.vdot(flat, flat)) / flat.size for flat in (step.ravel().astype(np.float32) for step in steps))


def _added(first: _Stretch, second: _Stretch) -> float:
    weight = first.length * second.length / (first.length + second.length) * (_CUT_COST if second.cut else 1)
    difference = first.mean - second.mean
    return weight * float(np.vdot(difference, difference)) / difference.size


def _joined(first: _Stretch, second: _Stretch) -> _Stretch:
    length = first.length + second.length
    mean = first.mean + (second.mean - first.mean) * np.float32(second.length / length)
    better = max(first, second, key=lambda stretch: _merit(stretch, mean))
    return _Stretch(best=better.best, sharpness=better.sharpness, look=better.look, mean=mean, length=length, cut=first.cut)


def _merit(stretch: _Stretch, mean: _Look) -> float:
    """Sharpness, lowered for a frame unlike its stretch, so that two stretches are not both shown by their common border."""
    difference = stretch.look - mean
    return stretch.sharpness / (1 + math.sqrt(float(np.vdot(difference, difference)) / difference.size) / _UNLIKE)
