"""What the labels ask for: which model, on which pictures, measured on which."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray

from walkaround.damage.kinds import ANOMALY, NORMAL, means_normal, simplified
from walkaround.datasets.sample import Problem, Sample
from walkaround.datasets.split import split_by_group
from walkaround.datasets.survey import Survey
from walkaround.errors import TrainingError
from walkaround.models.package import Task
from walkaround.training.kinds import learnable_kinds
from walkaround.training.places import FEWEST_WHOLE, LEAST_WHOLE, Kind, learnable, may_be_forgotten, only_damage, place_classes
from walkaround.training.recipe import Part, Quality, Recipe

KINDS: tuple[Kind, ...] = ("boxes", "masks")
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
        """The class name, the first of several; unlabelled pictures never get here."""
        return self.sample.label or ""

    @property
    def labels(self) -> tuple[str, ...]:
        """All class names."""
        return self.sample.labels


@dataclass(frozen=True, kw_only=True, eq=False)
class PlacePlan:
    """What of boxes, or of masks, will be learnt.

    Attributes:
        classes: sorted; places of other classes are not taken for background either.
        pictures: to learn from, with their places; those without damage have none.
    """

    classes: tuple[str, ...]
    pictures: tuple[Picture, ...]


@dataclass(frozen=True, kw_only=True, eq=False)
class Plan:
    """What will be trained.

    Attributes:
        task: as on the package's card.
        classes: sorted, with those that mean a whole car first.
        normal: those classes that mean a whole car.
        train, test: the pictures; no group stands in both. The verdict is learnt from `train`, if one is.
        notes: what the user should know about the choice.
        boxes, masks: what of these is learnt as well; None: nothing.
    """

    task: Task
    classes: tuple[str, ...]
    normal: tuple[str, ...]
    train: tuple[Picture, ...]
    test: tuple[Picture, ...]
    notes: tuple[Problem, ...]
    boxes: PlacePlan | None = None
    masks: PlacePlan | None = None

    @property
    def class_ids(self) -> NDArray[np.int64]:
        """int64 [train], index into `classes`; of a task whose pictures have one label."""
        return np.array([self.classes.index(picture.label) for picture in self.train], dtype=np.int64)

    @property
    def shown(self) -> NDArray[np.bool_]:
        """Which of the classes each picture shows, bool [train, classes]."""
        rows = [[name in picture.labels for name in self.classes] for picture in self.train]
        return np.array(rows, dtype=np.bool_).reshape(len(self.train), len(self.classes))

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
        recipe: seed, share to keep back, further names of whole cars, which parts are wanted.
        own_test: paths of the separate test pictures; None when there are none, and a part is kept back.

    Raises:
        TrainingError: there are too few pictures, or only damaged ones on which nobody drew where the damage is.
    """
    pictures = [
        Picture(sample=sample, sha256=fact.sha256, group=int(group), measures=fact.measures)
        for sample, fact, group in zip(looked.samples, looked.facts, looked.groups, strict=True)
        if sample.label is not None or sample.places is not None
    ]
    train, test, notes = _parts(pictures, recipe, own_test)
    boxes, masks = (_place_plan(train, recipe, kind, notes) for kind in KINDS)
    if not recipe.wants("verdict"):
        return _plan_by_places(train, test, recipe, notes=notes, boxes=boxes, masks=masks)
    try:
        if boxes or masks:
            _check_whole(train, recipe)
        plan = _verdict_plan(train, test, looked, recipe, notes=notes, dropped=_dropped(looked, notes, own_test))
    except TrainingError as problem:
        if Part.VERDICT in recipe.only or (boxes is None and masks is None):
            raise
        message = f"The model will go by what it finds, because no verdict can be learnt from whole pictures. {problem}"
        notes.append(Problem(kind="by-places", severity="note", message=message))
        return _plan_by_places(train, test, recipe, notes=notes, boxes=boxes, masks=masks)
    return replace(plan, boxes=boxes, masks=masks)


def _verdict_plan(
    train: list[Picture],
    test: list[Picture],
    looked: Survey,
    recipe: Recipe,
    *,
    notes: list[Problem],
    dropped: list[Sample],
) -> Plan:
    """What whole pictures teach: classes, or what normal ones look like."""
    train = [picture for picture in train if picture.sample.label is not None]
    names = {label for picture in train for label in picture.labels}
    normal = {name for name in names if is_normal(name, recipe)}
    if names and names == normal and len(names) == 1:
        _check_meant(looked, recipe, dropped=dropped)
        _check_enough(train)
        task, classes = "anomaly", (*sorted(normal), ANOMALY)
    elif recipe.multi_label or any(picture.sample.also for picture in train):
        return _multi_label_plan(train, test, recipe, notes=notes)
    else:
        _check_classes(train, names)
        task, classes = "classes", (*sorted(normal), *sorted(names - normal))
    return Plan(
        task="anomaly" if task == "anomaly" else "classes",
        classes=classes,
        normal=tuple(sorted(normal)),
        train=tuple(train),
        test=tuple(test),
        notes=tuple(notes),
    )


def _plan_by_places(
    train: list[Picture],
    test: list[Picture],
    recipe: Recipe,
    *,
    notes: list[Problem],
    boxes: PlacePlan | None,
    masks: PlacePlan | None,
) -> Plan:
    """The verdict follows from what is found; every picture is whole or damaged."""
    if boxes is None and masks is None:
        raise TrainingError(
            f"No {' and no '.join(recipe.only)} can be learnt: nobody drew enough of them on the pictures to train on. Draw"
            " some, or leave out --only."
        )

    def told(picture: Picture) -> Picture:
        if picture.sample.label is None:
            return picture  # parts of cars, say, tell nothing of damage
        label = NORMAL if _is_whole(picture, recipe) else ANOMALY
        return replace(picture, sample=replace(picture.sample, label=label, also=()))

    return Plan(
        task="places",
        classes=(NORMAL, ANOMALY),
        normal=(NORMAL,),
        train=tuple(map(told, train)),
        test=tuple(map(told, test)),
        notes=tuple(notes),
        boxes=boxes,
        masks=masks,
    )


def _place_plan(train: list[Picture], recipe: Recipe, kind: Kind, notes: list[Problem]) -> PlacePlan | None:
    """What of one kind of places can be learnt; what cannot goes to `notes`."""
    if not recipe.wants(kind):
        return None
    damage = only_damage([picture.sample for picture in train])

    def shows_nothing(name: str) -> bool:
        return damage and is_normal(name, recipe)

    found = [(picture, learnable(picture.sample, kind, shows_nothing=shows_nothing)) for picture in train]
    pictures = [replace(picture, sample=sample) for picture, sample in found if sample is not None]
    if not any(picture.sample.places for picture in pictures):
        return None
    groups = np.array([picture.group for picture in pictures], dtype=np.int64)
    classes, few = place_classes([picture.sample for picture in pictures], groups, kind=kind, fewest=FEWEST)
    notes += few
    return PlacePlan(classes=classes, pictures=tuple(pictures)) if classes else None


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
    labelled = [picture for picture in pictures if picture.sample.label is not None]
    counts = _different(labelled)
    if any(picture.sample.also for picture in labelled):  # some of many types are rare, and measured on few pictures or none
        sides = {(_is_whole(picture, recipe), picture.group) for picture in labelled}
        counts = Counter("normal" if whole else "damage" for whole, _ in sides)
    drawn = len({picture.group for picture in pictures if picture.sample.places})
    few = not counts or min(counts.values()) * (1 - recipe.test_share) < FEWEST + 1
    if few and drawn * recipe.test_share < FEWEST:
        note = Problem(
            kind="no-test",
            severity="note",
            message="There are too few pictures to keep some back for measuring, so there are no scores; give --test.",
        )
        return pictures, [], [note]
    parts = split_by_group(
        _strata(pictures, recipe),
        np.array([picture.group for picture in pictures], dtype=np.int64),
        fractions=[1 - recipe.test_share, recipe.test_share],
        seed=recipe.seed,
    )
    train = [picture for picture, part in zip(pictures, parts, strict=True) if part == 0]
    return train, [picture for picture, part in zip(pictures, parts, strict=True) if part == 1], []


def _strata(pictures: list[Picture], recipe: Recipe) -> list[tuple[str, ...]]:
    """What each picture stands for when they are dealt out: its labels, and the rarest class that is drawn on it.

    Classes that have none to spare for the test do not count.
    """
    names = [{place.label for place in picture.sample.places or ()} for picture in pictures]
    counts = Counter(name for found in names for name in found)
    spare = {name for name, count in counts.items() if count * (1 - recipe.test_share) >= FEWEST + 1}
    rarest = [min(found & spare, key=lambda name: (counts[name], name), default="") for found in names]
    return [
        tuple(f"{label}/{name}" if name else label for label in picture.labels or ("",))
        for picture, name in zip(pictures, rarest, strict=True)
    ]


def _different(pictures: list[Picture]) -> Counter[str]:
    """How many different pictures (duplicate groups) each class has."""
    return Counter(label for label, _ in {(label, picture.group) for picture in pictures for label in picture.labels})


def is_normal(name: str, recipe: Recipe) -> bool:
    """Whether a class name means a whole car, by itself or because the recipe says so."""
    return means_normal(name) or simplified(name) in map(simplified, recipe.normal)


def _is_whole(picture: Picture, recipe: Recipe) -> bool:
    return all(is_normal(label, recipe) for label in picture.labels)


def _multi_label_plan(train: list[Picture], test: list[Picture], recipe: Recipe, *, notes: list[Problem]) -> Plan:
    """Damage types of which a picture may show several, and whole cars, which show none.

    Raises:
        TrainingError: no damage type is on enough pictures, or there are too few whole cars to tell damaged ones from.
    """
    if not train:
        _check_classes(train, set())
    names = {label for picture in train for label in picture.labels}
    normal = {name for name in names if is_normal(name, recipe)}
    whole = NORMAL if NORMAL in normal or len(normal) != 1 else next(iter(normal))
    known = [(picture.labels, picture.group) for picture in train if picture.labels != (ANOMALY,)]
    kinds, few = learnable_kinds(known, names - normal - {ANOMALY}, fewest=FEWEST)
    notes += few
    groups = {picture.group for picture in train if _is_whole(picture, recipe)}
    if 0 < len(groups) < FEWEST:
        raise TrainingError(
            f"There are only {len(groups)} different pictures of whole cars; to tell damaged ones from them takes at least"
            f" {FEWEST}, better 50. Add pictures, or leave them out."
        )

    def told(picture: Picture) -> Picture:
        if picture.sample.label is None:
            return picture
        labels = tuple(label for label in picture.labels if label not in normal) or (whole,)
        return replace(picture, sample=replace(picture.sample, label=labels[0], also=labels[1:]))

    if recipe.quality is Quality.BEST:
        message = "Where a picture may show several damage types, the network is not fine-tuned: best is the same as fast."
        notes.append(Problem(kind="no-tuning", severity="note", message=message))
    return Plan(
        task="multi-label",
        classes=(*((whole,) if groups else ()), *kinds),
        normal=(whole, *sorted(normal - {whole})) if groups else (),
        train=tuple(map(told, train)),
        test=tuple(map(told, test)),
        notes=tuple(notes),
    )


def _dropped(looked: Survey, notes: list[Problem], own_test: frozenset[str] | None) -> list[Sample]:
    """The samples that were given to train on, and are not trained on."""
    leaked = {name for note in notes if note.kind == "leak" for name in note.files}
    copies = [sample for sample in looked.samples if str(sample.path) in leaked]
    return copies + [s for s in looked.left_out if s.split != "test" and str(s.path) not in (own_test or ())]


def _check_meant(looked: Survey, recipe: Recipe, *, dropped: list[Sample]) -> None:
    """Refuse to detect anomalies from normal pictures alone when pictures of damage were meant to be there."""
    lost = looked.why_only_normal(lambda name: is_normal(name, recipe), left_out=dropped)
    if lost is not None:
        raise TrainingError(
            f"Only normal pictures are left to train on, though others were given. {lost}"
            " `walkaround check` names each; correct them, or take them out if normal pictures alone are what is meant."
        )


def _check_whole(train: list[Picture], recipe: Recipe) -> None:
    if Part.VERDICT not in recipe.only and may_be_forgotten([p.sample for p in train], lambda name: is_normal(name, recipe)):
        raise TrainingError(
            f"Whole cars are only those few on which nothing is drawn, which may have been forgotten; it takes {FEWEST_WHOLE}"
            f" of them, or {LEAST_WHOLE:.0%} of all pictures, or --only verdict."
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
