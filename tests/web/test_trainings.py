"""Trainings over REST: plans, options, the log as it goes on, files, and TensorBoard through the server."""

from __future__ import annotations

import asyncio
import io
import json
import zipfile
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest
from sqlalchemy import select, update

from made_models import BOX_PART, made_package
from served import Served
from walkaround.hosting.operations.training.trainings import add_end, log_folder
from walkaround.hosting.owner import Owner
from walkaround.store.tables import Job, Model, Project, TrainingLine
from walkaround.training.monitor import EpochFacts, RunFacts
from walkaround.training.watching import Watch
from walkaround.web.tensorboards import has_tensorboard, policy_of

OWNER = Owner("000000000000", "us-east-1")


@pytest.fixture(scope="module")
def imported(server: Served, tmp_path_factory: pytest.TempPathFactory) -> str:
    """A project with a model that was imported, and the files of a training."""
    package = made_package(tmp_path_factory.mktemp("packages") / "seen", boxes=BOX_PART, kind=1)
    server.walkaround("import", str(package.path), "seen")
    return "seen"


def test_a_plan_says_what_is_missing_and_what_would_be_trained(api: Any, project: str, upload: Any) -> None:
    plan = api.ok("GET", f"/projects/{project}/training-plan")
    assert (plan["ready"], plan["learnt"], plan["version"]) == (False, [], 1)
    assert "a model needs at least" in plan["lacks"][0]
    upload(project, 20, params={"label": "normal"})
    more = [("files", (f"b{number}.jpg", picture, "image/jpeg")) for number, picture in enumerate(_damaged())]
    job = api.ok("POST", f"/projects/{project}/datasets/train/pictures?label=anomaly", files=more)["job"]
    assert '"done"' in api.get(f"/api/v1/jobs/{job}/events").text
    plan = api.ok("GET", f"/projects/{project}/training-plan", params={"parts": ["verdict"]})
    assert (plan["ready"], plan["lacks"], plan["kept_back"]) == (True, [], True)
    assert [(one["part"], one["how"]) for one in plan["learnt"]] == [("verdict", "classes")]
    assert plan["learning"]["total"] + plan["testing"]["total"] == 35
    refused = api.problem("POST", f"/projects/{project}/models", json={"parts": ["masks"]})
    assert (refused[0], "No masks can be learnt" in refused[1]) == (409, True)


def _damaged() -> list[bytes]:
    import numpy as np
    from PIL import Image

    pictures = []
    for seed in range(15):
        file = io.BytesIO()
        pixels = np.random.default_rng(7_000_000 + seed).integers(0, 255, (80, 96, 3), dtype=np.uint8)
        Image.fromarray(pixels).save(file, "JPEG")
        pictures.append(file.getvalue())
    return pictures


@pytest.mark.parametrize(
    "options", [{"minutes": 0}, {"quality": "perfect"}, {"parts": []}, {"parts": ["wheels"]}, {"description": "a\nb"}]
)
def test_options_that_cannot_be_are_refused(api: Any, project: str, options: dict[str, Any]) -> None:
    assert api.problem("POST", f"/projects/{project}/models", json=options)[0] == 422


def test_an_imported_model_has_a_training_without_a_log(api: Any, imported: str) -> None:
    told = api.ok("GET", f"/projects/{imported}/models/latest/training")
    assert (told["version"], told["state"], told["log"], told["files"]) == ("1", "done", [], False)
    assert [one["version"] for one in api.ok("GET", f"/projects/{imported}/trainings")["trainings"]] == ["1"]
    for path in ("training/report", "training/files"):
        status, said = api.problem("GET", f"/projects/{imported}/models/1/{path}")
        assert (status, "has left no files yet" in said) == (409, True)
    events = api.get(f"/api/v1/projects/{imported}/models/1/training/events").text
    assert events.count("event: training") == 1
    assert 'event: end\nid: 0.done..0\ndata: {"state": "done"}' in events


def test_a_training_is_told_as_it_goes_on_and_nothing_twice(talk: Any) -> None:
    async def conversation(client: Any, app: Any) -> None:
        database = app.service.database

        def tell(kind: str, **told: Any) -> None:
            with database.transaction() as session:
                session.add(TrainingLine(model_id=1, kind=kind, part="boxes", step=1, told=told))

        await client.post("/api/v1/projects", json={"name": "cars"})
        with database.transaction() as session:
            output = {"S3Location": {"Bucket": "photos", "Prefix": ""}}
            options = {"quality": "best", "minutes": 9}
            session.add(Model(project_id=1, version=1, status="TRAINING", output=output, options=options))
            session.flush()
            session.add(Job(kind="train", subject=1, state="running", leased_by="nobody"))
            session.add(TrainingLine(model_id=1, kind="begin", told={"attempt": 1}))
        tell("point", losses={"loss": 2.0})
        path = "/api/v1/projects/cars/models/1/training"
        told = (await client.get(path)).json()
        assert told["options"] == {"minutes": 9, "quality": "best", "parts": None, "multi_label": None}
        assert [line["kind"] for line in told["log"]] == ["begin", "point"]
        first = told["log"][0]["number"]
        later = (await client.get(path, params={"after": first})).json()["log"]
        assert [line["told"] for line in later] == [{"losses": {"loss": 2.0}}]

        def end() -> None:
            tell("point", losses={"loss": 1.0})
            with database.transaction() as session:
                session.execute(update(Model).values(status="TRAINING_FAILED", message="Too few pictures."))
                add_end(session, 1, state="failed", message="Too few pictures.")

        asyncio.get_running_loop().call_later(1.2, end)
        headers = {"Last-Event-ID": f"{told['log'][-1]['number']}.running..0"}
        answer = await client.get(f"{path}/events", headers=headers)
        found = [event async for event in _events(answer.text)]
        assert [line["kind"] for event in found for line in event["log"]] == ["point", "end"]
        assert (found[-1]["state"], found[-1]["message"]) == ("failed", "Too few pictures.")
        assert "event: end" in answer.text

    talk(conversation)


async def _events(text: str) -> AsyncIterator[Any]:
    for block in text.split("\n\n"):
        lines = block.splitlines()
        if "event: training" in lines:
            yield json.loads(lines[-1].removeprefix("data: "))


@pytest.fixture(scope="module")
def logged(server: Served, callers: Any, imported: str) -> str:
    """The same project, with files as a training leaves them."""
    from walkaround.settings import Settings
    from walkaround.store.opening import database_of

    database = database_of(Settings(data=server.data))
    with database.reading() as session:
        model = session.scalars(select(Model.id).join(Project).where(Project.name == imported)).one()
    database.close()
    watch = Watch(server.data / log_folder(model))
    watch.start(RunFacts(name="boxes", total_steps=2))
    watch.epoch(EpochFacts(epoch=1, step=2, losses={"loss": 0.5}, scores={"ap50": 0.25}))
    watch.close()
    return imported


def test_the_report_and_the_files_of_a_training_can_be_had(api: Any, logged: str) -> None:
    report = api.get(f"/api/v1/projects/{logged}/models/1/training/report")
    assert report.headers["content-security-policy"].startswith("default-src 'none'")
    assert "<html" in report.text
    files = api.get(f"/api/v1/projects/{logged}/models/latest/training/files")
    assert files.headers["content-disposition"] == "attachment; filename*=UTF-8''seen-1-training.zip"
    with zipfile.ZipFile(io.BytesIO(files.content)) as archive:
        assert archive.testzip() is None
        names = archive.namelist()
    assert "seen-1-training/report.json" in names
    assert any(name.startswith("seen-1-training/boxes/events.out.tfevents.") for name in names)


def test_who_may_only_look_trains_nothing(callers: Any, imported: str) -> None:
    assert callers.read.problem("POST", f"/projects/{imported}/models", json={})[0] == 403
    assert callers.other.problem("GET", f"/projects/{imported}/training-plan")[0] == 404
    assert callers.other.problem("GET", f"/projects/{imported}/models/1/training")[0] == 404
    assert callers.nobody.problem("GET", f"/projects/{imported}/models/1/training/events")[0] == 401


@pytest.mark.skipif(not has_tensorboard(), reason="TensorBoard is not installed: pip install 'walkaround[train]'")
def test_tensorboard_is_seen_through_the_server_by_its_ticket_alone(server: Served, callers: Any, logged: str) -> None:
    told = callers.read.ok("GET", f"/projects/{logged}/models/1/training/tensorboard")
    assert (told["installed"], told["path"]) == (True, None)
    assert told["command"].endswith("tensorboard --logdir seen-1-training")
    path = callers.read.ok("POST", f"/projects/{logged}/models/1/training/tensorboard")["path"]
    assert callers.manage.ok("POST", f"/projects/{logged}/models/1/training/tensorboard")["path"] == path
    with httpx.Client(base_url=server.url, trust_env=False, follow_redirects=True) as browser:
        page = browser.get(path.rstrip("/"))
        assert page.url.path == path
        policy = page.headers["content-security-policy"]
        assert f"connect-src {server.url.removeprefix('http://')}{path}" in policy
        assert ("'self' " not in policy.replace("frame-ancestors 'self'", ""), "gstatic" in policy) == (True, False)
        runs = browser.get(f"{path}data/runs").json()
        assert runs == ["boxes"]
        tags = browser.post(f"{path}data/plugin/scalars/scalars_multirun", data={"tag": "epoch/loss", "runs": "boxes"}).json()
        assert [value for _, _, value in tags["boxes"]] == [0.5]
        other = browser.get(f"/tensorboard/{'a' * 32}/data/runs")
        assert other.status_code == 404


@pytest.mark.skipif(has_tensorboard(), reason="TensorBoard is installed")
def test_without_tensorboard_it_is_said_what_installs_it(callers: Any, logged: str) -> None:
    status, said = callers.read.problem("POST", f"/projects/{logged}/models/1/training/tensorboard")
    assert (status, "pip install" in said) == (409, True)


def test_the_policy_of_a_board_names_its_own_path_and_no_other_server() -> None:
    told = "default-src 'self'; style-src 'self' https://www.gstatic.com data:; script-src 'self' 'unsafe-eval'"
    made = policy_of(told, host="damage.example.com:8443", path="/tensorboard/T/")
    own = "damage.example.com:8443/tensorboard/T/"
    assert made.split("; ")[:3] == [f"default-src {own}", f"style-src {own} data:", f"script-src {own} 'unsafe-eval'"]
    assert f"connect-src {own}" in made
    assert "sandbox allow-scripts" in made
    assert "evil" not in policy_of(told, host="evil; script-src *", path="/tensorboard/T/")
