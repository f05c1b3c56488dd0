"""What fine-tuning adds to the fast model, on pictures neither has learnt from: `car-damage` by folds, `damage-types` on val.

    python benchmarks/fine_tuning.py car-damage [--folds 0 1] [--minutes 20] [--strangers] [--work FOLDER]

An interrupted run goes on where it was with the same --work. Accuracy is at score 0, or by the highest score; "disturbed" is
its mean over the further views. With two folds or more, "threshold" is the accuracy at the one with the fewest errors on the
other folds.
"""

from __future__ import annotations

import argparse
import csv
import time
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.metrics import f1_score, roc_auc_score

from car_damage import damaged_boxes, damaged_types
from photos import data, show
from walkaround.datasets.reading import read_dataset
from walkaround.datasets.split import folds_by_group
from walkaround.datasets.survey import Survey, survey
from walkaround.evaluation.intervals import wilson
from walkaround.evaluation.thresholds import best_accuracy
from walkaround.models.classify import write_features
from walkaround.models.names import FEATURES
from walkaround.models.network import Network, cores
from walkaround.training.choose import CANDIDATES, compare, labels_of
from walkaround.training.features import network_reader, rows_of
from walkaround.training.fitting import read_coordinates, silent
from walkaround.training.gradient.decoded import Decoded
from walkaround.training.gradient.finetune import HEADS, Fit, TuneRecipe, scores_of
from walkaround.training.plan import Picture
from walkaround.training.recipe import Recipe
from walkaround.training.run import Run
from walkaround.training.tuning import Tunable, TunedNetwork

Scores = NDArray[np.float32]


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("pictures", choices=["car-damage", "damage-types"])
    arguments.add_argument("--folds", type=int, nargs="*", default=[0])
    arguments.add_argument("--minutes", type=float, default=None, help="for each fold")
    arguments.add_argument("--epochs", type=int, default=TuneRecipe.epochs)
    arguments.add_argument("--rate", type=float, default=TuneRecipe.rate)
    arguments.add_argument("--side", type=int, default=TuneRecipe.side)
    arguments.add_argument("--frozen", type=int, default=TuneRecipe.frozen)
    arguments.add_argument("--mixing", type=float, default=TuneRecipe.mixing)
    arguments.add_argument("--threads", type=int, default=cores())
    arguments.add_argument("--strangers", action="store_true", help="measure the first fold's networks on other sources")
    arguments.add_argument("--work", type=Path, default=Path("fine-tuning"))
    given = arguments.parse_args()
    recipe = TuneRecipe(epochs=given.epochs, rate=given.rate, side=given.side, frozen=given.frozen, mixing=given.mixing)
    task = task_of(given.pictures, threads=given.threads)
    decoded = Decoded(task.pictures, classes=(), side=recipe.side, folder=given.work)
    fit = Fit(task=task, decoded=decoded, seed=0, recipe=recipe)
    rows, found = [], {}
    for fold in given.folds:
        began = time.monotonic()
        limit = None if given.minutes is None else began + 60 * given.minutes
        run = Run(folder=given.work, key=str(recipe), threads=given.threads, deadline=limit, progress=partial(tell, [began]))
        network = fit(task.folds != fold, f"{given.pictures}-{fold}", run)
        if network is None:
            raise SystemExit("There was no time for one look at each picture; give more --minutes.")
        outside = task.folds == fold
        found[fold] = scores_of(network, task, outside, threads=given.threads)
        minutes = (time.monotonic() - began) / 60
        for name, scores in zip(NAMES, (task.fast.scores[:, outside], *found[fold]), strict=True):
            rows.append([f"fold {fold}, {name}", *measured(scores, task.class_ids[outside]), round(minutes, 1)])
        show(f"{given.pictures}, {recipe}", COLUMNS, rows)
        if given.strangers and fold == given.folds[0] and given.pictures == "car-damage":
            strangers(network, task)
    if len(found) > 1:
        together(task, found)


NAMES = ["fast", *(head.name for head in HEADS)]
COLUMNS = ["network", "pictures", "accuracy", "low", "high", "AUROC or macro F1", "disturbed", "minutes"]


def tell(last: list[float], stage: str, done: int, total: int) -> None:
    """A line a minute."""
    if time.monotonic() - last[0] > 60:
        last[0] = time.monotonic()
        print(f"{time.strftime('%H:%M:%S')} {stage}: {done} of {total}", flush=True)


def task_of(name: str, *, threads: int) -> Tunable:
    """The pictures with the fast model's out-of-fold scores; of `damage-types`, fold 0 is the validation split."""
    if name == "car-damage":
        looked = survey(read_dataset(data(name)))
        labels = [sample.label or "" for sample in looked.samples]
        folds = folds_by_group(labels, looked.groups, folds=5, seed=0)
    else:
        looked, folds = damage_types()
    pictures = tuple(
        Picture(sample=sample, sha256=fact.sha256, group=int(group))
        for sample, fact, group in zip(looked.samples, looked.facts, looked.groups, strict=True)
    )
    classes = tuple(sorted({picture.label for picture in pictures}, key=lambda label: (label != "normal", label)))
    ids = np.array([classes.index(picture.label) for picture in pictures], dtype=np.int64)
    projection, views = read_coordinates(pictures, Recipe(), threads=threads, progress=silent)
    [fast] = compare(views, ids, folds, candidates=CANDIDATES[:1])
    return Tunable(
        pictures=pictures, classes=classes, class_ids=ids, folds=folds, projection=projection, views=views, fast=fast
    )


def damage_types() -> tuple[Survey, NDArray[np.int64]]:
    folder = data("damage-types")
    with (folder / "labels.csv").open() as file:
        parts = {(folder / row["image"]).resolve(): row["split"] for row in csv.DictReader(file)}
    looked = survey(read_dataset(folder / "labels.csv"))
    return looked, np.array([int(parts[sample.path.resolve()] == "train") for sample in looked.samples], dtype=np.int64)


def measured(scores: Scores, ids: NDArray[np.int64]) -> list[object]:
    """Of scores [views, pictures, scores]: the columns after the name."""
    called = labels_of(scores[0])
    right = int((called == ids).sum())
    low, high = wilson(right, len(ids))
    rank = roc_auc_score(ids, scores[0][:, 0]) if scores.shape[2] == 1 else f1_score(ids, called, average="macro")
    disturbed = float(np.mean([(labels_of(view) == ids).mean() for view in scores[1:]]))
    return [len(ids), right / len(ids), low, high, float(rank), disturbed]


def together(task: Tunable, found: dict[int, Scores]) -> None:
    """All measured folds at each one's threshold from the others, for two classes."""
    inside = np.isin(task.folds, list(found))
    tuned = np.stack([np.zeros_like(task.fast.scores)] * len(HEADS))
    for fold, part in found.items():
        tuned[:, :, task.folds == fold] = part
    rows = []
    for name, scores in zip(NAMES, (task.fast.scores, *tuned), strict=True):
        right = np.zeros(len(task.folds), dtype=np.bool_)
        for fold in found if scores.shape[2] == 1 else ():
            others, own = inside & (task.folds != fold), task.folds == fold
            damaged = np.tile(task.class_ids[others] == 1, len(scores))
            threshold = best_accuracy(damaged, squashed(scores[:, others, 0]).ravel())
            right[own] = (squashed(scores[0, own, 0]) >= threshold) == (task.class_ids[own] == 1)
        at_threshold = float(right[inside].mean()) if scores.shape[2] == 1 else "-"
        rows.append([name, *measured(scores[:, inside], task.class_ids[inside]), at_threshold])
    show("all folds", [*COLUMNS[:-1], "threshold"], rows)


def squashed(scores: Scores) -> NDArray[np.float64]:
    return 1 / (1 + np.exp(-scores.astype(np.float64)))


def strangers(network: TunedNetwork, task: Tunable) -> None:
    """Photos of sources that no training picture came from, by the shipped and by the fine-tuned network, at score 0."""
    inside = task.folds != 0
    fast = CANDIDATES[0].fit(
        np.concatenate([view[inside] for view in task.views]), np.tile(task.class_ids[inside], len(task.views))
    )
    sources = {
        "whole": sorted(data("car-parts").glob("JPEGImages/*")),
        "boxes": damaged_boxes(),
        "types": damaged_types(),
    }
    rows: list[list[object]] = []
    for name, backbone, head in (("fast", None, fast), ("fine-tuned", network.backbone, network.head)):
        reader = network_reader(Network(write_features(backbone)), FEATURES)

        def score(path: Path, reader: Any = reader, head: Any = head) -> float:
            row = rows_of(path, "0" * 12, range(1), reader)
            return float(head.scores(task.projection.coordinates(row))[0, 0])

        with ThreadPoolExecutor(2) as pool:
            found = {source: np.array(list(pool.map(score, paths))) for source, paths in sources.items()}
        whole = found["whole"]
        row: list[object] = [name, float((whole <= 0).mean())]
        for source in ("boxes", "types"):
            truth = np.r_[np.zeros(len(whole)), np.ones(len(found[source]))]
            row += [float((found[source] > 0).mean()), float(roc_auc_score(truth, np.r_[whole, found[source]]))]
        rows.append(row)
    show("strangers, at score 0", ["network", "whole right", "boxes found", "AUROC", "types found", "AUROC"], rows)


if __name__ == "__main__":
    main()
