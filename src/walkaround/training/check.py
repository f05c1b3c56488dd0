"""The whole check of a dataset: what the pictures themselves show, and the labels that a model trained on the others doubts."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from walkaround.buckets.buckets import Buckets
from walkaround.datasets.checks import CheckReport, check_survey
from walkaround.datasets.reading import read_dataset
from walkaround.datasets.renaming import parse_renames, renamed
from walkaround.datasets.split import folds_by_group
from walkaround.datasets.survey import Survey, survey
from walkaround.errors import TrainingError
from walkaround.models.network import cores
from walkaround.training.choose import CANDIDATES, compare
from walkaround.training.fitting import Progress, calibrated, label_doubts, out_of_fold, read_coordinates, silent
from walkaround.training.plan import make_plan
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
    dataset = read_dataset(
        pictures,
        buckets=buckets,
        cache=recipe.cache,
        progress=lambda done, total: report("Fetching pictures", done, total),
        skip_bad_labels=recipe.skip_bad_labels,
    )
    dataset = renamed(dataset, parse_renames(recipe.rename))
    looked = survey(dataset, progress=lambda done, total: report("Looking at pictures", done, total))
    doubts = _doubts(looked, recipe, report) if labels else {}
    return check_survey(dataset, looked, label_doubt={Path(path): doubt for path, doubt in doubts.items()})


def _doubts(looked: Survey, recipe: Recipe, report: Progress) -> Mapping[str, tuple[str, float]]:
    """Labels that cross-validated models contradict; none where the pictures cannot train any."""
    try:
        plan = make_plan(looked, recipe, own_test=frozenset())
    except TrainingError:  # too few pictures, or one class: the check says so itself
        return {}
    if plan.task != "classes":
        return {}
    one_view = Recipe(seed=recipe.seed, folds=recipe.folds, views=1, cache=recipe.cache)
    threads = recipe.threads or cores()
    projection, views = read_coordinates(plan.train, one_view, threads=threads, progress=report)
    folds = folds_by_group([picture.label for picture in plan.train], plan.groups, folds=recipe.folds, seed=recipe.seed)
    trial = compare(views, plan.class_ids, folds, candidates=CANDIDATES[:1], threads=threads)[0]
    head = trial.candidate.fit(views[0], plan.class_ids)
    classifier = calibrated(projection, head, trial, plan.class_ids, plan.damaged)
    return label_doubts(plan, out_of_fold(trial, classifier)[0])
