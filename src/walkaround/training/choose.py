"""Choosing the head: candidates are compared by cross-validation on the training pictures, within a time budget.

Near-duplicates never stand on both sides of a fold. Each candidate is judged on the pictures as they are and on disturbed views
of them: one that is good on its own source alone is no good on a forecourt.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from walkaround.models.heads import Head, Rows, fit_kernel, fit_linear

MOST_KERNEL_ROWS = 6000
"""A kernel head is fitted on no more rows: its time grows with their square, its size with their number."""


@dataclass(frozen=True, kw_only=True)
class Candidate:
    """A kind of head with its settings."""

    name: str
    fit: Callable[[Rows, NDArray[np.int64]], Head]


# In order of trust on photos of other sources: far from all it has seen, a kernel falls back where a plane extrapolates.
CANDIDATES = (
    Candidate(
        name="kernel, strength 1",
        fit=lambda rows, ids: fit_kernel(rows, ids, strength=1.0, gamma=0.5),
    ),
    Candidate(
        name="linear, strength 10",
        fit=lambda rows, ids: fit_linear(rows, ids, strength=10.0),
    ),
)


@dataclass(frozen=True, kw_only=True, eq=False)
class Trial:
    """A candidate's out-of-fold scores.

    Attributes:
        scores: float32 [views, pictures, scores].
        accuracy: of each view, at score 0 or by the highest score.
        seconds: that fitting and scoring all folds took.
    """

    candidate: Candidate
    scores: NDArray[np.float32]
    accuracy: tuple[float, ...]
    seconds: float

    @property
    def merit(self) -> float:
        """What candidates are compared by: half the accuracy on pictures as they are, half on disturbed ones."""
        return (self.accuracy[0] + float(np.mean(self.accuracy[1:] or self.accuracy[:1]))) / 2


def compare(
    views: Sequence[Rows],
    class_ids: NDArray[np.int64],
    folds: NDArray[np.int64],
    *,
    candidates: Sequence[Candidate] = CANDIDATES,
    deadline: float | None = None,
    threads: int = 1,
    progress: Callable[[int, int], None] | None = None,
) -> list[Trial]:
    """Cross-validate the candidates, in their order, until the deadline.

    Args:
        views: coordinates of each view, float32 [pictures, coordinates]; the first is the pictures as they are.
        class_ids: int64 [pictures].
        folds: int64 [pictures], the fold that each picture is held out in.
        candidates: at least the first is tried.
        deadline: on the clock of `time.monotonic`; a candidate that would not be done by then, judged by the slowest one
            before it, is not begun.
        threads: folds fitted at the same time.
        progress: called with (candidates done, candidates).

    Returns:
        The trials, in the order of the candidates.
    """
    trials: list[Trial] = []
    for candidate in candidates:
        slowest = max((trial.seconds for trial in trials), default=0.0)
        if trials and deadline is not None and time.monotonic() + slowest > deadline:
            break
        trials.append(_tried(candidate, views, class_ids, folds, threads=threads))
        if progress is not None:
            progress(len(trials), len(candidates))
    return trials


def best(trials: Sequence[Trial]) -> Trial:
    """The first trial whose merit is within one standard error of the highest.

    The candidates stand in order of how well they hold on photos of other sources (see docs/experiments.md), which the training
    pictures cannot tell; so one is passed over only for a gain that is more than chance.
    Source of the rule: Breiman et al. (1984), Classification and regression trees, section 3.4.3.
    """
    highest = max(trial.merit for trial in trials)
    pictures = trials[0].scores.shape[1]
    error = float(np.sqrt(highest * (1 - highest) / pictures))
    return next(trial for trial in trials if trial.merit >= highest - error)


def training_rows(views: Sequence[Rows], class_ids: NDArray[np.int64], seed: int) -> tuple[Rows, NDArray[np.int64]]:
    """All views below each other, thinned evenly at random to what a kernel head can take."""
    rows = np.concatenate(views)
    ids = np.tile(class_ids, len(views))
    if len(rows) > MOST_KERNEL_ROWS:
        kept = np.sort(np.random.default_rng(seed).permutation(len(rows))[:MOST_KERNEL_ROWS])
        rows, ids = rows[kept], ids[kept]
    return rows, ids


def _tried(
    candidate: Candidate, views: Sequence[Rows], class_ids: NDArray[np.int64], folds: NDArray[np.int64], *, threads: int
) -> Trial:
    started = time.monotonic()
    scores = held_out_scores(candidate, views, class_ids, folds, threads=threads)
    return trial_of(candidate, scores, class_ids, seconds=time.monotonic() - started)


def held_out_scores(
    candidate: Candidate, views: Sequence[Rows], class_ids: NDArray[np.int64], folds: NDArray[np.int64], *, threads: int
) -> NDArray[np.float32]:
    """Scores, float32 [views, pictures, scores], each by a head that was fitted on the other folds."""

    def held_out(fold: int) -> NDArray[np.float32]:
        """Those of one fold."""
        inside, outside = folds != fold, folds == fold
        head = candidate.fit(*training_rows([view[inside] for view in views], class_ids[inside], seed=fold))
        return np.stack([head.scores(view[outside]) for view in views])

    numbers = [int(fold) for fold in np.unique(folds)]
    with ThreadPoolExecutor(min(threads, len(numbers))) as pool:  # the solvers work outside the interpreter's lock
        found = list(pool.map(held_out, numbers))
    scores = np.zeros((len(views), len(class_ids), found[0].shape[2]), dtype=np.float32)
    for number, part in zip(numbers, found, strict=True):
        scores[:, folds == number] = part
    return scores


def trial_of(candidate: Candidate, scores: NDArray[np.float32], class_ids: NDArray[np.int64], *, seconds: float) -> Trial:
    """A candidate with its out-of-fold scores, float32 [views, pictures, scores], of pictures of these classes."""
    accuracy = tuple(float((labels_of(view) == class_ids).mean()) for view in scores)
    return Trial(candidate=candidate, scores=scores, accuracy=accuracy, seconds=seconds)


def labels_of(scores: NDArray[np.float32]) -> NDArray[np.int64]:
    """Class ids that scores [n, 1] or [n, classes] speak for."""
    if scores.shape[1] == 1:
        return (scores[:, 0] > 0).astype(np.int64)
    return np.asarray(scores.argmax(axis=1), dtype=np.int64)
