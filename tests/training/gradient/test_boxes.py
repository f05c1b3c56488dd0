"""Boxes are learnt from few painted pictures, on a network as small as can be."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from walkaround.errors import InputError, TrainingError
from walkaround.inspection.tiles import search
from walkaround.media.pictures import read_picture
from walkaround.models.gradient.sizes import SIZES, AnchorShapes, Size
from walkaround.models.names import BOX_PIXELS
from walkaround.models.network import Network
from walkaround.training.gradient.augment import Augmentation
from walkaround.training.gradient.box_recipes import RECIPES, BoxRecipe
from walkaround.training.gradient.boxes import fit_boxes, how_often
from walkaround.training.gradient.decoded import Decoded
from walkaround.training.gradient.loader import Loader
from walkaround.training.monitor import Monitor
from walkaround.training.plan import Picture
from walkaround.training.run import Run

Painter = Callable[[int], list[Picture]]
CLASSES = ("dent", "scratch")
TINY = BoxRecipe(
    size=Size(side=64, channels=16, fusions=1, layers=1, anchors=AnchorShapes(scale=2.0, octaves=2, ratios=(1.0, 4.0))),
    steps=160,
    batch=4,
    rate=1e-2,
    frozen=5,
    headroom=1.0,
    overlap=0.0,
    validation_share=0.3,
    augmentation=Augmentation(mosaic=0.0, zoom=(0.9, 1.1), compress=0.0, blur=0.0),
)


class Listener(Monitor):
    """Remembers what it was shown."""

    def __init__(self) -> None:
        self.shown: list[NDArray[np.uint8]] = []
        self.curves: dict[str, tuple[NDArray[np.bool_], NDArray[np.float64]]] = {}

    def pictures(self, step: int, name: str, pictures: Sequence[NDArray[np.uint8]]) -> None:
        self.shown += pictures

    def curve(self, step: int, name: str, truth: NDArray[np.bool_], scores: NDArray[np.float64]) -> None:
        self.curves[name] = (truth, scores)


def test_painted_damage_is_found_and_told_apart(painted: Painter, tmp_path: Path) -> None:
    pictures, monitor = painted(20), Listener()
    run = Run(folder=tmp_path / "run", threads=1, monitor=monitor)
    fitted = fit_boxes(pictures, classes=CLASSES, recipe=TINY, run=run)
    assert fitted.part.classes == CLASSES
    assert fitted.part.side == 64
    assert fitted.told["searched"]["overlap 0"] > 0.6
    assert min(fitted.told["found_f1"].values()) > 0.6
    network = Network(fitted.model, parts=[BOX_PIXELS])
    found = search(network, read_picture(pictures[0].sample.path).pixels, fitted.part)
    [place] = pictures[0].sample.places or ()
    box = np.array(place.box) / [96, 64, 96, 64]
    assert found.class_ids[0] == 0
    assert np.abs(found.boxes[0] - box).max() < 0.1
    assert found.scores[0] > fitted.part.thresholds[0]
    assert monitor.shown[0].shape == (64, 192, 3)
    assert [name for name, (truth, scores) in monitor.curves.items() if len(truth) == len(scores)] == [
        "boxes/dent",
        "boxes/scratch",
    ]


@pytest.mark.parametrize("change", [lambda picture: None, lambda picture: ()], ids=["nobody drew", "nothing to draw"])
def test_pictures_without_boxes_alone_are_refused(
    painted: Painter, tmp_path: Path, change: Callable[[Picture], tuple[()] | None]
) -> None:
    bare = [replace(one, sample=replace(one.sample, places=change(one))) for one in painted(8)]
    with pytest.raises(TrainingError, match=r"at least 5 different pictures of each class.*dent in 0"):
        fit_boxes(bare, classes=CLASSES, recipe=TINY, run=Run(folder=tmp_path))


def test_weights_that_do_not_fit_are_refused_before_any_training(painted: Painter, tmp_path: Path) -> None:
    torch.save({"other": torch.zeros(2, 2)}, tmp_path / "other.pt")
    with pytest.raises(InputError, match="fits the network"):
        fit_boxes(painted(12), classes=CLASSES, recipe=TINY, run=Run(folder=tmp_path), weights=tmp_path / "other.pt")


def test_pictures_of_rare_classes_come_more_often(painted: Painter, tmp_path: Path) -> None:
    pictures = [picture for number, picture in enumerate(painted(24)) if number % 2 or number < 8]
    often = how_often(pictures, CLASSES, 0.8)
    assert [round(one, 3) for one in often[:2]] == [1.789, 1.033]
    decoded = Decoded(pictures, classes=CLASSES, side=32, folder=tmp_path, headroom=1.0)
    loader = Loader(decoded, batch=4, augmentation=Augmentation(mosaic=0.0), often=often, threads=1)
    seen = Counter(index for epoch in range(40) for batch in loader.epoch(epoch) for index in batch.indices)
    assert len(loader) == 5
    assert seen[0] / 40 == pytest.approx(1.789, rel=0.2)
    assert seen[1] / 40 == pytest.approx(1.033, rel=0.2)


def test_what_is_too_rare_to_be_learnt_does_not_bring_a_picture_back(painted: Painter) -> None:
    """One picture of twenty shows a class of its own, another a crowd: both come no oftener than the others."""
    pictures = painted(20)
    for number, change in ((0, {"label": "hail"}), (3, {"crowd": True})):
        sample = pictures[number].sample
        places = tuple(replace(place, **change) for place in sample.places or ())
        pictures[number] = replace(pictures[number], sample=replace(sample, places=places))
    often = how_often(pictures, CLASSES, 0.5)
    assert often[0] == often[3] == 1.0
    assert max(often) == pytest.approx((10 / 9) ** 0.5)


@pytest.mark.parametrize("name", SIZES)
def test_every_size_has_a_recipe_with_a_schedule_that_fits_the_run(name: str) -> None:
    recipe = RECIPES[name]
    schedule = recipe.schedule(800 // recipe.batch)
    assert recipe.size.side == SIZES[name].side
    assert schedule.epochs * (800 // recipe.batch) == pytest.approx(recipe.steps, rel=0.03)
    assert schedule.rate_at(1.0, step=10_000, steps=10_000) < 0.02 * recipe.rate


def test_the_sample_stops_in_the_middle_of_its_warm_up() -> None:
    """2,500 steps up to a rate of 0.08, of which it does 1,000."""
    schedule = RECIPES["sample-d1"].schedule(100)
    rates = [schedule.rate_at(step / 1000, step=step, steps=1000) for step in range(1000)]
    assert schedule.epochs == 10
    assert rates[499] == pytest.approx(0.08 * 500 / 2500, rel=0.01)
    assert rates[-1] == max(rates) == pytest.approx(0.08 * 1000 / 2500, rel=0.01)
