"""Fitting every part of a package that the labels ask for, one after the other, and joining them."""

from __future__ import annotations

import hashlib
import shutil
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field, replace
from functools import partial
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from walkaround.datasets.labels import told as told_labels
from walkaround.errors import InputError
from walkaround.inspection.places import TOLD
from walkaround.models.joined import joined
from walkaround.models.network import cores
from walkaround.models.package import MODEL_FILE
from walkaround.training.fitting import Fitted, Progress, fit_classes, fit_memory
from walkaround.training.monitor import Monitor
from walkaround.training.multi_label import fit_multi_label
from walkaround.training.places import fingerprint_of
from walkaround.training.plan import Plan
from walkaround.training.recipe import Quality, Recipe
from walkaround.training.run import Run
from walkaround.training.tuning import Tune

if TYPE_CHECKING:
    from walkaround.training.gradient.boxes import FittedBoxes
    from walkaround.training.gradient.masks import FittedMasks

Fit = TypeVar("Fit")

_VERDICT_SHARE = 1 / 3  # of the time, the most that the verdict takes where boxes or masks are learnt too
_KEPT_DAYS = 14


@dataclass(frozen=True, kw_only=True, eq=False)
class FittedParts:
    """All parts of a package; None is what the plan did not ask for."""

    verdict: Fitted | None = None
    boxes: FittedBoxes | None = None
    masks: FittedMasks | None = None

    @property
    def model(self) -> bytes:
        """The ONNX model of all parts."""
        models = [part.model for part in (self.verdict, self.boxes, self.masks) if part is not None]
        return models[0] if len(models) == 1 else joined(models)

    @property
    def threshold(self) -> float:
        """Probability of damage from which a picture is called damaged."""
        return TOLD if self.verdict is None else self.verdict.threshold

    @property
    def told(self) -> dict[str, Any]:
        """For the card's `training`."""
        told: dict[str, Any] = {} if self.verdict is None else dict(self.verdict.told)
        found = {name: part.told for name, part in (("boxes", self.boxes), ("masks", self.masks)) if part is not None}
        return {"chosen": " and ".join(found), **told, **found}


@dataclass(frozen=True, kw_only=True, eq=False)
class Surroundings:
    """What all parts share: the time there is, who is told, and where what was done so far is kept.

    Attributes:
        folder: of checkpoints and decoded pictures, one for each plan and recipe.
        deadline: on the clock of `time.monotonic`.
        progress: told what is being done.
        monitor: told everything else.
    """

    folder: Path
    deadline: float | None
    progress: Progress
    monitor: Monitor = field(default_factory=Monitor)


def fit_parts(plan: Plan, recipe: Recipe, around: Surroundings) -> FittedParts:
    """Fit what the plan asks for. The verdict takes what it needs of the time, up to a third; boxes and masks share the rest.

    Raises:
        TrainingError: a part cannot be trained.
        StorageError: what is kept on the way cannot be written.
    """
    verdict = _fit_verdict(plan, recipe, around) if plan.task != "places" else None
    boxes = _fit_boxes(plan, recipe, around) if plan.boxes is not None else None
    masks = _fit_masks(plan, recipe, around) if plan.masks is not None else None
    return FittedParts(verdict=verdict, boxes=boxes, masks=masks)


def forget(around: Surroundings) -> None:
    """Delete what was kept to go on from, because the package is there; and what nobody went on from for two weeks."""
    shutil.rmtree(around.folder, ignore_errors=True)
    if around.folder.parent.is_dir():
        for other in around.folder.parent.iterdir():
            with suppress(OSError):  # somebody else deletes it too
                if time.time() - other.stat().st_mtime > _KEPT_DAYS * 86_400:
                    shutil.rmtree(other, ignore_errors=True)


def training_folder(plan: Plan, recipe: Recipe) -> Path:
    """Where the checkpoints of this training are: the same pictures, labels and recipe find it again."""
    told = hashlib.sha256(repr(_key(plan, recipe)).encode("utf-8", "backslashreplace"))
    return recipe.cache / "trainings" / told.hexdigest()[:16]


def _key(plan: Plan, recipe: Recipe) -> list[object]:
    """Everything that the checkpoints depend on; how much time there is, and where things are, is not among it."""
    weights = recipe.weights and hashlib.sha256(_read(recipe.weights)).hexdigest()
    drawn = [
        (kind, part.classes, [(picture.sha256, fingerprint_of(picture.sample)) for picture in part.pictures])
        for kind, part in (("boxes", plan.boxes), ("masks", plan.masks))
        if part is not None
    ]
    tuned = [(picture.sha256, told_labels(picture.labels), picture.group) for picture in plan.train]
    verdict = [recipe.folds, recipe.views, tuned] if recipe.quality is Quality.BEST else []
    return [version("walkaround"), recipe.seed, recipe.boxes_size, weights, drawn, verdict]


def _read(weights: Path) -> bytes:
    try:
        return (weights / MODEL_FILE if weights.is_dir() else weights).read_bytes()
    except OSError as problem:
        raise InputError(f"Cannot read the weights {str(weights)!r} ({problem.strerror}); check the path.") from problem


def _fit_verdict(plan: Plan, recipe: Recipe, around: Surroundings) -> Fitted:
    threads, monitor = recipe.threads or cores(), around.monitor
    if plan.task == "anomaly":
        return fit_memory(plan, recipe, threads=threads, progress=around.progress, monitor=monitor)
    alone = plan.boxes is None and plan.masks is None
    deadline = _share(around.deadline, 1.0 if alone else _VERDICT_SHARE)
    if plan.task == "multi-label":
        return fit_multi_label(plan, recipe, threads=threads, deadline=deadline, progress=around.progress, monitor=monitor)
    return fit_classes(
        plan,
        recipe,
        threads=threads,
        deadline=deadline,
        progress=around.progress,
        monitor=monitor,
        tune=_tune(plan, recipe, around) if recipe.quality is Quality.BEST else None,
    )


def _tune(plan: Plan, recipe: Recipe, around: Surroundings) -> Tune:
    """Fine-tuning, when it is its turn: it shares the time that is then left with boxes and masks."""
    from walkaround.training.gradient.finetune import fine_tune

    parts = 1 + (plan.boxes is not None) + (plan.masks is not None)
    return lambda task: fine_tune(task, run=_run(recipe, around, share=1 / parts), seed=recipe.seed)


def _share(deadline: float | None, share: float) -> float | None:
    """When a share of the time that is left is over."""
    now = time.monotonic()
    return None if deadline is None else now + share * (deadline - now)


def _fit_boxes(plan: Plan, recipe: Recipe, around: Surroundings) -> FittedBoxes:
    from walkaround.training.gradient.box_recipes import RECIPES
    from walkaround.training.gradient.boxes import fit_boxes

    assert plan.boxes is not None  # noqa: S101 - for the type checker; the caller asked
    fit = partial(
        fit_boxes,
        plan.boxes.pictures,
        classes=plan.boxes.classes,
        recipe=replace(RECIPES[recipe.boxes_size], seed=recipe.seed),
        weights=recipe.weights,
    )
    return _fitted(fit, recipe, _run(recipe, around, share=0.5 if plan.masks is not None else 1.0), name="boxes")


def _fit_masks(plan: Plan, recipe: Recipe, around: Surroundings) -> FittedMasks:
    from walkaround.training.gradient.masks import MaskRecipe, fit_masks

    assert plan.masks is not None  # noqa: S101 - for the type checker; the caller asked
    fit = partial(fit_masks, plan.masks.pictures, classes=plan.masks.classes, recipe=MaskRecipe(seed=recipe.seed))
    return _fitted(fit, recipe, _run(recipe, around, share=1.0), name="masks")


def _fitted(fit: Callable[..., Fit], recipe: Recipe, run: Run, *, name: str) -> Fit:
    """What `fit` makes in this process, or on a cluster."""
    if recipe.ray is None:
        return fit(run=run)
    from walkaround.training.gradient.cluster import fit_on_cluster

    return fit_on_cluster(fit, run=run, name=name, address=recipe.ray, workers=recipe.workers)


def _run(recipe: Recipe, around: Surroundings, *, share: float) -> Run:
    """The surroundings of one part, which may take `share` of the time that is left."""
    return Run(
        folder=around.folder,
        key=around.folder.name,
        threads=recipe.threads or cores(),
        deadline=_share(around.deadline, share),
        progress=around.progress,
        monitor=around.monitor,
    )
