"""The actor of Ray: takes shards, one after the other, inspects them, and writes their results; and the actor that counts."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Generator
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from typing import Any

import numpy as np
import ray
from numpy.typing import NDArray

from walkaround.errors import UnavailableError, WalkaroundError
from walkaround.pipeline.bulk.alone import Alone
from walkaround.pipeline.bulk.inspection import Equipment, Inspection, counts_of, not_permitted, patiently
from walkaround.pipeline.bulk.places import Store
from walkaround.pipeline.bulk.plan import Plan, done_key, read_shard
from walkaround.pipeline.bulk.rows import Listed, json_lines, parquet

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
    """Called by Ray Data with one shard at a time; its model is loaded once."""

    def __init__(self, task: Task) -> None:
        """Fetch the equipment and load the model."""
        self._task = task
        self._equipment: Equipment = ray.get(task.equipment)
        self._target = Store(self._equipment.reach.buckets(self._equipment.target), self._equipment.target)
        self._inspection = Inspection(self._equipment)

    def __call__(self, batch: dict[str, NDArray[Any]]) -> dict[str, NDArray[Any]]:
        """Inspect a shard; `stopped` says why the run cannot go on, or is empty."""
        shard, alone = int(batch["shard"][0]), bool(batch["alone"][0])
        stopped = ""
        try:
            self._do(shard, alone=alone)
        except UnavailableError as problem:
            stopped = str(problem)
        except WalkaroundError as problem:  # of the buckets: a picture's own errors are rows
            stopped = self._equipment.target.readable(str(problem))
        return {"shard": np.array([shard]), "stopped": np.array([stopped], dtype=object)}

    def _do(self, shard: int, *, alone: bool) -> None:
        plan, began, used = self._task.plan, time.monotonic(), _cpu_seconds()
        items = patiently(lambda: read_shard(self._target, plan, shard))
        rows = []
        told = time.monotonic()
        with closing(self._rows_alone(items) if alone else self._inspection.rows(items)) as found:
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
            "cpu_seconds": round(_cpu_seconds() - used, 3),
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

    def _rows_alone(self, items: list[Listed]) -> Generator[dict[str, object], None, None]:
        with closing(Alone(self._equipment)) as alone, closing(self._inspection.fetched(items)) as fetched:
            for item, content in fetched:
                yield alone.row(item, content)


def _cpu_seconds() -> float:
    """That this process and the ended ones below it have used."""
    return sum(os.times()[:4])
