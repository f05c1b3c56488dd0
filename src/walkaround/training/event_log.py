"""What of a training is shown in TensorBoard, and under which names. A disk that refuses ends the writing, not the training."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from walkaround.errors import StorageError
from walkaround.training.monitor import EpochFacts, RunFacts, StepFacts
from walkaround.training.rules.history import Observation, Usage
from walkaround.training.tensorboard import EventFile

_LOG = logging.getLogger(__name__)
_COMPARED = ("epoch/loss", "validation/loss", "validation/score", "final/score")


class EventLog:
    """The event file of one part of a training."""

    def __init__(self, folder: Path | None, run: RunFacts) -> None:
        """Open it.

        Args:
            folder: of the part; None: nothing is written.
            run: whose settings are the hyperparameters.

        Raises:
            StorageError: nothing can be written there.
        """
        self._run = run
        self._file = EventFile(folder, first_step=run.first_step) if folder is not None else None
        self._try(lambda file: file.settings(run.settings, _COMPARED))

    def step(self, facts: StepFacts) -> None:
        """Losses, rates, times and the norm of all gradients."""
        values = {f"train/{name}": value for name, value in facts.losses.items()}
        values |= {f"rate/{name}": value for name, value in facts.rates.items()}
        values |= {"time/waiting": facts.waiting, "time/computing": facts.computing}
        if facts.gradient_norm is not None:
            values["norm/all gradients"] = facts.gradient_norm
        self.scalars(facts.step, values)

    def look(self, seen: Observation, usage: Usage | None) -> None:
        """Norms of gradients, weights and updates of each layer, how many units are alive, and the use of the machine."""
        values: dict[str, float] = {}
        for layer in seen.layers:
            values[f"gradients/{layer.name}"] = layer.gradients.norm
            values[f"weights/{layer.name}"] = layer.weights.norm
            values[f"updates/{layer.name}"] = layer.change / layer.before if layer.before else layer.change
        for one in seen.activations:
            values[f"alive/{one.name}"] = float((one.activity >= 0.01).mean())
            values[f"activations/{one.name}"] = one.inputs.variance**0.5
        if usage is not None:
            told = {"cpu": usage.cpu, "memory": usage.memory, "gpu": usage.gpu, "gpu memory": usage.gpu_memory}
            values |= {f"machine/{name}": value for name, value in told.items() if value is not None}
        self.scalars(seen.step, values)

    def epoch(self, facts: EpochFacts) -> None:
        """Means of the losses, losses and scores on validation pictures; everything so far is handed over."""
        values = {f"epoch/{name}": value for name, value in facts.losses.items()}
        values |= {f"validation/{name}": value for name, value in (*facts.validation.items(), *facts.scores.items())}
        values["epoch/seconds"] = facts.seconds
        self.scalars(facts.step, values)
        self._try(EventFile.flush)

    def scalars(self, step: int, values: Mapping[str, float]) -> None:
        """Further numbers."""
        self._try(lambda file: file.scalars(step, values))

    def pictures(self, step: int, name: str, pictures: Sequence[NDArray[np.uint8]]) -> None:
        """Pictures, uint8 [h, w, 3] RGB."""
        self._try(lambda file: file.pictures(step, name, pictures))

    def curve(self, step: int, name: str, truth: NDArray[np.bool_], scores: NDArray[np.float64]) -> None:
        """A precision-recall curve."""
        self._try(lambda file: file.curve(step, name, truth, scores))

    def graph(self, model: bytes) -> None:
        """The network, an ONNX model."""
        self._try(lambda file: file.graph(model))

    def text(self, step: int, name: str, text: str) -> None:
        """A text, Markdown; handed over at once, since it may tell why a training ends."""
        self._try(lambda file: file.text(step, name, text))
        self._try(EventFile.flush)

    def close(self, step: int, scores: Mapping[str, float]) -> None:
        """The part is over, with these scores of what was exported."""
        self.scalars(step, {f"final/{name}": value for name, value in scores.items()})
        self._try(lambda file: file.settings_done(self._run.settings, _COMPARED))
        self._try(EventFile.close)
        self._file = None

    def _try(self, write: Callable[[EventFile], None]) -> None:
        if self._file is None:
            return
        try:
            write(self._file)
        except StorageError as problem:
            _LOG.warning("No more events of the training are written: %s", problem)
            self._file = None
