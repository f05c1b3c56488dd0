"""The spine of training, top to bottom: read, look, plan, fit, measure the exported package, write it."""

from __future__ import annotations

import hashlib
import tempfile
import time
from collections import Counter
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import partial
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np

from walkaround.buckets.buckets import Buckets
from walkaround.damage.measures import confidence_of, profile_of
from walkaround.datasets.reading import read_dataset
from walkaround.datasets.sample import Dataset, Problem
from walkaround.datasets.survey import survey
from walkaround.evaluation.measure import Evaluation, measure
from walkaround.evaluation.scorecard import as_json
from walkaround.inspection.detector import Detector
from walkaround.models import backbone
from walkaround.models.network import cores
from walkaround.models.package import Card, Package, check_target, write_package
from walkaround.models.preparation import SIDE
from walkaround.training.fitting import Fitted, Progress, fit_classes, fit_memory, silent, time_limit
from walkaround.training.plan import Plan, make_plan
from walkaround.training.recipe import Recipe


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
) -> Trained:
    """Train a package on labelled pictures; what kind of model, the labels decide.

    Args:
        pictures: a folder, table or manifest; see `walkaround.datasets.reading.read_dataset`.
        out: folder of the package; an older package there is replaced when the new one is whole.
        test: labelled pictures to measure on; without them a part of `pictures` is kept back.
        recipe: settings, the defaults where None.
        buckets: where the buckets of `s3://` addresses are.
        progress: told what is being done and how far it is.

    Raises:
        DatasetError: the pictures or labels cannot be used.
        TrainingError: there are too few pictures to train a model that deserves trust.
        StorageError: the package or the features cannot be written.
    """
    recipe, report = recipe or Recipe(), progress or silent
    started, deadline = time.monotonic(), time_limit(recipe)
    check_target(Path(out))
    dataset, own_test = _dataset(pictures, test, buckets, cache=recipe.cache, progress=report)
    looked = survey(dataset, progress=lambda done, total: report("Looking at pictures", done, total))
    plan = make_plan(looked, recipe, own_test=own_test)
    threads = recipe.threads or cores()
    if plan.task == "anomaly":
        fitted = fit_memory(plan, recipe, threads=threads, progress=report)
    else:
        fitted = fit_classes(plan, recipe, threads=threads, deadline=deadline, progress=report)
    card = _card(Path(out).absolute().name, plan, fitted, recipe, seconds=time.monotonic() - started)
    evaluation = _measured(fitted, card, plan, recipe, report) if plan.test else None
    if evaluation is not None:
        card = replace(card, scores=_scores(evaluation))
    package = write_package(Path(out), fitted.model, card)
    return Trained(
        package=package, evaluation=evaluation, problems=(*looked.problems, *plan.notes, *_short_of_time(card, recipe))
    )


def _short_of_time(card: Card, recipe: Recipe) -> list[Problem]:
    """What the time budget did not allow."""
    read = card.training["views"]
    if card.task != "classes" or recipe.minutes is None or read == recipe.views:
        return []
    message = (
        f"In {recipe.minutes:g} minutes all pictures were read, but only {read} of {recipe.views} views of each: the model has"
        " seen less of other cameras and light. Type the command again to go on from what was read, or give more --minutes."
    )
    return [Problem(kind="time", severity="note", message=message)]


def _dataset(
    pictures: Path | str, test: Path | str | None, buckets: Buckets | None, *, cache: Path, progress: Progress
) -> tuple[Dataset, frozenset[str] | None]:
    """All pictures as one dataset, so that copies between training and test are noticed; and the paths of the test."""
    read = partial(read_dataset, buckets=buckets, cache=cache, progress=partial(progress, "Fetching pictures"))
    dataset = read(pictures)
    if test is None:
        return dataset, None
    kept_back = read(test)
    paths = {sample.path for sample in kept_back.samples}
    joined = replace(
        dataset,
        samples=(*(sample for sample in dataset.samples if sample.path not in paths), *kept_back.samples),
        problems=(*dataset.problems, *kept_back.problems),
    )
    return joined, frozenset(map(str, paths))


def _measured(fitted: Fitted, card: Card, plan: Plan, recipe: Recipe, report: Progress) -> Evaluation:
    """Scores of the exported package, read back from disk, on the test pictures; they are looked at here and nowhere else."""
    with tempfile.TemporaryDirectory(prefix="walkaround-") as folder:
        detector = Detector(write_package(Path(folder) / "package", fitted.model, card), threads=recipe.threads)
        report("Measuring on test pictures", 0, 1)
        evaluation = measure(
            lambda paths: detector.predict(paths, heat=False),
            [picture.sample for picture in plan.test],
            classes=card.classes,
            normal=card.normal,
            threshold=card.threshold,
            seed=recipe.seed,
        )
        report("Measuring on test pictures", 1, 1)
    return evaluation


def _card(name: str, plan: Plan, fitted: Fitted, recipe: Recipe, *, seconds: float) -> Card:
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
    )


def _data(plan: Plan) -> dict[str, Any]:
    """Counts, and a fingerprint that changes when any picture or label does."""
    lines = sorted(f"{picture.sha256} {picture.label}" for picture in plan.train)
    return {
        "pictures": len(plan.train),
        "classes": dict(sorted(Counter(picture.label for picture in plan.train).items())),
        "groups": len(set(plan.groups.tolist())),
        "fingerprint": hashlib.sha256("\n".join(lines).encode()).hexdigest(),
        "test_pictures": len(plan.test),
    }


def _profile(plan: Plan, fitted: Fitted) -> dict[str, Any]:
    """What the training pictures are like, and how sure the model is of such as it was not trained on; see `profile_of`."""
    return profile_of(
        {**picture.measures, "confidence": confidence_of(damage=damage, anomalous=damage >= fitted.threshold)}
        for picture, damage in zip(plan.train, fitted.damage.tolist(), strict=True)
    )


def _scores(evaluation: Evaluation) -> dict[str, Any]:
    """The numbers of the scorecard that belong on a card: no curves."""
    told = as_json(evaluation, {})
    kept = ("n", "accuracy", "precision", "recall", "f1", "auroc", "average_precision", "macro_f1", "confusion", "intervals")
    return {name: told[name] for name in kept if name in told}
