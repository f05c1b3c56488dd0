"""The REST API as one FastAPI application, with its description (OpenAPI 3.1) and a page that shows it without any network."""

from __future__ import annotations

from importlib.metadata import version
from typing import Any

from fastapi import APIRouter, FastAPI
from fastapi.openapi.utils import get_openapi
from fastapi.responses import HTMLResponse, JSONResponse

from walkaround.web import health
from walkaround.web.console import files
from walkaround.web.problems import Problem, answer_problems
from walkaround.web.rest import activity, jobs
from walkaround.web.rest.datasets import checks, datasets, exports, gallery, imports, picture_bytes, pictures, projects, samples
from walkaround.web.rest.entrance import DOCS, OPEN, OPENAPI, PREFIX, Entrance
from walkaround.web.rest.labelling import classes, drafts, labelling, places, reviewing
from walkaround.web.rest.models import (
    detection,
    endpoints,
    hosted,
    measured,
    models,
    operating,
    packages,
    tensorboard,
    training,
)
from walkaround.web.rest.page import reference_page
from walkaround.web.rest.people import access_keys, session, users
from walkaround.web.rest.results import dashboard, events, masks, result, result_adding, results, watches
from walkaround.web.rest.trials import trial_pictures, trials
from walkaround.web.service import Service

_DESCRIPTION = "Vehicle-damage inspection: projects, datasets, models, detection, endpoints, results, trials and jobs."
_COOKIE = "Of a signed-in browser; its name ends with the port. Changes also need the header X-CSRF-Token, see GET /session."
_PROBLEMS: dict[int | str, dict[str, Any]] = {
    status: {"model": Problem, "description": meaning, "content": {"application/problem+json": {}}}
    for status, meaning in {
        400: "A value is not allowed.",
        401: "The caller is not known.",
        403: "The key's role does not allow this.",
        404: "What is named does not exist.",
        408: "The body comes too slowly.",
        409: "It is not in a state that allows this, or a limit is reached.",
        413: "The body is too large.",
        415: "The body is not JSON by its Content-Type.",
        422: "The request is not of the form that is described here.",
        429: "There are too many requests at the moment.",
        503: "The database or a bucket does not answer.",
        507: "The disk is full.",
    }.items()
}


def rest_api(service: Service) -> FastAPI:
    """The application that answers everything but the AWS API."""
    app = FastAPI(openapi_url=None, docs_url=None, redoc_url=None, redirect_slashes=False)
    app.state.service = service
    app.add_middleware(Entrance, door=service.door)
    answer_problems(app)
    app.include_router(health.router)
    app.include_router(files.router)
    app.include_router(tensorboard.door)
    api = APIRouter(prefix=PREFIX, responses=_PROBLEMS)
    labels = (classes, labelling, reviewing, drafts)
    dataset = (gallery, checks, imports, exports)
    model = (training, tensorboard, models, packages, hosted, measured, operating, detection, endpoints)
    inspecting = (results, result, result_adding, masks, dashboard, activity, trials, trial_pictures)
    people = (session, users, access_keys)
    pictured = (samples, projects, datasets, pictures, picture_bytes, *dataset, places, *labels)
    for room in (*people, *pictured, *model, *inspecting, jobs, watches, events):
        api.include_router(room.router)
    app.include_router(api)
    description = _openapi(app)
    page = reference_page(description)

    @app.get(OPENAPI, include_in_schema=False)
    async def openapi() -> JSONResponse:
        return JSONResponse(description)

    @app.get(DOCS, include_in_schema=False)
    async def docs() -> HTMLResponse:
        return HTMLResponse(page)

    return app


def _openapi(app: FastAPI) -> dict[str, Any]:
    described = get_openapi(title="walkaround", version=version("walkaround"), description=_DESCRIPTION, routes=app.routes)
    described.setdefault("components", {})["securitySchemes"] = {
        "bearer": {"type": "http", "scheme": "bearer"},
        "session": {"type": "apiKey", "in": "cookie", "name": "walkaround", "description": _COOKIE},
    }
    described["security"] = [{"bearer": []}, {"session": []}]
    for path, operations in described["paths"].items():
        for method, operation in operations.items():
            _describe(method.upper(), path, operation)
    return described


def _describe(method: str, path: str, operation: dict[str, Any]) -> None:
    if path in ("/healthz", "/readyz") or (method, path) in OPEN:
        operation["security"] = []
    for answer in operation["responses"].values():
        content = answer.get("content", {})
        if content.get("application/json", {}).get("schema", {}).get("$ref") == "#/components/schemas/Problem":
            answer["content"] = {"application/problem+json": content["application/json"]}
