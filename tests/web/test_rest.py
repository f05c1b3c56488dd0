"""The REST API: projects, datasets, labels, paging, idempotency and what is refused."""

from __future__ import annotations

import asyncio
import json
import threading
from collections.abc import MutableMapping
from datetime import timedelta
from typing import Any

import httpx
import pytest
from sqlalchemy import select

from walkaround.hosting.operations.lines.manifest_lines import label_attribute
from walkaround.hosting.owner import Owner
from walkaround.settings import Settings
from walkaround.store.tables import Dataset, Job, Model, now
from walkaround.web.app import build_app
from walkaround.web.rest.datasets.lines import labelled_line
from walkaround.web.rest.handles import job_handle


def test_a_project_is_made_told_listed_and_deleted(api: Any) -> None:
    made = api.ok("POST", "/projects", json={"name": "one"})
    assert made["arn"] == "arn:aws:lookoutvision:us-east-1:000000000000:project/one"
    assert api.ok("GET", "/projects/one") == {**made, "datasets": []}
    assert made in api.ok("GET", "/projects")["projects"]
    api.ok("DELETE", "/projects/one")
    status, told = api.problem("GET", "/projects/one")
    assert (status, "no project 'one'" in told) == (404, True)


def test_a_project_is_made_once(api: Any) -> None:
    api.ok("POST", "/projects", json={"name": "twice"})
    status, told = api.problem("POST", "/projects", json={"name": "twice"})
    assert (status, "There is a project 'twice' already" in told) == (409, True)


def test_the_same_idempotency_key_makes_one_project_and_one_answer(api: Any) -> None:
    headers = {"Idempotency-Key": "key 1, of mine"}
    first = api.ok("POST", "/projects", json={"name": "idempotent"}, headers=headers)
    assert api.ok("POST", "/projects", json={"name": "idempotent"}, headers=headers) == first
    status, told = api.problem("POST", "/projects", json={"name": "another"}, headers=headers)
    assert (status, "for another request" in told) == (409, True)


def test_a_project_with_a_dataset_is_not_deleted(api: Any, project: str) -> None:
    status, told = api.problem("DELETE", f"/projects/{project}")
    assert (status, "still has its train dataset" in told) == (409, True)
    assert api.ok("DELETE", f"/projects/{project}/datasets/train")["status"] == "DELETE_IN_PROGRESS"
    api.ok("DELETE", f"/projects/{project}")


def test_projects_come_in_pages(api: Any) -> None:
    for number in range(3):
        api.ok("POST", "/projects", json={"name": f"page-{number}"})
    names: list[str] = []
    sent: dict[str, Any] = {"limit": 1}
    while True:
        page = api.ok("GET", "/projects", params=sent)
        assert len(page["projects"]) == 1
        names += [one["name"] for one in page["projects"]]
        if page["next"] is None:
            break
        sent["next"] = page["next"]
    assert len(names) == len(set(names))
    assert {f"page-{number}" for number in range(3)} <= set(names)


def test_an_empty_dataset_is_ready_at_once(api: Any, project: str) -> None:
    told = api.ok("GET", f"/projects/{project}/datasets/train")
    assert (told["status"], told["total"], told["labelled"]) == ("CREATE_COMPLETE", 0, 0)
    assert [one["kind"] for one in api.ok("GET", f"/projects/{project}/datasets")] == ["train"]


def test_a_dataset_from_a_manifest_that_is_not_there_fails_and_says_so(api: Any, project: str, ended: Any) -> None:
    manifest = {"bucket": "photos", "key": "none.manifest"}
    made = api.ok("POST", f"/projects/{project}/datasets", json={"kind": "test", "manifest": manifest})
    assert made["status"] == "CREATE_IN_PROGRESS"
    ended(made["job"])
    told = api.ok("GET", f"/projects/{project}/datasets/test")
    assert told["status"] == "CREATE_FAILED"
    assert "none.manifest" in told["message"]


def test_labels_are_set_changed_and_taken_away(api: Any, project: str, upload: Any, ended: Any) -> None:
    pictures = [one["picture"] for one in upload(project, 3)["added"]]
    labels = [{"picture": pictures[0], "label": "normal"}, {"picture": pictures[1], "label": "anomaly"}]
    ended(api.ok("POST", f"/projects/{project}/datasets/train/labels", json={"labels": labels})["job"])

    def with_label(label: str) -> list[str]:
        found = api.ok("GET", f"/projects/{project}/datasets/train/entries", params={"label": label})
        return [one["picture"] for one in found["entries"]]

    assert {name: with_label(name) for name in ("normal", "anomaly", "none", "any")} == {
        "normal": [pictures[0]],
        "anomaly": [pictures[1]],
        "none": [pictures[2]],
        "any": pictures[:2],
    }
    labels = [{"picture": pictures[0], "label": None}]
    ended(api.ok("POST", f"/projects/{project}/datasets/train/labels", json={"labels": labels})["job"])
    assert with_label("normal") == []


def test_a_label_of_a_picture_that_is_not_there_is_refused(api: Any, project: str) -> None:
    labels = [{"picture": "s3://photos/none.jpg", "label": "normal"}]
    status, told = api.problem("POST", f"/projects/{project}/datasets/train/labels", json={"labels": labels})
    assert (status, "has no picture 's3://photos/none.jpg'" in told) == (404, True)


def test_labels_of_a_dataset_that_is_being_changed_wait(talk: Any) -> None:
    async def conversation(client: Any, app: Any) -> None:
        await client.post("/api/v1/projects", json={"name": "cars"})
        await client.post("/api/v1/projects/cars/datasets", json={"kind": "train"})
        with app.service.database.transaction() as session:
            session.scalars(select(Dataset)).one().status = "UPDATE_IN_PROGRESS"
        labels = [{"picture": "s3://photos/my car.jpg", "label": "normal"}]  # not read before the dataset is known to be whole
        answer = await client.post("/api/v1/projects/cars/datasets/train/labels", json={"labels": labels})
        assert answer.status_code == 409, answer.text

    talk(conversation)


@pytest.mark.parametrize("picture", ["s3://photos/my car.jpg", "s3://photos/a/b  c.png"])
def test_a_picture_with_a_space_in_its_name_is_labelled(api: Any, project: str, ended: Any, server: Any, picture: str) -> None:
    (server.folder / "bucket" / f"{project}.manifest").write_text(json.dumps({"source-ref": picture}) + "\n")
    manifest = {"bucket": "photos", "key": f"{project}.manifest"}
    api.ok("DELETE", f"/projects/{project}/datasets/train")
    ended(api.ok("POST", f"/projects/{project}/datasets", json={"kind": "train", "manifest": manifest})["job"])
    labels = [{"picture": picture, "label": "normal"}]
    ended(api.ok("POST", f"/projects/{project}/datasets/train/labels", json={"labels": labels})["job"])
    assert api.ok("GET", f"/projects/{project}/datasets/train")["normal"] == 1


def test_a_training_that_waits_says_why_and_is_cancelled_at_once(talk: Any) -> None:
    async def conversation(client: Any, app: Any) -> None:
        await client.post("/api/v1/projects", json={"name": "cars"})
        with app.service.database.transaction() as session:
            output = {"S3Location": {"Bucket": "photos", "Prefix": ""}}
            session.add(Model(project_id=1, version=1, status="TRAINING", output=output))
            session.add(Job(kind="train", subject=1, due=now() + timedelta(hours=1), attempts=2, error="no answer"))
        handle = job_handle(app.service.ring, Owner("000000000000", "us-east-1"), 1)
        waiting = (await client.get(f"/api/v1/jobs/{handle}")).json()
        assert (waiting["attempts"], waiting["error"], "next_try" in waiting) == (2, "no answer", True)
        answer = await client.post("/api/v1/projects/cars/models/1/cancel")
        assert (answer.status_code, answer.json()["status"]) == (202, "TRAINING")
        events = await client.get(f"/api/v1/jobs/{answer.json()['job']}/events")
        assert '"state": "failed"' in events.text
        told = (await client.get("/api/v1/projects/cars/models/1")).json()
        assert (told["status"], told["message"]) == ("TRAINING_FAILED", "The training was cancelled.")

    talk(conversation)


def test_a_model_needs_enough_pictures(api: Any, project: str) -> None:
    status, told = api.problem("POST", f"/projects/{project}/models", json={})
    assert (status, "a model needs at least" in told) == (409, True)


@pytest.mark.parametrize(
    ("method", "path", "sent", "status", "said"),
    [
        ("POST", "/projects", {"json": {"name": "../etc"}}, 422, "name"),
        ("POST", "/projects", {"json": {"name": "a" * 256}}, 422, "at most 255"),
        ("POST", "/projects", {"json": {"name": "a", "more": 1}}, 422, "more"),
        ("POST", "/projects", {"json": [1]}, 422, "body"),
        ("POST", "/projects", {"content": b"{", "headers": {"content-type": "application/json"}}, 422, "JSON"),
        (
            "POST",
            "/projects",
            {"content": b"[" * 50_000, "headers": {"content-type": "application/json"}},
            400,
            "send JSON in UTF-8",
        ),
        (
            "POST",
            "/projects",
            {"content": b'{"name":"x"}', "headers": {"content-type": "text/plain"}},
            415,
            "'text/plain', and JSON",
        ),
        ("POST", "/projects", {"content": b'{"name":"x"}'}, 415, "send it with the header Content-Type: application/json"),
        ("POST", "/projects", {"data": {"name": "x"}}, 415, "'application/x-www-form-urlencoded', and JSON is needed"),
        ("POST", "/projects", {}, 422, "body"),
        ("GET", "/projects?limit=0", {}, 422, "limit"),
        ("GET", "/projects?limit=101", {}, 422, "limit"),
        ("GET", "/projects?next=AAAA", {}, 400, "The token of the page is not of this listing"),
        ("GET", "/projects/%2e%2e", {}, 422, "project"),
        ("GET", "/projects/a%00b", {}, 422, "project"),
        ("GET", "/projects/..%2f..%2fetc%2fpasswd", {}, 404, "nothing at this address"),
        ("GET", "/projects/none/models/0", {}, 422, "version"),
        ("GET", "/projects/none/models/99999999999", {}, 422, "version"),
        ("GET", "/projects/none/models/9999999999", {}, 404, "no project"),
        ("GET", "/projects/none/results?after=2025-01-01T00:00:00", {}, 422, "after"),
        ("GET", "/jobs/1-0000000000000000", {}, 404, "There is no job"),
        ("GET", "/jobs/..%00", {}, 404, "There is no job"),
        ("PUT", "/projects", {}, 405, "does not answer PUT"),
        ("GET", "/nothing", {}, 404, "nothing at this address"),
        ("POST", "/projects/none/models/1/detect", {"content": b"x"}, 400, "content-type must be one of image/jpeg"),
        ("POST", "/projects/none/models", {"json": {"tags": {"": "b"}}}, 422, "tags"),
        ("POST", "/projects/none/models", {"json": {"tags": {"a" * 129: "b"}}}, 422, "at most 128"),
        ("POST", "/projects/none/models", {"json": {"tags": {"a": "b" * 257}}}, 422, "at most 256"),
        ("POST", "/projects/none/models", {"json": {"tags": {"a!": "b"}}}, 422, "tags"),
        ("POST", "/projects/none/models", {"json": {"tags": {"Größe: 1": ""}}}, 404, "no project"),
        ("POST", "/projects/none/trials", {"json": {"name": "a/b", "bucket": "photos"}}, 422, "name"),
        ("POST", "/projects/none/trials", {"json": {"name": "a", "bucket": "../x"}}, 422, "bucket"),
        ("POST", "/projects/none/trials", {"json": {"name": "a", "bucket": "photos", "prefix": "../"}}, 400, "photos"),
    ],
)
def test_a_request_that_cannot_be_is_a_problem_in_a_sentence(
    api: Any, method: str, path: str, sent: dict[str, Any], status: int, said: str
) -> None:
    got, told = api.problem(method, path, **sent)
    assert (got, said in told) == (status, True), told
    assert "Traceback" not in told


def test_a_mistake_inside_tells_the_request_id_and_nothing_else(talk: Any) -> None:
    async def conversation(client: Any, app: Any) -> None:
        app.service.database.reading = None
        answer = await client.get("/api/v1/projects", headers={"x-request-id": "mine-123456"})
        assert answer.status_code == 500
        assert answer.json()["detail"].endswith("its log tells more under the request id mine-123456.")

    talk(conversation)


def test_a_database_that_is_away_is_told_and_comes_back_without_a_restart(talk: Any) -> None:
    async def conversation(client: Any, app: Any) -> None:
        path = app.service.settings.data / "walkaround.sqlite"
        path.rename(path.with_suffix(".away"))
        path.mkdir()
        app.service.database.engine.dispose()  # now, so that no thread behind the scenes has a connection from before
        answer = await client.get("/api/v1/projects")
        assert (answer.status_code, answer.headers["retry-after"]) == (503, "5")
        path.rmdir()
        path.with_suffix(".away").rename(path)
        assert (await client.get("/api/v1/projects")).status_code == 200

    talk(conversation)


def test_no_thread_is_left_when_the_server_has_stopped(settings: Settings) -> None:
    def of_aws() -> list[str]:
        return [thread.name for thread in threading.enumerate() if thread.name.startswith("lookoutvision")]

    async def live() -> tuple[list[str], list[str]]:
        app, told, done = build_app(settings), asyncio.Queue[dict[str, Any]](), asyncio.Queue[MutableMapping[str, Any]]()
        told.put_nowait({"type": "lifespan.startup"})
        life = asyncio.create_task(app({"type": "lifespan"}, told.get, done.put))
        assert (await done.get())["type"] == "lifespan.startup.complete"
        async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://127.0.0.1") as client:
            assert (await client.get("/2020-11-20/projects")).status_code == 200
        seen = of_aws()
        told.put_nowait({"type": "lifespan.shutdown"})
        await life
        return seen, of_aws()

    before = of_aws()
    seen, left = asyncio.run(live())
    assert len(seen) > len(before)
    assert left == before


def test_the_reference_page_needs_no_other_server(api: Any) -> None:
    page = api.get("/api/v1/docs")
    assert page.headers["content-type"] == "text/html; charset=utf-8"
    assert "/api/v1/projects/{project}/models/{version}/detect" in page.text
    for reaching_out in ("http://", "https://", "<script", "@import", "url("):
        assert reaching_out not in page.text


def test_uploads_of_another_account_are_neither_listed_nor_said_to_exist(api: Any, project: str) -> None:
    new = {"name": "spy", "model": "1", "bucket": "walkaround-111111111111", "prefix": "pictures/"}
    status, told = api.problem("POST", f"/projects/{project}/trials", json=new)
    assert (status, "may not use the bucket" in told) == (403, True)


@pytest.mark.parametrize("label", ["anomaly", None])
def test_a_new_label_replaces_all_old_ones_and_nothing_else(label: str | None) -> None:
    metadata = {"class-name": "normal", "type": "groundtruth/image-classification"}
    kind = {"kind": 3, "kind-metadata": {**metadata, "class-name": "van"}}
    line = {"source-ref": "s3://photos/a.jpg", **kind, "x": 0, "x-metadata": metadata, "y": 0, "y-metadata": metadata}
    told = labelled_line(line, label)
    assert {key: told[key] for key in kind} == kind
    assert not {"x", "x-metadata", "y", "y-metadata"} & set(told)
    assert label_attribute(told) == (label and "anomaly-label")
