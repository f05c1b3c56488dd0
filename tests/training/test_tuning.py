"""How a fine-tuned network gets into the package; what makes one is handed in."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from walkaround.datasets.reading import read_dataset
from walkaround.datasets.survey import survey
from walkaround.inspection.detector import Detector
from walkaround.models.backbone import load_backbone
from walkaround.models.heads import LinearHead
from walkaround.models.names import PROBABILITIES
from walkaround.models.network import Network
from walkaround.training.choose import trial_of
from walkaround.training.fitting import fit_classes, silent
from walkaround.training.parts import training_folder
from walkaround.training.plan import Plan, make_plan
from walkaround.training.recipe import Quality, Recipe
from walkaround.training.train import train
from walkaround.training.tuning import FINE_TUNED, Tunable, TunedNetwork, Tuning, first_head, on_part


@pytest.fixture(scope="module")
def plan(drawn: Path, recipe: Recipe) -> Plan:
    return make_plan(survey(read_dataset(drawn / "train")), recipe)


def tuned(task: Tunable, *, measured: np.ndarray[tuple[int], np.dtype[np.bool_]], sign: float) -> Tuning:
    """The shipped network with its own linear head, as if it had been right about all pictures held out."""
    ids = task.class_ids[measured]
    sure = np.where(ids, 4.0, -4.0) + np.random.default_rng(0).normal(size=len(ids))
    scores = np.tile(sure.astype(np.float32)[:, None], (len(task.views), 1, 1))
    head = first_head(np.concatenate(task.views), np.tile(task.class_ids, len(task.views)))
    head = LinearHead(weights=sign * head.weights, offsets=sign * head.offsets)
    return Tuning(
        network=TunedNetwork(backbone=load_backbone().SerializeToString(), head=head),
        measured=measured,
        trial=trial_of(FINE_TUNED, scores, ids, seconds=1.0),
        told={"taken": "best"},
    )


@pytest.mark.parametrize("folds", [1, 3])
def test_the_package_has_the_tuned_network_and_its_head(plan: Plan, recipe: Recipe, folds: int) -> None:
    seen: list[Tunable] = []

    def tune(task: Tunable) -> Tuning:
        seen.append(task)
        return tuned(task, measured=task.folds < folds, sign=1.0)

    fitted = fit_classes(plan, recipe, threads=2, deadline=None, progress=silent, tune=tune)
    [task] = seen
    assert fitted.told["chosen"] == FINE_TUNED.name
    assert fitted.told["tuning"] == {"taken": "best"}
    [whole, damaged] = Network(fitted.model).run(np.full((1, 3, 320, 320), 90, dtype=np.float32), [PROBABILITIES])[0][0]
    assert whole + damaged == pytest.approx(1, abs=1e-5)
    measured = task.folds < folds
    assert ((fitted.damage > fitted.threshold) == (plan.class_ids == 1))[measured].all()
    assert measured.all() == (folds == 3)
    assert set(fitted.doubts) <= {str(p.sample.path) for p, held in zip(plan.train, measured, strict=True) if not held}


def test_a_network_that_is_not_taken_changes_nothing(plan: Plan, recipe: Recipe) -> None:
    def tune(task: Tunable) -> Tuning:
        return replace(tuned(task, measured=task.folds < 1, sign=-1.0), network=None, told={"taken": "fast"})

    fast, best = (fit_classes(plan, recipe, threads=2, deadline=None, progress=silent, tune=one) for one in (None, tune))
    assert best.model == fast.model
    assert best.told["chosen"] == fast.told["chosen"]
    assert best.told["tuning"] == {"taken": "fast"}


def test_trials_are_compared_on_the_same_pictures() -> None:
    ids = np.array([0, 1, 1, 0])
    trial = trial_of(FINE_TUNED, np.array([[[-1], [1], [-1], [1]], [[-1], [1], [1], [1]]], dtype=np.float32), ids, seconds=2.0)
    part = on_part(trial, np.array([True, True, False, True]), ids)
    assert part.accuracy == pytest.approx((2 / 3, 2 / 3))
    assert (part.scores.shape, part.seconds) == ((2, 3, 1), 2.0)


def test_checkpoints_of_a_verdict_are_found_by_its_pictures(plan: Plan, recipe: Recipe) -> None:
    best = replace(recipe, quality=Quality.BEST)
    fewer = replace(plan, train=plan.train[1:])
    assert training_folder(plan, best) == training_folder(plan, best)
    assert len({training_folder(plan, best), training_folder(fewer, best), training_folder(plan, recipe)}) == 3


def test_the_best_quality_from_pictures_to_verdict(drawn: Path, recipe: Recipe, tmp_path: Path) -> None:
    """With next to no time, which is told."""
    pytest.importorskip("torch")
    hurried = replace(recipe, quality=Quality.BEST, minutes=1e-4)  # over before the fine-tuning begins
    found = train(drawn / "train", out=tmp_path / "cars", test=drawn / "test", recipe=hurried)
    assert found.package.card.training["tuning"] == {"taken": "fast", "why": "too little time to fine-tune"}
    assert Detector(found.package).card.classes == ("normal", "anomaly")
