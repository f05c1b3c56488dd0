"""From pictures to a package that finds damage, and whose scores are what anybody measures again."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path

import pytest

from walkaround.damage.findings import Findings
from walkaround.damage.measures import MEASURES
from walkaround.datasets.reading import read_dataset
from walkaround.errors import DatasetError, StorageError, TrainingError
from walkaround.inspection.detector import Detector
from walkaround.training.check import check
from walkaround.training.choose import CANDIDATES
from walkaround.training.evaluate import evaluate, facts_of, with_heat_maps
from walkaround.training.recipe import Recipe
from walkaround.training.train import Trained, train


def test_the_model_finds_damage_on_cars_it_never_saw(trained: Trained) -> None:
    assert trained.evaluation is not None
    scores = trained.evaluation.scores
    assert scores.n == 20
    assert scores.auroc is not None
    low, _ = scores.intervals["auroc"]
    assert low is not None
    assert low > 0.5
    assert scores.auroc > 0.6
    assert scores.accuracy is not None
    assert scores.accuracy > 0.6


def test_the_card_holds_what_evaluate_measures_again(trained: Trained, drawn: Path) -> None:
    """So neither the export nor the card changed a verdict."""
    again = evaluate(trained.package.path, drawn / "test").scores
    card = trained.package.card
    assert card.scores["n"] == again.n
    for name in ("accuracy", "precision", "recall", "f1", "auroc", "average_precision"):
        assert card.scores[name] == pytest.approx(getattr(again, name), abs=1e-9)
    assert card.scores["confusion"]["matrix"] == again.confusion.counts.tolist()
    assert trained.evaluation is not None
    assert again.intervals == trained.evaluation.scores.intervals


def test_the_card_tells_how_it_was_made(trained: Trained) -> None:
    card = trained.package.card
    assert (card.task, card.classes, card.normal) == ("classes", ("normal", "anomaly"), ("normal",))
    assert card.data["classes"] == {"anomaly": 16, "normal": 16}
    assert (card.data["pictures"], card.data["test_pictures"]) == (32, 20)
    assert (card.training["seed"], card.training["folds"]) == (0, 3)
    names = [candidate["name"] for candidate in card.training["candidates"]]
    assert card.training["chosen"] in names
    assert names == [candidate.name for candidate in CANDIDATES]
    assert "Apache-2.0" in card.licences.values()


def test_the_card_counts_what_later_pictures_are_compared_with(trained: Trained, trained_on_whole_cars: Trained) -> None:
    for package in (trained.package, trained_on_whole_cars.package):
        counts = package.card.data["profile"]["counts"]
        assert set(counts) == set(MEASURES) - {"damage"}
        assert {name: len(row) for name, row in counts.items()} == {name: len(MEASURES[name]) + 1 for name in counts}
        assert {sum(row) for row in counts.values()} == {package.card.data["pictures"]}


def test_heat_maps_point_at_the_mistakes(trained: Trained) -> None:
    assert trained.evaluation is not None
    detector = Detector(trained.package)
    seen = with_heat_maps(detector, trained.evaluation)
    wrong = [row for row in seen.rows if row.findings.label != row.truth]
    assert all((row.findings.heat_map is not None) == (row in wrong) for row in seen.rows)
    assert facts_of(detector, seen)["Measured"].endswith("on 20 pictures")


def test_another_threshold_moves_the_verdicts(trained: Trained, drawn: Path) -> None:
    everything = evaluate(trained.package.path, drawn / "test", threshold=0.0).scores
    assert (everything.recall, everything.specificity) == (1.0, 0.0)


def test_the_same_seed_gives_the_same_model(trained: Trained, drawn: Path, recipe: Recipe, tmp_path: Path) -> None:
    """Byte for byte."""
    again = train(drawn / "train", out=tmp_path / "again", test=drawn / "test", recipe=recipe)
    assert again.package.model.read_bytes() == trained.package.model.read_bytes()
    assert again.package.card.data == trained.package.card.data
    assert again.package.card.scores == trained.package.card.scores


def test_several_kinds_of_damage(drawn: Path, recipe: Recipe, tmp_path: Path) -> None:
    """Every third picture is of a third class; what is in a class is for the labels to say."""
    pictures = sorted((drawn / "train").rglob("*.jpg"))
    kinds = [path.parent.name if number % 3 else "dent" for number, path in enumerate(pictures)]
    table = tmp_path / "labels.csv"
    table.write_text("image,label\n" + "".join(f"{path},{kind}\n" for path, kind in zip(pictures, kinds, strict=True)))
    found = train(table, out=tmp_path / "kinds", recipe=recipe)
    assert found.package.card.classes == ("normal", "anomaly", "dent")
    assert found.evaluation is not None
    assert found.evaluation.scores.macro_f1 is not None
    assert set(found.evaluation.scores.per_class) == {"normal", "anomaly", "dent"}
    answer = Detector(found.package).read(pictures[0], heat=True)
    assert isinstance(answer, Findings)
    assert sum(answer.probabilities.values()) == pytest.approx(1, abs=1e-5)
    assert answer.heat_map is not None


def test_whole_cars_alone_make_a_detector_of_what_is_different(trained_on_whole_cars: Trained, tmp_path: Path) -> None:
    card = trained_on_whole_cars.package.card
    assert (card.task, card.classes, card.threshold) == ("anomaly", ("normal", "anomaly"), 0.5)
    assert trained_on_whole_cars.evaluation is not None
    assert trained_on_whole_cars.evaluation.scores.n == 20
    detector = Detector(trained_on_whole_cars.package)
    rows = trained_on_whole_cars.evaluation.rows
    whole = [row for row in rows if row.truth == "normal"]
    assert sum(row.findings.anomalous for row in whole) <= len(whole) // 3
    strange = tmp_path / "strange.png"
    shutil.copy(whole[0].path, strange)
    answer = detector.read(strange, heat=True)
    assert isinstance(answer, Findings)
    assert answer.heat_map is not None
    assert answer.heat_map.shape == (40, 40)


def test_wrong_labels_are_doubted(drawn: Path, recipe: Recipe, tmp_path: Path) -> None:
    """Copies under another label contradict their originals; a swapped label is at least never called ready."""
    for name in ("normal", "anomaly"):
        shutil.copytree(drawn / "train" / name, tmp_path / "cars" / name)
    first = sorted((tmp_path / "cars" / "normal").iterdir())[0]
    shutil.copy(first, tmp_path / "cars" / "anomaly" / "copy.jpg")
    report = check(tmp_path / "cars", recipe=recipe)
    conflict = next(problem for problem in report.problems if problem.kind == "two-labels")
    assert (conflict.severity, report.passed) == ("error", False)
    assert str(first) in conflict.files
    assert report.counts == {"anomaly": 16, "normal": 15}


def test_the_check_asks_the_model_only_where_it_can(drawn: Path, recipe: Recipe, tmp_path: Path) -> None:
    stages: list[str] = []
    (tmp_path / "few" / "normal").mkdir(parents=True)
    shutil.copy(next((drawn / "train" / "normal").iterdir()), tmp_path / "few" / "normal")
    check(tmp_path / "few", recipe=recipe, progress=lambda stage, done, total: stages.append(stage))
    assert set(stages) == {"Looking at pictures"}
    check(drawn / "train", recipe=recipe, progress=lambda stage, done, total: stages.append(stage))
    assert "Reading pictures" in stages


def test_pictures_of_the_test_are_never_trained_on(drawn: Path, recipe: Recipe, tmp_path: Path) -> None:
    """And without any time only the first candidate is trained."""
    shutil.copytree(drawn / "train", tmp_path / "train")
    leaked = sorted((drawn / "test" / "anomaly").iterdir())[0]
    shutil.copy(leaked, tmp_path / "train" / "anomaly" / "leaked.jpg")
    found = train(tmp_path / "train", out=tmp_path / "out", test=drawn / "test", recipe=replace(recipe, minutes=0))
    assert found.package.card.data["pictures"] == 32
    assert [candidate["name"] for candidate in found.package.card.training["candidates"]] == [CANDIDATES[0].name]
    assert [problem.files for problem in found.problems if problem.kind == "leak"] == [
        (str(tmp_path / "train" / "anomaly" / "leaked.jpg"),)
    ]


def test_what_the_time_did_not_allow_is_said(drawn: Path, recipe: Recipe, tmp_path: Path) -> None:
    hurried = replace(recipe, minutes=0, cache=tmp_path / "cache")
    found = train(drawn / "train", out=tmp_path / "out", test=drawn / "test", recipe=hurried)
    assert (found.package.card.training["views"], found.package.card.data["pictures"]) == (1, 32)
    (said,) = [problem.message for problem in found.problems if problem.kind == "time"]
    assert "only 1 of 3 views" in said


def test_a_refused_training_leaves_nothing(drawn: Path, recipe: Recipe, tmp_path: Path) -> None:
    shutil.copytree(drawn / "train" / "anomaly", tmp_path / "one" / "anomaly")
    with pytest.raises(TrainingError, match="Add a folder 'normal'"):
        train(tmp_path / "one", out=tmp_path / "out", recipe=recipe)
    with pytest.raises(DatasetError, match="There is no dataset"):
        train(tmp_path / "missing", out=tmp_path / "out", recipe=recipe)
    with pytest.raises(StorageError, match="exists and is no package"):
        train(drawn / "train", out=tmp_path / "one", recipe=recipe)
    assert [path.name for path in tmp_path.iterdir()] == ["one"]


def test_pictures_without_labels_cannot_be_measured_on(trained: Trained, drawn: Path, tmp_path: Path) -> None:
    shutil.copy(next((drawn / "train" / "normal").iterdir()), tmp_path / "a.jpg")
    assert read_dataset(tmp_path).samples[0].label is None
    with pytest.raises(DatasetError, match="has no labelled pictures to measure on; put them into folders"):
        evaluate(trained.package.path, tmp_path)
