"""The whole check of a dataset: what the pictures themselves show, and the labels that a model trained on the others doubts."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from walkaround.buckets.buckets import Buckets
from walkaround.datasets.checks import CheckReport, check_survey
from walkaround.datasets.gathering import gathered
from walkaround.datasets.renaming import parse_renames, renamed
from walkaround.datasets.split import folds_by_group
from walkaround.datasets.survey import Survey, survey
from walkaround.errors import TrainingError
from walkaround.models.network import cores
from walkaround.training.choose import CANDIDATES, compare
from walkaround.training.fitting import Progress, calibrated, label_doubts, out_of_fold, read_coordinates, silent
from walkaround.training.multi_label import kind_doubts, unseen_kinds
from walkaround.training.pictures import read_pictures
from walkaround.training.plan import Plan, is_normal, make_plan
from walkaround.training.recipe import Recipe


def check(
    pictures: Path | str,
    *,
    recipe: Recipe | None = None,
    labels: bool = True,
    buckets: Buckets | None = None,
    progress: Progress | None = None,
) -> CheckReport:
    """List what is wrong with labelled pictures, as things to act on.

    Args:
        pictures: a folder, table or manifest.
        recipe: settings; of these the seed, the folds, the threads, the cache, and what is renamed and skipped matter here.
        labels: also look for wrong labels, which takes one pass of the network over the pictures. Training uses it again.
        buckets: where the buckets of `s3://` addresses are.
        progress: told what is being done and how far it is.

    Raises:
        DatasetError: the pictures or labels cannot be used at all.
    """
    recipe, report = recipe or Recipe(), progress or silent
    dataset = read_pictures(pictures, recipe, buckets=buckets, report=report)
    dataset = renamed(dataset, parse_renames(recipe.rename))
    if recipe.multi_label:
        dataset = gathered(dataset, lambda name: is_normal(name, recipe))
    looked = survey(dataset, progress=lambda done, total: report("Looking at pictures", done, total))
    unseen = read_unseen(looked, recipe, report) if labels else None
    return check_survey(dataset, looked, label_doubt={} if unseen is None else unseen.doubts)


@dataclass(frozen=True, kw_only=True, eq=False)
class Unseen:
    """What models that did not see a picture say of it.

    Attributes:
        plan: which pictures, and which classes.
        probabilities: float64 [pictures, classes].
    """

    plan: Plan
    probabilities: NDArray[np.float64]

    @property
    def doubts(self) -> Mapping[Path, tuple[str, float]]:
        """The pictures of which another class is more probable than their own, with that class and its probability."""
        several = self.plan.task == "multi-label"
        doubts = kind_doubts(self.plan, self.probabilities) if several else label_doubts(self.plan, self.probabilities)
        return {Path(path): doubt for path, doubt in doubts.items()}

    @property
    def opinions(self) -> Iterator[tuple[Path, float, str]]:
        """Of every picture: the probability that its label is wrong, and the most probable class; of one label a picture."""
        for picture, row, own in zip(self.plan.train, self.probabilities, self.plan.class_ids, strict=True):
            yield picture.sample.path, float(1 - row[own]), self.plan.classes[int(row.argmax())]


def read_unseen(looked: Survey, recipe: Recipe, report: Progress) -> Unseen | None:
    """Have cross-validated models say what they think of the labels; None where the pictures cannot train any."""
    try:
        plan = make_plan(looked, recipe, own_test=frozenset())
    except TrainingError:  # too few pictures, or one class: the check says so itself
        return None
    if plan.task not in ("classes", "multi-label"):
        return None
    one_view = Recipe(seed=recipe.seed, folds=recipe.folds, views=1, cache=recipe.cache)
    threads = recipe.threads or cores()
    projection, views = read_coordinates(plan.train, one_view, threads=threads, progress=report)
    folds = folds_by_group([picture.labels for picture in plan.train], plan.groups, folds=recipe.folds, seed=recipe.seed)
    if plan.task == "multi-label":
        return Unseen(plan=plan, probabilities=unseen_kinds(plan, projection, views, folds, threads=threads))
    trial = compare(views, plan.class_ids, folds, candidates=CANDIDATES[:1], threads=threads)[0]
    head = trial.candidate.fit(views[0], plan.class_ids)
    classifier = calibrated(projection, head, trial, plan.class_ids, plan.damaged)
    return Unseen(plan=plan, probabilities=out_of_fold(trial, classifier)[0])
