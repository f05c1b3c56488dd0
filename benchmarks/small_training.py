"""Small trainings that take a second: a network of a few weights on seeded points, told to a `Watch` as the loop tells it.

Tests of the debugger rules let them go wrong; see tests/training/rules.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace

import numpy as np
import torch
from torch import Tensor, nn

from walkaround.training.gradient.observing import Observer
from walkaround.training.monitor import EpochFacts, RunFacts, StepFacts
from walkaround.training.watching import Watch

CLASSES = ("normal", "dent")


def points(count: int, *, seed: int, apart: float = 4.0) -> tuple[Tensor, Tensor]:
    """Points in eight dimensions and their classes: four clouds on the corners of a square, those across are of one class.

    No line parts the classes, and so a network takes a while to learn them.
    """
    made = torch.Generator().manual_seed(seed)
    labels = torch.arange(count) % 2
    side = (torch.rand(count, generator=made) < 0.5) * 2.0 - 1
    corners = torch.stack([side, side * (labels * 2.0 - 1)], dim=1) * apart / 2
    inputs = torch.randn(count, 8, generator=made)
    inputs[:, :2] += corners
    return inputs, labels


def network(seed: int = 0, *, depth: int = 2, activation: type[nn.Module] = nn.ReLU) -> nn.Sequential:
    """Layers of 16 units."""
    torch.manual_seed(seed)
    layers: list[nn.Module] = []
    for number in range(depth):
        layers += [nn.Linear(8 if number == 0 else 16, 16), activation()]
    return nn.Sequential(*layers, nn.Linear(16, 2))


@dataclass(frozen=True, kw_only=True)
class Lesson:
    """One small training; the defaults go well."""

    network: nn.Module = field(default_factory=network)
    train: tuple[Tensor, Tensor] = field(default_factory=lambda: points(4096, seed=1))
    validation: tuple[Tensor, Tensor] = field(default_factory=lambda: points(4096, seed=2))
    rate: float = 0.002
    cosine: bool = True
    optimiser: str = "adam"
    epochs: int = 12
    batch: int = 128
    parameters: Callable[[nn.Module], list[nn.Parameter]] = lambda network: list(network.parameters())
    wait: Callable[[int], None] = lambda _step: None
    compute: Callable[[int], None] = lambda _step: None
    pixels: Callable[[Tensor], tuple[float, ...]] = lambda inputs: (float(inputs.mean()),)
    accelerator: bool = False
    loaders: int | None = None


def learn(watch: Watch, lesson: Lesson) -> set[str]:
    """Train, and tell; the names of the rules that fired."""
    torch.set_num_threads(1)
    net, (inputs, labels) = lesson.network, lesson.train
    kind = {"adam": torch.optim.Adam, "sgd": torch.optim.SGD}[lesson.optimiser]
    optimiser = kind(lesson.parameters(net), lr=lesson.rate)
    steps_of_epoch = -(-len(inputs) // lesson.batch)
    total = steps_of_epoch * lesson.epochs
    counts = tuple(torch.bincount(labels, minlength=2).tolist())
    run = RunFacts(name="small", classes=CLASSES, counts=counts, total_steps=total, peak_rate=lesson.rate, threads=2)
    watch.start(replace(run, accelerator=lesson.accelerator, loaders=lesson.loaders))
    observer, step = Observer(net), 0
    for epoch in range(1, lesson.epochs + 1):
        losses = []
        order = torch.randperm(len(inputs), generator=torch.Generator().manual_seed(epoch))
        for chosen in torch.split(order, lesson.batch):
            step += 1
            began = time.perf_counter()
            lesson.wait(step)
            waited = time.perf_counter()
            lesson.compute(step)
            rate = lesson.rate * (0.01 + 0.99 * 0.5 * (1 + math.cos(math.pi * step / total)) if lesson.cosine else 1.0)
            optimiser.param_groups[0]["lr"] = rate
            facts = _step(net, optimiser, inputs[chosen], labels[chosen], observer if watch.looks_inside(step) else None)
            losses.append(facts.losses["loss"])
            told = replace(facts, step=step, epoch=epoch, rates={"all": rate}, inputs=lesson.pixels(inputs[chosen]))
            watch.step(replace(told, waiting=waited - began, computing=time.perf_counter() - waited))
            if watch.stop_wanted or not math.isfinite(losses[-1]):
                watch.close()
                return {firing.rule for firing in watch.fired()}
        watch.epoch(_validated(net, lesson.validation, epoch, step, float(np.mean(losses))))
    watch.close()
    return {firing.rule for firing in watch.fired()}


def _step(
    net: nn.Module, optimiser: torch.optim.Optimizer, inputs: Tensor, labels: Tensor, observer: Observer | None
) -> StepFacts:
    optimiser.zero_grad()
    if observer is None:
        loss = nn.functional.cross_entropy(net(inputs), labels)
    else:
        with observer.forward():
            loss = nn.functional.cross_entropy(net(inputs), labels)
    torch.autograd.backward(loss)
    if observer is not None:
        observer.gradients()
    optimiser.step()
    layers, activations = observer.facts() if observer is not None else ((), ())
    return StepFacts(
        step=0,
        epoch=0,
        losses={"loss": float(loss.detach())},
        rates={},
        waiting=0.0,
        computing=0.0,
        pictures=len(inputs),
        labels=tuple(torch.bincount(labels, minlength=2).tolist()),
        layers=layers,
        activations=activations,
    )


@torch.no_grad()
def _validated(net: nn.Module, validation: tuple[Tensor, Tensor], epoch: int, step: int, loss: float) -> EpochFacts:
    found = net(validation[0])
    confusion = np.zeros((2, 2), dtype=np.int64)
    np.add.at(confusion, (validation[1].numpy(), found.argmax(dim=1).numpy()), 1)
    accuracy = float(np.diag(confusion).sum() / confusion.sum())
    return EpochFacts(
        epoch=epoch,
        step=step,
        losses={"loss": loss},
        validation={"loss": float(nn.functional.cross_entropy(found, validation[1]))},
        scores={"accuracy": accuracy},
        score=accuracy,
        confusion=confusion,
    )
