"""A trained model over REST: started, asked, tried on new pictures, stopped and deleted."""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select

from served import Served
from walkaround.settings import Settings
from walkaround.store.opening import database_of
from walkaround.store.tables import Model, Project
from walkaround.training.train import Trained

JPEG = {"content-type": "image/jpeg"}


@pytest.fixture(scope="module")
def hosted(server: Served, callers: Any, trained: Trained) -> Iterator[str]:
    """A project whose model 1 is a package that was trained on drawn cars, hosted."""
    api = callers.manage
    api.ok("POST", "/projects", json={"name": "cars"})
    api.ok("POST", "/projects/cars/datasets", json={"kind": "train"})
    shutil.copytree(trained.package.path, server.data / "models" / "drawn")
    with database_of(Settings(data=server.data)).transaction() as session:
        project = session.scalars(select(Project).filter_by(name="cars", account="000000000000")).one()
        project.last_version = 1
        output = {"S3Location": {"Bucket": "photos", "Prefix": ""}}
        model = Model(project_id=project.id, version=1, status="TRAINED", output=output, package="models/drawn")
        session.add(model)
    started = api.ok("POST", "/projects/cars/models/1/start", json={"min_units": 1})
    assert started["status"] == "STARTING_HOSTING"
    wait(api, started["job"])
    assert api.ok("GET", "/projects/cars/models/latest")["status"] == "HOSTED"
    yield "cars"
    wait(api, api.ok("POST", "/projects/cars/models/1/stop")["job"])
    wait(api, api.ok("DELETE", "/projects/cars/models/1")["job"])
    wait(api, api.ok("DELETE", "/projects/cars/datasets/train")["job"])
    api.ok("DELETE", "/projects/cars")


def wait(api: Any, job: str) -> None:
    """Read a job's events up to the end."""
    assert 'data: {"state": "done"}' in api.get(f"/api/v1/jobs/{job}/events").text


def cars(drawn: Path, label: str) -> list[Path]:
    return sorted((drawn / "test" / label).iterdir())


def test_findings_are_told_and_kept_where_that_is_asked_for(callers: Any, hosted: str, drawn: Path) -> None:
    content = cars(drawn, "anomaly")[0].read_bytes()
    path = f"/projects/{hosted}/models/latest/detect"
    told = callers.detect.ok("POST", f"{path}?keep=true&name=a.jpg", content=content, headers=JPEG)
    assert set(told) == {
        *("source", "anomalous", "confidence", "label", "damage", "probabilities", "width", "height", "result"),
    }
    again = callers.detect.ok("POST", f"{path}?name=a.jpg", content=content, headers=JPEG)
    assert again == {key: value for key, value in told.items() if key != "result"}
    found = callers.read.ok("GET", f"/projects/{hosted}/results", params={"model": 1, "label": told["label"]})["results"]
    assert [(one["id"], one["source"], one["confidence"]) for one in found] == [(told["result"], "a.jpg", told["confidence"])]
    other = "false" if told["anomalous"] else "true"
    assert callers.read.ok("GET", f"/projects/{hosted}/results?anomalous={other}")["results"] == []


def test_kept_findings_are_deleted_up_to_a_time(callers: Any, hosted: str, drawn: Path) -> None:
    path = f"/projects/{hosted}/models/latest/detect?keep=true&name="
    content = cars(drawn, "normal")[0].read_bytes()
    for name in ("old.jpg", "new.jpg"):
        callers.detect.ok("POST", path + name, content=content, headers=JPEG)
    results = f"/projects/{hosted}/results"
    before = {"before": callers.read.ok("GET", results)["results"][0]["created"]}
    assert callers.detect.problem("DELETE", results, params=before)[0] == 403
    assert callers.manage.problem("DELETE", results)[0] == 422
    older = len(callers.read.ok("GET", results)["results"]) - 1
    assert callers.manage.ok("DELETE", results, params=before) == {"deleted": older}
    assert [one["source"] for one in callers.read.ok("GET", results)["results"]] == ["new.jpg"]


def test_what_is_not_trained_at_the_moment_cannot_be_cancelled(callers: Any, hosted: str) -> None:
    status, told = callers.manage.problem("POST", f"/projects/{hosted}/models/1/cancel")
    assert (status, "only a training can be cancelled" in told) == (409, True)
    assert callers.detect.problem("POST", f"/projects/{hosted}/models/1/cancel")[0] == 403


@pytest.mark.parametrize(
    ("content", "kind", "version", "status"),
    [
        (b"no picture", "image/jpeg", "1", 400),
        (b"", "image/jpeg", "1", 400),
        (b"x", "text/plain", "1", 400),
        (b"x", "image/png", "2", 404),
    ],
)
def test_what_cannot_be_inspected_is_refused(
    callers: Any, hosted: str, *, content: bytes, kind: str, version: str, status: int
) -> None:
    sent = {"content": content, "headers": {"content-type": kind}}
    assert callers.detect.problem("POST", f"/projects/{hosted}/models/{version}/detect", **sent)[0] == status


def test_a_refusal_calls_the_picture_as_the_sender_does(callers: Any, hosted: str) -> None:
    path = f"/projects/{hosted}/models/1/detect"
    sent = {"content": b"no picture", "headers": JPEG}
    assert callers.detect.problem("POST", f"{path}?name=a.jpg", **sent)[1] == (
        "'a.jpg' is not a picture; give a JPEG or PNG file."
    )
    assert callers.detect.problem("POST", path, **sent)[1] == "The file is not a picture; give a JPEG or PNG file."


def counts(callers: Any, name: str) -> dict[str, float]:
    """What a count says of each project."""
    found = re.findall(rf'walkaround_{name}_total{{.*project="(.*?)",.*}} (\S+)', callers.read.get("/metrics").text)
    return {project: float(value) for project, value in found}


def test_metrics_count_what_was_refused_before_it_came_to_a_model(callers: Any, hosted: str) -> None:
    before = {name: counts(callers, name) for name in ("error_count", "invalid_image_count")}
    for path, kind in (
        (f"{hosted}/models/1", "text/plain"),
        (f"{hosted}/models/7", "image/png"),
        ("none/models/1", "image/png"),
    ):
        callers.detect.problem("POST", f"/projects/{path}/detect", content=b"x", headers={"content-type": kind})
    after = {name: counts(callers, name) for name in before}
    risen = {name: {key: after[name][key] - before[name].get(key, 0) for key in ("", hosted)} for name in before}
    assert risen == {"error_count": {"": 2, hosted: 1}, "invalid_image_count": {"": 0, hosted: 1}}


def test_metrics_count_what_a_model_did(callers: Any, hosted: str, drawn: Path) -> None:
    content = cars(drawn, "normal")[0].read_bytes()
    callers.detect.ok("POST", f"/projects/{hosted}/models/1/detect", content=content, headers=JPEG)
    labels = '{account="000000000000",model_version="1",project="cars",region="us-east-1"}'
    lines = dict(line.rsplit(" ", 1) for line in callers.read.get("/metrics").text.splitlines() if labels in line)
    assert float(lines[f"walkaround_processed_image_count_total{labels}"]) >= 1
    assert float(lines[f"walkaround_in_service_inference_units{labels}"]) == 1


def test_a_trial_is_verified_and_what_was_verified_trained_on(callers: Any, hosted: str, drawn: Path) -> None:
    api = callers.manage
    pictures = cars(drawn, "normal")[:2] + cars(drawn, "anomaly")[:1]
    files = [("files", (path.name, path.read_bytes(), "image/jpeg")) for path in pictures] + [("files", ("bad.jpg", b"bad"))]
    started = api.ok("POST", f"/projects/{hosted}/trials/first/pictures?model=1", files=files)
    assert [one["name"] for one in started["refused"]] == ["bad.jpg"]
    wait(api, started["job"])
    assert api.ok("GET", f"/projects/{hosted}/trials/first")["predicted"] == 3
    page = api.ok("GET", f"/projects/{hosted}/trials/first/pictures")
    found = page["pictures"]
    assert [one["name"] for one in found] == [path.name for path in pictures]
    assert page["next"] is None
    verdicts = [{"picture": one["picture"], "label": "anomaly"} for one in found[:2]]
    assert api.ok("POST", f"/projects/{hosted}/trials/first/verdicts", json={"verdicts": verdicts}) == {"pictures": 2}
    seen = api.ok("GET", f"/projects/{hosted}/trials/first/pictures")["pictures"]
    assert [one.get("correct") for one in seen] == [one["findings"]["anomalous"] for one in found[:2]] + [None]
    assert api.ok("POST", f"/projects/{hosted}/trials/first/add") == {"pictures": 2}
    assert api.ok("POST", f"/projects/{hosted}/trials/first/add") == {"pictures": 0}
    assert api.ok("GET", f"/projects/{hosted}/datasets/train")["anomaly"] == 2
    entries = api.ok("GET", f"/projects/{hosted}/datasets/train/entries")["entries"]
    assert [one["name"] for one in entries] == [path.name for path in pictures[:2]]
    assert [one["name"] for one in api.ok("GET", f"/projects/{hosted}/trials")["trials"]] == ["first"]
    api.ok("DELETE", f"/projects/{hosted}/trials/first")
    assert api.problem("GET", f"/projects/{hosted}/trials/first")[0] == 404


def test_a_trial_below_a_prefix_with_no_picture_is_refused(callers: Any, hosted: str) -> None:
    sent = {"json": {"name": "empty", "bucket": "photos", "prefix": "nothing/"}}
    status, told = callers.manage.problem("POST", f"/projects/{hosted}/trials", **sent)
    assert (status, "no JPEG or PNG picture below s3://photos/nothing/" in told) == (400, True)


def test_a_model_that_was_not_measured_has_no_evaluation(callers: Any, hosted: str) -> None:
    status, told = callers.read.problem("GET", f"/projects/{hosted}/models/1/evaluation")
    assert (status, "has not been measured" in told) == (409, True)
