"""The whole story in a browser on real photos: sign up, upload, check, label, train, host, try, verify, train again."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect
from tests.web.console.conftest import Visitor

from served import Served

PHOTOS = Path(__file__).parents[4] / "shared" / "data" / "car-damage"
PASSWORD = "correct horse battery staple"  # noqa: S105 - of a server that lasts as long as the test
MINUTES = 60_000
SAVED = "[data-state=saved]"
LEARNT, TESTED, NEW = slice(0, 130, 5), slice(200, 270, 5), slice(400, 412, 4)
"""Pictures of each class to learn from, to test on and to try, by their place in the folder: few of a kind near each other."""


@pytest.fixture
def served(tmp_path: Path) -> Iterator[Served]:
    """A server on which nobody was before."""
    own = Served(folder=tmp_path)
    own.start()
    yield own
    assert own.stop() == 0, own.log.read_text()[-4000:]


@pytest.mark.photos
@pytest.mark.skipif(not PHOTOS.is_dir(), reason="needs real pictures: ../shared/data/car-damage")
def test_from_the_first_photo_to_the_verified_model(served: Served, visit: Visitor) -> None:
    page = signed_up(served, visit)
    page.get_by_label("Name of the project").fill("fleet")
    page.get_by_role("button", name="Make it and add photos").click()
    for dataset, which, each in (("Training", LEARNT, 26), ("Test", TESTED, 14)):
        page.get_by_role("group", name="Dataset").get_by_text(dataset).click()
        upload(page, photos("normal", which), "whole", total=each)
        upload(page, photos("anomaly", which), "damaged", total=2 * each)

    page.get_by_role("link", name="Check", exact=True).first.click()
    page.get_by_role("button", name="Check now").click()
    expect(page.get_by_role("button", name="Check again")).to_be_visible(timeout=3 * MINUTES)

    labelled(page)
    trained(page, 1)
    page.goto(f"{served.url}/console/projects/fleet/models/1")
    slider = page.get_by_role("slider", name="Threshold")
    slider.focus()
    before = slider.get_attribute("aria-valuetext")
    for _ in range(12):
        page.keyboard.press("ArrowLeft")
    expect(slider).not_to_have_attribute("aria-valuetext", before or "")

    page.get_by_role("link", name="Models", exact=True).click()
    page.get_by_role("button", name="Start", exact=True).click()
    page.get_by_role("dialog").get_by_role("button", name="Start", exact=True).click()
    expect(page.get_by_text("hosted", exact=True)).to_be_visible(timeout=3 * MINUTES)

    page.get_by_role("link", name="Try", exact=True).click()
    page.get_by_label("Choose files").set_input_files([*photos("normal", NEW), *photos("anomaly", NEW)])
    expect(page.get_by_text("0 of 6 verified")).to_be_visible(timeout=2 * MINUTES)
    served.kill()  # in the middle of it
    served.start()
    expect(page.get_by_text("says the model")).to_be_visible(timeout=2 * MINUTES)
    for number in range(1, 7):
        page.keyboard.press("y")
        expect(page.get_by_text(f"{number} of 6 verified")).to_be_visible()
    page.get_by_role("button", name=re.compile(r"Add \d+ verified")).click()
    dialog = page.get_by_role("dialog", name="Add verified pictures")
    dialog.get_by_role("button", name=re.compile(r"Add \d+ picture")).click()
    expect(dialog).to_have_count(0)
    page.get_by_role("button", name="Train the next version").click()
    again = page.get_by_role("button", name="Try version 2 on the same pictures")
    expect(again).to_be_enabled(timeout=5 * MINUTES)


def signed_up(served: Served, visit: Visitor) -> Page:
    """The welcome page of the first user."""
    link = re.search(r"Open (\S+) to make the first user", served.log.read_text())
    assert link is not None
    page = visit(link[1])
    page.get_by_label("Your name").fill("Ann")
    page.get_by_label("Password", exact=True).fill(PASSWORD)
    page.get_by_role("button", name="Begin").click()
    expect(page.get_by_role("heading", name="Welcome")).to_be_visible()
    return page


def photos(label: str, which: slice) -> list[Path]:
    return sorted((PHOTOS / label).iterdir())[which]


def upload(page: Page, files: list[Path], label: str, *, total: int) -> None:
    """Add labelled pictures on the page of a dataset, and wait until there are so many in all."""
    window = page.get_by_role("dialog")
    page.get_by_role("button", name="Add pictures").click()
    window.get_by_label("Pictures or a zip").set_input_files(files)
    window.get_by_role("group", name="Label of the pictures").get_by_text(label).click()
    window.get_by_role("button", name="Add them").click()
    expect(page.get_by_role("button", name=f"All {total}")).to_be_visible(timeout=2 * MINUTES)


def labelled(page: Page) -> None:
    """Draw a box on the first picture: it is damaged after all."""
    page.get_by_role("link", name="Label", exact=True).click()
    page.get_by_role("button", name="Show all").click()
    stage = page.locator(".stage.there")
    stage.wait_for()
    page.wait_for_selector(SAVED)
    page.keyboard.press("b")
    page.keyboard.press("7")
    box = stage.bounding_box()
    assert box is not None
    page.mouse.move(box["x"] + 0.3 * box["width"], box["y"] + 0.4 * box["height"])
    page.mouse.down()
    page.mouse.move(box["x"] + 0.5 * box["width"], box["y"] + 0.6 * box["height"], steps=4)
    page.mouse.up()
    expect(page.locator(".places li")).to_have_count(1)
    page.wait_for_selector(SAVED)
    page.keyboard.press("Control+z")
    expect(page.locator(".places li")).to_have_count(0)
    page.wait_for_selector(SAVED)


def trained(page: Page, version: int) -> None:
    """Train, and wait for the end."""
    page.get_by_role("link", name="Train", exact=True).click()
    page.get_by_role("button", name=f"Train version {version}").click()
    expect(page.get_by_text("The model is trained")).to_be_visible(timeout=5 * MINUTES)
