"""A video becomes a verdict: sharp, distinct frames are inspected, and what they say is put together."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from walkaround.damage.findings import Findings
from walkaround.errors import VideoError
from walkaround.inspection.detector import Detector, findings_of, in_order
from walkaround.inspection.frames import choose_frames, frames_at_rate
from walkaround.inspection.odds import CERTAIN, log_odds, probability_of
from walkaround.inspection.results import VideoFindings
from walkaround.inspection.spans import spans_of
from walkaround.media.containers import VIDEO_LIMITS, VideoLimits
from walkaround.media.videos import Frame

_SHARE = 5  # one of so many frames decides
_MOST_FRAMES = 100_000  # of one video: what is found in so many is held in about 100 MB


def inspect_video(
    detector: Detector,
    path: Path,
    *,
    at_most: int = 24,
    rate: float | None = None,
    heat: bool = False,
    limits: VideoLimits = VIDEO_LIMITS,
) -> VideoFindings:
    """Inspect the frames of a video that are worth looking at, several at the same time; of one that is cut off, what is there.

    Args:
        detector: what finds damage.
        path: the video.
        at_most: how many frames are chosen at most; see `choose_frames`.
        rate: inspect this many frames a second instead.
        heat: whether the findings of the frames get heat maps.
        limits: what the video may cost.

    Raises:
        InputError: `at_most` or `rate` is not positive.
        VideoError: the video cannot be read.
    """
    side = detector.frame_side
    frames: Iterable[Frame]
    missing: list[str] = []
    if rate is None:
        frames = choose_frames(path, at_most=at_most, side=side, limits=limits, incomplete=missing.append)
    else:  # as a stream, because there can be thousands
        frames = _few_enough(path, frames_at_rate(path, rate=rate, side=side, limits=limits, incomplete=missing.append))
    length: float | None = None

    def inspect(frame: Frame) -> Findings:
        nonlocal length
        facts = frame.facts
        length = length if facts is None else facts.duration
        size = None if facts is None else (facts.width, facts.height)
        return replace(detector.inspect(frame.pixels, source=str(path), heat=heat, size=size), time=frame.time)

    found = tuple(in_order(inspect, frames, threads=detector.threads))
    if not found:
        raise VideoError(f"{str(path)!r} holds no frame that can be decoded; record or copy it again.")
    duration = max(found[-1].time or 0.0, length or 0.0)
    normal, threshold = detector.card.normal, detector.threshold
    return VideoFindings(
        frames=found,
        whole=verdict_of(found, normal=normal, threshold=threshold),
        duration=duration,
        spans=spans_of(found, normal=normal, threshold=threshold, duration=duration),
        incomplete=missing[0] if missing else None,
    )


def _few_enough(path: Path, frames: Iterable[Frame]) -> Iterator[Frame]:
    """The frames, as long as what is found in them can be held."""
    for number, frame in enumerate(frames):
        if number == _MOST_FRAMES:
            raise VideoError(f"{str(path)!r} has more than {_MOST_FRAMES:,} frames to inspect; ask for fewer a second.")
        yield frame


def verdict_of(frames: Sequence[Findings], *, normal: Collection[str], threshold: float) -> Findings:
    """Put the findings of a video's frames together.

    The probability of damage is pooled as the mean logit of the strongest fifth of the frames, of two at least where there
    are four or more, and the strongest frame counts no more than the second strongest. So a video of four frames or more is
    never called damaged for a single frame's sake. The mean over all frames would miss damage, which is seen from one side
    only; the strongest frame alone would call most long videos damaged, because false alarms come frame by frame. Measured on
    24 frames drawn by chance from photographs, with 5 % false alarms and 85 % recall a frame: videos without damage are called
    damaged in 14 % by this rule and in 76 % by the strongest frame; with damage in 4 of the 24 frames, 98 % are found. A larger
    share finds less, a smaller one has more false alarms.

    The probability is that of the pooled frames, not calibrated on videos.

    Args:
        frames: at least one, of the same video and model.
        normal: the classes that mean a whole car.
        threshold: probability of damage from which the verdict is "anomalous".
    """
    damage = np.array([frame.damage for frame in frames])
    order = np.argsort(-damage, kind="stable")
    strongest = [frames[i] for i in order[: pooled_frames(len(frames))]]
    if strongest[0].kinds is not None:
        return _verdict_of_kinds(frames, strongest, normal=normal, threshold=threshold)
    classes = tuple(strongest[0].probabilities)
    rows = np.array([[frame.probabilities[name] for name in classes] for frame in strongest])
    telling = strongest[0]
    damaged = np.array([name not in normal for name in classes])
    whole = findings_of(
        _shared_out(rows.mean(axis=0), damaged, _pooled(damage[order][: len(strongest)])),
        classes=classes,
        damaged=damaged,
        threshold=threshold,
        source=telling.source,
        size=(telling.width, telling.height),
        heat_map=telling.heat_map,
    )
    return replace(whole, time=telling.time, boxes=telling.boxes, masks=telling.masks)


def _verdict_of_kinds(
    frames: Sequence[Findings], strongest: Sequence[Findings], *, normal: Collection[str], threshold: float
) -> Findings:
    """The verdict of a multi-label model, in which each damage type is pooled over the frames that speak most for it.

    A damage type is told where it is told of half as many frames as decide, and of two at least where there are four or more.
    """
    telling = strongest[0]
    damage = _pooled(np.array([frame.damage for frame in strongest]))
    damage = damage if any(name in normal for name in telling.probabilities) else 1.0
    probabilities = {}
    for name in telling.probabilities:
        sure = np.sort([frame.probabilities[name] for frame in frames])[::-1][: len(strongest)]
        probabilities[name] = 1 - damage if name in normal else min(damage, _pooled(sure))
    anomalous = damage >= threshold
    enough = max(2 if len(frames) >= 4 else 1, len(strongest) // 2)
    counts = Counter(name for frame in frames for name in frame.kinds or ())
    told = [name for name in probabilities if anomalous and counts[name] >= enough]
    kinds = {name: probabilities[name] for name in sorted(told, key=lambda name: -probabilities[name])}
    agreeing = [name for name in probabilities if (name not in normal) == anomalous] or list(probabilities)
    return replace(
        telling,
        anomalous=anomalous,
        confidence=damage if anomalous else 1 - damage,
        label=next(iter(kinds), max(agreeing, key=probabilities.__getitem__)),
        damage=damage,
        probabilities=probabilities,
        kinds=kinds,
    )


def pooled_frames(frames: int) -> int:
    """How many of a video's frames decide."""
    return max(2 if frames >= 4 else 1, round(frames / _SHARE))


def _pooled(damage: NDArray[np.float64]) -> float:
    """One probability of the strongest frames', float64 [k], falling."""
    logits = log_odds(damage)
    if len(logits) > 1:
        logits[0] = logits[1]
    return probability_of(logits.mean())


def _shared_out(probabilities: NDArray[np.float64], damaged: NDArray[np.bool_], damage: float) -> NDArray[np.float64]:
    """Scale the probabilities of the classes, float64 [classes], so that those of damage add up to `damage`."""
    shared = np.zeros_like(probabilities)
    for part, total in ((damaged, damage), (~damaged, 1 - damage)):
        if part.any():
            own = probabilities[part] + CERTAIN  # a class that is nowhere seen still has a share
            shared[part] = own / own.sum() * total
    return np.asarray(shared / shared.sum())
