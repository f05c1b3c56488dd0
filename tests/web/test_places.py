"""Boxes, outlines and masks over REST: drawn on the pictures of a dataset, found by a hosted model, and kept."""

from __future__ import annotations

import base64
import io
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote

import numpy as np
import pytest
from PIL import Image
from sqlalchemy import select

from made_models import BOX_PART, MASK_PART, made_package, picture_with
from served import Served
from walkaround.settings import Settings
from walkaround.store.opening import database_of
from walkaround.store.tables import Model, Project

PNG = {"content-type": "image/png"}
SPOT = (64, 48, 128, 96)
BOX = {"label": "dent", "box": [10, 20, 60.5, 70]}
OUTLINE = {"label": "scratch", "polygons": [[[5, 5], [50, 5], [50, 40]]]}


def file(*spots: tuple[int, int, int, int]) -> bytes:
    content = io.BytesIO()
    Image.fromarray(picture_with(*spots)).save(content, "PNG")
    return content.getvalue()


@pytest.fixture
def picture(api: Any, project: str, upload: Callable[..., Any]) -> str:
    """The address of a picture of 96 x 80 pixels in a training dataset."""
    address: str = upload(project, 1)["added"][0]["picture"]
    return address


def places_of(project: str, picture: str) -> str:
    return f"/projects/{project}/datasets/train/places?picture={quote(picture, safe='')}"


def test_what_is_drawn_is_told_as_it_was(api: Any, project: str, picture: str, ended: Callable[[str], Any]) -> None:
    path = places_of(project, picture)
    before = api.ok("GET", path)
    assert (before["places"], before["masks"], before["label"]) == ([], [], None)
    done = api.ok("PUT", path, json={"places": [BOX, OUTLINE]}, headers={"If-Match": before["version"]})
    assert ended(done["job"])["state"] == "done"
    answer = api.get(f"/api/v1{path}")
    after = answer.json()
    assert answer.headers["etag"] == f'"{after["version"]}"'
    assert after["version"] != before["version"]
    assert after["label"] == "anomaly"
    assert after["places"] == [{**BOX, "polygons": None, "runs": None}, {**OUTLINE, "box": None, "runs": None}]
    assert [set(mask["colours"]) for mask in after["masks"]] == [{"scratch"}]
    dataset = api.ok("GET", f"/projects/{project}/datasets/train")
    assert (dataset["status"], dataset["anomaly"]) == ("UPDATE_COMPLETE", 1)
    (entry,) = api.ok("GET", f"/projects/{project}/datasets/train/entries?label=anomaly")["entries"]
    assert entry["version"] == after["version"]
    assert entry["line"]["anomaly-mask-ref"] == after["masks"][0]["mask"]


def test_nobody_draws_over_what_another_drew(api: Any, project: str, picture: str, ended: Callable[[str], Any]) -> None:
    path = places_of(project, picture)
    version = {"If-Match": f'"{api.ok("GET", path)["version"]}"'}
    ended(api.ok("PUT", path, json={"places": [BOX]}, headers=version)["job"])
    status, told = api.problem("PUT", path, json={"places": []}, headers=version)
    assert (status, "by somebody else meanwhile" in told) == (409, True)
    ended(api.ok("PUT", path, json={"places": []}, headers={"If-Match": "*"})["job"])
    assert api.ok("GET", path)["places"] == []


@pytest.mark.parametrize(
    ("body", "status", "said"),
    [
        ({"places": [{"label": "dent"}]}, 400, "needs either a box or polygons"),
        ({"places": [{**BOX, "polygons": OUTLINE["polygons"]}]}, 400, "needs either a box or polygons"),
        ({"places": [{**BOX, "box": [10, 20, 97.5, 70]}]}, 400, "out of the picture, which has 96 x 80 pixels"),
        ({"places": [{**BOX, "box": [10, 20, 10, 70]}]}, 400, "a box without area"),
        ({"places": [{**OUTLINE, "polygons": [[[1, 1], [2, 2]]]}]}, 422, "at least 3 items"),
        ({"places": [{**BOX, "box": [1, 2, 3]}]}, 422, "at least 4 items"),
        ({"places": [BOX], "label": "normal"}, 400, "labelled normal, and 'dent' is drawn on it"),
        ({"places": [BOX], "colour": "red"}, 422, "Extra inputs are not permitted"),
    ],
)
def test_what_cannot_be_drawn_is_refused(api: Any, project: str, picture: str, body: Any, status: int, said: str) -> None:
    found, told = api.problem("PUT", places_of(project, picture), json=body)
    assert (found, said in told) == (status, True), told


def test_only_who_may_manage_draws_and_only_on_what_is_there(callers: Any, project: str, picture: str) -> None:
    path = places_of(project, picture)
    assert callers.detect.problem("PUT", path, json={"places": []})[0] == 403
    assert callers.read.ok("GET", path)["places"] == []
    assert callers.other.problem("GET", path)[0] == 404
    status, told = callers.manage.problem("PUT", places_of(project, picture + "x"), json={"places": []})
    assert (status, "has no picture" in told) == (404, True)


@pytest.fixture(scope="module")
def hosted(server: Served, callers: Any, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A project whose model 1 finds boxes and masks, hosted."""
    api, name = callers.manage, "segmented"
    package: Path = made_package(tmp_path_factory.mktemp("made") / "all", damage=0.8, boxes=BOX_PART, masks=MASK_PART).path
    api.ok("POST", "/projects", json={"name": name})
    shutil.copytree(package, server.data / "models" / name)
    with database_of(Settings(data=server.data)).transaction() as session:
        project = session.scalars(select(Project).filter_by(name=name, account="000000000000")).one()
        project.last_version = 1
        output = {"S3Location": {"Bucket": "photos", "Prefix": ""}}
        session.add(Model(project_id=project.id, version=1, status="TRAINED", output=output, package=f"models/{name}"))
    ended_at(api, api.ok("POST", f"/projects/{name}/models/1/start", json={"min_units": 1})["job"])
    yield name
    ended_at(api, api.ok("POST", f"/projects/{name}/models/1/stop")["job"])


def ended_at(api: Any, job: str) -> None:
    assert 'data: {"state": "done"}' in api.get(f"/api/v1/jobs/{job}/events").text


def colours_of(png: bytes) -> set[tuple[int, int, int]]:
    image = Image.open(io.BytesIO(png))
    assert (image.format, image.size) == ("PNG", (256, 192))
    colours = np.unique(np.asarray(image.convert("RGB")).reshape(-1, 3), axis=0)
    return {(red, green, blue) for red, green, blue in colours.tolist()}


def test_findings_have_boxes_and_areas_and_the_mask_where_it_is_asked_for(callers: Any, hosted: str) -> None:
    path = f"/projects/{hosted}/models/1/detect"
    told = callers.detect.ok("POST", path, content=file(SPOT), headers=PNG)
    assert not {"mask", "masks", "colours"} & set(told)
    (box,) = told["boxes"]
    assert (box["label"], box["score"]) == ("scratch", 0.9)
    assert box["box"] == pytest.approx(list(SPOT), abs=5)
    assert told["areas"] == {"scratch": pytest.approx(0.0625, abs=0.02)}
    again = callers.detect.ok("POST", f"{path}?mask=true", content=file(SPOT), headers=PNG)
    assert again["colours"] == {"scratch": "#E69F00", "dent": "#0072B2"}
    kind, _, encoded = again["mask"].partition(",")
    assert kind == "data:image/png;base64"
    assert colours_of(base64.b64decode(encoded)) == {(255, 255, 255), (0xE6, 0x9F, 0x00)}


def test_a_kept_result_leads_to_its_mask(callers: Any, hosted: str) -> None:
    path = f"/projects/{hosted}/models/1/detect?keep=true&name=a.png"
    number = callers.detect.ok("POST", path, content=file(SPOT), headers=PNG)["result"]
    found = next(one for one in callers.read.ok("GET", f"/projects/{hosted}/results")["results"] if one["id"] == number)
    assert (found["kinds"], "masks" in found["findings"]) == (["scratch"], False)
    answer = callers.read.get(found["mask"])
    assert (answer.status_code, answer.headers["content-type"]) == (200, "image/png")
    assert len(colours_of(answer.content)) == 2
    assert callers.other.get(found["mask"]).status_code == 404
    assert callers.read.problem("GET", f"/projects/{hosted}/results/{number + 1000}/mask")[0] == 404


def test_a_picture_of_a_trial_leads_to_its_mask(callers: Any, hosted: str) -> None:
    api = callers.manage
    started = api.ok("POST", f"/projects/{hosted}/trials/one/pictures", content=file(SPOT), headers=PNG)
    ended_at(api, started["job"])
    (found,) = api.ok("GET", f"/projects/{hosted}/trials/one/pictures")["pictures"]
    assert [box["label"] for box in found["findings"]["boxes"]] == ["scratch"]
    assert "masks" not in found["findings"]
    assert len(colours_of(callers.read.get(found["mask"]).content)) == 2
    assert callers.read.problem("GET", f"/projects/{hosted}/trials/one/mask?picture=s3://photos/x.png")[0] == 404
