"""Training a network that finds boxes: which pictures, which losses, which checkpoint, and from which score a box is told."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from walkaround.evaluation.detect import BoxRow
from walkaround.models.gradient.anchors import cells
from walkaround.models.gradient.efficientdet import EfficientDet
from walkaround.models.gradient.export import write_detector
from walkaround.models.gradient.losses import detection_losses
from walkaround.models.gradient.suppression import detections
from walkaround.models.gradient.weights import take_weights
from walkaround.models.package import BoxPart
from walkaround.training.gradient.batches import Batch
from walkaround.training.gradient.box_recipes import RECIPES, BoxRecipe
from walkaround.training.gradient.box_search import choose_search, matches_of, mean_precision, row_of, show_boxes
from walkaround.training.gradient.decoded import Decoded
from walkaround.training.gradient.loader import Loader
from walkaround.training.gradient.loop import Outcome, train_network
from walkaround.training.kept_back import check_enough, keep_back, names_on
from walkaround.training.plan import FEWEST, Picture
from walkaround.training.run import Run

NAME = "boxes"
"""Of the checkpoint, and of what progress tells."""


@dataclass(frozen=True, kw_only=True, eq=False)
class FittedBoxes:
    """A part that finds boxes.

    Attributes:
        model: bytes of the ONNX graph.
        part: for the card.
        told: for the card's `training`.
    """

    model: bytes
    part: BoxPart
    told: Mapping[str, Any]


def fit_boxes(
    pictures: Sequence[Picture],
    *,
    classes: Sequence[str],
    run: Run,
    recipe: BoxRecipe | None = None,
    weights: Path | None = None,
) -> FittedBoxes:
    """Train a network that finds boxes, and choose from which score on each class is told.

    Args:
        pictures: those on which nobody drew (`places` is None) are left out; those with nothing to draw are learnt from.
        classes: names in the order of the model's class numbers.
        run: where to keep checkpoints, how long, who is told.
        recipe: settings; "lite0" of `RECIPES` where None.
        weights: a checkpoint or a package to begin with, see `take_weights`.

    Raises:
        TrainingError: there are too few pictures, or the loss is no number any more.
        StorageError: the checkpoint or the decoded pictures cannot be written.
        InputError: the checkpoint is none, or fits nowhere.
    """
    recipe = recipe or RECIPES["lite0"]
    drawn = [picture for picture in pictures if picture.sample.places is not None]
    check_enough(drawn, classes, fewest=FEWEST, what="Boxes")
    train, kept_back = keep_back(drawn, recipe.validation_share, seed=recipe.seed)
    learner = BoxLearner(classes, recipe)
    taken = "" if weights is None else take_weights(learner.network, weights)
    shown, unseen = (_decoded(part, classes, recipe, run) for part in (train, kept_back))
    try:
        loader = Loader(
            shown,
            batch=recipe.batch,
            augmentation=recipe.augmentation,
            seed=recipe.seed,
            often=how_often(train, classes, recipe.share),
            threads=run.threads,
            team=run.team,
        )
        validation = Loader(unseen, batch=recipe.batch, threads=run.threads)
        outcome = train_network(
            learner, name=NAME, loader=loader, validation=validation, schedule=recipe.schedule(len(loader)), run=run
        )
        model = _exported(outcome.network)
        part = BoxPart(classes=tuple(classes), side=recipe.size.side, thresholds=())
        chosen = choose_search(model, validation, part, overlap=recipe.overlap)
        if run.monitor is not None:
            run.monitor.graph(model)
            show_boxes(chosen, validation, run.monitor, step=outcome.steps)
    finally:
        shown.close()
        unseen.close()
    told = _told(outcome, recipe, train=len(train)) | {"searched": chosen.precision, "found_f1": chosen.f1}
    return FittedBoxes(model=model, part=chosen.part, told=told | ({"weights": taken} if taken else {}))


class BoxLearner:
    """EfficientDet with its losses, and average precision as its score."""

    network: nn.Module

    def __init__(self, classes: Sequence[str], recipe: BoxRecipe) -> None:
        """Everything but the backbone begins at random, by the recipe's seed."""
        torch.manual_seed(recipe.seed)
        network = EfficientDet(recipe.size, len(classes))
        network.backbone.freeze(recipe.frozen)
        self.network = network.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        self._classes, self._settings, self._anchors = tuple(classes), recipe.loss, network.anchors
        self._levels = tuple(cell * cell * recipe.size.anchors.count for cell in cells(recipe.size.side))

    def loss(self, batch: Batch) -> dict[str, Tensor]:
        """The class and the box loss, see `detection_losses`."""
        logits, shifts = self.network(batch.pixels)
        return self._losses(logits, shifts, batch)

    def validate(self, network: nn.Module, batches: Iterable[Batch]) -> dict[str, float]:
        """Average precision at an overlap of one half, the mean over the classes; and the losses."""
        rows: list[BoxRow] = []
        losses = {"loss.class": 0.0, "loss.box": 0.0}
        device = next(network.parameters()).device
        for batch in batches:
            near = batch.to(device)
            logits, shifts = network(near.pixels)
            for name, value in self._losses(logits, shifts, near).items():
                losses[f"loss.{name}"] += float(value) * len(batch)
            anchors = self._near(logits)
            for number in range(len(batch)):
                found = detections(logits[number], shifts[number], anchors)
                places = (batch.boxes[number].numpy(), batch.classes[number].numpy(), batch.ignored[number].numpy())
                rows.append(row_of(found, *places, self._classes))
        score = mean_precision(matches_of(rows, self._classes))
        return {"score": score, **{name: value / max(1, len(rows)) for name, value in losses.items()}}

    def _losses(self, logits: Tensor, shifts: Tensor, batch: Batch) -> dict[str, Tensor]:
        return detection_losses(
            logits.float(),
            shifts.float(),
            self._near(logits),
            levels=self._levels,
            places=list(zip(batch.boxes, batch.classes, batch.ignored, strict=True)),
            settings=self._settings,
        )

    def _near(self, logits: Tensor) -> Tensor:
        """The anchors, where the network computes."""
        if self._anchors.device != logits.device:
            self._anchors = self._anchors.to(logits.device)
        return self._anchors


def _exported(network: nn.Module) -> bytes:
    if not isinstance(network, EfficientDet):
        raise TypeError(f"{type(network).__name__} finds no boxes")
    return write_detector(network)


def how_often(pictures: Sequence[Picture], classes: Sequence[str], share: float) -> list[float]:
    """How often each picture is learnt from in an epoch, so that rare classes are not drowned by common ones.

    The square root of how much a class lacks of being on `share` of the pictures, of the picture's rarest class; at least once
    (repeat factor sampling, Gupta, Dollar and Girshick 2019). Only `classes` count: what is too rare to be learnt would come
    most often of all, and teach nothing.
    """
    shown = [names_on(picture).intersection(classes) for picture in pictures]
    counts = Counter(name for names in shown for name in names)
    lack = {name: math.sqrt(share * len(pictures) / count) for name, count in counts.items()}
    return [max([1.0, *(lack[name] for name in names)]) for names in shown]


def _decoded(pictures: Sequence[Picture], classes: Sequence[str], recipe: BoxRecipe, run: Run) -> Decoded:
    return Decoded(pictures, classes=classes, side=recipe.size.side, folder=run.folder, headroom=recipe.headroom)


def _told(outcome: Outcome, recipe: BoxRecipe, *, train: int) -> dict[str, Any]:
    return {
        "recipe": asdict(recipe),
        "pictures": train,
        "ap50": None if outcome.score is None else round(outcome.score, 4),
        "best_epoch": outcome.best_epoch,
        "epochs": outcome.epochs,
        "steps": outcome.steps,
        "seconds": round(outcome.seconds, 1),
        "ended": outcome.ended,
        "history": [{name: round(value, 4) for name, value in line.items()} for line in outcome.history],
    }
