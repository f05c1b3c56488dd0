"""The root of all tables, and those of projects: datasets, models and jobs, one class each.

A row's status is the truth; a job is written in the same transaction as the status it serves.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from sqlalchemy import (
    JSON,
    BigInteger,
    DateTime,
    Dialect,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    String,
    Text,
    UniqueConstraint,
)
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column
from sqlalchemy.types import TypeDecorator

Id = BigInteger().with_variant(Integer, "sqlite")  # only INTEGER counts up by itself there
NEVER_AGAIN = {"sqlite_autoincrement": True}
"""An id that a job, or somebody's page, may still name must not come to stand for another row."""


class Moment(TypeDecorator[datetime]):
    """A time in UTC, with its zone in Python and without it in the database, so that SQLite and PostgreSQL agree."""

    impl = DateTime
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:  # noqa: ARG002 - SQLAlchemy's signature
        """To the database."""
        return None if value is None else value.astimezone(UTC).replace(tzinfo=None)

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:  # noqa: ARG002 - SQLAlchemy's signature
        """From the database."""
        return None if value is None else value.replace(tzinfo=UTC)


def now() -> datetime:
    """The present time in UTC."""
    return datetime.now(UTC)


class Table(DeclarativeBase):
    """The root of all tables."""

    type_annotation_map = {datetime: Moment, dict[str, Any]: JSON(none_as_null=True)}  # noqa: RUF012 - SQLAlchemy's own spelling


class Project(Table):
    """A project: at most one dataset of each kind, and numbered models."""

    __tablename__ = "projects"
    __table_args__ = (UniqueConstraint("account", "region", "name"), NEVER_AGAIN)

    id: Mapped[int] = mapped_column(Id, primary_key=True)
    account: Mapped[str] = mapped_column(String(64))
    region: Mapped[str] = mapped_column(String(64))
    name: Mapped[str] = mapped_column(String(255))
    created: Mapped[datetime] = mapped_column(default=now)
    last_version: Mapped[int] = mapped_column(default=0)
    classes: Mapped[dict[str, Any] | None]  # {"classes": [{"name", "colour", "hotkey"}]}: those to label with; None: the usual


class Dataset(Table):
    """A dataset; one that was deleted stands without project until a job has removed its entries."""

    __tablename__ = "datasets"
    __table_args__ = (UniqueConstraint("project_id", "kind"), NEVER_AGAIN)

    id: Mapped[int] = mapped_column(Id, primary_key=True)
    project_id: Mapped[int | None] = mapped_column(ForeignKey("projects.id"))
    kind: Mapped[str] = mapped_column(String(8))  # train, test
    status: Mapped[str] = mapped_column(String(40))
    message: Mapped[str] = mapped_column(Text, default="")
    bucket: Mapped[str | None] = mapped_column(String(63))  # all pictures of a dataset are in one bucket
    source: Mapped[dict[str, Any] | None]  # the manifest: Bucket, Key, VersionId
    total: Mapped[int] = mapped_column(default=0)  # counted as entries come, so that no request has to count them
    normal: Mapped[int] = mapped_column(default=0)
    anomaly: Mapped[int] = mapped_column(default=0)
    created: Mapped[datetime] = mapped_column(default=now)
    updated: Mapped[datetime] = mapped_column(default=now)


class Entry(Table):
    """One line of a dataset: a picture and what is known of it.

    A line that replaces another keeps its `id` and `created`; within a dataset `created` never falls as `id` rises, so that
    a span of time is a span of ids. Substrings of `source_ref` are indexed by the migration: FTS5 or pg_trgm.
    """

    __tablename__ = "entries"
    __table_args__ = (
        UniqueConstraint("dataset_id", "source_ref"),
        Index("entries_in_order", "dataset_id", "id"),
        Index("entries_by_label", "dataset_id", "label", "id"),
        Index("entries_by_time", "dataset_id", "created", "id"),
        Index("entries_by_state", "dataset_id", "state", "id"),
        NEVER_AGAIN,
    )

    id: Mapped[int] = mapped_column(Id, primary_key=True)
    dataset_id: Mapped[int] = mapped_column(ForeignKey("datasets.id"))
    source_ref: Mapped[str] = mapped_column(String(1100))
    label: Mapped[str | None] = mapped_column(String(8))  # normal, anomaly; None: unlabelled
    line: Mapped[str] = mapped_column(Text)
    name: Mapped[str | None] = mapped_column(String(200))  # what it was uploaded as; it stands in the line too
    places: Mapped[dict[str, Any] | None]  # {"masks": ["dent"], "boxes": ["scratch"]}: the labels drawn; None: nobody drew
    state: Mapped[str] = mapped_column(String(10), default="unlabelled", server_default="unlabelled")  # to_review, accepted, …
    labelled_by: Mapped[str | None] = mapped_column(String(100))
    review: Mapped[dict[str, Any] | None]  # what a second person said of the labels; like all of these, it stands in the line
    created: Mapped[datetime] = mapped_column(default=now)


class Change(Table):
    """Lines that UpdateDatasetEntries accepted and a job will apply, all or none."""

    __tablename__ = "changes"
    __table_args__ = (NEVER_AGAIN,)

    id: Mapped[int] = mapped_column(Id, primary_key=True)
    dataset_id: Mapped[int] = mapped_column(ForeignKey("datasets.id"), index=True)
    content: Mapped[bytes] = mapped_column(LargeBinary)
    results: Mapped[dict[str, Any] | None]  # whose pictures it adds: {"labels": [[7, "anomaly"]], "reviewer": "anna"}
    created: Mapped[datetime] = mapped_column(default=now)


class Model(Table):
    """A version of a project's model."""

    __tablename__ = "models"
    __table_args__ = (UniqueConstraint("project_id", "version"), Index("models_by_status", "status"), NEVER_AGAIN)

    id: Mapped[int] = mapped_column(Id, primary_key=True)
    project_id: Mapped[int] = mapped_column(ForeignKey("projects.id"))
    version: Mapped[int]
    train_dataset_id: Mapped[int | None] = mapped_column(Id)  # what CreateModel found; may have been deleted since
    test_dataset_id: Mapped[int | None] = mapped_column(Id)
    description: Mapped[str | None] = mapped_column(String(500))
    status: Mapped[str] = mapped_column(String(24))
    message: Mapped[str] = mapped_column(Text, default="")
    created: Mapped[datetime] = mapped_column(default=now)
    kms_key_id: Mapped[str | None] = mapped_column(String(2048))
    output: Mapped[dict[str, Any]]  # OutputConfig as it was given
    evaluation_manifest: Mapped[dict[str, Any] | None]
    evaluation_result: Mapped[dict[str, Any] | None]
    evaluation_ended: Mapped[datetime | None]
    f1: Mapped[float | None]
    recall: Mapped[float | None]
    precision: Mapped[float | None]
    scores: Mapped[dict[str, Any] | None]  # what the REST API and the console show: the scorecard's JSON
    package: Mapped[str | None] = mapped_column(Text)  # path below the data folder
    min_units: Mapped[int | None]
    max_units: Mapped[int | None]
    options: Mapped[dict[str, Any] | None]  # of its training: minutes, quality, parts; those that were asked for
    threshold: Mapped[float | None]  # that a person adopted; None: the package's own


class Threshold(Table):
    """A threshold that a person adopted for a model, or the return to the package's own; never changed afterwards."""

    __tablename__ = "thresholds"
    __table_args__ = (Index("thresholds_by_model", "model_id", "id"),)

    id: Mapped[int] = mapped_column(Id, primary_key=True)
    model_id: Mapped[int] = mapped_column(ForeignKey("models.id"))
    threshold: Mapped[float | None]  # None: back to the package's own
    former: Mapped[float | None]
    chosen_by: Mapped[str] = mapped_column(String(100))  # id of the key, or name of the user
    note: Mapped[str] = mapped_column(String(500))
    created: Mapped[datetime] = mapped_column(default=now)


class TrainingLine(Table):
    """A line of the log of a training: a phase, a part that begins, losses of steps, an epoch, a rule that fired, an end."""

    __tablename__ = "training_lines"
    __table_args__ = (Index("training_lines_in_order", "model_id", "id"), NEVER_AGAIN)

    id: Mapped[int] = mapped_column(Id, primary_key=True)
    model_id: Mapped[int] = mapped_column(ForeignKey("models.id"))
    kind: Mapped[str] = mapped_column(String(8))  # begin, phase, start, point, epoch, rule, note, problem, end
    part: Mapped[str | None] = mapped_column(String(40))  # such as boxes
    step: Mapped[int | None]
    told: Mapped[dict[str, Any]]
    created: Mapped[datetime] = mapped_column(default=now)


class Endpoint(Table):
    """A name under which clients of SageMaker's runtime ask a model."""

    __tablename__ = "endpoints"
    __table_args__ = (UniqueConstraint("account", "region", "name"), NEVER_AGAIN)

    id: Mapped[int] = mapped_column(Id, primary_key=True)
    account: Mapped[str] = mapped_column(String(64))
    region: Mapped[str] = mapped_column(String(64))
    name: Mapped[str] = mapped_column(String(63))
    model_id: Mapped[int] = mapped_column(ForeignKey("models.id"), index=True)
    started: Mapped[bool]  # the model for it: then deleting it stops the model
    created: Mapped[datetime] = mapped_column(default=now)


class Tag(Table):
    """A tag of a model."""

    __tablename__ = "tags"

    model_id: Mapped[int] = mapped_column(ForeignKey("models.id"), primary_key=True)
    key: Mapped[str] = mapped_column(String(128), primary_key=True)
    value: Mapped[str] = mapped_column(String(256))


class Packaging(Table):
    """A model packaging job, as the API shows it."""

    __tablename__ = "packagings"
    __table_args__ = (
        UniqueConstraint("project_id", "name"),
        Index("packagings_by_component", "component_name", "component_version"),
        NEVER_AGAIN,
    )

    id: Mapped[int] = mapped_column(Id, primary_key=True)
    project_id: Mapped[int] = mapped_column(ForeignKey("projects.id"))
    name: Mapped[str] = mapped_column(String(64))
    model_version: Mapped[str] = mapped_column(String(10))
    component_name: Mapped[str] = mapped_column(String(128))
    component_version: Mapped[str] = mapped_column(String(20))
    configuration: Mapped[dict[str, Any]]
    description: Mapped[str | None] = mapped_column(String(256))
    output: Mapped[dict[str, Any] | None]
    status: Mapped[str] = mapped_column(String(16))
    message: Mapped[str] = mapped_column(Text, default="")
    created: Mapped[datetime] = mapped_column(default=now)
    updated: Mapped[datetime] = mapped_column(default=now)


class PictureLook(Table):
    """What a picture looks like, so that the same photo is known again: 32 x 32 grey bytes. Pictures never change."""

    __tablename__ = "picture_looks"

    source_ref: Mapped[str] = mapped_column(String(1100), primary_key=True)
    thumbnail: Mapped[bytes] = mapped_column(LargeBinary)


class Job(Table):
    """Work that was accepted and has to be done, whatever happens to the process that does it."""

    __tablename__ = "jobs"
    __table_args__ = (Index("jobs_due", "state", "due"), Index("jobs_by_subject", "kind", "subject"), NEVER_AGAIN)

    id: Mapped[int] = mapped_column(Id, primary_key=True)
    kind: Mapped[str] = mapped_column(String(32))
    subject: Mapped[int] = mapped_column(Id)  # id of the row that it is about
    state: Mapped[str] = mapped_column(String(8), default="due")  # due, running, done, failed
    attempts: Mapped[int] = mapped_column(default=0)
    deaths: Mapped[int] = mapped_column(default=0, server_default="0")  # servers in a row that died with it in work
    due: Mapped[datetime] = mapped_column(default=now)
    leased_by: Mapped[str | None] = mapped_column(String(64))
    leased_until: Mapped[datetime | None]
    cancelled: Mapped[bool] = mapped_column(default=False)
    progress: Mapped[dict[str, Any] | None]  # {"doing": "Reading pictures", "done": 120, "of": 460}
    error: Mapped[str | None] = mapped_column(Text)
    created: Mapped[datetime] = mapped_column(default=now)
    ended: Mapped[datetime | None]


class ClientToken(Table):
    """What was answered to a request with a client token, for the hours in which it may come again."""

    __tablename__ = "client_tokens"

    account: Mapped[str] = mapped_column(String(64), primary_key=True)
    region: Mapped[str] = mapped_column(String(64), primary_key=True)
    operation: Mapped[str] = mapped_column(String(40), primary_key=True)
    token: Mapped[str] = mapped_column(String(64), primary_key=True)
    digest: Mapped[str] = mapped_column(String(64))
    reply: Mapped[str] = mapped_column(Text)
    created: Mapped[datetime] = mapped_column(default=now, index=True)
