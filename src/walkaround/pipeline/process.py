"""The pipeline of a server: a child process, started when there is something to watch, and started again when it dies.

Run as `python -m walkaround.pipeline.process PARENT`, with the settings as JSON on its standard input: what strangers send is
decoded there, and what it breaks is not the server.
"""

from __future__ import annotations

import json
import logging
import os
import signal
import subprocess
import sys
import threading
from contextlib import closing, suppress
from time import monotonic
from typing import Any

from pydantic import SecretStr
from sqlalchemy import select

from walkaround.buckets.buckets import buckets_of
from walkaround.errors import UnavailableError, WalkaroundError
from walkaround.hosting.log_lines import log_json
from walkaround.hosting.pool.parent import follow_parent
from walkaround.pipeline.pipeline import Pipeline
from walkaround.settings import Settings
from walkaround.store.database import Database
from walkaround.store.opening import database_of
from walkaround.store.pipeline import Watch

_logger = logging.getLogger(__name__)

_LOOK_SECONDS = 1.0
_LONGEST_PAUSE = 30.0
_HEALTHY_SECONDS = 60.0
_STOP_SECONDS = 30.0


class PipelineProcess:
    """Keeps the child alive, on a thread that lives as long as the server."""

    def __init__(self, database: Database, settings: Settings) -> None:
        """Prepare without starting anything."""
        self._database, self._settings = database, settings
        self._stopping = threading.Event()
        self._process: subprocess.Popen[bytes] | None = None
        self._thread = threading.Thread(target=self._run, name="pipeline-process", daemon=True)

    @property
    def pid(self) -> int | None:
        """Process id of the child; None while there is none."""
        process = self._process
        return process.pid if process is not None and process.poll() is None else None

    def start(self) -> None:
        """Have the pipeline run as soon as there is something to watch."""
        self._thread.start()

    def stop(self) -> None:
        """End the child in good order; what it does not end in time is done at the next start."""
        self._stopping.set()
        if self._thread.ident is not None:
            self._thread.join(_STOP_SECONDS + 5)

    def _run(self) -> None:
        pause, started = 1.0, 0.0
        while not self._stopping.wait(_LOOK_SECONDS):
            if not self._wanted():
                continue
            started = monotonic()
            code = self._child()
            if self._stopping.is_set():
                return
            pause = 1.0 if monotonic() - started > _HEALTHY_SECONDS else min(_LONGEST_PAUSE, 2 * pause)
            _logger.error("The pipeline's process ended with %d; it is started again in %.0f s.", code, pause)
            self._stopping.wait(pause)

    def _wanted(self) -> bool:
        try:
            with self._database.reading() as session:
                return session.scalar(select(Watch.id).where(Watch.origin.in_(("rest", "file", "gone"))).limit(1)) is not None
        except UnavailableError:
            return False

    def _child(self) -> int:
        """Run the child until it ends or the server stops; its exit code."""
        arguments = [sys.executable, "-m", "walkaround.pipeline.process", str(os.getpid())]
        with subprocess.Popen(arguments, stdin=subprocess.PIPE) as process:  # noqa: S603 - our own module
            self._process = process
            if process.stdin is not None:
                with suppress(OSError), process.stdin as pipe:  # it may have died at once
                    pipe.write(json.dumps(plain_settings(self._settings)).encode())
            while process.poll() is None:
                if self._stopping.wait(_LOOK_SECONDS):
                    process.terminate()
                    try:
                        process.wait(_STOP_SECONDS)
                    except subprocess.TimeoutExpired:
                        process.kill()
            return process.wait()


def plain_settings(settings: Settings) -> dict[str, Any]:
    """The settings as plain values, secrets included: for a pipe to a child, never for a log or a file."""
    plain: dict[str, Any] = settings.model_dump(mode="json")
    secrets = {name: value.get_secret_value() for name, value in settings if isinstance(value, SecretStr)}
    return {**plain, **secrets}


def main(parent: int) -> None:
    """Run the pipeline until SIGTERM."""
    follow_parent(parent)
    settings = Settings.model_validate(json.load(sys.stdin))
    log_json(settings.log_level)
    ended = threading.Event()
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # an interrupt from the keyboard is for the server, which then ends this
    signal.signal(signal.SIGTERM, lambda *_: ended.set())
    with closing(database_of(settings)) as database:
        try:
            pipeline = Pipeline(database, buckets_of(settings), settings)
        except WalkaroundError as problem:
            _logger.error("The pipeline cannot run: %s", problem)
            sys.exit(1)
        pipeline.start()
        while not ended.wait(_LOOK_SECONDS):
            pass  # a signal that the system gave to another thread wakes none; Python sees to it when this one runs again
        pipeline.stop()


if __name__ == "__main__":
    main(int(sys.argv[1]))
