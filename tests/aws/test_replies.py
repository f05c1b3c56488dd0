"""Replies: what botocore reads of them is what was answered, and nothing else leaves the house."""

from __future__ import annotations

import json
import string
from datetime import UTC, datetime
from typing import Any

import pytest
from botocore.loaders import JSONFileLoader
from botocore.model import ServiceModel
from botocore.parsers import create_parser
from hypothesis import given, settings
from hypothesis import strategies as st

from walkaround.aws.replies import document_of, json_reply
from walkaround.aws.service_model import MODEL_FOLDER, Operation, Shape, load_service_model

OPERATIONS = tuple(load_service_model().operations.values())
CLIENTS_MODEL = ServiceModel(JSONFileLoader().load_file(str(MODEL_FOLDER / "service-2")), "lookoutvision")
SCALARS: dict[str, st.SearchStrategy[Any]] = {
    "string": st.text(string.printable + "äß\u20ac\U0001f697", max_size=20),
    "integer": st.integers(0, 2**31 - 1),
    "float": st.floats(0, 1, width=32),
    "boolean": st.booleans(),
    "blob": st.binary(max_size=20),
    "timestamp": st.datetimes(datetime(2000, 1, 1), datetime(2100, 1, 1), timezones=st.just(UTC)).map(
        lambda moment: moment.replace(microsecond=moment.microsecond // 1000 * 1000)
    ),
}


def values_of(shape: Shape) -> st.SearchStrategy[Any]:
    if shape.kind == "structure":
        members = {name: values_of(member.shape) for name, member in shape.members.items()}
        return st.fixed_dictionaries({}, optional=members)
    if shape.kind == "list":
        assert shape.item is not None
        return st.lists(values_of(shape.item), max_size=3)
    return st.sampled_from(shape.choices) if shape.choices else SCALARS[shape.kind]


OUTPUTS = {operation.name: values_of(operation.output) for operation in OPERATIONS}


@st.composite
def answers(draw: st.DrawFn) -> tuple[Operation, dict[str, Any]]:
    operation = draw(st.sampled_from(OPERATIONS))
    return operation, draw(OUTPUTS[operation.name])


@given(answer=answers())
@settings(max_examples=100, deadline=None)
def test_botocore_reads_what_was_answered(answer: tuple[Operation, dict[str, Any]]) -> None:
    operation, values = answer
    reply = json_reply(operation.status, document_of(operation.output, values))
    response = {"headers": dict(reply.headers), "status_code": reply.status, "body": reply.body}
    shape = CLIENTS_MODEL.operation_model(operation.name).output_shape
    parsed = create_parser("rest-json").parse(response, shape)
    del parsed["ResponseMetadata"]
    assert parsed == values


def test_only_members_of_the_service_model_are_answered_and_no_empty_ones() -> None:
    shape = load_service_model().operations["DescribeProject"].output
    values = {"ProjectDescription": {"ProjectName": "a", "Secret": 1, "ProjectArn": None}, "Other": 2}
    assert document_of(shape, values) == {"ProjectDescription": {"ProjectName": "a"}}


@pytest.mark.parametrize(
    ("moment", "seconds"),
    [
        (datetime(2020, 11, 20, 8, 30, tzinfo=UTC), 1605861000),
        (datetime(2020, 11, 20, 8, 30, 0, 123_456, tzinfo=UTC), 1605861000.123),
    ],
)
def test_a_timestamp_is_a_number_of_seconds(moment: datetime, seconds: float) -> None:
    shape = load_service_model().operations["CreateProject"].output
    document = document_of(shape, {"ProjectMetadata": {"CreationTimestamp": moment}})
    assert json.loads(json_reply(200, document).body) == {"ProjectMetadata": {"CreationTimestamp": seconds}}


@pytest.mark.parametrize("value", [float("nan"), float("inf"), True, "0.5"])
def test_a_value_of_the_wrong_kind_is_a_mistake_of_this_program(value: object) -> None:
    shape = load_service_model().operations["DetectAnomalies"].output
    with pytest.raises(TypeError, match="Confidence of a reply"):
        document_of(shape, {"DetectAnomalyResult": {"Confidence": value}})
