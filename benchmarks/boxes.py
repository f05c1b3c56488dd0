"""Average precision of boxes on `damage-boxes` (train to val, scratch, dent and broken) and `damage-types` (split by picture).

python benchmarks/boxes.py [--sets damage-boxes damage-types] [--recipes lite0 sample-lite0] [--minutes 50] [--out FOLDER]
python benchmarks/boxes.py --speed

Trained and measured as `walkaround train` does it, near-duplicates always on one side; COCO's numbers of the exported package.
"sample-lite0" is the AWS sample's recipe as it stands, on the size that a processor can train. With --out the packages stay
there, and the same command goes on with a training that was interrupted.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from dataclasses import replace
from pathlib import Path

import numpy as np

from photos import data, show
from timing import milliseconds
from walkaround.evaluation.box_scores import AveragePrecisions, BoxScores
from walkaround.models.graph import Graph
from walkaround.models.names import BOX_CLASSES, BOX_PIXELS, BOX_SCORES, BOXES
from walkaround.models.network import Network
from walkaround.training.recipe import Part, Recipe
from walkaround.training.train import train

SETS = {
    "damage-boxes": (
        "damage-boxes/instances_train.json",
        "damage-boxes/instances_val.json",
        ("*-scratch=scratch", "*-dent=dent", "*-broken=broken"),
    ),
    "damage-types": ("damage-types/boxes", None, ()),
}
"""Of each set the labels to train on, those to measure on (None: a part is kept back), and how its classes are folded."""

RUNS = 40


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("--sets", nargs="+", choices=list(SETS), default=list(SETS))
    arguments.add_argument("--recipes", nargs="+", default=["lite0", "sample-lite0"])
    arguments.add_argument("--minutes", type=float, help="time for each training; as long as its recipe says where not given")
    arguments.add_argument("--seed", type=int, default=0)
    arguments.add_argument("--out", type=Path, help="folder of the packages and of what trainings keep")
    arguments.add_argument("--speed", action="store_true", help="measure the time of a picture, and train nothing")
    given = arguments.parse_args()
    if given.speed:
        measure_speed()
        return
    with tempfile.TemporaryDirectory() as temporary:
        out: Path = given.out or Path(temporary)
        for name in given.sets:
            for recipe in given.recipes:
                settings = Recipe(
                    seed=given.seed, minutes=given.minutes, cache=out / "cache", only=(Part.BOXES,), boxes_size=recipe
                )
                trained_and_measured(name, out / f"{name}-{recipe}", settings)


def trained_and_measured(name: str, package: Path, recipe: Recipe) -> None:
    """Train on one set with one recipe, and print what came of it."""
    labels, test, renames = SETS[name]
    began = time.monotonic()
    trained = train(
        data(labels),
        out=package,
        test=None if test is None else data(test),
        recipe=replace(recipe, rename=renames),
        progress=lambda what, done, total: told(what, done, total, began),
    )
    scores = None if trained.evaluation is None or trained.evaluation.places is None else trained.evaluation.places.boxes
    if scores is None:
        raise SystemExit(f"{name}: no picture could be measured.")
    facts = trained.package.card.training["boxes"]
    show_scores(f"{name}, {recipe.boxes_size}: {scores.n} pictures, {facts['steps']} steps, {facts['seconds']:.0f} s", scores)


def told(what: str, done: int, total: int, began: float) -> None:
    """One line now and then."""
    if done % 100 == 0 or done == total:
        print(f"{time.monotonic() - began:6.0f} s  {what}: {done} of {total}", flush=True)


def show_scores(title: str, scores: BoxScores) -> None:
    """COCO's numbers of all classes and of each."""
    low, high = scores.intervals.get("ap50", (float("nan"), float("nan")))
    rows = [(f"all, AP50 {low:.3f} to {high:.3f}", *numbers(scores.average), scores.told.f1 or 0.0, scores.told.there)]
    rows += [(name, *numbers(one.average), one.told.f1 or 0.0, one.told.there) for name, one in scores.per_class.items()]
    show(title, ["class", "AP", "AP50", "AP75", "small", "medium", "large", "F1 as told", "boxes"], rows)


def numbers(average: AveragePrecisions) -> list[float | str]:
    """AP, AP50, AP75, and AP by size of the box."""
    values = (average.ap, average.ap50, average.ap75, average.ap_small, average.ap_medium, average.ap_large)
    return ["" if value is None else value for value in values]


def measure_speed() -> None:
    """The time of a picture, with decoding and suppression, over that of the backbone alone; one thread, in turns."""
    from walkaround.models.gradient.efficientdet import EfficientDet
    from walkaround.models.gradient.export import write_detector
    from walkaround.training.gradient.box_recipes import RECIPES

    size = RECIPES["lite0"].size
    pixels = np.random.default_rng(0).integers(0, 256, (1, 3, size.side, size.side)).astype(np.float32)
    backbone = Network(Graph().finish({"stride32": [320, size.side // 32, size.side // 32]}))
    detector = Network(write_detector(EfficientDet(size, 3).eval()), parts=[BOX_PIXELS])
    alone, whole = milliseconds(
        [
            lambda: backbone.run(pixels, ["stride32"]),
            lambda: detector.run(pixels, [BOXES, BOX_SCORES, BOX_CLASSES], part=BOX_PIXELS),
        ],
        runs=RUNS,
    )
    columns = ["side", "backbone", "with boxes", "ratio"]
    show("lite0, a picture, one thread, milliseconds", columns, [(str(size.side), alone, whole, whole / alone)])


if __name__ == "__main__":
    main()
