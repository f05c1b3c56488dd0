"""Damaged or whole on photos: five folds by duplicate group, at the product's own threshold, and on photos of other sources.

    python benchmarks/car_damage.py [--folds 5] [--only N]

Each fold trains a package exactly as `walkaround train` does, on the other folds; the held-out pictures are measured as they
are, and again after all are brought to one size and one JPEG quality. The package of the last fold is measured on two other
sources: whole cars of `car-parts`, damaged ones of `damage-boxes` (boxes over at least a twentieth of the picture) and
`damage-types`.
"""

from __future__ import annotations

import argparse
import csv
import json
import tempfile
from pathlib import Path

import numpy as np
from sklearn.metrics import roc_auc_score

from photos import data, equalised, folds, link, show
from walkaround.damage.findings import Findings
from walkaround.evaluation.measure import Evaluation
from walkaround.inspection.detector import Detector
from walkaround.training.evaluate import evaluate
from walkaround.training.recipe import Recipe
from walkaround.training.train import train


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--folds", type=int, default=5)
    arguments.add_argument("--only", type=int, default=None, help="measure this many of the folds")
    arguments.add_argument("--seed", type=int, default=0)
    given = arguments.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        work = Path(temporary)
        plain, equal, detector = [], [], None
        for number, (inside, outside) in enumerate(folds(data("car-damage"), count=given.folds, seed=given.seed)[: given.only]):
            test = link(outside, work / "test")
            trained = train(link(inside, work / "train"), out=work / "package", test=test, recipe=Recipe(seed=given.seed))
            detector = Detector(trained.package)
            plain.append(evaluate(detector, test))
            equal.append(evaluate(detector, equalised(outside, work / "equal")))
            told = trained.package.card.training
            print(f"fold {number}: {told['chosen']}, {told['seconds']:.0f} s, threshold {detector.threshold:.3f}", flush=True)
        show(
            f"car-damage, {len(plain)} of {given.folds} folds by duplicate group, at the product's own threshold",
            ["pictures", "n", "accuracy", "precision", "recall", "AUROC", "calibration error"],
            [pooled("as they are", plain), pooled("one size, one quality", equal)],
        )
        if detector is not None:
            strangers(detector)


def pooled(name: str, evaluations: list[Evaluation]) -> list[object]:
    """Scores over the pictures of all folds together; the AUROC is the mean of the folds'."""
    rows = [row for evaluation in evaluations for row in evaluation.rows]
    truth = np.array([row.truth not in evaluations[0].normal for row in rows])
    said = np.array([row.findings.anomalous for row in rows])
    aurocs = [evaluation.scores.auroc or 0.0 for evaluation in evaluations]
    errors = [evaluation.scores.calibration_error or 0.0 for evaluation in evaluations]
    return [
        name,
        len(rows),
        float((truth == said).mean()),
        float(truth[said].mean()),
        float(said[truth].mean()),
        float(np.mean(aurocs)),
        float(np.mean(errors)),
    ]


def strangers(detector: Detector) -> None:
    """Verdicts on photos of sources that no training picture came from."""
    whole = sorted(data("car-parts").glob("JPEGImages/*"))
    sources = {"damage-boxes": damaged_boxes(), "damage-types": damaged_types()}
    whole_scores = scores(detector, whole)
    rows = []
    for name, paths in sources.items():
        found = scores(detector, paths)
        right = (np.mean(whole_scores < detector.threshold) + np.mean(found >= detector.threshold)) / 2
        auroc = roc_auc_score([0] * len(whole_scores) + [1] * len(found), np.r_[whole_scores, found])
        rows.append(
            [
                f"car-parts (whole) and {name}",
                f"{len(whole_scores)}+{len(found)}",
                float(right),
                float(np.mean(whole_scores < detector.threshold)),
                float(np.mean(found >= detector.threshold)),
                float(auroc),
            ]
        )
    show(
        "photos of other sources, same package, same threshold",
        ["sources", "n", "balanced accuracy", "whole right", "damaged found", "AUROC"],
        rows,
    )


def scores(detector: Detector, paths: list[Path]) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
    return np.array([answer.damage for answer in detector.predict(paths) if isinstance(answer, Findings)])


def damaged_boxes() -> list[Path]:
    """Pictures whose damage boxes cover at least a twentieth of them."""
    found = []
    for name in ("instances_train.json", "instances_val.json"):
        content = json.loads((data("damage-boxes") / name).read_text())
        area: dict[int, float] = {}
        for one in content["annotations"]:
            area[one["image_id"]] = area.get(one["image_id"], 0.0) + one["bbox"][2] * one["bbox"][3]
        found += [
            data("damage-boxes") / "images" / image["file_name"]
            for image in content["images"]
            if area.get(image["id"], 0.0) >= 0.05 * image["width"] * image["height"]
        ]
    return found


def damaged_types() -> list[Path]:
    with (data("damage-types") / "labels.csv").open() as file:
        return [data("damage-types") / row["image"] for row in csv.DictReader(file) if row["label"] != "unknown"]


if __name__ == "__main__":
    main()
