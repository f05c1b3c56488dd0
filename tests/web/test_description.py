"""The REST API does what its OpenAPI description says, whatever is sent: Schemathesis, in a short seeded run."""

from __future__ import annotations

from typing import Any

import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from served import Served

CHECKS = [not_a_server_error, status_code_conformance, content_type_conformance, response_schema_conformance]
SHORT = settings(
    max_examples=4,
    derandomize=True,
    deadline=None,
    database=None,
    phases=[Phase.generate],
    suppress_health_check=list(HealthCheck),
)


def test_whatever_is_sent_is_answered_as_described(server: Served, callers: Any) -> None:
    described = schemathesis.openapi.from_url(f"{server.url}/api/v1/openapi.json")
    headers = {"Authorization": callers.manage.headers["authorization"]}
    tried = 0
    for found in described.get_all_operations():
        operation: Any = found.ok()  # type: ignore[union-attr]  # an invalid description raises here
        tried += 1
        if (operation.method.upper(), operation.path) == ("POST", "/api/v1/samples"):
            continue  # it would draw and train; tests/web/test_samples.py does

        @SHORT
        @given(case=operation.as_strategy())
        def answered_as_described(case: Any) -> None:
            case.validate_response(case.call(headers=headers), checks=CHECKS)

        answered_as_described()
    assert tried > 30


def test_every_operation_says_what_it_does_and_how_it_refuses(callers: Any) -> None:
    description = callers.nobody.get("/api/v1/openapi.json").json()
    assert description["openapi"].startswith("3.1")
    for path, operations in description["paths"].items():
        for method, operation in operations.items():
            assert operation["description"].split("\n")[0].endswith("."), f"{method} {path}"
            if path.startswith("/api/"):
                assert {"400", "401", "403", "404", "409", "422", "503"} <= set(operation["responses"]), f"{method} {path}"
                assert "application/problem+json" in operation["responses"]["422"]["content"]


def test_every_field_and_parameter_says_what_it_is(callers: Any) -> None:
    description = callers.nobody.get("/api/v1/openapi.json").json()
    silent = [
        f"{name}.{field}"
        for name, shape in description["components"]["schemas"].items()
        for field, told in shape.get("properties", {}).items()
        if not told.get("description")
    ]
    for path, operations in description["paths"].items():
        for method, operation in operations.items():
            told = [operation, *operation.get("parameters", [])]
            silent += [f"{method} {path} {one.get('name', '')}" for one in told if not one.get("description")]
    assert silent == []
