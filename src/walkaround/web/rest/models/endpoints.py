"""Endpoints over REST: made, listed and deleted; clients of SageMaker's runtime ask them at `/endpoints/NAME/invocations`."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Path, status
from pydantic import BaseModel, Field

from walkaround.hosting.operations.models.endpoints import create_endpoint, delete_endpoint, describe_endpoint, list_endpoints
from walkaround.web.rest.access import Changer, IdempotencyKey, Reader
from walkaround.web.rest.shapes import Limit, NextPage, Units

router = APIRouter(prefix="/endpoints", tags=["endpoints"])

_PATTERN = r"^[a-zA-Z0-9](-*[a-zA-Z0-9]){0,62}$"

EndpointName = Annotated[str, Path(min_length=1, max_length=63, pattern=_PATTERN, description="An endpoint.")]


class NewEndpoint(Units):
    """An endpoint to make; its model is started where it is not hosted."""

    name: Annotated[
        str,
        Field(min_length=1, max_length=63, pattern=_PATTERN, description="Letters, digits and hyphens; new in the account."),
    ]
    project: Annotated[
        str, Field(min_length=1, max_length=255, pattern=r"^[a-zA-Z0-9][a-zA-Z0-9_-]*$", description="The model's project.")
    ]
    version: Annotated[str, Field(pattern=r"^([1-9][0-9]{0,9}|latest)$", description="Its version, or latest.")] = "latest"


class Endpoint(BaseModel):
    """An endpoint."""

    name: str = Field(description="Its name.")
    arn: str = Field(description="Its ARN.")
    status: Literal["Creating", "InService", "SystemUpdating", "OutOfService", "Failed"] = Field(
        description="Whether it answers, in SageMaker's words."
    )
    message: str | None = Field(default=None, description="Why it failed.")
    project: str = Field(description="The project of its model.")
    version: str = Field(description="The version of its model.")
    url: str = Field(description="Path that clients of SageMaker's runtime send pictures to.")
    created: datetime = Field(description="When it was made.")
    job: str | None = Field(default=None, description="The job that the request began.")


class Endpoints(BaseModel):
    """A page of endpoints."""

    endpoints: list[Endpoint] = Field(description="The endpoints, in the order in which they were made.")
    next: str | None = Field(default=None, description="`next` for the page after this one; null: this is the last.")


@router.get("", response_model_exclude_none=True)
def list_all(visit: Reader, limit: Limit = 100, page: NextPage = None) -> Endpoints:
    """List the endpoints of the account, in the order in which they were made."""
    reply = visit.look(lambda session: list_endpoints(session, visit.owner, next_token=page, max_results=limit))
    return Endpoints(endpoints=[_endpoint(one) for one in reply["Endpoints"]], next=reply.get("NextToken"))


@router.post("", status_code=status.HTTP_202_ACCEPTED, response_model_exclude_none=True)
def create(visit: Changer, new: NewEndpoint, token: IdempotencyKey = None) -> Endpoint:
    """Let a model answer under a name; it is started where it is not hosted."""
    reply = visit.change(
        "create_endpoint",
        lambda session: create_endpoint(
            session,
            visit.owner,
            endpoint_name=new.name,
            model=(new.project, new.version),
            units=(new.min_units, new.max_units),
            settings=visit.service.settings,
        ),
        token=token,
        new=new.model_dump(),
    )
    return _endpoint(reply)


@router.get("/{endpoint}", response_model_exclude_none=True)
def describe(visit: Reader, endpoint: EndpointName) -> Endpoint:
    """Tell of an endpoint."""
    return _endpoint(visit.look(lambda session: describe_endpoint(session, visit.owner, endpoint_name=endpoint)))


@router.delete("/{endpoint}", status_code=status.HTTP_204_NO_CONTENT)
def delete(visit: Changer, endpoint: EndpointName) -> None:
    """Delete an endpoint; a model that was started for it is stopped."""
    visit.change("delete_endpoint", lambda session: delete_endpoint(session, visit.owner, endpoint_name=endpoint))


def _endpoint(members: Mapping[str, Any]) -> Endpoint:
    return Endpoint(
        name=members["EndpointName"],
        arn=members["EndpointArn"],
        status=members["EndpointStatus"],
        message=members.get("FailureReason"),
        project=members["ProjectName"],
        version=members["ModelVersion"],
        url=f"/endpoints/{members['EndpointName']}/invocations",
        created=members["CreationTime"],
        job=members.get("Job"),
    )
