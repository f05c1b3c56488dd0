"""Training where a picture may show several damage types: plan, heads, thresholds, and the package that comes of it."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from subprocess import CompletedProcess
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from made_facts import made_facts
from walkaround.datasets.drawn.car import draw_car
from walkaround.datasets.sample import Sample
from walkaround.datasets.survey import Survey
from walkaround.errors import TrainingError
from walkaround.training.check import check
from walkaround.training.multi_label import (
    FITS,
    Truth,
    best,
    compare,
    kind_doubts,
    kind_thresholds,
    mean_average_precision,
    truth_of,
)
from walkaround.training.plan import Plan, make_plan
from walkaround.training.recipe import Quality, Recipe
from walkaround.training.train import Trained, train

Sets = Sequence[tuple[str, ...]]


def several(sets: Sets, recipe: Recipe | None = None) -> Plan:
    """The plan of pictures with these labels, each of a duplicate group of its own."""
    samples = [Sample(path=Path(f"{n}.jpg"), label=names[0], also=names[1:]) for n, names in enumerate(sets)]
    facts = [made_facts(sample.path, number) for number, sample in enumerate(samples)]
    looked = Survey(samples=tuple(samples), facts=tuple(facts), groups=np.arange(len(sets)), problems=())
    return make_plan(looked, recipe or Recipe())


def test_one_picture_with_two_labels_makes_a_multi_label_model() -> None:
    sets: Sets = [("dent", "scratch")] + [("dent",)] * 19 + [("scratch",)] * 20 + [("Good",)] * 20 + [("anomaly",)] * 10
    plan = several(sets)
    assert (plan.task, plan.classes, plan.normal) == ("multi-label", ("Good", "dent", "scratch"), ("Good",))
    assert len(plan.test) == 14
    truth = truth_of(plan)
    assert truth.with_whole
    assert truth.shown[:, 0].tolist() == [picture.labels != ("Good",) for picture in plan.train]
    assert (~truth.named).sum() == 8, "of what is only called damaged nobody knows which damage it is"
    assert plan.shown[:, 1].tolist() == ["dent" in picture.labels for picture in plan.train]


def test_one_label_each_makes_a_multi_label_model_when_asked() -> None:
    sets: Sets = [("dent",)] * 12 + [("scratch",)] * 12
    assert several(sets).task == "classes"
    plan = several(sets, Recipe(multi_label=True))
    assert (plan.task, plan.classes, plan.normal) == ("multi-label", ("dent", "scratch"), ())
    assert not truth_of(plan).with_whole


def test_rare_types_are_left_out_and_named() -> None:
    sets: Sets = [("dent", "scratch")] * 15 + [("dent",)] * 15 + [("dent", "rust")] * 3 + [("normal",)] * 20
    plan = several(sets)
    assert plan.classes == ("normal", "dent", "scratch")
    (note,) = plan.notes
    assert "'rust' is on" in note.message
    assert note.severity == "warning"


@pytest.mark.parametrize(
    ("sets", "told"),
    [
        ([("anomaly",)] * 20 + [("normal",)] * 20, "No picture names a damage type"),
        ([("dent", "scratch")] * 20, "5 that do not: 'dent' is on"),
        ([("dent", "scratch")] * 20 + [("dent",)] * 20 + [("normal",)] * 3, "different pictures of whole cars"),
    ],
)
def test_what_cannot_be_learnt_is_refused_with_what_to_do(sets: Sets, told: str) -> None:
    with pytest.raises(TrainingError, match=told):
        several(sets, Recipe(multi_label=True))


def test_best_is_the_same_as_fast_and_says_so() -> None:
    sets: Sets = [("dent", "scratch")] * 15 + [("dent",)] * 15 + [("normal",)] * 20
    plan = several(sets, Recipe(quality=Quality.BEST))
    assert [note.kind for note in plan.notes] == ["no-tuning"]


def clouds(seed: int, n: int = 240) -> tuple[list[NDArray[np.float32]], Truth]:
    """Two views of points whose coordinates tell three damage types, of which one in three points shows two or more."""
    rng = np.random.default_rng(seed)
    kinds = rng.random((n, 3)) < (0.4, 0.3, 0.15)
    rows = 0.35 * kinds.astype(np.float32) @ np.eye(3, 8, dtype=np.float32)
    views = [(rows + rng.normal(0, noise, rows.shape)).astype(np.float32) for noise in (0.05, 0.08)]
    shown = np.column_stack([kinds.any(axis=1), kinds])
    named = ~(shown[:, 0] & (rng.random(n) < 0.1))
    return views, Truth(shown=shown, named=named, with_whole=True)


@pytest.mark.parametrize("fit", FITS, ids=lambda one: one[0])
def test_each_head_tells_its_own_damage_type(fit: tuple[str, Callable[..., Any]]) -> None:
    views, truth = clouds(0)
    other, unseen = clouds(1)
    head = fit[1](views[0], truth)
    scores = head.scores(other[0])
    assert scores.shape == (240, 4)
    assert mean_average_precision(scores, unseen) > 0.95
    called = scores > 0
    assert (called == unseen.shown).mean() > 0.9


def test_what_nobody_named_has_no_say_in_the_damage_types() -> None:
    views, truth = clouds(0)
    lied = truth.shown.copy()
    lied[~truth.named, 1:] ^= True
    for name, fit in FITS:
        one, other = (fit(views[0], replace(truth, shown=shown)).scores(views[1]) for shown in (truth.shown, lied))
        assert other[:, 1:] == pytest.approx(one[:, 1:], abs=1e-4), name


def test_candidates_are_compared_out_of_fold() -> None:
    views, truth = clouds(2)
    folds = np.arange(240) % 4
    trials = compare(views, truth, folds)
    assert [trial.candidate.name for trial in trials] == [name for name, _ in FITS]
    chosen = best(trials)
    assert chosen.merit >= max(trial.merit for trial in trials) - chosen.error - 0.05
    assert 0.8 < chosen.macro_f1[0] <= 1
    noise = replace(truth, shown=truth.shown[np.random.default_rng(0).permutation(240)])
    assert compare(views, noise, folds)[0].merit < 0.5, "labels by chance cannot be learnt"
    assert len(compare(views, truth, folds, deadline=0.0)) == 1


def test_a_threshold_is_chosen_for_each_type_among_pictures_that_count_as_damaged() -> None:
    views, truth = clouds(3)
    rng = np.random.default_rng(0)
    sure = np.where(truth.shown, 0.7, 0.2) + rng.normal(0, 0.05, truth.shown.shape)
    unseen = np.concatenate([1 - sure[:, :1], sure[:, 1:]], axis=1)[None]
    limits = kind_thresholds(unseen, truth, threshold=0.45)
    assert sorted(limits) == [1, 2, 3]
    assert all(0.25 < limit < 0.65 for limit in limits.values())
    del views


def test_labels_that_the_others_contradict_are_doubted_one_at_a_time() -> None:
    sets: Sets = [("dent", "scratch")] * 20 + [("dent",)] * 20 + [("normal",)] * 20
    plan = several(sets)
    rows = np.array([[0.02, 0.97, 0.95 if "scratch" in one.labels else 0.05] for one in plan.train])
    rows[[one.labels == ("normal",) for one in plan.train]] = (0.95, 0.03, 0.02)
    both = next(n for n, one in enumerate(plan.train) if len(one.labels) == 2)
    dent = next(n for n, one in enumerate(plan.train) if one.labels == ("dent",))
    whole = next(n for n, one in enumerate(plan.train) if one.labels == ("normal",))
    rows[both, 2], rows[dent, 2], rows[whole] = 0.01, 0.93, (0.04, 0.9, 0.1)
    told = {Path(path).name: doubt for path, doubt in kind_doubts(plan, rows).items()}
    names = [plan.train[number].sample.path.name for number in (both, dent, whole)]
    assert {name: labels for name, (labels, _) in told.items()} == dict(
        zip(names, ("dent", "dent; scratch", "dent"), strict=True)
    )
    assert [told[name][1] for name in names] == pytest.approx([0.99, 0.93, 0.96])


@pytest.fixture(scope="module")
def cars(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Whole cars, smashed ones, ones with broken glass, and ones with both, twelve of each, with a table."""
    folder = tmp_path_factory.mktemp("several")
    lines = ["image,label"]
    for number in range(48):
        damage = [[], ["smash"], ["glass_shatter"], ["smash", "glass_shatter"]][number % 4]
        car = draw_car(number, damage=damage, width=320, height=240, focus=None if damage else "smash")
        Image.fromarray(car.pixels).save(folder / f"{number}.jpg", quality=90)
        lines.append(f"{number}.jpg,{';'.join(damage) or 'normal'}")
    (folder / "labels.csv").write_text("\n".join(lines) + "\n")
    return folder


@pytest.fixture(scope="module")
def package(cars: Path, recipe: Recipe, tmp_path_factory: pytest.TempPathFactory) -> Trained:
    return train(cars, out=tmp_path_factory.mktemp("package") / "several", recipe=replace(recipe, views=1, test_share=0.25))


def test_a_package_tells_each_damage_type_of_cars_it_never_saw(package: Trained) -> None:
    card = package.package.card
    assert (card.task, card.format) == ("multi-label", 3)
    assert card.classes == ("normal", "glass_shatter", "smash")
    assert set(card.kind_thresholds or ()) == {"glass_shatter", "smash"}
    assert card.data["classes"]["smash"] == 18
    assert [one["name"] for one in card.training["candidates"]] == [name for name, _ in FITS]
    assert package.evaluation is not None
    kinds = package.evaluation.kinds
    assert kinds is not None
    assert 10 <= kinds.n <= 14
    assert kinds.mean_average_precision is not None
    assert kinds.mean_average_precision > 0.6
    assert card.scores["kinds"]["macro_f1"] == kinds.macro_f1
    for row in package.evaluation.rows:
        found = row.findings
        assert found.kinds is not None
        assert found.damage == pytest.approx(1 - found.probabilities["normal"], abs=1e-6)
        assert all(value <= found.damage + 1e-6 for value in found.kinds.values())
        assert found.anomalous or not found.kinds


def test_the_command_line_measures_and_detects(
    package: Trained, cars: Path, tmp_path: Path, command: Callable[..., CompletedProcess[str]]
) -> None:
    done = command("evaluate", package.package.path, cars, "--json", tmp_path / "scores.json", "--html", tmp_path / "page.html")
    assert done.returncode == 0, done.stderr
    assert "macro f1 of damage types" in done.stderr
    assert json.loads((tmp_path / "scores.json").read_text())["kinds"]["n"] == 48
    assert "Each damage type for itself" in (tmp_path / "page.html").read_text()
    done = command("detect", package.package.path, cars / "3.jpg", "--json", "-", "--csv", tmp_path / "found.csv")
    line = json.loads(done.stdout)
    assert set(line["kinds"]) <= {"smash", "glass_shatter"}
    header, row = (tmp_path / "found.csv").read_text().splitlines()
    assert row.split(",")[header.split(",").index("kinds")] == "; ".join(line["kinds"])


def test_the_check_looks_for_wrong_labels(cars: Path, recipe: Recipe) -> None:
    report = check(cars, recipe=replace(recipe, views=1))
    assert report.counts == {"glass_shatter": 24, "normal": 12, "smash": 24}
    assert "several-labels" in {problem.kind for problem in report.problems}
    assert Sample(path=cars, label="a", also=("b",)).labels == ("a", "b")
