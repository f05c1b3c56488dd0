"""The DynamoDB sink: items as the sample wrote them, each once, on a real server."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from typing import Any
from uuid import UUID

import pytest

from walkaround.errors import UnavailableError
from walkaround.pipeline.sinks.delivered import Delivered, RefusedError
from walkaround.pipeline.sinks.dynamodb import DynamoSender
from walkaround.pipeline.spec import DynamoSink
from walkaround.settings import Settings

Make = Callable[..., Delivered]


def sender(name: str) -> DynamoSender:
    return DynamoSender(DynamoSink(table=name), settings=Settings())


def items(dynamodb: Any, table: str) -> list[dict[str, str]]:
    pages = dynamodb.get_paginator("scan").paginate(TableName=table)
    found = [{name: value["S"] for name, value in item.items()} for page in pages for item in page["Items"]]
    return sorted(found, key=lambda item: item["Image"])


def test_a_picture_is_an_item_as_the_sample_has_it(dynamodb: Any, table: str, delivered: Make) -> None:
    assert sender(table).send([delivered()]) == [None]
    (item,) = items(dynamodb, table)
    assert UUID(item.pop("RequestID")).version == 5
    assert item == {
        "Date": "Mon, 04 May 2026 03:02:01 GMT",
        "DetectAnomalyResult": "True",
        "Confidence": "0.9731",
        "Image": "b.jpg",
    }


def test_the_same_results_again_are_the_same_items(dynamodb: Any, table: str, delivered: Make) -> None:
    given = [delivered(key=f"{number}.jpg") for number in range(60)]
    for some in (given, given[:30], [*given[10:], *given[:20], given[5]]):
        assert sender(table).send(some) == [None] * len(some)
    assert [item["Image"] for item in items(dynamodb, table)] == sorted(one.key for one in given)


def test_a_video_is_an_item_for_each_frame(dynamodb: Any, table: str, delivered: Make) -> None:
    findings = dict(delivered().findings)
    frames = [{**findings, "anomalous": number == 1, "confidence": 0.5 + number / 100} for number in range(30)]
    assert sender(table).send([delivered(key="in/round.mp4", findings={**findings, "frames_found": frames})]) == [None]
    found = items(dynamodb, table)
    assert [item["Image"] for item in found] == [f"roundjpg.{number:07d}.jpg" for number in range(30)]
    assert [item["DetectAnomalyResult"] for item in found[:3]] == ["False", "True", "False"]
    assert found[2]["Confidence"] == "0.52"


def test_a_missing_table_says_how_to_make_it(dynamodb: Any, delivered: Make) -> None:
    errors = sender("results").send([delivered(), delivered(key="c.jpg")])
    assert all(isinstance(error, UnavailableError) for error in errors)
    assert "There is no DynamoDB table 'results' in region eu-west-1: make it, aws dynamodb create-table" in str(errors[0])


def test_a_table_with_another_key_is_told_apart(dynamodb: Any, delivered: Make) -> None:
    dynamodb.create_table(
        TableName="others",
        AttributeDefinitions=[{"AttributeName": "id", "AttributeType": "S"}],
        KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}],
        BillingMode="PAY_PER_REQUEST",
    )
    (error,) = sender("others").send([delivered()])
    assert isinstance(error, UnavailableError)
    assert "must have RequestID, a string, as its only key" in str(error)


def test_one_item_that_is_refused_holds_up_no_other(dynamodb: Any, table: str, delivered: Make) -> None:
    huge = delivered(key="x" * 410_000)  # an item has 400 KB at most
    errors = sender(table).send([delivered(key="1.jpg"), huge, delivered(key="2.jpg")])
    assert [type(error) for error in errors] == [type(None), RefusedError, type(None)]
    assert [item["Image"] for item in items(dynamodb, table)] == ["1.jpg", "2.jpg"]


def test_a_service_that_is_away_is_waited_for(dynamodb: Any, delivered: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL_DYNAMODB", "http://127.0.0.1:1")
    errors = sender("results").send([delivered(), delivered(key="c.jpg")])
    assert [type(error) for error in errors] == [UnavailableError] * 2


def test_nothing_of_aws_is_imported_without_need() -> None:
    code = "import sys; import walkaround.pipeline.deliveries; sys.exit('boto3' in sys.modules or 'botocore' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
