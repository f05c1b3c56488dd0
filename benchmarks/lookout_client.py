"""Today's boto3 against a server of one's own, with walkaround's model of the service, and patience for its statuses."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import boto3
import botocore.session
from botocore.config import Config

import walkaround.aws
from served import REGION, Served

PASSING = ("CREATE_IN_PROGRESS", "UPDATE_IN_PROGRESS", "TRAINING", "STARTING_HOSTING", "STOPPING_HOSTING", "CREATED", "RUNNING")


def client_of(served: Served, *, checks: bool = True, attempts: int = 1) -> Any:
    """A client that finds the service model where it lies in the package.

    Args:
        served: a server that was started.
        checks: whether the client refuses wrong input by itself, as it does for its users.
        attempts: how often it sends a request that failed for the server's reasons.
    """
    core = botocore.session.Session()
    core.set_config_variable("data_path", str(Path(walkaround.aws.__path__[0])))
    return boto3.Session(botocore_session=core).client(
        "lookoutvision",
        endpoint_url=served.url,
        region_name=REGION,
        aws_access_key_id=served.key.key_id,
        aws_secret_access_key=served.key.secret,
        config=Config(
            retries={"total_max_attempts": attempts, "mode": "standard"},
            parameter_validation=checks,
            connect_timeout=5,
            read_timeout=60,
        ),
    )


def until(status: str, describe: Callable[[], Mapping[str, Any]], *, seconds: float = 600) -> dict[str, Any]:
    """The description, once it has this status.

    Raises:
        RuntimeError: it has one that will not pass.
        TimeoutError: it took too long.
    """
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        described = describe()
        if described["Status"] == status:
            return dict(described)
        if described["Status"] not in PASSING:
            raise RuntimeError(f"{described['Status']} instead of {status}: {described.get('StatusMessage')}")
        time.sleep(0.1)
    raise TimeoutError(f"Not {status} after {seconds:.0f} s: {describe()}")


def make_dataset(client: Any, project: str, kind: str, *, bucket: str, key: str) -> dict[str, Any]:
    """A dataset from a manifest; its description."""
    source = {"GroundTruthManifest": {"S3Object": {"Bucket": bucket, "Key": key}}}
    client.create_dataset(ProjectName=project, DatasetType=kind, DatasetSource=source)
    return until(
        "CREATE_COMPLETE", lambda: client.describe_dataset(ProjectName=project, DatasetType=kind)["DatasetDescription"]
    )


def train(client: Any, project: str, *, bucket: str) -> dict[str, Any]:
    """A new version of the model; its description."""
    output = {"S3Location": {"Bucket": bucket, "Prefix": "results/"}}
    version = client.create_model(ProjectName=project, OutputConfig=output)["ModelMetadata"]["ModelVersion"]
    return until("TRAINED", lambda: describe_model(client, project, version), seconds=3600)


def describe_model(client: Any, project: str, version: str = "1") -> dict[str, Any]:
    """The description of a version."""
    described: dict[str, Any] = client.describe_model(ProjectName=project, ModelVersion=version)["ModelDescription"]
    return described


def host(client: Any, project: str, *, units: int = 1, most: int | None = None) -> None:
    """Start version 1 and wait for it."""
    more = {} if most is None else {"MaxInferenceUnits": most}
    client.start_model(ProjectName=project, ModelVersion="1", MinInferenceUnits=units, **more)
    until("HOSTED", lambda: describe_model(client, project))


def detect(client: Any, project: str, picture: Path) -> dict[str, Any]:
    """DetectAnomalies of version 1."""
    kind = "image/png" if picture.suffix == ".png" else "image/jpeg"
    reply = client.detect_anomalies(ProjectName=project, ModelVersion="1", ContentType=kind, Body=picture.read_bytes())
    result: dict[str, Any] = reply["DetectAnomalyResult"]
    return result
