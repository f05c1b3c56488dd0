"""Bulk inspection: a plan, rounds of Ray Data over the shards that are missing, and a summary."""

from __future__ import annotations

import threading
import warnings
from collections import Counter as Counts
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import ray
import ray.data
from ray.data import ActorPoolStrategy
from ray.exceptions import RayError
from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

from walkaround.errors import InputError, UnavailableError, writing
from walkaround.models.package import Package, read_package
from walkaround.pipeline.bulk.cluster import Crew, cluster
from walkaround.pipeline.bulk.inspection import equipment
from walkaround.pipeline.bulk.inspector import Counter, Inspector, Task
from walkaround.pipeline.bulk.places import Place, Reach, Store, place_of
from walkaround.pipeline.bulk.plan import SHARD_SIZE, Plan, find_plan, make_plan, missing_shards
from walkaround.pipeline.bulk.summary import Summary, write_summary
from walkaround.pipeline.limits import Limits, limits_of
from walkaround.settings import Settings

Progress = Callable[[str, int, int], None]
"""Gets what is being done, how many objects are done, and how many there are; 0 while that is not known."""

GO_ON = "What is finished is kept; run the same command to go on where it stopped."
_ATTEMPTS = 5
_LOOK_EVERY = 0.5  # seconds


@dataclass(frozen=True, kw_only=True)
class Workforce:
    """Who does the work.

    Attributes:
        ray: address of a Ray cluster; None: a small one in this machine, which ends with the run.
        workers: as many as there is room for when not given.
        threads: of each worker.
    """

    ray: str | None = None
    workers: int | None = None
    threads: int | None = None


def inspect_bulk(
    source: str,
    target: str,
    *,
    package: Path | str,
    reach: Reach,
    limits: Limits | None = None,
    workforce: Workforce | None = None,
    shard_size: int | None = None,
    progress: Progress | None = None,
) -> Summary:
    """Inspect all pictures and videos below a prefix or in a folder, or what an earlier run with this output left to do.

    Args:
        source: s3://BUCKET[/PREFIX] or a folder.
        target: likewise; an output holds the results of one input and one package.
        package: folder of the package.
        reach: how buckets are reached.
        limits: how long a picture and a video may be worked on; as long as usual when not given.
        workforce: who does the work; this machine when not given.
        shard_size: objects that are written together; a run that is gone on with keeps its own.
        progress: called now and then, from more than one thread.

    Raises:
        InputError: the input, the output or the package cannot be used, or they do not belong together.
        StorageError: the output cannot be written.
        UnavailableError: the buckets or the cluster do not answer; the same call goes on where it stopped.
    """
    tell = progress or _nobody
    opened = read_package(package)
    places = place_of(source, name="input-folder"), place_of(target, name="output-folder")
    _check_places(*places)
    buckets = reach.buckets(*places)
    run = Run(opened, reach, limits or limits_of(Settings()), Store(buckets, places[0]), Store(buckets, places[1]))
    plan = run.plan(shard_size or SHARD_SIZE, tell)
    if missing := missing_shards(run.target, plan):
        workforce = workforce or Workforce()
        tell("Starting workers", 0, 1)  # some seconds
        with cluster(workforce.ray, workers=workforce.workers, threads=workforce.threads) as crew:
            tell("Starting workers", 1, 1)
            run.do(plan, missing, crew, tell)
    return write_summary(run.target, plan, opened)


@dataclass(frozen=True)
class Run:
    """One input, one output, one package."""

    package: Package
    reach: Reach
    limits: Limits
    source: Store
    target: Store

    def plan(self, shard_size: int, tell: Progress) -> Plan:
        """The plan that the output holds, or a new one."""
        fingerprint = self.package.fingerprint
        found = find_plan(self.target, source=self.source.place, package=fingerprint)
        if found is not None:
            return found
        made = make_plan(
            self.source,
            self.target,
            package=fingerprint,
            shard_size=shard_size,
            progress=lambda done: tell("Listing", done, 0),
        )
        tell("Listing", made.objects, made.objects)
        return made

    def do(self, plan: Plan, missing: list[int], crew: Crew, tell: Progress) -> None:
        """Do the missing shards, those again whose worker died."""
        attempts: Counts[int] = Counts()
        packed = equipment(
            self.package,
            reach=self.reach,
            source=self.source.place,
            target=self.target.place,
            threads=crew.threads,
            limits=self.limits,
        )
        try:
            counter = _counter()
            task = Task(plan, ray.put(packed), counter)
            before = plan.objects - sum(map(plan.size_of, missing))
            with _watched(counter, lambda done: tell("Inspecting", before + done, plan.objects)):
                while missing:
                    _round(task, crew, missing)
                    missing = missing_shards(self.target, plan)
                    attempts.update(missing)
                    if missing and min(attempts[shard] for shard in missing) >= _ATTEMPTS:
                        raise _given_up(missing)
        except RayError as problem:
            reason = str(problem).strip().rpartition("\n")[2]
            raise UnavailableError(f"The Ray cluster cannot go on ({reason}). {GO_ON}", retry_after=10) from problem
        tell("Inspecting", plan.objects, plan.objects)


def _nobody(stage: str, done: int, total: int) -> None:
    del stage, done, total


def _check_places(source: Place, target: Place) -> None:
    if (source.bucket, source.prefix, source.folder) == (target.bucket, target.prefix, target.folder) or (
        source.folder is not None and source.folder == target.folder
    ):
        raise InputError(f"{source.address!r} is both input and output: give the output a place of its own.")
    if source.folder is not None and not source.folder.is_dir():
        raise InputError(f"There is no folder {str(source.folder)!r}: correct the input.")
    if target.folder is not None:
        with writing(target.folder):
            target.folder.mkdir(parents=True, exist_ok=True)


def _round(task: Task, crew: Crew, shards: list[int]) -> None:
    """Let the workers have a go at each shard; those of a worker that dies are left over.

    Raises:
        UnavailableError: a worker says that the run cannot go on.
    """
    work = ray.data.from_items([{"shard": shard} for shard in shards], override_num_blocks=len(shards))
    # One shard at a time for each, tried once: so it is known which shard a worker died of, and nothing waits for a node
    # that will not come back.
    with warnings.catch_warnings():
        # These two have no other place yet; Ray 2.64 is to take them away, and the extra stays below it.
        warnings.filterwarnings("ignore", message="`ray_remote_args` is deprecated")
        done = work.map_batches(
            Inspector,
            fn_constructor_args=(task,),
            batch_size=1,
            compute=ActorPoolStrategy(size=min(crew.workers, len(shards)), max_tasks_in_flight_per_actor=1),
            num_cpus=crew.threads,
            max_restarts=-1,
            max_task_retries=0,
        )
    for row in done.iter_rows():
        crew.interrupts.check()
        if row["stopped"]:
            raise UnavailableError(f"{row['stopped']} {GO_ON}", retry_after=10)


def _counter() -> Any:
    here = NodeAffinitySchedulingStrategy(ray.get_runtime_context().get_node_id(), soft=False)
    return ray.remote(num_cpus=0)(Counter).options(scheduling_strategy=here).remote()


@contextmanager
def _watched(counter: Any, tell: Callable[[int], None]) -> Iterator[None]:
    """Ask the counter now and then, on a thread of its own."""
    ended = threading.Event()

    def watch() -> None:
        while not ended.wait(_LOOK_EVERY):
            try:
                tell(ray.get(counter.total.remote(), timeout=5))
            except RayError:  # the cluster has other worries; who does the work will say so
                continue

    thread = threading.Thread(target=watch, daemon=True)
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join()


def _given_up(missing: list[int]) -> UnavailableError:
    few = ", ".join(map(str, missing[:5])) + (", …" if len(missing) > 5 else "")
    return UnavailableError(
        f"Workers died {_ATTEMPTS} times at each of the shards {few}: look at Ray's logs and its nodes' memory. {GO_ON}",
        retry_after=10,
    )
