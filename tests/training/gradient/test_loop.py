"""The loop on a network of a few weights; run as a program it is the training that a test kills."""

from __future__ import annotations

import math
import pickle
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterable
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from torch import Tensor, nn

from walkaround.errors import StorageError, TrainingError
from walkaround.training.gradient.augment import Augmentation
from walkaround.training.gradient.batches import Batch
from walkaround.training.gradient.checkpoint import State, read_checkpoint, write_checkpoint
from walkaround.training.gradient.decoded import Decoded
from walkaround.training.gradient.loader import Loader
from walkaround.training.gradient.loop import Outcome, train_network
from walkaround.training.gradient.schedule import Schedule
from walkaround.training.monitor import EpochFacts, Monitor, RunFacts, StepFacts
from walkaround.training.plan import Picture
from walkaround.training.run import Run

Painter = Callable[[int], list[Picture]]
SHORT = Schedule(epochs=3, rate=0.01)
KEPT = replace(SHORT, keep_every=0.0)  # after every step


class Redness:
    """Learns how much of a picture is covered by places; chance is in it, by dropout, so that its state matters."""

    def __init__(self, *, seed: int = 0, channels: int = 4) -> None:
        torch.manual_seed(seed)
        self.network: nn.Module = nn.Sequential(
            nn.Conv2d(3, channels, 3, stride=2),
            nn.BatchNorm2d(channels),
            nn.ReLU6(),
            nn.Dropout(0.1),
            nn.AdaptiveAvgPool2d(1),
            nn.Flatten(),
            nn.Linear(channels, 1),
        )

    def _covered(self, batch: Batch) -> Tensor:
        sides = [boxes[:, 2:] - boxes[:, :2] for boxes in batch.boxes]
        return torch.stack([side.prod(dim=1).sum() for side in sides])

    def loss(self, batch: Batch) -> dict[str, Tensor]:
        found = self.network(batch.inputs / 255)[:, 0]
        return {"area": nn.functional.mse_loss(found, self._covered(batch))}

    def validate(self, network: nn.Module, batches: Iterable[Batch]) -> dict[str, float]:
        errors = [(network(batch.inputs / 255)[:, 0] - self._covered(batch)).abs().mean() for batch in batches]
        return {"score": -float(torch.stack(errors).mean())}


def fit(
    pictures: list[Picture], folder: Path, *, learner: Redness | None = None, schedule: Schedule = SHORT, run: Run | None = None
) -> Outcome:
    decoded = Decoded(pictures, classes=("dent", "scratch"), side=24, folder=folder)
    loader = Loader(decoded, batch=4, augmentation=Augmentation(), seed=1)
    validation = Loader(decoded, batch=4)
    run = run or Run(folder=folder, key="test", device="cpu", threads=1)
    return train_network(learner or Redness(), name="redness", loader=loader, validation=validation, schedule=schedule, run=run)


def weights(network: nn.Module) -> dict[str, Tensor]:
    return dict(network.state_dict())


def equal(one: dict[str, Tensor], other: dict[str, Tensor]) -> bool:
    return one.keys() == other.keys() and all(torch.equal(one[name], other[name]) for name in one)


def test_training_lowers_the_loss_and_keeps_the_best(painted: Painter, tmp_path: Path) -> None:
    outcome = fit(painted(12), tmp_path, schedule=replace(SHORT, epochs=8, rate=0.03))
    scores = [found["score"] for found in outcome.history]
    assert (outcome.ended, outcome.epochs, outcome.steps, len(scores)) == ("all epochs", 8, 24, 8)
    assert max(scores) > scores[0]
    assert outcome.score == max(scores)
    assert outcome.best_epoch == scores.index(max(scores)) + 1
    found = Redness().validate(
        outcome.network, Loader(Decoded(painted(12), classes=("dent", "scratch"), side=24, folder=tmp_path), batch=4)
    )
    assert found["score"] == pytest.approx(outcome.score, abs=1e-5)


class Killed(Redness):
    """Ends its process, as `kill -9` does, in a step of its own."""

    def __init__(self, at: int) -> None:
        super().__init__()
        self.left = at

    def loss(self, batch: Batch) -> dict[str, Tensor]:
        self.left -= 1
        if self.left < 0:
            signal.raise_signal(signal.SIGKILL)
        return super().loss(batch)


def run_and_kill(pictures: list[Picture], folder: Path, *, at: int) -> None:
    (folder / "pictures.pickle").write_bytes(pickle.dumps(pictures))
    done = subprocess.run([sys.executable, __file__, str(folder), str(at)], check=False, capture_output=True, text=True)
    assert done.returncode == -signal.SIGKILL, done.stderr


def test_what_was_killed_goes_on_to_the_very_same_weights(painted: Painter, tmp_path: Path) -> None:
    """Each of 12 steps is kept; the process dies in the middle of an epoch, twice, with the rest of the state in its memory."""
    pictures = painted(16)
    straight, killed = tmp_path / "straight", tmp_path / "killed"
    killed.mkdir()
    whole = fit(pictures, straight, schedule=KEPT)
    run_and_kill(pictures, killed, at=5)
    run_and_kill(pictures, killed, at=2)
    resumed = fit(pictures, killed, learner=Redness(seed=99), schedule=KEPT)
    assert equal(weights(resumed.network), weights(whole.network))
    one, other = (read_checkpoint(folder / "redness.pt", _key(folder)) for folder in (straight, killed))
    assert one is not None
    assert other is not None
    assert equal(one.network, other.network)
    assert torch.equal(one.random[0], other.random[0])
    assert [found["score"] for found in resumed.history] == [found["score"] for found in whole.history]
    assert resumed.steps == whole.steps == 12


def _key(folder: Path) -> str:
    return str(torch.load(folder / "redness.pt", weights_only=True)["key"])


def test_a_training_that_ended_is_not_done_again(painted: Painter, tmp_path: Path) -> None:
    first = fit(painted(8), tmp_path)
    again = fit(painted(8), tmp_path, learner=Redness(seed=3))
    assert equal(weights(first.network), weights(again.network))
    assert again.seconds == first.seconds


def test_another_recipe_begins_anew(painted: Painter, tmp_path: Path) -> None:
    fit(painted(8), tmp_path)
    assert fit(painted(8), tmp_path, schedule=replace(SHORT, epochs=4)).steps == 8
    assert fit(painted(8), tmp_path, run=Run(folder=tmp_path, key="other", device="cpu", threads=1)).steps == 6


class Pressing(Redness):
    """Presses Ctrl-C in its third step."""

    def loss(self, batch: Batch) -> dict[str, Tensor]:
        self.steps = getattr(self, "steps", 0) + 1
        if self.steps == 3:
            signal.raise_signal(signal.SIGINT)
        return super().loss(batch)


def test_ctrl_c_finishes_the_step_and_keeps_it(painted: Painter, tmp_path: Path) -> None:
    with pytest.raises(KeyboardInterrupt):
        fit(painted(16), tmp_path / "stopped", learner=Pressing())
    state = read_checkpoint(tmp_path / "stopped" / "redness.pt", _key(tmp_path / "stopped"))
    assert state is not None
    assert (state.step, state.batch) == (3, 3)
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler
    whole, resumed = (
        fit(painted(16), tmp_path / "straight"),
        fit(painted(16), tmp_path / "stopped"),
    )
    assert equal(weights(whole.network), weights(resumed.network))


class Breaking(Redness):
    """Its loss is no number in the fifth step."""

    def loss(self, batch: Batch) -> dict[str, Tensor]:
        self.steps = getattr(self, "steps", 0) + 1
        losses = super().loss(batch)
        return {**losses, "extra": losses["area"] * (math.nan if self.steps == 5 else 1)}


def test_a_loss_that_is_no_number_stops_the_training_and_names_the_step(painted: Painter, tmp_path: Path) -> None:
    with pytest.raises(TrainingError, match=r"step 5 .*area .*extra nan.*png"):
        fit(painted(16), tmp_path, learner=Breaking(), schedule=KEPT)
    state = read_checkpoint(tmp_path / "redness.pt", _key(tmp_path))
    assert state is not None
    assert state.step == 4


class Worse(Redness):
    """Scores worse every time."""

    def validate(self, network: nn.Module, batches: Iterable[Batch]) -> dict[str, float]:
        self.score = getattr(self, "score", 0.0) - 1
        return {"score": self.score}


def test_patience_ends_a_training_that_gets_no_better(painted: Painter, tmp_path: Path) -> None:
    outcome = fit(painted(4), tmp_path, learner=Worse(), schedule=replace(SHORT, epochs=50, patience=3))
    assert (outcome.ended, outcome.epochs, outcome.best_epoch) == ("no better score", 4, 1)


class Unmoved(Redness):
    """Scores the same every time, with losses that fall and rise again."""

    def validate(self, network: nn.Module, batches: Iterable[Batch]) -> dict[str, float]:
        self.losses = getattr(self, "losses", [3.0, 2.0, 1.0, 2.0])
        return {"score": 0.0, "loss.area": self.losses.pop(0)}


def test_of_equal_scores_the_one_with_the_lowest_loss_is_kept(painted: Painter, tmp_path: Path) -> None:
    outcome = fit(painted(4), tmp_path, learner=Unmoved(), schedule=replace(SHORT, epochs=4))
    assert (outcome.score, outcome.best_epoch, outcome.epochs) == (0.0, 3, 4)


def test_a_training_ends_in_time_with_its_rate_at_the_end(painted: Painter, tmp_path: Path) -> None:
    told = Told()
    began = time.monotonic()
    run = Run(folder=tmp_path, device="cpu", threads=1, deadline=began + 2, monitor=told)
    outcome = fit(painted(8), tmp_path, schedule=replace(SHORT, epochs=100_000), run=run)
    assert time.monotonic() - began < 60, "all epochs would take hours"
    assert outcome.ended == "time"
    assert outcome.score is not None
    rates = [step.rates["1"] for step in told.steps]
    assert rates[-1] < 1.2 * SHORT.rate * SHORT.last


class Told(Monitor):
    """Keeps what it is told, and may want to stop after some steps."""

    def __init__(self, *, stop_after: int = 10**9) -> None:
        self.runs: list[RunFacts] = []
        self.steps: list[StepFacts] = []
        self.epochs: list[EpochFacts] = []
        self._stop_after = stop_after

    @property
    def stop_wanted(self) -> str | None:
        return "enough" if len(self.steps) >= self._stop_after else None

    def looks_inside(self, step: int) -> bool:
        return step == 2

    def start(self, run: RunFacts) -> None:
        self.runs.append(run)

    def step(self, facts: StepFacts) -> None:
        self.steps.append(facts)

    def epoch(self, facts: EpochFacts) -> None:
        self.epochs.append(facts)


def test_the_monitor_is_told_all_and_can_end_the_training(painted: Painter, tmp_path: Path) -> None:
    told = Told(stop_after=3)
    outcome = fit(painted(8), tmp_path, run=Run(folder=tmp_path, device="cpu", threads=1, monitor=told))
    assert (outcome.ended, outcome.steps, len(outcome.history)) == ("stopped by a rule", 3, 2)
    [run] = told.runs
    assert (run.name, run.classes, run.counts, run.total_steps) == ("redness", ("dent", "scratch"), (4, 4), 6)
    assert [step.step for step in told.steps] == [1, 2, 3]
    assert [bool(step.layers) for step in told.steps] == [False, True, False]
    assert all(sum(step.labels) > 0 and step.losses["loss"] == pytest.approx(step.losses["area"]) for step in told.steps)
    assert [epoch.score for epoch in told.epochs] == [found["score"] for found in outcome.history]


def test_frozen_parts_do_not_change(painted: Painter, tmp_path: Path) -> None:
    before = Redness().network.state_dict()["0.weight"].clone()
    outcome = fit(painted(8), tmp_path, schedule=replace(SHORT, slower={"0.": 0.0}))
    assert torch.equal(outcome.network.state_dict()["0.weight"], before)


def test_a_broken_checkpoint_is_none(tmp_path: Path) -> None:
    path = tmp_path / "some.pt"
    assert read_checkpoint(path, "key") is None
    write_checkpoint(path, State(key="key", step=3))
    assert read_checkpoint(path, "other") is None
    found = read_checkpoint(path, "key")
    assert found is not None
    assert found.step == 3
    path.write_bytes(path.read_bytes()[:100])
    assert read_checkpoint(path, "key") is None


def test_a_checkpoint_that_cannot_be_written_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(StorageError, match="Cannot write"):
        write_checkpoint(tmp_path / "file" / "some.pt", State(key="key"))


if __name__ == "__main__":
    place = Path(sys.argv[1])
    fit(pickle.loads((place / "pictures.pickle").read_bytes()), place, learner=Killed(int(sys.argv[2])), schedule=KEPT)  # noqa: S301 - own file
