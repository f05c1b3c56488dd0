"""Errors as the wire carries them: our own family, and whatever else goes wrong, in the shapes that clients know."""

from __future__ import annotations

import logging
import math
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

from walkaround.aws.replies import Reply, json_reply
from walkaround.aws.service_model import SERVICE, Shape, load_service_model
from walkaround.errors import (
    AccessDeniedError,
    BucketError,
    ConflictError,
    NotFoundError,
    PictureError,
    QuotaError,
    ServiceError,
    StorageError,
    ThrottledError,
    UnavailableError,
    ValidationError,
    WalkaroundError,
)

LOGGER = logging.getLogger(__name__)

_MODELLED: Mapping[type[Exception], str] = MappingProxyType(
    {
        ValidationError: "ValidationException",
        BucketError: "ValidationException",
        PictureError: "ValidationException",
        QuotaError: "ServiceQuotaExceededException",
        AccessDeniedError: "AccessDeniedException",
        NotFoundError: "ResourceNotFoundException",
        ConflictError: "ConflictException",
        ThrottledError: "ThrottlingException",
        UnavailableError: "InternalServerException",
        StorageError: "InternalServerException",
    }
)
_STORAGE_RETRY_AFTER = 60


class WireError(WalkaroundError):
    """A request that is refused before any operation sees it.

    These errors are no part of the service's own contract; every service of AWS has them.

    Attributes:
        code: the name that AWS uses for it, such as UnknownOperationException.
        status: the HTTP status.
    """

    def __init__(self, code: str, message: str, *, status: int = 400) -> None:
        super().__init__(message)
        self.code = code
        self.status = status


def fault_name(problem: Exception) -> str:
    """The name under which clients know an error."""
    if isinstance(problem, WireError):
        return problem.code
    return next((name for kind, name in _MODELLED.items() if isinstance(problem, kind)), "InternalServerException")


def fault_reply(problem: Exception, *, request_id: str) -> Reply:
    """The reply that tells a client of an error.

    Whatever was not raised on purpose becomes an InternalServerException that says nothing of its cause; the log has it.
    """
    name = fault_name(problem)
    if isinstance(problem, WireError):
        return json_reply(problem.status, {"Message": str(problem)}, headers=(("x-amzn-ErrorType", name),))
    shape = load_service_model().errors[name]
    headers, document = _split(shape, _members(problem, request_id=request_id))
    if name == "InternalServerException":
        expected = isinstance(problem, (UnavailableError, StorageError))
        LOGGER.error("request %s failed: %s", request_id, problem, exc_info=None if expected else problem)
    return json_reply(shape.status or 500, document, headers=(("x-amzn-ErrorType", name), *headers))


def _members(problem: Exception, *, request_id: str) -> dict[str, Any]:
    if isinstance(problem, StorageError):
        return {
            "Message": "The server cannot store anything at the moment; nothing was changed; try again later.",
            "RetryAfterSeconds": _STORAGE_RETRY_AFTER,
        }
    if not isinstance(problem, (ServiceError, BucketError, PictureError)):
        return {"Message": f"The request failed inside the server; its log tells more under the request id {request_id}."}
    members: dict[str, Any] = {"Message": str(problem)}
    if isinstance(problem, (NotFoundError, ConflictError, QuotaError)):
        members |= {"ResourceId": problem.resource_id, "ResourceType": problem.resource_type}
    if isinstance(problem, QuotaError):
        members |= {"QuotaCode": problem.quota_code, "ServiceCode": SERVICE}
    if isinstance(problem, (ThrottledError, UnavailableError)):
        members["RetryAfterSeconds"] = math.ceil(problem.retry_after)
    if isinstance(problem, ThrottledError):
        members["ServiceCode"] = SERVICE
    return members


def _split(shape: Shape, members: Mapping[str, Any]) -> tuple[tuple[tuple[str, str], ...], dict[str, Any]]:
    """What of an error travels as headers, and what in the body."""
    headers = []
    document = {}
    for name, member in shape.members.items():
        if name not in members:
            continue
        if member.place == "header":
            headers.append((member.wire_name, str(members[name])))
        else:
            document[name] = members[name]
    return tuple(headers), document
