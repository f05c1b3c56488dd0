"""Kept findings over REST: searched, the newest first, exported as a table, and deleted."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Query
from fastapi.responses import StreamingResponse

from walkaround.errors import MissingExtraError, ValidationError
from walkaround.hosting.operations.results.result_search import ResultFilter, Reviewed
from walkaround.hosting.operations.results.results import FORGOTTEN_AT_ONCE, forget_results, search_results
from walkaround.inspection.masks import told_line
from walkaround.pipeline.export import Format, export_parts
from walkaround.pipeline.originals import sweep_pictures
from walkaround.pipeline.sinks.delivered import HEAT_MAP
from walkaround.web.rest.access import Changer, Reader, Visit
from walkaround.web.rest.entrance import PREFIX
from walkaround.web.rest.results.masks import path_of_result
from walkaround.web.rest.shapes import NO_NUL, Deleted, Instant, Limit, Moment, NextPage, ProjectName, Result, Results, Span

router = APIRouter(tags=["results"])

_TYPES: Mapping[Format, str] = {"csv": "text/csv; charset=utf-8", "parquet": "application/vnd.apache.parquet"}

ProjectWanted = Annotated[
    str | None, Query(min_length=1, max_length=255, pattern=r"^[a-zA-Z0-9][a-zA-Z0-9_-]*$", description="Of one project only.")
]
Text = Annotated[str | None, Query(min_length=1, max_length=4096, pattern=NO_NUL)]
Share = Annotated[float | None, Query(ge=0, le=1)]


def result_filter(
    *,
    after: Moment = None,
    before: Moment = None,
    anomalous: Annotated[bool | None, Query(description="The verdict.")] = None,
    label: Annotated[
        str | None, Query(min_length=1, max_length=255, pattern=NO_NUL, description="The most probable class.")
    ] = None,
    model: Annotated[int | None, Query(ge=1, le=2_000_000_000, description="The model's version.")] = None,
    source: Annotated[Text, Query(description="What the picture is called, all of it.")] = None,
    prefix: Annotated[Text, Query(description="What its name begins with, such as s3://photos/front/.")] = None,
    confidence_from: Annotated[Share, Query(description="Least confidence in the verdict.")] = None,
    confidence_to: Annotated[Share, Query(description="Most confidence in the verdict.")] = None,
    watch: Annotated[
        str | None, Query(pattern=r"^[a-zA-Z0-9][a-zA-Z0-9_-]{2,62}$", description="The watch that it came by.")
    ] = None,
    reviewed: Annotated[
        Reviewed | None, Query(description="Whether a person has said what it shows, and agreed with the model or not.")
    ] = None,
) -> ResultFilter:
    """Which results are wanted, from the query."""
    return ResultFilter(
        after=after,
        before=before,
        anomalous=anomalous,
        label=label,
        model_version=model,
        source=source,
        prefix=prefix,
        confidence_from=confidence_from,
        confidence_to=confidence_to,
        watch=watch,
        reviewed=reviewed,
    )


Wanted = Annotated[ResultFilter, Depends(result_filter)]


@router.get("/projects/{project}/results")
def search(visit: Reader, project: ProjectName, wanted: Wanted, limit: Limit = 100, page: NextPage = None) -> Results:
    """Search the findings of a project that were kept; `after` is included, `before` is not.

    A page may have fewer results than `limit`, or none, and still a `next`: much had to be looked through.
    """
    return _found(visit, project, wanted, limit=limit, token=page)


@router.get("/results")
def search_all(
    visit: Reader, wanted: Wanted, project: ProjectWanted = None, limit: Limit = 100, page: NextPage = None
) -> Results:
    """Search the findings of all projects that were kept; `after` is included, `before` is not.

    A page may have fewer results than `limit`, or none, and still a `next`: much had to be looked through.
    """
    return _found(visit, project, wanted, limit=limit, token=page)


@router.get(
    "/results/export",
    response_class=StreamingResponse,
    responses={200: {"description": "The table.", "content": {kind.partition(";")[0]: {} for kind in _TYPES.values()}}},
)
def export(
    visit: Reader,
    wanted: Wanted,
    project: ProjectWanted = None,
    form: Annotated[Format, Query(alias="format", description="Of the file.")] = "csv",
) -> StreamingResponse:
    """Export findings that were kept as a table, the newest first; docs/results.md tells of its columns."""
    try:
        parts = export_parts(visit.service.database, visit.owner, wanted, form, project_name=project)
    except MissingExtraError as problem:
        raise ValidationError(str(problem)) from problem
    headers = {"Content-Disposition": f'attachment; filename="results.{form}"'}
    return StreamingResponse(parts, media_type=_TYPES[form], headers=headers)


@router.delete("/projects/{project}/results")
def forget(
    visit: Changer, project: ProjectName, before: Annotated[Instant, Query(description="A time with its zone.")]
) -> Deleted:
    """Delete the findings that were kept before a time, with pictures kept with them; the sums of the dashboard stay."""
    deleted = 0
    while True:
        reply = visit.change(
            "forget_results",
            lambda session: {"Deleted": forget_results(session, visit.owner, project_name=project, before=before)},
        )
        deleted += reply["Deleted"]
        if reply["Deleted"] < FORGOTTEN_AT_ONCE:
            sweep_pictures(visit.service.database, visit.service.buckets)
            return Deleted(deleted=deleted)


def _found(visit: Visit, project: str | None, wanted: ResultFilter, *, limit: int, token: str | None) -> Results:
    reply = visit.look(
        lambda session: search_results(session, visit.owner, wanted=wanted, project_name=project, page=(token, limit))
    )
    return Results(results=[told_result(one) for one in reply["Results"]], next=reply.get("NextToken"))


def told_result(members: Mapping[str, Any]) -> Result:
    """A result in the shape of the API."""
    findings = {name: value for name, value in told_line(members["Findings"]).items() if name != HEAT_MAP}
    return Result(
        id=members["Id"],
        project=members["Project"],
        model=members["ModelVersion"],
        watch=members["Watch"],
        source=findings["source"],
        anomalous=findings["anomalous"],
        confidence=findings["confidence"],
        label=findings["label"],
        created=members["CreationTimestamp"],
        kinds=members["Kinds"],
        mask=path_of_result(members["Project"], members["Id"], members["Findings"]),
        spans=[Span(start=start, end=end) for start, end in members["Spans"]],
        verdict=members["Verdict"],
        **_paths(members),
        findings=findings,
    )


def _paths(members: Mapping[str, Any]) -> dict[str, str]:
    """Where the picture or video of a result can be asked for."""
    if not members["Readable"]:
        return {}
    path = f"{PREFIX}/results/{members['Id']}"
    if "duration" not in members["Findings"]:
        return {"picture": f"{path}/picture"}
    time = members["Findings"].get("strongest_time") or 0.0
    return {"picture": f"{path}/frame?time={time:g}", "video": f"{path}/video"}
