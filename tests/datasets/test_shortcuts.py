from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from walkaround.datasets.reading import read_dataset
from walkaround.datasets.shortcuts import Shortcut, find_shortcuts
from walkaround.datasets.survey import survey
from walkaround.media.facts import PictureFacts

PHOTOS = Path(__file__).parents[3] / "shared" / "data" / "car-damage"
Vary = Callable[[PictureFacts, bool, np.random.Generator], PictureFacts]


def facts_like(base: PictureFacts, rng: np.random.Generator) -> PictureFacts:
    """An ordinary photo: every trait drawn without regard to the label."""
    width = int(rng.integers(300, 4000))
    height = int(width * rng.choice([0.67, 0.75, 1.33]))
    return replace(
        base,
        width=width,
        height=height,
        bytes=int(width * height * rng.uniform(0.1, 0.5)),
        jpeg_quality=int(rng.integers(60, 96)),
        format=str(rng.choice(["JPEG", "JPEG", "PNG"])),
        sharpness=float(rng.lognormal(-2, 0.4)),
        detail=float(rng.uniform(0.05, 0.6)),
        brightness=float(rng.normal(0.5, 0.1)),
    )


def found(base: PictureFacts, vary: Vary, *, seed: int = 0, size: int = 200) -> tuple[Shortcut, ...]:
    rng = np.random.default_rng(seed)
    labels = ["anomaly", "normal"] * (size // 2)
    facts = [vary(facts_like(base, rng), label == "anomaly", rng) for label in labels]
    return find_shortcuts(labels, facts, np.arange(size))


def small_when_damaged(facts: PictureFacts, damaged: bool, rng: np.random.Generator) -> PictureFacts:
    scale = 0.3 if damaged and rng.random() < 0.9 else 1
    width, height = int(facts.width * scale), int(facts.height * scale)
    return replace(facts, width=width, height=height, bytes=int(facts.bytes * scale**2))


def quality_between_when_damaged(facts: PictureFacts, damaged: bool, rng: np.random.Generator) -> PictureFacts:
    return replace(facts, jpeg_quality=int(rng.integers(75, 80)) if damaged else facts.jpeg_quality)


CASES: dict[str, Vary] = {
    "size": small_when_damaged,
    "compression": quality_between_when_damaged,
    "sharpness": lambda facts, damaged, _: replace(facts, sharpness=facts.sharpness * (0.4 if damaged else 1)),
    "light": lambda facts, damaged, _: replace(facts, brightness=facts.brightness - 0.2 * damaged),
    "file type": lambda facts, damaged, _: replace(facts, format="PNG" if damaged else "JPEG"),
    "shape": lambda facts, damaged, _: replace(facts, height=facts.width * 4 // 3) if damaged else facts,
}


@pytest.mark.parametrize("trait", CASES)
def test_a_planted_shortcut_is_found_and_named(some_facts: PictureFacts, trait: str) -> None:
    shortcuts = found(some_facts, CASES[trait])
    worst = next(shortcut for shortcut in shortcuts if shortcut.trait == trait)
    assert worst.auroc > 0.75
    assert re.search(r"tells 'anomaly' from 'normal' in \d\d% of pairs|in 100% of pairs", worst.message)


def test_traits_that_help_each_other_are_told_together(some_facts: PictureFacts) -> None:
    def either(facts: PictureFacts, damaged: bool, rng: np.random.Generator) -> PictureFacts:
        return CASES["size" if rng.random() < 0.5 else "light"](facts, damaged, rng)

    first, *others = found(some_facts, either, size=1000)
    assert first.trait == "together"
    assert others
    assert first.auroc > others[0].auroc


def test_the_message_says_which_pictures_to_add(some_facts: PictureFacts) -> None:
    message = next(one.message for one in found(some_facts, small_when_damaged) if one.trait == "size")
    assert re.search(r"add (wide|high) pictures of 'anomaly' and (narrow|low) ones of 'normal'", message)


@pytest.mark.parametrize("size", [20, 60, 200, 1000])
def test_a_balanced_dataset_is_silent(some_facts: PictureFacts, size: int) -> None:
    for seed in range(6):
        assert found(some_facts, lambda facts, *_: facts, seed=seed, size=size) == ()


def test_copies_do_not_make_evidence(some_facts: PictureFacts) -> None:
    """Five pictures a side, each there forty times: nothing can be said, whatever they look like."""
    rng = np.random.default_rng(0)
    labels = ["anomaly"] * 200 + ["normal"] * 200
    base = [small_when_damaged(facts_like(some_facts, rng), number < 5, rng) for number in range(10)]
    groups = np.arange(10).repeat(40)
    assert find_shortcuts(labels, [base[group] for group in groups], groups) == ()


def test_one_class_of_many_is_compared_with_the_rest(some_facts: PictureFacts) -> None:
    rng = np.random.default_rng(0)
    labels = ["dent", "scratch", "normal"] * 80
    facts = [small_when_damaged(facts_like(some_facts, rng), label == "scratch", rng) for label in labels]
    size = next(one for one in find_shortcuts(labels, facts, np.arange(240)) if one.trait == "size")
    assert (size.label, "'the rest'" in size.message) == ("scratch", True)


@pytest.mark.photos
def test_the_known_shortcuts_of_car_damage_are_found() -> None:
    if not PHOTOS.is_dir():
        pytest.skip(f"the photos are not at {PHOTOS}")
    dataset = read_dataset(PHOTOS)
    looked = survey(replace(dataset, samples=dataset.samples[::12]))
    shortcuts = find_shortcuts([sample.label or "" for sample in looked.samples], looked.facts, looked.groups)
    assert {"size", "compression"} <= {shortcut.trait for shortcut in shortcuts}
