"""The real loop under a `Watch`: events, report, a rule that stops it, and a loss that is no number."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Iterable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from walkaround.errors import TrainingError
from walkaround.training.gradient.augment import Augmentation
from walkaround.training.gradient.batches import Batch
from walkaround.training.gradient.checkpoint import read_checkpoint
from walkaround.training.gradient.decoded import Decoded
from walkaround.training.gradient.loader import Loader
from walkaround.training.gradient.loop import Outcome, train_network
from walkaround.training.gradient.schedule import Schedule
from walkaround.training.plan import Picture
from walkaround.training.rules.table import choose_rules
from walkaround.training.run import Run
from walkaround.training.watching import Actions, Watch

Painter = Callable[[int], list[Picture]]
SCHEDULE = Schedule(epochs=4, rate=0.01)


class Brightness:
    """Learns the mean of a picture; `breaks` is the step whose loss is no number."""

    def __init__(self, breaks: int = 0) -> None:
        torch.manual_seed(0)
        self.network: nn.Module = nn.Sequential(
            nn.Conv2d(3, 4, 3), nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(4, 1)
        )
        self._breaks, self._steps = breaks, 0

    def loss(self, batch: Batch) -> dict[str, Tensor]:
        self._steps += 1
        found = self.network(batch.inputs / 255)[:, 0]
        loss = nn.functional.mse_loss(found, batch.inputs.mean(dim=(1, 2, 3)) / 255)
        return {"mean": loss * (math.nan if self._steps == self._breaks else 1)}

    def validate(self, network: nn.Module, batches: Iterable[Batch]) -> dict[str, float]:
        return {"score": 0.5, "loss": 1e9}  # so that Overfit has something to find


def fit(pictures: list[Picture], folder: Path, watch: Watch, learner: Brightness, schedule: Schedule = SCHEDULE) -> Outcome:
    decoded = Decoded(pictures, classes=("dent", "scratch"), side=24, folder=folder)
    loader = Loader(decoded, batch=4, augmentation=Augmentation(), seed=1)
    run = Run(folder=folder, key="test", device="cpu", monitor=watch)
    try:
        return train_network(
            learner, name="boxes", loader=loader, validation=Loader(decoded, batch=4), schedule=schedule, run=run
        )
    finally:
        watch.close()


def part(folder: Path) -> Any:
    return json.loads((folder / "report.json").read_text(encoding="utf-8"))["parts"]["boxes"]


def test_the_loop_tells_events_and_report(tmp_path: Path, painted: Painter) -> None:
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    fit(painted(8), tmp_path / "run", Watch(tmp_path / "log", every=2), Brightness())
    events = EventAccumulator(str(tmp_path / "log" / "boxes")).Reload()
    assert [event.step for event in events.Scalars("train/loss")] == list(range(1, 9))
    assert {"gradients/0.weight", "updates/4.weight", "alive/1.relu"} <= set(events.Tags()["scalars"])
    told = part(tmp_path / "log")
    assert (told["steps"], len(told["points"]), len(told["epochs"])) == (8, 4, 4)


def test_a_rule_ends_the_loop_and_the_best_checkpoint_is_kept(tmp_path: Path, painted: Painter) -> None:
    watch = Watch(tmp_path / "log", rules=choose_rules(["Overfit.patience=2"]), actions=Actions(stop=frozenset({"Overfit"})))
    outcome = fit(painted(8), tmp_path / "run", watch, Brightness(), replace(SCHEDULE, epochs=50))
    assert (outcome.ended, outcome.epochs, outcome.best_epoch) == ("stopped by a rule", 2, 1)
    [key] = {torch.load(tmp_path / "run" / "boxes.pt", weights_only=True)["key"]}
    state = read_checkpoint(tmp_path / "run" / "boxes.pt", key)
    assert state is not None
    assert state.best is not None
    assert [firing.rule for firing in watch.fired()] == ["Overfit"]


def test_a_loss_that_is_no_number_is_told_before_the_training_ends(tmp_path: Path, painted: Painter) -> None:
    watch = Watch(tmp_path / "log")
    with pytest.raises(TrainingError, match="came apart in step 3"):
        fit(painted(8), tmp_path / "run", watch, Brightness(breaks=3))
    firing = part(tmp_path / "log")["firings"]["ExplodingTensor"]
    assert firing["step"] == 3
    assert "nan" in firing["message"]
