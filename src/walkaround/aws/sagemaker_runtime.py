"""The door of SageMaker's runtime: `POST /endpoints/NAME/invocations` of boto3's client `sagemaker-runtime`.

Sources: Amazon SageMaker API reference, InvokeEndpoint; its service model, for where members travel and for the errors. A body
that the model cannot take is a ModelError (424), as if it had come from a container behind the endpoint.
"""

from __future__ import annotations

import asyncio
import functools
import re
import uuid
from collections.abc import Callable, MutableMapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any, NamedTuple, TypeVar

from walkaround.aws.access import Authenticate, Caller, find_caller
from walkaround.aws.bodies import ClientGoneError, Memory, Receive, Send, read_body
from walkaround.aws.canonical import SignedRequest
from walkaround.aws.exchange import LARGE, ReadBody, Scope, received_body, send_reply, signed_request
from walkaround.aws.faults import LOGGER, WireError
from walkaround.aws.instances import InstancesError, pictures_of
from walkaround.aws.predictions import prediction_of
from walkaround.aws.rates import RateLimit
from walkaround.aws.replies import Reply, json_reply
from walkaround.aws.routes import Detector
from walkaround.damage.findings import Findings
from walkaround.errors import (
    AccessDeniedError,
    ConflictError,
    NotFoundError,
    StorageError,
    ThrottledError,
    UnavailableError,
    ValidationError,
)
from walkaround.hosting.operations.models.endpoints import ENDPOINT_NAME, find_endpoint
from walkaround.hosting.owner import Owner
from walkaround.hosting.pool.answers import PICTURE_TYPES
from walkaround.media.sniff import picture_format
from walkaround.models.package import read_package
from walkaround.settings import Settings
from walkaround.store.database import Database

_T = TypeVar("_T")

SERVICE = "sagemaker"
OPERATION = "InvokeEndpoint"
MOST_BYTES = 25 * 1024 * 1024
"""Bytes of a body: nested lists take about 15 for each pixel."""

_PATH = re.compile(rf"/endpoints/({ENDPOINT_NAME})/invocations")
_VARIANT = "AllTraffic"
_JSON_TYPES = ("application/json", "application/jsonlines")
_BINARY_TYPES = (*PICTURE_TYPES, "image/jpg", "application/x-image", "application/octet-stream", "binary/octet-stream")
_ATTRIBUTES, _INFERENCE_ID = "x-amzn-sagemaker-custom-attributes", "x-amzn-sagemaker-inference-id"
_LONGEST = {_ATTRIBUTES: 1024, _INFERENCE_ID: 64}
_NOT_HERE = {
    "x-amzn-sagemaker-target-model": "it is no multi-model endpoint",
    "x-amzn-sagemaker-inference-component": "it has no inference components",
    "x-amzn-sagemaker-session-id": "it keeps no sessions",
}
_KNOWN_MODELS = 256
_MOST_HELD = 256 * 1024 * 1024
_THREADS = 4


class ModelError(WireError):
    """The model cannot answer what it was sent, as a container would say.

    Attributes:
        original: HTTP status that the container would give.
    """

    def __init__(self, message: str, *, original: int = 400) -> None:
        super().__init__("ModelError", message, status=424)
        self.original = original


class _Target(NamedTuple):
    """The model behind an endpoint."""

    project: str
    version: int
    status: str
    package: str | None


class SageMakerRuntime:
    """Answers InvokeEndpoint; mount it where paths begin with `/endpoints/`.

    It leaves in `scope["state"]` what `walkaround.aws.routes.AwsApi` does.
    """

    def __init__(self, pool: Detector, database: Database, settings: Settings, authenticate: Authenticate) -> None:
        """Serve hosted models.

        Args:
            pool: answers the pictures.
            database: knows the endpoints.
            settings: limits, account, region, and whether keys are asked for.
            authenticate: see `Authenticate`.
        """
        self._pool = pool
        self._database = database
        self._settings = settings
        self._authenticate = authenticate
        self._rates = RateLimit(settings.rate_per_operation)
        self._threads = ThreadPoolExecutor(max_workers=_THREADS, thread_name_prefix="sagemaker-runtime")
        self._memory = Memory(_MOST_HELD)
        self._ids: dict[str, dict[str, int]] = {}

    def close(self) -> None:
        """Let requests that run come to their end, and stop the threads."""
        self._threads.shutdown(wait=True)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one HTTP request (ASGI 3)."""
        state = scope.setdefault("state", {})
        request_id = str(state.setdefault("request_id", str(uuid.uuid4())))
        request = signed_request(scope)
        try:
            with self._memory.share() as take:
                reply = await self._answer(request, functools.partial(read_body, receive, take), state)
        except ClientGoneError:
            state["error"] = "ClientGone"
            return
        except Exception as problem:  # noqa: BLE001 - whatever went wrong, a client is waiting for an answer that it can read
            fault = _fault_of(problem, request_id)
            state["error"] = fault.code
            reply = _fault_reply(fault)
        await send_reply(send, reply, request_id)

    async def _answer(self, request: SignedRequest, read: ReadBody, state: MutableMapping[str, Any]) -> Reply:
        found = _PATH.fullmatch(request.path)
        if found is None or request.method != "POST":
            message = f"There is no operation {request.method} {request.path[:200]!r}."
            raise WireError("UnknownOperationException", message, status=404)
        name = found[1]
        state["operation"] = OPERATION
        caller = await find_caller(request, self._authenticate, self._settings, service=SERVICE)
        body = await received_body(
            request, caller, read, limit=MOST_BYTES, seconds=self._settings.request_seconds, in_thread=self._in_thread
        )
        state.update(account=caller.owner.account, key_id=caller.key_id)
        caller.require("detect", OPERATION)
        if body is None:
            raise ValidationError(f"The body has more than {MOST_BYTES:,} bytes: send the picture itself, or a smaller one.")
        headers = _echoed(request)
        _check_wishes(request, name)
        self._rates.take((caller.owner.account, OPERATION))
        target = await self._in_thread(self._target, caller.owner, name)
        state.update(project=target.project, model_version=str(target.version))
        pictures = await self._pictures(request, body)
        found_in = await self._found(caller, target, pictures)
        ids = await self._in_thread(self._class_ids, target) if any(one.boxes for one in found_in) else {}
        document = {"predictions": [prediction_of(findings, ids) for findings in found_in]}
        return json_reply(200, document, headers=(("x-Amzn-Invoked-Production-Variant", _VARIANT), *headers))

    def _target(self, owner: Owner, name: str) -> _Target:
        """The model of an endpoint.

        Raises:
            NotFoundError: there is no such endpoint.
        """
        with self._database.reading() as session:
            _, model, project = find_endpoint(session, owner, name)
            return _Target(project=project.name, version=model.version, status=model.status, package=model.package)

    async def _pictures(self, request: SignedRequest, body: bytes) -> list[bytes]:
        """The picture files in a body, by its type; without one, by its content."""
        _check_accept(request)
        kind = (request.header("content-type") or "").partition(";")[0].strip().lower()
        if not body:
            raise ModelError("The body is empty: send a JPEG or PNG, or TensorFlow Serving's JSON.")
        if kind in _JSON_TYPES or (not kind and picture_format(body[:512]) is None):
            try:
                return await self._in_thread(pictures_of, body) if len(body) >= LARGE else pictures_of(body)
            except InstancesError as problem:
                raise ModelError(str(problem)) from problem
        if not kind or kind in _BINARY_TYPES:
            return [body]
        known = ", ".join((_JSON_TYPES[0], *PICTURE_TYPES))
        raise ModelError(f"The content type {kind[:100]!r} is not supported: send one of {known}.", original=415)

    async def _found(self, caller: Caller, target: _Target, pictures: list[bytes]) -> list[Findings]:
        """What is in the pictures, in their order."""
        version = str(target.version)
        looks = [
            asyncio.ensure_future(self._pool.detect(caller.owner, target.project, version, picture, PICTURE_TYPES[0]))
            for picture in pictures
        ]
        try:
            return [(await look).findings for look in looks]
        except ValidationError as problem:
            raise ModelError(str(problem)) from problem
        except ConflictError as problem:
            if target.status in ("STARTING_HOSTING", "HOSTED"):
                raise WireError("ModelNotReadyException", str(problem), status=429) from problem
            raise
        finally:
            for look in looks:
                look.cancel()

    def _class_ids(self, target: _Target) -> dict[str, int]:
        """Class ids by name, from 1, of the boxes of a model, as its package has them."""
        package = target.package or ""
        ids = self._ids.get(package)
        if ids is None:
            part = read_package(self._settings.data / package).card.boxes
            ids = {} if part is None else {name: number for number, name in enumerate(part.classes, start=1)}
            if len(self._ids) >= _KNOWN_MODELS:
                self._ids.clear()
            self._ids[package] = ids
        return ids

    async def _in_thread(self, function: Callable[..., _T], *arguments: object) -> _T:
        return await asyncio.get_running_loop().run_in_executor(self._threads, functools.partial(function, *arguments))


def _echoed(request: SignedRequest) -> tuple[tuple[str, str], ...]:
    """The headers that a reply repeats."""
    echoed = []
    for name, longest in _LONGEST.items():
        value = request.header(name)
        if value is None:
            continue
        if len(value) > longest or not value.isascii() or not value.isprintable():
            raise ValidationError(f"{name} has to be 1 to {longest} printable characters of ASCII.")
        echoed.append((name, value))
    return tuple(echoed)


def _check_wishes(request: SignedRequest, name: str) -> None:
    for header, reason in _NOT_HERE.items():
        if request.header(header) is not None:
            raise ValidationError(f"Endpoint {name} cannot be asked with {header}: {reason}.")
    variant = request.header("x-amzn-sagemaker-target-variant")
    if variant not in (None, _VARIANT):
        raise ValidationError(f"Variant {str(variant)[:63]} of endpoint {name} not found: its only one is {_VARIANT}.")


def _check_accept(request: SignedRequest) -> None:
    accepted = [one.partition(";")[0].strip().lower() for one in (request.header("accept") or "*/*").split(",")]
    if not {"*/*", "application/*", "", *_JSON_TYPES} & set(accepted):
        raise ModelError(f"The accept type {accepted[0][:100]!r} is not supported: replies are application/json.", original=406)


def _fault_of(problem: Exception, request_id: str) -> WireError:
    """An error as clients of SageMaker's runtime know it."""
    match problem:
        case WireError():
            return problem
        case AccessDeniedError():
            return WireError("AccessDeniedException", str(problem), status=403)
        case ValidationError() | NotFoundError() | ConflictError():
            return WireError("ValidationError", str(problem))
        case ThrottledError():
            return WireError("ThrottlingException", str(problem), status=429)
        case UnavailableError() | StorageError():
            LOGGER.error("request %s failed: %s", request_id, problem)
            return WireError("ServiceUnavailable", str(problem), status=503)
    LOGGER.error("request %s failed: %s", request_id, problem, exc_info=problem)
    told = f"The request failed inside the server; its log tells more under the request id {request_id}."
    return WireError("InternalFailure", told, status=500)


def _fault_reply(fault: WireError) -> Reply:
    document: dict[str, Any] = {"Message": str(fault)}
    if isinstance(fault, ModelError):
        document |= {"OriginalStatusCode": fault.original, "OriginalMessage": str(fault), "LogStreamArn": ""}
    return json_reply(fault.status, document, headers=(("x-amzn-ErrorType", fault.code),))
