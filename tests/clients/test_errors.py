"""What boto3 says of wrong input: the class, the status, and a sentence that names what was wrong. Nothing is stored."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError

from lookout_client import client_of
from served import Served

SOURCE = {"GroundTruthManifest": {"S3Object": {"Bucket": "car-photos", "Key": "train.manifest"}}}
OUTPUT = {"S3Location": {"Bucket": "car-photos", "Prefix": ""}}
OF = {"ProjectName": "wrong-input"}
MODEL = {**OF, "ModelVersion": "1"}


def packaging(**changed: str) -> dict[str, Any]:
    """Parameters of StartModelPackagingJob."""
    wanted = {"S3OutputLocation": {"Bucket": "car-photos"}, "ComponentName": "cars", "TargetDevice": "jetson_xavier"}
    return {**MODEL, "Configuration": {"Greengrass": {**wanted, **changed}}}


@pytest.fixture(scope="module")
def lookout(server: Served) -> Iterator[Any]:
    """A client, and a project with nothing in it."""
    client = client_of(server, checks=False)
    client.create_project(**OF)
    yield client
    client.delete_project(**OF)


INVALID: list[tuple[str, dict[str, Any], str]] = [
    ("create_project", {"ProjectName": "a b"}, "projectName"),
    ("create_project", {"ProjectName": "x" * 256}, "projectName"),
    ("create_project", {"ProjectName": "../up"}, "projectName"),
    ("create_project", {"ProjectName": 7}, "projectName"),
    ("create_project", {"ProjectName": "token", "ClientToken": "no spaces"}, "clientToken"),
    ("describe_project", {"ProjectName": "-x"}, "projectName"),
    ("list_projects", {"MaxResults": 101}, "maxResults"),
    ("list_projects", {"MaxResults": 0}, "maxResults"),
    ("list_projects", {"NextToken": "not one of ours"}, "nextToken"),
    ("list_projects", {"NextToken": "abcd"}, "nextToken"),
    ("create_dataset", {**OF, "DatasetType": "validation", "DatasetSource": SOURCE}, "datasetType"),
    ("create_dataset", {**OF}, "datasetType"),
    ("describe_dataset", {**OF, "DatasetType": "all"}, "datasetType"),
    ("list_dataset_entries", {**OF, "DatasetType": "train", "AnomalyClass": "broken"}, "anomalyClass"),
    ("list_dataset_entries", {**OF, "DatasetType": "train", "SourceRefContains": " "}, "sourceRefContains"),
    ("update_dataset_entries", {**OF, "DatasetType": "train", "Changes": b""}, "changes"),
    ("create_model", {**OF}, "outputConfig"),
    ("create_model", {**OF, "OutputConfig": {"S3Location": {"Bucket": "a"}}}, "bucket"),
    ("create_model", {**OF, "OutputConfig": {"S3Location": {"Bucket": "car-photos", "Prefix": "/../x"}}}, "prefix"),
    ("create_model", {**OF, "OutputConfig": OUTPUT, "Description": "with spaces"}, "description"),
    ("create_model", {**OF, "OutputConfig": OUTPUT, "Tags": [{"Key": "a<b", "Value": ""}]}, "key"),
    ("create_model", {**OF, "OutputConfig": OUTPUT, "KmsKeyId": "?"}, "kmsKeyId"),
    ("describe_model", {**OF, "ModelVersion": "0"}, "modelVersion"),
    ("delete_model", {**OF, "ModelVersion": "latest"}, "modelVersion"),
    ("start_model", {**MODEL, "MinInferenceUnits": 0}, "minInferenceUnits"),
    ("start_model", {**MODEL, "MinInferenceUnits": 2, "MaxInferenceUnits": 1}, "maxInferenceUnits"),
    ("start_model_packaging_job", {**packaging(), "JobName": "under_score"}, "jobName"),
    (
        "start_model_packaging_job",
        packaging(ComponentVersion="1"),
        "componentVersion",
    ),
    (
        "start_model_packaging_job",
        packaging(TargetDevice="toaster"),
        "targetDevice",
    ),
    ("tag_resource", {"ResourceArn": "x" * 1012, "Tags": []}, "resourceArn"),
]


@pytest.mark.parametrize(("operation", "parameters", "named"), INVALID)
def test_a_member_that_is_not_what_the_contract_allows(
    lookout: Any, operation: str, parameters: dict[str, Any], named: str
) -> None:
    with pytest.raises(lookout.exceptions.ValidationException) as raised:
        getattr(lookout, operation)(**parameters)
    response = raised.value.response
    assert response["ResponseMetadata"]["HTTPStatusCode"] == 400
    assert named.lower() in response["Error"]["Message"].lower()


NO_MODEL = "arn:aws:lookoutvision:us-east-1:000000000000:model/wrong-input/1"
MISSING: list[tuple[str, dict[str, Any], str]] = [
    ("describe_project", {"ProjectName": "nobody"}, "PROJECT"),
    ("delete_project", {"ProjectName": "nobody"}, "PROJECT"),
    ("create_dataset", {"ProjectName": "nobody", "DatasetType": "train"}, "PROJECT"),
    ("list_models", {"ProjectName": "nobody"}, "PROJECT"),
    ("describe_dataset", {**OF, "DatasetType": "train"}, "DATASET"),
    ("delete_dataset", {**OF, "DatasetType": "test"}, "DATASET"),
    ("list_dataset_entries", {**OF, "DatasetType": "train"}, "DATASET"),
    ("update_dataset_entries", {**OF, "DatasetType": "train", "Changes": b'{"source-ref":"s3://car-photos/a.jpg"}'}, "DATASET"),
    ("describe_model", MODEL, "MODEL"),
    ("describe_model", {**OF, "ModelVersion": "latest"}, "MODEL"),
    ("delete_model", MODEL, "MODEL"),
    ("start_model", {**MODEL, "MinInferenceUnits": 1}, "MODEL"),
    ("stop_model", MODEL, "MODEL"),
    ("detect_anomalies", {**MODEL, "Body": b"x", "ContentType": "image/png"}, "MODEL"),
    ("start_model_packaging_job", packaging(), "MODEL"),
    ("describe_model_packaging_job", {**OF, "JobName": "nothing"}, "MODEL_PACKAGE_JOB"),
    ("list_tags_for_resource", {"ResourceArn": NO_MODEL}, "MODEL"),
    ("tag_resource", {"ResourceArn": NO_MODEL, "Tags": [{"Key": "a", "Value": "b"}]}, "MODEL"),
]


@pytest.mark.parametrize(("operation", "parameters", "kind"), MISSING)
def test_what_does_not_exist_is_named(lookout: Any, operation: str, parameters: dict[str, Any], kind: str) -> None:
    with pytest.raises(lookout.exceptions.ResourceNotFoundException) as raised:
        getattr(lookout, operation)(**parameters)
    response = raised.value.response
    assert response["ResponseMetadata"]["HTTPStatusCode"] == 404
    assert response["ResourceType"] == kind
    assert response["ResourceId"]


def test_a_model_without_a_dataset_is_refused(lookout: Any) -> None:
    with pytest.raises(ClientError) as raised:
        lookout.create_model(**OF, OutputConfig=OUTPUT)
    assert raised.value.response["Error"]["Code"] in ("ConflictException", "ResourceNotFoundException", "ValidationException")
    assert lookout.list_models(**OF)["Models"] == []


def test_a_token_answers_the_same_request_again_and_no_other(lookout: Any) -> None:
    first, again = (lookout.create_project(ProjectName="by-token", ClientToken="token-1") for _ in range(2))
    assert first["ProjectMetadata"] == again["ProjectMetadata"]
    with pytest.raises(lookout.exceptions.ConflictException):
        lookout.create_project(ProjectName="by-token-2", ClientToken="token-1")
    lookout.delete_project(ProjectName="by-token", ClientToken="token-2")
    assert lookout.delete_project(ProjectName="by-token", ClientToken="token-2")["ProjectArn"].endswith("/by-token")


def test_a_client_with_its_token_is_answered_the_same_after_the_server_was_killed(tmp_path: Path) -> None:
    served = Served(folder=tmp_path)
    answers = []
    for _ in range(2):
        served.start()
        client = client_of(served, checks=False)
        answers.append(client.create_project(ProjectName="kept", ClientToken="once")["ProjectMetadata"])
        served.kill()
    assert answers[0] == answers[1]
