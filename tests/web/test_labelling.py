"""Labelling over REST: at once, counted right, over nobody's work; reviewed by a second person; told as a manifest."""

from __future__ import annotations

import io
import json
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from urllib.parse import quote

import numpy as np
import pytest
from PIL import Image

from walkaround.datasets.runs import packed, runs_of
from walkaround.settings import Settings
from walkaround.web.commands import make_key

WIDTH, HEIGHT = 96, 80
BOX = {"label": "dent", "box": [10.0, 20.0, 60.5, 70.0]}
OUTLINE = {"label": "scratch", "polygons": [[[5.0, 5.0], [50.0, 5.0], [50.0, 40.0]]]}


def painted(left: int, top: int, right: int, bottom: int, *, size: tuple[int, int] = (HEIGHT, WIDTH)) -> dict[str, Any]:
    mask = np.zeros(size, dtype=np.bool_)
    mask[top:bottom, left:right] = True
    return {"label": "smash", "runs": {"size": list(size), "counts": packed(runs_of(mask))}}


@pytest.fixture
def path(project: str) -> str:
    return f"/projects/{project}/datasets/train"


@pytest.fixture
def pictures(project: str, upload: Callable[..., Any]) -> list[str]:
    """Addresses of three pictures of 96 x 80 pixels in a training dataset, in order."""
    return sorted((one["picture"] for one in upload(project, 3)["added"]), key=lambda _: 0)


@pytest.fixture
def second(server: Any, api: Any) -> Iterator[Any]:
    """Another person of the same account."""
    with type(api)(server, make_key(Settings(data=server.data), role="manage", account=None, note="second")) as caller:
        yield caller


def of(path: str, what: str, picture: str) -> str:
    return f"{path}/{what}?picture={quote(picture, safe='')}"


def say(api: Any, path: str, picture: str, *, match: str | None = None, **new: Any) -> Any:
    headers = {} if match is None else {"If-Match": f'"{match}"'}
    return api.ok("PUT", of(path, "labelling", picture), json={"label": None, **new}, headers=headers)


def line_of(api: Any, path: str, picture: str) -> Any:
    return next(one["line"] for one in api.ok("GET", f"{path}/entries")["entries"] if one["picture"] == picture)


def test_a_label_is_there_at_once_and_counted(api: Any, path: str, pictures: list[str]) -> None:
    before = api.ok("GET", of(path, "labelling", pictures[0]))
    assert (before["label"], before["state"], before["labelled_by"]) == (None, "unlabelled", None)
    after = say(api, path, pictures[0], label="normal", match=before["version"])
    assert (after["label"], after["state"], after["version"] != before["version"]) == ("normal", "to_review", True)
    assert after["labelled_by"].startswith("WALK")
    dataset = api.ok("GET", path)
    assert (dataset["status"], dataset["normal"], dataset["anomaly"]) == ("UPDATE_COMPLETE", 1, 0)
    say(api, path, pictures[0], label="anomaly", match=after["version"])
    dataset = api.ok("GET", path)
    assert (dataset["normal"], dataset["anomaly"], dataset["labelled"]) == (0, 1, 1)
    assert say(api, path, pictures[0])["state"] == "unlabelled"
    assert api.ok("GET", path)["labelled"] == 0


def test_nobody_labels_over_another_and_is_told_what_is_there(api: Any, second: Any, path: str, pictures: list[str]) -> None:
    version = api.ok("GET", of(path, "labelling", pictures[0]))["version"]
    mine = say(api, path, pictures[0], label="anomaly", kinds=["scratch"], match=version)
    answer = second.put(f"/api/v1{of(path, 'labelling', pictures[0])}", json={"label": "normal"}, headers={"If-Match": version})
    assert answer.status_code == 409
    assert "by somebody else meanwhile" in answer.json()["detail"]
    assert answer.json()["current"] == mine
    assert say(api, path, pictures[0], label="anomaly", kinds=["scratch"], match=version) == mine  # sent again


def test_of_many_at_once_one_labels_each_picture_and_all_are_counted(
    api: Any, second: Any, path: str, project: str, upload: Callable[..., Any]
) -> None:
    pictures = [one["picture"] for one in upload(project, 8)["added"]]
    versions = {one: api.ok("GET", of(path, "labelling", one))["version"] for one in pictures}

    def label(caller: Any, picture: str, verdict: str) -> int:
        headers = {"If-Match": versions[picture]}
        status: int = caller.put(
            f"/api/v1{of(path, 'labelling', picture)}", json={"label": verdict}, headers=headers
        ).status_code
        return status

    with ThreadPoolExecutor(8) as pool:
        asked = [
            [pool.submit(label, caller, one, verdict) for caller, verdict in ((api, "normal"), (second, "anomaly"))]
            for one in pictures
        ]
        answers = [sorted(one.result() for one in pair) for pair in asked]
    assert answers == [[200, 409]] * 8
    dataset = api.ok("GET", path)
    told = [api.ok("GET", of(path, "labelling", one))["label"] for one in pictures]
    assert (dataset["normal"], dataset["anomaly"]) == (told.count("normal"), told.count("anomaly"))
    assert dataset["labelled"] == 8


def test_a_drawing_that_was_spoilt_is_none(api: Any, path: str, pictures: list[str], server: Any) -> None:
    say(api, path, pictures[0], label="anomaly", places=[BOX])
    ref = line_of(api, path, pictures[0])["walkaround-drawing-ref"]
    file = server.data / "buckets" / ref.removeprefix("s3://")
    file.write_text(json.dumps({"width": 96, "height": 80, "places": [{"label": 3, "box": "no"}]}))
    (place,) = api.ok("GET", of(path, "labelling", pictures[0]))["places"]
    assert place["box"] == pytest.approx(BOX["box"])  # as the line has it


def test_what_is_said_comes_back_and_stands_in_the_manifest(api: Any, path: str, pictures: list[str]) -> None:
    places = [BOX, OUTLINE, painted(70, 10, 90, 30)]
    told = say(api, path, pictures[1], label="anomaly", kinds=["scratch", "door_dent", "scratch"], places=places)
    assert told["kinds"] == ["door_dent", "scratch"]
    assert [{key: value for key, value in one.items() if value is not None} for one in told["places"]] == places
    line = line_of(api, path, pictures[1])
    kinds = line["anomaly-kinds-metadata"]
    assert [kinds["class-map"][str(number)] for number in line["anomaly-kinds"]] == ["door_dent", "scratch"]
    assert (kinds["type"], kinds["worker"]) == ("groundtruth/image-classification-multilabel", told["labelled_by"])
    assert line["anomaly-label-metadata"]["worker"] == line["anomaly-boxes-metadata"]["worker"] == told["labelled_by"]
    again = say(api, path, pictures[1], label="anomaly", kinds=["scratch"], match=told["version"])
    assert (again["places"], again["kinds"]) == (told["places"], ["scratch"])
    assert say(api, path, pictures[1], label="normal", places=[])["kinds"] == []


@pytest.mark.parametrize(
    ("body", "status", "said"),
    [
        ({"label": "normal", "kinds": ["scratch"]}, 400, "labelled normal, and 'scratch' is seen in it"),
        ({"label": "normal", "places": [BOX]}, 400, "labelled normal, and 'dent' is drawn on it"),
        ({"label": "anomaly", "places": [painted(0, 0, 9, 9, size=(40, 48))]}, 400, "painted on 48 x 40 pixels"),
        ({"label": "anomaly", "places": [painted(9, 9, 9, 9)]}, 400, "encloses no pixel"),
        (
            {"label": "anomaly", "places": [{"label": "dent", "runs": {"size": [80, 96], "counts": "0"}}]},
            400,
            "its run lengths add up to 0 pixels",
        ),
        ({"label": "anomaly", "places": [{**BOX, **painted(0, 0, 9, 9)}]}, 400, "needs either"),
        ({"kinds": ["dent"]}, 422, "label"),
        ({"label": "anomaly", "kinds": [" "]}, 422, "kinds"),
    ],
)
def test_what_contradicts_itself_is_refused(
    api: Any, path: str, pictures: list[str], body: Any, status: int, said: str
) -> None:
    found, told = api.problem("PUT", of(path, "labelling", pictures[0]), json=body)
    assert (found, said in told) == (status, True), told
    assert api.ok("GET", of(path, "labelling", pictures[0]))["state"] == "unlabelled"


def test_roles_and_strangers(callers: Any, path: str, pictures: list[str]) -> None:
    address = of(path, "labelling", pictures[0])
    assert callers.detect.problem("PUT", address, json={"label": "normal"})[0] == 403
    assert callers.read.ok("GET", address)["label"] is None
    assert callers.other.problem("GET", address)[0] == 404
    assert callers.manage.problem("GET", of(path, "labelling", pictures[0] + "x"))[0] == 404
    assert callers.read.problem("POST", of(path, "review", pictures[0]), json={"verdict": "accepted"})[0] == 403


def test_the_queue_gives_one_picture_after_the_other(api: Any, second: Any, path: str, pictures: list[str]) -> None:
    def queue(caller: Any = api, **query: Any) -> tuple[list[int], int, int]:
        told = caller.ok("GET", f"{path}/queue", params=query)
        return [order.index(one["picture"]) for one in told["pictures"]], told["passed"], told["waiting"]

    order = [one["picture"] for one in api.ok("GET", f"{path}/entries")["entries"]]
    assert queue() == ([0, 1, 2], 0, 3)
    assert queue(beside=order[0], limit=1) == ([1], 1, 3)
    assert queue(beside=order[2], backwards=True, show="all") == ([1, 0], 1, 3)
    say(api, path, order[1], label="anomaly", kinds=["smash"])
    assert queue() == ([0, 2], 0, 2)
    assert queue(beside=order[1]) == ([2], 1, 2)
    assert queue(show="to_review") == ([1], 0, 1)
    assert queue(show="to_review", others=True) == ([], 0, 0)
    assert queue(second, show="to_review", others=True) == ([1], 0, 1)
    counts = api.ok("GET", f"{path}/queue")["counts"]
    assert counts == {"unlabelled": 2, "to_review": 1, "accepted": 0, "adjusted": 0, "sent_back": 0}
    assert api.problem("GET", f"{path}/queue", params={"beside": order[0] + "x"})[0] == 404


def test_a_second_person_accepts_adjusts_or_sends_back(api: Any, second: Any, path: str, pictures: list[str]) -> None:
    first = [say(api, path, one, label="anomaly", places=[BOX]) for one in pictures]
    status, said = api.problem("POST", of(path, "review", pictures[0]), json={"verdict": "accepted"})
    assert (status, "yourself" in said) == (409, True)
    accepted = second.ok(
        "POST", of(path, "review", pictures[0]), json={"verdict": "accepted"}, headers={"If-Match": first[0]["version"]}
    )
    assert (accepted["state"], accepted["review"]["unchanged"], accepted["labelled_by"]) == (
        "accepted",
        True,
        first[0]["labelled_by"],
    )
    moved = {**BOX, "box": [10.0, 20.0, 60.5, 45.0]}
    new = {"verdict": "adjusted", "note": "half", "labelling": {"label": "anomaly", "places": [moved]}}
    adjusted = second.ok("POST", of(path, "review", pictures[1]), json=new)
    assert (adjusted["state"], adjusted["review"]["iou"], adjusted["review"]["note"]) == ("adjusted", 0.5, "half")
    assert second.problem("POST", of(path, "review", pictures[2]), json={"verdict": "sent_back"})[0] == 400
    back = second.ok("POST", of(path, "review", pictures[2]), json={"verdict": "sent_back", "note": "look left"})
    assert back["state"] == "sent_back"
    answered = say(api, path, pictures[2], label="normal", places=[], match=back["version"])
    assert (answered["state"], answered["review"]["note"], answered["review"]["answered"]) == ("to_review", "look left", True)
    again = second.ok("POST", of(path, "review", pictures[2]), json={"verdict": "accepted"})
    assert (again["review"]["unchanged"], again["review"]["label_before"]) == (False, "anomaly")
    told = api.ok("GET", f"{path}/agreement")
    assert {name: told[name] for name in ("reviewed", "unchanged", "adjusted", "sent_back", "mean_iou")} == {
        "reviewed": 3,
        "unchanged": 1,
        "adjusted": 1,
        "sent_back": 1,
        "mean_iou": 0.5,
    }
    assert told["people"][0]["labelled_by"] == first[0]["labelled_by"]
    assert say(api, path, pictures[0], label="normal", places=[])["review"] is None


def test_reviews_go_out_with_the_manifest_and_come_in_again(
    api: Any, second: Any, path: str, project: str, pictures: list[str], server: Any, ended: Callable[[str], Any]
) -> None:
    say(api, path, pictures[0], label="anomaly", kinds=["smash"], places=[BOX, painted(1, 1, 9, 9)])
    before = second.ok("POST", of(path, "review", pictures[0]), json={"verdict": "sent_back", "note": "wrong"})
    lines = [one["line"] for one in api.ok("GET", f"{path}/entries")["entries"]]
    review = next(one for one in lines if "walkaround-review" in one)["walkaround-review-metadata"]
    assert (review["type"], review["worker-feedback"]) == ("groundtruth/label-verification", [{"comment": "wrong"}])
    key = f"{project}.manifest"
    folder = server.data / "buckets" / "walkaround-000000000000"
    (folder / key).write_text("".join(json.dumps(one) + "\n" for one in lines))
    made = api.ok(
        "POST",
        f"/projects/{project}/datasets",
        json={"kind": "test", "manifest": {"bucket": "walkaround-000000000000", "key": key}},
    )
    assert ended(made["job"])["state"] == "done"
    after = api.ok("GET", of(f"/projects/{project}/datasets/test", "labelling", pictures[0]))
    assert after == before
    counts = api.ok("GET", f"/projects/{project}/datasets/test/queue")["counts"]
    assert (counts["sent_back"], counts["unlabelled"]) == (1, 2)


def test_a_mask_from_elsewhere_is_told_as_what_a_brush_would_have_painted(
    api: Any, path: str, pictures: list[str], server: Any, ended: Callable[[str], Any]
) -> None:
    pixels = np.full((HEIGHT, WIDTH, 3), 255, dtype=np.uint8)
    pixels[10:20, 30:50] = (255, 0, 0)
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, "PNG")
    (server.data / "buckets" / "walkaround-000000000000" / "m.png").write_bytes(file.getvalue())
    colours = {"0": {"class-name": "BACKGROUND", "hex-color": "#ffffff"}, "1": {"class-name": "smash", "hex-color": "#ff0000"}}
    line = {
        "source-ref": pictures[0],
        "m-ref": "s3://walkaround-000000000000/m.png",
        "m-ref-metadata": {"internal-color-map": colours, "type": "groundtruth/semantic-segmentation"},
        "l": 1,
        "l-metadata": {"class-name": "anomaly", "type": "groundtruth/image-classification"},
    }
    folder = server.data / "buckets" / "walkaround-000000000000"
    (folder / "one.manifest").write_text(json.dumps(line))
    project = path.split("/")[2]
    made = api.ok(
        "POST",
        f"/projects/{project}/datasets",
        json={"kind": "test", "manifest": {"bucket": folder.name, "key": "one.manifest"}},
    )
    assert ended(made["job"])["state"] == "done"
    test = f"/projects/{project}/datasets/test"
    told = api.ok("GET", of(test, "labelling", pictures[0]))
    (place,) = told["places"]
    assert place["runs"] == painted(30, 10, 50, 20)["runs"]
    status, said = api.problem("PUT", of(test, "labelling", pictures[0]), json={"label": "normal"})
    assert (status, "normal, and 'smash'" in said) == (400, True)
    kept = say(api, test, pictures[0], label="anomaly", kinds=["smash"], match=told["version"])
    assert kept["places"] == told["places"]
    assert "m-ref" in api.ok("GET", f"{test}/entries")["entries"][0]["line"]
    more = say(api, test, pictures[0], label="anomaly", kinds=["smash"], places=[*told["places"], BOX])
    assert len(more["places"]) == 2


def test_a_dataset_that_a_job_changes_waits(api: Any, path: str, pictures: list[str]) -> None:
    accepted = api.ok("POST", f"{path}/labels", json={"labels": [{"picture": pictures[0], "label": "anomaly"}]})
    assert accepted["status"] == "UPDATE_IN_PROGRESS"
    answer = api.put(f"/api/v1{of(path, 'labelling', pictures[1])}", json={"label": "normal"})
    assert answer.status_code in (200, 409)  # whether the job was quicker
    assert "current" not in answer.json()


def test_classes_are_the_usual_until_a_project_has_its_own(api: Any, project: str) -> None:
    path = f"/projects/{project}/classes"
    usual = api.ok("GET", path)
    assert [one["hotkey"] for one in usual["classes"]] == list("1234567")
    assert (usual["classes"][0]["name"], usual["own"]) == ("glass_shatter", False)
    own = {"classes": [{"name": "hail", "colour": "#112233", "hotkey": "1"}, {"name": "rust", "colour": "#445566"}]}
    told = api.ok("PUT", path, json=own, headers={"If-Match": f'"{usual["version"]}"'})
    assert ([one["name"] for one in told["classes"]], told["own"]) == (["hail", "rust"], True)
    assert api.ok("GET", path) == told
    answer = api.put(f"/api/v1{path}", json=own, headers={"If-Match": f'"{usual["version"]}"'})
    assert (answer.status_code, answer.json()["current"]) == (409, told)
    twice = {"classes": [own["classes"][0], {**own["classes"][1], "hotkey": "1"}]}
    assert api.problem("PUT", path, json=twice)[0] == 400
    assert api.problem("PUT", path, json={"classes": [{"name": "Normal", "colour": "#112233"}]})[0] == 400
