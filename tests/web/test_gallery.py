"""The gallery over REST: filters, order, jumps, labels for many, and pictures taken out and put back."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from served import Served

Many = tuple[str, list[str]]


def gallery(api: Any, project: str, query: str = "") -> Any:
    return api.ok("GET", f"/projects/{project}/datasets/train/gallery{query}")


@pytest.fixture
def many(api: Any, project: str, draw: Callable[..., bytes], ended: Any) -> Many:
    """A project with three normal, two anomalous and one unlabelled picture, in this order, and their names."""
    path = f"/projects/{project}/datasets/train/pictures"
    names = []
    for number, label in enumerate(["normal"] * 3 + ["anomaly"] * 2 + [None]):
        query = "" if label is None else f"&label={label}"
        name = f"{'Front' if number % 2 else 'back'}-{number}.jpg"
        sent = {"content": draw(900 + number), "headers": {"content-type": "image/jpeg"}}
        ended(api.ok("POST", f"{path}?name={name}{query}", **sent)["job"])
        names.append(name)
    return project, names


def test_the_gallery_has_every_number_in_order_and_counts_every_filter(api: Any, many: Many) -> None:
    project, names = many
    found = gallery(api, project)
    assert [row["name"] for row in found["rows"]] == names[::-1]
    assert found["ids"] == [row["id"] for row in found["rows"]]
    assert found["counts"] == {"all": 6, "normal": 3, "anomaly": 2, "none": 1, "flagged": 0, "flags": {}}
    assert (found["more"], found["checked"]) == (False, None)
    oldest = gallery(api, project, "?order=oldest")
    assert oldest["ids"] == found["ids"][::-1]


@pytest.mark.parametrize(
    ("query", "numbers"),
    [
        ("?label=normal", [2, 1, 0]),
        ("?label=none", [5]),
        ("?label=any&order=oldest", [0, 1, 2, 3, 4]),
        ("?contains=FRONT", [5, 3, 1]),
        ("?contains=back&label=anomaly", [4]),
        ("?contains=pictures%2F", [5, 4, 3, 2, 1, 0]),
        ("?contains=100%25", []),
        ("?flag=any", []),
        ("?drawn=true", []),
        ("?order=doubt", [0, 1, 2, 3, 4, 5]),
    ],
)
def test_filters_and_orders(api: Any, many: Many, query: str, numbers: list[int]) -> None:
    project, names = many
    assert [names.index(row["name"]) for row in gallery(api, project, query)["rows"]] == numbers


def test_rows_are_told_by_number_wherever_they_are(api: Any, many: Many) -> None:
    project, names = many
    ids = gallery(api, project)["ids"]
    asked = f"/projects/{project}/datasets/train/gallery/rows?ids={ids[4]},999999999,{ids[0]}"
    assert [row["name"] for row in api.ok("GET", asked)["rows"]] == [names[1], names[5]]
    assert api.problem("GET", f"/projects/{project}/datasets/train/gallery/rows?ids=1,,2")[0] == 422


def test_many_pictures_are_labelled_at_once(api: Any, many: Many, ended: Any) -> None:
    project, _ = many
    ids = gallery(api, project)["ids"]
    path = f"/projects/{project}/datasets/train/gallery/labels"
    ended(api.ok("POST", path, json={"entries": ids[:4], "label": "anomaly"})["job"])
    assert gallery(api, project)["counts"] | {"flags": {}} == {
        "all": 6,
        "normal": 2,
        "anomaly": 4,
        "none": 0,
        "flagged": 0,
        "flags": {},
    }
    status, said = api.problem("POST", path, json={"entries": [ids[0], 999_999_999], "label": None})
    assert (status, said.partition(":")[0]) == (404, "1 of the pictures are not in the train dataset any more")


def test_pictures_are_taken_out_and_put_back_with_their_labels(api: Any, many: Many, ended: Any) -> None:
    project, names = many
    found = gallery(api, project)
    path = f"/projects/{project}/datasets/train/removals"
    gone = api.ok("POST", path, json={"entries": [found["ids"][0], found["ids"][1], found["ids"][5]]})
    assert gone["pictures"] == 3
    left = gallery(api, project)
    assert [row["name"] for row in left["rows"]] == [names[3], names[2], names[1]]
    assert left["counts"] | {"flags": {}, "flagged": 0} == {
        "all": 3,
        "normal": 2,
        "anomaly": 1,
        "none": 0,
        "flags": {},
        "flagged": 0,
    }
    told = api.ok("GET", f"/projects/{project}/datasets/train")
    assert (told["total"], told["normal"], told["anomaly"], told["status"]) == (3, 2, 1, "UPDATE_COMPLETE")
    ended(api.ok("DELETE", f"{path}/{gone['removal']}")["job"])
    back = gallery(api, project)
    assert {row["name"]: row["label"] for row in back["rows"]} == {row["name"]: row["label"] for row in found["rows"]}
    assert api.problem("DELETE", f"{path}/{gone['removal']}")[0] == 404


def test_who_may_only_look_cannot_take_anything_out(callers: Any, many: Many) -> None:
    project, _ = many
    ids = callers.read.ok("GET", f"/projects/{project}/datasets/train/gallery")["ids"]
    path = f"/projects/{project}/datasets/train/removals"
    assert callers.read.problem("POST", path, json={"entries": ids})[0] == 403
    assert callers.other.problem("POST", path, json={"entries": ids})[0] == 404


def test_a_picture_that_is_sent_again_keeps_its_label(api: Any, many: Many, draw: Callable[..., bytes]) -> None:
    project, _ = many
    path = f"/projects/{project}/datasets/train/pictures"
    sent = {"content": draw(900), "headers": {"content-type": "image/jpeg"}}
    again = api.ok("POST", path, **sent)
    assert (again["known"], again.get("job")) == (1, None)
    assert gallery(api, project)["counts"]["normal"] == 3


def test_pictures_below_a_prefix_become_entries_with_the_labels_of_their_folders(
    api: Any, server: Served, draw: Callable[..., bytes], ended: Any
) -> None:
    for number, name in enumerate(["good/a.jpg", "dent/b.JPG", "anomaly/x/c.png", "d.jpeg", "e.gif"]):
        file = server.folder / "bucket" / "imports" / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(draw(950 + number))
    api.ok("POST", "/projects", json={"name": "p-imports"})
    api.ok("POST", "/projects/p-imports/datasets", json={"kind": "train"})
    path, place = "/projects/p-imports/datasets/train/imports", {"bucket": "photos", "prefix": "imports/"}
    first = api.ok("POST", path, json={**place, "folders": "classes", "label": "normal"})
    assert (first["pictures"], first["new"]) == (4, 4)
    ended(first["job"])
    labels = {row["name"]: row["label"] for row in gallery(api, "p-imports")["rows"]}
    assert labels == {"a.jpg": "normal", "b.JPG": "anomaly", "c.png": "anomaly", "d.jpeg": "normal"}
    again = api.ok("POST", path, json=place)
    assert (again["new"], again["job"]) == (0, None)
    assert api.problem("POST", path, json={"bucket": "photos", "prefix": "nothing/"})[0] == 400
    assert api.problem("POST", path, json={"bucket": "walkaround-111111111111"})[0] == 403


def test_a_manifest_goes_out_and_comes_in(api: Any, many: Many, ended: Any) -> None:
    project, _ = many
    manifest = api.get(f"/api/v1/projects/{project}/datasets/train/manifest")
    assert manifest.headers["content-disposition"] == f'attachment; filename="{project}-train.manifest"'
    assert len(manifest.content.splitlines()) == 6
    api.ok("POST", f"/projects/{project}/datasets", json={"kind": "test"})
    path = f"/projects/{project}/datasets/test"
    sent = {"content": manifest.content, "headers": {"content-type": "application/jsonl"}}
    ended(api.ok("POST", f"{path}/manifest", **sent)["job"])
    assert api.ok("GET", f"{path}/gallery")["counts"] == gallery(api, project)["counts"]
    wrong = {"content": b"{}\n", "headers": {"content-type": "application/jsonl"}}
    ended(api.ok("POST", f"{path}/manifest", **wrong)["job"])
    assert api.ok("GET", path)["message"].startswith("Nothing was changed. Lines cannot be used: line 1")


def test_folders_of_an_archive_are_classes_where_that_is_said(
    api: Any, project: str, draw: Callable[..., bytes], ended: Any, tmp_path: Path
) -> None:
    import zipfile

    with zipfile.ZipFile(tmp_path / "cars.zip", "w") as archive:
        for number, name in enumerate(["cars/whole/a.jpg", "cars/scratch/b.jpg", "c.jpg"]):
            archive.writestr(name, draw(970 + number))
    sent = {"content": (tmp_path / "cars.zip").read_bytes(), "headers": {"content-type": "application/zip"}}
    ended(api.ok("POST", f"/projects/{project}/datasets/train/pictures?folders=classes", **sent)["job"])
    labels = {row["name"]: row["label"] for row in gallery(api, project)["rows"]}
    assert labels == {"a.jpg": "normal", "b.jpg": "anomaly", "c.jpg": None}
