"""Run the service: one process tree, one port, until it is told to stop."""

from __future__ import annotations

import asyncio
import errno
import fcntl
import logging
import os
import resource
import signal
import socket
import tempfile
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import uvicorn

from walkaround.errors import InputError, writing
from walkaround.hosting.log_lines import log_json
from walkaround.settings import Settings
from walkaround.web.app import build_app
from walkaround.web.connections import limited_protocol
from walkaround.web.service import Service

_KEEP_ALIVE_SECONDS = 75  # longer than load balancers and SDKs keep a connection that they do not use
_FINISH_SECONDS = 20
_LAST_SECONDS = 90  # after all of these, and the time that jobs and workers have
_BACKLOG = 512
_NEAR = {"0.0.0.0": "127.0.0.1", "::": "[::1]"}  # noqa: S104 - an address that browsers can open, for one that they cannot

_logger = logging.getLogger(__name__)


def serve(settings: Settings, *, say: Callable[[str], None]) -> None:
    """Serve until SIGTERM or SIGINT; requests in flight are answered, workers stopped, and jobs left for the next start.

    Args:
        settings: of the service.
        say: is told the line with the address, and one with the link to open, once requests are answered.

    Raises:
        InputError: the settings contradict each other, a bucket is mapped to a file, the port is taken, or a server runs on
            this data folder already.
        StorageError: the data folder cannot be written.
    """
    _log_to_stderr(settings)
    _check_buckets(settings)
    _open_many_files()
    with _only_server(settings), _listening(settings) as listener, _temporary_files(settings):
        app = build_app(settings)
        config = uvicorn.Config(
            app,
            http=limited_protocol(settings.request_seconds),
            ws="none",
            loop="uvloop",
            lifespan="on",
            log_config=None,
            access_log=False,
            server_header=False,
            proxy_headers=False,
            timeout_keep_alive=_KEEP_ALIVE_SECONDS,
            timeout_graceful_shutdown=_FINISH_SECONDS,
            backlog=_BACKLOG,
        )
        server = _Server(config, ready=lambda: _greet(settings, listener, app.service, say), stopping=app.service.stopping)
        with _ending_well():
            try:
                server.run(sockets=[listener])
            except SystemExit:  # uvicorn's way to say that the application did not start
                if app.problem is None:
                    raise
        if app.problem is not None:
            raise app.problem


def _check_buckets(settings: Settings) -> None:
    """Tell of buckets whose folder is mistyped; one that is missing may be a disk that is mounted later."""
    for name, place in settings.buckets.items():
        if "://" in place:
            continue
        folder = Path(place).expanduser()
        if folder.exists() and not folder.is_dir():
            raise InputError(f"The bucket {name!r} is mapped to {place!r}, which is not a folder: correct --bucket.")
        if not os.access(folder, os.R_OK | os.X_OK):
            what = "may not be read" if folder.exists() else "does not exist"
            _logger.warning("The bucket %r is the folder %r, which %s: mend that, or correct --bucket.", name, place, what)


def _open_many_files() -> None:
    """Raise the number of files that may be open to what the system allows: connections and parts of forms are some."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    with suppress(OSError, ValueError):  # macOS refuses what it says is allowed
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))


@contextmanager
def _temporary_files(settings: Settings) -> Iterator[None]:
    """Let what arrives spool below the data folder: the system's folder is often small, or in memory."""
    work = settings.data / "work"
    with writing(work):
        work.mkdir(parents=True, exist_ok=True)
    former, tempfile.tempdir = tempfile.tempdir, str(work)
    try:
        yield
    finally:
        tempfile.tempdir = former


class _Server(uvicorn.Server):
    def __init__(self, config: uvicorn.Config, *, ready: Callable[[], None], stopping: asyncio.Event) -> None:
        super().__init__(config)
        self._stopping = stopping
        self._ready = ready

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Let whoever streams come to an end, then answer what is in flight; an end that takes too long is forced."""
        self._stopping.set()
        forced = threading.Timer(_LAST_SECONDS, _end_by_force)
        forced.daemon = True
        forced.start()
        await super().shutdown(sockets)

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Begin to answer, and say so."""
        await super().startup(sockets)
        if self.started:
            self._ready()


def _end_by_force() -> None:
    _logger.error("The server did not end within %d seconds and is ended by force; what was accepted is kept.", _LAST_SECONDS)
    os._exit(1)


def _greet(settings: Settings, listener: socket.socket, service: Service, say: Callable[[str], None]) -> None:
    """Tell the address, and the link that leads on from here: the first one makes the first user."""
    host = f"[{settings.host}]" if ":" in settings.host else settings.host
    port = listener.getsockname()[1]
    entry = "no key is needed" if settings.keyless else "keys are made with `walkaround keys make`"
    say(f"walkaround answers at http://{host}:{port}; {entry}; data in {str(settings.data)!r}.")
    near = _NEAR.get(settings.host, host)
    token, service.setup_token = service.setup_token, None
    if token is None:
        say(f"The console is at http://{near}:{port}/console/")
    else:
        say(f"Open http://{near}:{port}/console/setup#{token} to make the first user; the link works once.")


@contextmanager
def _ending_well() -> Iterator[None]:
    """The signal that ended uvicorn is raised by it once more; that is no failure here."""
    former = {one: signal.signal(one, lambda *_: None) for one in (signal.SIGTERM, signal.SIGINT)}
    try:
        yield
    finally:
        for one, handler in former.items():
            signal.signal(one, handler)


@contextmanager
def _listening(settings: Settings) -> Iterator[socket.socket]:
    family = socket.AF_INET6 if ":" in settings.host else socket.AF_INET
    with socket.socket(family) as listener:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listener.bind((settings.host, settings.port))
            listener.listen(_BACKLOG)
        except OSError as problem:
            raise InputError(_no_address(settings, problem)) from problem
        listener.setblocking(False)
        yield listener


def _no_address(settings: Settings, problem: OSError) -> str:
    if problem.errno == errno.EADDRINUSE:
        return f"Port {settings.port} of {settings.host} is in use by another program: choose another with --port."
    if problem.errno == errno.EACCES:
        return f"Port {settings.port} may not be opened by this user: choose one above 1023 with --port."
    return f"Cannot listen on {settings.host!r} ({problem.strerror or problem}): give an address of this machine with --host."


@contextmanager
def _only_server(settings: Settings) -> Iterator[None]:
    """Hold the data folder's lock, which the kernel frees however the process ends; servers on PostgreSQL may be several."""
    if settings.database is not None and not settings.database.startswith("sqlite"):
        yield
        return
    path = settings.data / "serve.lock"
    with writing(path):
        settings.data.mkdir(parents=True, exist_ok=True)
        file = path.open("a+b")
    with file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as problem:
            raise InputError(
                f"A server runs on the data folder {str(settings.data)!r} already: stop it, or choose another with --data."
            ) from problem
        yield


def _log_to_stderr(settings: Settings) -> None:
    log_json(settings.log_level)
    for name in ("uvicorn", "uvicorn.error", "uvicorn.access", "alembic"):
        logging.getLogger(name).setLevel(max(logging.WARNING, logging.getLogger().level))
