"""Several damage types on one picture: a multi-label model beside the model that names one, on the same kept-back pictures.

Pictures of `damage-boxes`, whose boxes say which of dent, scratch and broken they show, severities folded; a third is kept back
by duplicate group. The single-label model is taken as it is: it learns from the damage type that covers most of each picture,
its probabilities rank the pictures, and the damage type that it names is the one that it tells of.

python benchmarks/multi_label.py [--seed 0] [--pictures 0] [--views 3]
"""

from __future__ import annotations

import argparse
import json
import tempfile
from collections import Counter
from dataclasses import replace
from pathlib import Path

import numpy as np

from photos import data, show
from walkaround.damage.findings import Findings
from walkaround.damage.kinds import means_normal
from walkaround.datasets.gathering import gathered
from walkaround.datasets.reading import read_dataset
from walkaround.datasets.renaming import parse_renames, renamed
from walkaround.datasets.sample import Sample
from walkaround.datasets.split import split_by_group
from walkaround.datasets.survey import survey
from walkaround.evaluation.kind_scores import KindEvaluation, score_kinds
from walkaround.inspection.detector import Detector
from walkaround.training.recipe import Part, Recipe
from walkaround.training.train import train

_KEPT_BACK = 1 / 3
_FOLDED = ("*-dent=dent", "*-scratch=scratch", "*-broken=broken")


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--seed", type=int, default=0)
    arguments.add_argument("--pictures", type=int, default=0, help="Of each damage type set, at most so many; 0: all.")
    arguments.add_argument("--views", type=int, default=3)
    chosen = arguments.parse_args()
    samples = _samples(chosen.seed, chosen.pictures)
    counts = Counter("; ".join(sample.labels) for sample in samples)
    show("damage-boxes, severities folded", ["labels", "pictures"], counts.most_common())
    recipe = Recipe(seed=chosen.seed, views=chosen.views, only=(Part.VERDICT,))
    rows: list[tuple[object, ...]] = []
    of_kinds: list[tuple[object, ...]] = []
    for name, one in (("multi-label", False), ("single-label", True)):
        measured, how = _measured(samples, recipe, one=one)
        for score in ("macro_f1", "micro_f1", "mean_average_precision", "subset_accuracy"):
            value = getattr(measured, score)
            rows.append((name, score, value, *measured.intervals[score]))
        of_kinds += [
            (name, kind, own.support, own.precision or 0.0, own.recall or 0.0, own.f1 or 0.0, own.average_precision or 0.0)
            for kind, own in measured.per_class.items()
        ]
        print(f"{name}: {how}, measured on {measured.n} pictures")
    show("over all damage types", ["model", "score", "value", "low", "high"], rows)
    show("each damage type", ["model", "damage type", "n", "precision", "recall", "F1", "AP"], of_kinds)


def _samples(seed: int, at_most: int) -> list[Sample]:
    """The pictures with the damage types that their boxes name, a part of them marked as test pictures."""
    parts = [read_dataset(data("damage-boxes") / f"instances_{part}.json", skip_bad_labels=True) for part in ("train", "val")]
    joined = replace(parts[0], samples=tuple(replace(sample, split=None) for part in parts for sample in part.samples))
    looked = survey(gathered(renamed(joined, parse_renames(_FOLDED)), means_normal))
    named = [number for number, sample in enumerate(looked.samples) if sample.labels != ("normal",)]
    if at_most:
        met: Counter[tuple[str, ...]] = Counter()
        few = []
        for number in np.random.default_rng(seed).permutation(named).tolist():
            met[looked.samples[number].labels] += 1
            few += [number] if met[looked.samples[number].labels] <= at_most else []
        named = sorted(few)
    samples = [looked.samples[number] for number in named]
    in_test = split_by_group(
        [sample.labels for sample in samples], looked.groups[named], fractions=[1 - _KEPT_BACK, _KEPT_BACK], seed=seed
    )
    return [replace(one, split="test" if test else "train") for one, test in zip(samples, in_test.tolist(), strict=True)]


def _measured(samples: list[Sample], recipe: Recipe, *, one: bool) -> tuple[KindEvaluation, str]:
    """A model trained on the training part, and its scores on the test part."""
    kinds = sorted({label for sample in samples for label in sample.labels})
    test = [sample for sample in samples if sample.split == "test"]
    with tempfile.TemporaryDirectory() as folder:
        work = Path(folder)
        lines = [
            {"image": str(sample.path.resolve()), "labels": [_largest(sample)] if one else sample.labels, "split": sample.split}
            for sample in samples
        ]
        (work / "all.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
        trained = train(work / "all.jsonl", out=work / "package", recipe=recipe)
        detector = Detector(trained.package)
        found = [answer for answer in detector.predict([sample.path for sample in test]) if isinstance(answer, Findings)]
    if len(found) < len(test):
        raise SystemExit("Some of the test pictures could not be read.")
    if one:
        found = [replace(answer, kinds={answer.label: answer.probabilities[answer.label]}) for answer in found]
    limits = trained.package.card.kind_thresholds or dict.fromkeys(kinds, 0.0)
    measured = score_kinds([sample.labels for sample in test], found, thresholds=limits, normal=(), seed=recipe.seed)
    if measured is None:
        raise SystemExit("No test picture shows a damage type that the model knows.")
    return measured, str(trained.package.card.training["chosen"])


def _largest(sample: Sample) -> str:
    """The damage type whose boxes have the largest area together."""
    areas: Counter[str] = Counter()
    for place in sample.places or ():
        if place.box is not None:
            areas[place.label] += round((place.box[2] - place.box[0]) * (place.box[3] - place.box[1]))
    return max(sample.labels, key=lambda label: areas[label])


if __name__ == "__main__":
    main()
