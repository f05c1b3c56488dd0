"""What a watch is told to do: where things arrive, which models look at them, and where the results go."""

from __future__ import annotations

import re
from typing import Annotated, Literal
from urllib.parse import urlsplit

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError, model_validator

from walkaround.buckets.names import folder_bucket
from walkaround.errors import InputError
from walkaround.settings import BUCKET_NAME

EVENTS = "events"
"""The source of a watch that the server's own door feeds: POST /api/v1/events."""

_MODEL = re.compile(r"[a-zA-Z0-9][a-zA-Z0-9_-]{0,254}/([1-9][0-9]{0,9}|latest)")
_SCHEMES = ("s3", "gs", "az", "sqs", "https", "http")


def _prefix(text: str) -> str:
    if text.startswith("/") or "\\" in text or not text.isprintable() or any(part in (".", "..") for part in text.split("/")):
        raise ValueError(
            "must be the beginning of a key, such as front/, without '.', '..', backslashes and control characters"
        )
    return text


def _model(text: str) -> str:
    if not _MODEL.fullmatch(text):
        raise ValueError("must be PROJECT/VERSION, such as cars/3, or PROJECT/latest")
    return text


def _source(text: str) -> str:
    scheme, separator, rest = text.partition("://")
    if text == EVENTS or text.startswith("/"):
        return text
    if not separator or scheme not in _SCHEMES or not rest.strip("/"):
        raise ValueError("must be an absolute folder, s3://BUCKET/PREFIX, gs://, az://, sqs://QUEUE, a queue's URL, or events")
    if scheme in ("s3", "gs", "az"):
        bucket, _, prefix = rest.partition("/")
        if not BUCKET_NAME.fullmatch(bucket):
            raise ValueError("must name a bucket of 3 to 63 letters, digits, dots, hyphens and underscores")
        _prefix(prefix)
    return text


def _address(text: str) -> str:
    parts = urlsplit(text)
    wrong = parts.username or parts.password or parts.fragment or parts.port == 0  # a port that is no number is a ValueError
    if parts.scheme not in ("http", "https") or not parts.hostname or wrong:
        raise ValueError("must be a URL such as https://claims.example.com/hook, without a user or a fragment")
    return text


Prefix = Annotated[str, Field(max_length=1024), AfterValidator(_prefix)]
Bucket = Annotated[str, Field(pattern=rf"^{BUCKET_NAME.pattern}$")]


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Rule(_Part):
    """Which model looks at the keys that begin with a prefix; several rules may match, and each gives a result."""

    prefix: Annotated[Prefix, Field(description="What keys begin with; empty: all.")] = ""
    model: Annotated[str, Field(description="PROJECT/VERSION or PROJECT/latest."), AfterValidator(_model)]


class Chosen(_Part):
    """Sharp, distinct frames over the whole video."""

    kind: Annotated[Literal["chosen"], Field(description="Sharp, distinct frames.")] = "chosen"
    at_most: Annotated[int, Field(ge=1, le=500, description="Frames of a video.")] = 24


class Captured(_Part):
    """Frames at a fixed interval, as MediaConvert's frame capture makes them, written as JPEG beside the results."""

    kind: Annotated[Literal["captured"], Field(description="Frames at a fixed interval.")] = "captured"
    every: Annotated[float, Field(gt=0, le=86_400, description="Seconds from one frame to the next.")] = 5.0
    at_most: Annotated[int, Field(ge=1, le=10_000, description="Frames of a video.")] = 4
    width: Annotated[int, Field(ge=32, le=4096, description="Of the JPEG, in pixels.")] = 500
    height: Annotated[int, Field(ge=32, le=4096, description="Of the JPEG, in pixels.")] = 500
    quality: Annotated[int, Field(ge=1, le=100, description="Of the JPEG.")] = 80
    bucket: Annotated[Bucket | None, Field(description="Where the JPEGs go; null: nowhere.")] = None
    prefix: Annotated[Prefix, Field(description="Of their keys.")] = ""


class BucketSink(_Part):
    """JSON in a bucket, under the input's key with .json after it; a drawn picture or video of damage too, if asked for."""

    kind: Annotated[Literal["bucket"], Field(description="JSON in a bucket.")] = "bucket"
    bucket: Annotated[Bucket, Field(description="Where it goes.")]
    prefix: Annotated[Prefix, Field(description="Of its keys.")] = ""
    drawn: Annotated[bool, Field(description="A drawn picture or video of damage too.")] = False

    @property
    def name(self) -> str:
        """Tells this sink from the others of a watch."""
        return f"bucket:{self.bucket}/{self.prefix}"[:200]


class DynamoSink(_Part):
    """Items in a DynamoDB table with the partition key RequestID."""

    kind: Annotated[Literal["dynamodb"], Field(description="Items in DynamoDB.")] = "dynamodb"
    table: Annotated[str, Field(pattern=r"^[a-zA-Z0-9_.-]{3,255}$", description="Its partition key is RequestID, a string.")]

    @property
    def name(self) -> str:
        """Tells this sink from the others of a watch."""
        return f"dynamodb:{self.table}"[:200]


class WebhookSink(_Part):
    """Signed POST requests."""

    kind: Annotated[Literal["webhook"], Field(description="Signed requests.")] = "webhook"
    url: Annotated[str, Field(max_length=2000, description="What is asked to POST."), AfterValidator(_address)]

    @property
    def name(self) -> str:
        """Tells this sink from the others of a watch."""
        return f"webhook:{self.url}"[:200]


Sink = BucketSink | DynamoSink | WebhookSink


class WatchSpec(_Part):
    """A watch, as REST, the settings file and the command line give it."""

    name: Annotated[str, Field(pattern=r"^[a-zA-Z0-9][a-zA-Z0-9_-]{2,62}$", description="Of the watch.")]
    source: Annotated[
        str,
        Field(max_length=2000, description="s3://BUCKET/PREFIX, gs://, az://, sqs://QUEUE, events, or a folder."),
        AfterValidator(_source),
    ]
    rules: Annotated[tuple[Rule, ...], Field(min_length=1, max_length=100, description="Which model looks at which keys.")]
    exclude: Annotated[tuple[Prefix, ...], Field(max_length=100, description="Beginnings of keys to pass over.")] = ()
    frames: Annotated[Chosen | Captured, Field(discriminator="kind", description="Which frames of videos.")] = Chosen()
    sinks: Annotated[
        tuple[Annotated[Sink, Field(discriminator="kind")], ...],
        Field(max_length=10, description="Where results go besides the database."),
    ] = ()
    poll_seconds: Annotated[float, Field(ge=0.2, le=86_400, description="Pause between two looks at a listing.")] = 2.0
    keep_days: Annotated[
        Annotated[int, Field(ge=1, le=36_500)] | None,
        Field(description="Older results are deleted; null: as the settings say."),
    ] = None
    paused: Annotated[bool, Field(description="Notice nothing new.")] = False

    @model_validator(mode="after")
    def _sinks_differ(self) -> WatchSpec:
        names = [sink.name for sink in self.sinks]
        if len(set(names)) < len(names):
            raise ValueError("must not have the same sink twice")
        return self

    @property
    def folder_bucket(self) -> str | None:
        """The bucket that the watched folder is; None where no folder is watched."""
        return folder_bucket(self.name) if self.source.startswith("/") else None

    def models(self, key: str) -> list[str]:
        """The models that look at an object, PROJECT/VERSION each; empty where it is excluded or no rule is for it."""
        if any(key.startswith(prefix) for prefix in self.exclude):
            return []
        return list(dict.fromkeys(rule.model for rule in self.rules if key.startswith(rule.prefix)))


def watch_spec(values: object, *, where: str) -> WatchSpec:
    """A watch from plain values.

    Args:
        values: a table of a settings file, or what a database keeps.
        where: says in an error where they stand.

    Raises:
        InputError: a value is not allowed.
    """
    try:
        return WatchSpec.model_validate(values)
    except ValidationError as problem:
        first = problem.errors(include_url=False)[0]
        place = ".".join(str(part) for part in first["loc"]) or "it"
        raise InputError(f"The watch {where} cannot be used: {place}: {first['msg']}.") from None
