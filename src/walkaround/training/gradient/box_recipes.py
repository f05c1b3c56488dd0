"""How boxes are trained: one recipe for each size, measured (see docs/experiments.md), and the AWS sample's to compare with."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from walkaround.models.gradient.losses import LossSettings
from walkaround.models.gradient.sizes import SIZES, AnchorShapes, Size
from walkaround.training.gradient.augment import Augmentation
from walkaround.training.gradient.schedule import Schedule, share_for


@dataclass(frozen=True, kw_only=True)
class BoxRecipe:
    """Settings of a training of boxes.

    Attributes:
        size: of the network.
        batch: pictures in a step.
        steps: about how many; they are rounded to whole epochs.
        rate: highest learning rate of what comes after the backbone.
        travel: how far a weight of the backbone may go over the run, see `share_for`; None: it learns as all the rest.
        frozen: stages of the backbone, of seven, that stay as they are, the stem included.
        sgd: train as the sample does: gradient descent with momentum 0.9 and no averaging, in place of AdamW with it.
        warm_up: share of the run in which the rate rises.
        last: share of the rate that is left at the end of the run.
        share: of the pictures that a class should be on; those of rarer ones are learnt from more often, see `how_often`.
        headroom: pictures are kept this much larger than the input, for a closer look.
        overlap: of tiles that large pictures are searched in; 0: no tiles.
        validation_share: share of the pictures on which checkpoint and thresholds are chosen.
        seed: of the split, the first weights and the disturbances.
        loss: which losses.
        augmentation: how pictures are disturbed.
    """

    size: Size
    batch: int = 4
    steps: int = 8000
    rate: float = 1.5e-3
    travel: float | None = 0.02
    frozen: int = 2
    sgd: bool = False
    warm_up: float = 0.05
    last: float = 0.01
    share: float = 0.5
    headroom: float = 2.0
    overlap: float = 0.2
    validation_share: float = 0.12
    seed: int = 0
    loss: LossSettings = field(default_factory=lambda: LossSettings(box="giou", box_weight=2.0, assignment="adaptive"))
    augmentation: Augmentation = field(default_factory=lambda: Augmentation(mosaic=0.15, zoom=(0.8, 1.6), focus=0.5))

    def schedule(self, per_epoch: int) -> Schedule:
        """The schedule for this many batches in an epoch."""
        epochs = max(1, round(self.steps / per_epoch))
        steps = epochs * per_epoch
        backbone = 1.0 if self.travel is None else share_for(self.travel, rate=self.rate, steps=steps)
        return Schedule(
            epochs=epochs,
            optimiser="sgd" if self.sgd else "adamw",
            rate=self.rate,
            last=self.last,
            warm_up=self.warm_up,
            weight_decay=4e-5 if self.sgd else 0.02,
            slower={"backbone.": backbone},
            clip=10.0,
            average=0.0 if self.sgd else 0.998,
            validate_every=max(1, epochs // 6),
            seed=self.seed,
        )


def _own(name: str, *, batch: int, steps: int) -> BoxRecipe:
    size = replace(SIZES[name], anchors=AnchorShapes(scale=1.25))
    return BoxRecipe(size=size, batch=batch, steps=steps)


def _sample(name: str) -> BoxRecipe:
    """The AWS sample's recipe as it stands: 1,000 steps, in the middle of its 2,500 steps of warm-up to a rate of 0.08.

    It is EfficientDet-D1 at 640 pixels there; a smaller size makes it affordable without a GPU. The sample begins with a
    network that was trained on COCO, which `weights` of `fit_boxes` can give it; without, it begins with the shipped backbone.
    """
    steps = 1000
    return BoxRecipe(
        size=SIZES[name],
        batch=8,
        steps=steps,
        rate=0.08 * steps / 2500,
        warm_up=1.0,
        last=1.0,
        travel=None,
        frozen=0,
        sgd=True,
        share=0.0,
        headroom=1.0,
        overlap=0.0,
        loss=LossSettings(delta=1.0, box_weight=4.0),
        augmentation=Augmentation(
            mosaic=0.0, zoom=(0.1, 2.0), aspect=0.0, focus=0.0, light=0.0, tint=0.0, colour=0.0, blur=0.0, compress=0.0
        ),
    )


RECIPES: Mapping[str, BoxRecipe] = {
    "lite0": _own("lite0", batch=4, steps=8000),
    "lite1": _own("lite1", batch=4, steps=10_000),
    "lite2": _own("lite2", batch=4, steps=12_000),
    "d0": _own("d0", batch=16, steps=8000),
    "d1": _own("d1", batch=16, steps=10_000),
    "sample-lite0": _sample("lite0"),
    "sample-d1": _sample("d1"),
}
"""By name of the size, and what the sample does."""
