"""Fitting a multi-label model: a head for damage and one for each damage type against the rest, each with its threshold.

Everything is decided on pictures that a head was not fitted on, of the training pictures alone: which candidate, the
calibration, the threshold of damage and that of each damage type. Pictures of which it is known only that they are damaged
teach the head of damage, and have no say in the others.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.metrics import average_precision_score, f1_score

from walkaround.damage.kinds import ANOMALY
from walkaround.datasets.labels import told
from walkaround.datasets.split import folds_by_group
from walkaround.evaluation.calibration import fit_platt
from walkaround.evaluation.thresholds import best_accuracy, best_f1
from walkaround.models.heads import Head, KernelHead, LinearHead, Rows, fit_linear, solve_kernel
from walkaround.models.multi_label import MultiLabelClassifier, damage_of
from walkaround.models.projection import Projection
from walkaround.training.choose import Candidate, held_out_scores, training_rows
from walkaround.training.fitting import FITTING_SHARE, Fitted, Progress, heat_scale, read_coordinates
from walkaround.training.monitor import Monitor
from walkaround.training.plan import Plan
from walkaround.training.recipe import Recipe
from walkaround.training.telling import tell_multi_label

Bools = NDArray[np.bool_]
Fit = Callable[[Rows, "Truth"], Head]

_MISSED = 0.05
"""Share of the pictures that show a damage type, at the least sure end, of which it may be doubted that they do."""
_NEVER = -4.0
"""Score of a damage type that none of the pictures shows which a head was fitted on."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Truth:
    """What pictures show.

    Attributes:
        shown: bool [pictures, scores]; the first is damage of any kind, where there are whole cars, the others are the damage
            types.
        named: bool [pictures], False where it is known only that there is damage.
        with_whole: whether there are whole cars.
    """

    shown: Bools
    named: Bools
    with_whole: bool

    def __getitem__(self, pictures: NDArray[np.int64]) -> Truth:
        """That of some of the pictures."""
        return replace(self, shown=self.shown[pictures], named=self.named[pictures])

    @property
    def kinds(self) -> range:
        """The scores that are damage types."""
        return range(int(self.with_whole), self.shown.shape[1])

    @property
    def known(self) -> Bools:
        """Of which scores it is known what they should be, bool [pictures, scores]."""
        known = np.repeat(self.named[:, None], self.shown.shape[1], axis=1)
        known[:, : int(self.with_whole)] = True
        return known


def truth_of(plan: Plan) -> Truth:
    """What the training pictures of a multi-label plan show."""
    shown, with_whole = plan.shown, not plan.damaged[0]
    if with_whole:
        shown[:, 0] = ~shown[:, 0]
    named = np.array([picture.labels != (ANOMALY,) for picture in plan.train], dtype=np.bool_)
    return Truth(shown=shown, named=named, with_whole=with_whole)


def fit_kernels(rows: Rows, truth: Truth, *, strength: float, gamma: float) -> KernelHead:
    """As `walkaround.models.heads.fit_kernel`; a row weighs as the rarest damage type that it shows."""
    head = _solved(rows, truth, strength=strength, gamma=gamma)
    if truth.named.all():
        return head
    own = _solved(rows[truth.named], truth[np.flatnonzero(truth.named)], strength=strength, gamma=gamma)
    weights, offsets = head.weights.copy(), head.offsets.copy()
    for score in truth.kinds:
        weights[:, score], offsets[score] = 0, own.offsets[score]
        weights[truth.named, score] = own.weights[:, score]
    return replace(head, weights=weights, offsets=offsets)


def _solved(rows: Rows, truth: Truth, *, strength: float, gamma: float) -> KernelHead:
    kinds = truth.shown[:, truth.kinds.start :]
    alike = np.where(kinds, kinds.sum(axis=0), len(rows)).min(axis=1, initial=len(rows))
    alike = np.where(kinds.any(axis=1), alike, (~kinds.any(axis=1)).sum())
    ridge = alike * ((kinds.shape[1] + int(truth.with_whole)) / len(rows) / strength)
    targets = np.where(truth.shown, 1, -1).astype(np.float32)
    return solve_kernel(rows, targets, ridge=ridge.astype(np.float32), gamma=gamma)


def fit_lines(rows: Rows, truth: Truth, *, strength: float) -> LinearHead:
    """Logistic regression for each score, see `walkaround.models.heads.fit_linear`."""
    weights = np.zeros((rows.shape[1], truth.shown.shape[1]), dtype=np.float32)
    offsets = np.full(truth.shown.shape[1], _NEVER, dtype=np.float32)
    for score, known in enumerate(truth.known.T):
        shown = truth.shown[known, score]
        if shown.any() and not shown.all():
            line = fit_linear(rows[known], shown.astype(np.int64), strength=strength)
            weights[:, score], offsets[score] = line.weights[:, 0], line.offsets[0]
        elif shown.any():
            offsets[score] = -_NEVER
    return LinearHead(weights=weights, offsets=offsets)


FITS: tuple[tuple[str, Fit], ...] = (
    ("kernels, strength 1", lambda rows, truth: fit_kernels(rows, truth, strength=1.0, gamma=0.5)),
    ("lines, strength 10", lambda rows, truth: fit_lines(rows, truth, strength=10.0)),
)
"""The candidates, in order of trust on photos of other sources; see `walkaround.training.choose.CANDIDATES`."""


@dataclass(frozen=True, kw_only=True, eq=False)
class MultiLabelTrial:
    """A candidate's out-of-fold scores, and how good they are.

    Attributes:
        scores: float32 [views, pictures, scores].
        precision: mean average precision of the damage types, of each view.
        macro_f1: mean F1 of the damage types, of each view, at thresholds chosen on the other folds.
        merit: what candidates are compared by: half the mean average precision on pictures as they are, half on disturbed ones.
        error: standard error of the merit, by how much it differs from fold to fold.
        seconds: that fitting and scoring all folds took.
    """

    candidate: Candidate
    scores: NDArray[np.float32]
    precision: tuple[float, ...]
    macro_f1: tuple[float, ...]
    merit: float
    error: float
    seconds: float


def fit_multi_label(
    plan: Plan,
    recipe: Recipe,
    *,
    threads: int,
    deadline: float | None,
    progress: Progress,
    monitor: Monitor | None = None,
) -> Fitted:
    """Fit a multi-label model on the training pictures of a plan; as `walkaround.training.fitting.fit_classes` for classes."""
    reading = None if deadline is None else deadline - FITTING_SHARE * (deadline - time.monotonic())
    projection, views = read_coordinates(plan.train, recipe, threads=threads, progress=progress, deadline=reading)
    truth = truth_of(plan)
    folds = folds_by_group([picture.labels for picture in plan.train], plan.groups, folds=recipe.folds, seed=recipe.seed)
    trials = compare(views, truth, folds, deadline=deadline, threads=threads, progress=progress)
    chosen = best(trials)
    progress("Fitting the model", 0, 1)
    head = chosen.candidate.fit(*training_rows(views, np.arange(len(truth.named)), recipe.seed))
    classifier = calibrated(projection, head, chosen.scores, truth, plan.damaged)
    unseen = out_of_fold(classifier, chosen.scores)
    threshold = damage_threshold(unseen, truth)
    limits = kind_thresholds(unseen, truth, threshold=threshold)
    classifier = replace(classifier, heat_scale=heat_scale(classifier, plan))
    progress("Fitting the model", 1, 1)
    model = classifier.write()
    if monitor is not None:
        told_trials = [(_told(trial), trial is chosen) for trial in trials]
        tell_multi_label(monitor, plan, recipe, trials=told_trials, truth=(truth.shown, truth.known), unseen=unseen)
        monitor.graph(model)
    return Fitted(
        model=model,
        threshold=threshold,
        told={"chosen": chosen.candidate.name, "candidates": [_told(trial) for trial in trials], "views": len(views)},
        doubts=kind_doubts(plan, unseen[0]),
        damage=damage_of(unseen[0], plan.damaged),
        kind_thresholds={plan.classes[score]: limits[score] for score in truth.kinds},
    )


def compare(
    views: Sequence[Rows],
    truth: Truth,
    folds: NDArray[np.int64],
    *,
    fits: Sequence[tuple[str, Fit]] = FITS,
    deadline: float | None = None,
    threads: int = 1,
    progress: Progress | None = None,
) -> list[MultiLabelTrial]:
    """Cross-validate the candidates, in their order, until the deadline; see `walkaround.training.choose.compare`."""
    trials: list[MultiLabelTrial] = []
    for name, fit in fits:
        slowest = max((trial.seconds for trial in trials), default=0.0)
        if trials and deadline is not None and time.monotonic() + slowest > deadline:
            break
        trials.append(_tried(_candidate(name, fit, truth), views, truth, folds, threads=threads))
        if progress is not None:
            progress("Comparing candidates", len(trials), len(fits))
    return trials


def best(trials: Sequence[MultiLabelTrial]) -> MultiLabelTrial:
    """The first trial whose merit is within one standard error of the highest; see `walkaround.training.choose.best`."""
    highest = max(trials, key=lambda trial: trial.merit)
    return next(trial for trial in trials if trial.merit >= highest.merit - highest.error)


def _candidate(name: str, fit: Fit, truth: Truth) -> Candidate:
    """A candidate whose class ids are numbers of pictures."""
    return Candidate(name=name, fit=lambda rows, numbers: fit(rows, truth[numbers]))


def _tried(
    candidate: Candidate, views: Sequence[Rows], truth: Truth, folds: NDArray[np.int64], *, threads: int
) -> MultiLabelTrial:
    started = time.monotonic()
    scores = held_out_scores(candidate, views, np.arange(len(folds)), folds, threads=threads)
    by_fold = [_merit(scores[:, folds == fold], truth[np.flatnonzero(folds == fold)]) for fold in np.unique(folds)]
    merits = np.array([merit for merit in by_fold if not np.isnan(merit)])
    return MultiLabelTrial(
        candidate=candidate,
        scores=scores,
        precision=tuple(mean_average_precision(view, truth) for view in scores),
        macro_f1=_macro_f1(scores, truth, folds),
        merit=_merit(scores, truth),
        error=float(merits.std(ddof=1) / np.sqrt(len(merits))) if len(merits) > 1 else 0.0,
        seconds=time.monotonic() - started,
    )


def _merit(scores: NDArray[np.float32], truth: Truth) -> float:
    precision = [mean_average_precision(view, truth) for view in scores]
    return (precision[0] + float(np.mean(precision[1:] or precision[:1]))) / 2


def mean_average_precision(scores: NDArray[np.floating[Any]], truth: Truth) -> float:
    """Of the damage types that some of the pictures show; NaN where they show none."""
    shown, own = truth.shown[truth.named], scores[truth.named]
    each = [average_precision_score(shown[:, kind], own[:, kind]) for kind in truth.kinds if shown[:, kind].any()]
    return float(np.mean(each)) if each else float("nan")


def _macro_f1(scores: NDArray[np.float32], truth: Truth, folds: NDArray[np.int64]) -> tuple[float, ...]:
    """Of each view; the thresholds of each fold are those of the other folds, over all views."""
    told_kinds = np.zeros(scores.shape, dtype=np.bool_)
    for fold in np.unique(folds):
        inside, outside = np.flatnonzero(folds != fold), np.flatnonzero(folds == fold)
        known = truth[inside]
        for kind in truth.kinds:
            own = scores[:, inside, kind][:, known.named].astype(np.float64).ravel()
            shown = np.tile(known.shown[known.named, kind], len(scores))
            if shown.any() and not shown.all():
                platt = fit_platt(own, shown)
                limit = best_f1(shown, platt.probabilities(own), views=len(scores))
                told_kinds[:, outside, kind] = platt.probabilities(scores[:, outside, kind].astype(np.float64)) >= limit
    kinds = list(truth.kinds)
    shown = truth.shown[truth.named][:, kinds]
    return tuple(float(f1_score(shown, view[truth.named][:, kinds], average="macro", zero_division=0.0)) for view in told_kinds)


def calibrated(
    projection: Projection, head: Head, scores: NDArray[np.float32], truth: Truth, damaged: tuple[bool, ...]
) -> MultiLabelClassifier:
    """The classifier with probabilities calibrated on out-of-fold scores of all views, each score for itself."""
    known = truth.known
    fitted = []
    for number in range(scores.shape[2]):
        own = scores[:, known[:, number], number].astype(np.float64)
        fitted.append(fit_platt(own.ravel(), np.tile(truth.shown[known[:, number], number], len(scores))))
    return MultiLabelClassifier(
        projection=projection,
        head=head,
        damaged=damaged,
        slopes=tuple(one.slope for one in fitted),
        offsets=tuple(one.offset for one in fitted),
    )


def out_of_fold(classifier: MultiLabelClassifier, scores: NDArray[np.float32]) -> NDArray[np.float64]:
    """Out-of-fold probabilities, float64 [views, pictures, classes]."""
    return np.stack([classifier.probabilities_of_scores(view.astype(np.float64)) for view in scores])


def damage_threshold(unseen: NDArray[np.float64], truth: Truth) -> float:
    """The probability of damage with the fewest errors out of fold, over the pictures as they are and disturbed."""
    if not truth.with_whole:
        return 0.5  # nothing is whole: every picture is called damaged, and the kinds tell which damage
    return best_accuracy(np.tile(truth.shown[:, 0], len(unseen)), 1 - unseen[:, :, 0].ravel())


def kind_thresholds(unseen: NDArray[np.float64], truth: Truth, *, threshold: float) -> dict[int, float]:
    """For each damage type the probability from which it is told, by its F1 out of fold; see `best_f1`.

    None is told of a picture that counts as whole.
    """
    named = unseen[:, truth.named]
    if truth.with_whole:
        named = np.where(1 - named[:, :, :1] >= threshold, named, 0.0)
    shown = truth.shown[truth.named]
    return {
        kind: round(best_f1(np.tile(shown[:, kind], len(named)), named[:, :, kind].ravel(), views=len(named)), 6)
        for kind in truth.kinds
    }


def kind_doubts(plan: Plan, probabilities: NDArray[np.float64]) -> dict[str, tuple[str, float]]:
    """Pictures for which the other folds' models are sure of other labels: path to (these, how sure of the surest change).

    That a damage type is not there is doubted of those few alone that are least like it: many are just not seen.

    Args:
        plan: of a multi-label model.
        probabilities: float64 [train, classes], out of fold.
    """
    shown, doubts = plan.shown, {}
    low = [
        np.quantile(own[there], _MISSED) if there.any() else 0.0 for own, there in zip(probabilities.T, shown.T, strict=True)
    ]
    missed = dict(zip(plan.classes, low, strict=True))
    for picture, row in zip(plan.train, probabilities, strict=True):
        sure = dict(zip(plan.classes, row.tolist(), strict=True))
        changes: list[tuple[float, tuple[str, ...]]] = []
        whole = next((name for name in plan.classes if name in plan.normal), None)
        kinds = [name for name in plan.classes if name not in plan.normal]
        if picture.label == whole:
            likely = tuple(kind for kind in kinds if sure[kind] > 0.5) or (max(kinds, key=sure.__getitem__),)
            changes = [(1 - sure[picture.label], likely)]
        elif picture.labels != (ANOMALY,):
            own = set(picture.labels)
            changes = [(sure[kind], tuple(sorted(own | {kind}))) for kind in kinds if kind not in own]
            gone = [kind for kind in own.intersection(kinds) if len(own) > 1 and sure[kind] <= missed[kind]]
            changes += [(1 - sure[kind], tuple(sorted(own - {kind}))) for kind in gone]
        if whole is not None and picture.label != whole:
            changes.append((sure[whole], (whole,)))
        surest, labels = max(changes, default=(0.0, ()))
        if surest > 0.5:
            doubts[str(picture.sample.path)] = (told(labels), surest)
    return doubts


def unseen_kinds(
    plan: Plan, projection: Projection, views: Sequence[Rows], folds: NDArray[np.int64], *, threads: int
) -> NDArray[np.float64]:
    """Out-of-fold probabilities of the pictures as they are, float64 [train, classes], by the first candidate."""
    truth = truth_of(plan)
    name, fit = FITS[0]
    scores = held_out_scores(_candidate(name, fit, truth), views, np.arange(len(folds)), folds, threads=threads)
    head = _candidate(name, fit, truth).fit(*training_rows(views[:1], np.arange(len(folds)), seed=0))
    probabilities: NDArray[np.float64] = out_of_fold(calibrated(projection, head, scores, truth, plan.damaged), scores)[0]
    return probabilities


def _told(trial: MultiLabelTrial) -> dict[str, Any]:
    return {
        "name": trial.candidate.name,
        "mean_average_precision": round(trial.precision[0], 4),
        "mean_average_precision_disturbed": [round(value, 4) for value in trial.precision[1:]],
        "macro_f1": round(trial.macro_f1[0], 4),
        "macro_f1_disturbed": [round(value, 4) for value in trial.macro_f1[1:]],
        "seconds": round(trial.seconds, 1),
    }
