"""What the server tells of itself: request ids, log lines, metrics, and how far jobs are."""

from __future__ import annotations

import json
import re
import uuid
from typing import Any

import pytest
from prometheus_client.parser import text_string_to_metric_families

from served import Served
from walkaround.web.metrics import COUNTS, GAUGES


@pytest.mark.parametrize("path", ["/healthz", "/api/v1/projects", "/2020-11-20/projects", "/nowhere"])
def test_every_answer_has_one_request_id_under_both_names(callers: Any, path: str) -> None:
    headers = callers.nobody.get(path).headers
    assert uuid.UUID(headers["x-request-id"])
    assert headers.get_list("x-amzn-requestid") == [headers["x-request-id"]]


@pytest.mark.parametrize(
    ("sent", "used"),
    [("mine-0123456789", True), ("short", False), ("x" * 65, False), ("a b c d e f g", False), ('{"a": "b", "c"}', False)],
)
def test_an_id_from_outside_is_used_if_it_is_well_formed(callers: Any, sent: str, used: bool) -> None:
    assert (callers.nobody.get("/healthz", headers={"x-request-id": sent}).headers["x-request-id"] == sent) is used


def line_of(server: Served, request_id: str) -> Any:
    lines = [line for line in server.log.read_text().splitlines() if request_id in line]
    assert len(lines) == 1
    return json.loads(lines[0])


def test_a_request_is_one_line_of_json_without_any_secret(server: Served, callers: Any) -> None:
    answer = callers.read.get("/api/v1/projects/none?next=secret-in-query")
    line = line_of(server, answer.headers["x-request-id"])
    assert line["key_id"].startswith("WALK")
    assert {name: line[name] for name in ("method", "route", "status", "account", "level")} == {
        "method": "GET",
        "route": "/api/v1/projects/{project}",
        "status": 404,
        "account": "000000000000",
        "level": "info",
    }
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}\+00:00", line["time"])
    said = server.log.read_text()
    assert "secret-in-query" not in said
    assert callers.read.headers["authorization"].removeprefix("Bearer ") not in said


def test_an_operation_of_the_aws_api_is_named(server: Served, callers: Any) -> None:
    answer = callers.nobody.get("/2020-11-20/projects/cars/models/1")
    assert line_of(server, answer.headers["x-request-id"])["route"] == "DescribeModel"


def test_metrics_have_the_names_of_the_service_and_count_requests(callers: Any) -> None:
    callers.nobody.get("/nowhere/at/all")
    families = {one.name: one for one in text_string_to_metric_families(callers.read.get("/metrics").text)}
    names = {f"walkaround_{name}" for name, _, _ in (*COUNTS, *GAUGES)}
    assert names | {"walkaround_time_milliseconds", "walkaround_request_duration_seconds"} <= set(families)
    routes = {one.labels["route"] for one in families["walkaround_request_duration_seconds"].samples}
    assert "none" in routes
    assert not any("nowhere" in route for route in routes)


def test_metrics_are_for_the_operators_own_account(callers: Any) -> None:
    assert callers.nobody.get("/metrics").status_code == 401
    assert callers.other.get("/metrics").status_code == 403


def events_of(api: Any, job: str, **headers: str) -> list[tuple[str, str, Any]]:
    """Name, id and data of every event up to the end of the stream."""
    with api.stream("GET", f"/api/v1/jobs/{job}/events", headers=headers) as answer:
        assert answer.headers["content-type"].startswith("text/event-stream")
        blocks = answer.read().decode().split("\n\n")
    events = [dict(line.split(": ", 1) for line in block.splitlines()) for block in blocks if block.startswith("event")]
    return [(one["event"], one["id"], json.loads(one["data"])) for one in events]


def test_a_job_tells_how_far_it_is_and_ends(api: Any, project: str, upload: Any) -> None:
    job = upload(project, 1)["job"]
    events = events_of(api, job)
    assert [name for name, _, _ in events][-2:] == ["progress", "end"]
    assert events[-2][2] == api.ok("GET", f"/jobs/{job}")
    assert events[-1][2] == {"state": "done"}


def test_who_comes_again_is_not_told_what_he_knows(api: Any, project: str, upload: Any) -> None:
    job = upload(project, 1)["job"]
    last = events_of(api, job)[-2][1]
    assert [name for name, _, _ in events_of(api, job, **{"Last-Event-ID": last})] == ["end"]


def test_a_job_is_told_to_its_owner_alone(callers: Any, project: str, upload: Any) -> None:
    job = upload(project, 1)["job"]
    for asked in (job, f"{job[:-1]}{(int(job[-1], 16) + 1) % 16:x}"):
        assert callers.other.problem("GET", f"/jobs/{asked}")[0] == 404
        assert callers.other.problem("GET", f"/jobs/{asked}/events")[0] == 404
