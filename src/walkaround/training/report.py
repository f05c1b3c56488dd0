"""The report of a training as data: what was recorded of each part, kept as JSON, and continued by a resumed training."""

from __future__ import annotations

import json
import logging
import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, fields, replace
from pathlib import Path
from typing import Any

from walkaround.inspection.outputs import byte_writer
from walkaround.training.monitor import EpochFacts, Firing, RunFacts, StepFacts
from walkaround.training.report_page import page
from walkaround.training.rules.history import Observation, Usage

DATA_FILE = "report.json"
PAGE_FILE = "report.html"
_LOG = logging.getLogger(__name__)


@dataclass(frozen=True, kw_only=True)
class Point:
    """The steps from one look inside to the next.

    Attributes:
        step: the last of them.
        loss: mean of the total; `exactly`: of the last step alone.
        rate: highest learning rate.
        gradients: mean norm of all gradients; None where it was not told.
        weights: norm of all weights that were looked at.
        waiting, computing: seconds, in all.
        cpu, memory, gpu, gpu_memory: per cent, as of the last look at the machine.
    """

    step: int
    loss: float
    exactly: float
    rate: float
    gradients: float | None
    weights: float
    waiting: float
    computing: float
    cpu: float | None = None
    memory: float | None = None
    gpu: float | None = None
    gpu_memory: float | None = None


@dataclass(kw_only=True, eq=False)
class Record:
    """What was recorded of one part.

    Attributes:
        run: what was known before.
        steps: done.
        waiting, computing: seconds, in all.
        points: the course, at most some hundred of them.
        epochs: as `EpochFacts`, plain values without the confusion.
        firings: rules by name.
        notes: texts by name.
        scores: of what was exported.
    """

    run: RunFacts
    steps: int = 0
    waiting: float = 0.0
    computing: float = 0.0
    points: list[Point] = field(default_factory=list)
    epochs: list[dict[str, Any]] = field(default_factory=list)
    firings: dict[str, Firing] = field(default_factory=dict)
    notes: dict[str, str] = field(default_factory=dict)
    scores: dict[str, float] = field(default_factory=dict)
    _since: list[StepFacts] = field(default_factory=list)

    def take_step(self, facts: StepFacts) -> None:
        """Take in a step."""
        self.steps = facts.step
        self.waiting += facts.waiting
        self.computing += facts.computing
        self._since.append(replace(facts, layers=(), activations=()))

    def take_observation(self, seen: Observation, usage: Usage | None) -> None:
        """Take in a look inside, and the steps before it."""
        norms = [one.gradient_norm for one in self._since if one.gradient_norm is not None]
        self.points.append(
            Point(
                step=seen.step,
                loss=seen.loss,
                exactly=self._since[-1].losses.get("loss", math.nan),
                rate=seen.rate,
                gradients=sum(norms) / len(norms) if norms else None,
                weights=seen.weights,
                waiting=sum(one.waiting for one in self._since),
                computing=sum(one.computing for one in self._since),
                **({} if usage is None else asdict(usage)),
            )
        )
        self._since = []

    def take_epoch(self, facts: EpochFacts) -> None:
        """Take in an epoch."""
        told = {one.name: getattr(facts, one.name) for one in fields(facts) if one.name != "confusion"}
        confusion = None if facts.confusion is None else facts.confusion.tolist()
        self.epochs.append({**told, "confusion": confusion})

    def until(self, run: RunFacts) -> Record:
        """What was recorded up to the step from which the training goes on."""
        last = run.first_step
        points = [point for point in self.points if point.step <= last]
        return Record(
            run=run,
            steps=last,
            waiting=sum(point.waiting for point in points),
            computing=sum(point.computing for point in points),
            points=points,
            epochs=[epoch for epoch in self.epochs if epoch["step"] <= last],
            firings={name: firing for name, firing in self.firings.items() if firing.step <= last},
            notes=dict(self.notes),
        )

    def as_json(self) -> dict[str, Any]:
        """Plain values."""
        told = {one.name: getattr(self, one.name) for one in fields(self) if not one.name.startswith("_")}
        plain = {
            "run": asdict(self.run),
            "points": [asdict(point) for point in self.points],
            "firings": {name: asdict(firing) for name, firing in self.firings.items()},
        }
        return {**told, **plain}


def write_report(folder: Path, records: Sequence[Record]) -> None:
    """Write `report.json` and `report.html`, each whole or not at all.

    Raises:
        StorageError: the disk refuses.
    """
    stored = {record.run.name: _finite(record.as_json()) for record in records}
    text = json.dumps({"format": 1, "parts": stored}, indent=1, ensure_ascii=False)
    with byte_writer(folder / DATA_FILE) as put:
        put(text.encode("utf-8", "backslashreplace"))
    with byte_writer(folder / PAGE_FILE) as put:
        put(page([stored[record.run.name] for record in records]).encode("utf-8", "backslashreplace"))


def read_records(folder: Path) -> dict[str, Record]:
    """The parts of an earlier report by name, to go on from; none where there is no report that this version reads."""
    try:
        stored = json.loads((folder / DATA_FILE).read_text(encoding="utf-8"))
        return {name: _record(part) for name, part in stored["parts"].items()}
    except FileNotFoundError:
        return {}
    except (OSError, ValueError, TypeError, KeyError, AttributeError) as problem:
        _LOG.warning("The report in %s is begun anew, the old one cannot be read: %s", folder, problem)
        return {}


def read_losses(folder: Path, part: str) -> dict[int, float]:
    """The losses of another training by step, to compare with; none where there is no such report or part."""
    record = read_records(folder).get(part)
    if record is None:
        _LOG.warning("There is nothing to compare with: %s has no report of a training of %r.", folder, part)
        return {}
    return {point.step: point.exactly for point in record.points if math.isfinite(point.exactly)}


def _record(stored: Mapping[str, Any]) -> Record:
    run: dict[str, Any] = {name: tuple(value) if isinstance(value, list) else value for name, value in stored["run"].items()}
    points: list[dict[str, Any]] = [
        {name: math.nan if value is None and name in _NEVER_NONE else value for name, value in one.items()}
        for one in stored["points"]
    ]
    return Record(
        run=RunFacts(**run),
        steps=stored["steps"],
        waiting=stored["waiting"],
        computing=stored["computing"],
        points=[Point(**point) for point in points],
        epochs=list(stored["epochs"]),
        firings={name: Firing(**firing) for name, firing in stored["firings"].items()},
        notes=dict(stored["notes"]),
        scores=dict(stored["scores"]),
    )


_NEVER_NONE = frozenset({"loss", "exactly", "rate", "weights"})


def _finite(value: Any) -> Any:
    """The same, with None for numbers that JSON has no word for."""
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, Mapping):
        return {key: _finite(one) for key, one in value.items()}
    return [_finite(one) for one in value] if isinstance(value, list | tuple) else value
