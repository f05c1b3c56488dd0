"""What a training tells of itself while it runs: facts as plain numbers, and the monitor that they are told to.

The loop measures, a `Monitor` listens. This one is silent; `walkaround.training.watching.Watch` writes event files for
TensorBoard, checks the rules of `walkaround.training.rules`, acts on them, and writes a report. Nothing here knows PyTorch.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

import numpy as np
from numpy.typing import NDArray

Activation = Literal["relu", "sigmoid", "tanh"]
"""Functions whose inputs can end up where they have no gradient; "relu" stands for ReLU and ReLU6."""

LIVE_INPUTS: Mapping[Activation, tuple[float, float]] = {
    "relu": (0.0, float("inf")),
    "sigmoid": (-23.0, 16.99999),
    "tanh": (-9.4999, 9.4999),
}
"""Inputs strictly between these pass a gradient of more than 0.0000001; the limits are SageMaker Debugger's."""


@dataclass(frozen=True, kw_only=True)
class RunFacts:
    """What is known before the first step.

    Attributes:
        name: of the run, such as "boxes".
        settings: hyperparameters, shown as such by TensorBoard.
        classes: names in the order of class numbers.
        counts: for each class, how many labels there are to train on.
        first_step: steps that an interrupted training had done before it was resumed; 0 for a new one.
        total_steps: how many steps are planned in all; None where time alone decides.
        peak_rate: the highest learning rate of the schedule; None where it is not known before.
        accelerator: whether a GPU does the computing.
        threads: how many processor threads the training may use; None for all cores.
        loaders: how many threads read pictures ahead; None where none do.
        pretrained: how the names of those layers begin whose weights have learnt on other pictures.
    """

    name: str
    settings: Mapping[str, str | float | bool] = field(default_factory=dict)
    classes: tuple[str, ...] = ()
    counts: tuple[int, ...] = ()
    first_step: int = 0
    total_steps: int | None = None
    peak_rate: float | None = None
    accelerator: bool = False
    threads: int | None = None
    loaders: int | None = None
    pretrained: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True, eq=False)
class TensorFacts:
    """Numbers about one tensor. Where a value is not finite, `finite` is below 1 and the others are of those that are.

    Attributes:
        mean, variance: of the values.
        magnitude: mean of the absolute values.
        norm: Euclidean.
        zeros: share of the values that are exactly 0.
        finite: share of the values that are neither infinite nor not a number.
        low, high: 5th and 95th percentile, of a sample where there are many values.
        sample: float32 [n], some of the values, always the same places; what later values are compared with.
    """

    mean: float
    variance: float
    magnitude: float
    norm: float
    zeros: float
    finite: float
    low: float
    high: float
    sample: NDArray[np.float32]


@dataclass(frozen=True, kw_only=True, eq=False)
class LayerFacts:
    """One weight tensor of two dimensions or more in one step.

    Attributes:
        name: of the parameter.
        weights: after the step.
        gradients: before clipping.
        before: norm of the weights before the step.
        change: norm of what the step added to them.
    """

    name: str
    weights: TensorFacts
    gradients: TensorFacts
    before: float
    change: float


@dataclass(frozen=True, kw_only=True, eq=False)
class ActivationFacts:
    """One activation function in one step.

    Attributes:
        name: of the layer.
        kind: which function.
        activity: float32 [units], for each channel the share of its inputs that lies within `LIVE_INPUTS`.
        inputs: over all channels.
    """

    name: str
    kind: Activation
    activity: NDArray[np.float32]
    inputs: TensorFacts


@dataclass(frozen=True, kw_only=True, eq=False)
class StepFacts:
    """One step of the optimizer.

    Attributes:
        step: from 1, over the whole training.
        epoch: from 1.
        losses: by name; "loss" is the sum that is minimised.
        rates: learning rates by name of the parameter group.
        waiting: seconds that the loop waited for the batch.
        computing: seconds that it computed.
        pictures: in the batch.
        inputs: mean of each channel as the first layer gets it; None where it was not taken.
        labels: for each class, how often it occurs in the batch; empty where that makes no sense.
        gradient_norm: of all gradients together, before clipping.
        skipped: whether mixed precision threw the step away; gradients that are not finite are then as expected.
        layers, activations: what it looks like inside; empty except in the steps that `Monitor.looks_inside` asks for.
    """

    step: int
    epoch: int
    losses: Mapping[str, float]
    rates: Mapping[str, float]
    waiting: float
    computing: float
    pictures: int
    inputs: tuple[float, ...] | None = None
    labels: tuple[int, ...] = ()
    gradient_norm: float | None = None
    skipped: bool = False
    layers: tuple[LayerFacts, ...] = ()
    activations: tuple[ActivationFacts, ...] = ()


@dataclass(frozen=True, kw_only=True, eq=False)
class EpochFacts:
    """One pass over the training pictures, and the validation after it.

    Attributes:
        epoch: from 1.
        step: the last of the epoch.
        losses: means over the epoch's steps; "loss" is their sum.
        validation: losses on the validation pictures; empty where none are taken.
        scores: measured on the validation pictures; higher is better.
        score: the one of them that decides which checkpoint is kept; None where there was no validation.
        best: whether this epoch is the best so far.
        confusion: int64 [classes, classes], truth by prediction on the validation pictures, or None.
        seconds: that it took, validation included.
    """

    epoch: int
    step: int
    losses: Mapping[str, float]
    validation: Mapping[str, float] = field(default_factory=dict)
    scores: Mapping[str, float] = field(default_factory=dict)
    score: float | None = None
    best: bool = False
    confusion: NDArray[np.int64] | None = None
    seconds: float = 0.0


@dataclass(frozen=True, kw_only=True)
class Firing:
    """A rule that found something.

    Attributes:
        rule: its name.
        step: when it first fired.
        message: what was seen, with the numbers.
        advice: what to do.
        times: how often the check found it, all in all.
        last_step: when it was last found.
    """

    rule: str
    step: int
    message: str
    advice: str
    times: int = 1
    last_step: int = 0


class Monitor:
    """Who is told of a training. This one does nothing with it.

    Order of the calls: `start`, then for each step `looks_inside` and `step`, after each epoch `epoch`, at last `close`; the
    others whenever there is something to show. After each of them `stop_wanted` may say why the training should end; the loop
    then ends as it does when early stopping ends it, with the best checkpoint kept.
    """

    @property
    def wanted(self) -> bool:
        """Whether anybody listens: what costs much to tell need not be told otherwise."""
        return False

    @property
    def stop_wanted(self) -> str | None:
        """Why the training should end now; None as long as it should go on."""
        return None

    def start(self, run: RunFacts) -> None:
        """Hear what is known before the first step."""

    def looks_inside(self, step: int) -> bool:
        """Whether `layers` and `activations` are wanted with this step."""
        del step
        return False

    def step(self, facts: StepFacts) -> None:
        """Hear of a step."""

    def epoch(self, facts: EpochFacts) -> None:
        """Hear of an epoch."""

    def scalars(self, step: int, values: Mapping[str, float]) -> None:
        """Show further numbers, each under its name."""

    def pictures(self, step: int, name: str, pictures: Sequence[NDArray[np.uint8]]) -> None:
        """Show pictures, each uint8 [h, w, 3] RGB of any size, such as truth and prediction beside each other."""

    def curve(self, step: int, name: str, truth: NDArray[np.bool_], scores: NDArray[np.float64]) -> None:
        """Show a precision-recall curve: bool [n] whether it is there, float64 [n] how sure the model is, 0 to 1."""

    def graph(self, model: bytes) -> None:
        """Show the exported network, an ONNX model."""

    def note(self, name: str, text: str) -> None:
        """Show a text, Markdown, such as a table of candidates."""

    def fired(self) -> tuple[Firing, ...]:
        """The rules that found something so far, in the order in which they first did."""
        return ()

    def close(self, scores: Mapping[str, float] | None = None) -> None:
        """Hear that the training ended, and how well the exported model did where that was measured; twice is harmless."""
