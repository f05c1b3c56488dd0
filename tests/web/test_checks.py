"""Checks and exports of datasets of the service: what is found leads to the pictures, and what is written can be read again."""

from __future__ import annotations

import io
import json
import zipfile
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from served import Served
from walkaround.datasets.reading import read_dataset


@pytest.fixture(scope="module")
def flawed(server: Served, callers: Any, drawn: Path) -> str:
    """A project with 16 whole and 16 damaged cars; a damaged one is labelled normal, one is there twice, one is a text."""
    from tests.web.conftest import wait_for_job

    api, name, folder = callers.manage, "p-flawed", server.folder / "bucket" / "flawed"
    api.ok("POST", "/projects", json={"name": name})
    lines = []
    for label in ("normal", "anomaly"):
        for path in sorted((drawn / "train" / label).iterdir()):
            target = folder / label / path.name
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(path.read_bytes())
            lines.append((f"flawed/{label}/{path.name}", label))
    first = sorted((folder / "anomaly").iterdir())[0]
    with Image.open(first) as image:
        image.resize((image.width // 2, image.height // 2)).save(folder / "smaller.jpg", quality=80)
    (folder / "broken.jpg").write_bytes(b"no picture")
    lines[20] = (lines[20][0], "normal")
    lines += [("flawed/smaller.jpg", "normal"), ("flawed/broken.jpg", "anomaly"), ("flawed/gone.jpg", "anomaly")]
    manifest = "".join(json.dumps(_line(key, label)) + "\n" for key, label in lines)
    (server.folder / "bucket" / "flawed.manifest").write_text(manifest)
    made = {"kind": "train", "manifest": {"bucket": "photos", "key": "flawed.manifest"}}
    wait_for_job(api, api.ok("POST", f"/projects/{name}/datasets", json=made)["job"])
    job = api.ok("POST", f"/projects/{name}/datasets/train/check", json={})["job"]
    assert wait_for_job(api, job)["state"] == "done", server.log.read_text()[-3000:]
    return name


def _line(key: str, label: str) -> dict[str, Any]:
    told = {"class-name": label, "type": "groundtruth/image-classification", "creation-date": "2024-01-01T00:00:00"}
    return {"source-ref": f"s3://photos/{key}", "l": int(label == "anomaly"), "l-metadata": told}


def names(api: Any, project: str, query: str) -> list[str]:
    return [row["name"] for row in api.ok("GET", f"/projects/{project}/datasets/train/gallery?{query}")["rows"]]


def test_what_a_check_finds_leads_to_the_pictures(api: Any, flawed: str) -> None:
    told = api.ok("GET", f"/projects/{flawed}/datasets/train/check")
    assert (told["status"], told["job"], told["report"]["read_labels"]) == ("COMPLETE", None, True)
    problems = {one["kind"]: one for one in told["report"]["problems"]}
    assert problems["unreadable"]["messages"] == ["'broken.jpg' is not a picture; give a JPEG, PNG, WebP or HEIC file."]
    assert problems["missing"]["messages"][0].startswith("gone.jpg is not in its bucket any more")
    assert names(api, flawed, "flag=unreadable") == ["broken.jpg"]
    assert names(api, flawed, "flag=missing") == ["gone.jpg"]
    twins = names(api, flawed, "flag=near-two-labels&order=oldest")
    assert twins[-1] == "smaller.jpg"
    assert len(twins) == 2 == problems["near-two-labels"]["standing"]
    doubtful = api.ok("GET", f"/projects/{flawed}/datasets/train/gallery?order=doubt")["rows"]
    assert doubtful[0]["doubt"] >= doubtful[1]["doubt"] > 0
    assert doubtful[-1]["doubt"] is None


def test_another_label_or_a_word_settles_a_problem(api: Any, flawed: str, ended: Any) -> None:
    path = f"/projects/{flawed}/datasets/train"
    twins = api.ok("GET", f"{path}/gallery?flag=near-two-labels")["rows"]
    whole = next(row for row in twins if row["label"] == "normal")
    ended(api.ok("POST", f"{path}/gallery/labels", json={"entries": [whole["id"]], "label": "anomaly"})["job"])
    left = api.ok("GET", f"{path}/gallery?flag=near-two-labels")
    assert [row["id"] for row in left["rows"]] == [row["id"] for row in twins if row["id"] != whole["id"]]
    said = {"entries": left["ids"], "kind": "near-two-labels"}
    assert api.ok("POST", f"{path}/check/settled", json=said) == {"pictures": 1}
    assert names(api, flawed, "flag=near-two-labels") == []
    told = api.ok("GET", f"{path}/check")["report"]
    assert [one["standing"] for one in told["problems"] if one["kind"] == "near-two-labels"] == [0]
    assert told["outdated"] is True
    again = api.ok("POST", f"{path}/check", json={"labels": False})
    assert api.problem("POST", f"{path}/check", json={})[0] == 409
    ended(again["job"])
    assert api.ok("GET", f"{path}/check")["report"]["outdated"] is False


def test_a_check_that_is_stopped_says_so_and_leaves_the_former_report(api: Any, flawed: str, ended: Any) -> None:
    path = f"/projects/{flawed}/datasets/train/check"
    job = api.ok("POST", path, json={})["job"]
    api.ok("DELETE", path)
    ended(job)
    told = api.ok("GET", path)
    assert told["status"] == "FAILED"
    assert told["message"] == "The check was cancelled."
    assert told["report"] is not None


def test_what_was_never_checked_and_what_is_empty_says_so(api: Any, callers: Any, project: str) -> None:
    path = f"/projects/{project}/datasets/train/check"
    assert api.problem("GET", path)[0] == 404
    assert api.problem("POST", path, json={})[0] == 409
    assert callers.read.problem("POST", path, json={})[0] == 403


def test_an_export_can_be_read_again(api: Any, flawed: str, ended: Any, tmp_path: Path) -> None:
    path = f"/projects/{flawed}/exports"
    begun = api.ok("POST", path, json={"format": "manifest", "datasets": ["train"]})
    assert ended(begun["job"])["state"] == "done"
    told = api.ok("GET", f"{path}/{begun['id']}")
    assert (told["status"], told["pictures"]) == ("COMPLETE", 33)
    assert {one["kind"] for one in told["problems"]} == {"missing-object", "unreadable"}
    answer = api.get(f"/api/v1{path}/{begun['id']}/archive")
    assert answer.headers["content-disposition"] == f'attachment; filename="{told["name"]}"'
    assert len(answer.content) == told["bytes"]
    with zipfile.ZipFile(io.BytesIO(answer.content)) as archive:
        assert not [name for name in archive.namelist() if name.startswith(("/", ".."))]
        archive.extractall(tmp_path)
    read = read_dataset(tmp_path)
    assert len(read.samples) == 33
    assert "smaller.jpg" in {sample.path.name for sample in read.samples}
    assert {sample.split for sample in read.samples} == {"train"}
    assert api.ok("GET", path)["exports"][0]["id"] == begun["id"]


def test_an_export_that_a_format_cannot_hold_says_why(api: Any, flawed: str, ended: Any) -> None:
    path = f"/projects/{flawed}/exports"
    begun = api.ok("POST", path, json={"format": "coco", "datasets": ["train"]})
    ended(begun["job"])
    told = api.ok("GET", f"{path}/{begun['id']}")
    assert told["status"] == "FAILED"
    assert "none has boxes or masks, and COCO holds nothing else" in told["message"]
    assert "'source'" not in told["message"]  # a folder of the server's
    assert api.problem("GET", f"{path}/{begun['id']}/archive")[0] == 404
    assert api.problem("POST", path, json={"format": "coco", "datasets": ["test"]})[0] == 404
    wrong = {"format": "coco", "datasets": ["train"], "address": "s3://photos/x"}
    assert api.problem("POST", path, json=wrong)[0] == 400
