"""Several people in the same project, each signed in: two who label at once, and one who may only look."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Page, Response, expect
from tests.web.console.conftest import Console, Visitor

from made_models import BOX_PART, made_package
from served import Served, wait_for

PASSWORD = "correct horse battery"  # noqa: S105 - of users who are made here
ROLES = {"ann": "manage", "ben": "manage", "eve": "read"}
PROJECT = "shared-cars"
SAVED, CONFLICT, SHOWN = "[data-state=saved]", "[data-state=conflict]", ".stage.there"
FORBIDDEN = 403
Inside = Callable[..., Page]


@pytest.fixture(scope="module")
def console(tmp_path_factory: pytest.TempPathFactory, car_pictures: list[Path]) -> Iterator[Console]:
    """A server with three users, and a project with a hosted model, drafts, a trial, and a picture that was sent back."""
    folder = tmp_path_factory.mktemp("people")
    served = Served(folder=folder)
    for name, role in ROLES.items():
        command = [sys.executable, "-m", "walkaround", "users", "make", name, "--role", role, "--data", str(served.data)]
        subprocess.run(command, input=f"{PASSWORD}\n", text=True, check=True, capture_output=True)
    served.start()
    found = Console(served)
    try:
        package = made_package(folder / "package", damage=0.8, boxes=BOX_PART)
        served.walkaround("import", str(package.path), PROJECT)
        found.ok("POST", f"/projects/{PROJECT}/datasets", json={"kind": "train"})
        add(found, PROJECT, car_pictures[:8])
        found.wait(found.ok("POST", f"/projects/{PROJECT}/models/1/start", json={})["job"])
        found.wait(found.ok("POST", f"/projects/{PROJECT}/datasets/train/drafts", json={})["job"])
        files = [("files", (path.name, path.read_bytes(), "image/jpeg")) for path in car_pictures[8:11]]
        found.wait(found.ok("POST", f"/projects/{PROJECT}/trials/looked-at/pictures?model=1", files=files)["job"])
        yield found
    finally:
        found.close()
        code = served.stop()
    assert code == 0, served.log.read_text()[-4000:]


def add(console: Console, project: str, pictures: list[Path]) -> None:
    files = [("files", (path.name, path.read_bytes(), "image/jpeg")) for path in pictures]
    console.wait(console.ok("POST", f"/projects/{project}/datasets/train/pictures", files=files)["job"])


@pytest.fixture
def inside(console: Console, visit: Visitor) -> Inside:
    """Open a page as somebody who signs in."""

    def open_page(name: str, path: str, **shown: Any) -> Page:
        page = visit(f"{console.url}/sign-in?next={path}", **shown)
        page.get_by_label("Name").fill(name)
        page.get_by_label("Password").fill(PASSWORD)
        page.get_by_role("button", name="Sign in").click()
        expect(page.get_by_text(f"Signed in as {name}")).to_be_attached()
        return page

    return open_page


@pytest.fixture
def shared(console: Console, car_pictures: list[Path], request: pytest.FixtureRequest) -> str:
    """A project of the test's own with six pictures that nobody has labelled."""
    name = re.sub(r"[^a-zA-Z0-9]+", "-", request.node.name).strip("-")[:80]
    console.ok("POST", "/projects", json={"name": name})
    console.ok("POST", f"/projects/{name}/datasets", json={"kind": "train"})
    add(console, name, car_pictures[:6])
    return name


def labels(console: Console, project: str) -> dict[str, tuple[str | None, str | None]]:
    """What the server has: of each picture, by its name, the label and who gave it."""
    base = f"/projects/{project}/datasets/train"
    entries = console.ok("GET", f"{base}/entries")["entries"]
    told = {one["name"]: console.ok("GET", f"{base}/labelling", params={"picture": one["picture"]}) for one in entries}
    return {name: (one["label"], one["labelled_by"]) for name, one in told.items()}


def shown(page: Page) -> str:
    page.wait_for_selector(SHOWN)
    return page.locator(".going .file").inner_text()


def test_two_who_label_at_once_share_the_pictures(console: Console, inside: Inside, shared: str) -> None:
    ann, ben = (inside(name, f"/projects/{shared}/label") for name in ("ann", "ben"))
    first = shown(ann)
    assert shown(ben) == first, "both begin where nobody has begun"
    ann.keyboard.press("n")
    expect(ann.locator(".going .file")).not_to_have_text(first)
    second = shown(ann)
    ann.keyboard.press("a")
    expect(ann.locator(".going .file")).not_to_have_text(second)
    third = shown(ann)
    wait_for(lambda: labels(console, shared)[second][0], what="ann's second label", seconds=60)
    ben.keyboard.press(".")  # what ann has labelled meanwhile is not given to him
    expect(ben.locator(".going .file")).to_have_text(third)
    ben.keyboard.press("a")
    expect(ben.locator(".going .file")).not_to_have_text(third)
    wait_for(lambda: labels(console, shared)[third][0], what="ben's label", seconds=60)
    ben.goto(f"{console.url}/projects/{shared}/label?show=labelled")
    expect(ben.get_by_text("Labelled by ann")).to_be_visible()
    expect(ben.get_by_text("3 of 6 labelled")).to_be_visible()
    told = labels(console, shared)
    assert {name: told[name] for name in (first, second, third)} == {
        first: ("normal", "user:ann"),
        second: ("anomaly", "user:ann"),
        third: ("anomaly", "user:ben"),
    }


def test_of_two_who_label_the_same_picture_the_slower_is_told(
    console: Console, inside: Inside, shared: str, accessible: Callable[[Page], None]
) -> None:
    ann, ben = (inside(name, f"/projects/{shared}/label") for name in ("ann", "ben"))
    same = shown(ann)
    assert shown(ben) == same
    ann.keyboard.press("n")
    wait_for(lambda: labels(console, shared)[same] == ("normal", "user:ann"), what="ann's label", seconds=60)
    ben.keyboard.press("a")
    expect(ben.locator(".going .file")).not_to_have_text(same)
    ben.get_by_role("button", name="1 other not saved").click()
    expect(ben.locator(".going .file")).to_have_text(same)
    expect(ben.locator(CONFLICT)).to_have_text("Somebody else labelled this picture")
    assert labels(console, shared)[same] == ("normal", "user:ann"), "ann's word is not written over"
    ben.get_by_role("button", name="Decide").click()
    window = ben.get_by_role("dialog", name="Two people labelled this picture")
    expect(window.get_by_role("region", name="Yours")).to_contain_text("damaged")
    expect(window.get_by_role("region", name="Of ann")).to_contain_text("whole")
    accessible(ben)
    window.get_by_role("button", name="Keep mine").click()
    ben.wait_for_selector(SAVED)
    assert labels(console, shared)[same] == ("anomaly", "user:ben")
    ben.keyboard.press("Control+z")  # what was not kept can be had back
    wait_for(lambda: labels(console, shared)[same][0] == "normal", what="ann's label again", seconds=60)


def watched(page: Page) -> list[str]:
    """The requests that are refused for want of a role, as they come."""
    refused: list[str] = []

    def note(response: Response) -> None:
        if response.status == FORBIDDEN:
            refused.append(f"{response.request.method} {response.url}")

    page.on("response", note)
    return refused


def settled(page: Page) -> None:
    """Return when what was pressed has been shown, and all that it asked for is there."""
    page.evaluate("() => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))")
    page.wait_for_load_state("networkidle")
    expect(page.locator("main [aria-busy=true]")).to_have_count(0)


READER = {
    "gallery": ("dataset", "You may look at the pictures. To add, label or take out any, your role has to be “manage”."),
    "label": ("label?show=all", "You may look at the labels; to change them your role has to be “manage”."),
    "review": ("review?show=labelled", "You may look; to review, your role has to be “manage”."),
    "train": ("train", "You may look. To train, your role has to be “manage”."),
    "try": ("try", "You may look at trials. To begin one, your role has to be “manage”."),
    "trial": ("try/looked-at", "You may look. To verify, your role has to be “manage”."),
}
KEYS = ["Enter", "y", "n", "a", "c", "u", "g", "b", "Shift+b", "1", "Delete", "Backspace", "Control+z", "s", "Space"]


@pytest.fixture(scope="module")
def sent_back(console: Console) -> str:
    """The name of a labelled picture that a reviewer sent back, in the project that everybody looks at."""
    base = f"/projects/{PROJECT}/datasets/train"
    one = console.ok("GET", f"{base}/entries")["entries"][0]
    params = {"picture": one["picture"]}
    console.ok("PUT", f"{base}/labelling", params=params, json={"label": "anomaly", "kinds": ["smash"]})
    reviewer = Console(console.served, console.served.make_key("manage"))  # nobody reviews their own labels
    reviewer.ok("POST", f"{base}/review", params=params, json={"verdict": "sent_back", "note": "Only dirt"})
    reviewer.close()
    return str(one["name"])


@pytest.mark.parametrize("name", READER)
def test_who_may_only_look_finds_no_button_that_is_refused(
    console: Console, inside: Inside, sent_back: str, name: str, accessible: Callable[[Page], None]
) -> None:
    place, why = READER[name]
    before = labels(console, PROJECT)
    page = inside("eve", f"/projects/{PROJECT}/{place}")
    refused = watched(page)
    expect(page.get_by_text(why)).to_be_visible()
    accessible(page)
    page.wait_for_load_state("networkidle")
    buttons = page.locator("main button:enabled")
    for number in range(buttons.count()):
        if number < buttons.count() and buttons.nth(number).is_visible():
            told = buttons.nth(number).inner_text() or buttons.nth(number).get_attribute("aria-label")
            buttons.nth(number).click()
            settled(page)
            assert refused == [], f"after {told!r}"
            page.keyboard.press("Escape")
            expect(page.locator("dialog[open]")).to_have_count(0)
    page.goto(f"{console.url}/projects/{PROJECT}/{place}")
    expect(page.get_by_text(why)).to_be_visible()
    page.wait_for_load_state("networkidle")
    for key in KEYS:
        page.keyboard.press(key)
        settled(page)
        page.keyboard.press("Escape")
    assert refused == []
    assert labels(console, PROJECT) == before


def test_who_may_only_look_sees_drafts_labels_and_why_one_was_sent_back(
    console: Console, inside: Inside, sent_back: str
) -> None:
    page = inside("eve", f"/projects/{PROJECT}/label")
    page.wait_for_selector(SHOWN)
    expect(page.get_by_role("heading", name="Draft of model 1")).to_be_visible()
    for name in ("Accept", "Reject", "Ask model 1", "A box in the middle", "Draft all unlabelled pictures"):
        expect(page.get_by_role("button", name=name)).to_have_count(0)
    page.goto(f"{console.url}/projects/{PROJECT}/label?show=sent_back")
    expect(page.get_by_text("Only dirt")).to_be_visible()
    expect(page.get_by_role("button", name="It is right as it is")).to_have_count(0)
    page.goto(f"{console.url}/projects/{PROJECT}/dataset")
    page.get_by_role("gridcell").first.click()
    window = page.get_by_role("dialog")
    expect(window.get_by_role("link", name="See what is drawn")).to_be_visible()
    expect(window.get_by_role("button", name="Damaged")).to_have_count(0)
    expect(page.get_by_role("checkbox")).to_have_count(0)
