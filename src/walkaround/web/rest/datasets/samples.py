"""Sample projects over REST: drawn cars, a dataset of them, a model trained on it and started, all by one request."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Literal

from fastapi import APIRouter, status
from pydantic import BaseModel, Field

from walkaround.hosting.operations.samples import begin_sample, describe_sample, list_samples
from walkaround.web.rest.access import Changer, IdempotencyKey, Reader, Visit
from walkaround.web.rest.handles import job_handle
from walkaround.web.rest.shapes import NewProject, ProjectName

router = APIRouter(prefix="/samples", tags=["samples"])


class NewSample(NewProject):
    """A sample project to make."""

    pictures: Annotated[int, Field(ge=60, le=400, description="How many cars to draw, half of them damaged.")] = 120


class SampleStep(BaseModel):
    """A step on the way to a hosted model."""

    step: Literal["draw", "dataset", "train", "start"] = Field(
        description="Draw cars, make a dataset of them, train a model, start it."
    )
    state: Literal["waiting", "running", "done", "failed"] = Field(description="Whether it was done.")
    doing: str | None = Field(default=None, description="What is being done, while it runs.")
    done: int | None = Field(default=None, description="How much of that is done.")
    of: int | None = Field(default=None, description="How much there is to do.")


class Sample(BaseModel):
    """A sample project, as far as it is made."""

    project: str = Field(description="The project.")
    state: Literal["running", "done", "failed"] = Field(description="Whether it is being made, made, or cannot be made.")
    steps: list[SampleStep] = Field(description="The four steps in order.")
    version: str | None = Field(description="The version of its model, once there is one.")
    error: str | None = Field(description="Why it failed, or why a step is tried again.")
    job: str = Field(description="The handle of the job that makes it.")


class Samples(BaseModel):
    """Sample projects."""

    samples: list[Sample] = Field(description="Those of the last 30 days, the newest first.")


@router.get("")
def list_all(visit: Reader) -> Samples:
    """List the sample projects and how far they are."""
    with visit.service.database.reading() as session:
        return Samples(samples=[_sample(visit, one) for one in list_samples(session, visit.owner)])


@router.post("", status_code=status.HTTP_202_ACCEPTED)
def create(visit: Changer, new: NewSample, token: IdempotencyKey = None) -> Sample:
    """Make a project of drawn cars with a trained and started model; a job does all of it, a restart of the server included.

    It takes a minute or two. One sample is made at a time. What comes of it is a project like any other.
    """
    settings = visit.service.settings
    reply = visit.change(
        "create_sample",
        lambda session: begin_sample(session, visit.owner, project_name=new.name, pictures=new.pictures, settings=settings),
        token=token,
        new=new.model_dump(),
    )
    return _sample(visit, reply)


@router.get("/{project}")
def describe(visit: Reader, project: ProjectName) -> Sample:
    """Tell how far a sample project is, step by step."""
    return _sample(visit, visit.look(lambda session: describe_sample(session, visit.owner, project_name=project)))


def _sample(visit: Visit, members: Mapping[str, Any]) -> Sample:
    return Sample(
        project=members["Project"],
        state=members["State"],
        steps=[
            SampleStep(step=one["Step"], state=one["State"], doing=one.get("Doing"), done=one.get("Done"), of=one.get("Of"))
            for one in members["Steps"]
        ],
        version=members["Version"],
        error=members["Error"],
        job=job_handle(visit.service.ring, visit.owner, int(members["Id"])),
    )
