"""What is going on, over REST: what is hosted and how busy it is, what is running, what failed lately and why."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Literal

from fastapi import APIRouter
from pydantic import BaseModel, Field
from sqlalchemy.orm import Session

from walkaround.hosting.operations import activity
from walkaround.pipeline.watches import list_watches
from walkaround.web.rest.access import Reader, Visit
from walkaround.web.rest.handles import job_handle
from walkaround.web.rest.results.watches import WatchState, watch_state
from walkaround.web.rest.shapes import Job, Limit, NextPage

router = APIRouter(prefix="/activity", tags=["jobs"])

About = Literal["model", "dataset", "packaging", "trial", "export", "project"]


class HostedModel(BaseModel):
    """A model that is hosted, or should be. Numbers are of this server and since it started."""

    project: str = Field(description="Its project.")
    version: str = Field(description="Its version.")
    status: str = Field(description="HOSTED, STARTING_HOSTING, STOPPING_HOSTING, SYSTEM_UPDATING or HOSTING_FAILED.")
    message: str = Field(description="Why it could not be started; empty where nothing is wrong.")
    min_units: int | None = Field(description="Least inference units.")
    max_units: int | None = Field(description="Most inference units; null: their number stays the same.")
    units: int = Field(description="Inference units that answer at the moment.")
    desired_units: int = Field(description="Inference units that the load asks for.")
    load: float = Field(description="Pictures in work and waiting, on average over the last seconds, per unit that answers.")
    pictures: int = Field(description="Pictures that got a verdict.")
    anomalies: int = Field(description="Those of them that were called damaged.")
    errors: int = Field(description="Requests that were not answered with a verdict.")
    milliseconds: float | None = Field(description="That an answered picture took on average; null: there was none.")


class ActivityJob(Job):
    """Work that was accepted, and what it is about."""

    project: str = Field(description="The project that it is for.")
    about: About = Field(description="What it works on.")
    name: str = Field(description="Version of the model, kind of the dataset, format of the export, or name of the rest.")


class Failure(BaseModel):
    """Something that failed."""

    kind: str = Field(description="What was to be done, such as train; dataset: a dataset could not be made or changed.")
    project: str = Field(description="The project that it was for.")
    about: About = Field(description="What it worked on.")
    name: str = Field(description="Version of the model, kind of the dataset, format of the export, or name of the rest.")
    error: str = Field(description="Why, and what to do.")
    ended: datetime = Field(description="When it failed.")
    job: str | None = Field(default=None, description="Handle of the job.")


class Activity(BaseModel):
    """What is going on in the account."""

    hosted: list[HostedModel] = Field(description="Models that are hosted or should be, by project and version.")
    running: list[ActivityJob] = Field(description="Work that has not ended, the newest first; 200 at most.")
    failed: list[Failure] = Field(description="What failed in the last 30 days, the newest first; the first page of it.")
    next: str | None = Field(default=None, description="`next` for GET /activity/failures; null: those are all.")
    watches: list[WatchState] = Field(description="Watches with something wrong: their source, dead letters, a sink.")


class Failures(BaseModel):
    """A page of what failed."""

    failed: list[Failure] = Field(description="What failed in the last 30 days, the newest first.")
    next: str | None = Field(default=None, description="`next` for the page after this one; null: this is the last.")


@router.get("")
def tell(visit: Reader, limit: Limit = 10) -> Activity:
    """Tell what is hosted, what is running and what failed lately; it costs some short queries, so it may be asked often."""

    def act(session: Session) -> dict[str, Any]:
        failed = activity.failures(session, visit.owner, page=(None, limit))
        return {
            "Hosted": activity.hosted_models(session, visit.owner),
            "Running": activity.running_jobs(session, visit.owner),
            "Failed": failed["Failures"],
            "Next": failed.get("NextToken"),
            "Watches": [watch_state(session, row) for row in list_watches(session, visit.owner)],
        }

    told = visit.look(act)
    return Activity(
        hosted=[_hosted(visit, one) for one in told["Hosted"]],
        running=[_running(visit, one) for one in told["Running"]],
        failed=[_failure(visit, one) for one in told["Failed"]],
        next=told["Next"],
        watches=[one for one in told["Watches"] if one.is_troubled],
    )


@router.get("/failures")
def list_failures(visit: Reader, limit: Limit = 100, page: NextPage = None) -> Failures:
    """List what failed in the last 30 days, the newest first; what a person cancelled is not among it."""
    reply = visit.look(lambda session: activity.failures(session, visit.owner, page=(page, limit)))
    return Failures(failed=[_failure(visit, one) for one in reply["Failures"]], next=reply.get("NextToken"))


def _hosted(visit: Visit, members: Mapping[str, Any]) -> HostedModel:
    pool = visit.service.pool
    key = (visit.owner.account, visit.owner.region, members["ProjectName"], int(members["ModelVersion"]))
    units, counters = pool.units().get(key), pool.counters().get(key)
    answering = 0 if units is None else units.in_service
    answered = 0 if counters is None else counters.successful_requests
    return HostedModel(
        project=members["ProjectName"],
        version=members["ModelVersion"],
        status=members["Status"],
        message=members["StatusMessage"],
        min_units=members["MinInferenceUnits"],
        max_units=members["MaxInferenceUnits"],
        units=answering,
        desired_units=0 if units is None else units.desired,
        load=round(pool.loads().get(key, 0.0) / max(1, answering), 2),
        pictures=0 if counters is None else counters.processed_images,
        anomalies=0 if counters is None else counters.detected_anomalies,
        errors=0 if counters is None else counters.errors,
        milliseconds=round(counters.time / answered, 1) if counters is not None and answered else None,
    )


def _running(visit: Visit, members: Mapping[str, Any]) -> ActivityJob:
    return ActivityJob(
        job=job_handle(visit.service.ring, visit.owner, members["Job"]),
        kind=members["Kind"],
        state=members["State"],
        attempts=members["Attempts"],
        next_try=members["NextTry"],
        created=members["Created"],
        doing=members["Doing"],
        done=members["Done"],
        of=members["Of"],
        error=members["Error"],
        project=members["ProjectName"],
        about=members["About"],
        name=members["Name"],
    )


def _failure(visit: Visit, members: Mapping[str, Any]) -> Failure:
    number = members.get("Job")
    return Failure(
        kind=members["Kind"],
        project=members["ProjectName"],
        about=members["About"],
        name=members["Name"],
        error=members["Error"] or "It is not known why; the server's log may tell.",
        ended=members["Ended"],
        job=None if number is None else job_handle(visit.service.ring, visit.owner, number),
    )
