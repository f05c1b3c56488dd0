"""Drafts of all pictures over REST: by a model that nobody hosts, once each, whatever is killed, stopped or asked for again."""

from __future__ import annotations

import io
import json
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
from PIL import Image
from tests.web.conftest import Api, wait_for_job

from made_models import BOX_PART, MASK_PART, made_package, picture_with
from served import Served, wait_for
from walkaround.settings import Settings
from walkaround.web.commands import make_key

MANY = 160
SPOT = (64, 48, 128, 96)
DRAFTS = "/projects/drafted/datasets/train/drafts"
ENTRIES = "/projects/drafted/datasets/train/entries"


def spotted(number: int) -> bytes:
    """A picture with a bright place, which no other number gives."""
    pixels = picture_with(SPOT)
    pixels[0, :16] = np.unpackbits(np.array([number >> 8, number & 255], np.uint8))[:, None] * 100
    content = io.BytesIO()
    Image.fromarray(pixels).save(content, "PNG")
    return content.getvalue()


def upload(api: Api, project: str, numbers: range, **params: str) -> None:
    files = [("files", (f"{number}.png", spotted(number), "image/png")) for number in numbers]
    job = api.ok("POST", f"/projects/{project}/datasets/train/pictures", files=files, params=params)["job"]
    assert wait_for_job(api, job)["state"] == "done"


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """A server that may be killed, with two versions of a model that find bright places."""
    folder = tmp_path_factory.mktemp("drafted")
    served = Served(folder=folder)
    served.start()
    for version, damage in ((1, 0.8), (2, 0.7)):
        package = made_package(folder / f"package-{version}", damage=damage, boxes=BOX_PART, masks=MASK_PART)
        served.walkaround("import", str(package.path), "drafted")
    yield served
    assert served.stop() == 0, served.log.read_text()[-4000:]


@pytest.fixture
def api(served: Served) -> Iterator[Api]:
    """A caller who may do everything; the server may answer elsewhere after it was killed."""
    with Api(served, make_key(Settings(data=served.data), role="manage", account=None, note="")) as api:
        yield api


def told(api: Api, *, status: str) -> Any:
    return wait_for(lambda: _in_status(api, status), what=f"status {status}", seconds=300)


def _in_status(api: Api, status: str) -> Any:
    found = api.ok("GET", DRAFTS)
    assert found["status"] in ("RUNNING", status), found
    return found if found["status"] == status else None


def begun(api: Api, model: str, *, least: int = 1) -> Any:
    """Drafting that goes on, and has drafted some pictures."""
    api.ok("POST", DRAFTS, json={"model": model})

    def some() -> Any:
        found = api.ok("GET", DRAFTS)
        return found if found["drafted"] >= least else None

    return wait_for(some, what="the first drafts", seconds=300, pause=0.01)


def made(api: Api, model: str) -> dict[str, str]:
    """When the draft of each picture by a version was made."""
    pictures = [one["picture"] for one in api.ok("GET", ENTRIES, params={"limit": 100})["entries"]]
    query = [{"picture": picture, "model": model} for picture in pictures]
    found = {one["picture"]: api.ok("GET", f"{DRAFTS}/picture", params=one) for one in query}
    return {picture: one["made"] for picture, one in found.items() if one["draft"]}


def test_what_was_drafted_outlives_a_killed_server_and_the_rest_follows(served: Served, api: Api) -> None:
    api.ok("POST", "/projects/drafted/datasets", json={"kind": "train"})
    assert api.ok("GET", DRAFTS)["status"] == "NONE"
    upload(api, "drafted", range(3), label="anomaly")
    upload(api, "drafted", range(3, 3 + MANY))
    before = begun(api, "1")
    assert (before["status"], before["model"], before["pictures"]) == ("RUNNING", "1", MANY)
    assert before["drafted"] < MANY, "it is to be killed in the middle"
    served.kill()
    served.start()
    api.base_url = served.url
    early = made(api, "1")
    done = told(api, status="COMPLETE")
    assert (done["drafted"], done["unlabelled"], done["failed"], done["job"]) == (MANY, MANY, 0, None)
    late = made(api, "1")
    assert len(late) == 97, "of the first hundred pictures three are labelled"
    assert {picture: late[picture] for picture in early} == early, "what was drafted is not drafted again"


def test_a_draft_has_places_and_is_no_label(api: Api) -> None:
    entries = api.ok("GET", ENTRIES, params={"limit": 100})["entries"]
    labelled, bare = entries[0]["picture"], entries[5]["picture"]
    assert api.ok("GET", f"{DRAFTS}/picture", params={"picture": labelled}) == {"draft": None, "made": None}
    draft = api.ok("GET", f"{DRAFTS}/picture", params={"picture": bare})["draft"]
    assert (draft["model"], draft["label"], draft["width"], draft["height"]) == ("1", "anomaly", 256, 192)
    box = next(place["box"] for place in draft["places"] if place["box"])
    assert box == pytest.approx(SPOT, abs=4)
    (area,) = [place["runs"] for place in draft["places"] if place["runs"]]
    assert area["size"] == [192, 256]
    assert api.ok("GET", "/projects/drafted/datasets/train/labelling", params={"picture": bare})["label"] is None
    places = [{key: place[key] for key in ("label", "box", "polygons", "runs")} for place in draft["places"]]
    sent = {"label": draft["label"], "kinds": [], "places": places}
    accepted = api.ok("PUT", "/projects/drafted/datasets/train/labelling", params={"picture": bare}, json=sent)
    assert (accepted["label"], len(accepted["places"])) == ("anomaly", 2)
    now = api.ok("GET", DRAFTS)
    assert (now["unlabelled"], now["drafted"]) == (MANY - 1, MANY - 1)
    assert api.problem("GET", f"{DRAFTS}/picture", params={"picture": "s3://walkaround-000000000000/none.png"})[0] == 404


def test_asked_for_again_only_what_is_new_is_drafted(api: Api) -> None:
    upload(api, "drafted", range(1000, 1002))
    missing = {"source-ref": "s3://walkaround-000000000000/pictures/00/none.png"}
    headers = {"content-type": "application/jsonl"}
    sent = api.ok("POST", "/projects/drafted/datasets/train/manifest", content=json.dumps(missing), headers=headers)
    assert wait_for_job(api, sent["job"])["state"] == "done"
    early = made(api, "1")
    job = api.ok("POST", DRAFTS, json={"model": "1"})["job"]
    assert wait_for_job(api, job)["state"] == "done"
    done = told(api, status="COMPLETE")
    assert (done["pictures"], done["drafted"], done["failed"]) == (3, MANY + 1, 1)
    assert "1 pictures could not be looked at" in done["message"]
    assert {picture: when for picture, when in made(api, "1").items() if picture in early} == early
    again = api.ok("POST", DRAFTS, json={"model": "1"})
    assert (again["pictures"], again["failed"]) == (1, 0), "what could not be looked at is tried again"
    told(api, status="COMPLETE")


def test_stopped_it_keeps_what_it_has_and_a_model_at_work_stays(api: Api) -> None:
    going = begun(api, "latest")
    assert (going["model"], going["pictures"]) == ("2", MANY + 2)
    assert "being drafted already" in api.problem("POST", DRAFTS, json={})[1]
    status, said = api.problem("DELETE", "/projects/drafted/models/2")
    assert (status, "drafts" in said) == (409, True)
    running = [one for one in api.ok("GET", "/activity")["running"] if one["kind"] == "draft"]
    assert [(one["project"], one["name"]) for one in running] == [("drafted", "train")]
    api.ok("DELETE", DRAFTS)
    stopped = told(api, status="CANCELLED")
    assert 0 < stopped["drafted"] < MANY
    assert "what was drafted stays" in stopped["message"]
    early = made(api, "2")
    assert wait_for_job(api, api.ok("POST", DRAFTS, json={})["job"])["state"] == "done"
    assert told(api, status="COMPLETE")["drafted"] == MANY + 1
    assert {picture: when for picture, when in made(api, "2").items() if picture in early} == early


def test_drafts_go_with_their_model(api: Api) -> None:
    gone = api.ok("DELETE", "/projects/drafted/models/2")
    assert wait_for_job(api, gone["job"])["state"] == "done"
    assert made(api, "2") == {}
    assert len(made(api, "latest")) == 97, "those of the other version are there, also of what was labelled since"
    assert api.problem("POST", DRAFTS, json={"model": "2"})[0] == 404


def test_who_may_only_look_may_not_draft(served: Served, api: Api) -> None:
    with Api(served, make_key(Settings(data=served.data), role="read", account=None, note="")) as reader:
        assert reader.problem("POST", DRAFTS, json={})[0] == 403
        assert reader.problem("DELETE", DRAFTS)[0] == 403
        assert reader.ok("GET", DRAFTS)["model"] == "1"
    assert api.problem("POST", DRAFTS, json={"model": "newest"})[0] == 422


def test_a_draft_goes_by_the_threshold_that_counts_now(api: Api) -> None:
    bare = next(one["picture"] for one in api.ok("GET", ENTRIES, params={"limit": 100})["entries"] if one["label"] is None)

    def draft() -> Any:
        kept = api.ok("GET", f"{DRAFTS}/picture", params={"picture": bare})
        return kept["draft"]["label"], kept["draft"]["confidence"], kept["draft"]["threshold"], kept["made"]

    *first, made_at = draft()
    assert first == ["anomaly", pytest.approx(0.8), 0.5]
    api.ok("PUT", "/projects/drafted/models/1/threshold", json={"threshold": 0.9})
    assert draft() == ("normal", pytest.approx(0.2), 0.9, made_at)
    upload(api, "drafted", range(2000, 2001))
    assert wait_for_job(api, api.ok("POST", DRAFTS, json={"model": "1"})["job"])["state"] == "done"
    (row,) = api.ok("GET", "/projects/drafted/datasets/train/gallery", params={"contains": "2000.png"})["rows"]
    fresh = {"picture": row["picture"]}
    assert api.ok("GET", f"{DRAFTS}/picture", params=fresh)["draft"]["label"] == "normal"
    api.ok("PUT", "/projects/drafted/models/1/threshold", json={"threshold": None})
    assert draft() == ("anomaly", pytest.approx(0.8), 0.5, made_at)
    assert api.ok("GET", f"{DRAFTS}/picture", params=fresh)["draft"]["label"] == "anomaly"


def test_boxes_that_another_threshold_tells_are_looked_for_again(
    served: Served, api: Api, tmp_path_factory: pytest.TempPathFactory
) -> None:
    package = made_package(tmp_path_factory.mktemp("places") / "package", boxes=BOX_PART, score=0.7)
    served.walkaround("import", str(package.path), "placed")
    api.ok("POST", "/projects/placed/datasets", json={"kind": "train"})
    upload(api, "placed", range(2))
    base = "/projects/placed/datasets/train/drafts"
    picture = api.ok("GET", "/projects/placed/datasets/train/entries")["entries"][0]["picture"]

    def boxes() -> int | None:
        assert wait_for_job(api, api.ok("POST", base, json={})["job"])["state"] == "done"
        kept = api.ok("GET", f"{base}/picture", params={"picture": picture})["draft"]
        return None if kept is None else len(kept["places"])

    assert boxes() == 1
    api.ok("PUT", "/projects/placed/models/1/threshold", json={"threshold": 0.95})
    assert (api.ok("GET", base)["drafted"], api.ok("GET", f"{base}/picture", params={"picture": picture})["draft"]) == (0, None)
    assert boxes() == 0
    api.ok("PUT", "/projects/placed/models/1/threshold", json={"threshold": None})
    assert boxes() == 1
