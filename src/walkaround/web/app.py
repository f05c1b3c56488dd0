"""The application behind the port: the AWS APIs on their raw paths, everything else through FastAPI."""

from __future__ import annotations

import asyncio
import logging

from starlette.types import ASGIApp, Receive, Scope, Send

from walkaround.aws.routes import AwsApi
from walkaround.aws.sagemaker_runtime import SageMakerRuntime
from walkaround.errors import WalkaroundError
from walkaround.settings import Settings
from walkaround.web.limits import AWS_PREFIX, SAGEMAKER_PREFIX, Limits
from walkaround.web.requests import Requests
from walkaround.web.rest.api import rest_api
from walkaround.web.service import Service

_logger = logging.getLogger(__name__)


class App:
    """The ASGI application of one server.

    Attributes:
        service: its parts.
        problem: why it did not start, if it did not.
    """

    def __init__(self, service: Service) -> None:
        self.service = service
        self.problem: WalkaroundError | None = None
        self._aws = AwsApi(
            service.host,
            service.pool,
            service.database,
            service.jobs,
            service.settings,
            service.keys.of_id,
        )
        self._sagemaker = SageMakerRuntime(service.pool, service.database, service.settings, service.keys.of_id)
        self._rest: ASGIApp = rest_api(service)
        self._answer = Requests(Limits(self._dispatch, service.settings), service.metrics)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request, or live from the server's start to its end."""
        if scope["type"] == "lifespan":
            await self._live(receive, send)
        elif scope["type"] == "http":
            await self._answer(scope, receive, send)

    async def _dispatch(self, scope: Scope, receive: Receive, send: Send) -> None:
        # The raw path counts: an ARN in it holds slashes that are percent-encoded, and have to stay so.
        await self._door(scope["raw_path"])(scope, receive, send)

    def _door(self, path: bytes) -> ASGIApp:
        if path.startswith(AWS_PREFIX):
            return self._aws
        return self._sagemaker if path.startswith(SAGEMAKER_PREFIX) else self._rest

    async def _live(self, receive: Receive, send: Send) -> None:
        await receive()
        try:
            async with self.service.running():
                await send({"type": "lifespan.startup.complete"})
                await receive()
                for door in (self._aws, self._sagemaker):
                    await asyncio.to_thread(door.close)  # its threads use the database
        except WalkaroundError as problem:
            self.problem = problem
            await send({"type": "lifespan.startup.failed", "message": str(problem)})
            return
        await send({"type": "lifespan.shutdown.complete"})


def build_app(settings: Settings) -> App:
    """The application of a server with these settings; nothing runs before its lifespan begins.

    Raises:
        InputError: the settings contradict each other.
        StorageError: the data folder cannot be written.
    """
    return App(Service(settings))
