"""What reading and disturbing pictures costs a training: a step with its loader against the same step on batches in memory.

    python benchmarks/loader.py [--size lite0] [--batch 8] [--steps 12] [--masks]

Both take turns, epoch by epoch, so that whatever else the machine does is shared fairly.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import statistics
import tempfile
import time
from collections.abc import Iterable
from pathlib import Path

import torch
from PIL import Image

from walkaround.damage.kinds import DAMAGE_TYPES
from walkaround.damage.places import Place
from walkaround.datasets.drawn.car import draw_car
from walkaround.datasets.runs import runs_of
from walkaround.datasets.sample import Sample
from walkaround.models.network import cores
from walkaround.training.gradient.average import Average
from walkaround.training.gradient.batches import Batch
from walkaround.training.gradient.box_recipes import RECIPES
from walkaround.training.gradient.boxes import BoxLearner
from walkaround.training.gradient.decoded import Decoded
from walkaround.training.gradient.learner import Learner
from walkaround.training.gradient.loader import Loader
from walkaround.training.gradient.masks import MaskLearner, MaskRecipe
from walkaround.training.gradient.schedule import make_optimiser
from walkaround.training.plan import Picture


def cars(folder: Path, count: int) -> list[Picture]:
    """Drawn cars of 800 x 600 pixels with the places of their damage."""
    pictures = []
    for number in range(count):
        kinds = [DAMAGE_TYPES[number % len(DAMAGE_TYPES)], "scratch"]
        car = draw_car(number, damage=kinds, width=800, height=600)
        path = folder / f"{number}.jpg"
        Image.fromarray(car.pixels).save(path, quality=90)
        boxes = [(float(a), float(b), float(c), float(d)) for a, b, c, d in car.boxes]
        places = tuple(
            Place(label=kind, box=box, outline=runs_of(mask))
            for kind, box, mask in zip(car.kinds, boxes, car.masks, strict=True)
        )
        sample = Sample(path=path, label="anomaly", places=places)
        pictures.append(Picture(sample=sample, sha256=hashlib.sha256(path.read_bytes()).hexdigest(), group=number))
    return pictures


class Steps:
    """Training steps, as the loop does them."""

    def __init__(self, learner: Learner) -> None:
        self._learner = learner
        self._optimiser = make_optimiser(learner.network, RECIPES["lite0"].schedule(1000))
        self._average = Average(learner.network, 0.998)

    def seconds(self, batches: Iterable[Batch]) -> list[float]:
        """Seconds of each step, with the wait for its batch."""
        self._learner.network.train()
        taken, start = [], time.perf_counter()
        for batch in batches:
            losses = torch.stack(list(self._learner.loss(batch).values())).sum()
            torch.autograd.backward(losses)
            torch.nn.utils.clip_grad_norm_(self._learner.network.parameters(), 10.0)
            self._optimiser.step()
            self._optimiser.zero_grad(set_to_none=True)
            self._average.update(self._learner.network)
            taken.append(time.perf_counter() - start)
            start = time.perf_counter()
        return taken


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--size", default="lite0", help="of the network for boxes")
    parser.add_argument("--masks", action="store_true", help="the network for masks instead")
    parser.add_argument("--batch", type=int, default=8)
    parser.add_argument("--steps", type=int, default=12, help="of an epoch")
    parser.add_argument("--epochs", type=int, default=3)
    given = parser.parse_args()
    torch.set_num_threads(cores())
    recipe, masks = RECIPES[given.size], MaskRecipe()
    with tempfile.TemporaryDirectory(prefix="walkaround-loader-") as name:
        pictures = cars(Path(name), given.batch * given.steps)
        decoded = Decoded(
            pictures,
            classes=DAMAGE_TYPES,
            side=masks.side if given.masks else recipe.size.side,
            folder=Path(name),
            masks=given.masks,
            headroom=1.5 if given.masks else recipe.headroom,
        )
        augmentation = masks.augmentation if given.masks else recipe.augmentation
        loader = Loader(decoded, batch=given.batch, augmentation=augmentation, threads=cores())
        weights = torch.ones(len(DAMAGE_TYPES) + 1).numpy()
        learner: Learner = (
            MaskLearner(DAMAGE_TYPES, weights=weights, recipe=masks) if given.masks else BoxLearner(DAMAGE_TYPES, recipe)
        )
        start = time.perf_counter()
        in_memory = list(loader.epoch(0))
        decoding = time.perf_counter() - start
        start = time.perf_counter()
        for _ in loader.epoch(1):
            pass
        loading = time.perf_counter() - start
        steps = Steps(learner)
        steps.seconds(in_memory[:2])
        with_loader, without = [], []
        for epoch in range(given.epochs):
            without += steps.seconds(in_memory)
            with_loader += steps.seconds(loader.epoch(2 + epoch))
    alone, beside = (statistics.mean(times) for times in (without, with_loader))
    told = {
        "network": "masks" if given.masks else given.size,
        "cores": cores(),
        "batch": given.batch,
        "decode_ms_per_picture": round(1000 * decoding / len(pictures), 1),
        "loader_alone_ms_per_picture": round(1000 * loading / len(pictures), 1),
        "step_in_memory_seconds": round(alone, 3),
        "step_with_loader_seconds": round(beside, 3),
        "ratio": round(beside / alone, 3),
    }
    print(json.dumps(told))


if __name__ == "__main__":
    main()
