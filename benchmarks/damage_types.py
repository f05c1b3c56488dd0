"""Which damage: eight classes of `damage-types`, trained on its training split and measured on its validation split.

python benchmarks/damage_types.py [--seed 0]
"""

from __future__ import annotations

import argparse
import csv
import tempfile
from pathlib import Path

from photos import data, show
from walkaround.training.recipe import Recipe
from walkaround.training.train import train


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--seed", type=int, default=0)
    seed = arguments.parse_args().seed
    folder = data("damage-types")
    with tempfile.TemporaryDirectory() as temporary:
        work = Path(temporary)
        with (folder / "labels.csv").open() as file:
            lines = [(str(folder.resolve() / row["image"]), row["label"], row["split"]) for row in csv.DictReader(file)]
        for split in ("train", "val"):
            with (work / f"{split}.csv").open("w", newline="") as file:
                writer = csv.writer(file)
                writer.writerows([("image", "label"), *((image, label) for image, label, part in lines if part == split)])
        trained = train(work / "train.csv", out=work / "package", test=work / "val.csv", recipe=Recipe(seed=seed))
        if trained.evaluation is None:
            raise SystemExit("The validation pictures could not be measured.")
        scores = trained.evaluation.scores
        names = ("accuracy", "macro_f1", "damage_accuracy", "auroc")
        show(
            f"damage-types, train to val, {scores.n} pictures ({trained.package.card.training['chosen']})",
            ["score", "value", "low", "high"],
            [(name, float(getattr(scores, name)), *scores.intervals.get(name, ("", ""))) for name in names],
        )
        show(
            "each class",
            ["class", "n", "precision", "recall", "F1"],
            [
                (name, one.support, one.precision or 0.0, one.recall or 0.0, one.f1 or 0.0)
                for name, one in scores.per_class.items()
            ],
        )


if __name__ == "__main__":
    main()
