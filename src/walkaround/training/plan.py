"""What the labels ask for: which model, on which pictures, measured on which."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from walkaround.damage.kinds import means_normal, simplified
from walkaround.datasets.sample import Problem, Sample
from walkaround.datasets.split import split_by_group
from walkaround.datasets.survey import Survey
from walkaround.errors import TrainingError
from walkaround.models.package import Task
from walkaround.training.recipe import Recipe

FEWEST = 5
"""Different pictures of a class below which nothing can be learnt, let alone measured."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Picture:
    """One labelled picture: its sample, SHA-256 of its bytes, duplicate group, and what later pictures are compared by."""

    sample: Sample
    sha256: str
    group: int
    measures: Mapping[str, float] = field(default_factory=dict)

    @property
    def label(self) -> str:
        """The class name; unlabelled pictures never get here."""
        return self.sample.label or ""


@dataclass(frozen=True, kw_only=True, eq=False)
class Plan:
    """What will be trained.

    Attributes:
        task: as on the package's card.
        classes: sorted, with those that mean a whole car first.
        normal: those classes that mean a whole car.
        train, test: the pictures; no group stands in both.
        notes: what the user should know about the choice.
    """

    task: Task
    classes: tuple[str, ...]
    normal: tuple[str, ...]
    train: tuple[Picture, ...]
    test: tuple[Picture, ...]
    notes: tuple[Problem, ...]

    @property
    def class_ids(self) -> NDArray[np.int64]:
        """int64 [train], index into `classes`."""
        return np.array([self.classes.index(picture.label) for picture in self.train], dtype=np.int64)

    @property
    def groups(self) -> NDArray[np.int64]:
        """int64 [train], duplicate group of each picture."""
        return np.array([picture.group for picture in self.train], dtype=np.int64)

    @property
    def damaged(self) -> tuple[bool, ...]:
        """For each class, whether it is damage."""
        return tuple(name not in self.normal for name in self.classes)


def make_plan(looked: Survey, recipe: Recipe, *, own_test: frozenset[str] | None = None) -> Plan:
    """Decide from the labels.

    Args:
        looked: every picture that can be used, those of a separate test set included.
        recipe: seed, share to keep back, further names of whole cars.
        own_test: paths of the separate test pictures; None when there are none, and a part is kept back.

    Raises:
        TrainingError: there are too few pictures, or only damaged ones.
    """
    pictures = [
        Picture(sample=sample, sha256=fact.sha256, group=int(group), measures=fact.measures)
        for sample, fact, group in zip(looked.samples, looked.facts, looked.groups, strict=True)
        if sample.label is not None
    ]
    train, test, notes = _parts(pictures, recipe, own_test)
    names = {picture.label for picture in train}
    normal = {name for name in names if _is_normal(name, recipe)}
    if names and names == normal and len(names) == 1:
        _check_meant(looked, recipe, dropped=_dropped(looked, notes, own_test))
        _check_enough(train)
        return Plan(
            task="anomaly",
            classes=(*sorted(normal), "anomaly"),
            normal=tuple(sorted(normal)),
            train=tuple(train),
            test=tuple(test),
            notes=tuple(notes),
        )
    _check_classes(train, names)
    return Plan(
        task="classes",
        classes=(*sorted(normal), *sorted(names - normal)),
        normal=tuple(sorted(normal)),
        train=tuple(train),
        test=tuple(test),
        notes=tuple(notes),
    )


def _parts(
    pictures: list[Picture], recipe: Recipe, own_test: frozenset[str] | None
) -> tuple[list[Picture], list[Picture], list[Problem]]:
    if own_test is None and not any(picture.sample.split == "test" for picture in pictures):
        return _kept_back(pictures, recipe)
    in_test = [
        str(picture.sample.path) in own_test if own_test is not None else picture.sample.split == "test" for picture in pictures
    ]
    test = [picture for picture, chosen in zip(pictures, in_test, strict=True) if chosen]
    groups = {picture.group for picture in test}
    rest = [picture for picture, chosen in zip(pictures, in_test, strict=True) if not chosen]
    train = [picture for picture in rest if picture.group not in groups]
    leaked = [str(picture.sample.path) for picture in rest if picture.group in groups]
    if not leaked:
        return train, test, []
    message = f"{len(leaked)} training pictures are copies of test pictures: to keep the test fair, they are not trained on."
    return train, test, [Problem(kind="leak", severity="warning", message=message, files=tuple(leaked))]


def _kept_back(pictures: list[Picture], recipe: Recipe) -> tuple[list[Picture], list[Picture], list[Problem]]:
    """A seeded part of the pictures to measure on, where every class can spare some."""
    counts = _different(pictures)
    if not counts or min(counts.values()) * (1 - recipe.test_share) < FEWEST + 1:
        note = Problem(
            kind="no-test",
            severity="note",
            message="There are too few pictures to keep some back for measuring, so there are no scores; give --test.",
        )
        return pictures, [], [note]
    parts = split_by_group(
        [picture.label for picture in pictures],
        np.array([picture.group for picture in pictures], dtype=np.int64),
        fractions=[1 - recipe.test_share, recipe.test_share],
        seed=recipe.seed,
    )
    train = [picture for picture, part in zip(pictures, parts, strict=True) if part == 0]
    return train, [picture for picture, part in zip(pictures, parts, strict=True) if part == 1], []


def _different(pictures: list[Picture]) -> Counter[str]:
    """How many different pictures (duplicate groups) each class has."""
    return Counter(label for label, _ in {(picture.label, picture.group) for picture in pictures})


def _is_normal(name: str, recipe: Recipe) -> bool:
    return means_normal(name) or simplified(name) in map(simplified, recipe.normal)


def _dropped(looked: Survey, notes: list[Problem], own_test: frozenset[str] | None) -> list[Sample]:
    """The samples that were given to train on, and are not trained on."""
    leaked = {name for note in notes if note.kind == "leak" for name in note.files}
    copies = [sample for sample in looked.samples if str(sample.path) in leaked]
    return copies + [s for s in looked.left_out if s.split != "test" and str(s.path) not in (own_test or ())]


def _check_meant(looked: Survey, recipe: Recipe, *, dropped: list[Sample]) -> None:
    """Refuse to detect anomalies from normal pictures alone when pictures of damage were meant to be there."""
    lost = looked.why_only_normal(lambda name: _is_normal(name, recipe), left_out=dropped)
    if lost is not None:
        raise TrainingError(
            f"Only normal pictures are left to train on, though others were given. {lost}"
            " `walkaround check` names each; correct them, or take them out if normal pictures alone are what is meant."
        )


def _check_enough(train: list[Picture]) -> None:
    different = sum(_different(train).values())
    if different < FEWEST:
        raise TrainingError(
            f"There are only {different} different normal pictures; anomaly detection needs at least {FEWEST}, better 50."
            " Add some."
        )


def _check_classes(train: list[Picture], names: set[str]) -> None:
    counts = _different(train)
    if not train:
        raise TrainingError(
            "No labelled picture is left to train on; put pictures into folders such as 'anomaly' and 'normal'."
        )
    if len(names) == 1:
        only = next(iter(names))
        raise TrainingError(
            f"All pictures to train on are labelled {only!r}: a model needs whole cars to compare with."
            " Add a folder 'normal', or say --normal NAME if this class means whole."
        )
    few = [f"{name!r} has {count}" for name, count in sorted(counts.items()) if count < FEWEST]
    if few:
        raise TrainingError(
            f"Every class needs at least {FEWEST} different pictures to learn from, better 50: {', '.join(few)}."
            " Add pictures, or leave the class out."
        )
