"""Results: findings that are kept, searched for, shown and deleted."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from walkaround.errors import NotFoundError
from walkaround.hosting.operations.pages import open_page, paged
from walkaround.hosting.operations.results.result_search import ResultFilter, Search
from walkaround.hosting.operations.rows import Reply, find_project
from walkaround.hosting.owner import Owner
from walkaround.store.pipeline import Delivery, Watch
from walkaround.store.results import Result, ResultPicture, ResultReview
from walkaround.store.tables import now

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)
FORGOTTEN_AT_ONCE = 1_000
"""Results that one transaction deletes: enough to be quick, few enough that nobody waits for it."""


def keep_result(
    session: Session,
    owner: Owner,
    *,
    project_name: str,
    model_version: int,
    findings: Mapping[str, Any],
    picture: str | None = None,
) -> int:
    """Keep the findings of one picture.

    Args:
        session: of a transaction.
        owner: whose it is.
        project_name: the model's project.
        model_version: the model.
        findings: as `Findings.as_json` gives them.
        picture: address of the picture that is kept with them, see `ResultPicture`.

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
        picture=picture,
    )
    session.add(result)
    session.flush()
    if picture is not None:
        session.add(ResultPicture(name=picture, result_id=result.id))
    return result.id


def search_results(
    session: Session,
    owner: Owner,
    *,
    wanted: ResultFilter,
    project_name: str | None = None,
    page: tuple[str | None, int | None] = (None, None),
) -> Reply:
    """Results of a project or of all projects, the newest first.

    A page may have fewer results than asked for, or none, and still a NextToken: much had to be looked through.

    Args:
        session: any.
        owner: whose they are.
        wanted: which of them.
        project_name: the project; None: all of the account.
        page: NextToken and MaxResults.

    Raises:
        NotFoundError: there is no such project or watch.
        ValidationError: the token is not of this search, or the size of the page is not allowed.
    """
    search = Search(session, owner, wanted, project_name=project_name)
    opened = open_page("SearchResults", owner, project_name, wanted, next_token=page[0], max_results=page[1], parts=2)
    after = None if opened.after is None else (_EPOCH + opened.after[0] * _MICROSECOND, opened.after[1])
    found = search.next(session, size=opened.size, after=after)
    token = None if found.last is None else opened.token_after((found.last[0] - _EPOCH) // _MICROSECOND, found.last[1])
    names = watch_names(session, owner, found.results)
    shown = [
        described_result(result, search.projects[result.project_id], names.get(result.watch_id)) for result in found.results
    ]
    return paged("Results", shown, token)


def forget_results(
    session: Session, owner: Owner, *, project_name: str, before: datetime, at_most: int = FORGOTTEN_AT_ONCE
) -> int:
    """Delete results of a project that are older than a time, with what still has to be delivered of them; how many.

    There may be millions: call it in one short transaction after another until it deletes fewer than `at_most`.

    Raises:
        NotFoundError: there is no such project.
    """
    project = find_project(session, owner, project_name)
    old = select(Result.id).where(Result.project_id == project.id, Result.created < before)
    ids = session.scalars(old.order_by(Result.created, Result.id).limit(at_most).with_for_update(skip_locked=True)).all()
    delete_results(session, ids)
    return len(ids)


def delete_results(session: Session, ids: Sequence[int]) -> None:
    """Delete results, with what still has to be delivered of them and what persons said; their pictures are swept later."""
    for table, column in ((Delivery, Delivery.result_id), (ResultReview, ResultReview.result_id), (Result, Result.id)):
        session.execute(delete(table).where(column.in_(ids)).execution_options(synchronize_session=False))


def watch_names(session: Session, owner: Owner, results: Sequence[Result]) -> dict[int | None, str]:
    """Names of the watches that results came by, by number; those that were deleted are left out."""
    ids = {result.watch_id for result in results if result.watch_id is not None}
    query = select(Watch.id, Watch.name).where(Watch.account == owner.account, Watch.region == owner.region, Watch.id.in_(ids))
    names: dict[int | None, str] = {}
    if ids:
        names.update((row.id, row.name) for row in session.execute(query))
    return names


def kinds_of(findings: Mapping[str, Any]) -> list[str]:
    """The kinds of damage that were told: of boxes, the surest first, of masks, the largest first, and of the whole picture."""
    boxes = [str(box["label"]) for box in findings.get("boxes") or ()]
    return list(dict.fromkeys([*boxes, *(findings.get("areas") or ()), *(findings.get("kinds") or ())]))


def find_result(session: Session, owner: Owner, *, project_name: str, number: int) -> Result:
    """A result of a project.

    Raises:
        NotFoundError: there is no such project or result.
    """
    project = find_project(session, owner, project_name)
    result = session.scalars(select(Result).filter_by(project_id=project.id, id=min(number, 2**63 - 1))).one_or_none()
    if result is None:
        raise NotFoundError(
            f"The project {project_name!r} has no result {number}: it was deleted, or never kept.",
            resource_id=project_name,
            resource_type="PROJECT",
        )
    return result


def damaged_spans(findings: Mapping[str, Any]) -> list[tuple[float, float]]:
    """Spans of a video, in seconds, from the first to the last of frames in a row that look damaged; empty for a picture."""
    spans: list[tuple[float, float]] = []
    ongoing = False
    for frame in findings.get("frames_found", ()):
        time = float(frame.get("time") or 0.0)
        if frame["anomalous"]:
            spans = [*spans[:-1], (spans[-1][0], time)] if ongoing else [*spans, (time, time)]
        ongoing = bool(frame["anomalous"])
    return spans


def described_result(result: Result, project: str, watch: str | None) -> Reply:
    """A result as the operations tell of it."""
    return {
        "Id": result.id,
        "Project": project,
        "ModelVersion": str(result.model_version),
        "Watch": watch,
        "CreationTimestamp": result.created,
        "Findings": result.findings,
        "Kinds": kinds_of(result.findings),
        "Spans": damaged_spans(result.findings),
        "Verdict": result.verdict,
        "Readable": result.picture is not None or result.arrival_id is not None,
    }
