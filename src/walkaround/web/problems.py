"""Errors of the REST API as problem details (RFC 9457): the same sentences as everywhere, and the status that fits."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from http import HTTPStatus
from types import MappingProxyType
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse, Response
from pydantic import BaseModel, Field
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect

from walkaround.errors import (
    AccessDeniedError,
    ConflictError,
    InputError,
    NotFoundError,
    QuotaError,
    StorageError,
    ThrottledError,
    UnavailableError,
    ValidationError,
    WalkaroundError,
)
from walkaround.web.callers import UnknownCallerError
from walkaround.web.conflicts import ChangedMeanwhileError
from walkaround.web.requests import record_of
from walkaround.web.uploads import NothingUsableError

# The first that fits counts, so a child stands before its parent.
_STATUSES: Mapping[type[WalkaroundError], int] = MappingProxyType(
    {
        UnknownCallerError: 401,
        AccessDeniedError: 403,
        NotFoundError: 404,
        ConflictError: 409,
        QuotaError: 409,
        ThrottledError: 429,
        UnavailableError: 503,
        ValidationError: 400,
        InputError: 400,
        StorageError: 507,
    }
)
_logger = logging.getLogger(__name__)


class LeftOut(BaseModel):
    """An uploaded file that was not kept, and why."""

    name: str = Field(description="As the sender calls it.")
    reason: str = Field(description="Why it cannot be used, and what to do.")


class Problem(BaseModel):
    """What went wrong with a request (RFC 9457)."""

    type: str = Field(default="about:blank", description="Always about:blank: the status says of which kind it is.")
    title: str = Field(description="The name of the status.")
    status: int = Field(description="The HTTP status.")
    detail: str = Field(description="A sentence that says what is wrong and what to do.")
    request_id: str = Field(description="Finds the request's line in the server's log.")
    quota: str | None = Field(default=None, description="The setting whose limit is reached.")
    errors: list[str] | None = Field(default=None, description="What is wrong with the form of the request, part by part.")
    refused: list[LeftOut] | None = Field(default=None, description="The files of an upload of which none can be used.")
    current: dict[str, Any] | None = Field(default=None, description="What is there now, where somebody else changed it.")


def answer_problems(app: FastAPI) -> None:
    """Make the application answer every error with problem details."""
    app.add_exception_handler(WalkaroundError, _of_walkaround)
    app.add_exception_handler(RequestValidationError, _of_form)
    app.add_exception_handler(HTTPException, _of_http)
    app.add_exception_handler(ClientDisconnect, _of_nobody)
    app.add_exception_handler(Exception, _of_mistake)


async def _of_walkaround(request: Request, problem: Exception) -> JSONResponse:
    return reply_to(request, problem)


def reply_to(request: Request, problem: Exception) -> JSONResponse:
    """The reply that an error of walkaround gets."""
    status = next((status for kind, status in _STATUSES.items() if isinstance(problem, kind)), 500)
    headers = {}
    if isinstance(problem, (ThrottledError, UnavailableError)):
        headers["Retry-After"] = str(problem.retry_after)
    if status == HTTPStatus.UNAUTHORIZED:
        headers["WWW-Authenticate"] = "Bearer"
    if status >= HTTPStatus.INTERNAL_SERVER_ERROR:
        expected = isinstance(problem, UnavailableError | StorageError)  # an operator can mend it; where it stands is no news
        told = (record_of(request.scope).request_id, problem)
        _logger.error("request %s: %s", *told, exc_info=None if expected else problem)
    quota = problem.quota_code if isinstance(problem, QuotaError) else None
    files = problem.refused if isinstance(problem, NothingUsableError) else ()
    refused = [LeftOut(name=one.name, reason=one.reason) for one in files]
    current = problem.current if isinstance(problem, ChangedMeanwhileError) else None
    return _reply(request, status, str(problem), headers=headers, quota=quota, refused=refused or None, current=current)


async def _of_form(request: Request, problem: Exception) -> JSONResponse:
    found = problem.errors() if isinstance(problem, RequestValidationError) else []
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    sent = problem.body if isinstance(problem, RequestValidationError) else None
    if sent and not _is_json(kind) and any(one["loc"] == ("body",) for one in found):
        given = f"of the type {kind[:100]!r}" if kind else "of no type"
        said = f"The body is {given}, and JSON is needed: send it with the header Content-Type: application/json."
        return _reply(request, 415, said)
    errors = [f"{'.'.join(str(part) for part in one['loc'])}: {one['msg']}" for one in found[:10]]
    return _reply(request, 422, f"The request is not of the form that is needed: {'; '.join(errors)}.", errors=errors)


def _is_json(kind: str) -> bool:
    return kind == "application/json" or (kind.startswith("application/") and kind.endswith("+json"))


async def _of_http(request: Request, problem: Exception) -> JSONResponse:
    status = problem.status_code if isinstance(problem, HTTPException) else 500
    said = str(problem.detail) if isinstance(problem, HTTPException) else ""
    if status == HTTPStatus.BAD_REQUEST:  # FastAPI's: the others of this status are errors of walkaround
        said = "The body cannot be read: send JSON in UTF-8, not too deeply nested, with numbers of ordinary length."
    if status == HTTPStatus.NOT_FOUND:
        said = "There is nothing at this address; GET /api/v1/openapi.json lists what there is."
    if status == HTTPStatus.METHOD_NOT_ALLOWED:
        said = f"This address does not answer {request.method}."
    headers = dict(problem.headers or {}) if isinstance(problem, HTTPException) else {}
    return _reply(request, status, said, headers=headers)


async def _of_nobody(request: Request, problem: Exception) -> Response:
    del request, problem
    return Response(status_code=400)  # the client has gone, or a layer above has a better answer


async def _of_mistake(request: Request, problem: Exception) -> JSONResponse:
    request_id = record_of(request.scope).request_id
    _logger.error("request %s failed", request_id, exc_info=problem)
    return _reply(request, 500, f"The request failed inside the server; its log tells more under the request id {request_id}.")


def _reply(
    request: Request,
    status: int,
    detail: str,
    *,
    headers: Mapping[str, str] = MappingProxyType({}),
    quota: str | None = None,
    errors: list[str] | None = None,
    refused: list[LeftOut] | None = None,
    current: dict[str, Any] | None = None,
) -> JSONResponse:
    record = record_of(request.scope)
    record.problem = detail
    document: dict[str, Any] = Problem(
        title=HTTPStatus(status).phrase,
        status=status,
        detail=detail.encode("utf-8", "backslashreplace").decode(),
        request_id=record.request_id,
        quota=quota,
        errors=errors,
        refused=refused,
        current=current,
    ).model_dump(exclude_none=True)
    return JSONResponse(document, status, headers=dict(headers), media_type="application/problem+json")
