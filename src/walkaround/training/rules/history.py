"""What the rules look at: the facts of a training so far, as far as any rule looks back. All state is here."""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np

from walkaround.training.monitor import ActivationFacts, EpochFacts, LayerFacts, RunFacts, StepFacts

LASTING = 3
"""Observations in which a layer has to look bad before a rule says so: in the first steps much is odd and passes."""

_KEPT = 12
_DURATIONS = 1000
_WARM = 10  # first steps of a process, which are slow for reasons of their own


@dataclass(frozen=True, kw_only=True, eq=False)
class Observation:
    """One look inside.

    Attributes:
        step: when.
        loss: mean of the total over the steps since the look before.
        rate: highest learning rate of any group.
        layers, activations: as in `StepFacts`; empty where nobody looked inside.
    """

    step: int
    loss: float
    rate: float
    layers: tuple[LayerFacts, ...] = ()
    activations: tuple[ActivationFacts, ...] = ()

    @property
    def weights(self) -> float:
        """Norm of all weights together; 0 where nobody looked inside."""
        return float(np.linalg.norm([layer.weights.norm for layer in self.layers])) if self.layers else 0.0


@dataclass(frozen=True, kw_only=True)
class Usage:
    """What the training takes of the machine at one moment, in per cent of what there is.

    Attributes:
        cpu: of the cores that it may use.
        memory: of the machine's memory.
        gpu: of the accelerator's time; None without one.
        gpu_memory: of the accelerator's memory; None without one.
    """

    cpu: float
    memory: float
    gpu: float | None = None
    gpu_memory: float | None = None


@dataclass(kw_only=True, eq=False)
class History:
    """The facts so far.

    Attributes:
        run: what was known before the first step.
        last: the last step.
        steps: heard of, in this process.
        observations: the last looks inside, oldest first; `first` of all.
        losses: of all observations that counted.
        epochs: all of them.
        labels: for each class, how often it occurred in the batches so far.
        inputs: for each channel, the mean of the inputs so far, and `pictures`, over how many.
        waiting, computing: seconds of the last steps, those of the first few and of looks inside left out.
        usage: of the machine, a moment apart.
        peak_rate: the highest learning rate so far, or of the plan.
        idle: seconds since the last sign of life.
        started: seconds since the start, as long as no step was done.
        ended: whether the training is over.
        other: losses of another run by step, to compare with.
    """

    run: RunFacts
    last: StepFacts | None = None
    steps: int = 0
    observations: deque[Observation] = field(default_factory=lambda: deque(maxlen=_KEPT))
    first: Observation | None = None
    losses: list[float] = field(default_factory=list)
    epochs: list[EpochFacts] = field(default_factory=list)
    labels: tuple[int, ...] = ()
    inputs: tuple[float, ...] = ()
    pictures: int = 0
    waiting: deque[float] = field(default_factory=lambda: deque(maxlen=_DURATIONS))
    computing: deque[float] = field(default_factory=lambda: deque(maxlen=_DURATIONS))
    usage: list[Usage] = field(default_factory=list)
    peak_rate: float = 0.0
    idle: float = 0.0
    started: float = 0.0
    ended: bool = False
    other: Mapping[int, float] = field(default_factory=dict)
    _since: list[float] = field(default_factory=list)

    def take_step(self, facts: StepFacts) -> None:
        """Take in a step."""
        self.last, self.steps, self.idle, self.started = facts, self.steps + 1, 0.0, 0.0
        self.peak_rate = max(self.peak_rate, self.run.peak_rate or 0.0, *facts.rates.values())
        self._since.append(facts.losses.get("loss", 0.0))
        if self.steps > _WARM and not facts.layers:
            self.waiting.append(facts.waiting)
            self.computing.append(facts.computing)
        if facts.labels:
            before = self.labels or (0,) * len(facts.labels)
            self.labels = tuple(a + b for a, b in zip(before, facts.labels, strict=True))
        if facts.inputs is not None:
            before_means = self.inputs or (0.0,) * len(facts.inputs)
            total = self.pictures + facts.pictures
            self.inputs = tuple(
                (old * self.pictures + new * facts.pictures) / max(1, total)
                for old, new in zip(before_means, facts.inputs, strict=True)
            )
            self.pictures = total

    def observe(self, *, counted: bool = True) -> Observation:
        """Make an observation of the last step and the losses since the one before.

        Args:
            counted: not so for the very first step, whose layers are worth a look, but whose loss alone is no mean.
        """
        facts = self.last
        assert facts is not None, "an observation is made of a step"  # noqa: S101 - callers observe what they have just told
        seen = Observation(
            step=facts.step,
            loss=float(np.mean(self._since)),
            rate=max(facts.rates.values(), default=0.0),
            layers=facts.layers,
            activations=facts.activations,
        )
        self.first = self.first or seen
        self.observations.append(seen)
        if counted:
            self._since = []
            self.losses.append(seen.loss)
        return seen

    @property
    def looks(self) -> int:
        """How many observations were counted."""
        return len(self.losses)

    @property
    def settling(self) -> bool:
        """Whether the learning rate has fallen below a tenth of its peak: little is then meant to change any more."""
        seen = self.observations[-1] if self.observations else None
        risen = self.first is not None and self.peak_rate > 0 and self.looks > LASTING
        return seen is not None and risen and 0 < seen.rate < 0.1 * self.peak_rate and self._has_peaked

    @property
    def _has_peaked(self) -> bool:
        """Whether the rate falls, or has fallen: it is low while it rises as well."""
        rates = [seen.rate for seen in self.observations]
        return len(rates) > 1 and rates[-1] <= rates[0]

    def pretrained(self, name: str) -> bool:
        """Whether the weights of this layer have learnt on other pictures."""
        return any(name.startswith(prefix) for prefix in self.run.pretrained)
