"""Results: findings that are kept, to be searched by time, verdict, label and model, the newest first."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, delete, select, tuple_
from sqlalchemy.orm import Session

from walkaround.hosting.operations.pages import open_page, paged
from walkaround.hosting.operations.rows import Reply, find_project
from walkaround.hosting.owner import Owner
from walkaround.store.tables import Result, now

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)


@dataclass(frozen=True, kw_only=True)
class ResultFilter:
    """Which results are wanted; None: all.

    Attributes:
        after, before: times between which the picture was looked at; the first is included, the second is not.
        anomalous: the verdict.
        label: the most probable class.
        model_version: the model that looked.
    """

    after: datetime | None = None
    before: datetime | None = None
    anomalous: bool | None = None
    label: str | None = None
    model_version: int | None = None

    def conditions(self) -> list[ColumnElement[bool]]:
        """For a WHERE clause."""
        equal = {Result.anomalous: self.anomalous, Result.label: self.label, Result.model_version: self.model_version}
        conditions = [column == value for column, value in equal.items() if value is not None]
        if self.after is not None:
            conditions.append(Result.created >= self.after)
        if self.before is not None:
            conditions.append(Result.created < self.before)
        return conditions


def keep_result(session: Session, owner: Owner, *, project_name: str, model_version: int, findings: Mapping[str, Any]) -> int:
    """Keep the findings of one picture.

    Args:
        session: of a transaction.
        owner: whose it is.
        project_name: the model's project.
        model_version: the model.
        findings: as `Findings.as_json` gives them.

    Returns:
        The result's number.

    Raises:
        NotFoundError: there is no such project.
    """
    result = Result(
        project_id=find_project(session, owner, project_name).id,
        model_version=model_version,
        source=str(findings["source"]),
        anomalous=bool(findings["anomalous"]),
        confidence=float(findings["confidence"]),
        label=str(findings["label"]),
        findings=dict(findings),
        created=now(),
    )
    session.add(result)
    session.flush()
    return result.id


def search_results(
    session: Session,
    owner: Owner,
    *,
    project_name: str,
    wanted: ResultFilter,
    page: tuple[str | None, int | None] = (None, None),
) -> Reply:
    """Results of a project, the newest first.

    Args:
        session: any.
        owner: whose they are.
        project_name: the project.
        wanted: which of them.
        page: NextToken and MaxResults.

    Raises:
        NotFoundError: there is no such project.
        ValidationError: the token is not of this search, or the size of the page is not allowed.
    """
    project = find_project(session, owner, project_name)
    opened = open_page("SearchResults", owner, project.id, wanted, next_token=page[0], max_results=page[1], parts=2)
    query = select(Result).filter_by(project_id=project.id).where(*wanted.conditions())
    query = query.order_by(Result.created.desc(), Result.id.desc()).limit(opened.size + 1)
    if opened.after:
        shown_last = (_EPOCH + opened.after[0] * _MICROSECOND, opened.after[1])
        query = query.where(tuple_(Result.created, Result.id) < shown_last)
    found = session.scalars(query).all()
    shown = found[: opened.size]
    token = None
    if len(found) > opened.size:
        token = opened.token_after((shown[-1].created - _EPOCH) // _MICROSECOND, shown[-1].id)
    return paged("Results", [_described(result) for result in shown], token)


def forget_results(session: Session, owner: Owner, *, project_name: str, before: datetime) -> int:
    """Delete the results of a project that are older than a time; returns how many.

    Raises:
        NotFoundError: there is no such project.
    """
    project = find_project(session, owner, project_name, to_change=True)
    old = session.scalars(delete(Result).where(Result.project_id == project.id, Result.created < before).returning(Result.id))
    return len(old.all())


def _described(result: Result) -> Reply:
    return {
        "Id": result.id,
        "ModelVersion": str(result.model_version),
        "CreationTimestamp": result.created,
        "Findings": result.findings,
    }
