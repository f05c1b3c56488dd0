"""Watches in the browser: made by a form, paused, their dead letters tried again and forgotten, deleted."""

from __future__ import annotations

import re
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Page, expect
from tests.web.console.conftest import Console, Visitor

from served import wait_for


@pytest.fixture(scope="module")
def yard(console: Console, car_pictures: list[Path]) -> Path:
    """A bucket with one good picture, and two files that are none."""
    folder = console.served.data / "buckets" / "yard"
    folder.mkdir(parents=True)
    shutil.copyfile(car_pictures[0], folder / "good.jpg")
    for name in ("broken.jpg", "other.jpg"):
        (folder / name).write_text("no picture")
    (folder / "link.jpg").symlink_to(car_pictures[0])
    return folder


def card(page: Page, name: str) -> Any:
    return page.get_by_role("region", name=name, exact=True)


def test_a_watch_is_made_by_a_form_and_its_dead_letters_are_seen_to(
    console: Console, visit: Visitor, yard: Path, car_pictures: list[Path], accessible: Callable[[Page], None]
) -> None:
    page = visit(f"{console.url}/watches")
    page.get_by_role("button", name=re.compile("New watch|Make a watch")).first.click()
    form = page.get_by_role("dialog")
    expect(form.get_by_label("Name")).to_be_focused()
    form.get_by_role("button", name="Make the watch").click()
    expect(form.get_by_text("3 to 63 letters")).to_be_visible()
    expect(form.get_by_text("Choose a model")).to_have_count(2)
    form.get_by_label("Name").fill("yard")
    form.get_by_label("Address").fill("s3://yard/")
    form.get_by_label("Model").select_option("cars/1")
    form.get_by_role("button", name="Requests to a URL").click()
    form.get_by_label("URL").fill("https://elsewhere.example/hook")
    accessible(page)
    form.get_by_role("button", name="Make the watch").click()
    expect(form.get_by_text("webhook_hosts")).to_have_count(2)  # the hint, and the server's refusal
    form.get_by_role("button", name="Take this away").click()
    form.get_by_role("button", name="Make the watch").click()
    expect(form).to_have_count(0)
    expect(card(page, "yard").get_by_text("s3://yard/")).to_be_visible()
    letters = card(page, "yard").get_by_role("button", name="2 dead letters")
    letters.wait_for(timeout=60_000)
    expect(card(page, "yard").get_by_text("needs a look")).to_be_visible()
    passed_over = "1 name is passed over: 'link.jpg' is a link out of the folder."
    expect(card(page, "yard").get_by_text(passed_over)).to_be_visible(timeout=60_000)
    letters.click()
    expect(page).to_have_url(re.compile("watch=yard"))
    row = card(page, "yard").get_by_role("row", name=re.compile("broken.jpg"))
    expect(row.get_by_text("neither a picture nor a video")).to_be_visible()
    accessible(page)
    # What was put there in the place of the broken one is told of by itself; the old letter can be forgotten.
    row.get_by_role("checkbox").check()
    card(page, "yard").get_by_role("button", name="Forget selected").click()
    page.get_by_role("dialog").get_by_role("button", name="Forget", exact=True).click()
    expect(row).to_have_count(0)
    card(page, "yard").get_by_role("button", name="Try all 1 again").click()
    expect(page.get_by_text("1 letter tried once more.")).to_be_visible()
    card(page, "yard").get_by_role("button", name="1 dead letter").wait_for(timeout=60_000)  # it fails again
    card(page, "yard").get_by_role("button", name="Pause").click()
    expect(card(page, "yard").get_by_role("button", name="Go on")).to_be_visible()
    assert console.ok("GET", "/watches/yard")["spec"]["paused"] is True
    found = wait_for(
        lambda: console.ok("GET", "/results?watch=yard")["results"] or None, what="the good picture's result", seconds=60
    )
    assert [one["source"] for one in found] == ["s3://yard/good.jpg"]
    card(page, "yard").get_by_role("link", name="Its results").click()
    expect(page.locator("table.results tbody tr")).to_have_count(1)
    page.go_back()
    card(page, "yard").get_by_role("button", name="Delete").click()
    page.get_by_role("dialog").get_by_role("button", name="Delete").click()
    expect(card(page, "yard")).to_have_count(0)


def test_a_watch_is_changed_by_the_same_form_and_keeps_what_it_does_not_show(console: Console, visit: Visitor) -> None:
    spec = {"name": "changed", "source": "events", "rules": [{"model": "cars/1"}], "paused": True}
    frames = {"kind": "captured", "every": 3, "at_most": 7, "width": 640, "height": 480, "bucket": None}
    console.ok("PUT", "/watches/changed", json={**spec, "frames": frames})
    page = visit(f"{console.url}/watches", width=375)
    card(page, "changed").get_by_role("button", name="Change").click()
    form = page.get_by_role("dialog")
    expect(form.get_by_label("Name")).to_be_disabled()
    form.get_by_text("More", exact=True).click()
    form.get_by_label("Every … seconds").fill("4")
    form.get_by_label("Keep results for").fill("30")
    form.get_by_role("button", name="Save").click()
    expect(form).to_have_count(0)
    told = console.ok("GET", "/watches/changed")["spec"]
    assert (told["frames"]["every"], told["frames"]["width"], told["keep_days"], told["paused"]) == (4, 640, 30, True)
    assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth")
    console.ok("DELETE", "/watches/changed")
