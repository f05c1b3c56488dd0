"""Few, simple pictures, `inspection-aliens`: anomaly detection from normal pictures alone, and training on both kinds.

    python benchmarks/inspection_aliens.py [--splits 5] [--folds 5]

From normal pictures alone: for each seed two thirds of the normal pictures, by duplicate group, make a package exactly as
`walkaround train` does; the other third and all anomalous ones are measured. Given are the mean over the seeds and its 95 %
interval; as the splits share pictures, its width is corrected after Nadeau and Bengio (2003), Inference for the generalization
error, Machine Learning 52, 239-281. From both kinds: folds by duplicate group, all held-out pictures pooled.
"""

from __future__ import annotations

import argparse
import tempfile
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from scipy.stats import t as student
from sklearn.metrics import roc_auc_score

from photos import data, folds, link, show
from walkaround.datasets.reading import read_dataset
from walkaround.datasets.sample import Sample
from walkaround.datasets.split import split_by_group
from walkaround.datasets.survey import survey
from walkaround.evaluation.intervals import ranking_intervals, wilson
from walkaround.evaluation.measure import Evaluation
from walkaround.training.recipe import Recipe
from walkaround.training.train import train

TRAINED_SHARE = 2 / 3


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("--splits", type=int, default=5)
    arguments.add_argument("--folds", type=int, default=5)
    given = arguments.parse_args()
    columns = ["trained on", "measured on", "score", "value", "low", "high"]
    with tempfile.TemporaryDirectory() as temporary:
        work = Path(temporary)
        show("inspection-aliens, normal pictures alone", columns, from_normal(given.splits, work))
        show("inspection-aliens, both kinds", columns, from_both(given.folds, work))


def from_normal(splits: int, work: Path) -> list[list[object]]:
    """Scores of memories of normal pictures, the mean over the splits."""
    values: dict[str, list[float]] = {"accuracy": [], "AUROC": [], "normal called normal": [], "anomalous found": []}
    for seed in range(splits):
        inside, outside = normal_split(seed)
        truth, said, damage = answers(measured(inside, outside, seed=seed, work=work))
        each = ((said == truth).mean(), roc_auc_score(truth, damage), (~said[~truth]).mean(), said[truth].mean())
        for scores, value in zip(values.values(), each, strict=True):
            scores.append(float(value))
        print(f"seed {seed}: accuracy {each[0]:.4f}, AUROC {each[1]:.4f}", flush=True)
    sizes = f"{len(inside)} normal", f"{(~truth).sum()} normal, {truth.sum()} anomalous"
    return [[*sizes, name, *mean_interval(scores, len(outside) / len(inside))] for name, scores in values.items()]


def normal_split(seed: int) -> tuple[list[Sample], list[Sample]]:
    """Normal pictures to train on; the other normal ones and all anomalous ones to measure on."""
    looked = survey(read_dataset(data("inspection-aliens")))
    normal = [index for index, sample in enumerate(looked.samples) if sample.label == "normal"]
    parts = split_by_group(
        ["normal"] * len(normal), looked.groups[normal], fractions=[TRAINED_SHARE, 1 - TRAINED_SHARE], seed=seed
    )
    chosen = {index for index, part in zip(normal, parts, strict=True) if part == 0}
    inside = [sample for index, sample in enumerate(looked.samples) if index in chosen]
    return inside, [sample for index, sample in enumerate(looked.samples) if index not in chosen]


def from_both(count: int, work: Path) -> list[list[object]]:
    """Scores of classifiers trained on both kinds; every picture is held out once."""
    parts = []
    for number, (inside, outside) in enumerate(folds(data("inspection-aliens"), count=count, seed=0)):
        parts.append(answers(measured(inside, outside, seed=0, work=work)))
        print(f"fold {number}: accuracy {(parts[-1][0] == parts[-1][1]).mean():.4f}", flush=True)
    truth, said, damage = (np.concatenate(part) for part in zip(*parts, strict=True))
    hits = int((said == truth).sum())
    auroc = ranking_intervals(truth, damage, seed=0).auroc
    sizes = f"{len(inside)} of both", f"{(~truth).sum()} normal, {truth.sum()} anomalous"
    return [
        [*sizes, "accuracy", hits / len(truth), *wilson(hits, len(truth))],
        [*sizes, "AUROC, pooled", float(roc_auc_score(truth, damage)), *auroc],
    ]


def measured(inside: Sequence[Sample], outside: Sequence[Sample], *, seed: int, work: Path) -> Evaluation:
    """Scores of a package trained on some pictures, on others."""
    test = link(outside, work / "test")
    trained = train(link(inside, work / "train"), out=work / "package", test=test, recipe=Recipe(seed=seed))
    if trained.evaluation is None:
        raise SystemExit("The pictures that were kept back could not be measured.")
    return trained.evaluation


def answers(evaluation: Evaluation) -> tuple[NDArray[np.bool_], NDArray[np.bool_], NDArray[np.float64]]:
    """Of each picture: whether it is anomalous, whether it was called so, and the probability of damage."""
    return (
        np.array([row.truth == "anomaly" for row in evaluation.rows]),
        np.array([row.findings.anomalous for row in evaluation.rows]),
        np.array([row.findings.damage for row in evaluation.rows]),
    )


def mean_interval(values: Sequence[float], ratio: float) -> tuple[float, float, float]:
    """Mean and 95 % interval over splits with `ratio` measured pictures for each trained one."""
    count, mean = len(values), float(np.mean(values))
    half = float(student.ppf(0.975, count - 1) * np.sqrt(np.var(values, ddof=1) * (1 / count + ratio)))
    return mean, max(0.0, mean - half), min(1.0, mean + half)


if __name__ == "__main__":
    main()
