"""How far a long run is: a bar with rate and time left, or now and then a line where nobody watches."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from math import inf

from rich.progress import BarColumn, Progress, TaskID, TextColumn

from walkaround.terminal import told

Report = Callable[[str, int, int], None]
_EVERY = 30.0
"""Seconds between lines."""


class Pace:
    """How fast it goes, from when it began to go: neither what an earlier run did nor the loading of models counts."""

    def __init__(self) -> None:
        self._first: tuple[float, int] | None = None
        self._moving = False

    def words(self, done: int, total: int, *, now: float) -> str:
        """Such as "41.3/s, 6 h 40 min left"; empty while there is nothing to say."""
        if self._first is None or (not self._moving and done > self._first[1]):
            self._moving = self._first is not None
            self._first = now, done
        began, before = self._first
        if done <= before or now <= began:
            return ""
        rate = (done - before) / (now - began)
        left = f", {duration((total - done) / rate)} left" if total > done else ""
        return f"{rate:,.1f}/s{left}"


def duration(seconds: float) -> str:
    """A time in words, two units at most."""
    minutes, hours, days = round(seconds / 60), round(seconds / 3600), round(seconds / 86400)
    if seconds < 90:
        return f"{seconds:.0f} s"
    if minutes < 90:
        return f"{minutes} min"
    if hours < 48:
        return f"{minutes // 60} h {minutes % 60} min"
    return f"{days:,} days"


@contextmanager
def progress() -> Iterator[Report]:
    """Give a function that shows how far each stage is: what it is called, objects done, objects in all or 0."""
    if not told.is_terminal:
        yield _lines()
        return
    columns = (TextColumn("{task.description:<10}"), BarColumn(), TextColumn("{task.fields[words]}"))
    with Progress(*columns, console=told) as bars:
        tasks: dict[str, tuple[TaskID, Pace]] = {}

        def report(stage: str, done: int, total: int) -> None:
            if stage not in tasks:
                tasks[stage] = bars.add_task(stage, total=total or None, words=""), Pace()
            task, pace = tasks[stage]
            said = [_count(done, total), pace.words(done, total, now=time.monotonic())]
            bars.update(task, completed=done, total=total or None, words="  ".join(filter(None, said)))

        yield report


def _lines() -> Report:
    paces: dict[str, Pace] = {}
    last: dict[str, float] = {}

    def report(stage: str, done: int, total: int) -> None:
        now = time.monotonic()
        words = paces.setdefault(stage, Pace()).words(done, total, now=now)
        ended = 0 < total == done
        if last.get(stage) != inf and (ended or now - last.get(stage, -inf) >= _EVERY):
            last[stage] = inf if ended else now
            told.print(", ".join(filter(None, [f"{stage}: {_count(done, total)}", words])))

    return report


def _count(done: int, total: int) -> str:
    return f"{done:,} of {total:,}" if total else f"{done:,}"
