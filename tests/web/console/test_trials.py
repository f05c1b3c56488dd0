"""The pages of trials in a browser: photos and a video tried, verified by keyboard, added, trained on, and tried again."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Locator, Page, expect
from sqlalchemy import select
from tests.web.console.conftest import Console, Visitor

from served import wait_for
from walkaround.datasets.drawn.clips import write_drawn_video
from walkaround.settings import Settings
from walkaround.store.opening import database_of
from walkaround.store.tables import Model, Project

TRAINING_MILLISECONDS = 180_000


@pytest.fixture(scope="module")
def tried(console: Console, car_pictures: list[Path]) -> str:
    """A project that can be trained, whose version 1 is that of `cars`; nobody hosts it."""
    name = "tried"
    console.make_project(name, train=car_pictures[:20], test=car_pictures[20:40])
    with database_of(Settings(data=console.served.data)).transaction() as session:
        package = session.scalars(select(Model.package).join(Project).where(Project.name == "cars", Model.version == 1)).one()
        project = session.scalars(select(Project).filter_by(name=name)).one()
        project.last_version = 1
        output = {"S3Location": {"Bucket": "walkaround-000000000000", "Prefix": ""}}
        session.add(Model(project_id=project.id, version=1, status="TRAINED", output=output, package=package))
    return name


@pytest.fixture(scope="module")
def film(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A video of two drawn cars."""
    path = tmp_path_factory.mktemp("film") / "yard.mp4"
    write_drawn_video(path, seed=4, scenes=2, seconds=1.5)
    return path


def begin(console: Console, project: str, name: str, pictures: list[Path], *, model: str = "1") -> None:
    files = [("files", (path.name, path.read_bytes(), "image/jpeg")) for path in pictures]
    path = f"/projects/{project}/trials/{name}"
    console.ok("POST", f"{path}/pictures?model={model}", files=files)
    wait_for(lambda: console.ok("GET", path)["status"] == "COMPLETE", what=path, seconds=90)


def looked_at(console: Console, project: str, name: str) -> Any:
    """A trial with a video that is complete; None before."""
    told = trial_of(console, project, name)
    return told if told["videos"] and told["status"] == "COMPLETE" else None


def trial_of(console: Console, project: str, name: str) -> Any:
    return console.ok("GET", f"/projects/{project}/trials/{name}")


@pytest.mark.parametrize("script", ["words", "queue", "batches", "fit_picture"])
def test_the_arithmetic_of_trials(console: Console, visit: Visitor, script: str) -> None:
    page = visit(f"{console.url}/nowhere")
    found = page.evaluate(
        f"""async () => {{
          const main = document.querySelector('script[type=module]').src;
          const module = await import(main.replace('main.js', 'pages/trial/{script}.js'));
          return ({CHECKS[script]})(module);
        }}"""
    )
    assert found == EXPECTED[script]


CHECKS = {
    "words": """m => [
        m.sureness(0.96), m.sureness(0.8), m.sureness(0.5), m.moment(65.44), m.moment(0.97),
        m.foundKinds({boxes: [{label: 'dent'}, {label: 'dent'}], areas: {scratch: 0.1}, anomalous: true, label: 'anomaly'}),
        m.listed(['glass_shatter', 'dent', 'scratch']), m.personName('user:ann'), m.personName('keyless'),
        m.freeName(['try-1'], 'try'), m.freeName([], 'a-version-2'), m.freeName(['a-version-2'], 'a-version-2'),
    ]""",
    "queue": """m => {
        const one = (picture, more = {}) => ({picture, verified: null, error: null, correct: null, added: false,
          findings: {anomalous: true}, quality: null, ...more});
        const broken = {error: 'no', findings: null};
        const all = [one('a', {verified: 'normal', correct: false}), one('b'), one('c', broken), one('d')];
        const said = m.withVerdict(all[1], {label: 'anomaly', kinds: ['dent']}, 'user:ann');
        return [m.nextOpen(all, null), m.nextOpen(all, 'b'), m.nextOpen(all, 'd'), m.nextOpen([all[0]], null),
          m.neighbour(all, 'd', 1), m.neighbour(all, 'd', -2),
          m.filtered(all, 'wrong').length, m.filtered(all, 'failed').length,
          m.counts(all), [said.correct, said.verified, said.verified_by, said.kinds],
          m.withVerdict(said, {label: null}, 'user:ann').verified_by];
    }""",
    "batches": """m => {
        const file = (name, size = 1, type = '') => ({name, size, type});
        const many = Array.from({length: 45}, (_, n) => file(`${n}.JPG`));
        const large = Array.from({length: 3}, (_, n) => file(`${n}.png`, 30e6));
        return [m.batches(many).map((group) => group.length), m.batches(large).length,
          m.batches([file('a.jpg'), file('v.MOV'), file('b.jpg'), file('p.zip')]).map((group) => group.map((one) => one.name)),
          m.kindOfFile(file('x', 1, 'video/mp4')), m.kindOfFile(file('notes.txt'))];
    }""",
    "fit_picture": "m => [m.fittingSize(8064, 6048), m.fittingSize(100, 50), m.fittingSize(20000, 10)]",
}
EXPECTED: dict[str, Any] = {
    "words": [
        *("sure", "fairly sure", "not sure", "1:05.4", "0:01.0", ["dent", "scratch"], "glass shatter, dent and scratch"),
        *("ann", "someone", "try-2", "a-version-2", "a-version-2-2"),
    ],
    "queue": [
        *("b", "d", "b", None, "d", "b", 1, 1),
        {"total": 3, "verified": 1, "right": 0, "wrong": 1, "waiting": 1, "failed": 1},
        [True, "anomaly", "user:ann", ["dent"]],
        None,
    ],
    "batches": [[20, 20, 5], 3, [["v.MOV"], ["p.zip"], ["a.jpg", "b.jpg"]], "video", "other"],
    "fit_picture": [[4096, 3072], [100, 50], [4096, 2]],
}


def test_the_loop_from_photos_to_the_next_version(
    console: Console, visit: Visitor, tried: str, car_pictures: list[Path], film: Path, accessible: Callable[[Page], None]
) -> None:
    page = visit(f"{console.url}/projects/{tried}/try")
    expect(page.get_by_text("need not be: the trial loads it by itself")).to_be_visible()
    accessible(page)
    bad = film.with_name("notes.jpg")
    bad.write_bytes(b"no picture")
    page.get_by_label("Choose files").set_input_files([*car_pictures[40:44], film, bad])
    expect(page).to_have_url(re.compile(r"/try/try-1"))
    expect(page.get_by_text("1 file was left out.")).to_be_visible()
    total = wait_for(lambda: looked_at(console, tried, "try-1"), what="all pictures looked at", seconds=120)["total"]
    assert total >= 6
    expect(page.get_by_text("The model is looking")).to_have_count(0)
    expect(page.get_by_text(f"0 of {total} verified")).to_be_visible()
    expect(page.get_by_text("says the model")).to_be_visible()
    accessible(page)
    for _ in range(total - 1):
        page.keyboard.press("y")
    page.keyboard.press("n")
    expect(page.get_by_text(f"{total} of {total} verified, the model was right in {total - 1} of {total}")).to_be_visible()
    page.keyboard.press("u")
    expect(page.get_by_text(f"{total - 1} of {total} verified")).to_be_visible()
    expect(page.get_by_text("Saving …")).to_have_count(0)
    assert trial_of(console, tried, "try-1")["verified"] == total - 1
    page.get_by_role("button", name=re.compile(r"Add \d+ verified")).click()
    dialog = page.get_by_role("dialog", name="Add verified pictures")
    dialog.get_by_role("button", name=re.compile(r"Add \d+ picture")).click()
    expect(dialog).to_have_count(0)
    assert trial_of(console, tried, "try-1")["added"] >= 4
    page.get_by_role("button", name="Train the next version").click()
    again = page.get_by_role("button", name="Try version 2 on the same pictures")
    expect(again).to_be_enabled(timeout=TRAINING_MILLISECONDS)
    again.click()
    expect(page).to_have_url(re.compile(r"/try/try-1-version-2"))
    expect(page.get_by_text(f"{total - 1} of {total} verified")).to_be_visible()
    expect(page.get_by_text("Version 2 is right in")).to_be_visible(timeout=90_000)
    accessible(page)


def correcting(page: Page) -> Locator:
    """The window in which the picture that is shown is corrected, with the picture there."""
    expect(page.get_by_text("says the model")).to_be_visible()
    page.get_by_role("button", name="Correct …").click()
    dialog = page.get_by_role("dialog", name="What is really there?")
    expect(dialog.locator(".stage.there")).to_be_visible()
    return dialog


def test_a_picture_is_corrected_with_kinds_and_a_box(
    console: Console, visit: Visitor, tried: str, car_pictures: list[Path]
) -> None:
    begin(console, tried, "corrected", car_pictures[44:46])
    page = visit(f"{console.url}/projects/{tried}/try/corrected")
    dialog = correcting(page)
    dialog.get_by_role("button", name="Damaged").click()
    dialog.get_by_role("button", name="scratch").click()
    dialog.get_by_role("button", name="Box", exact=True).click()
    box = dialog.locator(".stage").bounding_box()
    assert box is not None
    middle = (box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    page.mouse.move(middle[0] - 40, middle[1] - 30)
    page.mouse.down()
    page.mouse.move(middle[0] + 40, middle[1] + 30, steps=4)
    page.mouse.up()
    dialog.get_by_role("button", name="Save").click()
    told = wait_for(lambda: verified(console, tried, "corrected"), what="the verdict", seconds=30)
    assert (told[0]["verified"], told[0]["kinds"], told[0]["places"][0]["label"]) == ("anomaly", ["scratch"], "scratch")


def test_a_picture_is_corrected_without_a_pointer(
    console: Console, visit: Visitor, tried: str, car_pictures: list[Path], accessible: Callable[[Page], None]
) -> None:
    begin(console, tried, "by-keyboard", car_pictures[44:45])
    page = visit(f"{console.url}/projects/{tried}/try/by-keyboard")
    expect(page.get_by_text("says the model")).to_be_visible()
    page.keyboard.press("c")
    dialog = page.get_by_role("dialog", name="What is really there?")
    expect(dialog.locator(".stage.there")).to_be_focused()
    page.keyboard.press("n")
    expect(dialog.get_by_role("button", name="Whole", exact=True)).to_have_attribute("aria-pressed", "true")
    page.keyboard.press("Shift+B")  # damaged after all: a box in the middle
    expect(dialog.get_by_role("button", name="Damaged")).to_have_attribute("aria-pressed", "true")
    places = dialog.get_by_label("Drawn").get_by_role("listitem")
    expect(places).to_have_count(1)
    before = places.inner_text()
    for key in ("7", "ArrowRight", "Shift+ArrowDown", "Alt+Shift+ArrowRight"):
        page.keyboard.press(key)
    expect(places).to_contain_text("scratch")
    expect(places).not_to_have_text(before)
    accessible(page)
    page.keyboard.press("Escape")  # lets the box go, and leaves the window open
    page.keyboard.press("6")  # and names a damage type of the whole picture
    page.keyboard.press("?")
    expect(page.get_by_role("dialog", name="Keys")).to_contain_text("a box in the middle, for the arrows to move")
    page.keyboard.press("Escape")
    expect(page.get_by_role("dialog")).to_have_count(1)
    dialog.get_by_role("button", name="Save").focus()
    page.keyboard.press("Enter")
    (told,) = wait_for(lambda: verified(console, tried, "by-keyboard"), what="the verdict", seconds=30)
    (place,) = told["places"]
    assert (told["verified"], told["kinds"], place["label"]) == ("anomaly", ["smash"], "scratch")
    left, top, right, bottom = place["box"]
    height = told["findings"]["height"]
    assert right - left > bottom - top + 9, "made wider by ten pixels"
    assert (top + bottom) / 2 == pytest.approx(height / 2 + 10, abs=1), "moved down by ten pixels"
    page.keyboard.press("c")
    expect(dialog.locator(".stage.there")).to_be_focused()
    page.keyboard.press("o")
    page.keyboard.press("Delete")
    expect(places).to_have_count(0)
    page.keyboard.press("Escape")  # nothing is held: the window would close
    asking = page.get_by_role("dialog", name="Close without saving?")
    expect(asking.get_by_role("button", name="Cancel")).to_be_focused()
    page.keyboard.press("Escape")
    expect(asking).to_have_count(0)
    expect(dialog).to_have_count(1)
    page.keyboard.press("Escape")
    asking.get_by_role("button", name="Close").last.press("Enter")
    expect(dialog).to_have_count(0)
    assert verified(console, tried, "by-keyboard")[0]["places"] == told["places"]


def test_a_box_is_drawn_and_stretched_by_touch(
    console: Console, visit: Visitor, tried: str, car_pictures: list[Path], accessible: Callable[[Page], None]
) -> None:
    begin(console, tried, "by-finger", car_pictures[44:45])
    page = visit(f"{console.url}/projects/{tried}/try/by-finger", width=390, height=844)
    dialog = correcting(page)
    dialog.get_by_role("button", name="Damaged").click()
    dialog.get_by_role("button", name="Box", exact=True).click()
    stage: Any = dialog.locator(".stage").bounding_box()
    middle = (stage["x"] + stage["width"] / 2, stage["y"] + stage["height"] / 2)
    touch = page.context.new_cdp_session(page)

    def finger(*way: tuple[float, float]) -> None:
        for number, (x, y) in enumerate(way):
            kind = "touchMove" if number else "touchStart"
            touch.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": [{"x": x, "y": y, "id": 0}]})
        touch.send("Input.dispatchTouchEvent", {"type": "touchEnd", "touchPoints": []})

    finger((middle[0] - 60, middle[1] - 40), middle, (middle[0] + 60, middle[1] + 40))
    places = dialog.get_by_label("Drawn").get_by_role("listitem")
    expect(places).to_have_count(1)
    before = places.inner_text()
    handle: Any = dialog.locator(".handle.se rect").bounding_box()
    corner = (handle["x"] + 5, handle["y"] + 5)
    finger(corner, (corner[0] + 10, corner[1] + 5), (corner[0] + 25, corner[1] + 15))
    expect(places).not_to_have_text(before)
    accessible(page)
    assert page.evaluate("document.querySelector('dialog').scrollWidth <= document.querySelector('dialog').clientWidth")
    dialog.get_by_role("button", name="Save").click()
    (told,) = wait_for(lambda: verified(console, tried, "by-finger"), what="the verdict", seconds=30)
    left, top, right, bottom = told["places"][0]["box"]
    assert (right - left) / (bottom - top) == pytest.approx(145 / 95, abs=0.1)


def verified(console: Console, project: str, trial: str) -> list[Any]:
    found: list[Any] = console.ok("GET", f"/projects/{project}/trials/{trial}/pictures?show=verified")["pictures"]
    return found


def test_a_phone_verifies_by_touch(
    console: Console, visit: Visitor, tried: str, car_pictures: list[Path], accessible: Callable[[Page], None]
) -> None:
    begin(console, tried, "phone", car_pictures[44:47])
    page = visit(f"{console.url}/projects/{tried}/try/phone", width=375, height=700, dark=True)
    right = page.get_by_role("button", name="Right")
    expect(right).to_be_in_viewport()
    size = right.bounding_box()
    assert size is not None
    assert min(size["width"], size["height"]) >= 44
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    right.click()
    expect(page.get_by_text("1 of 3 verified")).to_be_visible()
    accessible(page)
    page.get_by_text("All", exact=True).click()
    expect(page.locator(".tile")).to_have_count(3)
    accessible(page)
    camera = page.get_by_label("Take a photo")
    assert (camera.get_attribute("capture"), camera.get_attribute("accept")) == ("environment", "image/*")
    camera.set_input_files(car_pictures[47])
    expect(page.get_by_text("1 of 4 verified")).to_be_visible(timeout=60_000)


def test_trials_are_listed_and_deleted(console: Console, visit: Visitor, tried: str, car_pictures: list[Path]) -> None:
    begin(console, tried, "unwanted", car_pictures[44:45])
    page = visit(f"{console.url}/projects/{tried}/try")
    page.get_by_role("button", name="Delete unwanted").click()
    page.get_by_role("dialog").get_by_role("button", name="Delete").click()
    expect(page.get_by_role("link", name="unwanted", exact=True)).to_have_count(0)


def test_without_a_model_the_page_leads_to_the_training(console: Console, visit: Visitor, project: str) -> None:
    page = visit(f"{console.url}/projects/{project}/try")
    expect(page.get_by_role("heading", name="There is no trained model yet")).to_be_visible()
    page.get_by_role("link", name="Go to training").click()
    expect(page).to_have_url(re.compile(r"/train$"))
