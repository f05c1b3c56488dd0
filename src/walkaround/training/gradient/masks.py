"""Training the part of a model that finds masks: from pictures that people drew on to the bytes of an ONNX graph."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from walkaround.damage.colours import PALETTE, colours_of
from walkaround.damage.places import MaskFile
from walkaround.evaluation.segment import MaskTally
from walkaround.models.gradient.segmenter import UNKNOWN, Segmenter, class_weights, mask_losses
from walkaround.models.names import MASK_PIXELS, MASKS
from walkaround.models.network import Network
from walkaround.models.package import MaskPart
from walkaround.models.preparation import SIDE
from walkaround.training.gradient.augment import Augmentation
from walkaround.training.gradient.batches import Batch
from walkaround.training.gradient.decoded import Decoded
from walkaround.training.gradient.loader import Loader
from walkaround.training.gradient.loop import Outcome, train_network
from walkaround.training.gradient.schedule import Schedule, share_for
from walkaround.training.kept_back import check_enough, keep_back
from walkaround.training.plan import FEWEST, Picture
from walkaround.training.run import Run

NAME = "masks"
"""Of the checkpoint, and of what progress tells."""

_FLOORS = (0.0, *(round(float(share), 6) for share in np.geomspace(1e-4, 2e-2, 24)))
_WHITE = "#FFFFFF"  # background in the answers of Lookout for Vision


@dataclass(frozen=True, kw_only=True)
class MaskRecipe:
    """Settings of a training of masks; the defaults were measured, see docs/experiments.md.

    Attributes:
        side: height and width in pixels of the network's input, a multiple of 32.
        batch: pictures in a step.
        steps: about how many; they are rounded to whole epochs.
        rate: highest learning rate of the decoder.
        travel: how far a weight of the backbone may go over the run, see `share_for`.
        frozen: stages of the backbone, of seven, that stay as they are, the stem included.
        rarity: see `class_weights`.
        validation_share: share of the pictures on which the best checkpoint and the smallest area are chosen.
        seed: of the split, of the decoder's first weights and of the disturbances.
        augmentation: how pictures are disturbed.
    """

    side: int = SIDE
    batch: int = 8
    steps: int = 1400
    rate: float = 5e-3
    travel: float = 0.02
    frozen: int = 2
    rarity: float = 0.25
    validation_share: float = 0.12
    seed: int = 0
    augmentation: Augmentation = field(default_factory=lambda: Augmentation(mosaic=0.0))

    def schedule(self, pictures: int) -> Schedule:
        """The schedule for this many pictures."""
        per_epoch = -(-pictures // min(self.batch, pictures))
        epochs = max(1, round(self.steps / per_epoch))
        return Schedule(
            epochs=epochs,
            rate=self.rate,
            warm_up=0.03,
            weight_decay=0.01,
            slower={"backbone.": share_for(self.travel, rate=self.rate, steps=epochs * per_epoch)},
            clip=5.0,
            average=0.99,
            validate_every=max(1, epochs // 12),
            seed=self.seed,
        )


@dataclass(frozen=True, kw_only=True, eq=False)
class FittedMasks:
    """A part that finds masks.

    Attributes:
        model: bytes of the ONNX graph.
        part: for the card.
        told: for the card's `training`.
    """

    model: bytes
    part: MaskPart
    told: Mapping[str, Any]


def fit_masks(
    pictures: Sequence[Picture], *, classes: Sequence[str], run: Run, recipe: MaskRecipe | None = None
) -> FittedMasks:
    """Train a segmenter on pictures that people drew on.

    Args:
        pictures: those on which nobody drew (`places` is None) are left out; those with nothing to draw are learnt from.
        classes: names of the masks, background not among them.
        run: where to keep checkpoints, how long, who is told.
        recipe: settings, the defaults where None.

    Raises:
        TrainingError: there are too few pictures, or the loss is no number any more.
        StorageError: the checkpoint or the decoded pictures cannot be written.
    """
    recipe = recipe or MaskRecipe()
    drawn = [picture for picture in pictures if picture.sample.places is not None]
    check_enough(drawn, classes, fewest=FEWEST, what="Masks", shown=_outlined)
    train, kept_back = keep_back(drawn, recipe.validation_share, seed=recipe.seed)
    shown, unseen = (_decoded(part, classes, recipe, run) for part in (train, kept_back))
    try:
        loader = Loader(
            shown, batch=recipe.batch, augmentation=recipe.augmentation, seed=recipe.seed, threads=run.threads, team=run.team
        )
        validation = Loader(unseen, batch=recipe.batch, threads=run.threads)
        learner = MaskLearner(classes, weights=class_weights(_pixels(shown), power=recipe.rarity), recipe=recipe)
        outcome = train_network(
            learner, name=NAME, loader=loader, validation=validation, schedule=recipe.schedule(len(train)), run=run
        )
        model = _exported(outcome.network, recipe.side)
        smallest, score = choose_smallest(*_areas(model, validation, len(classes)))
    finally:
        shown.close()
        unseen.close()
    part = MaskPart(classes=tuple(classes), side=recipe.side, colours=colours_for(drawn, classes), smallest=smallest)
    return FittedMasks(model=model, part=part, told=_told(outcome, recipe, train=len(train), found=score))


class MaskLearner:
    """A segmenter with its loss, and mean intersection over union as its score."""

    network: nn.Module

    def __init__(self, classes: Sequence[str], *, weights: NDArray[np.float32], recipe: MaskRecipe) -> None:
        """The decoder begins at random, by the recipe's seed.

        Args:
            classes: names, background not among them.
            weights: float32 [1 + classes], of the cross entropy.
            recipe: seed, and how much of the backbone is trained.
        """
        torch.manual_seed(recipe.seed)
        network = Segmenter(len(classes))
        network.backbone.freeze(recipe.frozen)
        self.network = network.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        self._classes, self._weights = tuple(classes), torch.from_numpy(weights)

    def loss(self, batch: Batch) -> dict[str, Tensor]:
        """Cross entropy and missing overlap, see `mask_losses`."""
        scores = self.network(batch.pixels)
        return mask_losses(scores, _masks(batch), self._weights.to(scores.device))

    def validate(self, network: nn.Module, batches: Iterable[Batch]) -> dict[str, float]:
        """Mean intersection over union of the classes, background not counted; the share of right pixels, and the losses."""
        tally, device = MaskTally(self._classes), next(network.parameters()).device
        losses = {"loss.entropy": 0.0, "loss.overlap": 0.0}
        pictures = 0
        for batch in batches:
            scores, wanted = network(batch.pixels.to(device)).float(), _masks(batch)
            for name, value in mask_losses(scores, wanted.to(device), self._weights.to(device)).items():
                losses[f"loss.{name}"] += float(value) * len(batch)
            for truth, found in zip(wanted.numpy(), scores.argmax(dim=1).to(torch.uint8).cpu().numpy(), strict=True):
                tally.add(np.where(truth == UNKNOWN, 0, truth), found, ignored=truth == UNKNOWN)
            pictures += len(batch)
        told = tally.iou[1:][~np.isnan(tally.iou[1:])]
        return {
            "score": float(told.mean()) if len(told) else 0.0,
            "accuracy": float(np.diag(tally.confusion).sum() / max(1, tally.confusion.sum())),
            **{name: value / max(1, pictures) for name, value in losses.items()},
        }


def _masks(batch: Batch) -> Tensor:
    if batch.masks is None:
        raise ValueError("the loader gave no masks; open the decoded pictures with masks=True")
    return batch.masks


def choose_smallest(areas: NDArray[np.float64], shown: NDArray[np.bool_]) -> tuple[float, float]:
    """The share of a picture below which a mark is best taken for noise.

    Args:
        areas: float64 [pictures, classes], share of each picture that was marked as each class.
        shown: bool [pictures, classes], whether the class is there.

    Returns:
        the share, and the F1 that it reaches: of "is this class in this picture?", mean over the classes that are in any.
        Among equals the lowest share is taken: what hardly matters here may matter elsewhere.
    """
    named = shown.any(axis=0)
    if not named.any():
        return 0.0, 0.0
    scores = []
    for floor in _FLOORS:
        told = (areas > 0) & (areas >= floor)
        hits = (told & shown)[:, named].sum(axis=0)
        scores.append(float((2 * hits / (told.sum(axis=0) + shown.sum(axis=0))[named]).mean()))
    best = int(np.argmax(np.round(scores, 6)))
    return _FLOORS[best], scores[best]


def _outlined(picture: Picture) -> set[str]:
    return {place.label for place in picture.sample.places or () if place.outline and not place.crowd}


def _decoded(pictures: Sequence[Picture], classes: Sequence[str], recipe: MaskRecipe, run: Run) -> Decoded:
    return Decoded(pictures, classes=classes, side=recipe.side, folder=run.folder, masks=True)


def _pixels(decoded: Decoded) -> NDArray[np.int64]:
    """int64 [1 + classes], pixels of all pictures that have each label."""
    counts = np.zeros(256, dtype=np.int64)
    for index in range(len(decoded)):
        mask = decoded.scene(index).mask
        if mask is not None:
            counts += np.bincount(mask.ravel(), minlength=256)
    return counts[: len(decoded.classes) + 1]


def _exported(network: nn.Module, side: int) -> bytes:
    if not isinstance(network, Segmenter):
        raise TypeError(f"{type(network).__name__} is no segmenter")
    return network.write(side)


def _areas(model: bytes, batches: Iterable[Batch], classes: int) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
    """What the exported model marks on pictures, and what is there: float64 and bool [pictures, classes]."""
    network, areas, shown = Network(model, parts=(MASK_PIXELS,)), [], []
    for batch in batches:
        for pixels, mask in zip(batch.inputs.numpy(), _masks(batch).numpy(), strict=True):
            [found] = network.run(pixels[None], [MASKS], part=MASK_PIXELS)
            labels = found[0].argmax(axis=0)
            areas.append(np.bincount(labels.ravel(), minlength=classes + 1)[1:] / labels.size)
            shown.append(np.bincount(mask.ravel(), minlength=256)[1 : classes + 1] > 0)
    return np.stack(areas), np.stack(shown)


def colours_for(pictures: Sequence[Picture], classes: Sequence[str]) -> tuple[str, ...]:
    """A colour for each class, no two alike: that of most of its mask files, or else a fixed one; never white."""
    painted: dict[str, Counter[str]] = {name: Counter() for name in classes}
    for picture in pictures:
        for place in picture.sample.places or ():
            if isinstance(place.outline, MaskFile) and place.label in painted:
                painted[place.label][place.outline.colour.upper()] += 1
    given: dict[str, str] = {}
    for name, counts in painted.items():
        usable = [colour for colour, _ in counts.most_common() if colour not in (_WHITE, *given.values())]
        if usable:
            given[name] = usable[0]
    fixed = colours_of(name for name in classes if name not in given)
    for name, colour in fixed.items():
        ring = (colour, *PALETTE)
        given[name] = next((one for one in ring if one not in given.values()), colour)
    return tuple(given[name] for name in classes)


def _told(outcome: Outcome, recipe: MaskRecipe, *, train: int, found: float) -> dict[str, Any]:
    return {
        "recipe": asdict(recipe),
        "pictures": train,
        "mean_iou": None if outcome.score is None else round(outcome.score, 4),
        "found_f1": round(found, 4),
        "best_epoch": outcome.best_epoch,
        "epochs": outcome.epochs,
        "steps": outcome.steps,
        "seconds": round(outcome.seconds, 1),
        "ended": outcome.ended,
        "history": [{name: round(value, 4) for name, value in line.items()} for line in outcome.history],
    }
