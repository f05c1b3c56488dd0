"""Bulk inspection on a real Ray cluster of two nodes, from S3 to S3, while parts of it are killed."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import time
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest

from slow_inputs import write_slow_video
from walkaround.buckets.buckets import Buckets
from walkaround.buckets.remote import S3Access

Check = Callable[[Path, list[str]], dict[str, Any]]
PICTURES = 60


@pytest.fixture
def cars_on_s3(s3_server: S3Access, picture: Callable[[int], bytes]) -> tuple[Buckets, str, list[str]]:
    """Buckets, one with sixty pictures and a broken one, and their keys."""
    buckets, bucket = Buckets({}, s3=s3_server), f"test-{uuid4().hex}"
    keys = [f"lots/2024/{number:03} ü.jpg" for number in range(PICTURES)] + ["lots/2024/broken.jpg"]
    for number, key in enumerate(keys):
        buckets.write(bucket, key, picture(number) if number < PICTURES else b"\xff\xd8\xff\xe0 broken")
    buckets.write(bucket, "lots/2025/other.jpg", picture(0))
    return buckets, bucket, keys


@pytest.fixture
def on_cluster(run: Any, cluster: Any, s3_server: S3Access) -> Any:
    """Runs the command with the keys of the S3 server, on the cluster."""
    keys = {"AWS_ACCESS_KEY_ID": s3_server.access_key, "AWS_SECRET_ACCESS_KEY": s3_server.secret_key}
    run.environment = {**os.environ, **{k: str(v) for k, v in keys.items()}, "AWS_REGION": "us-east-1"}
    run.words = ["--ray", cluster.address, "--s3-endpoint", s3_server.endpoint, "--threads", 1]
    return run


def test_the_driver_dies_midway_and_the_next_run_does_the_rest(
    on_cluster: Any, cars_on_s3: tuple[Buckets, str, list[str]], tmp_path: Path, check_complete: Check
) -> None:
    buckets, bucket, keys = cars_on_s3
    given = [f"s3://{bucket}/lots/2024", f"s3://{bucket}/results", "--shard-size", 3, *on_cluster.words]
    first = on_cluster.start(*given)
    wait_for(lambda: len(markers(buckets, bucket)) > 1)
    os.killpg(first.pid, signal.SIGKILL)
    first.communicate()
    kept = markers(buckets, bucket)
    assert 0 < len(kept) < 21
    said = on_cluster(*given, code=3)
    assert "60 pictures, 30 damaged and 30 whole" in said
    assert markers(buckets, bucket).items() >= kept.items(), "what was done is not done again"
    download(buckets, bucket, tmp_path)
    summary = check_complete(tmp_path, keys)
    assert (summary["failed"], summary["shards"]) == (1, 21)


def test_workers_and_a_node_die_midway_and_nothing_is_lost(
    on_cluster: Any, cluster: Any, cars_on_s3: tuple[Buckets, str, list[str]], tmp_path: Path, check_complete: Check
) -> None:
    buckets, bucket, keys = cars_on_s3
    given = [f"s3://{bucket}/lots/2024", f"s3://{bucket}/results", "--shard-size", 3, *on_cluster.words]
    cluster.add_node()
    process = on_cluster.start(*given)
    wait_for(lambda: len(markers(buckets, bucket)) > 1)
    os.kill(inspectors()[0], signal.SIGKILL)
    wait_for(lambda: len(markers(buckets, bucket)) > 5)
    cluster.lose_node()
    _, said = process.communicate(timeout=300)
    assert process.returncode == 3, said
    assert "Traceback" not in said
    download(buckets, bucket, tmp_path)
    check_complete(tmp_path, keys)


@pytest.mark.skipif(not os.environ.get("WALKAROUND_SOAK"), reason="takes a minute: set WALKAROUND_SOAK=1, or `make soak`")
def test_a_file_that_kills_every_worker_is_listed_and_the_rest_is_done(
    run: Any,
    cluster: Any,
    yard: Path,
    tmp_path: Path,
    killing_readers_of: Callable[[Path], AbstractContextManager[set[int]]],
    check_complete: Check,
) -> None:
    write_slow_video(yard / "05-deadly.mp4")
    out = tmp_path / "out"
    with killing_readers_of(yard / "05-deadly.mp4") as killed:
        run(yard, out, "--shard-size", 4, "--threads", 1, "--ray", cluster.address, code=3)
    check_complete(out, [path.name for path in yard.iterdir()])
    (failed,) = (json.loads(line) for line in (out / "failed.jsonl").read_text().splitlines())
    assert failed["key"] == "05-deadly.mp4"
    assert "ended the program that was reading it" in failed["error"]
    assert len(killed) == 4, "two workers, then twice the process that reads it alone"


def markers(buckets: Buckets, bucket: str) -> dict[str, str]:
    """The shards that are done, and the etags of their markers."""
    return {found.key: found.etag for found in buckets.list(bucket, "results/_walkaround/done/")}


def inspectors() -> list[int]:
    """The processes of Ray that have a model at work."""
    listed = subprocess.run(["ps", "-eo", "pid,args"], capture_output=True, text=True, check=True).stdout
    return [int(pid) for pid in re.findall(r"^\s*(\d+) ray::.*Inspector", listed, flags=re.MULTILINE)]


def download(buckets: Buckets, bucket: str, folder: Path) -> None:
    """The results as files."""
    for found in buckets.list(bucket, "results/"):
        if "_walkaround" not in found.key:
            (folder / found.key.rpartition("/")[2]).write_bytes(buckets.read(bucket, found.key, at_most=10**8))


def wait_for(happened: Callable[[], object], *, seconds: float = 180) -> None:
    """Wait until something is so."""
    until = time.monotonic() + seconds
    while not happened():
        assert time.monotonic() < until, "it did not happen"
        time.sleep(0.05)
