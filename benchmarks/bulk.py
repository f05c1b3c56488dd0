"""Bulk inspection with one Ray worker and with two, of one core each, beside `walkaround detect` on the same pictures.

    python benchmarks/bulk.py [--package PACKAGE] [--pictures 600] [--rounds 3] [--shard 60]

The pace is that between the first results and the last: starting Ray and loading models is told by itself. A shard has 1,000
pictures unless said otherwise; here fewer, so that both workers end at about the same time, but not so few that they wait for
the next one most of the time. All ways run in turn, so that a drift of the machine hits them alike, and the ratios are those
within one round.

A "machine" is a node of a Ray cluster whose processes are all bound to one core: the first also runs Ray's head and the
command, as the machine that it is typed on does. Two workers in one machine of two cores share these with Ray itself instead.
"""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from statistics import median

from photos import data, show
from walkaround.inspection.detect import detect
from walkaround.inspection.detector import Detector
from walkaround.inspection.outputs import json_lines
from walkaround.pipeline.bulk.bulk import Workforce, inspect_bulk
from walkaround.pipeline.bulk.extra import need_extra
from walkaround.pipeline.bulk.places import Reach
from walkaround.training.train import train


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--package", type=Path, help="measure this package; one is trained where it is not given")
    arguments.add_argument("--pictures", type=int, default=600)
    arguments.add_argument("--rounds", type=int, default=3)
    arguments.add_argument("--shard", type=int, default=60)
    given = arguments.parse_args()
    need_extra()
    with tempfile.TemporaryDirectory() as temporary:
        work = Path(temporary)
        package = given.package or trained(work)
        pictures = chosen(work / "in", given.pictures)
        ways: dict[str, Callable[[], tuple[float, float, float]]] = {
            "detect, threads: 1": lambda: detected(package, pictures, work, threads=1),
            "detect, threads: 2": lambda: detected(package, pictures, work, threads=2),
            "bulk, workers of one thread: 1": lambda: bulk(package, pictures, work, workers=1, shard=given.shard),
            "bulk, workers of one thread: 2": lambda: bulk(package, pictures, work, workers=2, shard=given.shard),
            "bulk, machines of one core: 1": lambda: bulk_on_machines(package, pictures, work, machines=1, shard=given.shard),
            "bulk, machines of one core: 2": lambda: bulk_on_machines(package, pictures, work, machines=2, shard=given.shard),
        }
        rounds = []
        for number in range(given.rounds):
            rounds.append({name: way() for name, way in ways.items()})
            print(f"round {number + 1}: load {os.getloadavg()[0]:.1f}", flush=True)
    rows = []
    for name in ways:
        paces, startups, cpu = ([one[name][column] for one in rounds] for column in range(3))
        beside = name.replace("2", "1")
        ratio = median(one[name][0] / one[beside][0] for one in rounds)
        rows.append(
            (name, f"{median(paces):.1f}/s", f"{ratio:.2f} x", f"{1000 * median(cpu):.0f} ms", f"{median(startups):.1f} s")
        )
    show(
        f"{given.pictures:,} pictures, median of {given.rounds} rounds",
        ["way", "pictures", "beside one", "CPU a picture", "before the first"],
        rows,
    )


def trained(work: Path) -> Path:
    """A package, from a part of the pictures."""
    for label in ("anomaly", "normal"):
        (work / "train" / label).mkdir(parents=True)
        for path in sorted((data("car-damage") / label).iterdir())[:150]:
            (work / "train" / label / path.name).symlink_to(path)
    return train(work / "train", out=work / "package").package.path


def chosen(folder: Path, count: int) -> Path:
    """A folder of as many real pictures, of both kinds in turn."""
    folder.mkdir()
    kinds = [sorted((data("car-damage") / label).iterdir()) for label in ("anomaly", "normal")]
    for number in range(count):
        path = kinds[number % 2][number // 2]
        shutil.copyfile(path, folder / f"{number:05}{path.suffix}")
    return folder


def detected(package: Path, pictures: Path, work: Path, *, threads: int) -> tuple[float, float, float]:
    """Pictures a second, seconds before the first, CPU seconds a picture."""
    began = time.perf_counter()
    detector = Detector(package, threads=threads)
    used, started, count = sum(os.times()[:2]), time.perf_counter(), 0
    with json_lines(work / "found.jsonl") as write:
        for result in detect(detector, pictures):
            write(result)
            count += 1
    return count / (time.perf_counter() - started), started - began, (sum(os.times()[:2]) - used) / count


NODES = """
import os, sys
os.environ["RAY_USAGE_STATS_ENABLED"] = "0"
from ray.cluster_utils import Cluster
node = {"num_cpus": 1, "object_store_memory": 100 << 20, "include_dashboard": False}
os.sched_setaffinity(0, {0})
cluster = Cluster(initialize_head=True, head_node_args=node)
for core in range(1, int(sys.argv[1])):
    os.sched_setaffinity(0, {core})
    cluster.add_node(**node)
print(cluster.address, flush=True)
sys.stdin.read()
cluster.shutdown()
"""


def bulk_on_machines(package: Path, pictures: Path, work: Path, *, machines: int, shard: int) -> tuple[float, float, float]:
    """The same on a Ray cluster of nodes that are bound to a core each, the command to the first."""
    all_cores = os.sched_getaffinity(0)
    nodes = subprocess.Popen(
        [sys.executable, "-c", NODES, str(machines)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    assert nodes.stdout is not None
    address = nodes.stdout.readline().strip()
    os.sched_setaffinity(0, {0})
    try:
        return bulk(package, pictures, work, workers=machines, shard=shard, ray=address)
    finally:
        os.sched_setaffinity(0, all_cores)
        nodes.communicate(timeout=60)


def bulk(
    package: Path, pictures: Path, work: Path, *, workers: int, shard: int, ray: str | None = None
) -> tuple[float, float, float]:
    """The same of bulk inspection; the pace is that after the first report of results."""
    out = work / "out"
    shutil.rmtree(out, ignore_errors=True)
    reports: list[tuple[float, int]] = []

    def note(stage: str, done: int, _: int) -> None:
        if stage == "Inspecting" and done and (not reports or done > reports[-1][1]):
            reports.append((time.perf_counter(), done))

    began = time.perf_counter()
    summary = inspect_bulk(
        str(pictures),
        str(out),
        package=package,
        reach=Reach(places={}),
        workforce=Workforce(ray=ray, workers=workers, threads=1),
        shard_size=shard,
        progress=note,
    )
    (first, before), (last, after) = reports[0], reports[-1]
    assert summary.objects == after
    return (after - before) / (last - first), first - began, summary.cpu_seconds_per_object


if __name__ == "__main__":
    main()
