"""The door of Lookout for Vision: an ASGI application that answers HTTP requests of its clients in their own form."""

from __future__ import annotations

import asyncio
import functools
import uuid
from collections.abc import Callable, Iterator, Mapping, MutableMapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any, Protocol, TypeVar
from urllib.parse import unquote

from walkaround.aws.access import Authenticate, Caller, find_caller
from walkaround.aws.bodies import ClientGoneError, Memory, Receive, Send, read_body
from walkaround.aws.canonical import SignedRequest
from walkaround.aws.exchange import LARGE, ReadBody, Scope, received_body, send_reply, signed_request
from walkaround.aws.faults import WireError, fault_name, fault_reply
from walkaround.aws.lookoutvision import LookoutVision, Waker, detection_document, role_for
from walkaround.aws.rates import RateLimit
from walkaround.aws.replies import Reply, document_of, json_reply
from walkaround.aws.requests import read_parameters
from walkaround.aws.service_model import Operation, load_service_model
from walkaround.errors import ServiceError, ThrottledError, ValidationError
from walkaround.hosting.owner import Owner
from walkaround.hosting.pool.answers import MOST_BYTES, PICTURE_TYPES
from walkaround.hosting.pool.pool import Detected
from walkaround.settings import Settings
from walkaround.store.database import Database

_T = TypeVar("_T")

_DOCUMENT_LIMIT = 1024 * 1024
_CHANGES_LIMIT = 15 * 1024 * 1024
"""10 MiB of changes in base64, and room for the JSON around them."""

_MOST_HELD = 256 * 1024 * 1024
"""Bytes of bodies that are held at once."""

_THREADS = 8
_MOST_WAITING = 256
"""Requests that wait for a thread; more are told to come back."""


class Detector(Protocol):
    """The pool of hosted models."""

    async def detect(self, owner: Owner, project: str, version: str, picture: bytes, content_type: str) -> Detected:
        """Inspect one picture with a hosted model."""

    def refused(self, owner: Owner, project: str, version: str, problem: ServiceError) -> None:
        """Count a picture that the door refuses."""


class AwsApi:
    """Answers the API of Lookout for Vision; mount it where paths begin with `/2020-11-20/`.

    It leaves in `scope["state"]` what a log or a metric may tell of a request: `operation`, `account`, `key_id`, `project`,
    `model_version` and, where it failed, `error`. A `request_id` that is there already is used.
    """

    def __init__(
        self,
        host: object,
        pool: Detector,
        database: Database,
        jobs: Waker,
        settings: Settings,
        authenticate: Authenticate,
    ) -> None:
        """Serve a host and its hosted models.

        Args:
            host: a `walkaround.hosting.host.Host`.
            pool: answers DetectAnomalies.
            database: for the host's transactions.
            jobs: woken after each change.
            settings: limits, account, region, and whether keys are asked for.
            authenticate: see `Authenticate`.
        """
        self._model = load_service_model()
        self._operations = LookoutVision(host, database=database, jobs=jobs)
        self._pool = pool
        self._settings = settings
        self._authenticate = authenticate
        self._rates = RateLimit(settings.rate_per_operation)
        # Writers may wait for each other's transactions; readers must not wait behind them.
        self._readers = ThreadPoolExecutor(max_workers=_THREADS, thread_name_prefix="lookoutvision-read")
        self._writers = ThreadPoolExecutor(max_workers=_THREADS, thread_name_prefix="lookoutvision-write")
        self._memory = Memory(_MOST_HELD)
        self._waiting = 0

    def close(self) -> None:
        """Let requests that run come to their end, and stop the threads."""
        for threads in (self._readers, self._writers):
            threads.shutdown(wait=True)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one HTTP request (ASGI 3)."""
        if scope["type"] != "http":
            raise ValueError(f"AwsApi answers http, not {scope['type']}.")
        state = scope.setdefault("state", {})
        request_id = str(state.setdefault("request_id", str(uuid.uuid4())))
        try:
            with self._memory.share() as take:
                reply = await self._answer(scope, functools.partial(read_body, receive, take), state)
        except ClientGoneError:
            state["error"] = "ClientGone"
            return
        except Exception as problem:  # noqa: BLE001 - whatever went wrong, a client is waiting for an answer that it can read
            state["error"] = fault_name(problem)
            reply = fault_reply(problem, request_id=request_id)
        await send_reply(send, reply, request_id)

    async def _answer(self, scope: Scope, read: ReadBody, state: MutableMapping[str, Any]) -> Reply:
        request = signed_request(scope)
        found = self._model.route(request.method, request.path)
        if found is None:
            message = f"There is no operation {request.method} {request.path[:200]!r}."
            raise WireError("UnknownOperationException", message, status=404)
        operation, labels = found
        state["operation"] = operation.name
        caller = await find_caller(request, self._authenticate, self._settings)
        with self._counted(operation, caller, labels):
            body = await self._body(operation, request, caller, read)
        state.update(account=caller.owner.account, key_id=caller.key_id)
        caller.require(role_for(operation), operation.name)
        read_all = functools.partial(
            read_parameters, operation, labels, query=request.query, headers=request.headers, body=body
        )
        large = operation.has_body and len(body) >= LARGE
        parameters = await self._in_thread(self._readers, read_all) if large else read_all()
        state.update(project=parameters.get("ProjectName"), model_version=parameters.get("ModelVersion"))
        if operation.payload is not None:
            with self._counted(operation, caller, labels):
                _check_picture(parameters)
            return await self._detect(operation, caller, parameters)
        self._rates.take((caller.owner.account, operation.name))  # a caller names any region
        threads = self._readers if role_for(operation) == "read" else self._writers
        return await self._in_thread(threads, self._operations.answer, operation, caller.owner, parameters)

    async def _body(self, operation: Operation, request: SignedRequest, caller: Caller, read: ReadBody) -> bytes:
        """The body without its transfer form, held against its signature."""
        in_thread = functools.partial(self._in_thread, self._readers)
        seconds = self._settings.request_seconds
        content = await received_body(request, caller, read, limit=_limit(operation), seconds=seconds, in_thread=in_thread)
        if content is None:
            raise _too_large(operation)
        return content

    async def _detect(self, operation: Operation, caller: Caller, parameters: dict[str, Any]) -> Reply:
        content_type = _media_type(parameters)
        found = await self._pool.detect(
            caller.owner, parameters["ProjectName"], parameters["ModelVersion"], parameters["Body"], content_type
        )

        def reply() -> Reply:
            return json_reply(operation.status, document_of(operation.output, detection_document(found.findings)))

        # The mask of a large picture takes a while to draw.
        return reply() if found.findings.masks is None else await self._in_thread(self._readers, reply)

    @contextmanager
    def _counted(self, operation: Operation, caller: Caller, labels: Mapping[str, str]) -> Iterator[None]:
        """Count a detection that is refused here, before the pool sees it."""
        try:
            yield
        except ServiceError as problem:
            if operation.payload is not None:
                project, version = (labels[operation.input.members[name].wire_name] for name in ("ProjectName", "ModelVersion"))
                self._pool.refused(caller.owner, unquote(project), unquote(version), problem)
            raise

    async def _in_thread(self, threads: ThreadPoolExecutor, function: Callable[..., _T], *arguments: object) -> _T:
        """Run what blocks; refuse it when too much waits already."""
        if self._waiting >= _MOST_WAITING:
            raise ThrottledError("The server has too many requests at the moment; try again.", retry_after=1)
        self._waiting += 1
        try:
            return await asyncio.get_running_loop().run_in_executor(threads, function, *arguments)
        finally:
            self._waiting -= 1


def _check_picture(parameters: Mapping[str, Any]) -> None:
    content_type = _media_type(parameters)
    if content_type not in PICTURE_TYPES:
        raise ValidationError(f"The content-type must be one of {', '.join(PICTURE_TYPES)}, not {content_type[:100]!r}.")
    if not parameters["Body"]:
        raise ValidationError("The picture is empty (0 bytes): give the bytes of a JPEG or PNG file as Body.")


def _media_type(parameters: Mapping[str, Any]) -> str:
    return str(parameters["ContentType"]).partition(";")[0].strip().lower()


def _limit(operation: Operation) -> int:
    if operation.payload is not None:
        return MOST_BYTES
    return _CHANGES_LIMIT if operation.name == "UpdateDatasetEntries" else _DOCUMENT_LIMIT


def _too_large(operation: Operation) -> Exception:
    if operation.payload is not None:
        return ValidationError(f"The picture is too large: it may have {MOST_BYTES:,} bytes at most.")
    message = f"The body of {operation.name} may have {_limit(operation):,} bytes at most."
    return WireError("RequestEntityTooLargeException", message, status=413)
