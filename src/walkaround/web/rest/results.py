"""Kept findings over REST: searched, the newest first, and deleted."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any

from fastapi import APIRouter, Query
from pydantic import AwareDatetime

from walkaround.hosting.operations.results import ResultFilter, forget_results, search_results
from walkaround.web.rest.access import Changer, Reader
from walkaround.web.rest.shapes import Deleted, Limit, Moment, Next, ProjectName, Result, Results

router = APIRouter(prefix="/projects/{project}/results", tags=["detection"])


@router.get("", response_model_exclude_none=True)
def search(
    visit: Reader,
    project: ProjectName,
    *,
    anomalous: Annotated[bool | None, Query(description="The verdict.")] = None,
    label: Annotated[str | None, Query(min_length=1, max_length=255, description="The most probable class.")] = None,
    model: Annotated[int | None, Query(ge=1, le=2_000_000_000, description="The model's version.")] = None,
    after: Moment = None,
    before: Moment = None,
    limit: Limit = 100,
    next: Next = None,  # noqa: A002 - a name of the API
) -> Results:
    """Search the findings that were kept; `after` is included, `before` is not."""
    wanted = ResultFilter(after=after, before=before, anomalous=anomalous, label=label, model_version=model)
    reply = visit.look(
        lambda session: search_results(session, visit.owner, project_name=project, wanted=wanted, page=(next, limit))
    )
    return Results(results=[_result(one) for one in reply["Results"]], next=reply.get("NextToken"))


@router.delete("")
def forget(
    visit: Changer, project: ProjectName, before: Annotated[AwareDatetime, Query(description="A time with its zone.")]
) -> Deleted:
    """Delete the findings that were kept before a time."""
    reply = visit.change(
        "forget_results",
        lambda session: {"Deleted": forget_results(session, visit.owner, project_name=project, before=before)},
    )
    return Deleted(deleted=reply["Deleted"])


def _result(members: Mapping[str, Any]) -> Result:
    findings = members["Findings"]
    return Result(
        id=members["Id"],
        model=members["ModelVersion"],
        source=findings["source"],
        anomalous=findings["anomalous"],
        confidence=findings["confidence"],
        label=findings["label"],
        created=members["CreationTimestamp"],
        findings=findings,
    )
