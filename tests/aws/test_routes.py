"""The door as a whole: botocore's own requests in, what botocore reads out, and the host in between."""

from __future__ import annotations

import base64
import itertools
import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError
from tests.aws.conftest import ACCOUNT, MOMENT, Server

from walkaround.aws.service_model import load_service_model
from walkaround.errors import (
    AccessDeniedError,
    BucketError,
    ConflictError,
    NotFoundError,
    QuotaError,
    StorageError,
    ThrottledError,
    UnavailableError,
    ValidationError,
)
from walkaround.hosting.owner import Owner

OWNER = Owner(account=ACCOUNT, region="us-east-1")
ARN = "arn:aws:lookoutvision:us-east-1:123456789012:model/p/1"
P = {"ProjectName": "p"}
WHEN = datetime(2020, 1, 2, tzinfo=UTC)
LOCATION = {"Bucket": "photos", "Prefix": ""}
OUTPUT = {"S3Location": LOCATION}
TAGS = [{"Key": "a", "Value": ""}]
GREENGRASS = {"Greengrass": {"S3OutputLocation": LOCATION, "ComponentName": "c"}}
CALLS: list[tuple[str, dict[str, Any], dict[str, Any]]] = [
    ("create_project", P, {"project_name": "p"}),
    ("list_projects", {"MaxResults": 5, "NextToken": "a+/="}, {"max_results": 5, "next_token": "a+/="}),
    ("describe_project", P, {"project_name": "p"}),
    ("delete_project", P, {"project_name": "p"}),
    ("create_dataset", {**P, "DatasetType": "train"}, {"project_name": "p", "dataset_type": "train"}),
    ("describe_dataset", {**P, "DatasetType": "test"}, {"project_name": "p", "dataset_type": "test"}),
    ("delete_dataset", {**P, "DatasetType": "test"}, {"project_name": "p", "dataset_type": "test"}),
    (
        "list_dataset_entries",
        {**P, "DatasetType": "train", "Labeled": False, "BeforeCreationDate": datetime(2020, 1, 2, tzinfo=UTC)},
        {
            "project_name": "p",
            "dataset_type": "train",
            "labeled": False,
            "before_creation_date": datetime(2020, 1, 2, tzinfo=UTC),
        },
    ),
    (
        "update_dataset_entries",
        {**P, "DatasetType": "train", "Changes": b"{}\n{}"},
        {"project_name": "p", "dataset_type": "train", "changes": b"{}\n{}"},
    ),
    ("create_model", {**P, "OutputConfig": OUTPUT}, {"project_name": "p", "output_config": OUTPUT}),
    ("list_models", P, {"project_name": "p"}),
    ("describe_model", {**P, "ModelVersion": "latest"}, {"project_name": "p", "model_version": "latest"}),
    ("delete_model", {**P, "ModelVersion": "1"}, {"project_name": "p", "model_version": "1"}),
    (
        "start_model",
        {**P, "ModelVersion": "1", "MinInferenceUnits": 2},
        {"project_name": "p", "model_version": "1", "min_inference_units": 2},
    ),
    ("stop_model", {**P, "ModelVersion": "1"}, {"project_name": "p", "model_version": "1"}),
    (
        "start_model_packaging_job",
        {**P, "ModelVersion": "1", "Configuration": GREENGRASS},
        {"project_name": "p", "model_version": "1", "configuration": GREENGRASS},
    ),
    ("list_model_packaging_jobs", P, {"project_name": "p"}),
    ("describe_model_packaging_job", {**P, "JobName": "j"}, {"project_name": "p", "job_name": "j"}),
    ("list_tags_for_resource", {"ResourceArn": ARN}, {"resource_arn": ARN}),
    ("tag_resource", {"ResourceArn": ARN, "Tags": TAGS}, {"resource_arn": ARN, "tags": TAGS}),
    ("untag_resource", {"ResourceArn": ARN, "TagKeys": ["a", "b c"]}, {"resource_arn": ARN, "tag_keys": ["a", "b c"]}),
]
DETECT = {**P, "ModelVersion": "1", "Body": b"picture" * 1000, "ContentType": "image/jpeg"}


def test_every_operation_is_called_below() -> None:
    assert len(CALLS) + 1 == len(load_service_model().operations)


@pytest.mark.parametrize(("name", "given", "members"), CALLS, ids=[name for name, _, _ in CALLS])
def test_an_operation_reaches_its_method(name: str, given: dict[str, Any], members: dict[str, Any], server: Server) -> None:
    reply = getattr(server.client(), name)(**given)
    assert server.host.calls == [(name, OWNER, members)]
    assert len(reply["ResponseMetadata"]["RequestId"]) == 36
    assert server.jobs.woken == (0 if name.startswith(("describe", "list")) else 1)


def test_a_reply_is_what_the_client_reads(server: Server) -> None:
    server.host.replies["create_project"] = {"ProjectMetadata": {"ProjectName": "p", "CreationTimestamp": MOMENT}}
    assert server.client().create_project(**P)["ProjectMetadata"] == {"ProjectName": "p", "CreationTimestamp": MOMENT}


def test_pages_are_turned(server: Server) -> None:
    server.host.replies["list_projects"] = {"Projects": [{"ProjectName": "p"}]}
    pages = list(server.client().get_paginator("list_projects").paginate(PaginationConfig={"PageSize": 1}))
    assert [page["Projects"] for page in pages] == [[{"ProjectName": "p"}]]
    assert server.host.calls == [("list_projects", OWNER, {"max_results": 1})]


def test_a_picture_goes_to_the_pool(server: Server) -> None:
    reply = server.client("WALKDETECT", region="eu-west-1").detect_anomalies(**DETECT)
    assert reply["DetectAnomalyResult"] == {"Source": {"Type": "direct"}, "IsAnomalous": True, "Confidence": 0.875}
    owner = Owner(account=ACCOUNT, region="eu-west-1")
    assert server.pool.calls == [(owner, "p", "1", b"picture" * 1000, "image/jpeg")]
    assert server.state["operation"] == "DetectAnomalies"
    assert (server.state["project"], server.state["model_version"]) == ("p", "1")


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"ContentType": "image/gif"}, "image/jpeg, image/png"),
        ({"ContentType": "application/octet-stream"}, "image/jpeg, image/png"),
        ({"Body": b""}, r"empty \(0 bytes\)"),
        ({"Body": b"x" * (8 * 1024 * 1024 + 1)}, "8,388,608 bytes"),
        ({"ModelVersion": "0"}, "'modelVersion'"),
    ],
)
def test_a_picture_that_cannot_be_is_refused(changed: dict[str, Any], said: str, server: Server) -> None:
    with pytest.raises(ClientError, match=said) as caught:
        server.client().detect_anomalies(**{**DETECT, **changed})
    assert caught.value.response["Error"]["Code"] == "ValidationException"
    assert server.pool.calls == []
    counted = [] if "ModelVersion" in changed else [(Owner(ACCOUNT, "us-east-1"), "p", "1", "ValidationError")]
    assert server.pool.turned_down == counted


def test_the_largest_picture_is_taken(server: Server) -> None:
    server.client().detect_anomalies(**{**DETECT, "Body": b"x" * (8 * 1024 * 1024)})
    assert len(server.pool.calls[0][3]) == 8 * 1024 * 1024


ROLES = [("WALKREAD", "describe_project"), ("WALKDETECT", "describe_project"), ("WALKMANAGE", "delete_project")]
REFUSED = [("WALKREAD", "delete_project"), ("WALKDETECT", "create_project")]


@pytest.mark.parametrize(("key_id", "name"), ROLES)
def test_a_role_may_do_what_it_is_for(key_id: str, name: str, server: Server) -> None:
    getattr(server.client(key_id), name)(**P)
    assert len(server.host.calls) == 1


@pytest.mark.parametrize(("key_id", "name"), REFUSED)
def test_a_role_may_do_no_more(key_id: str, name: str, server: Server) -> None:
    with pytest.raises(ClientError, match=f"{key_id} has the role .* lookoutvision:.*'manage'") as caught:
        getattr(server.client(key_id), name)(**P)
    assert caught.value.response["Error"]["Code"] == "AccessDeniedException"
    assert server.host.calls == []
    with pytest.raises(ClientError, match="that needs 'detect'"):
        server.client("WALKREAD").detect_anomalies(**DETECT)


@pytest.mark.parametrize(
    ("key_id", "secret", "code"),
    [("WALKNONE", "x", "UnrecognizedClientException"), ("WALKMANAGE", "wrong", "InvalidSignatureException")],
)
def test_a_stranger_is_refused(key_id: str, secret: str, code: str, server: Server) -> None:
    client = server.client(key_id, secret=secret)
    for name, given in (("create_project", P), ("detect_anomalies", DETECT)):
        with pytest.raises(ClientError) as caught:
            getattr(client, name)(**given)
        assert caught.value.response["Error"]["Code"] == code
        assert caught.value.response["ResponseMetadata"]["HTTPStatusCode"] == 403
    assert len(server.host.calls) + len(server.pool.calls) == 0


RESOURCE: dict[str, Any] = {"resource_id": "p", "resource_type": "PROJECT"}
ERRORS: list[tuple[Exception, str, int, dict[str, Any]]] = [
    (ValidationError("bad"), "ValidationException", 400, {}),
    (BucketError("no bucket"), "ValidationException", 400, {}),
    (
        QuotaError("many", quota_code="projects", **RESOURCE),
        "ServiceQuotaExceededException",
        402,
        {"QuotaCode": "projects", "ServiceCode": "lookoutvision", "ResourceId": "p", "ResourceType": "PROJECT"},
    ),
    (AccessDeniedError("no"), "AccessDeniedException", 403, {}),
    (NotFoundError("gone", **RESOURCE), "ResourceNotFoundException", 404, {"ResourceId": "p", "ResourceType": "PROJECT"}),
    (ConflictError("busy", **RESOURCE), "ConflictException", 409, {"ResourceId": "p", "ResourceType": "PROJECT"}),
    (
        ThrottledError("later", retry_after=3),
        "ThrottlingException",
        429,
        {"RetryAfterSeconds": 3, "ServiceCode": "lookoutvision"},
    ),
    (UnavailableError("away", retry_after=5), "InternalServerException", 500, {"RetryAfterSeconds": 5}),
]


@pytest.mark.parametrize(("problem", "code", "status", "members"), ERRORS, ids=[type(one[0]).__name__ for one in ERRORS])
def test_an_error_reaches_the_client(
    problem: Exception, code: str, status: int, members: dict[str, Any], server: Server
) -> None:
    server.host.problem = server.pool.problem = problem
    client = server.client()
    for name, given in (("delete_project", P), ("detect_anomalies", DETECT)):
        with pytest.raises(getattr(client.exceptions, code)) as caught:
            getattr(client, name)(**given)
        response = caught.value.response
        assert response["Error"] == {"Code": code, "Message": str(problem)}
        assert response["ResponseMetadata"]["HTTPStatusCode"] == status
        assert {name: response.get(name) for name in members} == members
    assert server.state["error"] == code
    assert server.jobs.woken == 0


@pytest.mark.parametrize("problem", [KeyError("/data/secret"), StorageError("Cannot write '/data/secret': the disk is full.")])
def test_what_went_wrong_inside_is_not_told(problem: Exception, server: Server, caplog: pytest.LogCaptureFixture) -> None:
    server.host.problem = problem
    with pytest.raises(ClientError) as caught:
        server.client().create_project(**P)
    assert caught.value.response["Error"]["Code"] == "InternalServerException"
    assert "secret" not in str(caught.value.response)
    assert "/data/secret" in caplog.text


def test_a_token_repeats_the_answer_and_not_the_work(server: Server) -> None:
    server.host.replies["create_project"] = {"ProjectMetadata": {"ProjectName": "p", "CreationTimestamp": MOMENT}}
    client = server.client()
    first = client.create_project(**P, ClientToken="one")
    server.host.replies["create_project"] = {}
    again = client.create_project(**P, ClientToken="one")
    assert again["ProjectMetadata"] == first["ProjectMetadata"]
    assert len(server.host.calls) == 1
    with pytest.raises(client.exceptions.ConflictException, match="another request"):
        client.create_project(ProjectName="q", ClientToken="one")
    client.create_project(**P, ClientToken="two")
    assert len(server.host.calls) == 2


def test_a_token_of_a_failed_call_may_be_used_again(server: Server) -> None:
    server.host.problem = ConflictError("busy", **RESOURCE)
    client = server.client()
    with pytest.raises(ClientError):
        client.delete_project(**P, ClientToken="one")
    server.host.problem = None
    client.delete_project(**P, ClientToken="one")
    assert len(server.host.calls) == 2


HOST = ("Host", "localhost:8080")


@pytest.mark.parametrize(
    ("method", "target", "headers", "body", "status", "code"),
    [
        ("GET", "/2020-11-20/nothing", [HOST], b"", 404, "UnknownOperationException"),
        ("PUT", "/2020-11-20/projects", [HOST], b"", 404, "UnknownOperationException"),
        ("POST", "/2020-11-20/projects", [HOST], b"{", 400, "ValidationException"),
        ("POST", "/2020-11-20/projects", [HOST, ("Content-Type", "text/plain")], b"{}", 415, "UnsupportedMediaTypeException"),
        ("POST", "/2020-11-20/projects", [HOST], b" " * (1024 * 1024 + 1), 413, "RequestEntityTooLargeException"),
        ("POST", "/2020-11-20/projects", [HOST, ("Content-Length", "2000000")], b"", 413, "RequestEntityTooLargeException"),
        ("GET", "/2020-11-20/projects", [("Host", "evil.example")], b"", 403, "AccessDeniedException"),
        ("GET", "/2020-11-20/projects", [("Host", "[")], b"", 403, "AccessDeniedException"),
        ("GET", "/2020-11-20/projects", [HOST, ("Origin", "https://evil.example")], b"", 403, "AccessDeniedException"),
        ("GET", "/2020-11-20/projects", [HOST, ("Origin", "null")], b"", 403, "AccessDeniedException"),
        ("GET", "/2020-11-20/projects", [HOST, ("Origin", "http://localhost:3000")], b"", 403, "AccessDeniedException"),
        ("POST", "/2020-11-20/projects/p/models/1/detect", [HOST], b"x", 400, "ValidationException"),
    ],
)
def test_a_request_that_cannot_be_gets_its_status(
    method: str, target: str, headers: list[tuple[str, str]], body: bytes, status: int, code: str, keyless: Server
) -> None:
    reply = keyless.send(method, target, headers=headers, body=body, parts=2)
    assert (reply.status, reply.headers["x-amzn-errortype"]) == (status, code)
    assert reply.headers["content-type"] == "application/json"
    assert json.loads(reply.body)["Message"]
    assert keyless.host.calls == []


def test_a_server_without_keys_takes_any_signature_or_none(keyless: Server) -> None:
    keyless.client("ANY", secret="x" * 9, region="eu-west-1").create_project(**P)
    reply = keyless.send("GET", "/2020-11-20/projects", headers=[HOST, ("Origin", "http://localhost:8080")])
    assert reply.status == 200
    owners = [owner for _, owner, _ in keyless.host.calls]
    assert owners == [Owner(account="000000000000", region="eu-west-1"), Owner(account="000000000000", region="us-east-1")]


def test_a_picture_in_chunks_is_put_together(keyless: Server) -> None:
    headers = [
        HOST,
        ("Content-Type", "image/png"),
        ("X-Amz-Content-SHA256", "STREAMING-UNSIGNED-PAYLOAD-TRAILER"),
        ("X-Amz-Decoded-Content-Length", "5"),
    ]
    path = "/2020-11-20/projects/p/models/latest/detect"
    assert keyless.send("POST", path, headers=headers, body=b"2\r\nhe\r\n3\r\nllo\r\n0\r\n\r\n", parts=7).status == 200
    assert keyless.pool.calls[0][1:4] == ("p", "latest", b"hello")
    assert keyless.send("POST", path, headers=headers, body=b"2\r\nhe").status == 400


def test_too_many_requests_are_told_when_to_come_again(tmp_path: Path) -> None:
    server = Server(tmp_path, rate_per_operation=2)
    client, elsewhere = server.client(), server.client(region="eu-west-1")

    def ask_again_and_again() -> None:  # a slow machine may be given another request in between
        for one in itertools.islice(itertools.cycle([client, elsewhere]), 1000):
            one.list_projects()

    with pytest.raises(client.exceptions.ThrottlingException, match="more than 2 requests a second") as caught:
        ask_again_and_again()
    assert caught.value.response["RetryAfterSeconds"] == 1
    client.describe_project(**P)
    client.detect_anomalies(**DETECT)
    server.close()


def test_a_large_document_is_read_in_a_thread(keyless: Server) -> None:
    document = json.dumps({"Changes": base64.b64encode(b" " * 9_000_000).decode()}).encode()
    reply = keyless.send("PATCH", "/2020-11-20/projects/p/datasets/train/entries", headers=[HOST], body=document)
    assert reply.status == 202
    assert keyless.host.calls[0][2]["changes"] == b" " * 9_000_000


def test_a_body_that_does_not_come_is_given_up(tmp_path: Path) -> None:
    server = Server(tmp_path, keyless=True, request_seconds=0.05)
    reply = server.send("POST", "/2020-11-20/projects", headers=[HOST], body=b"{}", stalls=True)
    assert (reply.status, reply.headers["x-amzn-errortype"]) == (408, "RequestTimeoutException")
    server.close()
