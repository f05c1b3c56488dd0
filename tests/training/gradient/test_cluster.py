"""Two processes of a Ray cluster on this machine train one network; one of them is killed on the way."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Callable, Iterable, Iterator
from functools import partial
from pathlib import Path

import pytest
import torch
from torch import Tensor, nn

from walkaround.errors import InputError, TrainingError
from walkaround.training.gradient.augment import Augmentation
from walkaround.training.gradient.batches import Batch
from walkaround.training.gradient.cluster import Job, Processes, fit_on_cluster, work
from walkaround.training.gradient.decoded import Decoded
from walkaround.training.gradient.loader import Loader
from walkaround.training.gradient.loop import train_network
from walkaround.training.gradient.schedule import Schedule
from walkaround.training.plan import Picture
from walkaround.training.run import Run

ray = pytest.importorskip("ray")
pytestmark = pytest.mark.filterwarnings("ignore")  # of Ray

Painter = Callable[[int], list[Picture]]
EPOCHS, STEPS = 3, 4


Found = tuple[dict[str, Tensor], int, int]
"""Weights, steps done, and processes in the team; only what torch and Python bring can travel."""


class Coverage:
    """Learns how much of a picture is covered by places, writes down its steps, and can be killed in one of them."""

    def __init__(self, run: Run, *, killed_in: int | None) -> None:
        torch.manual_seed(0)
        self.network: nn.Module = nn.Sequential(
            nn.Conv2d(3, 4, 3, stride=2), nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(4, 1)
        )
        assert run.team is not None
        self._log, self._rank = run.folder / f"steps-{run.team.rank}.txt", run.team.rank
        self._killed_in = killed_in

    def loss(self, batch: Batch) -> dict[str, Tensor]:
        with self._log.open("a") as log:
            log.write("step\n")
        done = len(self._log.read_text().splitlines())
        if self._rank == 1 and done == self._killed_in:
            os.kill(os.getpid(), signal.SIGKILL)
        found = self.network(batch.inputs / 255)[:, 0]
        wanted = torch.stack([(boxes[:, 2:] - boxes[:, :2]).prod(dim=1).sum() for boxes in batch.boxes])
        return {"area": nn.functional.mse_loss(found, wanted)}

    def validate(self, network: nn.Module, batches: Iterable[Batch]) -> dict[str, float]:
        return {"score": float(sum(network(batch.inputs / 255).sum() for batch in batches))}


def fit(pictures: list[Picture], *, run: Run, killed_in: int | None = None) -> Found:
    decoded = Decoded(pictures, classes=("dent", "scratch"), side=24, folder=run.folder)
    outcome = train_network(
        Coverage(run, killed_in=killed_in),
        name="coverage",
        loader=Loader(decoded, batch=4, augmentation=Augmentation(), team=run.team, threads=1),
        validation=Loader(decoded, batch=4, threads=1),
        schedule=Schedule(epochs=EPOCHS, rate=0.01),
        run=run,
    )
    assert run.team is not None
    return dict(outcome.network.state_dict()), outcome.steps, run.team.size


@pytest.fixture(autouse=True)
def _functions_of_this_file_can_travel() -> None:
    ray.cloudpickle.register_pickle_by_value(sys.modules[__name__])


def on_two(pictures: list[Picture], folder: Path, *, killed_in: int | None = None) -> Found:
    run = Run(folder=folder, key="test", threads=1, device="cpu")
    return fit_on_cluster(partial(fit, pictures, killed_in=killed_in), run=run, name="coverage", address="local", workers=2)


def test_two_processes_train_one_network_and_a_killed_one_costs_no_more_than_an_epoch(painted: Painter, tmp_path: Path) -> None:
    weights, steps, size = on_two(painted(4 * STEPS), tmp_path, killed_in=STEPS + 2)
    assert (size, steps) == (2, EPOCHS * STEPS)
    done = [len((tmp_path / f"steps-{rank}.txt").read_text().splitlines()) for rank in (0, 1)]
    assert all(EPOCHS * STEPS < count <= (EPOCHS + 1) * STEPS for count in done)
    stored = torch.load(tmp_path / "coverage.pt", weights_only=True)
    assert stored["ended"] == "all epochs"
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler  # Ray had set its own
    assert all(torch.equal(weights[name], stored["best"][name]) for name in weights)


@pytest.fixture
def alone(tmp_path: Path) -> Iterator[None]:
    """A process group of this process alone."""
    torch.distributed.init_process_group("gloo", init_method=f"file://{tmp_path / 'group'}", rank=0, world_size=1)
    yield
    torch.distributed.destroy_process_group()


def breaking(*, run: Run) -> None:
    """Counts its calls, and fails in each."""
    with (run.folder / "calls.txt").open("a") as calls:
        calls.write("call\n")
    raise TrainingError("It came apart.")


@pytest.mark.usefixtures("alone")
def test_what_goes_wrong_in_a_process_is_told_and_not_tried_again(tmp_path: Path) -> None:
    """Ray begins again after every error; here it would be the same again."""
    job = Job(fit=ray.cloudpickle.dumps(breaking), name="coverage", run=Run(folder=tmp_path), until=None)
    with pytest.raises(TrainingError, match="came apart"):
        work({"job": job})
    work({"job": job})
    assert (tmp_path / "coverage.failed").read_text() == "It came apart."
    assert (tmp_path / "calls.txt").read_text() == "call\n"


@pytest.mark.usefixtures("alone")
def test_tensors_travel_together_and_come_back_as_they_were() -> None:
    tensors = [torch.arange(6.0).reshape(2, 3), torch.tensor(7.0), torch.zeros(0), torch.ones(2, dtype=torch.float64)]
    before = [tensor.clone() for tensor in tensors]
    team = Processes()
    team.average(tensors)
    team.share(tensors)
    assert all(torch.equal(one, other) for one, other in zip(tensors, before, strict=True))
    assert team.agree([1.5, 2.0]) == [1.5, 2.0]


@pytest.mark.parametrize("address", ["127.0.0.1:9", "ray://127.0.0.1:9"])
def test_where_there_is_no_cluster(address: str, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=address):
        fit_on_cluster(partial(fit, []), run=Run(folder=tmp_path), name="coverage", address=address, workers=2)
