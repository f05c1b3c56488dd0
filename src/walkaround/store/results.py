"""The tables of results: what models found, what persons say of it, and the pictures that are kept with it."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import ForeignKey, Index, String, Text
from sqlalchemy.orm import Mapped, mapped_column

from walkaround.store.tables import NEVER_AGAIN, Id, Table, now


class Result(Table):
    """A picture or video that was looked at and whose findings are kept: sent over the REST API, or come by a watch."""

    __tablename__ = "results"
    __table_args__ = (
        Index("results_by_project", "project_id", "created", "id"),
        Index("results_by_verdict", "project_id", "anomalous", "created", "id"),
        Index("results_by_label", "project_id", "label", "created", "id"),
        Index("results_by_model", "project_id", "model_version", "created", "id"),
        Index("results_by_source", "project_id", "source", "created", "id"),
        Index("results_by_watch", "watch_id", "created", "id"),
        NEVER_AGAIN,
    )

    id: Mapped[int] = mapped_column(Id, primary_key=True)
    project_id: Mapped[int] = mapped_column(ForeignKey("projects.id"))
    model_version: Mapped[int]
    # Compared byte by byte, so that an index finds what begins alike.
    source: Mapped[str] = mapped_column(Text().with_variant(Text(collation="C"), "postgresql"))
    anomalous: Mapped[bool]
    confidence: Mapped[float]
    label: Mapped[str] = mapped_column(String(255))
    findings: Mapped[dict[str, Any]]
    created: Mapped[datetime] = mapped_column(default=now)
    arrival_id: Mapped[int | None] = mapped_column(Id, unique=True)  # what arrived has one result, however often it is told of
    watch_id: Mapped[int | None] = mapped_column(Id)
    verdict: Mapped[str | None] = mapped_column(String(8))  # normal, anomaly: what a person says, see `ResultReview`
    picture: Mapped[str | None] = mapped_column(String(120))  # address of the one that is kept with it, see `ResultPicture`


class ResultReview(Table):
    """What a person said of a result, or did with it; the newest word counts, the others are its history."""

    __tablename__ = "result_reviews"
    __table_args__ = (Index("result_reviews_in_order", "result_id", "id"), NEVER_AGAIN)

    id: Mapped[int] = mapped_column(Id, primary_key=True)
    result_id: Mapped[int] = mapped_column(ForeignKey("results.id"))
    label: Mapped[str | None] = mapped_column(String(8))  # normal, anomaly; None: an earlier word is taken back
    added_to: Mapped[str | None] = mapped_column(String(8))  # the dataset that the picture was added to with this label
    note: Mapped[str] = mapped_column(String(500), default="")
    reviewer: Mapped[str] = mapped_column(String(200))  # a user's name or the id of an access key
    created: Mapped[datetime] = mapped_column(default=now)


class ResultPicture(Table):
    """A picture that is kept with a result in the bucket of uploads, which goes when no result names it any more."""

    __tablename__ = "result_pictures"

    name: Mapped[str] = mapped_column(String(120), primary_key=True)  # its address, as in `Result.picture`
    result_id: Mapped[int] = mapped_column(Id)  # no reference: the row outlives the result, until the picture is gone
