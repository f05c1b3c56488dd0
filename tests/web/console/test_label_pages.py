"""Labelling and reviewing in a browser: by mouse and by keyboard, by two people at once, with a server that goes away."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any
from urllib.parse import quote

import pytest
from playwright.sync_api import Page, expect
from tests.web.console.conftest import Console, Visitor

from served import wait_for
from walkaround.datasets.formats.marks import runs_of_json
from walkaround.datasets.runs import box_of_runs

SAVED, CONFLICT = "[data-state=saved]", "[data-state=conflict]"
SHOWN = ".stage.there"


def opened(visit: Visitor, console: Console, project: str, page: str = "label", **shown: Any) -> Page:
    found = visit(f"{console.url}/projects/{project}/{page}", **shown)
    found.wait_for_selector(SHOWN)
    return found


def drag(page: Page, *way: tuple[float, float]) -> None:
    """Drag over points of the stage, each as shares of its width and height."""
    box: Any = page.locator(".stage").bounding_box()
    points = [(box["x"] + box["width"] * x, box["y"] + box["height"] * y) for x, y in way]
    page.mouse.move(*points[0])
    page.mouse.down()
    for x, y in points[1:]:
        page.mouse.move(x, y, steps=5)
    page.mouse.up()


def said(console: Console, project: str, picture: int = 2) -> Any:
    """What the server has of a picture, by its place in the dataset."""
    base = f"/projects/{project}/datasets/train"
    entries = console.ok("GET", f"{base}/entries")["entries"]
    return console.ok("GET", f"{base}/labelling?picture={quote(entries[picture]['picture'], safe='')}")


def test_a_box_an_outline_and_a_painted_area(console: Console, project: str, visit: Visitor) -> None:
    page = opened(visit, console, project)
    page.keyboard.press("b")
    page.keyboard.press("2")
    drag(page, (0.3, 0.3), (0.5, 0.5))
    page.keyboard.press("p")
    page.keyboard.press("7")
    stage = page.locator(".stage")
    box: Any = stage.bounding_box()
    for x, y in ((0.55, 0.4), (0.7, 0.4), (0.65, 0.55)):
        stage.click(position={"x": box["width"] * x, "y": box["height"] * y})
    page.keyboard.press("Enter")
    page.keyboard.press("r")
    page.keyboard.press("6")
    drag(page, (0.35, 0.65), (0.6, 0.65))
    expect(page.locator(".places li")).to_have_count(3)
    page.wait_for_selector(SAVED)
    told = said(console, project)
    assert [one["label"] for one in told["places"]] == ["door_dent", "scratch", "smash"]
    assert [[name for name in ("box", "polygons", "runs") if one[name]] for one in told["places"]] == [
        ["box"],
        ["polygons"],
        ["runs"],
    ]
    assert told["label"] == "anomaly"
    page.keyboard.press("e")
    drag(page, (0.2, 0.65), (0.8, 0.65))
    expect(page.locator(".places li")).to_have_count(2)  # all of it was wiped
    page.keyboard.press("Control+z")
    expect(page.locator(".places li")).to_have_count(3)
    page.wait_for_selector(SAVED)
    assert said(console, project)["places"] == told["places"]


def test_shapes_are_moved_stretched_and_taken_away(console: Console, project: str, visit: Visitor) -> None:
    page = opened(visit, console, project)
    page.keyboard.press("b")
    drag(page, (0.4, 0.4), (0.6, 0.6))
    page.keyboard.press("v")
    drag(page, (0.5, 0.5), (0.55, 0.5))  # chosen and moved
    page.wait_for_selector(SAVED)
    first = said(console, project)["places"][0]["box"]
    handle: Any = page.locator(".handle.se rect").bounding_box()
    page.mouse.move(handle["x"] + 5, handle["y"] + 5)
    page.mouse.down()
    page.mouse.move(handle["x"] + 45, handle["y"] + 25, steps=4)
    page.mouse.up()
    page.wait_for_selector(SAVED)
    second = said(console, project)["places"][0]["box"]
    assert second[:2] == first[:2]
    assert second[2] > first[2]
    page.keyboard.press("Shift+ArrowLeft")
    page.keyboard.press("Alt+ArrowDown")
    page.wait_for_selector(SAVED)
    third = said(console, project)["places"][0]["box"]
    assert third[0] == round(second[0] - 10, 1)
    assert round(third[3] - third[1], 1) == round(second[3] - second[1] + 1, 1)
    page.keyboard.press("Delete")
    page.wait_for_selector(SAVED)
    assert said(console, project)["places"] == []
    page.keyboard.press("Control+z")
    page.wait_for_selector(SAVED)
    assert said(console, project)["places"][0]["box"] == third


def test_everything_can_be_done_without_a_pointer(
    console: Console, project: str, visit: Visitor, accessible: Callable[[Page], None]
) -> None:
    page = opened(visit, console, project)
    page.keyboard.press("Shift+B")  # a box in the middle
    page.keyboard.press("3")
    for _ in range(3):
        page.keyboard.press("ArrowRight")
    page.wait_for_selector(SAVED)
    (place,) = said(console, project)["places"]
    assert place["label"] == "bumper_dent"
    expect(page.get_by_role("button", name="bumper dent box")).to_have_attribute("aria-pressed", "true")
    accessible(page)
    page.keyboard.press("?")
    expect(page.get_by_role("dialog", name="Keys")).to_be_visible()
    accessible(page)
    page.keyboard.press("Escape")
    page.keyboard.press("Escape")
    name = page.locator(".going .file")
    before = name.inner_text()
    page.keyboard.press(".")
    expect(name).not_to_have_text(before)
    page.wait_for_selector(SHOWN)
    page.keyboard.press("c")  # as on the last picture
    expect(page.locator(".places li")).to_have_count(1)
    page.wait_for_selector(SAVED)
    assert [one["box"] for one in said(console, project, 3)["places"]] == [place["box"]]


def test_outlines_areas_and_boxes_are_drawn_without_a_pointer(
    console: Console, project: str, visit: Visitor, accessible: Callable[[Page], None]
) -> None:
    page = opened(visit, console, project)
    name = page.locator(".going .file").inner_text()

    def press(*keys: str) -> None:
        for key in keys:
            page.keyboard.press(key)

    press("p", "7", "Space", "Space")  # the crosshair comes into the middle, and is a corner
    press(*["Shift+ArrowRight"] * 2, "Space", *["Shift+ArrowDown"] * 2, "Space")
    expect(page.get_by_text(re.compile(r"Crosshair 5\d %|Crosshair [67]\d %"))).to_be_attached()
    accessible(page)
    press("Enter")
    expect(page.locator(".places li")).to_have_count(1)
    press("r", "6", "Space", *["Shift+ArrowLeft"] * 3, "Space")  # a stroke from here to there
    expect(page.locator(".places li")).to_have_count(2)
    press("Escape", "b", "1", "Space", "ArrowDown", *["Shift+ArrowDown"] * 2, *["Shift+ArrowLeft"] * 2, "Space")
    expect(page.locator(".places li")).to_have_count(3)
    page.wait_for_selector(SAVED)
    outline, area, box = said(console, project)["places"]
    assert (outline["label"], area["label"], box["label"]) == ("scratch", "smash", "glass_shatter")
    (ring,) = outline["polygons"]
    assert len(ring) == 3
    assert ring[1][0] - ring[0][0] == pytest.approx(ring[2][1] - ring[1][1], abs=0.3), "as far down as across"
    assert area["runs"] is not None
    left, top, right, bottom = box["box"]
    assert right - left < bottom - top
    assert page.locator(".going .file").inner_text() == name, "no arrow and no Enter left the picture"
    press("r", "Space", ".")
    expect(page.locator(".going .file")).not_to_have_text(name)
    page.wait_for_selector(SHOWN)
    press("Shift+ArrowRight", "Space")  # not a stroke that began on the picture before
    page.wait_for_selector(SAVED)
    (dab,) = said(console, project, 3)["places"]
    found = box_of_runs(runs_of_json(dab["runs"]))
    assert found is not None
    left, top, right, bottom = found
    assert right - left == pytest.approx(bottom - top, abs=1)


def test_one_picture_after_another_by_keyboard(console: Console, project: str, visit: Visitor) -> None:
    page = opened(visit, console, project)
    name = page.locator(".going .file")
    for number, key in enumerate("nana"):
        before = name.inner_text()
        page.keyboard.press(key)
        if number < 3:
            expect(name).not_to_have_text(before)
            page.wait_for_selector(SHOWN)
    expect(page.get_by_role("heading", name="Every picture is labelled")).to_be_visible()
    page.wait_for_function("() => !document.querySelector('[data-state]') || document.querySelector('[data-state=saved]')")
    page.get_by_role("button", name="Show all").click()
    page.wait_for_selector(SHOWN)
    dataset = console.ok("GET", f"/projects/{project}/datasets/train")
    assert (dataset["labelled"], dataset["total"]) == (6, 6)
    assert [said(console, project, number)["label"] for number in (2, 3, 4, 5)] == ["normal", "anomaly", "normal", "anomaly"]


def test_a_verdict_by_mistake_is_taken_back_on_the_picture_before(console: Console, project: str, visit: Visitor) -> None:
    page = opened(visit, console, project)
    name = page.locator(".going .file")
    before = name.inner_text()
    page.keyboard.press("n")
    expect(name).not_to_have_text(before)
    page.wait_for_selector(SHOWN)
    page.keyboard.press("Control+z")
    expect(name).to_have_text(before)
    expect(page.locator(".verdict-button.whole")).to_have_attribute("aria-pressed", "false")
    page.wait_for_selector(SAVED)
    assert said(console, project)["label"] is None
    for _ in range(4):
        passed = name.inner_text() if name.count() else None
        page.keyboard.press("a")
        expect(
            page.get_by_role("heading", name="Every picture is labelled").or_(name.filter(has_not_text=str(passed)))
        ).to_be_visible()
    page.keyboard.press("Control+z")  # after the end
    expect(name).to_be_visible()
    page.wait_for_selector(SAVED)
    assert console.ok("GET", f"/projects/{project}/datasets/train")["labelled"] == 5


def test_before_the_first_picture_there_is_no_end(console: Console, project: str, visit: Visitor) -> None:
    queue = console.ok("GET", f"/projects/{project}/datasets/train/queue", params={"show": "all", "limit": 1})
    first = quote(queue["pictures"][0]["picture"], safe="")
    page = opened(visit, console, project, f"label?show=all&picture={first}")
    page.get_by_role("button", name="Previous").click()
    expect(page.get_by_text("This is the first picture.")).to_be_visible()
    expect(page.get_by_role("button", name="Next", exact=False)).to_be_enabled()
    assert first in page.url


def test_two_people_do_not_label_over_each_other(console: Console, project: str, visit: Visitor) -> None:
    mine, theirs = (opened(visit, console, project) for _ in range(2))
    theirs.keyboard.press("7")
    theirs.wait_for_selector(SAVED)
    expect(theirs.get_by_text("3 of 6 labelled")).to_be_visible()
    mine.keyboard.press("6")
    mine.wait_for_selector(CONFLICT)
    assert said(console, project)["kinds"] == ["scratch"]
    mine.get_by_role("button", name="Decide").click()
    window = mine.get_by_role("dialog", name="Two people labelled this picture")
    expect(window.get_by_text("damaged: smash")).to_be_visible()
    expect(window.get_by_text("damaged: scratch")).to_be_visible()
    window.get_by_role("button", name="Take theirs").click()
    mine.wait_for_selector(SAVED)
    assert said(console, project)["kinds"] == ["scratch"]
    theirs.keyboard.press("5")
    theirs.wait_for_selector(SAVED)
    expect(theirs.locator(".class-button[aria-pressed=true]")).to_have_count(2)
    wait_for(lambda: said(console, project)["kinds"] == ["head_lamp", "scratch"], what="what they said", seconds=20)
    mine.locator(".stage").focus()
    mine.keyboard.press("1")
    mine.wait_for_selector(CONFLICT)
    mine.get_by_role("button", name="Decide").click()
    mine.get_by_role("button", name="Keep mine").click()
    mine.wait_for_selector(SAVED)
    assert said(console, project)["kinds"] == ["glass_shatter", "scratch"]


def test_what_cannot_be_sent_is_sent_later(console: Console, project: str, visit: Visitor) -> None:
    page = opened(visit, console, project)
    page.context.set_offline(True)
    page.keyboard.press("4")
    page.wait_for_selector("[data-state=trying]")
    assert said(console, project)["label"] is None
    page.context.set_offline(False)
    page.wait_for_selector(SAVED)
    assert said(console, project)["kinds"] == ["tail_lamp"]


def test_a_draft_is_a_label_only_when_it_is_accepted(console: Console, visit: Visitor) -> None:
    page = visit(f"{console.url}/projects/cars/label?show=all&kind=test")
    page.wait_for_selector(SHOWN)
    versions = [one["version"] for one in console.ok("GET", "/projects/cars/datasets/test/entries")["entries"]]
    page.keyboard.press("g")
    expect(page.get_by_role("button", name="Accept", exact=True)).to_be_visible()
    page.keyboard.press("Escape")
    expect(page.get_by_role("button", name="Accept", exact=True)).to_have_count(0)
    page.keyboard.press("u")  # no label
    page.keyboard.press("g")
    expect(page.get_by_role("button", name="Accept", exact=True)).to_be_visible()
    page.keyboard.press("Enter")
    expect(page.locator(".verdict-button[aria-pressed=true]")).to_have_count(1)
    page.wait_for_selector(SAVED)
    after = [one["version"] for one in console.ok("GET", "/projects/cars/datasets/test/entries")["entries"]]
    assert after[1:] == versions[1:]


def test_a_second_person_reviews(console: Console, project: str, visit: Visitor, accessible: Callable[[Page], None]) -> None:
    base = f"/projects/{project}/datasets/train"
    entries = console.ok("GET", f"{base}/entries")["entries"]
    for one in entries[:3]:
        picture = quote(one["picture"], safe="")
        console.ok("PUT", f"{base}/labelling?picture={picture}", json={"label": "anomaly", "kinds": ["smash"]})
    page = opened(visit, console, project, "review")
    accessible(page)
    file = page.locator(".label-side .file").first
    first = file.inner_text()
    page.keyboard.press("Enter")
    expect(file).not_to_have_text(first)
    second = file.inner_text()
    page.keyboard.press("n")
    expect(page.get_by_role("button", name="Adjust")).to_be_visible()
    page.keyboard.press("Enter")
    expect(file).not_to_have_text(second)
    page.keyboard.press("s")
    page.get_by_label("What is wrong?").fill("Only dirt")
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name="Nothing waits for a review")).to_be_visible()
    assert [said(console, project, number)["state"] for number in range(3)] == ["accepted", "adjusted", "sent_back"]
    assert said(console, project, 2)["review"]["note"] == "Only dirt"
    expect(page.get_by_text("(1 of 3)")).to_be_visible()
    labeller = visit(f"{console.url}/projects/{project}/label?show=sent_back")
    expect(labeller.get_by_text("Only dirt")).to_be_visible()
    labeller.get_by_role("button", name="It is right as it is").click()
    labeller.wait_for_selector(SAVED)
    expect(labeller.get_by_text("Only dirt")).to_have_count(0)
    assert said(console, project, 2)["state"] == "to_review"


def test_a_phone_has_room_for_all_of_it(
    console: Console, project: str, visit: Visitor, accessible: Callable[[Page], None]
) -> None:
    page = opened(visit, console, project, width=375, height=740, dark=True)
    assert page.evaluate("document.documentElement.scrollWidth") <= 375
    touch = page.context.new_cdp_session(page)
    stage: Any = page.locator(".stage").bounding_box()
    middle = (stage["x"] + stage["width"] / 2, stage["y"] + stage["height"] / 2)

    def fingers(what: str, *shifts: tuple[float, float]) -> None:
        points = [{"x": middle[0] + x, "y": middle[1] + y, "id": number} for number, (x, y) in enumerate(shifts)]
        touch.send("Input.dispatchTouchEvent", {"type": what, "touchPoints": points})

    before = page.locator(".stage img").get_attribute("style")
    fingers("touchStart", (-30, 0))
    fingers("touchStart", (-30, 0), (30, 0))
    fingers("touchMove", (-80, 0), (80, 0))
    fingers("touchEnd")
    expect(page.locator(".stage img")).not_to_have_attribute("style", before or "")  # two fingers bring it closer
    page.get_by_role("button", name="Box", exact=True).click()
    fingers("touchStart", (-60, -40))
    fingers("touchMove", (60, 40))
    fingers("touchEnd")
    expect(page.locator(".places li")).to_have_count(1)
    page.wait_for_selector(SAVED)
    page.wait_for_function("() => document.querySelector('.label-progress').innerText.includes('3 of 6')")
    accessible(page)


def test_classes_are_the_projects_own(console: Console, project: str, visit: Visitor) -> None:
    page = opened(visit, console, project)
    page.get_by_role("button", name="Edit the classes").click()
    window = page.get_by_role("dialog", name="Classes to label with")
    window.get_by_label("Name").first.fill("hail")
    window.get_by_label("Name").nth(1).fill("hail")
    window.get_by_role("button", name="Save").click()
    expect(window.get_by_role("alert")).to_contain_text("Two classes are called 'hail'")
    window.get_by_label("Name").nth(1).fill("rust")
    window.get_by_role("button", name="Save").click()
    expect(page.locator(".class-button").first).to_contain_text("hail")
    page.locator(".stage").focus()
    page.keyboard.press("1")
    page.wait_for_selector(SAVED)
    assert said(console, project)["kinds"] == ["hail"]
