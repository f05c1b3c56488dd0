"""The shapes of the REST API: what requests and answers look like, as OpenAPI tells it."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any, Literal

from fastapi import Path, Query
from pydantic import AwareDatetime, BaseModel, ConfigDict, Field

ProjectName = Annotated[
    str, Path(min_length=1, max_length=255, pattern=r"^[a-zA-Z0-9][a-zA-Z0-9_-]*$", description="A project.")
]
DatasetKind = Literal["train", "test"]
Version = Annotated[str, Path(pattern=r"^([1-9][0-9]{0,9}|latest)$", description="A model version, or latest.")]
TrialName = Annotated[str, Path(min_length=1, max_length=64, pattern=r"^[a-zA-Z0-9-]+$", description="A trial detection.")]
Label = Literal["normal", "anomaly"]
Limit = Annotated[int, Query(ge=1, le=100, description="Rows of a page.")]
Next = Annotated[str | None, Query(max_length=2048, description="`next` of the page before, with the same filters.")]
Moment = Annotated[AwareDatetime | None, Query(description="A time with its zone.")]
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
TagKey = Annotated[str, Field(min_length=1, max_length=128, pattern=r"^[\p{L}\p{Z}\p{N}_.:/=+\-@]*$")]
TagValue = Annotated[str, Field(max_length=256, pattern=r"^[\p{L}\p{Z}\p{N}_.:/=+\-@]*$")]


class Strict(BaseModel):
    """A request: what is not known is refused, not ignored."""

    model_config = ConfigDict(extra="forbid")


class NewProject(Strict):
    """A project to make."""

    name: Annotated[str, Field(min_length=1, max_length=255, pattern=r"^[a-zA-Z0-9][a-zA-Z0-9_-]*$")]


class Project(BaseModel):
    """A project."""

    name: str
    arn: str
    created: datetime


class Dataset(BaseModel):
    """A dataset; the numbers are of pictures."""

    kind: DatasetKind
    status: str
    message: str
    created: datetime
    updated: datetime | None = None
    total: int | None = None
    labelled: int | None = None
    normal: int | None = None
    anomaly: int | None = None
    job: str | None = None


class ProjectDetails(Project):
    """A project with its datasets."""

    datasets: list[Dataset]


class Projects(BaseModel):
    """A page of projects."""

    projects: list[Project]
    next: str | None = None


class Manifest(Strict):
    """A manifest in a bucket."""

    bucket: Bucket
    key: Key
    version: Annotated[str | None, Field(min_length=1, max_length=1024)] = None


class NewDataset(Strict):
    """A dataset to make: empty, or from a manifest."""

    kind: DatasetKind
    manifest: Manifest | None = None


class Entry(BaseModel):
    """A picture of a dataset; `line` is all that its manifest says of it."""

    picture: str
    label: Label | None
    name: str | None
    line: dict[str, Any]


class Entries(BaseModel):
    """A page of entries."""

    entries: list[Entry]
    next: str | None = None


class PictureLabel(Strict):
    """What a person sees in a picture; null takes the label away."""

    picture: Picture
    label: Label | None


class NewLabels(Strict):
    """Labels to set."""

    labels: Annotated[list[PictureLabel], Field(min_length=1, max_length=5000)]


class Accepted(BaseModel):
    """Something was accepted and is being done; `job` tells how far it is."""

    status: str
    job: str | None = None


class KeptPicture(BaseModel):
    """An uploaded picture that was kept."""

    name: str
    picture: str
    width: int
    height: int
    label: Label | None = None


class RefusedPicture(BaseModel):
    """An uploaded file that was not kept, and why."""

    name: str
    reason: str


class Uploaded(BaseModel):
    """What became of the files of an upload."""

    added: list[KeptPicture]
    refused: list[RefusedPicture]
    job: str | None = None


class Output(Strict):
    """Where a model's evaluation is written to: PREFIX is put before the file names as it is."""

    bucket: Bucket
    prefix: Prefix = ""


class NewModel(Strict):
    """A model to train; without an output, its evaluation goes to the bucket of the uploads."""

    output: Output | None = None
    description: Annotated[str | None, Field(min_length=1, max_length=500, pattern=r"^[0-9A-Za-z.\-_]*$")] = None
    tags: Annotated[dict[TagKey, TagValue], Field(max_length=200)] = {}


class Model(BaseModel):
    """A version of a project's model; the scores are those of its test."""

    version: str
    arn: str
    status: str
    message: str
    created: datetime
    description: str | None = None
    f1: float | None = None
    recall: float | None = None
    precision: float | None = None
    min_units: int | None = None
    max_units: int | None = None
    output: Output | None = None
    job: str | None = None


class Models(BaseModel):
    """A page of models."""

    models: list[Model]
    next: str | None = None


class Units(Strict):
    """Inference units: with a maximum they follow the load."""

    min_units: Annotated[int, Field(ge=1, le=1_000_000)] = 1
    max_units: Annotated[int | None, Field(ge=1, le=1_000_000)] = None


class Findings(BaseModel):
    """What a model found in a picture; `damage` is the probability that it shows any, `result` where it was kept."""

    source: str
    anomalous: bool
    confidence: float
    label: str
    damage: float
    probabilities: dict[str, float]
    width: int
    height: int
    result: int | None = None


class Result(BaseModel):
    """Findings that were kept."""

    id: int
    model: str
    source: str
    anomalous: bool
    confidence: float
    label: str
    created: datetime
    findings: dict[str, Any]


class Results(BaseModel):
    """A page of results, the newest first."""

    results: list[Result]
    next: str | None = None


class Deleted(BaseModel):
    """How much was deleted."""

    deleted: int


class NewTrial(Strict):
    """Pictures in a bucket to try a model on: all below a prefix."""

    name: Annotated[str, Field(min_length=1, max_length=64, pattern=r"^[a-zA-Z0-9-]+$")]
    model: Annotated[str, Field(pattern=r"^([1-9][0-9]{0,9}|latest)$")] = "latest"
    bucket: Bucket
    prefix: Prefix = ""


class Trial(BaseModel):
    """A trial detection: RUNNING, COMPLETE or FAILED; the numbers are of pictures."""

    name: str
    model: str
    status: str
    message: str
    created: datetime
    total: int
    predicted: int
    failed: int
    verified: int
    added: int
    kept: list[KeptPicture] | None = None
    refused: list[RefusedPicture] | None = None
    job: str | None = None


class Trials(BaseModel):
    """A page of trial detections, the newest first."""

    trials: list[Trial]
    next: str | None = None


class TrialPicture(BaseModel):
    """A picture of a trial: what the model found or why it could not, what a person saw, and whether they agree."""

    picture: str
    findings: dict[str, Any] | None = None
    error: str | None = None
    verified: Label | None = None
    correct: bool | None = None
    added: bool


class TrialPictures(BaseModel):
    """A page of pictures of a trial, in the order in which they were given."""

    pictures: list[TrialPicture]
    next: str | None = None


class NewVerdicts(Strict):
    """What a person sees in pictures of a trial; null takes an earlier verdict back."""

    verdicts: Annotated[list[PictureLabel], Field(min_length=1, max_length=2000)]


class Counted(BaseModel):
    """How many pictures were changed."""

    pictures: int


class Job(BaseModel):
    """Work that was accepted: due, running, done or failed; `doing`, `done` and `of` tell how far it is."""

    job: str
    kind: str
    state: Literal["due", "running", "done", "failed"]
    attempts: int
    created: datetime
    ended: datetime | None = None
    doing: str | None = None
    done: int | None = None
    of: int | None = None
    error: str | None = None
