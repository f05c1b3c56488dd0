"""Health, readiness and metrics: what a load balancer, an orchestrator and Prometheus ask for."""

from __future__ import annotations

import asyncio
import tempfile
from typing import Literal

from fastapi import APIRouter, Request, Response, status
from pydantic import BaseModel, Field
from sqlalchemy import text

from walkaround.errors import AccessDeniedError, UnavailableError, WalkaroundError, writing
from walkaround.web.callers import check_role
from walkaround.web.requests import record_of
from walkaround.web.service import Service

router = APIRouter(tags=["server"])

_PAGE_TYPE = "text/plain; version=0.0.4; charset=utf-8"


class Health(BaseModel):
    """The process answers."""

    status: Literal["alive"] = Field(default="alive", description="Always alive.")


class Readiness(BaseModel):
    """Whether the server can do its work; each part says "ok" or what is wrong."""

    ready: bool = Field(description="Whether all of it is well.")
    database: str = Field(description="Whether the database answers.")
    data: str = Field(description="Whether the data folder can be written.")
    models: str = Field(description="Whether all hosted models are in service.")


@router.get("/healthz")
async def healthz() -> Health:
    """Tell that the process answers; nothing else is looked at."""
    return Health()


@router.get("/readyz", responses={503: {"model": Readiness}})
async def readyz(request: Request, response: Response) -> Readiness:
    """Tell whether the database answers, the data folder can be written, and the hosted models are in service."""
    service: Service = request.app.state.service
    database, data = await asyncio.gather(asyncio.to_thread(_database, service), asyncio.to_thread(_data, service))
    models = _models(service)
    ready = (database, data, models) == ("ok", "ok", "ok")
    if not ready:
        response.status_code = status.HTTP_503_SERVICE_UNAVAILABLE
    return Readiness(ready=ready, database=database, data=data, models=models)


@router.get("/metrics", response_class=Response, responses={200: {"content": {_PAGE_TYPE: {}}}})
async def metrics(request: Request) -> Response:
    """Give the metrics for Prometheus to callers of the operator's own account."""
    service: Service = request.app.state.service
    caller = await service.door.caller(request.scope["headers"])
    record = record_of(request.scope)
    record.key_id, record.account = caller.key_id, caller.owner.account
    check_role(caller, "read")
    if caller.owner.account != service.settings.account:
        raise AccessDeniedError(f"Metrics tell of all accounts: use a key of the operator's own, {service.settings.account}.")
    await asyncio.to_thread(service.pipeline_metrics.refresh)
    return Response(service.metrics.page(), media_type=_PAGE_TYPE)


def _database(service: Service) -> str:
    try:
        with service.database.reading() as session:
            session.execute(text("SELECT 1"))
    except UnavailableError as problem:
        return str(problem)
    return "ok"


def _data(service: Service) -> str:
    folder = service.settings.data / "buckets"
    try:
        with writing(folder):
            folder.mkdir(parents=True, exist_ok=True)
            with tempfile.TemporaryFile(dir=folder) as file:
                file.write(b"ready")
                file.flush()
    except WalkaroundError as problem:
        return str(problem)
    return "ok"


def _models(service: Service) -> str:
    units = service.pool.units().values()
    idle = sum(one.in_service < 1 for one in units)
    if not idle:
        return "ok"
    # Which ones is for their owners alone, and in the log: anybody may ask here.
    return f"No inference unit answers yet for {idle:,} of {len(units):,} hosted models: see the log."
