"""An endpoint from its making to its end: over REST, and asked by botocore's own client as signed requests on the wire."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import botocore.session
import numpy as np
import pytest
from PIL import Image

from made_models import BOX_PART, made_package, picture_with
from served import Served

ENDPOINT = {"name": "damage", "project": "bright", "version": "1"}


@pytest.fixture(scope="module")
def project(server: Served, tmp_path_factory: pytest.TempPathFactory) -> str:
    """The project of a model that finds what is bright, imported."""
    package = made_package(tmp_path_factory.mktemp("packages") / "bright", boxes=BOX_PART, kind=1)
    server.walkaround("import", str(package.path), "bright")
    return "bright"


@pytest.fixture(scope="module")
def endpoint(server: Served, callers: Any, project: str) -> Iterator[str]:
    """An endpoint of that model, in service."""
    made = callers.manage.ok("POST", "/endpoints", json=ENDPOINT)
    assert (made["status"], made["url"], made["project"]) == ("Creating", "/endpoints/damage/invocations", project)
    assert 'data: {"state": "done"}' in callers.manage.get(f"/api/v1/jobs/{made['job']}/events").text
    yield made["name"]
    callers.manage.ok("DELETE", f"/endpoints/{made['name']}")


def runtime(server: Served) -> Any:
    """An unmodified client of SageMaker's runtime."""
    return botocore.session.Session().create_client(
        "sagemaker-runtime",
        region_name="us-east-1",
        endpoint_url=server.url,
        aws_access_key_id=server.key.key_id,
        aws_secret_access_key=server.key.secret,
    )


def test_an_endpoint_answers_pictures_and_pixels_alike(server: Served, callers: Any, endpoint: str, tmp_path: Path) -> None:
    assert callers.read.ok("GET", f"/endpoints/{endpoint}")["status"] == "InService"
    assert [one["name"] for one in callers.read.ok("GET", "/endpoints")["endpoints"]] == [endpoint]
    pixels = picture_with((64, 48, 128, 96))
    Image.fromarray(pixels).save(tmp_path / "car.png")
    client = runtime(server)
    answers = []
    for kind, body in (
        ("image/png", (tmp_path / "car.png").read_bytes()),
        ("application/json", json.dumps({"instances": [pixels.tolist()]}).encode()),
    ):
        reply = client.invoke_endpoint(EndpointName=endpoint, ContentType=kind, Body=body)
        answers += json.loads(reply["Body"].read())["predictions"]
    assert answers[0] == answers[1]
    assert answers[0]["detection_classes"] == [2.0]
    assert answers[0]["anomalous"] is True
    assert np.allclose(answers[0]["detection_boxes"], [[0.25, 0.25, 0.5, 0.5]], atol=0.05)


def test_what_the_worker_cannot_read_is_a_model_error(server: Served, endpoint: str) -> None:
    client = runtime(server)
    with pytest.raises(client.exceptions.ModelError, match="not a picture") as caught:
        client.invoke_endpoint(EndpointName=endpoint, ContentType="image/jpeg", Body=b"no picture")
    assert caught.value.response["OriginalStatusCode"] == 400


def test_a_body_beyond_the_limit_is_refused_in_the_clients_own_words(server: Served, endpoint: str) -> None:
    client = runtime(server)
    with pytest.raises(client.exceptions.ClientError) as caught:
        client.invoke_endpoint(EndpointName=endpoint, ContentType="image/jpeg", Body=b"x" * 11_000_000)
    assert caught.value.response["Error"]["Code"] == "RequestEntityTooLargeException"


def test_rights_are_those_of_other_operations(callers: Any, endpoint: str) -> None:
    for caller in (callers.read, callers.detect):
        assert caller.problem("POST", "/endpoints", json=ENDPOINT)[0] == 403
        assert caller.problem("DELETE", f"/endpoints/{endpoint}")[0] == 403
    assert callers.nobody.problem("GET", "/endpoints")[0] == 401
    assert callers.other.problem("GET", f"/endpoints/{endpoint}")[0] == 404
    assert callers.manage.problem("POST", "/endpoints", json=ENDPOINT)[0] == 409


@pytest.mark.parametrize(("changed", "status"), [({"name": "a_b"}, 422), ({"project": "none"}, 404), ({"version": "7"}, 404)])
def test_an_endpoint_that_cannot_be_is_refused(changed: dict[str, str], status: int, callers: Any, project: str) -> None:
    del project
    assert callers.manage.problem("POST", "/endpoints", json={**ENDPOINT, **changed})[0] == status
