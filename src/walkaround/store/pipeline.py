"""The tables of the pipeline: what is watched, what has arrived, where results still have to go, and the sums of them."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import ForeignKey, Index, String, Text, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from walkaround.store.tables import NEVER_AGAIN, Id, Table, now

GONE = "gone"
"""The origin of a watch that was deleted; what waits for it is removed little by little."""


class Watch(Table):
    """A place that pictures and videos are put into, the models that look at them, and where the results go."""

    __tablename__ = "watches"
    __table_args__ = (UniqueConstraint("account", "region", "name"), NEVER_AGAIN)

    id: Mapped[int] = mapped_column(Id, primary_key=True)
    account: Mapped[str] = mapped_column(String(64))
    region: Mapped[str] = mapped_column(String(64))
    name: Mapped[str] = mapped_column(String(64))
    spec: Mapped[dict[str, Any]]  # a WatchSpec
    origin: Mapped[str] = mapped_column(String(8))  # rest, file, command, gone: who may change it
    home: Mapped[str] = mapped_column(String(32), default="")  # of one by file: the data folder of the server that has it
    status: Mapped[str] = mapped_column(Text, default="")  # what is wrong with its source at the moment
    passed_over: Mapped[str] = mapped_column(Text, default="")  # in its folder, although somebody may have meant it
    created: Mapped[datetime] = mapped_column(default=now)
    updated: Mapped[datetime] = mapped_column(default=now)
    looked: Mapped[datetime | None]  # when its source was last looked at in full
    leased_by: Mapped[str | None] = mapped_column(String(64))  # which process looks at its source
    leased_until: Mapped[datetime | None]


class Arrival(Table):
    """One version of one object, to be looked at by one model, once; it stays when it is done, so that it is known again."""

    __tablename__ = "arrivals"
    __table_args__ = (
        Index("arrivals_due", "state", "due", "id"),
        Index("arrivals_leased", "state", "leased_until"),
        Index("arrivals_by_watch", "watch_id", "state", "id"),
        NEVER_AGAIN,
    )

    id: Mapped[int] = mapped_column(Id, primary_key=True)
    identity: Mapped[str] = mapped_column(String(64), unique=True)  # SHA-256 of bucket, key, version or etag, and model
    watch_id: Mapped[int] = mapped_column(ForeignKey("watches.id"))
    project_id: Mapped[int] = mapped_column(ForeignKey("projects.id"), index=True)
    model_version: Mapped[int]
    bucket: Mapped[str] = mapped_column(String(70))  # of S3, or `folder:` and a watch
    key: Mapped[str] = mapped_column(Text)
    version: Mapped[str | None] = mapped_column(String(1024))
    etag: Mapped[str | None] = mapped_column(String(1024))
    size: Mapped[int | None] = mapped_column(Id)
    happened: Mapped[datetime]  # when it was put there, as far as is known
    state: Mapped[str] = mapped_column(String(8), default="due")  # due, running, done, dead
    attempts: Mapped[int] = mapped_column(default=0)
    deaths: Mapped[int] = mapped_column(default=0)  # processes that died with it in work
    due: Mapped[datetime] = mapped_column(default=now)
    leased_by: Mapped[str | None] = mapped_column(String(64))
    leased_until: Mapped[datetime | None]
    error: Mapped[str | None] = mapped_column(Text)
    created: Mapped[datetime] = mapped_column(default=now)
    ended: Mapped[datetime | None]


class DeadEvent(Table):
    """An event that could not be understood or names nothing that can be looked at; the same one again is counted."""

    __tablename__ = "dead_events"
    __table_args__ = (UniqueConstraint("watch_id", "digest"), NEVER_AGAIN)

    id: Mapped[int] = mapped_column(Id, primary_key=True)
    watch_id: Mapped[int] = mapped_column(ForeignKey("watches.id"))
    digest: Mapped[str] = mapped_column(String(64))  # SHA-256 of the body
    body: Mapped[str] = mapped_column(Text)  # its beginning
    error: Mapped[str] = mapped_column(Text)
    times: Mapped[int] = mapped_column(default=1)
    created: Mapped[datetime] = mapped_column(default=now)


class Delivery(Table):
    """A result that still has to go to a sink; gone when it is there, kept when it never got there."""

    __tablename__ = "deliveries"
    __table_args__ = (
        UniqueConstraint("result_id", "sink"),
        Index("deliveries_due", "state", "due", "id"),
        Index("deliveries_leased", "state", "leased_until"),
        Index("deliveries_by_watch", "watch_id", "state", "id"),
        Index("deliveries_by_sink", "watch_id", "sink", "state", "due", "id"),
        NEVER_AGAIN,
    )

    id: Mapped[int] = mapped_column(Id, primary_key=True)
    result_id: Mapped[int] = mapped_column(ForeignKey("results.id"))
    watch_id: Mapped[int] = mapped_column(ForeignKey("watches.id"))
    sink: Mapped[str] = mapped_column(String(200))  # as `Sink.name` gives it
    state: Mapped[str] = mapped_column(String(8), default="due")  # due, running, dead
    attempts: Mapped[int] = mapped_column(default=0)
    due: Mapped[datetime] = mapped_column(default=now)
    leased_by: Mapped[str | None] = mapped_column(String(64))
    leased_until: Mapped[datetime | None]
    error: Mapped[str | None] = mapped_column(Text)
    created: Mapped[datetime] = mapped_column(default=now)


class Total(Table):
    """How many pictures and videos a model looked at in an hour, and how many it called damaged."""

    __tablename__ = "totals"

    project_id: Mapped[int] = mapped_column(ForeignKey("projects.id"), primary_key=True)
    hour: Mapped[datetime] = mapped_column(primary_key=True)
    model_version: Mapped[int] = mapped_column(primary_key=True)
    pictures: Mapped[int] = mapped_column(default=0)
    anomalies: Mapped[int] = mapped_column(default=0)


class ProfileCount(Table):
    """How many pictures of a day fell into one class of a measure: what drift is seen by."""

    __tablename__ = "profile_counts"

    project_id: Mapped[int] = mapped_column(ForeignKey("projects.id"), primary_key=True)
    model_version: Mapped[int] = mapped_column(primary_key=True)
    day: Mapped[datetime] = mapped_column(primary_key=True)
    measure: Mapped[str] = mapped_column(String(32), primary_key=True)
    bin: Mapped[int] = mapped_column(primary_key=True)
    pictures: Mapped[int] = mapped_column(default=0)
