"""The actor of Ray: takes shards, one after the other, inspects them, and writes their results; and the actor that counts."""

from __future__ import annotations

import json
import time
from collections.abc import Generator, Sequence
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from threading import Lock
from typing import Any

import numpy as np
import ray
from numpy.typing import NDArray

from walkaround.errors import InputError, PackageError, UnavailableError, WalkaroundError
from walkaround.inspection.detector import in_order
from walkaround.pipeline.apart import Apart
from walkaround.pipeline.bulk.inspection import (
    Content,
    Equipment,
    Fetching,
    counts_of,
    may_be_video,
    not_permitted,
    patiently,
)
from walkaround.pipeline.bulk.places import Store
from walkaround.pipeline.bulk.plan import Plan, done_key, read_shard
from walkaround.pipeline.bulk.rows import Listed, json_lines, parquet, row_at
from walkaround.settings import Limit

_TOLD_EVERY = 0.5  # seconds


@dataclass(frozen=True)
class Task:
    """What all inspectors of a run share.

    Attributes:
        plan: what is to be done.
        equipment: a reference to the `Equipment` in Ray's object store, which every node fetches once.
        counter: the actor that counts.
    """

    plan: Plan
    equipment: Any
    counter: Any


class Counter:
    """Knows how many objects of each shard are done, whoever did them and however often."""

    def __init__(self) -> None:
        self._done: dict[int, int] = {}

    def tell(self, shard: int, done: int) -> None:
        """Take note."""
        self._done[shard] = done

    def total(self) -> int:
        """Over all shards."""
        return sum(self._done.values())


class Inspector:
    """Called by Ray Data with one shard at a time; its process, with the model, stays."""

    def __init__(self, task: Task) -> None:
        """Fetch the equipment; the model is loaded when the first picture comes."""
        self._task = task
        self._equipment: Equipment = ray.get(task.equipment)
        self._target = Store(self._equipment.reach.buckets(self._equipment.target), self._equipment.target)
        self._rows = Rows(self._equipment)

    def __call__(self, batch: dict[str, NDArray[Any]]) -> dict[str, NDArray[Any]]:
        """Inspect a shard; `stopped` says why the run cannot go on, or is empty."""
        shard, stopped = int(batch["shard"][0]), ""
        try:
            self._do(shard)
        except UnavailableError as problem:
            stopped = str(problem)
        except WalkaroundError as problem:  # of the buckets: a picture's own errors are rows
            stopped = self._equipment.target.readable(str(problem))
        except Exception as problem:  # noqa: BLE001 - Ray would keep it to itself
            stopped = f"A worker failed at the shard {shard} ({type(problem).__name__}: {problem}): look at its machine."
        return {"shard": np.array([shard]), "stopped": np.array([stopped], dtype=object)}

    def _do(self, shard: int) -> None:
        plan, began, used = self._task.plan, time.monotonic(), self._cpu_seconds()
        items = patiently(lambda: read_shard(self._target, plan, shard))
        rows = []
        told = time.monotonic()
        with closing(self._rows.of(items)) as found:
            for row in found:
                rows.append(row)
                if time.monotonic() - told > _TOLD_EVERY:
                    told = time.monotonic()
                    self._task.counter.tell.remote(shard, len(rows))
        if (refusal := not_permitted(rows)) is not None:
            raise WalkaroundError(refusal)
        marker = {
            "shard": shard,
            **counts_of(rows),
            "bytes": sum(item.size for item in items),
            "seconds": round(time.monotonic() - began, 3),
            "cpu_seconds": round(self._cpu_seconds() - used, 3),
            "finished": f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%SZ}",
        }
        name = f"part-{shard:05}"
        # The marker comes last: what is there without one is written again.
        for key, content in (
            (f"{name}.parquet", parquet(rows)),
            (f"{name}.jsonl", json_lines(rows)),
            (done_key(plan, shard), json.dumps(marker).encode()),
        ):
            patiently(partial(self._target.write, key, content))
        self._task.counter.tell.remote(shard, len(rows))

    def _cpu_seconds(self) -> float:
        """That this process and its own have used."""
        return time.process_time() + self._rows.cpu_seconds


class Rows:
    """Fetches objects here, and has them inspected in a process apart."""

    def __init__(self, equipment: Equipment) -> None:
        """Start nothing yet."""
        self._place, self._threads, self._limits = equipment.source, equipment.threads, equipment.limits
        self._fetching = Fetching(equipment)
        self._apart = Apart("walkaround.pipeline.bulk.reader", equipment, threads=equipment.threads)
        self._one_video = Lock()  # it uses all threads by itself

    @property
    def cpu_seconds(self) -> float:
        """That the process apart has used."""
        return self._apart.cpu_seconds

    def of(self, items: Sequence[Listed]) -> Generator[dict[str, object], None, None]:
        """A row for each object, in their order; what kills its reader or takes too long has that for an error.

        Raises:
            PackageError: the model cannot be loaded.
            UnavailableError: the bucket's server does not answer, and was waited for.
        """
        with closing(self._fetching.fetched(items)) as fetched:
            yield from in_order(lambda pair: self._row(*pair), fetched, threads=self._threads)

    def close(self) -> None:
        """End the process."""
        self._apart.close()

    def _row(self, item: Listed, content: Content) -> dict[str, object]:
        if isinstance(content, InputError):
            return row_at(self._place, item, content)
        try:
            if content is not None and not may_be_video(content):
                return self._asked(item, content, self._limits.picture)
            with self._one_video:
                return self._asked(item, content, self._limits.video)
        except PackageError:
            raise
        except InputError as problem:
            return row_at(self._place, item, problem)

    def _asked(self, item: Listed, content: Content, limit: Limit) -> dict[str, object]:
        row: dict[str, object] = self._apart.ask((item, content), name=self._place.source(item.key), limit=limit)
        return row
