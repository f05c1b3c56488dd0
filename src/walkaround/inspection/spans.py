"""The same damage seen over many frames is one finding with a time span; a lone false alarm between whole frames is none.

The frames are explained by a chain of states, "whole" or one of the kinds of damage, that keeps its state from frame to frame
unless what the frames say is worth the change (a hidden Markov model with persistence in time; Viterbi 1967, Rabiner 1989).
A threshold with hysteresis is its simplest case; here frames need not be equidistant, and a label that flickers is held too.

Models without boxes say of a frame what it shows, not where. Where a model gives boxes, each damage is followed from frame to
frame by its box (`walkaround.inspection.tracks`), and each track is explained by this chain for itself: "not there" or "there".
`spans_of` is the one place where frames become spans.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from walkaround.damage.findings import Findings
from walkaround.damage.places import Box
from walkaround.inspection.odds import CERTAIN, log_odds, probability_of
from walkaround.inspection.tracks import tracks_of

# Measured on made-up walks from photographs: see docs/experiments.md.
_STAY = 6.0  # seconds that a state lasts on average
_MOST = 2.0  # log-odds that one frame can say, so that none is certain alone
_RARELY, _OFTEN = 0.02, 0.5  # probability of a change between two frames, however near or far they are in time
_MISSED = -1.0  # what a frame without the box says; boxes are missed more easily than whole cars are called damaged
_AROUND = 1 + int(np.log(1 / _RARELY) / -_MISSED)  # frames without the box that outweigh the dearest change


@dataclass(frozen=True, kw_only=True)
class DamageSpan:
    """A stretch of a video in which one kind of damage is seen.

    Attributes:
        label: the kind of damage, a class of the model.
        begin, end: seconds from the first frame, half-way to the neighbouring frames that show something else.
        frames: how many of the inspected frames lie in it.
        strongest_time: seconds; the one of them that speaks most for this damage.
        confidence: probability of damage, from the mean logit of these frames, not below the model's threshold; of a span with
            a box, the mean score of its boxes.
        box: where the damage is in the frame at `strongest_time`, in pixels of the upright original; None where the model only
            said that there is one.
    """

    label: str
    begin: float
    end: float
    frames: int
    strongest_time: float
    confidence: float
    box: Box | None = None

    def as_json(self) -> dict[str, object]:
        """Plain values for a JSON line; `box` is there where it is known."""
        line: dict[str, object] = {
            "label": self.label,
            "begin": round(self.begin, 3),
            "end": round(self.end, 3),
            "frames": self.frames,
            "strongest_time": round(self.strongest_time, 3),
            "confidence": round(self.confidence, 4),
        }
        return line if self.box is None else {**line, "box": [round(edge, 1) for edge in self.box]}


def spans_of(
    frames: Sequence[Findings], *, normal: Collection[str], threshold: float, duration: float
) -> tuple[DamageSpan, ...]:
    """Put the findings of a video's frames together to spans of damage, in order of time.

    Where frames have boxes there is a span for each damage that is followed through them; several may be seen at once. Spans
    that only the verdicts speak for stand beside these where they overlap none. Without boxes, no spans overlap, but those of
    different damage types that a multi-label model tells of.

    A frame speaks for damage by the log-odds of its probability above the threshold's, at most 2 either way, and for the kinds
    of damage by their share. A change costs the logarithm of its odds, which rise with the time between two frames. So a lone
    alarm between frames that are surely whole makes no span where these are nearer than two seconds; farther ones tell less of
    it, so that frames captured every five seconds each speak for themselves.

    Args:
        frames: of the same video and model, in order of time; each stands for the time up to half-way to its neighbours.
        normal: the classes that mean a whole car.
        threshold: probability of damage from which a frame is "anomalous".
        duration: seconds, where the last span can end.
    """
    if not frames:
        return ()
    whole = _verdict_spans(frames, normal=normal, threshold=threshold, duration=duration)
    if any(frame.kinds is not None for frame in frames):
        kinds = _kind_spans(frames, duration=duration)
        whole = _beside(kinds, whole)
    if all(frame.boxes is None for frame in frames):
        return whole
    return _beside(_followed_spans(frames, duration=duration), whole)


def _beside(spans: Sequence[DamageSpan], others: Sequence[DamageSpan]) -> tuple[DamageSpan, ...]:
    """All spans, and of the others those that overlap none of them, in order of time."""
    apart = [one for one in others if all(one.end <= span.begin or span.end <= one.begin for span in spans)]
    return tuple(sorted([*spans, *apart], key=lambda span: (span.begin, span.end)))


def _kind_spans(frames: Sequence[Findings], *, duration: float) -> list[DamageSpan]:
    """A span for each stretch in which a multi-label model tells of a damage type; those of different types may overlap."""
    times = np.array([frame.time or 0.0 for frame in frames])
    borders, costs = _borders(times, duration), _change_costs(np.diff(times))
    spans = []
    for label in sorted({name for frame in frames for name in frame.kinds or ()}):
        sure = np.array([(frame.kinds or {}).get(label, np.nan) for frame in frames])
        there = np.where(np.isnan(sure), _MISSED, 1.0 + sure * (_MOST - 1.0))
        for first, after in _stretches(_likeliest(np.stack([np.zeros(len(frames)), there], axis=1), costs)):
            spans.append(
                DamageSpan(
                    label=label,
                    begin=float(borders[first]),
                    end=float(borders[after]),
                    frames=after - first,
                    strongest_time=float(times[first + int(np.nanargmax(sure[first:after]))]),
                    confidence=float(np.nanmean(sure[first:after])),
                )
            )
    return spans


def _followed_spans(frames: Sequence[Findings], *, duration: float) -> list[DamageSpan]:
    """A span for each stretch in which a damage is followed by its box; any number of them at the same time."""
    times = np.array([frame.time or 0.0 for frame in frames])
    borders, costs = _borders(times, duration), _change_costs(np.diff(times))
    spans = []
    for track in tracks_of(frames):
        # With so many frames before and after it that coming and going cost less than staying; farther ones change nothing.
        begin, end = max(0, min(track) - _AROUND), min(len(frames), max(track) + 1 + _AROUND)
        there = np.full(end - begin, _MISSED)
        for number, box in track.items():
            there[number - begin] = 1.0 + box.score * (_MOST - 1.0)
        states = _likeliest(np.stack([np.zeros(end - begin), there], axis=1), costs[begin : end - 1])
        for first, after in ((begin + start, begin + stop) for start, stop in _stretches(states)):
            own = {number: box for number, box in track.items() if first <= number < after}
            strongest = max(own, key=lambda number: own[number].score)
            spans.append(
                DamageSpan(
                    label=own[strongest].label,
                    begin=float(borders[first]),
                    end=float(borders[after]),
                    frames=len(own),
                    strongest_time=float(times[strongest]),
                    confidence=float(np.mean([box.score for box in own.values()])),
                    box=own[strongest].box,
                )
            )
    return spans


def _verdict_spans(
    frames: Sequence[Findings], *, normal: Collection[str], threshold: float, duration: float
) -> tuple[DamageSpan, ...]:
    """Spans from what the frames show as a whole; none overlap."""
    times = np.array([frame.time or 0.0 for frame in frames])
    labels = [name for name in frames[0].probabilities if name not in normal]
    if not labels:
        return ()
    evidence = _evidence(frames, labels, threshold)
    states = _likeliest(evidence, _change_costs(np.diff(times)))
    borders = _borders(times, duration)
    spans = []
    for first, after in _stretches(states):
        said = evidence[first:after, states[first]]
        spans.append(
            DamageSpan(
                label=labels[states[first] - 1],
                begin=float(borders[first]),
                end=float(borders[after]),
                frames=after - first,
                strongest_time=float(times[first + int(said.argmax())]),
                confidence=max(threshold, probability_of(_log_odds(frames[first:after]).mean())),
            )
        )
    return tuple(spans)


def _borders(times: NDArray[np.float64], duration: float) -> NDArray[np.float64]:
    """Seconds between which each frame stands for what is to be seen, float64 [frames + 1]."""
    return np.concatenate([[0.0], (times[1:] + times[:-1]) / 2, [max(duration, times[-1])]])


def _stretches(states: NDArray[np.int64]) -> Iterator[tuple[int, int]]:
    """The first frame of each stretch in one state of damage, and the one after its last."""
    starts = np.flatnonzero(np.diff(states, prepend=-1))
    for first, after in pairwise([*starts.tolist(), len(states)]):
        if states[first] > 0:
            yield first, after


def _log_odds(frames: Sequence[Findings]) -> NDArray[np.float64]:
    return log_odds([frame.damage for frame in frames])


def _evidence(frames: Sequence[Findings], labels: Sequence[str], threshold: float) -> NDArray[np.float64]:
    """How much each frame speaks for each state, float64 [frames, 1 + labels], against "whole", the first, which has 0."""
    limit = float(log_odds(threshold))
    damage = np.clip(_log_odds(frames) - limit, -_MOST, _MOST)
    shares = np.log([[frame.probabilities[name] + CERTAIN for name in labels] for frame in frames])
    kinds = damage[:, None] + np.maximum(shares - shares.max(axis=1, keepdims=True), -_MOST)
    return np.concatenate([np.zeros((len(frames), 1)), kinds], axis=1)


def _change_costs(gaps: NDArray[np.float64]) -> NDArray[np.float64]:
    """What a change costs against staying, float64 [frames - 1]: dear between near frames, and the same for all kinds."""
    change = np.clip(1 - np.exp(-np.maximum(gaps, 0) / _STAY), _RARELY, _OFTEN)
    return np.asarray(np.log((1 - change) / change))


def _likeliest(evidence: NDArray[np.float64], costs: NDArray[np.float64]) -> NDArray[np.int64]:
    """The states, int64 [frames], with the most evidence less the costs of their changes; in doubt the first, "whole"."""
    total = evidence[0]
    came = np.zeros(evidence.shape, np.int64)
    stay = np.arange(evidence.shape[1])
    for number, (own, cost) in enumerate(zip(evidence[1:], costs, strict=True), start=1):
        best = int(total.argmax())
        changing = total[best] - cost > total
        came[number] = np.where(changing, best, stay)
        total = np.where(changing, total[best] - cost, total) + own
    states = np.empty(len(evidence), np.int64)
    states[-1] = total.argmax()
    for number in range(len(evidence) - 1, 0, -1):
        states[number - 1] = came[number, states[number]]
    return states
