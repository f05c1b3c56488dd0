"""The REST API as one FastAPI application, with its description (OpenAPI 3.1) and a page that shows it without any network."""

from __future__ import annotations

from functools import cache

from fastapi import APIRouter, FastAPI
from fastapi.responses import HTMLResponse, JSONResponse

from walkaround.web import health
from walkaround.web.console import files
from walkaround.web.problems import answer_problems
from walkaround.web.rest import activity, jobs
from walkaround.web.rest.datasets import (
    checks,
    datasets,
    exports,
    gallery,
    imports,
    known_buckets,
    picture_bytes,
    pictures,
    projects,
    samples,
)
from walkaround.web.rest.description import described
from walkaround.web.rest.entrance import DOCS, OPENAPI, PREFIX, Entrance
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


def rest_api(service: Service) -> FastAPI:
    """The application that answers everything but the AWS API."""
    app = FastAPI(openapi_url=None, docs_url=None, redoc_url=None, redirect_slashes=False)
    app.state.service = service
    app.add_middleware(Entrance, door=service.door)
    answer_problems(app)
    app.include_router(health.router)
    app.include_router(files.router)
    app.include_router(tensorboard.door)
    api = APIRouter(prefix=PREFIX)
    labels = (classes, labelling, reviewing, drafts)
    dataset = (gallery, checks, imports, exports, known_buckets)
    model = (training, tensorboard, models, packages, hosted, measured, operating, detection, endpoints)
    inspecting = (results, result, result_adding, masks, dashboard, activity, trials, trial_pictures)
    people = (session, users, access_keys)
    pictured = (samples, projects, datasets, pictures, picture_bytes, *dataset, places, *labels)
    for room in (*people, *pictured, *model, *inspecting, jobs, watches, events):
        api.include_router(room.router)
    app.include_router(api)
    description = cache(lambda: described(app.routes))

    @app.get(OPENAPI, include_in_schema=False)
    def openapi() -> JSONResponse:
        return JSONResponse(description())

    @app.get(DOCS, include_in_schema=False)
    def docs() -> HTMLResponse:
        return HTMLResponse(reference_page(description()))

    return app
