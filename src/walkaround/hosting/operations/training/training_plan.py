"""What would be trained from the datasets as they are, and why: decided by the code that trainings themselves decide by.

The pictures are not opened. So copies, and pictures that cannot be read, still count here, and the numbers are about right;
that a training would be refused is certain.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import Literal

import numpy as np
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from walkaround.damage.kinds import ANOMALY, NORMAL
from walkaround.datasets.sample import Problem, Sample
from walkaround.datasets.survey import Survey
from walkaround.errors import ConflictError, MissingExtraError, TrainingError
from walkaround.hosting.operations.datasets.place_labels import LEAST_ALONE, LEAST_IN_TWO
from walkaround.hosting.operations.rows import find_project
from walkaround.hosting.operations.training.inner_split import verdict_of
from walkaround.hosting.operations.training.planned_samples import Drawn, PlannedSample, planned_samples, unseen_fact
from walkaround.hosting.operations.training.training_options import (
    TrainingOptions,
    has_pytorch,
    in_service_words,
    require_pytorch,
)
from walkaround.hosting.operations.training.training_sets import datasets_of, shortfalls
from walkaround.hosting.operations.training.trainings import expected_seconds
from walkaround.hosting.operations.training.verdict_labels import VerdictLabels, with_verdict_labels
from walkaround.hosting.owner import Owner
from walkaround.settings import Settings
from walkaround.store.tables import Dataset, Model, Project
from walkaround.training.plan import FEWEST, Plan, make_plan
from walkaround.training.reach import within_reach
from walkaround.training.recipe import Part, Recipe

BETTER = 50
"""Pictures of a kind up to which more of them help the most."""


@dataclass(frozen=True, kw_only=True)
class Counted:
    """Pictures of a dataset, or of what of it is learnt from or tested."""

    total: int = 0
    normal: int = 0
    anomaly: int = 0
    unlabelled: int = 0
    boxes: int = 0
    masks: int = 0


@dataclass(frozen=True, kw_only=True)
class Learnt:
    """A part of the model that would be trained.

    Attributes:
        part: which.
        how: "classes" learns both kinds, "multi-label" each damage type for itself, "anomaly" whole cars alone, "places" goes
            by what boxes and masks find; of boxes and masks "drawn".
        classes: that it tells.
        pictures: that it learns from, about.
        why: in a sentence.
    """

    part: Part
    how: Literal["classes", "multi-label", "anomaly", "places", "drawn"]
    classes: tuple[str, ...]
    pictures: int
    why: str


@dataclass(frozen=True, kw_only=True)
class Advice:
    """What would make more of the training: which part it is about, and a sentence."""

    part: Part | None
    message: str


@dataclass(frozen=True, kw_only=True)
class TrainingPlan:
    """What would be trained now.

    Attributes:
        lacks: why it cannot be trained, each with what to do; empty: it can.
        learnt: the parts of the model.
        train, test: the datasets; None: there is none.
        learning, testing: pictures that would be learnt from and measured on.
        single: a part of the training dataset is kept back for the test.
        notes: what to know about the choice.
        advice: what would make more of it.
        pytorch: whether boxes, masks and fine-tuning can be trained here.
        trainings, trainings_at_once: that run now in the account, and that may.
        models, models_per_project: versions of the project, and how many there may be.
        seconds, like: how long it may take, and the version that this goes by.
        version: the number that it would get.
        verdict: what the verdict learns of the labels, and why; None: that is not known before more is labelled.
    """

    lacks: tuple[str, ...]
    learnt: tuple[Learnt, ...] = ()
    train: Counted | None = None
    test: Counted | None = None
    learning: Counted = field(default_factory=Counted)
    testing: Counted = field(default_factory=Counted)
    single: bool = True
    notes: tuple[Problem, ...] = ()
    advice: tuple[Advice, ...] = ()
    pytorch: bool = False
    trainings: int = 0
    trainings_at_once: int = 0
    models: int = 0
    models_per_project: int = 0
    seconds: float | None = None
    like: int | None = None
    version: int = 1
    verdict: VerdictLabels | None = None


def training_plan(
    session: Session, owner: Owner, *, project_name: str, options: TrainingOptions, settings: Settings
) -> TrainingPlan:
    """What a training with these options would do now.

    Raises:
        NotFoundError: there is no such project.
    """
    project = find_project(session, owner, project_name)
    train, test = datasets_of(session, project)
    lacks = [str(lack) for lack in shortfalls(session, project, train, test)]
    planned = [*planned_samples(session, train, "train"), *planned_samples(session, test, "test")]
    samples = [one.sample for one in planned]
    counted = {split: _counted(dataset, samples, split) for split, dataset in (("train", train), ("test", test))}
    recipe = options.recipe(settings)
    plan: Plan | None = None
    verdict: VerdictLabels | None = None
    if not lacks:
        try:
            plan, verdict = _planned(planned, recipe, wanted=options.multi_label, single=test is None)
        except (TrainingError, MissingExtraError) as lack:
            lacks.append(in_service_words(str(lack)))
    lacks += _quotas(session, project, settings)
    expected = None
    if plan is not None:
        expected = expected_seconds(session, project, options=options.told(), pictures=len(samples))
    return TrainingPlan(
        lacks=tuple(lacks),
        learnt=() if plan is None else tuple(_learnt(plan)),
        train=counted["train"],
        test=counted["test"],
        learning=_count(() if plan is None else [one.sample for one in plan.train]),
        testing=_count(() if plan is None else [one.sample for one in plan.test]),
        single=test is None,
        notes=() if plan is None else tuple(replace(note, message=in_service_words(note.message)) for note in plan.notes),
        advice=tuple(_advice(plan, samples, counted["train"], options, single=test is None)),
        pytorch=has_pytorch(),
        trainings=_trainings(session, owner.account),
        trainings_at_once=settings.trainings_at_once,
        models=_models(session, project),
        models_per_project=settings.models_per_project,
        seconds=None if expected is None else expected[0],
        like=None if expected is None else expected[1],
        version=project.last_version + 1,
        verdict=verdict,
    )


def require_trainable(
    session: Session, owner: Owner, *, project_name: str, options: TrainingOptions, settings: Settings
) -> None:
    """Return if the labels of a project, which is not otherwise refused, are enough for what is asked for.

    Raises:
        NotFoundError: there is no such project.
        ConflictError: the training would refuse them.
    """
    project = find_project(session, owner, project_name)
    train, test = datasets_of(session, project)
    for lack in shortfalls(session, project, train, test):
        raise lack
    planned = [*planned_samples(session, train, "train"), *planned_samples(session, test, "test")]
    try:
        _planned(planned, options.recipe(settings), wanted=options.multi_label, single=test is None)
    except (TrainingError, MissingExtraError) as lack:
        raise ConflictError(in_service_words(str(lack)), resource_id=f"{project.name}/train", resource_type="DATASET") from lack


def _planned(
    planned: Sequence[PlannedSample], recipe: Recipe, *, wanted: bool | None, single: bool
) -> tuple[Plan, VerdictLabels]:
    """What the training decides, as if every picture could be read and none were a copy of another.

    Raises:
        TrainingError: there are too few pictures of a kind.
        MissingExtraError: what is to be learnt needs PyTorch, which is not installed.
    """
    samples, kinds = [one.sample for one in planned], [one.kinds for one in planned]
    require_pytorch(Drawn(samples), installed=has_pytorch(), recipe=recipe)
    groups = np.arange(len(samples), dtype=np.int64)
    split, verdict = with_verdict_labels(samples, kinds, groups, wanted=wanted, single=single, left_out=0)
    looked = Survey(samples=tuple(split), facts=tuple(map(unseen_fact, split)), groups=groups, problems=())
    recipe = replace(recipe, multi_label=verdict.multi_label)
    return within_reach(make_plan(looked, recipe), recipe), verdict


def _counted(dataset: Dataset | None, samples: Sequence[Sample], split: str) -> Counted | None:
    if dataset is None:
        return None
    own = _count([sample for sample in samples if sample.split == split])
    return Counted(
        total=dataset.total,
        normal=own.normal,
        anomaly=own.anomaly,
        unlabelled=dataset.total - own.total,
        boxes=own.boxes,
        masks=own.masks,
    )


def _count(samples: Sequence[Sample]) -> Counted:
    return Counted(
        total=len(samples),
        normal=sum(sample.label == NORMAL for sample in samples),
        anomaly=sum(verdict_of(sample) == ANOMALY for sample in samples),
        boxes=sum(_has_boxes(sample) for sample in samples),
        masks=sum(_has_masks(sample) for sample in samples),
    )


def _has_boxes(sample: Sample) -> bool:
    return any(place.box is not None for place in sample.places or ())


def _has_masks(sample: Sample) -> bool:
    return any(place.outline is not None for place in sample.places or ())


def _learnt(plan: Plan) -> Iterator[Learnt]:
    """The parts, each with the reason that the labels give."""
    train = [picture.sample for picture in plan.train]
    counts = _count(train)
    if plan.task == "classes":
        why = (
            f"{counts.normal:,} whole cars (normal) and {counts.anomaly:,} damaged ones (anomaly) are labelled, so it learns to"
            " tell them apart, and shows by a heat map what it went by."
        )
    elif plan.task == "multi-label":
        why = (
            f"{counts.normal:,} whole cars (normal) and {counts.anomaly:,} damaged ones are labelled, these with types of"
            " damage, so it learns to tell whether a car is damaged, and each type for itself."
        )
    elif plan.task == "anomaly":
        why = (
            f"{counts.normal:,} whole cars (normal) are there to learn from, and no damaged ones to spare, so it learns what"
            " whole cars look like: what differs is called damaged."
        )
    else:
        why = "There are no whole cars to compare with, so a picture is called damaged when a damage is found in it."
    verdict_classes = plan.classes if plan.task != "places" else (NORMAL, ANOMALY)
    yield Learnt(part=Part.VERDICT, how=plan.task, classes=verdict_classes, pictures=len(train), why=why)
    for part, drawn, found in ((Part.BOXES, plan.boxes, _has_boxes), (Part.MASKS, plan.masks, _has_masks)):
        if drawn is not None:
            number = sum(found(picture.sample) for picture in drawn.pictures)
            finds = "find each damage, with a box around it" if part is Part.BOXES else "paint over the damage, pixel by pixel"
            why = f"{part.capitalize()} are drawn on {number:,} pictures, so it learns to {finds}, and what it is."
            yield Learnt(part=part, how="drawn", classes=drawn.classes, pictures=len(drawn.pictures), why=why)


def _advice(
    plan: Plan | None, samples: Sequence[Sample], train: Counted | None, options: TrainingOptions, *, single: bool
) -> Iterator[Advice]:
    """What a person can do to get a better model, or one that finds more."""
    if train is None:
        return
    if train.unlabelled:
        message = f"{train.unlabelled:,} pictures of the training dataset have no label, and are not used: label them."
        yield Advice(part=None, message=message)
    if plan is None:
        return
    counts = _count([picture.sample for picture in plan.train])
    if plan.task == "anomaly":
        message = "Label damaged cars too: a model that has seen damage tells it better than one that knows whole cars alone."
        yield Advice(part=Part.VERDICT, message=message)
    for name, number in (("whole cars (normal)", counts.normal), ("damaged cars (anomaly)", counts.anomaly)):
        if plan.task in ("classes", "multi-label") and number < BETTER:
            message = f"Only {number} {name} are learnt from; up to {BETTER} and more, each one helps."
            yield Advice(part=Part.VERDICT, message=message)
    drawn = Drawn(samples)
    recipe = Recipe(only=options.parts)
    if not drawn.has_boxes and recipe.wants("boxes"):
        least = f"on {FEWEST} pictures of each kind of damage at least, better {BETTER}"
        yield Advice(part=Part.BOXES, message=f"Draw boxes, {least}, and the model also finds where each damage is.")
    if not drawn.has_masks and recipe.wants("masks"):
        alone = f"{LEAST_ALONE} pictures" if single else f"{LEAST_IN_TWO} pictures of each dataset"
        least = f"on {alone} for each kind of damage at least, which show no other"
        yield Advice(part=Part.MASKS, message=f"Paint masks, {least}, and the model also finds which pixels are damaged.")


def _quotas(session: Session, project: Project, settings: Settings) -> Iterator[str]:
    """Limits that are reached."""
    if _trainings(session, project.account) >= settings.trainings_at_once:
        yield f"{settings.trainings_at_once} models are being trained, which is the limit: wait for one, or cancel one."
    if _models(session, project) >= settings.models_per_project:
        yield f"The project has {settings.models_per_project} models, which is the limit: delete one."


def _trainings(session: Session, account: str) -> int:
    query = select(func.count()).select_from(Model).join(Project, Project.id == Model.project_id)
    return session.scalars(query.where(Project.account == account, Model.status == "TRAINING")).one()


def _models(session: Session, project: Project) -> int:
    return session.scalars(select(func.count()).select_from(Model).filter_by(project_id=project.id)).one()
