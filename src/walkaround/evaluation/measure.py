"""Measure any `predict` on labelled pictures: a package on this machine and a live endpoint are scored by the same code."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from time import perf_counter
from typing import Any

from walkaround.damage.findings import Findings
from walkaround.damage.kinds import ANOMALY, NORMAL
from walkaround.datasets.labels import BETWEEN, told
from walkaround.datasets.sample import Sample
from walkaround.errors import InputError, PictureError
from walkaround.evaluation.classify import score
from walkaround.evaluation.kind_scores import KindEvaluation, score_kinds
from walkaround.evaluation.place_scores import PlaceEvaluation
from walkaround.evaluation.scores import Scores

Predict = Callable[[Sequence[Path]], Iterable[Findings | PictureError]]
"""Paths in; for each one, in order, what was found or why the picture cannot be read."""


@dataclass(frozen=True, kw_only=True)
class Row:
    """One measured picture: its label, as one text where it has several, what was found, and all of its labels."""

    path: Path
    truth: str
    findings: Findings
    labels: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Evaluation:
    """The outcome of a measurement.

    Attributes:
        scores: numbers and their intervals.
        rows: every picture that was scored, in the order of the samples.
        unreadable: path and reason of each picture that could not be read; they are in no score.
        unlabelled: pictures that nobody labelled; they were not looked at.
        normal: the labels that mean a whole car.
        seconds: wall time of all predictions.
        seed: of the resampling behind the intervals.
        places: the outcome for boxes and masks; None for a model that finds none, or where nobody drew any.
        kinds: the outcome for damage types of which a picture may show several; None for other models, or where nobody named
            them. The scores are then those of the verdict, damaged or whole.
    """

    scores: Scores
    rows: tuple[Row, ...]
    unreadable: tuple[tuple[Path, str], ...]
    unlabelled: tuple[Path, ...]
    normal: frozenset[str]
    seconds: float
    seed: int
    places: PlaceEvaluation | None = None
    kinds: KindEvaluation | None = None


def measure(
    predict: Predict,
    samples: Sequence[Sample],
    *,
    classes: Sequence[str],
    normal: Collection[str],
    threshold: float,
    seed: int = 0,
    kind_thresholds: Mapping[str, float] | None = None,
) -> Evaluation:
    """Let `predict` look at every labelled sample once, and score its answers.

    Args:
        predict: called once with all paths; its answers may stream in.
        samples: the kept-back pictures.
        classes: names that the model can answer.
        normal: labels that mean a whole car.
        threshold: probability from which the model calls a picture damaged.
        seed: of the resampling behind the intervals.
        kind_thresholds: of a multi-label model, for each damage type the probability from which it is told.

    Raises:
        InputError: when `predict` gives fewer or more answers than it got pictures.
    """
    labelled = [(sample.path, sample.labels) for sample in samples if sample.labels]
    rows: list[Row] = []
    unreadable: list[tuple[Path, str]] = []
    started = perf_counter()
    answers = list(predict([path for path, _ in labelled]))
    seconds = perf_counter() - started
    if len(answers) != len(labelled):
        raise InputError(
            f"The model gave {len(answers)} answers for {len(labelled)} pictures; it must give one for each, in order."
        )
    for (path, labels), answer in zip(labelled, answers, strict=True):
        if isinstance(answer, PictureError):
            unreadable.append((path, str(answer)))
        else:
            damage = [label for label in labels if label not in normal]
            rows.append(Row(path=path, truth=told(damage) if damage else labels[0], findings=answer, labels=labels))
    findings = [row.findings for row in rows]
    if kind_thresholds is None:
        scores = score([_one_of(row) for row in rows], findings, classes=classes, normal=normal, threshold=threshold, seed=seed)
        scores = replace(scores, notes=(*scores.notes, *_several(rows)))
        kinds = None
    else:
        scores = _verdict_scores(rows, classes=classes, normal=normal, threshold=threshold, seed=seed)
        kinds = score_kinds([row.labels for row in rows], findings, thresholds=kind_thresholds, normal=normal, seed=seed)
    return Evaluation(
        scores=scores,
        rows=tuple(rows),
        unreadable=tuple(unreadable),
        unlabelled=tuple(sample.path for sample in samples if sample.label is None),
        normal=frozenset(normal),
        seconds=seconds,
        seed=seed,
        kinds=kinds,
    )


def _one_of(row: Row) -> str:
    """The label that a model which names one is measured by: its own where that is one of the picture's, else the first."""
    if len(row.labels) < 2:
        return row.truth
    return row.findings.label if row.findings.label in row.labels else row.truth.partition(BETWEEN)[0]


def _several(rows: Sequence[Row]) -> list[str]:
    count = sum(len(row.labels) > 1 for row in rows)
    what = f"{count:,} pictures have several labels; this model names one, which counts as right where it is one of them."
    return [what] if count else []


def _verdict_scores(
    rows: Sequence[Row], *, classes: Sequence[str], normal: Collection[str], threshold: float, seed: int
) -> Scores:
    """Scores of the verdict of a multi-label model; where only damaged or only whole cars were measured, none are told."""
    whole = next((name for name in classes if name in normal), NORMAL)
    scores = score(
        [whole if row.truth in normal else ANOMALY for row in rows],
        [row.findings for row in rows],
        classes=(whole, ANOMALY),
        normal=(whole,),
        threshold=threshold,
        seed=seed,
    )
    if scores.damaged and scores.whole:
        return scores
    names = ("accuracy", "damage_accuracy", "precision", "recall", "specificity", "f1")
    unknown: dict[str, Any] = dict.fromkeys(names)
    what = "There are no pictures of whole cars among these, or no others, so the verdict was not measured."
    return replace(scores, **unknown, notes=(*scores.notes, what))
