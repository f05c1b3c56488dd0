"""The description of the REST API (OpenAPI 3.1), made when it is first asked for: no start waits for it."""

from __future__ import annotations

from collections.abc import Sequence
from importlib.metadata import version
from typing import Any

from fastapi.encoders import jsonable_encoder
from fastapi.openapi.utils import get_openapi
from pydantic.json_schema import models_json_schema
from starlette.routing import BaseRoute

from walkaround.web.problems import Problem
from walkaround.web.rest.entrance import OPEN, PREFIX

_DESCRIPTION = "Vehicle-damage inspection: projects, datasets, models, detection, endpoints, results, trials and jobs."
_COOKIE = "Of a signed-in browser; its name ends with the port. Changes also need the header X-CSRF-Token, see GET /session."
_REFERENCES = "#/components/schemas/{model}"
_PROBLEMS = {
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
}
"""What any operation may answer. Added here: as `responses` of the router it would be a dozen models for each of its routes."""


def described(routes: Sequence[BaseRoute]) -> dict[str, Any]:
    """The description of these routes, as JSON has it."""
    whole = get_openapi(title="walkaround", version=version("walkaround"), description=_DESCRIPTION, routes=routes)
    components = whole.setdefault("components", {})
    components["securitySchemes"] = {
        "bearer": {"type": "http", "scheme": "bearer"},
        "session": {"type": "apiKey", "in": "cookie", "name": "walkaround", "description": _COOKIE},
    }
    whole["security"] = [{"bearer": []}, {"session": []}]
    _, problem = models_json_schema([(Problem, "serialization")], ref_template=_REFERENCES)
    schemas = {**components.get("schemas", {}), **jsonable_encoder(problem["$defs"], exclude_none=True)}
    for ours in ("HTTPValidationError", "ValidationError"):  # FastAPI's own; requests are refused with problems here
        schemas.pop(ours, None)
    components["schemas"] = dict(sorted(schemas.items()))
    for path, operations in whole["paths"].items():
        for method, operation in operations.items():
            if path in ("/healthz", "/readyz") or (method.upper(), path) in OPEN:
                operation["security"] = []
            if path.startswith(PREFIX):
                operation["responses"] = {**operation["responses"], **_problems()}
    return whole


def _problems() -> dict[str, Any]:
    content = {"application/problem+json": {"schema": {"$ref": _REFERENCES.format(model=Problem.__name__)}}}
    return {str(status): {"description": meaning, "content": content} for status, meaning in _PROBLEMS.items()}
