"""Watching a training: event files, rules and what follows when one fires, and a report; for each part of the training."""

from __future__ import annotations

import logging
import math
import signal
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from walkaround.errors import InputError, StorageError
from walkaround.models.network import cores
from walkaround.training.event_log import EventLog
from walkaround.training.machine import Machine
from walkaround.training.monitor import EpochFacts, Firing, Monitor, RunFacts, StepFacts
from walkaround.training.report import Record, read_losses, read_records, write_report
from walkaround.training.rules.history import History
from walkaround.training.rules.table import RULES, Rule, When
from walkaround.training.webhooks import Webhook

_LOG = logging.getLogger(__name__)
_FEWEST_STEPS_BETWEEN = 20
_LOOKS = 100
_UNKNOWN_STEPS_BETWEEN = 50
_CLOCK_SECONDS = 10.0
_REPORT_SECONDS = 10.0


@dataclass(frozen=True, kw_only=True)
class Actions:
    """What follows when a rule fires for the first time; it is logged and written into the report in any case.

    Attributes:
        stop: names of the rules that end the training, with the best checkpoint kept.
        webhook: who is told.
        tell: called with the name of the part and what fired, from whichever thread noticed it.
    """

    stop: frozenset[str] = frozenset()
    webhook: Webhook | None = None
    tell: Callable[[str, Firing], None] | None = None

    def __post_init__(self) -> None:
        known = {rule.name for rule in RULES}
        for name in sorted(self.stop - known):
            raise InputError(f"There is no rule {name!r} to stop at; the rules are {', '.join(sorted(known))}.")


class Watch(Monitor):
    """Watches all parts of a training, one after the other. Each part that `start`s gets a folder of its own."""

    def __init__(
        self,
        folder: Path | None,
        *,
        rules: Sequence[Rule] = RULES,
        actions: Actions | None = None,
        every: int | None = None,
        compare: Path | None = None,
    ) -> None:
        """Nothing is written before a part starts.

        Args:
            folder: of event files, one sub-folder for each part, `report.html` and `report.json`; None: rules and log only.
            rules: that are asked.
            actions: that follow.
            every: steps from one look inside to the next; None: a hundredth of the training, but at least 20.
            compare: folder of another training, for the rule SimilarAcrossRuns.
        """
        self._folder, self._rules, self._actions = folder, rules, actions or Actions()
        self._every, self._compare = every, compare
        self._before = read_records(folder) if folder is not None else {}
        self._records: dict[str, Record] = {}
        self._part: _Part | None = None
        self._reported = -math.inf

    @property
    def wanted(self) -> bool:
        """It is."""
        return True

    @property
    def stop_wanted(self) -> str | None:
        """The rule that wants the present part to end, and why."""
        return self._part.stop_wanted if self._part is not None else None

    def start(self, run: RunFacts) -> None:
        """A part begins, or goes on after an interruption; the one before is over.

        Raises:
            StorageError: nothing can be written into the folder.
        """
        self._end(None)
        record = self._before.get(run.name) if run.first_step else None
        record = Record(run=run) if record is None else record.until(run)
        self._records[run.name] = record
        other = read_losses(self._compare, run.name) if self._compare is not None else {}
        folder = None if self._folder is None else self._folder / run.name
        history = History(run=run, other=other, peak_rate=run.peak_rate or 0.0)
        self._part = _Part(history, record, folder, self._rules, self._actions, every=self._every)

    def looks_inside(self, step: int) -> bool:
        """Whether layers and activations are wanted with this step."""
        return self._part is not None and self._part.looks_inside(step)

    def step(self, facts: StepFacts) -> None:
        """Hear of a step."""
        if self._part is not None:
            self._part.step(facts)

    def epoch(self, facts: EpochFacts) -> None:
        """Hear of an epoch; the report is written again, unless that was a moment ago."""
        if self._part is not None:
            self._part.epoch(facts)
            if time.monotonic() - self._reported > _REPORT_SECONDS:
                self._write_report()

    def scalars(self, step: int, values: Mapping[str, float]) -> None:
        """Write further numbers."""
        if self._part is not None:
            self._part.living().scalars(step, values)

    def pictures(self, step: int, name: str, pictures: Sequence[NDArray[np.uint8]]) -> None:
        """Write pictures."""
        if self._part is not None:
            self._part.living().pictures(step, name, pictures)

    def curve(self, step: int, name: str, truth: NDArray[np.bool_], scores: NDArray[np.float64]) -> None:
        """Write a precision-recall curve."""
        if self._part is not None:
            self._part.living().curve(step, name, truth, scores)

    def graph(self, model: bytes) -> None:
        """Write the exported network."""
        if self._part is not None:
            self._part.living().graph(model)

    def note(self, name: str, text: str) -> None:
        """Write a text, into the report as well."""
        if self._part is not None:
            self._part.note(name, text)

    def fired(self) -> tuple[Firing, ...]:
        """What all parts found, those before an interruption included."""
        return tuple(firing for record in self._records.values() for firing in record.firings.values())

    def close(self, scores: Mapping[str, float] | None = None) -> None:
        """The present part is over; the report is whole."""
        self._end(scores)
        if self._actions.webhook is not None:
            self._actions.webhook.wait()

    def _end(self, scores: Mapping[str, float] | None) -> None:
        if self._part is not None:
            self._part.close(scores or {})
            self._part = None
            self._write_report()

    def _write_report(self) -> None:
        """Write it; a disk that refuses must not cost the training."""
        if self._folder is None:
            return
        self._reported = time.monotonic()
        try:
            write_report(self._folder, list(self._records.values()))
        except StorageError as problem:
            _LOG.warning("The report of the training was not written: %s", problem)


class _Part:
    """Watches one part."""

    def __init__(
        self,
        history: History,
        record: Record,
        folder: Path | None,
        rules: Sequence[Rule],
        actions: Actions,
        *,
        every: int | None,
    ) -> None:
        self._history, self._record, self._rules, self._actions = history, record, rules, actions
        run = history.run
        planned = _UNKNOWN_STEPS_BETWEEN if run.total_steps is None else -(-run.total_steps // _LOOKS)
        self._every = every or max(_FEWEST_STEPS_BETWEEN, planned)
        self.stop_wanted: str | None = None
        self.events = EventLog(folder, run)
        self._machine = Machine(cores=run.threads or cores(), accelerator=run.accelerator)
        self._began = self._heard = time.monotonic()
        self._lock = threading.Lock()
        self._over = threading.Event()
        self._clock = threading.Thread(target=self._watch_clock, name="stalled training", daemon=True)
        self._clock.start()

    def looks_inside(self, step: int) -> bool:
        return step % self._every == 0 or self._is_first(step)

    def _is_first(self, step: int) -> bool:
        """Whether it is the first step of this process, in which a rate that is far too high does the most."""
        return step == self._history.run.first_step + 1

    def living(self) -> EventLog:
        """Where to write something that shows that the training goes on."""
        self._heard = time.monotonic()
        return self.events

    def step(self, facts: StepFacts) -> None:
        history = self._history
        self._heard = time.monotonic()
        history.take_step(facts)
        self._record.take_step(facts)
        usage = self._machine.usage()
        if usage is not None:
            history.usage.append(usage)
        self.events.step(facts)
        if facts.step % self._every and self._is_first(facts.step):
            self.events.look(history.observe(counted=False), usage)
            self._ask("look")
        elif self.looks_inside(facts.step):
            seen = history.observe()
            self._record.take_observation(seen, usage or (history.usage[-1] if history.usage else None))
            self.events.look(seen, usage)
            self._ask("look")
        self._ask("step")

    def epoch(self, facts: EpochFacts) -> None:
        self._heard = time.monotonic()
        self._history.epochs.append(facts)
        self._record.take_epoch(facts)
        self.events.epoch(facts)
        self._ask("epoch")

    def note(self, name: str, text: str) -> None:
        self._record.notes[name] = text
        self.living().text(self._record.steps, name, text)

    def close(self, scores: Mapping[str, float]) -> None:
        self._over.set()
        self._clock.join()
        self._machine.close()
        self._history.ended = True
        self._ask("epoch")
        self._ask("end")
        self._record.scores.update(scores)
        self.events.close(self._record.steps, scores)

    def _ask(self, when: When) -> None:
        for rule in self._rules:
            if rule.when == when:
                message = rule.check(self._history)
                if message is not None:
                    self._fire(rule, message)

    def _fire(self, rule: Rule, message: str) -> None:
        """Note it; what follows, follows once."""
        with self._lock:
            step = max(self._record.steps, self._history.run.first_step)
            before = self._record.firings.get(rule.name)
            if before is not None:
                self._record.firings[rule.name] = replace(before, times=before.times + 1, last_step=step)
                return
            firing = Firing(rule=rule.name, step=step, message=message, advice=rule.advice, last_step=step)
            self._record.firings[rule.name] = firing
        name = self._history.run.name
        _LOG.warning("%s, step %d, rule %s: %s. %s", name, step, rule.name, message, rule.advice)
        self.events.text(step, f"rules/{rule.name}", f"{message}. {rule.advice}")
        if self._actions.tell is not None:
            self._actions.tell(name, firing)
        if rule.name in self._actions.stop:
            self.stop_wanted = f"{rule.name}: {message}"
        if self._actions.webhook is not None:
            told = {"event": "rule", "rule": rule.name, "run": name, "step": step, "message": message, "advice": rule.advice}
            self._actions.webhook.send({**told, "stops": rule.name in self._actions.stop, "time": int(time.time())})

    def _watch_clock(self) -> None:
        """Ask the rules that must not wait for the next step, which may never come."""
        while not self._over.wait(_clock_pause(self._rules)):
            now = time.monotonic()
            self._history.idle = now - self._heard
            self._history.started = now - self._began if self._history.last is None else 0.0
            stopping = self.stop_wanted
            self._ask("clock")
            if self.stop_wanted != stopping:  # a loop that does not answer cannot be asked to stop
                _interrupt()
                return


def _clock_pause(rules: Sequence[Rule]) -> float:
    """Seconds from one look at the clock to the next: a fraction of the shortest time that a rule waits for."""
    limits = [float(value) for rule in rules if rule.when == "clock" for value in _numbers(rule)]
    return min([_CLOCK_SECONDS, *(limit / 4 for limit in limits)])


def _numbers(rule: Rule) -> list[float]:
    return [float(value) for value in rule.parameters.values() if isinstance(value, int | float)]


def _interrupt() -> None:
    """End a stalled training as Ctrl-C does: the last checkpoint is on the disk, and the same command goes on from it."""
    main = threading.main_thread().ident
    if main is not None and hasattr(signal, "pthread_kill"):
        signal.pthread_kill(main, signal.SIGINT)
