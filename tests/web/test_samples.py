"""A sample project: one request draws cars, trains on them and starts the model; a killed server goes on with it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from served import Served, wait_for


@pytest.fixture(scope="module")
def own(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    served = Served(folder=tmp_path_factory.mktemp("samples"))
    served.start()
    yield served
    assert served.stop() == 0, served.log.read_text()[-4000:]


def ask(served: Served, method: str, path: str, **sent: Any) -> httpx.Response:
    headers = {"Authorization": f"Bearer {served.key.bearer}"}
    return httpx.request(method, f"{served.url}/api/v1{path}", headers=headers, timeout=60, **sent)


def test_one_request_leads_to_a_hosted_model_whatever_is_killed_on_the_way(own: Served) -> None:
    begun = ask(own, "POST", "/samples", json={"name": "drawn-cars", "pictures": 60})
    assert begun.status_code == 202, begun.text
    assert [(one["step"], one["state"]) for one in begun.json()["steps"]] == [
        ("draw", "running"),
        ("dataset", "waiting"),
        ("train", "waiting"),
        ("start", "waiting"),
    ]
    second = ask(own, "POST", "/samples", json={"name": "more-cars"})
    assert second.status_code == 409
    assert "'drawn-cars' is being made" in second.json()["detail"]

    def told() -> Any:
        answer = ask(own, "GET", "/samples/drawn-cars").json()
        assert answer["state"] != "failed", answer
        return answer

    def step(name: str) -> Any:
        return next(one for one in told()["steps"] if one["step"] == name)

    wait_for(lambda: (step("draw").get("done") or 0) > 0, what="the first car", seconds=60)
    assert step("draw")["of"] == 60
    own.kill()
    own.start()
    wait_for(lambda: step("train")["state"] == "running" and step("train").get("doing"), what="the training", seconds=120)
    own.kill()
    own.start()
    wait_for(lambda: told()["state"] == "done", what="the hosted model", seconds=240)
    done = told()
    assert done["version"] == "1"
    assert {one["state"] for one in done["steps"]} == {"done"}
    assert ask(own, "GET", f"/jobs/{done['job']}").json()["state"] == "done"
    assert ask(own, "GET", "/projects/drawn-cars/models/1").json()["status"] == "HOSTED"
    dataset = ask(own, "GET", "/projects/drawn-cars/datasets/train").json()
    assert (dataset["total"], dataset["normal"], dataset["anomaly"]) == (60, 30, 30)
    assert [one["project"] for one in ask(own, "GET", "/samples").json()["samples"]] == ["drawn-cars"]
    wait_for(lambda: not list((own.data / "work").glob("sample-*")), what="an empty folder of work", seconds=60)


def test_a_sample_that_cannot_be_is_refused(own: Served) -> None:
    taken = ask(own, "POST", "/samples", json={"name": "drawn-cars"})
    assert (taken.status_code, "There is a project 'drawn-cars' already" in taken.text) == (409, True)
    assert ask(own, "POST", "/samples", json={"name": "x", "pictures": 1_000_000}).status_code == 422
    assert ask(own, "GET", "/samples/none").status_code == 404
    assert ask(own, "POST", "/projects", json={"name": "mine"}).status_code == 201
    none = ask(own, "GET", "/samples/mine")
    assert (none.status_code, "is no sample" in none.text) == (404, True)


def test_what_somebody_takes_away_meanwhile_ends_the_sample(own: Served) -> None:
    ask(own, "POST", "/samples", json={"name": "taken-away", "pictures": 60})

    def trains() -> bool:
        return ask(own, "GET", "/projects/taken-away/models/1").status_code == 200

    wait_for(trains, what="the training", seconds=120)
    assert ask(own, "POST", "/projects/taken-away/models/1/cancel").status_code == 202

    def ended() -> Any:
        told = ask(own, "GET", "/samples/taken-away").json()
        return told if told["state"] == "failed" else None

    told = wait_for(ended, what="the end", seconds=60)
    assert told["error"] == "The training was cancelled."
    assert [one["state"] for one in told["steps"]] == ["done", "done", "failed", "waiting"]
