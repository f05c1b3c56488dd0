"""From the training loop to the monitor: what each step and epoch was like, as plain numbers."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, nullcontext
from dataclasses import asdict

import torch
from torch import nn

from walkaround.training.gradient.batches import Batch
from walkaround.training.gradient.loader import Loader
from walkaround.training.gradient.observing import Observer, input_means
from walkaround.training.gradient.schedule import Schedule
from walkaround.training.monitor import EpochFacts, Monitor, RunFacts, StepFacts


class Teller:
    """Measures a run for a monitor; where nobody wants to know, it measures nothing."""

    def __init__(self, monitor: Monitor, network: nn.Module, loader: Loader) -> None:
        self._monitor, self._loader = monitor, loader
        self._observer = Observer(network)
        self._pretrained = tuple(f"{name}." for name, _ in network.named_children() if name == "backbone")
        self._looking = False
        self._times: list[float] = []

    @property
    def stop_wanted(self) -> str | None:
        """Why the monitor wants the training to end."""
        return self._monitor.stop_wanted

    def start(self, name: str, schedule: Schedule, *, first_step: int, steps: int, device: torch.device, threads: int) -> None:
        """Tell what is known before the first step."""
        settings = {key: value for key, value in asdict(schedule).items() if isinstance(value, str | float | int)}
        classes = self._loader.decoded.classes
        counts = Counter(
            place.label for picture in self._loader.decoded.pictures for place in picture.sample.places or () if not place.crowd
        )
        self._monitor.start(
            RunFacts(
                name=name,
                settings={**settings, "batch": self._loader.batch, "side": self._loader.decoded.side},
                classes=classes,
                counts=tuple(counts[label] for label in classes),
                first_step=first_step,
                total_steps=steps,
                peak_rate=schedule.rate,
                accelerator=device.type != "cpu",
                threads=threads,
                loaders=self._loader.threads,
                pretrained=self._pretrained,
            )
        )

    def begin(self, step: int) -> None:
        """A step, counted from 1, begins with waiting for its batch."""
        self._looking = self._monitor.looks_inside(step)
        self._times = [time.perf_counter()]

    @contextmanager
    def forward(self) -> Iterator[None]:
        """The batch is there; watch what the network makes of it."""
        self._times.append(time.perf_counter())
        with self._observer.forward() if self._looking else nullcontext():
            yield

    def gradients(self) -> None:
        """Gradients are there, and not yet clipped."""
        if self._looking:
            self._observer.gradients()

    def step(
        self,
        step: int,
        *,
        epoch: int,
        batch: Batch,
        losses: Mapping[str, float],
        rates: Mapping[str, float],
        gradient_norm: float,
        skipped: bool,
    ) -> None:
        """The step is done."""
        began, waited = self._times
        layers, activations = self._observer.facts() if self._looking else ((), ())
        labels = torch.cat(batch.classes) if batch.classes else torch.zeros(0, dtype=torch.int64)
        counts = torch.bincount(labels, minlength=len(self._loader.decoded.classes))
        self._monitor.step(
            StepFacts(
                step=step,
                epoch=epoch,
                losses=losses,
                rates=rates,
                waiting=waited - began,
                computing=time.perf_counter() - waited,
                pictures=len(batch),
                inputs=input_means(batch.pixels),
                labels=tuple(counts.tolist()),
                gradient_norm=gradient_norm,
                skipped=skipped,
                layers=layers,
                activations=activations,
            )
        )

    def broken(self, step: int, *, epoch: int, losses: Mapping[str, float]) -> None:
        """A step is not done, because a loss is no number; the training ends with it."""
        self._monitor.step(StepFacts(step=step, epoch=epoch, losses=losses, rates={}, waiting=0.0, computing=0.0, pictures=0))

    def epoch(self, facts: EpochFacts) -> None:
        """The epoch is over."""
        self._monitor.epoch(facts)
