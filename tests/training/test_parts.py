"""What is kept of a training until its package is written, and how the time is shared."""

from __future__ import annotations

import os
import time
from dataclasses import replace
from pathlib import Path

import pytest

from walkaround.damage.places import Place
from walkaround.datasets.sample import Sample
from walkaround.errors import InputError
from walkaround.training.fitting import silent
from walkaround.training.parts import Surroundings, forget, training_folder
from walkaround.training.plan import Picture, PlacePlan, Plan
from walkaround.training.recipe import Recipe

RECIPE = Recipe(cache=Path("cache"))


def plan_of(label: str) -> Plan:
    place = Place(label=label, box=(0.0, 0.0, 9.0, 9.0))
    picture = Picture(sample=Sample(path=Path("a.jpg"), label="anomaly", places=(place,)), sha256="00", group=0)
    boxes = PlacePlan(classes=(label,), pictures=(picture,))
    return Plan(task="places", classes=(), normal=(), train=(picture,), test=(), notes=(), boxes=boxes)


@pytest.mark.parametrize(
    "same", [replace(RECIPE, minutes=3.0), replace(RECIPE, threads=7), replace(RECIPE, views=1), replace(RECIPE, ray="local")]
)
def test_the_same_pictures_and_recipe_find_their_checkpoints_again(same: Recipe) -> None:
    assert training_folder(plan_of("dent"), same) == training_folder(plan_of("dent"), RECIPE)


def test_another_recipe_or_label_has_a_folder_of_its_own(tmp_path: Path) -> None:
    weights = tmp_path / "weights.pth"
    weights.write_bytes(b"one")
    begun = replace(RECIPE, weights=weights)
    folders = {training_folder(plan_of("dent"), recipe) for recipe in (RECIPE, replace(RECIPE, seed=1), begun)}
    folders.add(training_folder(plan_of("dent"), replace(RECIPE, boxes_size="d0")))
    folders.add(training_folder(plan_of("scratch"), RECIPE))
    weights.write_bytes(b"two")
    folders.add(training_folder(plan_of("dent"), begun))
    assert len(folders) == 6


def test_weights_that_cannot_be_read_are_told() -> None:
    with pytest.raises(InputError, match=r"Cannot read the weights 'missing\.pth'"):
        training_folder(plan_of("dent"), replace(RECIPE, weights=Path("missing.pth")))


def test_when_the_package_is_there_its_checkpoints_go_and_old_ones_with_them(tmp_path: Path) -> None:
    own, old, young = (tmp_path / name for name in ("own", "old", "young"))
    for folder in (own, old, young):
        folder.mkdir()
        (folder / "boxes.pt").write_bytes(b"weights")
    long_ago = time.time() - 15 * 86_400
    os.utime(old, (long_ago, long_ago))
    forget(Surroundings(folder=own, deadline=None, progress=silent))
    assert [path.name for path in tmp_path.iterdir()] == ["young"]
