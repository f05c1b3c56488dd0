"""The tables of drafts: what a model would say of pictures that nobody has labelled, kept until a person looks at them."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import Index, String, Text, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from walkaround.store.tables import NEVER_AGAIN, Id, Table, now


class Drafting(Table):
    """A version of a model going over all pictures of a dataset that nobody has labelled; the newest one is told of."""

    __tablename__ = "draftings"
    __table_args__ = (Index("draftings_of_dataset", "dataset_id", "id"), NEVER_AGAIN)

    id: Mapped[int] = mapped_column(Id, primary_key=True)
    dataset_id: Mapped[int] = mapped_column(Id)  # no reference: a dataset is deleted whatever looks at it
    model_version: Mapped[int]
    status: Mapped[str] = mapped_column(String(10))  # RUNNING, COMPLETE, CANCELLED, FAILED
    message: Mapped[str] = mapped_column(Text, default="")
    pictures: Mapped[int]  # that had no draft of this version when it was begun
    created: Mapped[datetime] = mapped_column(default=now)
    ended: Mapped[datetime | None]


class Draft(Table):
    """What a version of a model said of a picture; by address, so that a picture that is put back has it still."""

    __tablename__ = "drafts"
    __table_args__ = (UniqueConstraint("dataset_id", "source_ref", "model_version"), NEVER_AGAIN)

    id: Mapped[int] = mapped_column(Id, primary_key=True)
    dataset_id: Mapped[int] = mapped_column(Id)
    source_ref: Mapped[str] = mapped_column(String(1100))
    model_version: Mapped[int]
    findings: Mapped[dict[str, Any] | None]  # with what masks can be drawn from again; None: it could not be looked at
    error: Mapped[str | None] = mapped_column(Text)
    created: Mapped[datetime] = mapped_column(default=now)
