"""What a training on frozen features tells a monitor: it has no steps, but candidates, curves, mistakes and a graph."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from walkaround.errors import PictureError
from walkaround.evaluation.curves import reliability_table
from walkaround.media.pictures import read_picture
from walkaround.training.choose import Trial
from walkaround.training.monitor import EpochFacts, Monitor, RunFacts
from walkaround.training.plan import Picture, Plan
from walkaround.training.recipe import Recipe

NAME = "verdict"
_MOST_PICTURES = 16
_PICTURE_SIDE = 256
_RANKS = 101


def tell_classifier(
    monitor: Monitor, plan: Plan, recipe: Recipe, *, trials: Sequence[Trial], chosen: Trial, unseen: NDArray[np.float64]
) -> None:
    """Tell of a classifier, all from cross-validation: no picture is judged by a model that was trained on it.

    Args:
        monitor: is told.
        plan: what is trained on what.
        recipe: how.
        trials: the candidates.
        chosen: one of them.
        unseen: float64 [views, pictures, classes], calibrated out-of-fold probabilities.
    """
    if not monitor.wanted:
        return
    settings: dict[str, str | float] = {"chosen": chosen.candidate.name, "views": len(unseen)}
    monitor.start(_run(plan, recipe, settings))
    for number, trial in enumerate(trials, start=1):
        told = {"accuracy": trial.accuracy[0], "merit": trial.merit, "seconds": trial.seconds}
        disturbed = {"accuracy disturbed": float(np.mean(trial.accuracy[1:]))} if len(trial.accuracy) > 1 else {}
        monitor.scalars(number, {f"candidates/{name}": value for name, value in {**told, **disturbed}.items()})
    monitor.note("candidates", _table(trials, chosen))
    damaged = np.array([plan.damaged[number] for number in plan.class_ids], dtype=np.bool_)
    probability = np.clip(unseen[:, :, np.array(plan.damaged)].sum(axis=2), 0.0, 1.0)
    if 0 < damaged.sum() < len(damaged):
        monitor.curve(0, "damage", damaged, probability[0])
        if len(probability) > 1:
            monitor.curve(0, "damage disturbed", np.tile(damaged, len(probability) - 1), probability[1:].ravel())
        for row in reliability_table(damaged, probability[0]):
            values = {"reliability/really damaged": row.observed, "reliability/predicted": row.predicted}
            monitor.scalars(round(100 * row.predicted), values)
    called = unseen[0].argmax(axis=1)
    monitor.epoch(
        EpochFacts(
            epoch=1,
            step=len(trials),
            losses={},
            validation={"loss": _log_loss(unseen[0], plan.class_ids)},
            scores={"accuracy": float((called == plan.class_ids).mean())},
            score=float((called == plan.class_ids).mean()),
            best=True,
            confusion=_confusion(plan.class_ids, called, len(plan.classes)),
        )
    )
    _show_mistakes(monitor, plan, unseen[0])


def tell_multi_label(
    monitor: Monitor,
    plan: Plan,
    recipe: Recipe,
    *,
    trials: Sequence[tuple[Mapping[str, Any], bool]],
    truth: tuple[NDArray[np.bool_], NDArray[np.bool_]],
    unseen: NDArray[np.float64],
) -> None:
    """Tell of a multi-label model, all from cross-validation, as `tell_classifier` does.

    Args:
        monitor: is told.
        plan: what is trained on what.
        recipe: how.
        trials: the candidates in numbers, each with whether it was chosen.
        truth: bool [pictures, classes], what is shown, of the first class damage where it means whole cars; and of what that is
            known.
        unseen: float64 [views, pictures, classes], calibrated out-of-fold probabilities.
    """
    if not monitor.wanted:
        return
    names = [one["name"] for one, chosen in trials if chosen]
    monitor.start(_run(plan, recipe, {"chosen": ", ".join(names), "views": len(unseen)}))
    for number, (one, _) in enumerate(trials, start=1):
        told = {name: one[name] for name in ("mean_average_precision", "macro_f1", "seconds")}
        monitor.scalars(number, {f"candidates/{name.replace('_', ' ')}": value for name, value in told.items()})
    rows = [
        f"| {one['name']}{' (chosen)' if chosen else ''} | {one['mean_average_precision']:.4f} | {one['macro_f1']:.4f} |"
        for one, chosen in trials
    ]
    head = ["| candidate | mean average precision | macro F1 |", "|---|---|---|"]
    monitor.note("candidates", "\n".join([*head, *rows]))
    shown, known = truth
    for score, name in enumerate(plan.classes):
        whole = name in plan.normal
        own = unseen[0][known[:, score], score]
        monitor.curve(0, "damage" if whole else name, shown[known[:, score], score], 1 - own if whole else own)


def tell_memory(
    monitor: Monitor,
    plan: Plan,
    recipe: Recipe,
    *,
    held_out: NDArray[np.float64],
    limit: float,
    told: Mapping[str, str | float],
) -> None:
    """Tell of anomaly detection: how far the normal pictures that were held out are from those that are remembered.

    Args:
        monitor: is told.
        plan: what is trained on what.
        recipe: how.
        held_out: float64 [pictures], distance of each.
        limit: distance from which a picture is called anomalous.
        told: what the card tells of the training.
    """
    if not monitor.wanted:
        return
    monitor.start(_run(plan, recipe, told))
    ranks = np.quantile(held_out, np.linspace(0, 1, _RANKS))
    for rank, distance in enumerate(ranks.tolist()):
        monitor.scalars(rank, {"normal pictures/distance by rank": distance, "normal pictures/limit": limit})
    strangest = np.argsort(-held_out)[:_MOST_PICTURES]
    monitor.pictures(0, "strangest normal pictures", _pixels([plan.train[number] for number in strangest]))


def _run(plan: Plan, recipe: Recipe, settings: Mapping[str, str | float]) -> RunFacts:
    labels = [label for picture in plan.train for label in picture.labels]
    return RunFacts(
        name=NAME,
        settings={"task": plan.task, "seed": recipe.seed, "folds": recipe.folds, "pictures": len(plan.train), **settings},
        classes=plan.classes,
        counts=tuple(labels.count(name) for name in plan.classes),
        threads=recipe.threads,
    )


def _table(trials: Sequence[Trial], chosen: Trial) -> str:
    """Markdown."""
    rows = [
        f"| {trial.candidate.name}{' (chosen)' if trial is chosen else ''} | {trial.accuracy[0]:.4f}"
        f" | {', '.join(f'{value:.4f}' for value in trial.accuracy[1:])} | {trial.seconds:.1f} |"
        for trial in trials
    ]
    return "\n".join(["| candidate | accuracy | on disturbed views | seconds |", "|---|---|---|---|", *rows])


def _log_loss(probabilities: NDArray[np.float64], class_ids: NDArray[np.int64]) -> float:
    own = np.take_along_axis(probabilities, class_ids[:, None], axis=1)
    return float(-np.log(np.clip(own, 1e-12, 1.0)).mean())


def _confusion(truth: NDArray[np.int64], called: NDArray[np.int64], classes: int) -> NDArray[np.int64]:
    """int64 [classes, classes], truth by prediction."""
    table = np.zeros((classes, classes), dtype=np.int64)
    np.add.at(table, (truth, called), 1)
    return table


def _show_mistakes(monitor: Monitor, plan: Plan, probabilities: NDArray[np.float64]) -> None:
    """The pictures that the models were surest to know otherwise, by what they are and what they were called."""
    called = probabilities.argmax(axis=1)
    wrong = np.flatnonzero(called != plan.class_ids)
    surest = wrong[np.argsort(-probabilities[wrong, called[wrong]])][:_MOST_PICTURES]
    groups: dict[str, list[Picture]] = defaultdict(list)
    for number in surest.tolist():
        truth, other = plan.classes[plan.class_ids[number]], plan.classes[called[number]]
        groups[f"mistakes/{truth} called {other}"].append(plan.train[number])
    for name, pictures in groups.items():
        monitor.pictures(0, name, _pixels(pictures))


def _pixels(pictures: Sequence[Picture]) -> list[NDArray[np.uint8]]:
    """The pictures, small; those that cannot be read any more are left out."""
    read = []
    for picture in pictures:
        try:
            read.append(read_picture(picture.sample.path, side=_PICTURE_SIDE).pixels)
        except PictureError:  # it could be read a moment ago, and is only wanted for show
            continue
    return read
