"""The shapes of the REST API for what a model said of its test pictures, its threshold, and two models side by side."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any

from fastapi import Path, Query
from pydantic import BaseModel, Field

from walkaround.web.rest.labelling.place_shapes import DrawnPlace
from walkaround.web.rest.shapes import NO_NUL, DatasetKind, FoundBox, Strict

TestNumber = Annotated[int, Path(ge=1, le=10_000_000, description="Number of a test picture, from 1.")]
ManyRows = Annotated[int, Query(ge=1, le=2_000, description="Rows of a page.")]
Share = Annotated[float, Field(ge=0, le=1)]
Interval = Annotated[list[float], Field(min_length=2, max_length=2)]


class MeasuredPicture(BaseModel):
    """A test picture: what is true, and what the model said of it at the threshold that counts."""

    number: int = Field(description="Its number among the test pictures, from 1.")
    picture: str = Field(description="s3://BUCKET/KEY of the picture.")
    dataset: DatasetKind | None = Field(default=None, description="The dataset that it was in; null: not known.")
    label: str | None = Field(default=None, description="What a person saw.")
    damaged: bool | None = Field(default=None, description="Whether that is damage.")
    damage: float = Field(description="Probability of damage.")
    probabilities: dict[str, float] = Field(
        description="Probability of each class; of a multi-label model each for itself, so that they need not add up to 1."
    )
    anomalous: bool = Field(description="The verdict.")
    found: str = Field(description="The most probable class that agrees with the verdict.")
    missed: int = Field(default=0, description="Drawn boxes that were not found.")
    false_alarms: int = Field(default=0, description="Boxes that were told and are not there.")
    overlap: float | None = Field(
        default=None, description="Of masks, mean intersection over union of the kinds that are there or were marked."
    )
    badness: float | None = Field(
        default=None, description="How wrong its places are, 0 is best; null where no places were measured."
    )


class MeasuredPictures(BaseModel):
    """A page of test pictures, and what holds for all of them."""

    pictures: list[MeasuredPicture] = Field(description="The pictures, in the order in which they were measured.")
    total: int = Field(description="All test pictures.")
    classes: list[str] = Field(description="The classes of the model.")
    normal: list[str] = Field(description="Classes and labels that mean a whole car.")
    threshold: float = Field(description="Probability of damage from which a picture is called damaged, the one that counts.")
    trained_threshold: float = Field(description="The one that the training chose.")
    kind_thresholds: dict[str, float] | None = Field(
        default=None,
        description="Of a model that tells several kinds of damage at once: the probability from which each is told.",
    )
    exact: bool = Field(description="False: trained by an older version; probabilities have four digits.")
    next: str | None = Field(default=None, description="`next` for the page after this one; null: this is the last.")


class MeasuredPictureDetails(MeasuredPicture):
    """A test picture with what was drawn and found on it."""

    boxes: list[FoundBox] | None = Field(default=None, description="What the model told of in the test, the surest first.")
    drawn: list[DrawnPlace] = Field(description="What people drew on it, when the model was trained.")


class View(BaseModel):
    """What a model sees in a test picture now, at the threshold that counts."""

    anomalous: bool = Field(description="The verdict.")
    damage: float = Field(description="Probability that it shows any damage.")
    width: int = Field(description="Of the picture in pixels, upright.")
    height: int = Field(description="Of the picture in pixels, upright.")
    boxes: list[FoundBox] | None = Field(default=None, description="Each damage with its place; null: the model finds none.")
    areas: dict[str, float] | None = Field(
        default=None, description="Share of the picture that each kind of damage covers; null: the model finds no masks."
    )
    colours: dict[str, str] = Field(description="Colour of each kind of damage in the mask, #RRGGBB.")
    heat: str | None = Field(default=None, description="Path of the heat map, a transparent PNG; null: the model has none.")
    mask: str | None = Field(default=None, description="Path of the mask, a PNG with a white background; null: there is none.")


class NewThreshold(Strict):
    """A threshold to adopt."""

    threshold: Share | None = Field(
        description="Probability of damage from which a picture is called damaged; null: the one that the training chose."
    )
    note: Annotated[str, Field(max_length=500, pattern=NO_NUL, description="Why, for whoever looks later.")] = ""


class ThresholdChange(BaseModel):
    """Somebody adopted a threshold, or returned to that of the training."""

    threshold: float | None = Field(description="The threshold; null: that of the training.")
    former: float | None = Field(description="What counted before.")
    by: str = Field(description="Who.")
    note: str = Field(description="Why.")
    created: datetime = Field(description="When.")


class OperatingPoint(BaseModel):
    """The threshold by which a model answers, and what it scores there."""

    threshold: float | None = Field(description="The one that counts; null: only the package knows.")
    trained: float | None = Field(description="The one that the training chose, and that the package keeps.")
    adopted: bool = Field(description="Whether a person adopted another than that of the training.")
    scores: dict[str, Any] | None = Field(
        description="The scorecard at the threshold that counts, of the test pictures; null: they are not known."
    )
    changes: list[ThresholdChange] = Field(description="The last changes, the newest first.")


class Difference(BaseModel):
    """A score of both models; a difference above 0 means that the second scores higher."""

    first: float | None = Field(description="Of the first model.")
    second: float | None = Field(description="Of the second.")
    difference: float | None = Field(default=None, description="Second less first.")
    interval: Interval | None = Field(default=None, description="Ends of its 95 % interval.")
    p_value: float | None = Field(default=None, description="McNemar's exact test, two-sided; only of shares of pictures.")


class Differing(BaseModel):
    """A picture on which the verdicts or labels of two models differ."""

    picture: str = Field(description="s3://BUCKET/KEY of the picture.")
    label: str | None = Field(description="What a person saw.")
    damaged: bool | None = Field(description="Whether that is damage.")
    first_number: int = Field(description="Its number among the first model's test pictures.")
    second_number: int = Field(description="Its number among the second's.")
    first_damage: float = Field(description="Probability of damage by the first model.")
    second_damage: float = Field(description="By the second.")
    first_found: str = Field(description="What the first calls it.")
    second_found: str = Field(description="What the second calls it.")
    first_right: bool | None = Field(description="Whether the first is right.")
    second_right: bool | None = Field(description="Whether the second is.")


class Comparison(BaseModel):
    """Two models on the test pictures that both have, each at the threshold that counts for it."""

    first: str = Field(description="Version of the first model.")
    second: str = Field(description="Version of the second.")
    first_threshold: float = Field(description="Of the first.")
    second_threshold: float = Field(description="Of the second.")
    n: int = Field(description="Pictures with a label that both were tested on.")
    damaged: int = Field(description="Of these, the damaged ones.")
    whole: int = Field(description="Of these, the whole ones.")
    both_right: int = Field(description="Pictures on which both verdicts are right.")
    only_first: int = Field(description="On which only the first's is.")
    only_second: int = Field(description="On which only the second's is.")
    both_wrong: int = Field(description="On which neither is.")
    scores: dict[str, Difference] = Field(description="By score, such as recall.")
    per_class: dict[str, Difference] = Field(description="Share of the pictures of a class that are given its name.")
    places: dict[str, Difference] = Field(
        description="Of pictures with drawn places: mean overlap of masks, missed boxes and false boxes a picture."
    )
    same_pictures: bool = Field(description="Whether both were tested on the same pictures with the same labels.")
    warnings: list[str] = Field(description="What makes the comparison less than fair, in sentences.")
    pictures: list[Differing] = Field(description="Those on which the models differ, the clearest first; 2,000 at most.")
