"""Hosting over REST as it is at the moment: units, and what was asked of them."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter
from pydantic import BaseModel, Field
from sqlalchemy.orm import Session

from walkaround.hosting.operations.models.models import describe_model
from walkaround.hosting.operations.rows import find_model, find_project
from walkaround.hosting.pool.counters import Counters
from walkaround.models.network import cores
from walkaround.web.rest.access import Reader
from walkaround.web.rest.shapes import ProjectName, Version

router = APIRouter(prefix="/projects/{project}/models", tags=["models"])


class UnitsNow(BaseModel):
    """Inference units of a hosted model."""

    least: int = Field(description="The least that there should be.")
    most: int = Field(description="The most that there may be.")
    desired: int = Field(description="What the load asks for.")
    in_service: int = Field(description="That answer.")


class Asked(BaseModel):
    """What was asked of a model since the server started."""

    requests: int = Field(description="Requests in all.")
    pictures: int = Field(description="Pictures that got a verdict.")
    damaged: int = Field(description="Those of them that were called damaged.")
    refused: int = Field(description="Pictures that could not be used.")
    throttled: int = Field(description="Requests that were turned away because too many waited.")
    errors: int = Field(description="Requests with any other answer than a verdict, the refused and throttled ones included.")
    milliseconds: float | None = Field(description="Mean time of an answered request, waiting included; null: there was none.")


class Hosting(BaseModel):
    """How a model is hosted at the moment; where several servers work on one database, on the server that answers."""

    version: str = Field(description="Of the model.")
    status: str = Field(description="The model's status, as in the AWS API.")
    message: str = Field(description="The status in a sentence.")
    units: UnitsNow | None = Field(description="Its units; null: it is not hosted here.")
    asked: Asked = Field(description="What was asked of it.")
    threads_per_unit: int = Field(description="Processor threads that one unit computes with.")
    cores: int = Field(description="Processor threads of the machine.")
    queue_per_unit: int = Field(description="Pictures that may wait for each unit; more are turned away (throttled).")
    units_per_model: int = Field(description="The most units that a model may be started with.")


@router.get("/{version}/hosting")
def describe_hosting(visit: Reader, project: ProjectName, version: Version) -> Hosting:
    """Tell how a model is hosted at the moment: its units, and what was asked of it.

    A unit is a process that holds the model and looks at one picture after the other. With a maximum, units follow the load.
    """

    def act(session: Session) -> dict[str, Any]:
        model = find_model(session, find_project(session, visit.owner, project), version)
        told = describe_model(session, visit.owner, project_name=project, model_version=str(model.version))
        return {"Id": model.id, **told["ModelDescription"]}

    told = visit.look(act)
    number = int(told["ModelVersion"])
    service, owner = visit.service, visit.owner
    key = (owner.account, owner.region, project, number)
    units, counters = service.pool.units().get(key), service.pool.counters().get(key)
    if counters is None or counters.model_id != told["Id"]:
        counters = Counters(model_id=told["Id"])
    settings = service.settings
    return Hosting(
        version=str(number),
        status=told["Status"],
        message=told.get("StatusMessage", ""),
        units=None
        if units is None
        else UnitsNow(least=units.least, most=units.most, desired=units.desired, in_service=units.in_service),
        asked=_asked(counters),
        threads_per_unit=settings.threads_per_unit or cores(),
        cores=cores(),
        queue_per_unit=settings.queue_per_unit,
        units_per_model=settings.units_per_model,
    )


def _asked(counters: Counters) -> Asked:
    answered = counters.successful_requests
    return Asked(
        requests=answered + counters.errors,
        pictures=counters.processed_images,
        damaged=counters.detected_anomalies,
        refused=counters.invalid_images,
        throttled=counters.throttled,
        errors=counters.errors,
        milliseconds=round(counters.time / answered, 1) if answered else None,
    )
