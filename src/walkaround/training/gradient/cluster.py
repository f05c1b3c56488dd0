"""Training one network on several machines or GPUs with Ray Train: each process learns from its share of every batch.

The checkpoint is the same file as on one machine. When a process or a machine is lost, all begin again from the last one, which
is written after every epoch at least. All machines have to see the pictures and the folder of the run under the same paths.
"""

from __future__ import annotations

import json
import os
import pickle
import signal
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, TypeVar

import torch
import torch.distributed as processes
from torch import Tensor

from walkaround.errors import InputError, TrainingError, WalkaroundError, writing
from walkaround.models.network import cores
from walkaround.training.monitor import Monitor
from walkaround.training.ray_cluster import ray_cluster
from walkaround.training.run import Run

Fit = TypeVar("Fit")

_LOSSES_BORNE = 8  # lost processes, after which something else must be wrong
_TOLD_SECONDS = 1.0


class Processes:
    """The team of all processes of torch's process group."""

    def __init__(self) -> None:
        self.rank = processes.get_rank()
        self.size = processes.get_world_size()
        self._device = torch.device("cuda" if processes.get_backend() == "nccl" else "cpu")

    def average(self, tensors: Sequence[Tensor]) -> None:
        """Replace each tensor with its mean over all processes; all of them travel as one."""
        if tensors:
            joined = torch.cat([tensor.detach().reshape(-1).float() for tensor in tensors])
            processes.all_reduce(joined)
            self._spread(joined / self.size, tensors)

    def share(self, tensors: Sequence[Tensor]) -> None:
        """Replace each tensor with that of the first process."""
        for tensor in tensors:
            processes.broadcast(tensor, src=0)

    def agree(self, numbers: Sequence[float]) -> list[float]:
        """The numbers of the first process, in every process."""
        shared = torch.tensor(list(numbers), dtype=torch.float64, device=self._device)
        processes.broadcast(shared, src=0)
        return [float(number) for number in shared.tolist()]

    @staticmethod
    def _spread(joined: Tensor, tensors: Sequence[Tensor]) -> None:
        parts = torch.split(joined, [tensor.numel() for tensor in tensors])
        with torch.no_grad():
            for tensor, part in zip(tensors, parts, strict=True):
                tensor.copy_(part.view_as(tensor))


@dataclass(frozen=True, kw_only=True)
class Job:
    """What every process gets: the function to call, pickled, and its surroundings without what cannot travel."""

    fit: bytes
    name: str
    run: Run
    until: float | None

    def file(self, ending: str) -> Path:
        """A file in the run's folder."""
        return self.run.folder / f"{self.name}.{ending}"


def fit_on_cluster(fit: Callable[..., Fit], *, run: Run, name: str, address: str, workers: int | None) -> Fit:
    """Call `fit(run=...)` in every process of a team on a Ray cluster, and return what it gives in the first one.

    Args:
        fit: picklable; trains with `run.team`, and gives the same in every process.
        run: the surroundings; the folder has to be seen by all machines.
        name: of files in the folder.
        address: of the cluster, HOST:PORT or "auto"; "local" for one on this machine that ends with the training.
        workers: processes; as many as there are GPUs, or else room for, when not given.

    Raises:
        InputError: there is no cluster there, or not so much room on it.
        TrainingError: the training failed in the processes, or too many were lost.
    """
    from ray import cloudpickle

    until = None if run.deadline is None else time.time() + run.deadline - time.monotonic()
    told = replace(run, progress=_Told(run.folder / f"{name}.progress"), deadline=None)
    pickled: bytes = cloudpickle.dumps(fit)  # type: ignore[no-untyped-call]
    job = Job(fit=pickled, name=name, run=told, until=until)
    with writing(run.folder):
        run.folder.mkdir(parents=True, exist_ok=True)
    for ending in ("fitted", "failed", "progress"):
        job.file(ending).unlink(missing_ok=True)
    own = max(cores(), run.threads * (workers or 1)) + 1  # one for Ray's own
    with ray_cluster(None if address == "local" else address, cores=own), _following(job.file("progress"), run):
        failure = _trained(job, workers=workers, threads=run.threads)
    if job.file("fitted").exists():
        found: Fit = pickle.loads(job.file("fitted").read_bytes())  # noqa: S301 - this training's own file
        return found
    if job.file("failed").exists():
        raise TrainingError(job.file("failed").read_text(encoding="utf-8"))
    raise TrainingError(
        f"The training of {name} on the Ray cluster at {address!r} failed ({failure}); what was learnt is kept, and the same"
        " command goes on from it."
    )


def _trained(job: Job, *, workers: int | None, threads: int) -> str:
    """Have the processes train; why they did not come to an end, in a line."""
    import ray
    from ray.train import FailureConfig, RunConfig, ScalingConfig
    from ray.train.torch import TorchConfig, TorchTrainer

    room = ray.cluster_resources()  # type: ignore[no-untyped-call]
    gpus = int(room.get("GPU", 0))
    count = workers or gpus or max(1, int(room.get("CPU", 1)) // threads)
    if not gpus and count * threads > room.get("CPU", 0):
        raise InputError(f"The Ray cluster has {room.get('CPU', 0):.0f} cores, not {count} times {threads}: lower --workers.")
    trainer = TorchTrainer(
        work,
        train_loop_config={"job": job},
        scaling_config=ScalingConfig(
            num_workers=count, use_gpu=bool(gpus), resources_per_worker={"CPU": threads, **({"GPU": 1} if gpus else {})}
        ),
        torch_config=TorchConfig(backend="nccl" if gpus else "gloo"),
        run_config=RunConfig(
            name=job.name,
            storage_path=str(job.run.folder / "ray"),
            failure_config=FailureConfig(max_failures=_LOSSES_BORNE),
        ),
    )
    try:
        with _own_interrupts():
            trainer.fit()
    except Exception as problem:  # noqa: BLE001 - Ray's own errors are of many kinds, and are told in one line
        return str(problem).strip().rpartition("\n")[2] or type(problem).__name__
    return ""


@contextmanager
def _own_interrupts() -> Iterator[None]:
    """Put back what Ctrl-C did before: Ray sets it to something that fails once the training is over."""
    before = signal.getsignal(signal.SIGINT)
    try:
        yield
    finally:
        if threading.current_thread() is threading.main_thread():
            signal.signal(signal.SIGINT, before)


def work(config: dict[str, Any]) -> None:
    """The work of one process."""
    job: Job = config["job"]
    if job.file("failed").exists():
        return  # Ray tries again; it would be the same again
    team = Processes()
    deadline = None if job.until is None else time.monotonic() + job.until - time.time()
    monitor = (job.run.monitor or Monitor()) if team.rank == 0 else Monitor()
    run = replace(job.run, team=team, deadline=deadline, monitor=monitor)
    try:
        fitted = pickle.loads(job.fit)(run=run)  # noqa: S301 - from the process that began this training
    except WalkaroundError as problem:
        _write(job.file("failed"), str(problem).encode("utf-8", "backslashreplace"))
        raise  # so that the others do not wait for this process
    finally:
        monitor.close()
    if team.rank == 0:
        _write(job.file("fitted"), pickle.dumps(fitted))


def _write(path: Path, content: bytes) -> None:
    part = path.with_name(f".{path.name}.{os.getpid()}.part")
    with writing(path):
        part.write_bytes(content)
        part.replace(path)


class _Told:
    """Progress into a file, from the first process, a line a second."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._last = 0.0

    def __call__(self, stage: str, done: int, total: int) -> None:
        if processes.get_rank() == 0 and (time.monotonic() - self._last > _TOLD_SECONDS or done == total):
            self._last = time.monotonic()
            _write(self._path, json.dumps([stage, done, total]).encode())


@contextmanager
def _following(path: Path, run: Run) -> Iterator[None]:
    """Hand on what the first process tells."""
    over = threading.Event()

    def follow() -> None:
        while not over.wait(_TOLD_SECONDS):
            if path.exists():
                stage, done, total = json.loads(path.read_text(encoding="utf-8"))
                run.progress(stage, done, total)

    thread = threading.Thread(target=follow, name="progress of the cluster", daemon=True)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()
