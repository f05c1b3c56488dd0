"""The whole life of a project through boto3, as a program of its own: `boto3_story.py PROJECT BUCKET PICTURES`.

It is run by the Python of a client's environment, so it imports nothing of walkaround. PICTURES has `normal/` and `anomaly/`;
the bucket is made if there is an S3 endpoint in the environment, and stands with the pictures in it otherwise. The last line
that it writes is JSON: what it saw.
"""

from __future__ import annotations

import io
import json
import os
import re
import sys
import time
import uuid
from collections.abc import Callable
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import Any

import boto3
import botocore

PROJECT, BUCKET, PICTURES = sys.argv[1], sys.argv[2], Path(sys.argv[3])
HELD_BACK = 10
lookout = boto3.client("lookoutvision")
s3 = boto3.client("s3") if os.environ.get("AWS_ENDPOINT_URL_S3") else None
seen: dict[str, Any] = {"botocore": botocore.__version__}


def main() -> None:
    """Every operation once at least, in the order in which a user meets them."""
    make_project()
    fill_bucket()
    make_datasets()
    change_entries()
    train()
    tag()
    host_and_detect()
    package()
    list_everything()
    stop_and_delete()
    sys.stdout.write(json.dumps(seen) + "\n")


def make_project() -> None:
    """A project; a second one of its name is refused."""
    made = lookout.create_project(ProjectName=PROJECT)["ProjectMetadata"]
    assert re.fullmatch(rf"arn:aws:lookoutvision:us-east-1:\d{{12}}:project/{PROJECT}", made["ProjectArn"]), made
    assert made["ProjectName"] == PROJECT
    assert isinstance(made["CreationTimestamp"], datetime)
    assert made["CreationTimestamp"].tzinfo is not None
    error = refused("ConflictException", 409, lambda: lookout.create_project(ProjectName=PROJECT))
    assert error["ResourceType"] == "PROJECT", error
    assert PROJECT in error["ResourceId"], error
    assert lookout.describe_project(ProjectName=PROJECT)["ProjectDescription"]["Datasets"] == []


def fill_bucket() -> None:
    """Pictures and manifests, where the bucket is on S3."""
    if s3 is None:
        return
    s3.create_bucket(Bucket=BUCKET)
    lines: dict[str, list[str]] = {"train": [], "test": []}
    for label in ("normal", "anomaly"):
        paths = sorted((PICTURES / label).iterdir())
        for number, path in enumerate(paths):
            key = f"cars/{label}/{path.name}"
            s3.upload_file(str(path), BUCKET, key)
            lines["test" if number >= len(paths) - HELD_BACK else "train"].append(manifest_line(key, label))
    for name, content in lines.items():
        s3.put_object(Bucket=BUCKET, Key=f"{name}.manifest", Body="".join(content).encode())


def manifest_line(key: str, label: str | None) -> str:
    """As the service's guide has it."""
    line: dict[str, Any] = {"source-ref": f"s3://{BUCKET}/{key}"}
    if label is not None:
        kind = {"class-name": label, "type": "groundtruth/image-classification", "human-annotated": "yes", "confidence": 1}
        line |= {"anomaly-label": int(label == "anomaly"), "anomaly-label-metadata": kind}
    return json.dumps(line) + "\n"


def make_datasets() -> None:
    """Two datasets from manifests; the same token again answers the same, a missing manifest fails with its reason."""
    lookout.create_dataset(ProjectName=PROJECT, DatasetType="test", DatasetSource=source("no-such.manifest"))
    failed = until("CREATE_FAILED", lambda: describe_dataset("test"))
    assert "no-such.manifest" in failed["StatusMessage"], failed
    lookout.delete_dataset(ProjectName=PROJECT, DatasetType="test")
    for kind in ("train", "test"):
        token = str(uuid.uuid4())
        first, again = (
            lookout.create_dataset(
                ProjectName=PROJECT, DatasetType=kind, DatasetSource=source(f"{kind}.manifest"), ClientToken=token
            )["DatasetMetadata"]
            for _ in range(2)
        )
        assert first == again
        assert first["Status"] == "CREATE_IN_PROGRESS", first
        described = until("CREATE_COMPLETE", partial(describe_dataset, kind))
        stats = described["ImageStats"]
        assert stats["Total"] == stats["Labeled"] == stats["Normal"] + stats["Anomaly"], stats
        seen[kind] = stats
    refused(
        "ConflictException",
        409,
        lambda: lookout.create_dataset(ProjectName=PROJECT, DatasetType="train", DatasetSource=source("train.manifest")),
    )
    entries = page_through("list_dataset_entries", "DatasetEntries", ProjectName=PROJECT, DatasetType="train")
    assert len(entries) == seen["train"]["Total"]
    assert all(json.loads(entry)["source-ref"].startswith(f"s3://{BUCKET}/cars/") for entry in entries)
    assert count_entries(AnomalyClass="anomaly", Labeled=True) == seen["train"]["Anomaly"]
    assert count_entries(SourceRefContains="car_003") == 2
    assert count_entries(Labeled=False) == 0
    assert count_entries(AfterCreationDate=datetime(2000, 1, 1)) == seen["train"]["Total"]
    assert count_entries(BeforeCreationDate=datetime(2000, 1, 1)) == 0


def source(key: str) -> dict[str, Any]:
    """Of a dataset."""
    return {"GroundTruthManifest": {"S3Object": {"Bucket": BUCKET, "Key": key}}}


def describe_dataset(kind: str) -> dict[str, Any]:
    """Its description."""
    described: dict[str, Any] = lookout.describe_dataset(ProjectName=PROJECT, DatasetType=kind)["DatasetDescription"]
    assert "StatusMessage" in described
    return described


def count_entries(**filters: Any) -> int:
    """Of the training dataset."""
    return len(lookout.list_dataset_entries(ProjectName=PROJECT, DatasetType="train", **filters)["DatasetEntries"])


def change_entries() -> None:
    """One change that holds, and one that is rolled back as a whole."""
    update(manifest_line("cars/normal/car_000.jpg", None), "UPDATE_COMPLETE")
    assert count_entries(Labeled=False) == 1
    bad = manifest_line("cars/normal/car_001.jpg", None) + '{"source-ref": "s3://another-bucket/a.jpg"}\n'
    update(bad, "UPDATE_FAILED_ROLLBACK_COMPLETE")
    assert count_entries(Labeled=False) == 1
    update(manifest_line("cars/normal/car_000.jpg", "normal"), "UPDATE_COMPLETE")
    assert describe_dataset("train")["ImageStats"] == seen["train"]


def update(lines: str, end: str) -> None:
    """UpdateDatasetEntries, waited for."""
    reply = lookout.update_dataset_entries(ProjectName=PROJECT, DatasetType="train", Changes=lines.encode())
    assert reply["Status"] == "UPDATE_IN_PROGRESS", reply
    until(end, lambda: describe_dataset("train"))


def train() -> None:
    """A model version, with its evaluation in the bucket."""
    output = {"S3Location": {"Bucket": BUCKET, "Prefix": "out/"}}
    tags = [{"Key": "team", "Value": "claims desk"}]
    made = lookout.create_model(ProjectName=PROJECT, OutputConfig=output, Description="first-try", Tags=tags)["ModelMetadata"]
    assert (made["ModelVersion"], made["Status"]) == ("1", "TRAINING"), made
    refused("ConflictException", 409, lambda: lookout.start_model(ProjectName=PROJECT, ModelVersion="1", MinInferenceUnits=1))
    started = time.monotonic()
    model = until("TRAINED", describe_model)
    seen["training_seconds"] = time.monotonic() - started
    assert model["OutputConfig"] == output, model
    assert model["Description"] == "first-try"
    assert isinstance(model["EvaluationEndTimestamp"], datetime)
    seen["performance"] = model["Performance"]
    assert model["EvaluationResult"] == {"Bucket": BUCKET, "Key": f"out/EvaluationResult-{PROJECT}-1.json"}, model
    assert model["EvaluationManifest"] == {"Bucket": BUCKET, "Key": f"out/EvaluationManifest-{PROJECT}-1.json"}, model
    if s3 is not None:
        result = json.loads(s3.get_object(**model["EvaluationResult"])["Body"].read())
        metrics = result["AggregatedEvaluationResults"]["Metrics"]
        assert metrics["F1Score"] == seen["performance"]["F1Score"], (metrics, seen)
        assert result["EvaluationDetails"]["NumberOfTestingImages"] == seen["test"]["Total"], result
        lines = s3.get_object(**model["EvaluationManifest"])["Body"].read().decode().splitlines()
        assert len(lines) == seen["test"]["Total"]
        assert all("anomaly-label-detected-metadata" in json.loads(line) for line in lines), lines[0]


def describe_model() -> dict[str, Any]:
    """Version 1."""
    described: dict[str, Any] = lookout.describe_model(ProjectName=PROJECT, ModelVersion="1")["ModelDescription"]
    return described


def tag() -> None:
    """Tags of a model come, change and go."""
    arn = describe_model()["ModelArn"]
    assert lookout.list_tags_for_resource(ResourceArn=arn)["Tags"] == [{"Key": "team", "Value": "claims desk"}]
    lookout.tag_resource(ResourceArn=arn, Tags=[{"Key": "site/a b", "Value": "ä+1"}, {"Key": "team", "Value": "fleet"}])
    tags = {one["Key"]: one["Value"] for one in lookout.list_tags_for_resource(ResourceArn=arn)["Tags"]}
    assert tags == {"team": "fleet", "site/a b": "ä+1"}, tags
    lookout.untag_resource(ResourceArn=arn, TagKeys=["team", "site/a b"])
    assert lookout.list_tags_for_resource(ResourceArn=arn)["Tags"] == []


def host_and_detect() -> None:
    """Start, look at the pictures that were kept back in every form that a body can have, and at what is no picture."""
    paths = [path for label in ("normal", "anomaly") for path in sorted((PICTURES / label).iterdir())[-HELD_BACK:]]
    refused("ConflictException", 409, lambda: detect(paths[0].read_bytes()))
    too_many = {"ProjectName": PROJECT, "ModelVersion": "1", "MinInferenceUnits": 99}
    error = refused("ServiceQuotaExceededException", 402, lambda: lookout.start_model(**too_many))
    assert error["QuotaCode"], error
    assert error["ServiceCode"] == "lookoutvision", error
    reply = lookout.start_model(ProjectName=PROJECT, ModelVersion="1", MinInferenceUnits=1, MaxInferenceUnits=2)
    assert reply["Status"] == "STARTING_HOSTING", reply
    hosted = until("HOSTED", describe_model)
    assert (hosted["MinInferenceUnits"], hosted["MaxInferenceUnits"]) == (1, 2), hosted
    right = 0
    for number, path in enumerate(paths):
        with path.open("rb") as file:
            content = file.read()
            file.seek(0)
            result = detect((content, bytearray(content), io.BytesIO(content), file)[number % 4])
        assert result["Source"] == {"Type": "direct"}, result
        assert 0 <= result["Confidence"] <= 1, result
        right += result["IsAnomalous"] == (path.parent.name == "anomaly")
    seen["accuracy"] = right / len(paths)
    refused("ValidationException", 400, lambda: detect(b"this is no picture"))
    error = refused("ValidationException", 400, lambda: detect(paths[0].read_bytes(), kind="image/gif"))
    assert "image/jpeg" in error["Error"]["Message"], error
    error = refused("ResourceNotFoundException", 404, lambda: detect(paths[0].read_bytes(), version="7"))
    assert error["ResourceType"] == "MODEL", error


def detect(body: Any, *, kind: str = "image/jpeg", version: str = "1") -> dict[str, Any]:
    """DetectAnomalies."""
    reply = lookout.detect_anomalies(ProjectName=PROJECT, ModelVersion=version, Body=body, ContentType=kind)
    result: dict[str, Any] = reply["DetectAnomalyResult"]
    return result


def package() -> None:
    """A packaging job, to its end."""
    wanted = {
        "Greengrass": {
            "S3OutputLocation": {"Bucket": BUCKET, "Prefix": "components/"},
            "ComponentName": "cars",
            "ComponentVersion": "1.0.0",
            "TargetPlatform": {"Os": "LINUX", "Arch": "X86_64", "Accelerator": "NVIDIA"},
            "CompilerOptions": json.dumps({"gpu-code": "sm_72", "trt-ver": "7.1.3", "cuda-ver": "10.2"}),
        }
    }
    job = lookout.start_model_packaging_job(
        ProjectName=PROJECT, ModelVersion="1", JobName="edge-1", Configuration=wanted, Description="For the gate."
    )["JobName"]
    assert job == "edge-1"
    described = until(
        "SUCCEEDED",
        lambda: lookout.describe_model_packaging_job(ProjectName=PROJECT, JobName=job)["ModelPackagingDescription"],
    )
    made = described["ModelPackagingOutputDetails"]["Greengrass"]
    assert (made["ComponentName"], made["ComponentVersion"]) == ("cars", "1.0.0"), described
    jobs = page_through("list_model_packaging_jobs", "ModelPackagingJobs", ProjectName=PROJECT)
    assert [(one["JobName"], one["Status"]) for one in jobs] == [("edge-1", "SUCCEEDED")]
    if s3 is not None:
        listed = s3.list_objects_v2(Bucket=BUCKET, Prefix="components/")["Contents"]
        seen["components"] = [one["Key"] for one in listed]
        assert max(one["Size"] for one in listed) > 1_000_000, listed


def list_everything() -> None:
    """Every paginator, page by page."""
    other = f"{PROJECT}-2"
    lookout.create_project(ProjectName=other)
    names = [one["ProjectName"] for one in page_through("list_projects", "Projects", size=1)]
    assert {PROJECT, other} <= set(names)
    assert len(names) == len(set(names))
    lookout.delete_project(ProjectName=other)
    models = page_through("list_models", "Models", ProjectName=PROJECT)
    assert [(one["ModelVersion"], one["Status"]) for one in models] == [("1", "HOSTED")]
    assert models[0]["Performance"] == seen["performance"]
    refused("ValidationException", 400, lambda: lookout.list_projects(MaxResults=101))


def page_through(operation: str, key: str, *, size: int = 7, **parameters: Any) -> list[Any]:
    """All items, by the client's own paginator."""
    pages = lookout.get_paginator(operation).paginate(**parameters, PaginationConfig={"PageSize": size})
    return [item for page in pages for item in page[key]]


def stop_and_delete() -> None:
    """What is in use is not deleted; then everything goes."""
    refused("ConflictException", 409, lambda: lookout.delete_model(ProjectName=PROJECT, ModelVersion="1"))
    assert lookout.stop_model(ProjectName=PROJECT, ModelVersion="1")["Status"] == "STOPPING_HOSTING"
    until("TRAINED", describe_model)
    refused("ConflictException", 409, lambda: lookout.delete_project(ProjectName=PROJECT))
    lookout.delete_model(ProjectName=PROJECT, ModelVersion="1")
    while lookout.list_models(ProjectName=PROJECT)["Models"]:
        time.sleep(0.2)
    for kind in ("train", "test"):
        lookout.delete_dataset(ProjectName=PROJECT, DatasetType=kind)
    lookout.delete_project(ProjectName=PROJECT)
    error = refused("ResourceNotFoundException", 404, lambda: lookout.describe_project(ProjectName=PROJECT))
    assert error["ResourceType"] == "PROJECT", error
    assert PROJECT in error["ResourceId"], error


def until(status: str, describe: Callable[[], dict[str, Any]], *, seconds: float = 900) -> dict[str, Any]:
    """The description, once it has this status; any other that does not pass is a failure."""
    passing = {"TRAINING", "CREATED", "RUNNING", *(f"{one}_HOSTING" for one in ("STARTING", "STOPPING"))}
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        described = describe()
        if described["Status"] == status:
            return described
        assert described["Status"] in passing or described["Status"].endswith("_IN_PROGRESS"), described
        time.sleep(0.2)
    raise TimeoutError(f"not {status}: {describe()}")


def refused(name: str, status: int, call: Callable[[], object]) -> dict[str, Any]:
    """The error that a call is answered with, by its name, its class and its status."""
    response: dict[str, Any] = {}
    try:
        call()
    except getattr(lookout.exceptions, name) as problem:
        response = dict(problem.response)
    assert response, f"{name} was expected"
    assert response["Error"]["Code"] == name
    assert response["Error"]["Message"], response
    assert response["ResponseMetadata"]["HTTPStatusCode"] == status, response
    assert response["ResponseMetadata"].get("RequestId"), response
    return response


if __name__ == "__main__":
    main()
