"""Scores of damage types of which a picture may show several: each for itself, never one instead of another."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass

import numpy as np
from numpy.typing import NDArray

from walkaround.damage.findings import Findings
from walkaround.damage.kinds import ANOMALY
from walkaround.evaluation.intervals import (
    RESAMPLES,
    Interval,
    f1_interval,
    over_pictures,
    ranking_intervals,
    wilson,
)
from walkaround.evaluation.ranking import average_precision

Bools = NDArray[np.bool_]

_CELLS_AT_ONCE = 1 << 20


@dataclass(frozen=True, kw_only=True)
class KindScores:
    """Scores of one damage type; None where the pictures cannot tell.

    Attributes:
        hits, misses: pictures that show it, of which it was told, and of which it was not.
        false_alarms, rejections: pictures that do not show it, of which it was told, and of which it was not.
        threshold: probability from which it is told.
        intervals: score name to the ends of its 95 % interval.
    """

    hits: int
    misses: int
    false_alarms: int
    rejections: int
    threshold: float
    precision: float | None
    recall: float | None
    f1: float | None
    average_precision: float | None
    intervals: Mapping[str, Interval]

    @property
    def support(self) -> int:
        """How many pictures show it."""
        return self.hits + self.misses


@dataclass(frozen=True, kw_only=True)
class KindEvaluation:
    """What a set of pictures says about the damage types that a multi-label model tells of.

    Attributes:
        n: pictures of which it is known what they show, whole cars among them.
        told, shown: damage types that were told, and that are there, over all pictures; `hits` are both.
        micro_precision, micro_recall, micro_f1: over all damage types of all pictures together.
        macro_f1: mean F1 of the damage types that are shown or told.
        mean_average_precision: of the damage types that are shown.
        subset_accuracy: share of pictures of which just the damage types are told that are there, none missing, none too many.
        per_class: by the name of the damage type.
        unnamed: damaged pictures of which nobody said what they show; they are in no score here.
    """

    n: int
    told: int
    shown: int
    hits: int
    micro_precision: float | None
    micro_recall: float | None
    micro_f1: float | None
    macro_f1: float | None
    mean_average_precision: float | None
    subset_accuracy: float | None
    per_class: Mapping[str, KindScores]
    intervals: Mapping[str, Interval]
    unnamed: int
    normal: frozenset[str]
    notes: tuple[str, ...] = ()

    def names_wrongly(self, labels: Sequence[str], findings: Findings) -> bool:
        """Whether a picture of which it is known what it shows got other damage types."""
        if ANOMALY in labels and len(labels) == 1:
            return False
        return {label for label in labels if label not in self.normal} != set(findings.kinds or ())

    def as_json(self) -> dict[str, object]:
        """Plain values for JSON."""
        left_out = ("per_class", "normal", "notes", "intervals")
        told = {name: value for name, value in asdict(self).items() if name not in left_out}
        return {
            **told,
            "intervals": {name: list(interval) for name, interval in self.intervals.items()},
            "classes": {
                name: {
                    "support": one.support,
                    **asdict(one),
                    "intervals": {key: list(ends) for key, ends in one.intervals.items()},
                }
                for name, one in self.per_class.items()
            },
            "notes": list(self.notes),
        }


def score_kinds(
    labels: Sequence[Sequence[str]],
    findings: Sequence[Findings],
    *,
    thresholds: Mapping[str, float],
    normal: Collection[str],
    seed: int = 0,
) -> KindEvaluation | None:
    """Compare the damage types that a multi-label model told with those that are there.

    Args:
        labels: of each picture, all of them.
        findings: the model's answer for each picture, in the same order.
        thresholds: for each damage type that the model knows, the probability from which it is told.
        normal: labels that mean a whole car.
        seed: of the resampling behind the intervals.

    Returns:
        None where no picture is labelled with a damage type that the model knows.
    """
    kinds = tuple(thresholds)
    known = [number for number, names in enumerate(labels) if tuple(names) != (ANOMALY,)]
    sets = [frozenset(labels[number]) - frozenset(normal) for number in known]
    if not any(names & set(kinds) for names in sets):
        return None
    answers = [findings[number] for number in known]
    shown = np.array([[kind in names for kind in kinds] for names in sets], dtype=np.bool_)
    told = np.array([[kind in (found.kinds or ()) for kind in kinds] for found in answers], dtype=np.bool_)
    sure = np.array([[found.probabilities.get(kind, 0.0) for kind in kinds] for found in answers], dtype=np.float64)
    right = np.array([names == set(found.kinds or ()) for names, found in zip(sets, answers, strict=True)], dtype=np.bool_)
    per_class = {
        kind: _of_kind(shown[:, k], told[:, k], sure[:, k], threshold=thresholds[kind], seed=seed)
        for k, kind in enumerate(kinds)
    }
    return _together(
        per_class,
        (shown, told, sure, right),
        seed=seed,
        unnamed=len(labels) - len(known),
        normal=frozenset(normal),
        notes=tuple(_notes(sets, kinds, per_class, unnamed=len(labels) - len(known))),
    )


def _of_kind(shown: Bools, told: Bools, sure: NDArray[np.float64], *, threshold: float, seed: int) -> KindScores:
    hits, misses = int((shown & told).sum()), int((shown & ~told).sum())
    alarms, rejections = int((~shown & told).sum()), int((~shown & ~told).sum())
    both = shown.any() and not shown.all()
    intervals: dict[str, Interval] = {}
    if hits + alarms and both:
        intervals["precision"] = wilson(hits, hits + alarms)
    if hits + misses:
        intervals["recall"] = wilson(hits, hits + misses)
    if both:
        intervals["f1"] = f1_interval(np.array([[rejections, alarms], [misses, hits]]), seed=seed)
        intervals["average_precision"] = ranking_intervals(shown, sure, seed=seed).average_precision
    return KindScores(
        hits=hits,
        misses=misses,
        false_alarms=alarms,
        rejections=rejections,
        threshold=threshold,
        precision=hits / (hits + alarms) if "precision" in intervals else None,
        recall=hits / (hits + misses) if "recall" in intervals else None,
        f1=2 * hits / (2 * hits + alarms + misses) if both else None,
        average_precision=average_precision(shown, sure) if both else None,
        intervals=intervals,
    )


def _together(
    per_class: Mapping[str, KindScores],
    answers: tuple[Bools, Bools, NDArray[np.float64], Bools],
    *,
    seed: int,
    unnamed: int,
    normal: frozenset[str],
    notes: tuple[str, ...],
) -> KindEvaluation:
    shown, told, _, right = answers
    n, hits = len(shown), int((shown & told).sum())
    values = {name: float(value[0]) for name, value in _overall(np.ones((1, n)), answers).items()}
    drawn = [_overall(weights, answers) for weights in _resamples(n, seed)]
    intervals = {
        name: over_pictures(value, np.concatenate([one[name] for one in drawn]), pictures=n)
        for name, value in values.items()
        if not np.isnan(value)
    }
    intervals["subset_accuracy"] = wilson(int(right.sum()), n)
    counts = {"micro_precision": int(told.sum()), "micro_recall": int(shown.sum())}
    intervals |= {name: wilson(hits, of) for name, of in counts.items() if of}
    return KindEvaluation(
        n=n,
        told=int(told.sum()),
        shown=int(shown.sum()),
        hits=hits,
        micro_precision=hits / int(told.sum()) if told.any() else None,
        micro_recall=hits / int(shown.sum()) if shown.any() else None,
        micro_f1=values["micro_f1"],
        macro_f1=values["macro_f1"],
        mean_average_precision=None if np.isnan(values["mean_average_precision"]) else values["mean_average_precision"],
        subset_accuracy=float(right.mean()),
        per_class=per_class,
        intervals=intervals,
        unnamed=unnamed,
        normal=normal,
        notes=notes,
    )


def _overall(
    weights: NDArray[np.float64], answers: tuple[Bools, Bools, NDArray[np.float64], Bools]
) -> dict[str, NDArray[np.float64]]:
    """Scores [resamples] over all damage types, of pictures that count as often as `weights`, [resamples, pictures], say."""
    shown, told, sure, _ = answers
    hits = weights @ (shown & told)
    there, named = weights @ shown, weights @ told
    used = shown.any(axis=0) | told.any(axis=0)
    f1 = 2 * hits / np.maximum(there + named, 1)
    averages = [
        _average_precision(weights, shown[:, k], sure[:, k]) for k in np.flatnonzero(shown.any(axis=0) & ~shown.all(axis=0))
    ]
    return {
        "micro_f1": 2 * hits.sum(axis=1) / np.maximum((there + named).sum(axis=1), 1),
        "macro_f1": f1[:, used].mean(axis=1),
        "mean_average_precision": _mean_of_known(averages) if averages else np.full(len(weights), np.nan),
    }


def _mean_of_known(rows: Sequence[NDArray[np.float64]]) -> NDArray[np.float64]:
    """Mean of each column; NaN where all are, as in resamples of few pictures."""
    values = np.stack(rows)
    known = ~np.isnan(values)
    with np.errstate(invalid="ignore"):
        mean: NDArray[np.float64] = np.where(known, values, 0.0).sum(axis=0) / known.sum(axis=0)
    return mean


def _average_precision(weights: NDArray[np.float64], shown: Bools, sure: NDArray[np.float64]) -> NDArray[np.float64]:
    """Average precision [resamples] of one damage type; pictures of the same probability count together."""
    order = np.argsort(-sure, kind="stable")
    ordered, hits = weights[:, order], weights[:, order] * shown[order]
    last = np.append(np.flatnonzero(np.diff(sure[order])), len(sure) - 1)  # of each probability
    found, named = hits.cumsum(axis=1)[:, last], ordered.cumsum(axis=1)[:, last]
    gained = np.diff(found, axis=1, prepend=0)
    total = found[:, -1]
    with np.errstate(invalid="ignore"):
        average: NDArray[np.float64] = (gained * found / np.maximum(named, 1)).sum(axis=1) / total
    return average


def _resamples(n: int, seed: int) -> Iterator[NDArray[np.float64]]:
    """Chunks [resamples, pictures] of how often each picture is drawn when as many as there are, are drawn again."""
    rng = np.random.default_rng(seed)
    chunk = max(1, _CELLS_AT_ONCE // n)
    for start in range(0, RESAMPLES, chunk):
        yield rng.multinomial(n, np.full(n, 1 / n), size=min(chunk, RESAMPLES - start)).astype(np.float64)


def _notes(
    sets: Sequence[frozenset[str]], kinds: Sequence[str], per_class: Mapping[str, KindScores], *, unnamed: int
) -> Iterator[str]:
    unknown = Counter(name for names in sets for name in names if name not in kinds)
    if unknown:
        listed = ", ".join(f"{name!r} (on {count})" for name, count in sorted(unknown.items()))
        yield f"The model does not know {listed}; no picture that shows it counts as named rightly."
    unseen = [name for name, one in per_class.items() if not one.support]
    if unseen:
        yield f"No picture shows {', '.join(map(repr, unseen))}, so how well the model knows it was not measured."
    if unnamed:
        yield f"Of {unnamed:,} damaged pictures nobody said which damage they show; they are in no score of damage types."
