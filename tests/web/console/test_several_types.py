"""Several damage types on one picture, all the way: labelled, planned, trained, hosted, measured, shown."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator
from typing import Any

import httpx
import pytest
from PIL import Image
from playwright.sync_api import Page, expect
from tests.web.console.conftest import Console, Visitor

from served import Served, wait_for
from walkaround.datasets.drawn.car import draw_car

Accessible = Callable[[Page], None]
TYPES = ("glass_shatter", "smash")
DAMAGE: tuple[tuple[str, ...], ...] = (("smash",), ("glass_shatter",), ("smash", "glass_shatter"))
WHOLE, DAMAGED = 20, 27


def car(number: int, damage: tuple[str, ...]) -> bytes:
    file = io.BytesIO()
    drawn = draw_car(number, damage=damage, width=320, height=240, focus=None if damage else "smash")
    Image.fromarray(drawn.pixels).save(file, "JPEG", quality=90)
    return file.getvalue()


def send(console: Console, project: str, pictures: dict[str, bytes], label: str | None) -> None:
    files = [("files", (name, content, "image/jpeg")) for name, content in pictures.items()]
    params = {} if label is None else {"label": label}
    console.wait(console.ok("POST", f"/projects/{project}/datasets/train/pictures", files=files, params=params)["job"])


def say(console: Console, project: str, name: str, *kinds: str) -> None:
    entries = console.ok("GET", f"/projects/{project}/datasets/train/entries", params={"limit": 100})["entries"]
    picture = next(one["picture"] for one in entries if one["name"] == name)
    path = f"/projects/{project}/datasets/train/labelling"
    console.ok("PUT", path, params={"picture": picture}, json={"label": "anomaly", "kinds": list(kinds)})


@pytest.fixture(scope="module")
def console(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Console]:
    """A keyless server of this module's own: it needs no other model than that of `several`."""
    served = Served(folder=tmp_path_factory.mktemp("types"), variables={"WALKAROUND_KEYLESS": "true"})
    served.start()
    found = Console(served)
    try:
        yield found
    finally:
        found.close()
        code = served.stop()
    assert code == 0, served.log.read_text()[-4000:]


@pytest.fixture(scope="module")
def several(console: Console) -> str:
    """A project whose damaged cars are smashed, have broken glass, or both; every type is named, and a model is hosted."""
    console.ok("POST", "/projects", json={"name": "types"})
    console.ok("POST", "/projects/types/datasets", json={"kind": "train"})
    send(console, "types", {f"whole{number}.jpg": car(number, ()) for number in range(WHOLE)}, "normal")
    damaged = {f"damaged{n}.jpg": car(100 + n, DAMAGE[n % 3]) for n in range(DAMAGED)}
    send(console, "types", damaged, "anomaly")
    for number in range(DAMAGED):
        say(console, "types", f"damaged{number}.jpg", *DAMAGE[number % 3])
    console.wait(console.ok("POST", "/projects/types/models", json={})["job"])
    console.wait(console.ok("POST", "/projects/types/models/1/start", json={})["job"])
    return "types"


def test_the_labels_decide_and_a_person_may(console: Console, several: str) -> None:
    path = f"/projects/{several}/training-plan"
    plan = console.ok("GET", path)
    assert plan["damage_types"] == {
        "multi_label": True,
        "by": "labels",
        "why": "9 pictures show several damage types, so each type is told for itself, with a threshold of its own.",
        "several": 9,
        "pictures": {"glass_shatter": 18, "smash": 18},
    }
    (verdict,) = plan["learnt"]
    assert (verdict["how"], verdict["classes"]) == ("multi-label", ["normal", *TYPES])
    assert (plan["learning"]["normal"], plan["testing"]["normal"]) == (10, 10)
    assert plan["learning"]["anomaly"] + plan["testing"]["anomaly"] == DAMAGED
    assert 9 <= plan["testing"]["anomaly"] <= 12
    plain = console.ok("GET", path, params={"multi_label": False})
    assert (plain["damage_types"]["by"], plain["learnt"][0]["how"]) == ("person", "classes")
    told = console.ok("GET", f"/projects/{several}/models/1/training")
    assert told["options"]["multi_label"] is None
    notes = [line["told"]["message"] for line in told["log"] if line["kind"] == "problem"]
    assert any("so each type is told for itself" in note for note in notes)


def test_one_type_each_is_learnt_when_a_person_wants_it(console: Console, several: str) -> None:
    name = f"{several}-asked"
    console.ok("POST", "/projects", json={"name": name})
    console.ok("POST", f"/projects/{name}/datasets", json={"kind": "train"})
    send(console, name, {f"whole{n}.jpg": car(n, ()) for n in range(20)}, "normal")
    send(console, name, {f"damaged{n}.jpg": car(100 + n, DAMAGE[n % 2]) for n in range(24)}, "anomaly")
    path = f"/projects/{name}/training-plan"
    assert "No picture names a damage type" in console.ok("GET", path)["damage_types"]["why"]
    refused = console.ok("GET", path, params={"multi_label": True})
    assert (refused["ready"], "No picture to learn from names a damage type" in refused["lacks"][0]) == (False, True)
    for number in range(24):
        say(console, name, f"damaged{number}.jpg", *DAMAGE[number % 2])
    plan = console.ok("GET", path)
    assert (plan["damage_types"]["multi_label"], plan["learnt"][0]["how"]) == (False, "classes")
    asked = console.ok("GET", path, params={"multi_label": True})
    assert (asked["learnt"][0]["how"], asked["damage_types"]["by"]) == ("multi-label", "person")


def test_a_model_tells_each_type_over_every_door(console: Console, several: str) -> None:
    card = console.ok("GET", f"/projects/{several}/models/1/card")["card"]
    assert (card["task"], card["format"], card["classes"]) == ("multi-label", 3, ["normal", *TYPES])
    scores = console.ok("GET", f"/projects/{several}/models/1/evaluation")
    assert set(scores["kinds"]["classes"]) == set(TYPES)
    (summary,) = [one["summary"] for one in console.ok("GET", f"/projects/{several}/models")["models"]]
    assert summary["types"]["value"] == pytest.approx(scores["kinds"]["macro_f1"])
    tested = console.ok("GET", f"/projects/{several}/models/1/test-pictures")
    assert tested["kind_thresholds"] == card["kind_thresholds"]
    assert "glass_shatter; smash" in {one["label"] for one in tested["pictures"]}
    assert 17 <= tested["total"] <= 23
    content = car(107, DAMAGE[1])
    headers = {"content-type": "image/jpeg"}
    found = console.ok("POST", f"/projects/{several}/models/1/detect?keep=true&name=c.jpg", content=content, headers=headers)
    assert set(found["kinds"]) == {
        name for name, limit in card["kind_thresholds"].items() if found["probabilities"][name] >= limit
    }
    (kept,) = console.ok("GET", f"/projects/{several}/results")["results"]
    assert kept["kinds"] == list(found["kinds"])
    lookout = f"{console.served.url}/2020-11-20/projects/{several}/models/1/detect"
    answer = httpx.post(lookout, content=content, headers=headers, timeout=60, trust_env=False)
    told = answer.json()["DetectAnomalyResult"]
    assert (told["IsAnomalous"], told["Source"]["Type"]) == (found["anomalous"], "direct")
    assert told["Confidence"] == pytest.approx(found["confidence"], abs=1e-4)


def test_what_a_draft_proposes_goes_by_the_thresholds_of_the_types(console: Console, several: str) -> None:
    entries = console.ok("GET", f"/projects/{several}/datasets/train/entries", params={"limit": 100})["entries"]
    limits = console.ok("GET", f"/projects/{several}/models/1/card")["card"]["kind_thresholds"]
    for one in [one for one in entries if one["name"] in ("damaged2.jpg", "damaged5.jpg", "whole3.jpg")]:
        draft = console.ok("GET", f"/projects/{several}/datasets/train/draft", params={"picture": one["picture"]})
        assert all(kind["score"] >= limits[kind["label"]] - 1e-4 for kind in draft["kinds"]), "scores have four digits"
        assert draft["label"] == "anomaly" or not draft["kinds"]


def test_a_version_without_types_is_compared_without_calling_its_labels_changed(console: Console, several: str) -> None:
    made = console.ok("POST", f"/projects/{several}/models", json={"multi_label": False})
    console.wait(made["job"])
    card = console.ok("GET", f"/projects/{several}/models/2/card")["card"]
    assert (card["task"], card["classes"]) == ("classes", ["normal", "anomaly"])
    compared = console.ok("GET", f"/projects/{several}/comparison", params={"first": "1", "second": "2"})
    assert [warning for warning in compared["warnings"] if "was changed between" in warning] == []


def test_the_pages_show_every_type(console: Console, several: str, visit: Visitor, accessible: Accessible) -> None:
    page = visit(f"{console.url}/projects/{several}/train")
    expect(page.get_by_text("9 pictures show several damage types, so each type is told for itself")).to_be_visible()
    expect(page.get_by_text("smash on 18")).to_be_visible()
    page.get_by_text("Damaged or whole", exact=True).click()
    expect(page.get_by_text("You chose that only damaged and whole are told")).to_be_visible()
    accessible(page)
    page.goto(f"{console.url}/projects/{several}/models/1")
    table = page.get_by_role("region", name="Scores of kinds of damage")
    for name in ("glass shatter", "smash"):
        expect(table.get_by_role("row", name=name)).to_be_visible()
    page.get_by_text("All (", exact=False).first.click()
    page.locator(".mistakes button").first.click()
    expect(page.get_by_role("dialog").get_by_text("told, from").first).to_be_visible()
    accessible(page)


def test_several_types_are_named_on_the_labelling_page(console: Console, several: str, visit: Visitor) -> None:
    console.ok("POST", "/projects", json={"name": "typed"})
    console.ok("POST", "/projects/typed/datasets", json={"kind": "train"})
    send(console, "typed", {"one.jpg": car(300, DAMAGE[2])}, None)
    page = visit(f"{console.url}/projects/typed/label")
    for name in ("Smash", "Glass shatter"):
        page.get_by_role("button", name=name, exact=False).first.click()
    (entry,) = console.ok("GET", "/projects/typed/datasets/train/entries")["entries"]

    def said() -> Any:
        told = console.ok("GET", "/projects/typed/datasets/train/labelling", params={"picture": entry["picture"]})
        return told if len(told["kinds"]) == len(TYPES) else None

    told = wait_for(said, what="both types to be saved", seconds=60)
    assert (told["label"], told["kinds"]) == ("anomaly", list(TYPES))
