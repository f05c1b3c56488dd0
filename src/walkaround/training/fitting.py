"""Fitting the two kinds of model: from pictures to the bytes of an ONNX graph, a threshold, and what the card tells of it."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from walkaround.datasets.split import folds_by_group
from walkaround.evaluation.calibration import fit_platt, fit_temperature
from walkaround.evaluation.thresholds import best_accuracy, best_labels
from walkaround.media.pictures import read_picture
from walkaround.models.classify import Classifier, PooledModel, write_features
from walkaround.models.heads import Head, Rows
from walkaround.models.memory import CHANNELS, GRID, PATCHES, SCORES, damage_of_scores, remember, write_patches
from walkaround.models.names import FEATURES, HEAT
from walkaround.models.network import Network
from walkaround.models.preparation import SIDE, network_pixels
from walkaround.models.projection import FITTED_ROWS, Projection, fit_projection
from walkaround.training.choose import Trial, best, compare, training_rows
from walkaround.training.features import FeatureStore, Reader, ViewBudget, network_reader, read_features
from walkaround.training.monitor import Monitor
from walkaround.training.plan import Picture, Plan
from walkaround.training.recipe import Recipe
from walkaround.training.telling import tell_classifier, tell_memory
from walkaround.training.tuning import Tunable, Tune, TunedNetwork

Progress = Callable[[str, int, int], None]
"""Called with (what is being done, how much of it is done, how much there is)."""

FITTING_SHARE = 0.2  # of a time budget, about what fitting takes of a whole training
_TUNING_SHARE = 0.8  # of it, what is left for fitting and fine-tuning
_MOST_HEATED = 60
_PATCHES_OF_A_PICTURE = 200
_MOST_CANDIDATES = 20_000
_REMEMBERED = 1000
_ALARM_AFTER = 2.5


@dataclass(frozen=True, kw_only=True, eq=False)
class Fitted:
    """A fitted model.

    Attributes:
        model: bytes of the ONNX graph.
        threshold: probability of damage from which a picture is called anomalous.
        told: for the card's `training`.
        doubts: pictures whose label the others contradict: the suggested label, and how sure.
        damage: float64 [train], probability of damage of each training picture by models that were not trained on it.
        kind_thresholds: for the card.
    """

    model: bytes
    threshold: float
    told: Mapping[str, Any]
    doubts: Mapping[str, tuple[str, float]]
    damage: NDArray[np.float64]
    kind_thresholds: Mapping[str, float] | None = None


def fit_classes(
    plan: Plan,
    recipe: Recipe,
    *,
    threads: int,
    deadline: float | None,
    progress: Progress,
    monitor: Monitor | None = None,
    tune: Tune | None = None,
) -> Fitted:
    """Fit a classifier: features, candidates, calibration, threshold, graph; all on the training pictures alone.

    `tune` fine-tunes the network as well; it is taken where it does better on pictures that it has not seen.
    """
    share = FITTING_SHARE if tune is None else _TUNING_SHARE
    reading = None if deadline is None else deadline - share * (deadline - time.monotonic())
    projection, views = read_coordinates(plan.train, recipe, threads=threads, progress=progress, deadline=reading)
    class_ids = plan.class_ids
    folds = folds_by_group([picture.label for picture in plan.train], plan.groups, folds=recipe.folds, seed=recipe.seed)
    trials = compare(
        views,
        class_ids,
        folds,
        deadline=deadline,
        threads=threads,
        progress=lambda done, total: progress("Comparing candidates", done, total),
    )
    chosen = best(trials)
    progress("Fitting the model", 0, 1)
    head = chosen.candidate.fit(*training_rows(views, class_ids, recipe.seed))
    made = _made(chosen, calibrated(projection, head, chosen, class_ids, plan.damaged), class_ids)
    told = {**_told(trials, chosen), "views": len(views)}
    if tune is not None:
        task = Tunable(
            pictures=plan.train,
            classes=plan.classes,
            class_ids=class_ids,
            folds=folds,
            projection=projection,
            views=views,
            fast=chosen,
        )
        tuning = tune(task)
        told["tuning"] = tuning.told
        if tuning.network is not None and tuning.trial is not None:
            made = _tuned(made, tuning.network, tuning.trial, task, measured=tuning.measured, damaged=plan.damaged)
            told["chosen"], trials = made.trial.candidate.name, [*trials, made.trial]
    model = replace(made.classifier, heat_scale=heat_scale(made.classifier, plan)).write()
    progress("Fitting the model", 1, 1)
    unseen = made.in_all_views[0]
    if monitor is not None:
        tell_classifier(monitor, plan, recipe, trials=trials, chosen=made.trial, unseen=made.in_all_views)
        monitor.graph(model)
    return Fitted(
        model=model,
        threshold=made.threshold,
        told=told,
        doubts=label_doubts(plan, unseen),
        damage=unseen[:, np.array(plan.damaged)].sum(axis=1),
    )


@dataclass(frozen=True, kw_only=True, eq=False)
class _Made:
    """A classifier, the trial behind it, its threshold, and what it says of pictures it was not fitted to, as `out_of_fold`."""

    trial: Trial
    classifier: Classifier
    threshold: float
    in_all_views: NDArray[np.float64]


def _made(trial: Trial, classifier: Classifier, class_ids: NDArray[np.int64]) -> _Made:
    return _Made(
        trial=trial,
        classifier=classifier,
        threshold=choose_threshold(trial, classifier, class_ids),
        in_all_views=out_of_fold(trial, classifier),
    )


def _tuned(
    fast: _Made,
    network: TunedNetwork,
    trial: Trial,
    task: Tunable,
    *,
    measured: NDArray[np.bool_],
    damaged: tuple[bool, ...],
) -> _Made:
    """The fine-tuned classifier; of pictures that it was not measured on, the fast one's word stands."""
    truth = task.class_ids[measured]
    classifier = calibrated(task.projection, network.head, trial, truth, damaged)
    own = _made(trial, replace(classifier, backbone=network.backbone), truth)
    in_all_views = fast.in_all_views.copy()
    in_all_views[:, measured] = own.in_all_views
    return replace(own, in_all_views=in_all_views)


def read_coordinates(
    pictures: Sequence[Picture], recipe: Recipe, *, threads: int, progress: Progress, deadline: float | None = None
) -> tuple[Projection, list[Rows]]:
    """Features of every view that there is time for, and from them the projection and each view's coordinates."""
    store = FeatureStore(recipe.cache, FEATURES)
    try:
        reader = network_reader(Network(write_features()), FEATURES)
        keys = [picture.sha256 for picture in pictures]
        budget = ViewBudget(recipe.views, deadline=deadline)
        read_features(
            store,
            [(picture.sample.path, picture.sha256) for picture in pictures],
            views=budget,
            reader=reader,
            threads=threads,
            progress=lambda done, total: progress("Reading pictures", done, total),
        )
        projection = _fit_projection(store, keys, budget.views, recipe.seed)
        views = [_coordinates(store, keys, number, projection) for number in range(budget.views)]
    finally:
        store.close()
    return projection, views


def _fit_projection(store: FeatureStore, keys: Sequence[str], views: int, seed: int) -> Projection:
    """The projection of a seeded sample of pictures, all views of each equally."""
    rng = np.random.default_rng(seed)
    sample = [keys[index] for index in rng.permutation(len(keys))[: FITTED_ROWS // views]]
    return fit_projection(np.concatenate([store.rows(sample, number) for number in range(views)]))


def _coordinates(store: FeatureStore, keys: Sequence[str], view: int, projection: Projection) -> Rows:
    """Coordinates of one view, in parts, so that the features of many pictures are never all in memory."""
    parts = [projection.coordinates(store.rows(keys[start : start + 512], view)) for start in range(0, len(keys), 512)]
    return np.concatenate(parts)


def calibrated(
    projection: Projection, head: Head, chosen: Trial, class_ids: NDArray[np.int64], damaged: tuple[bool, ...]
) -> Classifier:
    """The classifier with probabilities calibrated on out-of-fold scores of all views."""
    scores = chosen.scores.reshape(-1, chosen.scores.shape[2]).astype(np.float64)
    ids = np.tile(class_ids, len(chosen.scores))
    if scores.shape[1] == 1:
        platt = fit_platt(scores[:, 0], ids == 1)
        return Classifier(projection=projection, head=head, damaged=damaged, slope=platt.slope, offset=platt.offset)
    return Classifier(projection=projection, head=head, damaged=damaged, slope=1 / fit_temperature(scores, ids), offset=0.0)


def out_of_fold(chosen: Trial, classifier: Classifier) -> NDArray[np.float64]:
    """Out-of-fold probabilities, float64 [views, pictures, classes]."""
    return np.stack([classifier.probabilities_of_scores(view.astype(np.float64)) for view in chosen.scores])


def choose_threshold(chosen: Trial, classifier: Classifier, class_ids: NDArray[np.int64]) -> float:
    """The threshold with the fewest errors out of fold, over the pictures as they are and disturbed."""
    probabilities = out_of_fold(chosen, classifier)
    rows = probabilities.reshape(-1, probabilities.shape[2])
    ids = np.tile(class_ids, len(probabilities))
    damaged = np.array(classifier.damaged)
    if damaged.all():
        return 0.5  # nothing is whole: every picture is called damaged, and the label tells which damage
    if len(damaged) == 2:
        return best_accuracy(damaged[ids], rows[:, damaged].sum(axis=1))
    return best_labels(ids, rows, damaged)


def heat_scale(classifier: PooledModel, plan: Plan) -> float:
    """The peak of the heat map that three in five damaged training pictures reach."""
    damaged = [picture for picture in plan.train if picture.label not in plan.normal] or list(plan.train)
    network = Network(classifier.write())
    step = max(1, len(damaged) // _MOST_HEATED)
    peaks = [
        float(network.run(network_pixels(read_picture(picture.sample.path, side=SIDE).pixels)[None], [HEAT])[0].max())
        for picture in damaged[::step]
    ]
    return max(float(np.quantile(peaks, 0.4)), 1e-9)


def label_doubts(plan: Plan, probabilities: NDArray[np.float64]) -> dict[str, tuple[str, float]]:
    """Pictures for which the other folds' models are sure of another label: path to (label, probability)."""
    doubts = {}
    for picture, row, own in zip(plan.train, probabilities, plan.class_ids, strict=True):
        other = int(row.argmax())
        if other != own:
            doubts[str(picture.sample.path)] = (plan.classes[other], float(row[other]))
    return doubts


def _told(trials: Sequence[Trial], chosen: Trial) -> dict[str, Any]:
    return {
        "chosen": chosen.candidate.name,
        "candidates": [
            {
                "name": trial.candidate.name,
                "accuracy": round(trial.accuracy[0], 4),
                "accuracy_disturbed": [round(value, 4) for value in trial.accuracy[1:]],
                "seconds": round(trial.seconds, 1),
            }
            for trial in trials
        ],
    }


def fit_memory(plan: Plan, recipe: Recipe, *, threads: int, progress: Progress, monitor: Monitor | None = None) -> Fitted:
    """Fit anomaly detection to normal pictures: patches, memory, and a limit from held-out normal pictures."""
    candidates = _patches(plan.train, recipe, threads=threads, progress=progress)
    count = min(recipe.folds, len(np.unique(plan.groups)))
    folds = folds_by_group([picture.label for picture in plan.train], plan.groups, folds=count, seed=recipe.seed)
    held_out = np.zeros(len(plan.train))
    for fold in range(count):
        memory = remember(_thinned(candidates[folds != fold], recipe.seed), patches=_REMEMBERED, seed=recipe.seed)
        network = Network(memory.write_scores())
        for index in np.flatnonzero(folds == fold):
            pixels = network_pixels(read_picture(plan.train[index].sample.path, side=SIDE).pixels)
            held_out[index] = float(network.run(pixels[None], [SCORES])[0][0, 0])
        progress("Measuring normal pictures", fold + 1, count)
    memory = remember(_thinned(candidates, recipe.seed), patches=_REMEMBERED, seed=recipe.seed)
    logarithms = np.log(np.maximum(held_out, 1e-6))
    spread = max(float(logarithms.std()), 0.02)
    limit = float(np.exp(logarithms.mean() + _ALARM_AFTER * spread))
    model = memory.write(limit=limit, spread=spread)
    told: dict[str, str | float] = {
        "chosen": f"memory of {len(memory.patches)} normal patches",
        "limit": limit,
        "spread": spread,
    }
    if monitor is not None:
        tell_memory(monitor, plan, recipe, held_out=held_out, limit=limit, told=told)
        monitor.graph(model)
    return Fitted(
        model=model,
        threshold=0.5,
        told=told,
        doubts={},
        damage=damage_of_scores(held_out, limit=limit, spread=spread),
    )


def _patches(pictures: Sequence[Picture], recipe: Recipe, *, threads: int, progress: Progress) -> NDArray[np.float32]:
    """Some patches of every picture, float32 [pictures, patches, channels]."""
    network = Network(write_patches())
    places = np.random.default_rng(0).permutation(GRID * GRID)[:_PATCHES_OF_A_PICTURE]

    def reader(pixels: NDArray[np.float32]) -> NDArray[np.float32]:
        found = network.run(pixels, [PATCHES])[0].reshape(len(pixels), CHANNELS, -1)
        return found[:, :, places].transpose(0, 2, 1).reshape(len(pixels), -1)

    as_reader: Reader = reader
    store = FeatureStore(recipe.cache, f"{PATCHES} {_PATCHES_OF_A_PICTURE}")
    try:
        read_features(
            store,
            [(picture.sample.path, picture.sha256) for picture in pictures],
            views=ViewBudget(1),
            reader=as_reader,
            threads=threads,
            progress=lambda done, total: progress("Reading pictures", done, total),
        )
        rows = store.rows([picture.sha256 for picture in pictures], 0)
    finally:
        store.close()
    return rows.reshape(len(pictures), _PATCHES_OF_A_PICTURE, CHANNELS)


def _thinned(candidates: NDArray[np.float32], seed: int) -> NDArray[np.float32]:
    rows = candidates.reshape(-1, candidates.shape[-1])
    if len(rows) <= _MOST_CANDIDATES:
        return rows
    return rows[np.random.default_rng(seed).permutation(len(rows))[:_MOST_CANDIDATES]]


def time_limit(recipe: Recipe) -> float | None:
    """When, on the clock of `time.monotonic`, no more views are read and no further candidate may begin."""
    return None if recipe.minutes is None else time.monotonic() + 60 * recipe.minutes


def silent(stage: str, done: int, total: int) -> None:
    """A `Progress` that tells nobody."""
    del stage, done, total
