"""Measure any `predict` on labelled pictures: a package on this machine and a live endpoint are scored by the same code."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from time import perf_counter

from walkaround.damage.findings import Findings
from walkaround.datasets.sample import Sample
from walkaround.errors import InputError, PictureError
from walkaround.evaluation.classify import score
from walkaround.evaluation.place_scores import PlaceEvaluation
from walkaround.evaluation.scores import Scores

Predict = Callable[[Sequence[Path]], Iterable[Findings | PictureError]]
"""Paths in; for each one, in order, what was found or why the picture cannot be read."""


@dataclass(frozen=True, kw_only=True)
class Row:
    """One measured picture: its label and what was found."""

    path: Path
    truth: str
    findings: Findings


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
    """

    scores: Scores
    rows: tuple[Row, ...]
    unreadable: tuple[tuple[Path, str], ...]
    unlabelled: tuple[Path, ...]
    normal: frozenset[str]
    seconds: float
    seed: int
    places: PlaceEvaluation | None = None


def measure(
    predict: Predict,
    samples: Sequence[Sample],
    *,
    classes: Sequence[str],
    normal: Collection[str],
    threshold: float,
    seed: int = 0,
) -> Evaluation:
    """Let `predict` look at every labelled sample once, and score its answers.

    Args:
        predict: called once with all paths; its answers may stream in.
        samples: the kept-back pictures.
        classes: names that the model can answer.
        normal: labels that mean a whole car.
        threshold: probability from which the model calls a picture damaged.
        seed: of the resampling behind the intervals.

    Raises:
        InputError: when `predict` gives fewer or more answers than it got pictures.
    """
    labelled = [(sample.path, sample.label) for sample in samples if sample.label is not None]
    rows: list[Row] = []
    unreadable: list[tuple[Path, str]] = []
    started = perf_counter()
    answers = list(predict([path for path, _ in labelled]))
    seconds = perf_counter() - started
    if len(answers) != len(labelled):
        raise InputError(
            f"The model gave {len(answers)} answers for {len(labelled)} pictures; it must give one for each, in order."
        )
    for (path, label), answer in zip(labelled, answers, strict=True):
        if isinstance(answer, PictureError):
            unreadable.append((path, str(answer)))
        else:
            rows.append(Row(path=path, truth=label, findings=answer))
    scores = score(
        [row.truth for row in rows],
        [row.findings for row in rows],
        classes=classes,
        normal=normal,
        threshold=threshold,
        seed=seed,
    )
    return Evaluation(
        scores=scores,
        rows=tuple(rows),
        unreadable=tuple(unreadable),
        unlabelled=tuple(sample.path for sample in samples if sample.label is None),
        normal=frozenset(normal),
        seconds=seconds,
        seed=seed,
    )
