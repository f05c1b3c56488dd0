"""The shapes of the REST API for trial detections."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any, Literal

from pydantic import BaseModel, Field

from walkaround.web.problems import LeftOut
from walkaround.web.rest.labelling.labelling_shapes import DraftPlace
from walkaround.web.rest.labelling.place_shapes import DrawnPlace
from walkaround.web.rest.shapes import TRIAL_NAME, Bucket, DatasetKind, KeptPicture, Label, Picture, Prefix, Strict

Kind = Annotated[str, Field(min_length=1, max_length=100, pattern=r"^\S(.*\S)?$")]


class NewTrial(Strict):
    """A model to try on pictures in a bucket, all below a prefix, or on those of another trial."""

    name: Annotated[
        str,
        Field(
            min_length=1,
            max_length=64,
            pattern=TRIAL_NAME,
            description="Letters, digits and hyphens; new in the project.",
        ),
    ]
    model: Annotated[str, Field(pattern=r"^([1-9][0-9]{0,9}|latest)$", description="The version to try, or latest.")] = "latest"
    bucket: Bucket | None = Field(default=None, description="The bucket of the pictures.")
    prefix: Prefix = Field(default="", description="What their keys begin with.")
    same_as: Annotated[str, Field(min_length=1, max_length=64, pattern=TRIAL_NAME)] | None = Field(
        default=None, description="Instead of a bucket: the trial whose pictures are tried, with what persons said of them."
    )


class TrialVideo(BaseModel):
    """A video of a trial, whose chosen frames are pictures of it."""

    name: str = Field(description="What it was uploaded as.")
    frames: int | None = Field(default=None, description="Frames that were chosen; null while they are not.")
    problem: str | None = Field(default=None, description="Why there are none, or not all.")


class Trial(BaseModel):
    """A trial detection: RUNNING, COMPLETE or FAILED; the numbers are of pictures."""

    name: str = Field(description="Its name.")
    model: str = Field(description="The version that is tried.")
    status: str = Field(description="RUNNING, COMPLETE or FAILED.")
    message: str = Field(description="Why it failed.")
    created: datetime = Field(description="When it was begun.")
    total: int = Field(description="All pictures.")
    predicted: int = Field(description="Pictures that the model has looked at.")
    damaged: int = Field(description="Pictures that the model calls damaged.")
    failed: int = Field(description="Pictures that could not be looked at.")
    verified: int = Field(description="Pictures with a verdict of a person.")
    right: int = Field(description="Pictures of which the person agrees with the model.")
    wrong: int = Field(description="Pictures of which the person does not.")
    added: int = Field(description="Pictures that were added to a dataset.")
    videos: list[TrialVideo] = Field(default=[], description="The videos that were uploaded.")
    same_as: str | None = Field(default=None, description="The trial on whose pictures it was begun.")
    kept: list[KeptPicture] | None = Field(default=None, description="Of an upload: the pictures that were kept.")
    refused: list[LeftOut] | None = Field(
        default=None, description="Of an upload: the files that were left out, with the reasons."
    )
    job: str | None = Field(default=None, description="The job that looks at the pictures, while there is one.")


class Trials(BaseModel):
    """A page of trial detections, the newest first."""

    trials: list[Trial] = Field(description="The trials, the newest first.")
    next: str | None = Field(default=None, description="`next` for the page after this one; null: this is the last.")


class Quality(BaseModel):
    """What a picture is like besides what it shows."""

    hints: list[str] = Field(description="What makes it hard to judge: blurred, dark, bright, flat, small.")
    sharpness: float = Field(description="Fine contrast as a network sees it.")
    detail: float = Field(description="Energy of the finest octave over that of the next; below 0.33 it is blurred.")
    brightness: float = Field(description="Mean luma, 0 to 1.")
    contrast: float = Field(description="Standard deviation of luma, 0 to 1.")


class TrialPicture(BaseModel):
    """A picture of a trial: what the model found or why it could not, what a person saw, and whether they agree."""

    picture: str = Field(description="s3://BUCKET/KEY of the picture.")
    name: str | None = Field(default=None, description="What it was uploaded as; pictures of a bucket have none.")
    video: str | None = Field(default=None, description="The video of which it is a frame.")
    time: float | None = Field(default=None, description="Seconds from the start of the video.")
    findings: dict[str, Any] | None = Field(default=None, description="What the model found.")
    image: str = Field(description="Path of the picture itself; with `&size=256` a thumbnail.")
    heat: str | None = Field(default=None, description="Path of the heat map, a transparent PNG; only of models that have one.")
    mask: str | None = Field(default=None, description="Path of the mask as a PNG; only of models that find masks.")
    quality: Quality | None = Field(default=None, description="What the picture is like besides what it shows.")
    error: str | None = Field(default=None, description="Why the model could not look at it.")
    verified: Label | None = Field(default=None, description="What a person saw.")
    verified_by: str | None = Field(default=None, description="Who said so: user:NAME, or the id of an access key.")
    verified_at: datetime | None = Field(default=None, description="When.")
    kinds: list[str] | None = Field(default=None, description="Damage types that the person gave the whole picture.")
    places: list[DrawnPlace] | None = Field(default=None, description="What the person drew, or accepted of what was found.")
    correct: bool | None = Field(default=None, description="Whether the person agrees with the model.")
    added: bool = Field(description="Whether it was added to a dataset.")
    added_to: DatasetKind | None = Field(default=None, description="The dataset that it was added to.")


class TrialPictures(BaseModel):
    """A page of pictures of a trial, in the order that was asked for."""

    pictures: list[TrialPicture] = Field(description="The pictures, in the order that was asked for.")
    next: str | None = Field(default=None, description="`next` for the page after this one; null: this is the last.")


class FoundPlaces(BaseModel):
    """What a model found in a picture of a trial, in the form in which a person draws."""

    picture: str = Field(description="s3://BUCKET/KEY of the picture.")
    places: list[DraftPlace] = Field(description="Areas, then boxes, so that these lie on top; none in a picture without.")


class NewVerdict(Strict):
    """What a person sees in a picture; with label null, an earlier verdict is taken back."""

    picture: Picture
    label: Label | None = Field(description="What a person sees.")
    kinds: list[Kind] = Field(default=[], max_length=100, description="Damage types of the whole picture.")
    places: Annotated[list[DrawnPlace], Field(max_length=500)] | None = Field(
        default=None, description="Each damage with its place, as it really is; null: nobody drew."
    )
    as_found: bool = Field(
        default=False, description="The boxes and outlines that the model found are right: keep them as drawn."
    )


class NewVerdicts(Strict):
    """What a person sees in pictures of a trial; null takes an earlier verdict back."""

    verdicts: Annotated[
        list[NewVerdict], Field(min_length=1, max_length=2000, description="Pictures with what a person sees in them.")
    ]


class Repeated(BaseModel):
    """A verified picture that is not added, because it is in a dataset already."""

    picture: str = Field(description="s3://BUCKET/KEY of the picture.")
    name: str | None = Field(default=None, description="What it was uploaded as.")
    like: str = Field(description="s3://BUCKET/KEY of the picture that it repeats.")
    like_name: str | None = Field(default=None, description="What that one was uploaded as.")
    dataset: DatasetKind | None = Field(default=None, description="Where that one is; null: it is added at the same time.")
    same: bool = Field(description="Whether it is the very file, and not only the same photo.")


class Addable(BaseModel):
    """What would be added to a dataset of the verified pictures."""

    normal: int = Field(description="Pictures of whole vehicles that are new.")
    anomaly: int = Field(description="Pictures of damage that are new.")
    left_out: list[Repeated] = Field(description="Pictures that are in a dataset already.")
    uncompared: int = Field(
        description="Pictures of the datasets that were not compared yet, as files alone: the job of a trial does that."
    )


class AddedPictures(BaseModel):
    """What was added to a dataset."""

    pictures: int = Field(description="Pictures that were added.")
    left_out: list[Repeated] | None = Field(default=None, description="Pictures that were not, being in a dataset already.")


class ChangedPicture(TrialPicture):
    """A picture of which another version of the model says something else."""

    before: dict[str, Any] = Field(description="What the other version found.")
    seen: bool = Field(description="Whether it was added to a dataset, so that a version may have been trained on it.")


class TrialComparison(BaseModel):
    """Two trials on the same pictures."""

    model: str = Field(description="The version of this trial.")
    other_model: str = Field(description="The version of the other one.")
    pictures: int = Field(description="Pictures that both have looked at.")
    verified: int = Field(description="Those of them of which a person said what they show.")
    right: int = Field(description="Verified pictures of which this version is right.")
    right_before: int = Field(description="Verified pictures of which the other one is.")
    changed: list[ChangedPicture] = Field(description="Pictures of another verdict.")


Order = Literal["given", "unsure"]
Wanted = Literal["all", "open", "verified", "right", "wrong", "damaged", "whole", "failed"]
