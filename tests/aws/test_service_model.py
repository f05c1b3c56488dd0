"""The service model: complete, whole, and the one source of routes and patterns."""

from __future__ import annotations

import inspect
import json
import sys
import unicodedata

import pytest

from walkaround.aws.lookoutvision import WAYS, role_for, snake_case
from walkaround.aws.service_model import MODEL_FOLDER, load_service_model
from walkaround.hosting.host import Host

MODEL = load_service_model()
QUOTAS = {"CreateDataset", "CreateModel", "CreateProject", "StartModel", "StartModelPackagingJob", "TagResource"}
TOKENS = {
    *("CreateDataset", "CreateModel", "CreateProject", "DeleteDataset", "DeleteModel", "DeleteProject"),
    *("StartModel", "StartModelPackagingJob", "StopModel", "UpdateDatasetEntries"),
}
ACCEPTED = {"CreateDataset", "DeleteDataset", "UpdateDatasetEntries", "CreateModel", "DeleteModel", "StartModel", "StopModel"}


def test_it_has_every_operation_with_its_status_tokens_and_errors() -> None:
    operations = MODEL.operations
    assert len(operations) == 22
    assert {name for name, one in operations.items() if one.status == 202} == ACCEPTED
    assert {one.status for one in operations.values()} == {200, 202}
    assert {name for name, one in operations.items() if one.takes_token} == TOKENS
    assert {name for name, one in operations.items() if "ServiceQuotaExceededException" in one.errors} == QUOTAS
    assert {name for name, one in operations.items() if "ConflictException" not in one.errors} == {
        "DescribeModelPackagingJob",
        "ListModelPackagingJobs",
    }


def test_errors_have_their_status_and_members() -> None:
    assert {name: one.status for name, one in MODEL.errors.items()} == {
        "ValidationException": 400,
        "ServiceQuotaExceededException": 402,
        "AccessDeniedException": 403,
        "ResourceNotFoundException": 404,
        "ConflictException": 409,
        "ThrottlingException": 429,
        "InternalServerException": 500,
    }
    assert all("Message" in one.required for one in MODEL.errors.values())
    assert MODEL.errors["ThrottlingException"].members["RetryAfterSeconds"].wire_name == "Retry-After"


def test_every_shape_that_is_named_exists_and_is_used() -> None:
    text = (MODEL_FOLDER / "service-2.json").read_text(encoding="utf-8")
    shapes = json.loads(text)["shapes"]
    assert [name for name in shapes if f'"shape": "{name}"' not in text] == []
    assert "documentation" not in text


def test_paginators_are_those_of_the_lists() -> None:
    pages = json.loads((MODEL_FOLDER / "paginators-1.json").read_text(encoding="utf-8"))["pagination"]
    lists = {name for name, one in MODEL.operations.items() if "NextToken" in one.output.members}
    assert set(pages) == lists
    assert all(one["result_key"] in MODEL.operations[name].output.members for name, one in pages.items())


@pytest.mark.parametrize("name", MODEL.operations)
def test_an_operation_has_a_method_and_a_role_that_fits_its_name(name: str) -> None:
    role = role_for(MODEL.operations[name])
    assert role == ("read" if name.startswith(("Describe", "List")) else "detect" if name == "DetectAnomalies" else "manage")
    assert name == "DetectAnomalies" or WAYS[name].method == snake_case(name)


@pytest.mark.parametrize(
    ("method", "path", "name"),
    [
        ("GET", "/2020-11-20/projects", "ListProjects"),
        ("PATCH", "/2020-11-20/projects/p/datasets/train/entries", "UpdateDatasetEntries"),
        ("GET", "/2020-11-20/tags/arn%3Aaws%3Alookoutvision%3Aus-east-1%3A1%3Amodel%2Fp%2F1", "ListTagsForResource"),
        ("GET", "/2020-11-20/tags/arn:aws:lookoutvision:us-east-1:1:model/p/1", "ListTagsForResource"),
        ("GET", "/2020-11-20/projects/%2E%2E", "DescribeProject"),
        ("PUT", "/2020-11-20/projects", None),
        ("GET", "/2020-11-20/projects/", None),
        ("GET", "/2020-11-20//projects", None),
        ("GET", "/2020-11-20/projects/p/../p", None),
        ("GET", "/2020-11-20/./projects", None),
        ("GET", "/2020-11-21/projects", None),
        ("GET", "/2020-11-20/projects/p/models/1/detect/more", None),
        ("GET", "/2020-11-20/tags", None),
        ("GET", "", None),
    ],
)
def test_a_path_leads_to_its_operation(method: str, path: str, name: str | None) -> None:
    found = MODEL.route(method, path)
    assert (found[0].name if found else None) == name


def test_tags_take_letters_numbers_and_spaces_of_every_script() -> None:
    item = MODEL.operations["UntagResource"].input.members["TagKeys"].shape.item
    assert item is not None
    assert item.expression is not None
    for code in range(0, sys.maxunicode + 1, 7):
        character = chr(code)
        allowed = unicodedata.category(character)[0] in "LZN" or character in "_.:/=+-@"
        assert bool(item.expression.fullmatch(character)) == allowed, hex(code)


@pytest.mark.parametrize(
    ("name", "snake"),
    [("KmsKeyId", "kms_key_id"), ("ResourceArn", "resource_arn"), ("MinInferenceUnits", "min_inference_units")],
)
def test_members_have_their_names_in_python(name: str, snake: str) -> None:
    assert snake_case(name) == snake


@pytest.mark.parametrize("name", WAYS)
def test_the_host_has_the_method_with_the_members_of_the_contract(name: str) -> None:
    shape = MODEL.operations[name].input
    members = {snake_case(one.name): one.name in shape.required for one in shape.members.values() if not one.is_token}
    parameters = inspect.signature(getattr(Host, WAYS[name].method)).parameters.values()
    taken = {one.name: one.default is one.empty for one in parameters if one.kind is one.KEYWORD_ONLY}
    of_rest_alone = {"options": False} if name == "CreateModel" else {}
    assert taken == members | of_rest_alone
