"""Pictures on which damage is drawn become one package that gives a verdict, boxes and masks."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from walkaround.damage.findings import Findings
from walkaround.datasets.drawn.writing import write_drawn_dataset
from walkaround.errors import DatasetError, InputError
from walkaround.inspection.detector import Detector
from walkaround.models.package import read_package
from walkaround.training.recipe import Part, Recipe
from walkaround.training.train import Trained, train

WITHOUT_TORCH = """
import sys
from importlib.machinery import PathFinder

class Finder(PathFinder):
    @classmethod
    def find_spec(cls, name, path=None, target=None):
        return None if name.partition(".")[0] == "torch" else super().find_spec(name, path, target)

sys.meta_path = [Finder if one is PathFinder else one for one in sys.meta_path]
from walkaround.cli import main
main(sys.argv[1:])
"""
HURRIED = 0.0  # minutes: one step of each network, which is all that is needed here


@pytest.fixture(scope="module")
def drawn_on(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Forty cars, half of them damaged, with COCO annotations of boxes and masks."""
    folder = tmp_path_factory.mktemp("drawn") / "cars"
    write_drawn_dataset(folder, pictures=40, seed=5, coco=True)
    return folder


@pytest.fixture(scope="module")
def whole(drawn_on: Path, recipe: Recipe, tmp_path_factory: pytest.TempPathFactory) -> Trained:
    pytest.importorskip("torch")
    rename = ("*_dent=dent", "*_lamp=dent", "glass_shatter=dent", "smash=dent")
    return train(
        drawn_on,
        out=tmp_path_factory.mktemp("packages") / "cars",
        recipe=replace(recipe, minutes=HURRIED, rename=rename, cache=tmp_path_factory.mktemp("cache")),
    )


def test_one_package_holds_all_that_the_labels_ask_for(whole: Trained, drawn_on: Path) -> None:
    card = read_package(whole.package.path).card
    assert card.task == "classes"
    assert card.boxes is not None
    assert card.masks is not None
    assert card.boxes.classes == card.masks.classes == ("dent", "scratch")
    assert card.data["boxes"]["classes"].keys() == {"dent", "scratch"}
    assert card.training["boxes"]["steps"] == card.training["masks"]["steps"] == 1
    answer = Detector(whole.package).read(next((drawn_on / "anomaly").iterdir()), heat=True)
    assert isinstance(answer, Findings)
    assert answer.boxes is not None
    assert answer.masks is not None
    assert answer.heat_map is not None


def test_each_part_is_measured_on_the_exported_package(whole: Trained) -> None:
    assert whole.evaluation is not None
    assert whole.evaluation.places is not None
    assert whole.evaluation.places.boxes is not None
    assert whole.evaluation.places.masks is not None
    scores = whole.package.card.scores
    assert scores["boxes"]["n"] == scores["masks"]["n"] == scores["n"] == whole.package.card.data["test_pictures"]


def test_boxes_alone_go_without_whole_cars(drawn_on: Path, recipe: Recipe, tmp_path: Path) -> None:
    pytest.importorskip("torch")
    cache = tmp_path / "cache"
    found = train(
        drawn_on,
        out=tmp_path / "boxes",
        recipe=replace(recipe, minutes=HURRIED, only=(Part.BOXES,), rename=("*=damage",), normal=(), cache=cache),
    )
    card = found.package.card
    assert (card.task, card.classes, card.masks) == ("places", ("normal", "anomaly"), None)
    assert card.training["chosen"] == "boxes"
    assert list((cache / "trainings").iterdir()) == []
    assert found.evaluation is not None


def without_torch(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", WITHOUT_TORCH, "train", *arguments], capture_output=True, text=True, check=False
    )


def test_without_pytorch_the_verdict_is_trained_and_the_extra_is_named(drawn_on: Path, tmp_path: Path) -> None:
    done = without_torch(str(drawn_on), "--out", str(tmp_path / "cars"), "--cache", str(tmp_path / "cache"), "--minutes", "0")
    assert done.returncode == 0, done.stderr
    assert "pip install 'walkaround[train]'" in done.stderr
    card = read_package(tmp_path / "cars").card
    assert (card.task, card.boxes, card.masks) == ("classes", None, None)


def test_without_pytorch_boxes_that_were_asked_for_are_refused_at_once(drawn_on: Path, tmp_path: Path) -> None:
    done = without_torch(str(drawn_on), "--out", str(tmp_path / "cars"), "--cache", str(tmp_path / "cache"), "--only", "boxes")
    assert done.returncode == 1
    assert "Training of boxes needs PyTorch" in done.stderr
    assert "pip install 'walkaround[train]'; or train the verdict alone with --only verdict." in done.stderr
    assert not (tmp_path / "cars").exists()


def test_bad_labels_are_refused_unless_they_are_to_be_skipped(drawn_on: Path, recipe: Recipe, tmp_path: Path) -> None:
    cars = tmp_path / "cars"
    (cars / "anomaly").mkdir(parents=True)
    for path in sorted((drawn_on / "anomaly").iterdir())[:12]:
        (cars / "anomaly" / path.name).symlink_to(path)
    (cars / "normal").symlink_to(drawn_on / "normal")
    text = (drawn_on / "instances.json").read_text(encoding="utf-8")
    (cars / "instances.json").write_text(text.replace('"category_id": 1', '"category_id": 99'), encoding="utf-8")
    with pytest.raises(DatasetError, match="--skip-bad-labels"):
        train(cars, out=tmp_path / "out", recipe=replace(recipe, only=(Part.VERDICT,)))
    skipping = replace(recipe, only=(Part.VERDICT,), skip_bad_labels=True, minutes=0.0)
    assert train(cars, out=tmp_path / "out", recipe=skipping).package.card.masks is None


@pytest.mark.parametrize(
    ("change", "error", "told"),
    [
        (Recipe(only=(Part.BOXES,), boxes_size="d9"), InputError, "There is no size 'd9'"),
        (Recipe(only=(Part.BOXES,), weights=Path("missing.pth")), InputError, "Cannot read the weights 'missing.pth'"),
        (Recipe(rename=("car=bus",)), DatasetError, "No class of .* is called 'car'"),
    ],
)
def test_what_cannot_be_done_is_said_before_anything_is_trained(
    change: Recipe, error: type[Exception], told: str, drawn_on: Path, recipe: Recipe, tmp_path: Path
) -> None:
    pytest.importorskip("torch")
    asked = replace(
        recipe, only=change.only, boxes_size=change.boxes_size, weights=change.weights, rename=change.rename, cache=tmp_path
    )
    with pytest.raises(error, match=told):
        train(drawn_on, out=tmp_path / "out", recipe=asked)
