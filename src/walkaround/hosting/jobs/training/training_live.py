"""What a training in a child process tells while it runs: JSON lines of losses, epochs and rules, and files for TensorBoard.

Losses are told as means over some steps: every so many, and now and then where steps are slow, the rarer the longer it takes.
So a training of any length tells some hundred lines for each part.
"""

from __future__ import annotations

import math
import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from walkaround.datasets.sample import Problem
from walkaround.hosting.jobs.training.training_log import LIVE
from walkaround.hosting.operations.training.training_options import in_service_words
from walkaround.training.monitor import EpochFacts, Firing, RunFacts, StepFacts
from walkaround.training.watching import Actions, Watch

Tell = Callable[[dict[str, Any]], None]
"""Called with one line, from any thread."""

_POINTS = 300
_LEAST_SECONDS, _POINTS_OVER_TIME = 3.0, 60
_UNKNOWN_STEPS = 20_000
_MOST_TEXT = 4_000
_MOST_PROBLEMS = 50


class LiveWatch(Watch):
    """Watches a training as `Watch` does, and tells of it."""

    def __init__(self, folder: Path, tell: Tell, *, clock: Callable[[], float] = time.monotonic) -> None:
        """Nothing is written or told before a part starts.

        Args:
            folder: of event files and the report; attempts after this one go on in it.
            tell: is told.
            clock: gives seconds.
        """
        super().__init__(folder, actions=Actions(tell=self._fired))
        self._tell = tell
        self._run: RunFacts | None = None
        self._points_every, self._since = 1, _Means()
        self._clock = clock
        self._began = self._told_at = clock()

    def start(self, run: RunFacts) -> None:
        """A part begins, or goes on after an interruption."""
        super().start(run)
        self._run, self._since = run, _Means()
        self._began = self._told_at = self._clock()
        self._points_every = max(1, math.ceil((run.total_steps or _UNKNOWN_STEPS) / _POINTS))
        told = {"first_step": run.first_step, "total_steps": run.total_steps, "settings": dict(run.settings)}
        self._say("start", run.first_step, {**told, "classes": list(run.classes), "counts": list(run.counts)})

    def step(self, facts: StepFacts) -> None:
        """Hear of a step; every so many, the means since the last time are told."""
        super().step(facts)
        self._since.take(facts)
        first = self._run is not None and facts.step == self._run.first_step + 1
        if first or facts.step % self._points_every == 0 or self._is_time():
            self._say("point", facts.step, {"epoch": facts.epoch, **self._since.told()})
            self._since, self._told_at = _Means(), self._clock()

    def epoch(self, facts: EpochFacts) -> None:
        """Hear of an epoch."""
        super().epoch(facts)
        told = {
            "epoch": facts.epoch,
            "losses": _finite(facts.losses),
            "validation": _finite(facts.validation),
            "scores": _finite(facts.scores),
            "score": None if facts.score is None or not math.isfinite(facts.score) else facts.score,
            "best": facts.best,
            "seconds": round(facts.seconds, 3),
        }
        self._say("epoch", facts.step, told)

    def note(self, name: str, text: str) -> None:
        """Show a text, Markdown."""
        super().note(name, text)
        self._say("note", None, {"name": name, "text": text[:_MOST_TEXT]})

    def _is_time(self) -> bool:
        """Whether nothing was told for a while, by what the part has taken so far."""
        now = self._clock()
        return now - self._told_at >= max(_LEAST_SECONDS, (now - self._began) / _POINTS_OVER_TIME)

    def _fired(self, part: str, firing: Firing) -> None:
        advice = in_service_words(firing.advice)
        told = {"rule": firing.rule, "message": firing.message, "advice": advice}
        self._tell({LIVE: "rule", "part": part, "step": firing.step, "told": told})

    def _say(self, kind: str, step: int | None, told: dict[str, Any]) -> None:
        name = None if self._run is None else self._run.name
        self._tell({LIVE: kind, "part": name, "step": step, "told": told})


def problem_lines(problems: Sequence[Problem]) -> list[dict[str, Any]]:
    """What was left out and what should be known of the data, as lines; files are counted, their names are the server's."""
    lines = []
    for kind, count in Counter(problem.kind for problem in problems).items():
        told = [problem for problem in problems if problem.kind == kind]
        one = {
            "severity": told[0].severity,
            "kind": kind,
            "message": in_service_words(told[0].message)[:_MOST_TEXT],
            "times": count,
        }
        lines.append({LIVE: "problem", "part": None, "step": None, "told": one})
    return lines[:_MOST_PROBLEMS]


def tuning_line(tuning: Mapping[str, Any] | None) -> dict[str, Any] | None:
    """What came of fine-tuning, as a line, by what the card tells of it; None where it was not tried."""
    if tuning is None:
        return None
    if "why" in tuning:
        text = f"Fine-tuning was left out: {tuning['why']}."
    else:
        better = "it did no better, and was left out" if tuning["taken"] == "fast" else "it did better, and was taken"
        text = f"Fine-tuning was tried, and measured on {tuning['pictures']:,} pictures that it had not seen: {better}."
    return {LIVE: "note", "part": "verdict", "step": None, "told": {"name": "fine-tuning", "text": text}}


class _Means:
    """Means of losses over some steps."""

    def __init__(self) -> None:
        self._sums: dict[str, float] = {}
        self._steps, self._rate = 0, 0.0

    def take(self, facts: StepFacts) -> None:
        for name, value in facts.losses.items():
            self._sums[name] = self._sums.get(name, 0.0) + value
        self._steps += 1
        self._rate = max(facts.rates.values(), default=0.0)

    def told(self) -> dict[str, Any]:
        means = {name: total / max(1, self._steps) for name, total in self._sums.items()}
        return {"losses": _finite(means), "rate": self._rate}


def _finite(values: Mapping[str, float]) -> dict[str, float]:
    """Without what JSON has no word for; six digits are enough to draw."""
    return {name: float(f"{value:.6g}") for name, value in values.items() if math.isfinite(value)}
