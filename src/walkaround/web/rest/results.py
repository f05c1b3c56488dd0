"""Kept findings over REST: searched, the newest first."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any

from fastapi import APIRouter, Query

from walkaround.hosting.operations.results import ResultFilter, search_results
from walkaround.web.rest.access import Reader
from walkaround.web.rest.shapes import Limit, Moment, Next, ProjectName, Result, Results

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
