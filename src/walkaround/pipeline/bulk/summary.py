"""What there is to say when all shards are done: counts, rates, versions, and everything that failed in one place."""

from __future__ import annotations

import json
import platform
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from importlib.metadata import version
from typing import Any

from walkaround.inspection.detector import in_order
from walkaround.models.package import Package
from walkaround.pipeline.bulk.places import Store
from walkaround.pipeline.bulk.plan import Plan, done_key

_READERS = 8
_LINES = 100_000
"""Of a file of failures: they are held in memory before it is written."""
_SUMS = ("pictures", "videos", "anomalous", "failed", "incomplete", "bytes", "seconds", "cpu_seconds")


@dataclass(frozen=True, kw_only=True)
class Summary:
    """What `summary.json` holds.

    Attributes:
        input, output: their addresses.
        package: name and fingerprint of the model, and its threshold.
        versions: of the programs that this run ended with.
        objects, shards, passed_over, unreadable: of the plan.
        pictures, videos: with a verdict; `anomalous` of them are damaged, `labels` counts all.
        failed: without a verdict; `incomplete`: videos with a verdict on a part.
        bytes: of all objects.
        began, finished: when the plan was made and the last shard was written.
        worker_seconds: of all workers together, over all runs that it took.
        cpu_seconds: that they used.
        failures: names of the files of failures.
    """

    input: str
    output: str
    package: Mapping[str, object]
    versions: Mapping[str, str]
    objects: int
    shards: int
    passed_over: int
    unreadable: str
    pictures: int
    videos: int
    anomalous: int
    failed: int
    incomplete: int
    labels: Mapping[str, int]
    bytes: int
    began: str
    finished: str
    worker_seconds: float
    cpu_seconds: float
    cpu_seconds_per_object: float
    failures: tuple[str, ...]


def write_summary(target: Store, plan: Plan, package: Package) -> Summary:
    """Add up the shards, gather the failures, and write both; all shards are done."""
    sums: dict[str, Any] = dict.fromkeys(_SUMS, 0)
    labels: Counter[str] = Counter()
    finished, failing = "", []
    for marker in in_order(lambda shard: _marker(target, plan, shard), range(plan.shards), threads=_READERS):
        for name in _SUMS:
            sums[name] += marker[name]
        labels.update(marker["labels"])
        finished = max(finished, marker["finished"])
        if marker["failed"] or marker["incomplete"]:
            failing.append(marker["shard"])
    card = package.card
    summary = Summary(
        input=plan.source,
        output=target.place.address,
        package={"name": card.name, "fingerprint": package.fingerprint, "threshold": card.threshold},
        versions={**{name: version(name) for name in ("walkaround", "ray", "pyarrow")}, "python": platform.python_version()},
        objects=plan.objects,
        shards=plan.shards,
        passed_over=plan.passed_over,
        unreadable=plan.unreadable,
        labels=dict(sorted(labels.items())),
        began=plan.created,
        finished=finished,
        worker_seconds=round(sums.pop("seconds"), 1),
        cpu_seconds_per_object=round(sums["cpu_seconds"] / plan.objects, 4),
        failures=tuple(_write_failures(target, failing)),
        **{**sums, "cpu_seconds": round(sums["cpu_seconds"], 1)},
    )
    target.write("summary.json", (json.dumps(asdict(summary), indent=2, ensure_ascii=False) + "\n").encode())
    return summary


def _marker(target: Store, plan: Plan, shard: int) -> dict[str, Any]:
    marker: dict[str, Any] = json.loads(target.read(done_key(plan, shard)))
    return marker


def _write_failures(target: Store, shards: list[int]) -> Iterator[str]:
    """Write failed.jsonl, and more files where there are too many lines for one; it is there, empty, where none failed."""
    lines: list[bytes] = []
    number = 1
    for part in in_order(lambda shard: target.read(f"part-{shard:05}.jsonl"), shards, threads=_READERS):
        lines += [line for line in part.splitlines(keepends=True) if json.loads(line)["error"] is not None]
        while len(lines) > _LINES:
            yield _write_lines(target, number, lines[:_LINES])
            lines, number = lines[_LINES:], number + 1
    yield _write_lines(target, number, lines)


def _write_lines(target: Store, number: int, lines: list[bytes]) -> str:
    name = "failed.jsonl" if number == 1 else f"failed-{number}.jsonl"
    target.write(name, b"".join(lines))
    return name
