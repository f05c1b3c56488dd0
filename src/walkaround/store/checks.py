"""The tables beside datasets: what the check found, what was taken out and can be put back, and exports to be fetched."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import ForeignKey, Index, Integer, LargeBinary, String, Text
from sqlalchemy.orm import Mapped, mapped_column

from walkaround.store.tables import NEVER_AGAIN, Id, Table, now


class Check(Table):
    """A look through a dataset for all that would spoil a model; the newest complete one counts."""

    __tablename__ = "checks"
    __table_args__ = (Index("checks_of_dataset", "dataset_id", "id"), NEVER_AGAIN)

    id: Mapped[int] = mapped_column(Id, primary_key=True)
    dataset_id: Mapped[int] = mapped_column(Id)  # no reference: a dataset is deleted whatever looks at it
    labels: Mapped[bool]  # whether labels are looked at too, which takes a network
    status: Mapped[str] = mapped_column(String(8))  # RUNNING, COMPLETE, FAILED
    message: Mapped[str] = mapped_column(Text, default="")
    report: Mapped[dict[str, Any] | None]  # counts and problems, as the API shows them
    created: Mapped[datetime] = mapped_column(default=now)
    ended: Mapped[datetime | None]


class CheckFlag(Table):
    """An entry that a problem of a check is about."""

    __tablename__ = "check_flags"
    __table_args__ = (Index("check_flags_by_kind", "check_id", "kind", "entry_id"),)

    check_id: Mapped[int] = mapped_column(Id, primary_key=True)
    entry_id: Mapped[int] = mapped_column(Id, primary_key=True)
    kind: Mapped[str] = mapped_column(String(24), primary_key=True)
    problem: Mapped[int]  # its place in the report: what is told together has places beside each other
    label: Mapped[str | None] = mapped_column(String(8))  # that the entry had: one about labels is settled by another label
    settled: Mapped[bool] = mapped_column(default=False)  # a person looked at it, and it is right as it is


class CheckedEntry(Table):
    """What models that did not see a picture say of its label."""

    __tablename__ = "checked_entries"
    __table_args__ = (Index("checked_entries_by_doubt", "check_id", "doubt", "entry_id"),)

    check_id: Mapped[int] = mapped_column(Id, primary_key=True)
    entry_id: Mapped[int] = mapped_column(Id, primary_key=True)
    doubt: Mapped[int] = mapped_column(Integer)  # probability of the other labels, in millionths, to sort by
    suggests: Mapped[str] = mapped_column(String(8))  # the most probable label
    label: Mapped[str | None] = mapped_column(String(8))  # that it had


class Removal(Table):
    """Entries that a person took out of a dataset, for a while, so that they can be put back."""

    __tablename__ = "removals"
    __table_args__ = (Index("removals_of_dataset", "dataset_id", "id"), NEVER_AGAIN)

    id: Mapped[int] = mapped_column(Id, primary_key=True)
    dataset_id: Mapped[int] = mapped_column(Id)
    pictures: Mapped[int]
    content: Mapped[bytes] = mapped_column(LargeBinary)  # their lines
    created: Mapped[datetime] = mapped_column(default=now)


class Export(Table):
    """A project's datasets in the format of another tool, as an archive to be fetched."""

    __tablename__ = "exports"
    __table_args__ = (Index("exports_of_project", "project_id", "id"), NEVER_AGAIN)

    id: Mapped[int] = mapped_column(Id, primary_key=True)
    project_id: Mapped[int] = mapped_column(ForeignKey("projects.id"))
    form: Mapped[str] = mapped_column(String(16))
    options: Mapped[dict[str, Any]]  # kinds of datasets, address, skip_bad_labels
    status: Mapped[str] = mapped_column(String(8))  # RUNNING, COMPLETE, FAILED
    message: Mapped[str] = mapped_column(Text, default="")
    report: Mapped[dict[str, Any] | None]  # pictures, bytes, problems
    created: Mapped[datetime] = mapped_column(default=now)
    ended: Mapped[datetime | None]
