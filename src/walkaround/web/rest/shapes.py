"""The shapes of the REST API: what requests and answers look like, as OpenAPI tells it."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated, Any, Literal

from fastapi import Path, Query
from pydantic import AfterValidator, AwareDatetime, BaseModel, ConfigDict, Field
from pydantic_core import PydanticCustomError

from walkaround.web.problems import LeftOut
from walkaround.web.rest.models.model_summary import ModelSummary
from walkaround.web.rest.models.training_shapes import Minutes, PartName, QualityName

NO_NUL = r"^[^\x00]*$"
"""What a text has to match that goes into the database: PostgreSQL takes no NUL."""
TRIAL_NAME = r"^[a-zA-Z0-9-]+$"


def _in_utc(moment: datetime) -> datetime:
    """The same time in UTC; one that falls out of the calendar there is none that anything was made at."""
    try:
        return moment.astimezone(UTC)
    except OverflowError as problem:
        raise PydanticCustomError("moment", "Input should be of a day between the years 1 and 9999 in UTC") from problem


ProjectName = Annotated[
    str, Path(min_length=1, max_length=255, pattern=r"^[a-zA-Z0-9][a-zA-Z0-9_-]*$", description="A project.")
]
DatasetKind = Literal["train", "test"]
KindInPath = Annotated[DatasetKind, Path(description="Which dataset: train or test.")]
Version = Annotated[str, Path(pattern=r"^([1-9][0-9]{0,9}|latest)$", description="A model version, or latest.")]
TrialName = Annotated[str, Path(min_length=1, max_length=64, pattern=TRIAL_NAME, description="A trial detection.")]
Label = Literal["normal", "anomaly"]
Limit = Annotated[int, Query(ge=1, le=100, description="Rows of a page.")]
NextPage = Annotated[
    str | None, Query(alias="next", max_length=2048, description="`next` of the page before, with the same filters.")
]
Instant = Annotated[AwareDatetime, AfterValidator(_in_utc)]
Moment = Annotated[Instant | None, Query(description="A time with its zone.")]
Bucket = Annotated[str, Field(min_length=3, max_length=63, pattern=r"^[0-9A-Za-z_-][0-9A-Za-z._-]*$")]
Key = Annotated[str, Field(min_length=1, max_length=1024, pattern=r"^[a-zA-Z0-9!_.*'()-][/a-zA-Z0-9!_.*'()-]*$")]
Prefix = Annotated[str, Field(max_length=1024, pattern=r"^([a-zA-Z0-9!_.*'()-][/a-zA-Z0-9!_.*'()-]*)?$")]
Picture = Annotated[
    str,
    Field(
        min_length=9,
        max_length=1100,
        pattern=r"^s3://[^/\x00-\x1f\x7f]+/[^\x00-\x1f\x7f]+$",
        description="s3://BUCKET/KEY of a picture.",
    ),
]
PictureInQuery = Annotated[
    str,
    Query(
        min_length=9,
        max_length=1100,
        pattern=r"^s3://[^/\x00-\x1f\x7f]+/[^\x00-\x1f\x7f]+$",
        description="s3://BUCKET/KEY of a picture.",
    ),
]
ResultNumber = Annotated[int, Path(ge=1, le=2**53, description="A result's number.")]
TagKey = Annotated[str, Field(min_length=1, max_length=128, pattern=r"^[\p{L}\p{Z}\p{N}_.:/=+\-@]*$")]
TagValue = Annotated[str, Field(max_length=256, pattern=r"^[\p{L}\p{Z}\p{N}_.:/=+\-@]*$")]


class Strict(BaseModel):
    """A request: what is not known is refused, not ignored."""

    model_config = ConfigDict(extra="forbid")


class NewProject(Strict):
    """A project to make."""

    name: Annotated[
        str,
        Field(
            min_length=1,
            max_length=255,
            pattern=r"^[a-zA-Z0-9][a-zA-Z0-9_-]*$",
            description="Letters, digits, hyphens and underscores; new in the account.",
        ),
    ]


class Project(BaseModel):
    """A project."""

    name: str = Field(description="Its name.")
    arn: str = Field(description="Its ARN in the AWS API.")
    created: datetime = Field(description="When it was made.")


class Dataset(BaseModel):
    """A dataset; the numbers are of pictures."""

    kind: DatasetKind = Field(description="What it is for: training or testing.")
    status: str = Field(description="Its status, as in the AWS API, such as UPDATE_COMPLETE.")
    message: str = Field(description="The status in a sentence.")
    created: datetime = Field(description="When it was made.")
    updated: datetime | None = Field(default=None, description="When it was last changed.")
    total: int | None = Field(default=None, description="All pictures.")
    labelled: int | None = Field(default=None, description="Pictures with a label.")
    normal: int | None = Field(default=None, description="Pictures labelled normal.")
    anomaly: int | None = Field(default=None, description="Pictures labelled anomaly.")
    job: str | None = Field(default=None, description="The job that the request began.")


class ProjectDetails(Project):
    """A project with its datasets."""

    datasets: list[Dataset] = Field(description="Its datasets, at most one of each kind.")


class Projects(BaseModel):
    """A page of projects."""

    projects: list[Project] = Field(description="The projects, in the order in which they were made.")
    next: str | None = Field(default=None, description="`next` for the page after this one; null: this is the last.")


class Manifest(Strict):
    """A manifest in a bucket."""

    bucket: Bucket = Field(description="The bucket that it is in.")
    key: Key = Field(description="Its key in the bucket.")
    version: Annotated[str | None, Field(min_length=1, max_length=1024, description="Its version in a versioned bucket.")] = (
        None
    )


class NewDataset(Strict):
    """A dataset to make: empty, or from a manifest."""

    kind: DatasetKind = Field(description="What it is for: training or testing.")
    manifest: Manifest | None = Field(default=None, description="Where its entries come from; without one it is empty.")


class Entry(BaseModel):
    """A picture of a dataset; `line` is all that its manifest says of it."""

    picture: str = Field(description="s3://BUCKET/KEY of the picture.")
    label: Label | None = Field(description="What a person saw; null: unlabelled.")
    name: str | None = Field(description="What it was uploaded as.")
    version: str = Field(description="Of the entry; changes with it, see If-Match of its places.")
    line: dict[str, Any] = Field(description="Its line of the manifest.")


class Entries(BaseModel):
    """A page of entries."""

    entries: list[Entry] = Field(description="The pictures, in the order in which they came.")
    next: str | None = Field(default=None, description="`next` for the page after this one; null: this is the last.")


class PictureLabel(Strict):
    """What a person sees in a picture; null takes the label away."""

    picture: Picture
    label: Label | None = Field(description="What a person sees.")


class NewLabels(Strict):
    """Labels to set."""

    labels: Annotated[list[PictureLabel], Field(min_length=1, max_length=5000, description="Pictures with their labels.")]


class Accepted(BaseModel):
    """Something was accepted and is being done; `job` tells how far it is."""

    status: str = Field(description="The status that it has now.")
    job: str | None = Field(default=None, description="The job that does it.")


class KeptPicture(BaseModel):
    """An uploaded picture that was kept."""

    name: str = Field(description="As the sender calls it.")
    picture: str = Field(description="s3://BUCKET/KEY where it is kept.")
    width: int = Field(description="In pixels, upright.")
    height: int = Field(description="In pixels, upright.")
    label: Label | None = Field(default=None, description="Its label, if it came with one.")


class Uploaded(BaseModel):
    """What became of the files of an upload."""

    added: list[KeptPicture] = Field(description="The pictures that were kept.")
    refused: list[LeftOut] = Field(description="The files that were left out, with the reasons.")
    known: int = Field(default=0, description="Pictures that the dataset had already.")
    job: str | None = Field(default=None, description="The job that adds the pictures to the dataset.")


class Output(Strict):
    """Where a model's evaluation is written to: PREFIX is put before the file names as it is."""

    bucket: Bucket = Field(description="The bucket that it goes to.")
    prefix: Prefix = Field(default="", description="What its keys begin with.")


class NewModel(Strict):
    """A model to train; without an output, its evaluation goes to the bucket of the uploads."""

    output: Output | None = Field(default=None, description="Where the evaluation is written to.")
    description: Annotated[
        str | None, Field(min_length=1, max_length=500, pattern=r"^[^\x00-\x1f\x7f]*$", description="What it is for.")
    ] = None
    tags: Annotated[dict[TagKey, TagValue], Field(max_length=200, description="Tags by key.")] = {}
    minutes: Minutes | None = Field(default=None, description="Time that it may take, or soon after; null: as set up.")
    quality: QualityName | None = Field(
        default=None, description="For the verdict: best also fine-tunes the network, where that helps; null: as set up."
    )
    parts: Annotated[
        list[PartName] | None, Field(min_length=1, max_length=3, description="Parts to train; null: all that the labels allow.")
    ] = None
    multi_label: bool | None = Field(
        default=None,
        description="Learn each damage type for itself, so that a picture may show several; null: the labels decide.",
    )


class Model(BaseModel):
    """A version of a project's model; the scores are those of its test."""

    version: str = Field(description="Its number.")
    arn: str = Field(description="Its ARN in the AWS API.")
    status: str = Field(description="Its status, as in the AWS API, such as TRAINED or HOSTED.")
    message: str = Field(description="The status in a sentence; of a failure, why and what to do.")
    created: datetime = Field(description="When its training was asked for.")
    description: str | None = Field(default=None, description="What it is for.")
    f1: float | None = Field(default=None, description="F1 score of its test.")
    recall: float | None = Field(default=None, description="Recall of its test.")
    precision: float | None = Field(default=None, description="Precision of its test.")
    min_units: int | None = Field(default=None, description="Least inference units while it is hosted.")
    max_units: int | None = Field(default=None, description="Most inference units while it is hosted.")
    output: Output | None = Field(default=None, description="Where its evaluation is.")
    job: str | None = Field(default=None, description="The job that the request began.")
    summary: ModelSummary | None = Field(default=None, description="Its scores in short; only in lists, of measured models.")


class Models(BaseModel):
    """A page of models."""

    models: list[Model] = Field(description="The models, by version.")
    next: str | None = Field(default=None, description="`next` for the page after this one; null: this is the last.")


class Units(Strict):
    """Inference units: with a maximum they follow the load."""

    min_units: Annotated[int, Field(ge=1, le=1_000_000, description="Least inference units.")] = 1
    max_units: Annotated[
        int | None, Field(ge=1, le=1_000_000, description="Most inference units; without it their number stays the same.")
    ] = None


class FoundBox(BaseModel):
    """A damage with its place."""

    label: str = Field(description="What it is.")
    score: float = Field(description="How sure the model is of it, 0 to 1.")
    box: list[float] = Field(
        min_length=4, max_length=4, description="Left, top, right and bottom edge in pixels of the upright picture."
    )


class Findings(BaseModel):
    """What a model found in a picture; `damage` is the probability that it shows any, `result` where it was kept."""

    source: str = Field(description="What the sender calls the picture.")
    anomalous: bool = Field(description="The verdict.")
    confidence: float = Field(description="Confidence in the verdict, 0 to 1.")
    label: str = Field(description="The most probable class.")
    damage: float = Field(description="Probability that it shows any damage.")
    probabilities: dict[str, float] = Field(
        description="Probability of each class; of a multi-label model each for itself, so that they need not add up to 1."
    )
    kinds: dict[str, float] | None = Field(
        default=None, description="Damage types that are there, with their probabilities; only of multi-label models."
    )
    width: int = Field(description="In pixels, upright.")
    height: int = Field(description="In pixels, upright.")
    boxes: list[FoundBox] | None = Field(
        default=None, description="Each damage with its place, the surest first; only of models that find boxes."
    )
    areas: dict[str, float] | None = Field(
        default=None, description="Share of the picture that each kind of damage covers; only of models that find masks."
    )
    mask: str | None = Field(
        default=None,
        description="Where that was asked for, the mask as a data: URL of a PNG of the picture's size; `colours` explains it.",
    )
    colours: dict[str, str] | None = Field(default=None, description="Colour of each kind of damage in the mask, #RRGGBB.")
    result: int | None = Field(default=None, description="Number under which the findings were kept.")


class Span(BaseModel):
    """A part of a video in which frame after frame looks damaged."""

    start: float = Field(description="Second of its first frame.")
    end: float = Field(description="Second of its last frame.")


class Result(BaseModel):
    """Findings that were kept."""

    id: int = Field(description="Its number.")
    project: str = Field(description="The model's project.")
    model: str = Field(description="The version of the model that looked.")
    watch: str | None = Field(description="The watch that it came by; null where it was sent, or the watch was deleted.")
    source: str = Field(description="What the sender calls the picture.")
    anomalous: bool = Field(description="The verdict.")
    confidence: float = Field(description="Confidence in the verdict, 0 to 1.")
    label: str = Field(description="The most probable class.")
    created: datetime = Field(description="When it was kept.")
    kinds: list[str] = Field(description="Kinds of damage whose place was found, the surest or largest first.")
    mask: str | None = Field(default=None, description="Path of the mask as a PNG; only of models that find masks.")
    spans: list[Span] = Field(description="Of a video: where it looks damaged.")
    verdict: Label | None = Field(default=None, description="What a person says; null: nobody has said anything.")
    picture: str | None = Field(
        default=None,
        description="Path of the picture, of a video the frame that speaks most for damage; null: it was sent and not kept.",
    )
    video: str | None = Field(default=None, description="Of a video: its path, unless it was not kept.")
    findings: dict[str, Any] = Field(description="All findings, as they were answered; of a video with those of its frames.")


class Results(BaseModel):
    """A page of results, the newest first."""

    results: list[Result] = Field(description="The results, the newest first.")
    next: str | None = Field(default=None, description="`next` for the page after this one; null: this is the last.")


class Deleted(BaseModel):
    """How much was deleted."""

    deleted: int = Field(description="Results that were deleted.")


class Counted(BaseModel):
    """How many pictures were changed."""

    pictures: int = Field(description="Pictures that were changed.")


class Job(BaseModel):
    """Work that was accepted: due, running, done or failed; `doing`, `done` and `of` tell how far it is."""

    job: str = Field(description="Its handle.")
    kind: str = Field(description="What it does, such as train.")
    state: Literal["due", "running", "done", "failed"] = Field(description="How far it is.")
    attempts: int = Field(description="How often it was tried and could not be done.")
    next_try: datetime | None = Field(default=None, description="When it is tried again, after an attempt that failed.")
    created: datetime = Field(description="When it was asked for.")
    ended: datetime | None = Field(default=None, description="When it ended.")
    doing: str | None = Field(default=None, description="What it is doing.")
    done: int | None = Field(default=None, description="Steps done.")
    of: int | None = Field(default=None, description="Steps of what it is doing.")
    error: str | None = Field(default=None, description="Why it failed, or why the last attempt did while it is tried again.")
