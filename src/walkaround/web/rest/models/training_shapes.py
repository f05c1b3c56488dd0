"""The shapes of plans and logs of trainings."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any, Literal

from pydantic import BaseModel, Field

PartName = Literal["verdict", "boxes", "masks"]
QualityName = Literal["fast", "best"]
Minutes = Annotated[float, Field(ge=0.1, le=10_080)]


class Options(BaseModel):
    """Options of a training; null: as the service is set up."""

    minutes: float | None = Field(default=None, description="Time that it may take, or soon after.")
    quality: QualityName | None = Field(default=None, description="For the verdict: best also fine-tunes the network.")
    parts: list[PartName] | None = Field(default=None, description="Parts to train; null: all that the labels allow.")
    multi_label: bool | None = Field(
        default=None, description="Whether each damage type is learnt for itself; null: the labels decide."
    )


class CountedPictures(BaseModel):
    """Numbers of pictures."""

    total: int = Field(description="All.")
    normal: int = Field(description="Labelled normal.")
    anomaly: int = Field(description="Labelled anomaly.")
    unlabelled: int = Field(description="Without a label; a training does not use them.")
    boxes: int = Field(description="With boxes.")
    masks: int = Field(description="With masks.")


class LearntPart(BaseModel):
    """A part of the model that would be trained, and why."""

    part: PartName = Field(description="Which: the verdict on a picture, boxes, or masks.")
    how: Literal["classes", "multi-label", "anomaly", "places", "drawn"] = Field(
        description="classes: whole and damaged cars; multi-label: these, and each damage type for itself; anomaly: whole ones"
        " alone; places: boxes and masks decide; drawn: those."
    )
    classes: list[str] = Field(description="What it tells apart.")
    pictures: int = Field(description="That it learns from, about: copies and broken ones are found in the training.")
    why: str = Field(description="What in the labels decides it, in a sentence.")


class DamageTypes(BaseModel):
    """Whether the verdict learns each damage type for itself, or only damaged and whole, and why."""

    multi_label: bool = Field(description="Whether each damage type is learnt for itself.")
    by: Literal["labels", "person"] = Field(description="Who decided: the labels, or `multi_label` of the request.")
    why: str = Field(description="In a sentence.")
    several: int = Field(description="Pictures to train on, or to keep back, on which several damage types are named.")
    pictures: dict[str, int] = Field(description="Of each damage type that is named, the number of these pictures.")


class TrainingAdvice(BaseModel):
    """What would make more of a training."""

    part: PartName | None = Field(description="The part that it is about; null: all.")
    message: str = Field(description="What to do, in a sentence.")


class TrainingNote(BaseModel):
    """Something to know about what would be trained."""

    severity: Literal["error", "warning", "note"] = Field(description="How much it matters.")
    message: str = Field(description="In a sentence.")


class Expected(BaseModel):
    """How long a training may take."""

    seconds: float = Field(description="From its beginning to its end.")
    like: int = Field(description="The version whose training this goes by.")


class Plan(BaseModel):
    """What would be trained from the datasets as they are now, and why: the labels decide."""

    version: int = Field(description="The number that the model would get.")
    ready: bool = Field(description="Whether it can be trained now.")
    lacks: list[str] = Field(description="Why it cannot, each with what to do.")
    learnt: list[LearntPart] = Field(description="The parts of the model.")
    damage_types: DamageTypes | None = Field(
        description="What the verdict learns of damage types; null: that cannot be told before there are more labels."
    )
    train: CountedPictures | None = Field(description="The training dataset; null: there is none.")
    test: CountedPictures | None = Field(description="The test dataset; null: there is none.")
    learning: CountedPictures = Field(description="Pictures that would be learnt from, about.")
    testing: CountedPictures = Field(description="Pictures that would be measured on, about.")
    kept_back: bool = Field(description="Whether the pictures of the test come out of the training dataset.")
    notes: list[TrainingNote] = Field(description="What to know about the choice.")
    advice: list[TrainingAdvice] = Field(description="What would make more of it.")
    pytorch: bool = Field(description="Whether boxes, masks and fine-tuning (quality best) can be trained on this server.")
    minutes: float | None = Field(description="Time that it may take unless asked otherwise; null: what it needs.")
    most_minutes: float | None = Field(description="The most that may be asked for; null: no limit of the operator.")
    quality: QualityName = Field(description="The quality unless asked otherwise.")
    trainings: int = Field(description="Models of the account that are being trained.")
    trainings_at_once: int = Field(description="How many may be.")
    models: int = Field(description="Versions that the project has.")
    models_per_project: int = Field(description="How many it may have.")
    expected: Expected | None = Field(description="How long it may take; null: no training of this kind was done here yet.")


class TrainingPhase(BaseModel):
    """Something that a training did or does."""

    doing: str = Field(description="What.")
    of: int = Field(description="Its steps.")
    began: datetime = Field(description="When it began.")
    seconds: float | None = Field(description="How long it took; null: it goes on.")


class Left(BaseModel):
    """How long a training may still take."""

    seconds: float = Field(description="From now.")
    whole: bool = Field(description="Until its end; false: until the end of what it is doing.")
    basis: str = Field(description="What the number goes by.")


class Training(BaseModel):
    """How far a training is, or how it ended."""

    version: str = Field(description="Of the model.")
    status: str = Field(description="The model's status, as in the AWS API.")
    state: Literal["waiting", "running", "done", "failed", "cancelled"] = Field(description="How far it is.")
    message: str = Field(description="How it ended, and why it failed; empty where there is nothing to say.")
    job: str | None = Field(description="The job that does it; null where it ended long ago.")
    options: Options = Field(description="What was asked for.")
    created: datetime = Field(description="When it was asked for.")
    began: datetime | None = Field(description="When it began.")
    ended: datetime | None = Field(description="When it ended.")
    seconds: float | None = Field(description="How long it took, or has taken so far.")
    attempts: int | None = Field(description="How often it was begun: it goes on after a restart of the server.")
    next_try: datetime | None = Field(description="When it is tried again, after an attempt that could not be done.")
    error: str | None = Field(description="Why the last attempt could not be done.")
    doing: str | None = Field(description="What it is doing.")
    done: int | None = Field(description="Steps of that which are done.")
    of: int | None = Field(description="Steps of that.")
    left: Left | None = Field(description="How long it may still take, where that can be told.")
    phases: list[TrainingPhase] = Field(description="What it went through.")


class Trainings(BaseModel):
    """A page of trainings, the newest first."""

    trainings: list[Training] = Field(description="The trainings, the newest first.")
    next: str | None = Field(default=None, description="`next` for the page after this one; null: this is the last.")


class LogLine(BaseModel):
    """A line of the log of a training.

    `kind` is begin (an attempt), phase (what it is doing), start (a part begins, or goes on after step `first_step`: what it
    told of later steps is void), point (means of losses), epoch, rule (one that fired), note (Markdown), problem (of the data)
    or end.
    """

    number: int = Field(description="Rises from line to line.")
    kind: str = Field(description="What it tells.")
    part: str | None = Field(description="The part of the training, such as boxes.")
    step: int | None = Field(description="The step of the part.")
    at: datetime = Field(description="When it was told.")
    told: dict[str, Any] = Field(description="What it tells, by the kind.")


class TrainingLog(Training):
    """A training with the lines of its log."""

    log: list[LogLine] = Field(description="The lines, in order; of an event those that are new.")
    files: bool = Field(description="Whether there are event files of TensorBoard, and a report.")
