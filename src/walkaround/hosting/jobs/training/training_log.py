"""What a training tells, on its way from the child process to the log in the database: gathered, bounded, written.

Losses and epochs are written once a second, what is rare at once.
"""

from __future__ import annotations

import time
from typing import Any

from sqlalchemy import delete, func, insert, select
from sqlalchemy.orm import Session

from walkaround.errors import UnavailableError
from walkaround.hosting.jobs.leases import LeaseLostError
from walkaround.hosting.jobs.work import Task
from walkaround.store.tables import TrainingLine, now

LIVE = "live"
"""The key of a line of the child that belongs into the log; its value is the line's kind."""

_WRITE_SECONDS = 1.0
_MOST_LINES = 5_000
_MORE_LINES = 500
"""Beyond the most, for what is worth more than the next point of a curve."""
_COURSE = ("point", "epoch")
_AGAIN = (*_COURSE, "rule", "note")
"""What a part tells again that goes on from an earlier step."""


class TrainingLog:
    """The log of one attempt at a training; whatever cannot be written must not cost the training."""

    def __init__(self, task: Task) -> None:
        """Begin an attempt."""
        self._task = task
        self._waiting: list[dict[str, Any]] = []
        self._written = -_WRITE_SECONDS
        self._doing = ""
        self._add("begin", None, None, {"attempt": task.lease.attempts + task.lease.deaths + 1})
        self.write()

    def hear(self, told: dict[str, Any]) -> None:
        """Take a line of the child: what it is doing, or what its training tells."""
        if LIVE in told:
            self._add(told[LIVE], told["part"], told["step"], told["told"])
        elif told["doing"] != self._doing:
            self._doing = told["doing"]
            self._add("phase", None, None, told)
        rare = any(line["kind"] not in _COURSE for line in self._waiting)
        if rare or time.monotonic() - self._written >= _WRITE_SECONDS:
            self.write()

    def write(self) -> None:
        """Write what was gathered; what the database cannot take now is tried again with the next lines."""
        if not self._waiting:
            return
        self._written = time.monotonic()
        try:
            self._task.write(self._put)
        except UnavailableError:
            self._waiting = self._waiting[-_MORE_LINES:]
        except LeaseLostError:  # another server tells of the training now
            self._waiting = []
        else:
            self._waiting = []

    def _add(self, kind: str, part: str | None, step: int | None, told: dict[str, Any]) -> None:
        line = {"model_id": self._task.subject, "kind": kind, "part": part, "step": step, "told": told, "created": now()}
        self._waiting.append(line)

    def _put(self, session: Session) -> None:
        model = self._task.subject
        for line in self._waiting:
            if line["kind"] == "start":
                _forget(session, model, line["part"], after=line["told"]["first_step"])
        room = _MOST_LINES - (session.scalar(select(func.count()).where(TrainingLine.model_id == model)) or 0)
        kept = []
        for line in self._waiting:
            if room > (0 if line["kind"] in _COURSE else -_MORE_LINES):
                kept.append(line)
                room -= 1
        if kept:
            session.execute(insert(TrainingLine), kept)


def _forget(session: Session, model: int, part: str, *, after: int) -> None:
    """Forget what a part told of steps that it does again."""
    lines = delete(TrainingLine).where(TrainingLine.model_id == model, TrainingLine.part == part, TrainingLine.kind.in_(_AGAIN))
    if after:
        lines = lines.where(TrainingLine.step > after)
    session.execute(lines.execution_options(synchronize_session=False))
