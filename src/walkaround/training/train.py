"""The spine of training, top to bottom: read, look, plan, fit, measure the exported package, write it."""

from __future__ import annotations

import hashlib
import tempfile
import time
from collections import Counter
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np

from walkaround.buckets.buckets import Buckets
from walkaround.damage.measures import confidence_of, profile_of
from walkaround.datasets.faults import require_good_places
from walkaround.datasets.gathering import gathered
from walkaround.datasets.labels import told
from walkaround.datasets.renaming import parse_renames, renamed
from walkaround.datasets.sample import Dataset, Problem
from walkaround.datasets.survey import survey
from walkaround.evaluation.measure import Evaluation
from walkaround.evaluation.scorecard import as_json
from walkaround.inspection.detector import Detector
from walkaround.models import backbone
from walkaround.models.package import FORMAT, MULTI_LABEL_FORMAT, Card, Package, check_target, write_package
from walkaround.models.preparation import SIDE
from walkaround.training.evaluate import measure_package
from walkaround.training.fitting import Progress, silent, time_limit
from walkaround.training.monitor import Monitor
from walkaround.training.parts import FittedParts, Surroundings, fit_parts, forget, training_folder
from walkaround.training.pictures import read_pictures
from walkaround.training.places import fingerprint_of
from walkaround.training.plan import Plan, is_normal, make_plan
from walkaround.training.reach import within_reach
from walkaround.training.recipe import Recipe
from walkaround.training.watching import Watch


@dataclass(frozen=True, kw_only=True, eq=False)
class Trained:
    """The outcome of a training.

    Attributes:
        package: what was written.
        evaluation: of the package on the test pictures; None when there were none.
        problems: what was left out, and what should be known about the data.
    """

    package: Package
    evaluation: Evaluation | None
    problems: tuple[Problem, ...]


def train(
    pictures: Path | str,
    *,
    out: Path | str,
    test: Path | str | None = None,
    recipe: Recipe | None = None,
    buckets: Buckets | None = None,
    progress: Progress | None = None,
    monitor: Monitor | None = None,
) -> Trained:
    """Train a package on labelled pictures; what it can find, the labels decide.

    Whole pictures that are labelled give a verdict, boxes and masks are learnt where some are drawn. An interrupted training
    goes on where it was when it is called again with the same pictures and recipe.

    Args:
        pictures: a folder, table or manifest; see `walkaround.datasets.reading.read_dataset`.
        out: folder of the package; an older package there is replaced when the new one is whole.
        test: labelled pictures to measure on; without them a part of `pictures` is kept back.
        recipe: settings, the defaults where None.
        buckets: where the buckets of `s3://` addresses are.
        progress: told what is being done and how far it is.
        monitor: told everything else of the training of boxes and masks; None: problems go to the log.

    Raises:
        DatasetError: the pictures or labels cannot be used.
        TrainingError: there are too few pictures to train a model that deserves trust.
        MissingExtraError: what is to be learnt needs PyTorch, which is not installed.
        StorageError: the package or the features cannot be written.
    """
    recipe, report = recipe or Recipe(), progress or silent
    started, deadline = time.monotonic(), time_limit(recipe)
    check_target(Path(out))
    dataset, own_test = _dataset(pictures, test, buckets, recipe, report)
    looked = survey(dataset, progress=lambda done, total: report("Looking at pictures", done, total))
    plan = within_reach(make_plan(looked, recipe, own_test=own_test), recipe)
    around = Surroundings(
        folder=training_folder(plan, recipe), deadline=deadline, progress=report, monitor=monitor or Watch(None)
    )
    try:
        fitted = fit_parts(plan, recipe, around)
    finally:
        around.monitor.close()
    card = _card(Path(out).absolute().name, plan, fitted, recipe, seconds=time.monotonic() - started)
    evaluation = _measured(fitted, card, plan, recipe, report) if plan.test else None
    if evaluation is not None:
        card = replace(card, scores=_scores(evaluation))
    package = write_package(Path(out), fitted.model, card)
    forget(around)
    return Trained(
        package=package, evaluation=evaluation, problems=(*looked.problems, *plan.notes, *_short_of_time(card, recipe))
    )


def _short_of_time(card: Card, recipe: Recipe) -> list[Problem]:
    """What the time budget did not allow."""
    messages = []
    read = card.training.get("views")
    if card.task in ("classes", "multi-label") and recipe.minutes is not None and read != recipe.views:
        messages.append(
            f"In {recipe.minutes:g} minutes all pictures were read, but only {read} of {recipe.views} views of each: the model"
            " has seen less of other cameras and light. Type the command again to go on from what was read, or give more"
            " --minutes."
        )
    cut = [name for name in ("boxes", "masks") if card.training.get(name, {}).get("ended") == "time"]
    if cut:
        messages.append(
            f"The time did not suffice to train {' and '.join(cut)} to the end; give more --minutes for better ones."
        )
    return [Problem(kind="time", severity="note", message=message) for message in messages]


def _dataset(
    pictures: Path | str, test: Path | str | None, buckets: Buckets | None, recipe: Recipe, report: Progress
) -> tuple[Dataset, frozenset[str] | None]:
    """All pictures as one dataset, so that copies between training and test are noticed; and the paths of the test."""
    renames = parse_renames(recipe.rename)

    def read(source: Path | str, *, demanding: bool) -> Dataset:
        dataset = read_pictures(source, recipe, buckets=buckets, report=report)
        require_good_places(dataset)
        dataset = renamed(dataset, renames, demanding=demanding)
        return gathered(dataset, lambda name: is_normal(name, recipe)) if recipe.multi_label else dataset

    dataset = read(pictures, demanding=True)
    if test is None:
        return dataset, None
    kept_back = read(test, demanding=False)
    paths = {sample.path for sample in kept_back.samples}
    joined = replace(
        dataset,
        samples=(*(sample for sample in dataset.samples if sample.path not in paths), *kept_back.samples),
        problems=(*dataset.problems, *kept_back.problems),
    )
    return joined, frozenset(map(str, paths))


def _measured(fitted: FittedParts, card: Card, plan: Plan, recipe: Recipe, report: Progress) -> Evaluation:
    """Scores of the exported package, read back from disk, on the test pictures; they are looked at here and nowhere else."""
    with tempfile.TemporaryDirectory(prefix="walkaround-") as folder:
        detector = Detector(write_package(Path(folder) / "package", fitted.model, card), threads=recipe.threads)
        return measure_package(
            detector,
            [picture.sample for picture in plan.test],
            seed=recipe.seed,
            progress=lambda _, done, total: report("Measuring on test pictures", done, total),
        )


def _card(name: str, plan: Plan, fitted: FittedParts, recipe: Recipe, *, seconds: float) -> Card:
    return Card(
        name=name,
        task=plan.task,
        classes=plan.classes,
        normal=plan.normal,
        threshold=round(fitted.threshold, 6),
        side=SIDE,
        model_sha256=hashlib.sha256(fitted.model).hexdigest(),
        created=datetime.now(UTC).isoformat(timespec="seconds"),
        walkaround=version("walkaround"),
        data={**_data(plan), "profile": _profile(plan, fitted)},
        training={
            "seed": recipe.seed,
            "views": 1,
            "folds": recipe.folds,
            "seconds": round(seconds, 1),
            "numpy": np.__version__,
            **fitted.told,
        },
        licences={f"backbone {backbone.NAME}": backbone.LICENCE},
        format=MULTI_LABEL_FORMAT if plan.task == "multi-label" else FORMAT,
        kind_thresholds=None if fitted.verdict is None else fitted.verdict.kind_thresholds,
        boxes=None if fitted.boxes is None else fitted.boxes.part,
        masks=None if fitted.masks is None else fitted.masks.part,
    )


def _data(plan: Plan) -> dict[str, Any]:
    """Counts, and a fingerprint that changes when any picture or label does."""
    lines = sorted(f"{picture.sha256} {told(picture.labels)}" for picture in plan.train)
    drawn = {}
    for kind, part in (("boxes", plan.boxes), ("masks", plan.masks)):
        if part is not None:
            counts = Counter(place.label for picture in part.pictures for place in picture.sample.places or ())
            drawn[kind] = {"pictures": len(part.pictures), "classes": {name: counts[name] for name in part.classes}}
            lines += sorted(f"{kind} {picture.sha256} {fingerprint_of(picture.sample)}" for picture in part.pictures)
    return {
        "pictures": len(plan.train),
        "classes": dict(sorted(Counter(label for picture in plan.train for label in picture.labels).items())),
        "groups": len(set(plan.groups.tolist())),
        "fingerprint": hashlib.sha256("\n".join(lines).encode()).hexdigest(),
        "test_pictures": len(plan.test),
        **drawn,
    }


def _profile(plan: Plan, fitted: FittedParts) -> dict[str, Any]:
    """What the training pictures are like, and how sure the model is of such as it was not trained on; see `profile_of`.

    How sure a model is that goes by places is not known without pictures of its own for that.
    """
    if fitted.verdict is None:
        return profile_of(picture.measures for picture in plan.train)
    return profile_of(
        {**picture.measures, "confidence": confidence_of(damage=damage, anomalous=damage >= fitted.threshold)}
        for picture, damage in zip(plan.train, fitted.verdict.damage.tolist(), strict=True)
    )


def _scores(evaluation: Evaluation) -> dict[str, Any]:
    """The numbers of the scorecard that belong on a card: no curves."""
    told = as_json(evaluation, {})
    kept = (
        "n",
        "accuracy",
        "precision",
        "recall",
        "f1",
        "auroc",
        "average_precision",
        "macro_f1",
        "confusion",
        "intervals",
        "kinds",
        "boxes",
        "masks",
    )
    return {name: told[name] for name in kept if name in told}
