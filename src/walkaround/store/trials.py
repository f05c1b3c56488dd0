"""The tables of trial detections: new pictures and videos on which a model is tried, and what a person says of them."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import ForeignKey, Index, String, Text, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from walkaround.store.tables import NEVER_AGAIN, Id, Table, now


class Trial(Table):
    """A trial detection: a model run on new pictures, for a person to verify."""

    __tablename__ = "trials"
    __table_args__ = (UniqueConstraint("project_id", "name"), NEVER_AGAIN)

    id: Mapped[int] = mapped_column(Id, primary_key=True)
    project_id: Mapped[int] = mapped_column(ForeignKey("projects.id"))
    name: Mapped[str] = mapped_column(String(64))
    model_version: Mapped[int]
    status: Mapped[str] = mapped_column(String(16))  # RUNNING, COMPLETE, FAILED
    message: Mapped[str] = mapped_column(Text, default="")
    created: Mapped[datetime] = mapped_column(default=now)
    same_as: Mapped[str | None] = mapped_column(String(64))  # the trial on whose pictures this one was begun


class TrialPicture(Table):
    """One picture of a trial detection: what the model said, and what a person says of it."""

    __tablename__ = "trial_pictures"
    __table_args__ = (
        UniqueConstraint("trial_id", "source_ref"),
        Index("trial_pictures_in_order", "trial_id", "id"),
        Index("trial_pictures_by_sureness", "trial_id", "sureness", "id"),
    )

    id: Mapped[int] = mapped_column(Id, primary_key=True)
    trial_id: Mapped[int] = mapped_column(ForeignKey("trials.id"))
    source_ref: Mapped[str] = mapped_column(String(1100))
    name: Mapped[str | None] = mapped_column(String(200))  # what it was uploaded as
    video: Mapped[str | None] = mapped_column(String(200))  # what the video was uploaded as of which it is a frame
    time: Mapped[float | None]  # seconds from the start of the video
    findings: Mapped[dict[str, Any] | None]
    anomalous: Mapped[bool | None]  # the verdict in the findings, to count by
    sureness: Mapped[int | None]  # the confidence in the findings in millionths, to sort by
    heat: Mapped[dict[str, Any] | None]  # packed heat map
    quality: Mapped[dict[str, Any] | None]  # {"hints": ["blurred"], "sharpness": 0.09, …}: what the picture is like
    error: Mapped[str | None] = mapped_column(Text)
    verified: Mapped[str | None] = mapped_column(String(8))  # normal, anomaly: what a person saw
    verified_by: Mapped[str | None] = mapped_column(String(100))  # name of the user, or id of the key
    verified_at: Mapped[datetime | None]
    said: Mapped[dict[str, Any] | None]  # {"kinds": […], "places": […], "line": {…}}: what a person corrected, for the entry
    added: Mapped[bool] = mapped_column(default=False)
    added_to: Mapped[str | None] = mapped_column(String(8))  # train, test


class TrialVideo(Table):
    """A video of a trial detection; when its frames were chosen, they are pictures of the trial, and the file is gone."""

    __tablename__ = "trial_videos"

    id: Mapped[int] = mapped_column(Id, primary_key=True)
    trial_id: Mapped[int] = mapped_column(ForeignKey("trials.id"), index=True)
    name: Mapped[str] = mapped_column(String(200))
    file: Mapped[str] = mapped_column(Text)  # path below the data folder
    at_most: Mapped[int]  # frames
    frames: Mapped[int | None]  # that were chosen
    error: Mapped[str | None] = mapped_column(Text)
