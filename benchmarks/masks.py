"""Mean intersection over union of masks on `car-parts` (18 parts) and `damage-types/masks` (7 types, severities folded).

python benchmarks/masks.py [--sets car-parts damage-types] [--seed 0] [--steps 1400] [--minutes 40] [--out FOLDER]

Four in five pictures are trained on, one in five is measured on, near-duplicates always on one side. The recipe, the best
checkpoint and the smallest area are chosen within the training pictures; the measured ones are looked at once, through the
exported package. With --out the packages and a checkpoint of the training stay there, and the same command goes on from it.
"""

from __future__ import annotations

import argparse
import hashlib
import tempfile
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from photos import data, show
from walkaround.datasets.reading import read_dataset
from walkaround.datasets.renaming import parse_renames, renamed
from walkaround.datasets.split import split_by_group
from walkaround.datasets.survey import survey
from walkaround.evaluation.mask_scores import MaskScores
from walkaround.evaluation.segment import measure_masks
from walkaround.inspection.detector import Detector
from walkaround.models.joined import joined
from walkaround.models.network import cores
from walkaround.models.package import Card, Package, write_package
from walkaround.training.gradient.masks import FittedMasks, MaskRecipe, fit_masks
from walkaround.training.plan import Picture
from walkaround.training.run import Run

TYPES = ("bumper_dent", "bumper_scratch", "door_dent", "door_scratch", "glass_shatter", "head_lamp", "tail_lamp")
SETS = {"car-parts": ("car-parts", ()), "damage-types": ("damage-types/masks", tuple(f"{name}_*={name}" for name in TYPES))}
"""Of each set the folder, and how its classes are folded."""


def pictures_of(name: str) -> tuple[list[Picture], tuple[str, ...]]:
    """The pictures that somebody drew on, and the classes."""
    folder, rules = SETS[name]
    dataset = renamed(read_dataset(data(folder)), parse_renames(rules))
    looked = survey(dataset)
    pictures = [
        Picture(sample=sample, sha256=fact.sha256, group=int(group), measures=fact.measures)
        for sample, fact, group in zip(looked.samples, looked.facts, looked.groups, strict=True)
        if sample.places is not None
    ]
    return pictures, dataset.place_classes


def parts_of(pictures: Sequence[Picture], *, seed: int) -> tuple[list[Picture], list[Picture]]:
    """Four in five to train on and one in five to measure on; each picture's rarest class is spread over both."""
    counts = Counter(place.label for picture in pictures for place in picture.sample.places or ())
    rarest = [
        min((place.label for place in picture.sample.places or ()), key=lambda label: (counts[label], label), default="")
        for picture in pictures
    ]
    groups = np.array([picture.group for picture in pictures], dtype=np.int64)
    parts = split_by_group(rarest, groups, fractions=[0.8, 0.2], seed=seed)
    train, test = ([p for p, part in zip(pictures, parts, strict=True) if part == number] for number in (0, 1))
    return train, test


def packaged(fitted: FittedMasks, path: Path) -> Package:
    """The part as a package of its own, which goes by the masks that it finds."""
    model = joined([fitted.model])
    card = Card(
        name=path.name,
        task="places",
        classes=("normal", "anomaly"),
        normal=("normal",),
        threshold=0.5,
        side=fitted.part.side,
        model_sha256=hashlib.sha256(model).hexdigest(),
        created="",
        walkaround="",
        training=fitted.told,
        masks=fitted.part,
    )
    return write_package(path, model, card)


def tell(name: str, scores: MaskScores, fitted: FittedMasks, seconds: float) -> None:
    """Print the tables."""
    told = fitted.told
    means = ("mean_iou", "mean_iou_with_background", "mean_aiou", "accuracy")
    show(
        f"{name}: {scores.n} pictures, after {told['steps']} steps on {told['pictures']} others, {seconds / 60:.1f} minutes",
        ["score", "value", "low", "high"],
        [(key, float(getattr(scores, key) or 0.0), *scores.intervals.get(key, ("", ""))) for key in means],
    )
    rows = [
        (label, one.support, *(value or 0.0 for value in (one.iou, one.aiou, one.pixels.f1, one.pictures.f1)), 100 * one.share)
        for label, one in scores.per_class.items()
    ]
    show("each class", ["class", "n", "IoU", "AIOU", "pixel F1", "picture F1", "% of pixels"], rows)
    show("recipe", ["setting", "value"], [(key, str(value)) for key, value in told["recipe"].items()])
    show("validation", ["epoch", "mean IoU"], [(line["epoch"], line["score"]) for line in told["history"]])


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("--sets", nargs="+", choices=SETS, default=list(SETS))
    arguments.add_argument("--seed", type=int, default=0)
    arguments.add_argument("--steps", type=int, default=MaskRecipe().steps)
    arguments.add_argument("--minutes", type=float, help="of a training, after which the best so far is taken")
    arguments.add_argument("--out", type=Path, help="folder in which packages and checkpoints stay")
    given = arguments.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        for name in given.sets:
            out = (given.out or Path(temporary)) / name
            out.mkdir(parents=True, exist_ok=True)
            pictures, classes = pictures_of(name)
            train, test = parts_of(pictures, seed=given.seed)
            began = time.monotonic()
            run = Run(
                folder=out,
                key=f"{name} {given.seed}",
                threads=cores(),
                deadline=None if given.minutes is None else began + 60 * given.minutes,
            )
            recipe = replace(MaskRecipe(), seed=given.seed, steps=given.steps)
            fitted = fit_masks(train, classes=classes, run=run, recipe=recipe)
            seconds = time.monotonic() - began
            detector = Detector(packaged(fitted, out / "package"))
            scores = measure_masks(detector.predict, [picture.sample for picture in test], classes=classes, seed=given.seed)
            tell(name, scores, fitted, seconds)


if __name__ == "__main__":
    main()
