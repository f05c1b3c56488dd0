"""Requests: what botocore sends is what arrives, every constraint is enforced, and whatever comes is read or refused."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any
from urllib.parse import quote, urlencode

import pytest
from botocore.loaders import JSONFileLoader
from botocore.model import ServiceModel
from botocore.serialize import create_serializer
from hypothesis import given, settings
from hypothesis import strategies as st

from walkaround.aws.faults import WireError
from walkaround.aws.requests import parse_query, read_parameters
from walkaround.aws.service_model import MODEL_FOLDER, Operation, Shape, load_service_model
from walkaround.errors import ValidationError

MODEL = load_service_model()
CLIENTS_MODEL = ServiceModel(JSONFileLoader().load_file(str(MODEL_FOLDER / "service-2")), "lookoutvision")
LINE = {"source-ref": "s3://b/k"}


def read(method: str, target: str, *, body: Any = b"", headers: dict[str, str] | None = None) -> dict[str, Any]:
    path, _, query = target.partition("?")
    found = MODEL.route(method, f"/2020-11-20{path}")
    assert found is not None
    content = body if isinstance(body, bytes) else json.dumps(body).encode()
    given = [(name.lower(), value) for name, value in (headers or {}).items()]
    return read_parameters(*found, query=query, headers=given, body=content)


def texts(shape: Shape) -> st.SearchStrategy[str]:
    if shape.choices:
        return st.sampled_from(shape.choices)
    text = st.from_regex(shape.expression, fullmatch=True) if shape.expression else st.text(min_size=1, max_size=9)
    least, most = shape.minimum or 0, shape.maximum or 100
    return text.map(lambda one: one[:most]).filter(
        lambda one: (
            least <= len(one)
            and one.isprintable()
            and one.encode("utf-8", "replace").decode() == one
            and (shape.expression is None or shape.expression.fullmatch(one) is not None)
        )
    )


def values_of(shape: Shape, *, place: str = "body") -> st.SearchStrategy[Any]:
    match shape.kind:
        case "structure":
            members = {name: values_of(member.shape, place=member.place) for name, member in shape.members.items()}
            needed = {name: value for name, value in members.items() if name in shape.required}
            return st.fixed_dictionaries(needed, optional={name: members[name] for name in members if name not in needed})
        case "list":
            assert shape.item is not None
            return st.lists(values_of(shape.item), min_size=int(place == "querystring"), max_size=3)
        case "integer":
            return st.integers(shape.minimum or 0, shape.maximum or 1000)
        case "boolean":
            return st.booleans()
        case "blob":
            return st.binary(min_size=1, max_size=20)
        case "timestamp":
            return st.datetimes(datetime(1971, 1, 1), datetime(2100, 1, 1), timezones=st.just(UTC)).map(
                lambda moment: moment.replace(microsecond=0)
            )
    if place == "header":
        return st.from_regex(r"[a-z0-9-]{1,20}", fullmatch=True)
    return texts(shape)


INPUTS = {name: values_of(operation.input) for name, operation in MODEL.operations.items()}


@st.composite
def calls(draw: st.DrawFn) -> tuple[Operation, dict[str, Any]]:
    operation = draw(st.sampled_from(tuple(MODEL.operations.values())))
    return operation, draw(INPUTS[operation.name])


@given(call=calls())
@settings(max_examples=80, deadline=None)
def test_what_botocore_sends_is_what_arrives(call: tuple[Operation, dict[str, Any]]) -> None:
    operation, values = call
    sent = create_serializer("rest-json").serialize_to_request(values, CLIENTS_MODEL.operation_model(operation.name))
    query = urlencode(sent["query_string"], doseq=True, quote_via=quote)
    found = MODEL.route(sent["method"], sent["url_path"])
    assert found is not None
    assert found[0].name == operation.name
    headers = [(name.lower(), str(value)) for name, value in sent["headers"].items()]
    body = sent["body"] if isinstance(sent["body"], bytes) else b""
    assert read_parameters(*found, query=query, headers=headers, body=body) == values


PROJECT, MODELS, ENTRIES = "/projects/p", "/projects/p/models", "/projects/p/datasets/train/entries"
OUTPUT = {"OutputConfig": {"S3Location": {"Bucket": "photos"}}}


@pytest.mark.parametrize(
    ("method", "target", "body", "said"),
    [
        ("POST", "/projects", {}, "Value null at 'projectName' failed to satisfy constraint: Member must not be null"),
        ("POST", "/projects", {"ProjectName": None}, "Member must not be null"),
        (
            "POST",
            "/projects",
            {"ProjectName": 5},
            "Value '5' at 'projectName' failed to satisfy constraint: Member must be a string",
        ),
        ("POST", "/projects", {"ProjectName": ""}, "length greater than or equal to 1"),
        ("POST", "/projects", {"ProjectName": "a" * 256}, "Member must have length less than or equal to 255"),
        ("POST", "/projects", {"ProjectName": "a b"}, r"pattern: [a-zA-Z0-9][a-zA-Z0-9_\-]*"),
        ("POST", "/projects", {"ProjectName": "a\n"}, "pattern"),
        ("POST", "/projects", {"ProjectName": "é"}, "pattern"),
        ("POST", "/projects", [], "has to be a JSON object"),
        ("POST", "/projects", b"{", "is not a JSON document"),
        ("POST", "/projects", b'{"ProjectName": [' + b"0," * 100_000 + b"0]}", "holds more than 100,000 values"),
        ("POST", "/projects", {"ProjectName": ["a"]}, "Value 'a list' at 'projectName'"),
        ("POST", "/projects", b"\xff{}", "is not a JSON document"),
        ("POST", "/projects", b'{"ProjectName": NaN}', "is not a JSON document"),
        ("POST", "/projects", b"[" * 100_000, "is not a JSON document"),
        ("POST", "/projects", b'{"ProjectName": ' + b"1" * 5000 + b"}", "is not a JSON document"),
        ("GET", "/projects/a%20b", b"", "at 'projectName'"),
        ("GET", "/projects/%ff", b"", "not percent-encoded UTF-8"),
        ("GET", "/projects/..%2f..", b"", "at 'projectName'"),
        ("GET", "/projects?maxResults=0", b"", "Member must have value greater than or equal to 1"),
        ("GET", "/projects?maxResults=101", b"", "Member must have value less than or equal to 100"),
        ("GET", "/projects?maxResults=ten", b"", "Member must be an integer"),
        ("GET", "/projects?maxResults=1&maxResults=2", b"", "Member must be given once"),
        ("GET", "/projects?nextToken=a%20b", b"", "at 'nextToken'"),
        ("POST", f"{PROJECT}/datasets", {"DatasetType": "validation"}, "pattern: train|test"),
        (
            "POST",
            f"{PROJECT}/datasets",
            {"DatasetType": "train", "DatasetSource": {"GroundTruthManifest": {"S3Object": {"Bucket": "ab"}}}},
            "2 validation errors detected: Value 'ab' at 'datasetSource.groundTruthManifest.s3Object.bucket'",
        ),
        ("GET", f"{ENTRIES}?labeled=yes", b"", "Member must be true or false"),
        ("GET", f"{ENTRIES}?anomalyClass=other", b"", "pattern: (normal|anomaly)"),
        ("GET", f"{ENTRIES}?createdBefore=yesterday", b"", "ISO 8601"),
        ("GET", f"{ENTRIES}?createdBefore=2020-13-01T00:00:00Z", b"", "ISO 8601"),
        ("GET", f"{ENTRIES}?createdAfter=0001-01-01T00:00:00%2B14:00", b"", "ISO 8601"),
        ("GET", f"{ENTRIES}?sourceRefContains=%20", b"", "at 'sourceRefContains'"),
        ("GET", f"{ENTRIES}?sourceRefContains=a%00b", b"", "without NUL"),
        ("PATCH", ENTRIES, {"Changes": "###"}, "Member must be a string in base64"),
        ("PATCH", ENTRIES, {"Changes": ""}, "Value '0 bytes' at 'changes'"),
        ("POST", MODELS, {}, "at 'outputConfig'"),
        ("POST", MODELS, {"OutputConfig": {"S3Location": {}}}, "Value null at 'outputConfig.s3Location.bucket'"),
        ("POST", MODELS, {"OutputConfig": {"S3Location": []}}, "Member must be an object"),
        (
            "POST",
            MODELS,
            {"OutputConfig": {"S3Location": {"Bucket": "photos", "Prefix": "/a"}}},
            "at 'outputConfig.s3Location.prefix'",
        ),
        ("POST", MODELS, {**OUTPUT, "Description": "two words"}, "at 'description'"),
        ("POST", MODELS, {**OUTPUT, "KmsKeyId": "!"}, "at 'kmsKeyId'"),
        ("POST", MODELS, {**OUTPUT, "Tags": [{"Key": "a", "Value": "b"}, {"Key": "a"}]}, "Value null at 'tags.2.member.value'"),
        ("POST", MODELS, {**OUTPUT, "Tags": [None]}, "Value null at 'tags.1.member'"),
        ("POST", MODELS, {**OUTPUT, "Tags": [{"Key": "a", "Value": "b"}] * 201}, "length less than or equal to 200"),
        ("POST", MODELS, {**OUTPUT, "Tags": [{"Key": "a!", "Value": "b"}]}, r"\p{L}"),
        ("DELETE", f"{MODELS}/latest", b"", "pattern: ([1-9][0-9]*)"),
        ("GET", f"{MODELS}/0", b"", "at 'modelVersion'"),
        ("POST", f"{MODELS}/1/start", {"MinInferenceUnits": 0}, "Member must have value greater than or equal to 1"),
        ("POST", f"{MODELS}/1/start", {"MinInferenceUnits": True}, "Member must be an integer"),
        ("POST", f"{MODELS}/1/start", {"MinInferenceUnits": 1.5}, "Member must be an integer"),
        ("POST", f"{MODELS}/1/start", {"MinInferenceUnits": 2**31}, "less than or equal to 2147483647"),
        ("POST", "/tags/a", {"Tags": {}}, "Member must be a list"),
        ("DELETE", "/tags/a", b"", "Value null at 'tagKeys'"),
        ("DELETE", "/tags/a?tagKeys=", b"", "at 'tagKeys.1.member'"),
        (
            "POST",
            "/projects/p/modelpackagingjobs",
            {
                "ModelVersion": "1",
                "Configuration": {
                    "Greengrass": {
                        "ComponentName": "c",
                        "S3OutputLocation": {"Bucket": "photos"},
                        "TargetPlatform": {"Os": "WINDOWS", "Arch": "ARM64"},
                    }
                },
            },
            "targetPlatform.os' failed to satisfy constraint: Member must satisfy enum value set: [LINUX]",
        ),
    ],
)
def test_a_broken_constraint_is_told_in_awss_words(method: str, target: str, body: Any, said: str) -> None:
    with pytest.raises(ValidationError) as caught:
        read(method, target, body=body)
    assert said in str(caught.value)
    assert len(str(caught.value)) < 500


def test_all_that_is_wrong_is_told_at_once() -> None:
    with pytest.raises(ValidationError, match=r"^3 validation errors detected: .*projectName.*clientToken.*datasetType"):
        read("POST", "/projects/a%20b/datasets", body={}, headers={"X-Amzn-Client-Token": "a b"})
    tags = [{"Key": "!", "Value": "!"}] * 200
    with pytest.raises(ValidationError, match=r"^400 validation errors detected: .*; and 390 more$"):
        read("POST", "/tags/a", body={"Tags": tags})


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        ("2020-06-23T01:02:03Z", datetime(2020, 6, 23, 1, 2, 3, tzinfo=UTC)),
        ("1970-01-01T00:00:00.500Z", datetime(1970, 1, 1, 0, 0, 0, 500_000, tzinfo=UTC)),
        ("2020-06-23t01:02:03z", datetime(2020, 6, 23, 1, 2, 3, tzinfo=UTC)),
        ("2020-06-23T01:02:03", datetime(2020, 6, 23, 1, 2, 3, tzinfo=UTC)),
        ("2020-06-23T01:02:03%2B02:00", datetime(2020, 6, 22, 23, 2, 3, tzinfo=UTC)),
        ("2020-06-23T01:02:03.123456789Z", datetime(2020, 6, 23, 1, 2, 3, 123_456, tzinfo=UTC)),
        ("1592874123", datetime(2020, 6, 23, 1, 2, 3, tzinfo=UTC)),
        ("1592874123.5", datetime(2020, 6, 23, 1, 2, 3, 500_000, tzinfo=UTC)),
    ],
)
def test_timestamps_of_every_client_are_read(text: str, moment: datetime) -> None:
    assert read("GET", f"{ENTRIES}?createdAfter={text}")["AfterCreationDate"] == moment


def test_a_request_of_every_place_is_read() -> None:
    arn = "arn:aws:lookoutvision:us-east-1:1:model/p1/1"
    found = read("DELETE", f"/tags/{quote(arn, safe='')}?tagKeys=a&tagKeys=b%20c&tagKeys=d+e")
    assert found == {"ResourceArn": arn, "TagKeys": ["a", "b c", "d+e"]}
    found = read("POST", f"{MODELS}/1/stop", headers={"X-Amzn-Client-Token": "t", "Content-Length": "0"})
    assert found == {"ProjectName": "p", "ModelVersion": "1", "ClientToken": "t"}
    found = read("POST", MODELS, body={**OUTPUT, "Description": None, "Unknown": {"deep": []}})
    assert found == {"ProjectName": "p", **OUTPUT}


@pytest.mark.parametrize("kind", ["application/json", "Application/JSON; charset=utf-8", "application/x-amz-json-1.1"])
def test_json_is_read_under_its_names(kind: str) -> None:
    assert read("POST", "/projects", body={"ProjectName": "a"}, headers={"Content-Type": kind}) == {"ProjectName": "a"}


@pytest.mark.parametrize("kind", ["text/plain", "application/x-www-form-urlencoded", "application/xml", ""])
def test_a_body_of_another_kind_is_refused(kind: str) -> None:
    with pytest.raises(WireError, match="has to be application/json") as caught:
        read("POST", "/projects", body={"ProjectName": "a"}, headers={"Content-Type": kind})
    assert caught.value.status == 415


def test_a_plus_in_a_query_is_a_plus() -> None:
    assert parse_query("a=b+c%2B&&d&e=f=g") == [("a", "b+c+"), ("d", ""), ("e", "f=g")]


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=10,
)
NAMES = st.sampled_from(
    sorted({name for one in MODEL.operations.values() for name in one.input.members} | {"S3Location", "Bucket"})
)


@given(
    operation=st.sampled_from(tuple(MODEL.operations.values())),
    label=st.text("a%/.\x00é 1-", min_size=1, max_size=6),
    query=st.text("maxResults=&%1+abeld", max_size=20),
    document=st.dictionaries(NAMES, JSON, max_size=4),
    garbage=st.none() | st.binary(max_size=20),
)
@settings(max_examples=120, deadline=None)
def test_whatever_comes_is_read_or_refused(
    operation: Operation, label: str, query: str, document: dict[str, Any], garbage: bytes | None
) -> None:
    labels = {part[1:-1]: label for part in operation.segments if part.startswith("{")}
    body = garbage if garbage is not None else json.dumps(document).encode()
    try:
        found = read_parameters(operation, labels, query=query, headers=[], body=body)
    except (ValidationError, WireError):
        return
    assert set(operation.input.required) <= set(found) <= set(operation.input.members)
