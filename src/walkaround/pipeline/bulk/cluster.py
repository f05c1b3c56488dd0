"""A Ray cluster to work on: joined where there is one, else a small one of our own that ends with the run."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import ray
from ray.data import DataContext

from walkaround.errors import InputError
from walkaround.models.network import cores
from walkaround.training.interrupts import Interrupts
from walkaround.training.ray_cluster import ray_cluster

_USUAL_THREADS = 4


@dataclass(frozen=True)
class Crew:
    """How many workers there are, the threads of each, and whether the user wants them to stop."""

    workers: int
    threads: int
    interrupts: Interrupts


@contextmanager
def cluster(address: str | None, *, workers: int | None, threads: int | None) -> Iterator[Crew]:
    """Work on the Ray cluster at an address, "auto" for the one of this machine, or on one of our own.

    Args:
        address: HOST:PORT of the cluster's head; None for a cluster of our own, in this machine alone.
        workers: as many as there is room for when not given.
        threads: of each worker, and the cores that it asks Ray for.

    Raises:
        InputError: there is no cluster, or no node has so many cores.
    """
    if address is None:
        threads = threads or min(_USUAL_THREADS, cores())
        workers = workers or max(1, cores() // threads)
    with ray_cluster(address, cores=(workers or 1) * (threads or 1)) as interrupts:
        _quiet_data()
        yield _crew(workers, threads, interrupts)


def _quiet_data() -> None:
    context = DataContext.get_current()
    context.enable_progress_bars = False
    context.print_on_execution_start = False
    context.enable_auto_log_stats = False
    context.max_errored_blocks = -1  # a shard whose worker died is done in the next round


def _crew(workers: int | None, threads: int | None, interrupts: Interrupts) -> Crew:
    nodes: list[dict[str, Any]] = ray.nodes()  # type: ignore[no-untyped-call]
    sizes = [int(node["Resources"].get("CPU", 0)) for node in nodes if node["Alive"]]
    sizes = [size for size in sizes if size > 0]
    if not sizes:
        raise InputError("The Ray cluster has no node with cores for work: add one with `ray start --address`.")
    threads = threads or min(_USUAL_THREADS, *sizes)
    room = sum(size // threads for size in sizes)
    if not room:
        raise InputError(f"No node of the Ray cluster has {threads:,} cores, the largest has {max(sizes):,}: lower --threads.")
    return Crew(workers=workers or room, threads=threads, interrupts=interrupts)
