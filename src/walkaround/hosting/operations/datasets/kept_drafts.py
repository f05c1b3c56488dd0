"""The rows of drafts: what is still to be drafted, what a version said of each picture, and when they go."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from sqlalchemy import ColumnElement, Select, and_, delete, exists, func, select
from sqlalchemy.orm import Session

from walkaround.store.drafts import Draft, Drafting
from walkaround.store.tables import Dataset, Entry, now


@dataclass(frozen=True, kw_only=True)
class Drafted:
    """What came of one picture: findings as `kept_line` tells them, or why there are none."""

    findings: Mapping[str, Any] | None = None
    error: str | None = None


class OpenPicture(NamedTuple):
    """An entry without label and draft."""

    id: int
    source_ref: str


def open_pictures(session: Session, drafting: Drafting, *, after: int, at_most: int) -> Sequence[OpenPicture]:
    """The next pictures without label and draft, behind the entry `after`, in the order of the dataset.

    Whoever goes on from the last one does not look again at all that was drafted before it.
    """
    todo = undrafted(drafting.dataset_id, drafting.model_version).where(Entry.id > after).order_by(Entry.id).limit(at_most)
    return [OpenPicture(*row) for row in session.execute(todo.with_only_columns(Entry.id, Entry.source_ref))]


def count_open(session: Session, drafting: Drafting) -> int:
    """How many pictures have neither a label nor a draft."""
    todo = undrafted(drafting.dataset_id, drafting.model_version)
    return session.scalar(select(func.count()).select_from(todo.subquery())) or 0


def count_failed(session: Session, drafting_id: int) -> int:
    """How many pictures a drafting could not look at, whichever server tried."""
    drafting = session.get(Drafting, drafting_id)
    if drafting is None:
        return 0
    failed = select(func.count()).select_from(Draft).where(*of_version(drafting.dataset_id, drafting.model_version))
    return session.scalar(failed.where(Draft.findings.is_(None))) or 0


def keep_drafts(session: Session, drafting_id: int, drafted: Mapping[str, Drafted]) -> bool:
    """Write down what came of some pictures, by their addresses; whether the drafting is there still and goes on."""
    drafting = session.get(Drafting, drafting_id, with_for_update=True)
    if drafting is None or drafting.status != "RUNNING":
        return False
    own = of_version(drafting.dataset_id, drafting.model_version)
    session.execute(delete(Draft).where(*own, Draft.source_ref.in_(drafted)).execution_options(synchronize_session=False))
    session.add_all(
        Draft(
            dataset_id=drafting.dataset_id,
            source_ref=ref,
            model_version=drafting.model_version,
            findings=None if one.findings is None else dict(one.findings),
            error=one.error,
        )
        for ref, one in drafted.items()
    )
    session.flush()
    return True


def end_drafting(session: Session, drafting_id: int, *, status: str, message: str = "") -> None:
    """Say how a drafting ended."""
    drafting = session.get(Drafting, drafting_id)
    if drafting is not None and drafting.status == "RUNNING":
        drafting.status, drafting.message, drafting.ended = status, message, now()


def is_drafting(session: Session, project_id: int, version: int) -> bool:
    """Whether a version of a project is at work on drafts."""
    query = select(Drafting.id).where(
        Drafting.dataset_id.in_(_datasets(project_id)), Drafting.model_version == version, Drafting.status == "RUNNING"
    )
    return session.scalar(query.limit(1)) is not None


def forget_drafts_of_model(session: Session, project_id: int, version: int) -> None:
    """Delete the drafts by a version of a project."""
    for table in (Draft, Drafting):
        gone = delete(table).where(table.dataset_id.in_(_datasets(project_id)), table.model_version == version)
        session.execute(gone.execution_options(synchronize_session=False))


def forget_findings_of_model(session: Session, project_id: int, version: int) -> None:
    """Delete what a version of a project drafted; a drafting that goes on looks at these pictures again."""
    gone = delete(Draft).where(Draft.dataset_id.in_(_datasets(project_id)), Draft.model_version == version)
    session.execute(gone.execution_options(synchronize_session=False))


def forget_drafts_of_dataset(session: Session, dataset_id: int) -> None:
    """Delete the drafts of the pictures of a dataset."""
    for table in (Draft, Drafting):
        session.execute(delete(table).where(table.dataset_id == dataset_id).execution_options(synchronize_session=False))


def _datasets(project_id: int) -> Select[int]:
    return select(Dataset.id).where(Dataset.project_id == project_id)


def of_version(dataset_id: int, version: int) -> tuple[ColumnElement[bool], ...]:
    """That a draft is by a version, of a picture of a dataset."""
    return Draft.dataset_id == dataset_id, Draft.model_version == version


def has_draft(version: int, *more: ColumnElement[bool]) -> ColumnElement[bool]:
    """That a version has been over the picture of an entry, and what else is to be true of its draft."""
    own = and_(Draft.dataset_id == Entry.dataset_id, Draft.source_ref == Entry.source_ref, Draft.model_version == version)
    return exists().where(own, *more)


def undrafted(dataset_id: int, version: int) -> Select[str]:
    """Addresses of the pictures without a label that a version has not been over."""
    return select(Entry.source_ref).where(Entry.dataset_id == dataset_id, Entry.label.is_(None), ~has_draft(version))
