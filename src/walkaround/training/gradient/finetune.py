"""Fine-tuning the classifier's network: once for each fold, to see whether it helps, and once on all pictures if it does.

It begins with a head that fits the network as it is shipped, and moves the last stages and the head together. The pictures are
disturbed as those of the fast model are, anew in every epoch.
"""

from __future__ import annotations

import time
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional

from walkaround.models.classify import write_features
from walkaround.models.gradient.backbone import load_backbone
from walkaround.models.heads import LinearHead, Rows
from walkaround.models.names import FEATURES
from walkaround.models.network import Network
from walkaround.models.preparation import SIDE
from walkaround.models.projection import Projection
from walkaround.training.choose import best, training_rows, trial_of
from walkaround.training.features import network_reader, rows_of
from walkaround.training.gradient.augment import Augmentation
from walkaround.training.gradient.batches import Batch
from walkaround.training.gradient.decoded import Decoded, Scene
from walkaround.training.gradient.loader import Loader
from walkaround.training.gradient.loop import train_network
from walkaround.training.gradient.schedule import Schedule
from walkaround.training.plan import Picture
from walkaround.training.run import Run
from walkaround.training.tuning import (
    FINE_TUNED,
    FINE_TUNED_KERNEL,
    Tunable,
    TunedNetwork,
    Tuning,
    first_head,
    on_part,
    told_of,
)
from walkaround.training.views import view

NAME = "verdict"
"""Of the checkpoints, and of what progress tells."""

HEADS = (FINE_TUNED_KERNEL, FINE_TUNED)
"""What is compared with the fast model, in order of trust on photos of other sources; the last comes with the network."""

_SILENT = 1e-6  # added below the square root, which has no slope at 0


@dataclass(frozen=True, kw_only=True)
class TuneRecipe:
    """Settings of fine-tuning; the defaults were measured, see docs/experiments.md.

    Attributes:
        side: height and width in pixels that pictures are learnt from at, a multiple of 32; that of the package, as what is
            learnt at another moves the verdicts.
        batch: pictures in a step.
        epochs: over all pictures.
        rate: highest learning rate.
        frozen: stages of the network, of seven, that stay as they are.
        plain: share of pictures that are learnt from as they are, undisturbed.
        mixing: of two pictures; the parameter of the beta distribution that their shares are drawn from, 0: none are mixed.
            Source: Zhang et al. (2018), mixup: Beyond empirical risk minimization.
    """

    side: int = SIDE
    batch: int = 32
    epochs: int = 10
    rate: float = 3e-4
    frozen: int = 5
    plain: float = 0.34
    mixing: float = 0.2

    def schedule(self, seed: int) -> Schedule:
        """The schedule of every fit."""
        return Schedule(epochs=self.epochs, rate=self.rate, warm_up=0.08, weight_decay=0.01, clip=5.0, average=0.99, seed=seed)


def fine_tune(task: Tunable, *, run: Run, seed: int = 0, recipe: TuneRecipe | None = None) -> Tuning:
    """Fine-tune for each fold, compare with the fast model on the pictures held out, and fine-tune on all where it is better.

    With a time limit, the first fold stands for all.

    Args:
        task: pictures, folds, and the fast model.
        run: where to keep checkpoints, how long, who is told.
        seed: of disturbances, order and mixing.
        recipe: settings, the defaults where None.

    Raises:
        TrainingError: the loss is no number any more.
        StorageError: a checkpoint or the decoded pictures cannot be written.
    """
    recipe = recipe or TuneRecipe()
    decoded = Decoded(task.pictures, classes=(), side=recipe.side, folder=run.folder)
    try:
        return _tuning(task, Fit(task=task, decoded=decoded, seed=seed, recipe=recipe), run)
    finally:
        decoded.close()


def _tuning(task: Tunable, fit: Fit, run: Run) -> Tuning:
    """See `fine_tune`."""
    numbers = np.unique(task.folds)[: None if run.deadline is None else 1]
    measured = np.isin(task.folds, numbers)
    scores = np.zeros((len(HEADS), len(task.views), len(task.folds), task.fast.scores.shape[2]), dtype=np.float32)
    started = time.monotonic()
    for done, fold in enumerate(numbers.tolist()):
        inside, outside = task.folds != fold, task.folds == fold
        network = fit(inside, f"{NAME}-{fold}", _hurried(run, len(numbers) + 1 - done))
        if network is None:
            return _without_time(task)
        scores[:, :, outside] = scores_of(network, task, outside, threads=run.threads)
    seconds = time.monotonic() - started
    ids = task.class_ids[measured]
    trials = [trial_of(head, found[:, measured], ids, seconds=seconds) for head, found in zip(HEADS, scores, strict=True)]
    fast = on_part(task.fast, measured, task.class_ids)
    chosen = best([fast, *trials])  # the fast one unless the gain is more than chance: it holds better on other sources
    told = {"pictures": len(ids), "folds": len(numbers), "candidates": [told_of(trial) for trial in (fast, *trials)]}
    if chosen is fast:
        return Tuning(network=None, measured=measured, trial=best(trials), told={**told, "taken": "fast"})
    everything = np.ones_like(measured)
    network = fit(everything, NAME, run)
    if network is None:
        return _without_time(task)
    if chosen.candidate is FINE_TUNED_KERNEL:
        views = _coordinates(network, task, everything, threads=run.threads)
        network = replace(network, head=FINE_TUNED_KERNEL.fit(*training_rows(views, task.class_ids, seed=fit.seed)))
    return Tuning(network=network, measured=measured, trial=chosen, told={**told, "taken": "best"})


def _without_time(task: Tunable) -> Tuning:
    none = np.zeros(len(task.folds), dtype=np.bool_)
    return Tuning(network=None, measured=none, trial=None, told={"taken": "fast", "why": "too little time to fine-tune"})


def _hurried(run: Run, fits: int) -> Run:
    """The same run, for the first of so many fits that share its time."""
    if run.deadline is None:
        return run
    now = time.monotonic()
    return replace(run, deadline=now + (run.deadline - now) / fits)


@dataclass(frozen=True, kw_only=True, eq=False)
class Fit:
    """Fits a network to some of the pictures of a task."""

    task: Tunable
    decoded: Decoded
    seed: int
    recipe: TuneRecipe

    def __call__(self, inside: NDArray[np.bool_], name: str, run: Run) -> TunedNetwork | None:
        """The network fine-tuned on the pictures `inside`; None where there was no time for one look at each."""
        task, recipe = self.task, self.recipe
        if run.deadline is not None and run.deadline <= time.monotonic():
            return None
        rows, ids = np.concatenate([view[inside] for view in task.views]), task.class_ids[inside]
        head = first_head(rows, np.tile(ids, len(task.views)))
        loader = ViewLoader(
            self.decoded.part(np.flatnonzero(inside).tolist()),
            batch=recipe.batch,
            augmentation=Augmentation(),
            seed=self.seed,
            labels=task.classes,
            threads=run.threads,
        )
        loader.plain = recipe.plain
        learner = TuneLearner(task.projection, head, class_ids=ids, recipe=recipe)
        schedule = recipe.schedule(self.seed)
        outcome = train_network(learner, name=name, loader=loader, validation=None, schedule=schedule, run=run)
        trained = outcome.network
        if outcome.steps < len(loader) or not isinstance(trained, TunableClassifier):
            return None
        return TunedNetwork(backbone=trained.backbone.write().SerializeToString(), head=trained.head())


def scores_of(network: TunedNetwork, task: Tunable, held_out: NDArray[np.bool_], *, threads: int) -> NDArray[np.float32]:
    """Scores of a network that has not learnt from the pictures held out, with each of `HEADS`.

    Returns:
        float32 [heads, views, held out, scores].
    """
    learnt, unseen = (_coordinates(network, task, part, threads=threads) for part in (~held_out, held_out))
    kernel = FINE_TUNED_KERNEL.fit(*training_rows(learnt, task.class_ids[~held_out], seed=0))
    return np.stack([[head.scores(view) for view in unseen] for head in (kernel, network.head)])


def _coordinates(network: TunedNetwork, task: Tunable, part: NDArray[np.bool_], *, threads: int) -> list[Rows]:
    """Coordinates of some of the pictures in each view, by the exported network: just what the package will read."""
    reader = network_reader(Network(write_features(network.backbone)), FEATURES)
    numbers = range(len(task.views))
    pictures = [picture for picture, kept in zip(task.pictures, part.tolist(), strict=True) if kept]

    def of(picture: Picture) -> Rows:
        return task.projection.coordinates(rows_of(picture.sample.path, picture.sha256, numbers, reader))

    with ThreadPoolExecutor(max(1, threads)) as pool:
        return list(np.stack(list(pool.map(of, pictures)), axis=1))


class TunableClassifier(nn.Module):
    """`walkaround.models.classify.Classifier` up to its scores: the network and the linear head can be trained."""

    mean: Tensor
    scale: Tensor
    components: Tensor

    def __init__(self, projection: Projection, head: LinearHead) -> None:
        """The shipped network, with a head that was fitted to it."""
        super().__init__()
        self.backbone = load_backbone()
        for name in ("mean", "scale", "components"):
            self.register_buffer(name, torch.from_numpy(np.array(getattr(projection, name))))
        self.linear = nn.Linear(*head.weights.shape)
        with torch.no_grad():
            self.linear.weight.copy_(torch.from_numpy(head.weights.T.copy()))
            self.linear.bias.copy_(torch.from_numpy(head.offsets.copy()))

    def forward(self, pixels: Tensor) -> Tensor:
        """Scores, float32 [n, 1] or [n, classes], of pixels [n, 3, side, side], 0 to 255."""
        roots = torch.sqrt(self.backbone.pooled(pixels) + _SILENT)
        scores: Tensor = self.linear((roots - self.mean) / self.scale @ self.components)
        return scores

    def head(self) -> LinearHead:
        """The head as it is now."""
        weights, offsets = (one.detach().cpu().numpy().copy() for one in (self.linear.weight, self.linear.bias))
        return LinearHead(weights=np.ascontiguousarray(weights.T), offsets=offsets)


class TuneLearner:
    """A classifier with cross entropy as its loss, in which each class weighs the same, and accuracy as its score."""

    network: nn.Module

    def __init__(self, projection: Projection, head: LinearHead, *, class_ids: NDArray[np.int64], recipe: TuneRecipe) -> None:
        """Begin with a fitted head; `class_ids`, int64 [pictures], say how common each class is."""
        network = TunableClassifier(projection, head)
        network.backbone.freeze(recipe.frozen)
        self.network = network.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        counts = np.bincount(class_ids)
        self._weights = torch.from_numpy((len(class_ids) / len(counts) / np.maximum(counts, 1)).astype(np.float32))
        self._mixing = recipe.mixing

    def loss(self, batch: Batch) -> dict[str, Tensor]:
        """Cross entropy of mixed pictures; chance comes from torch's own generator, which checkpoints keep."""
        pixels, wanted = batch.inputs, functional.one_hot(batch.labels, len(self._weights)).float()
        if self._mixing:
            share = torch.distributions.Beta(self._mixing, self._mixing).sample().to(pixels.device)
            others = torch.randperm(len(pixels), device=pixels.device)
            pixels, wanted = (torch.lerp(one[others], one, share) for one in (pixels, wanted))
        return {"verdict": self._entropy(self.network(pixels.contiguous(memory_format=torch.channels_last)), wanted)}

    def validate(self, network: nn.Module, batches: Iterable[Batch]) -> dict[str, float]:
        """Accuracy, and the loss."""
        right, loss, pictures = 0.0, 0.0, 0
        for batch in batches:
            scores = network(batch.inputs.to(next(network.parameters()).device))
            called = (scores[:, 0] > 0).long() if scores.shape[1] == 1 else scores.argmax(dim=1)
            wanted = functional.one_hot(batch.labels, len(self._weights)).float().to(scores.device)
            right += float((called.cpu() == batch.labels).sum())
            loss += float(self._entropy(scores, wanted)) * len(batch)
            pictures += len(batch)
        return {"score": right / max(1, pictures), "loss.verdict": loss / max(1, pictures)}

    def _entropy(self, scores: Tensor, wanted: Tensor) -> Tensor:
        if scores.shape[1] == 1:  # of the second class; the first one's is 0
            scores = torch.cat([torch.zeros_like(scores), scores], dim=1)
        weighted = wanted * self._weights.to(wanted.device)
        return -(weighted * functional.log_softmax(scores.float(), dim=1)).sum(dim=1).mean()


class ViewLoader(Loader):
    """Batches of pictures as they are, and disturbed as the views of a fast training are.

    Attributes:
        plain: share of pictures that are left as they are.
    """

    plain: float = 0.34

    def _scene(self, index: int, rng: np.random.Generator, *, mosaics: bool) -> Scene:
        del mosaics  # half a car in a corner says nothing of the whole picture
        number = 0 if rng.random() < self.plain else int(rng.integers(1, 2**31))
        pixels = view(self.decoded.scene(index).pixels, number=number, seed=int(rng.integers(2**31)), side=self.decoded.side)
        return Scene(
            pixels=np.clip(np.rint(pixels.transpose(1, 2, 0)), 0, 255).astype(np.uint8),
            boxes=np.zeros((0, 4), dtype=np.float32),
            classes=np.zeros(0, dtype=np.int64),
            ignored=np.zeros((0, 4), dtype=np.float32),
            mask=None,
        )
