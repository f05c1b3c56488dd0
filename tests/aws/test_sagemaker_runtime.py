"""An endpoint as boto3's client `sagemaker-runtime` asks it: replies, headers and errors as it reads them."""

from __future__ import annotations

import base64
import io
import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from botocore.exceptions import ClientError
from PIL import Image
from tests.aws.conftest import ACCOUNT, FOUND, Server

from made_models import BOX_PART, MASK_PART, made_package
from walkaround.aws.sagemaker_runtime import MOST_BYTES
from walkaround.damage.findings import FoundBox, FoundMasks
from walkaround.errors import ConflictError, ThrottledError, UnavailableError, ValidationError
from walkaround.hosting.owner import Owner
from walkaround.store.tables import Endpoint, Model, Project

OWNER = Owner(account=ACCOUNT, region="us-east-1")
JPEG = b"\xff\xd8\xff picture"
PNG = b"\x89PNG\r\n\x1a\n picture"
BUSY: dict[str, Any] = {"resource_id": "cars/3", "resource_type": "MODEL"}


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Server]:
    """A server with the endpoint `damage`: version 3 of the model of `cars`, which finds boxes and masks."""
    made = Server(tmp_path)
    made_package(tmp_path / "models" / "found", boxes=BOX_PART, masks=MASK_PART)
    with made.database.transaction() as session:
        project = Project(account=ACCOUNT, region="us-east-1", name="cars")
        session.add(project)
        session.flush()
        model = Model(project_id=project.id, version=3, status="HOSTED", output={}, package="models/found")
        session.add(model)
        session.flush()
        session.add(Endpoint(account=ACCOUNT, region="us-east-1", name="damage", model_id=model.id, started=True))
    yield made
    made.close()


def invoke(server: Server, body: bytes = JPEG, *, key_id: str = "WALKDETECT", **given: Any) -> Any:
    """Ask the endpoint `damage`, or another."""
    client = server.client(key_id, service="sagemaker-runtime", region=given.pop("region", "us-east-1"))
    return client.invoke_endpoint(**{"EndpointName": "damage", "ContentType": "image/jpeg", "Body": body, **given})


def refused(server: Server, body: bytes = JPEG, **given: Any) -> tuple[str, int, str]:
    """Code, status and message of an error."""
    with pytest.raises(ClientError) as caught:
        invoke(server, body, **given)
    response = caught.value.response
    return response["Error"]["Code"], response["ResponseMetadata"]["HTTPStatusCode"], response["Error"]["Message"]


@pytest.mark.parametrize(
    ("body", "kind"),
    [
        (JPEG, "image/jpeg"),
        (PNG, "image/png"),
        (JPEG, "image/jpg"),
        (PNG, "application/x-image"),
        (JPEG, "application/octet-stream"),
        (JPEG, "Image/JPEG; q=1"),
    ],
)
def test_a_picture_goes_to_the_model_of_the_endpoint(body: bytes, kind: str, server: Server) -> None:
    reply = invoke(server, body, ContentType=kind)
    assert server.pool.calls == [(OWNER, "cars", "3", body, "image/jpeg")]
    assert (reply["ContentType"], reply["InvokedProductionVariant"]) == ("application/json", "AllTraffic")
    [prediction] = json.loads(reply["Body"].read())["predictions"]
    assert prediction == {
        "detection_boxes": [],
        "detection_classes": [],
        "detection_scores": [],
        "num_detections": 0,
        "detection_class_names": [],
        "anomalous": True,
        "confidence": 0.875,
        "label": "dent",
        "probabilities": {},
    }
    assert (server.state["operation"], server.state["project"]) == ("InvokeEndpoint", "cars")


def test_boxes_are_fractions_and_classes_count_from_one(server: Server) -> None:
    found = (
        FoundBox(label="dent", score=0.75, box=(8.0, 16.0, 32.0, 48.0)),
        FoundBox(label="scratch", score=0.5, box=(-1.0, 0.0, 128.0, 64.5)),
    )
    server.pool.findings = replace(FOUND, width=128, height=64, boxes=found)
    [prediction] = json.loads(invoke(server)["Body"].read())["predictions"]
    assert prediction["detection_boxes"] == [[0.25, 0.0625, 0.75, 0.25], [0.0, 0.0, 1.0, 1.0]]
    assert prediction["detection_classes"] == [2.0, 1.0]
    assert prediction["detection_scores"] == [0.75, 0.5]
    assert prediction["num_detections"] == 2
    assert prediction["detection_class_names"] == ["dent", "scratch"]


def test_masks_are_told_as_areas(server: Server) -> None:
    labels = np.zeros((2, 4), np.uint8)
    labels[0, 0] = 2
    server.pool.findings = replace(FOUND, masks=FoundMasks(names=("scratch", "dent"), labels=labels, colours={}))
    [prediction] = json.loads(invoke(server)["Body"].read())["predictions"]
    assert prediction["areas"] == {"dent": 0.125}


def test_instances_are_answered_in_their_order(server: Server) -> None:
    encoded = [{"b64": base64.b64encode(one).decode()} for one in (JPEG, PNG)]
    reply = invoke(
        server, json.dumps({"instances": encoded}).encode(), ContentType="application/json", Accept="application/json"
    )
    assert [call[3] for call in server.pool.calls] == [JPEG, PNG]
    assert len(json.loads(reply["Body"].read())["predictions"]) == 2


@pytest.mark.parametrize("kind", ["application/json", None])
def test_pixels_as_nested_lists_reach_the_model(kind: str | None, server: Server) -> None:
    pixels = np.random.default_rng(0).integers(0, 256, (300, 300, 3), dtype=np.uint8)
    body = json.dumps({"instances": [pixels.tolist()]}).encode()
    client = server.client("WALKDETECT", service="sagemaker-runtime")
    client.invoke_endpoint(EndpointName="damage", Body=body, **({} if kind is None else {"ContentType": kind}))
    with Image.open(io.BytesIO(server.pool.calls[0][3])) as image:
        assert np.array_equal(np.asarray(image), pixels)


def test_attributes_and_the_inference_id_come_back(server: Server) -> None:
    reply = invoke(server, CustomAttributes="trace=7; car=a", InferenceId="job-7")
    assert reply["CustomAttributes"] == "trace=7; car=a"
    headers = reply["ResponseMetadata"]["HTTPHeaders"]
    assert headers["x-amzn-sagemaker-inference-id"] == "job-7"
    assert headers["x-amzn-requestid"]


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"EndpointName": "other"}, "Endpoint other of account 123456789012 not found"),
        ({"region": "eu-west-1"}, "Endpoint damage of account 123456789012 not found"),
        ({"TargetVariant": "blue"}, "Variant blue"),
        ({"TargetModel": "a.tar.gz"}, "no multi-model endpoint"),
        ({"InferenceComponentName": "a"}, "no inference components"),
        ({"SessionId": "NEW_SESSION"}, "no sessions"),
        ({"InferenceId": "x" * 65}, "x-amzn-sagemaker-inference-id has to be"),
        ({"body": b"x" * (MOST_BYTES + 1)}, "more than 26,214,400 bytes"),
    ],
)
def test_what_the_endpoint_cannot_do_is_a_validation_error(given: dict[str, Any], said: str, server: Server) -> None:
    code, status, message = refused(server, **given)
    assert (code, status) == ("ValidationError", 400)
    assert said in message
    assert server.pool.calls == []


@pytest.mark.parametrize(
    ("given", "original", "said"),
    [
        ({"body": b""}, 400, "empty"),
        ({"body": b"{}", "ContentType": "application/json"}, 400, '"instances"'),
        ({"ContentType": "text/csv"}, 415, "'text/csv' is not supported"),
        ({"ContentType": "image/gif"}, 415, "'image/gif' is not supported"),
        ({"Accept": "text/csv"}, 406, "accept type 'text/csv'"),
    ],
)
def test_what_the_model_cannot_read_is_a_model_error(given: dict[str, Any], original: int, said: str, server: Server) -> None:
    with pytest.raises(ClientError, match=said) as caught:
        invoke(server, **given)
    response = caught.value.response
    assert response["Error"]["Code"] == "ModelError"
    assert response["ResponseMetadata"]["HTTPStatusCode"] == 424
    assert response["OriginalStatusCode"] == original
    assert said in response["OriginalMessage"]


@pytest.mark.parametrize(
    ("problem", "code", "status"),
    [
        (ValidationError("the picture is torn"), "ModelError", 424),
        (ConflictError("is being started", **BUSY), "ModelNotReadyException", 429),
        (ThrottledError("too many", retry_after=1), "ThrottlingException", 429),
        (UnavailableError("workers are away", retry_after=1), "ServiceUnavailable", 503),
        (RuntimeError("secret"), "InternalFailure", 500),
    ],
)
def test_errors_of_the_pool_have_the_names_that_clients_know(
    problem: Exception, code: str, status: int, server: Server
) -> None:
    server.pool.problem = problem
    told = refused(server)
    assert told[:2] == (code, status)
    assert "secret" not in told[2]
    assert server.state["error"] == code


def test_a_stopped_model_is_a_validation_error(server: Server) -> None:
    with server.database.transaction() as session:
        session.query(Model).one().status = "TRAINED"
    server.pool.problem = ConflictError("start it first", **BUSY)
    assert refused(server) == ("ValidationError", 400, "start it first")


def test_only_keys_that_may_detect_and_sign_for_sagemaker_are_let_in(server: Server) -> None:
    code, status, message = refused(server, key_id="WALKREAD")
    assert (code, status) == ("AccessDeniedException", 403)
    assert "sagemaker:InvokeEndpoint" in message
    assert refused(server, key_id="WALKNONE")[0] == "UnrecognizedClientException"
    assert server.send("POST", "/endpoints/damage/invocations", body=JPEG).status == 403
    assert server.pool.calls == []


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/endpoints/damage/invocations"),
        ("POST", "/endpoints/damage/invocations-response-stream"),
        ("POST", "/endpoints/damage"),
        ("POST", "/endpoints/-a/invocations"),
        ("POST", "/endpoints/a%2Fb/invocations"),
    ],
)
def test_other_paths_are_no_operations(method: str, path: str, server: Server) -> None:
    reply = server.send(method, path)
    assert (reply.status, reply.headers["x-amzn-errortype"]) == (404, "UnknownOperationException")


def test_too_many_requests_are_throttled(tmp_path: Path) -> None:
    server = Server(tmp_path, rate_per_operation=1, keyless=True)
    codes = {refused(server, EndpointName="none")[0] for _ in range(20)}
    server.close()
    assert codes == {"ValidationError", "ThrottlingException"}
